"""`check_estimator`: the promises of whatever is fitted, asked and saved."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from segue.dataset import Dataset
from segue.testing import answering, learning, refusing
from segue.testing.report import CheckError, Recorder, Report
from segue.testing.subject import DoesNotApplyError, Subject
from segue.testing.tasks import TASKS, task_of

Check = Callable[[Subject, Recorder], None]

# What is checked in this order, and which promises each check is about.
CHECKS: tuple[tuple[Check, tuple[str, ...]], ...] = (
    (learning.check_clone, ("clone", "parameters")),
    (refusing.check_not_fitted, ("asks to be fitted",)),
    (answering.check_padding, ("padding",)),
    (answering.check_asking, ("asking changes nothing",)),
    (answering.check_probabilities, ("probabilities",)),
    (answering.check_decisions, ("decisions",)),
    (answering.check_score, ("score",)),
    (answering.check_stream, ("stream", "refuses to stream")),
    (answering.check_anytime, ("anytime",)),
    (answering.check_embed, ("embed",)),
    (learning.check_seed, ("same seed, same bits",)),
    (learning.check_other_seed, ("another seed, other bits",)),
    (learning.check_randomness, ("no hidden randomness",)),
    (learning.check_input, ("input stays as it is",)),
    (learning.check_pair, ("X and y as in a data set",)),
    (learning.check_test_part, ("the test part is not looked at",)),
    (learning.check_validation_part, ("preparation of training data only",)),
    (learning.check_baseline, ("baseline",)),
    (learning.check_groups, ("groups stay on one side",)),
    (learning.check_resume, ("stopped is not lost",)),
    (answering.check_copy, ("copies",)),
    (answering.check_file, ("save and load",)),
    (refusing.check_questions, ("clear errors",)),
    (refusing.check_fits, ("clear errors of fit",)),
    (refusing.check_arguments, ("arguments",)),
    (refusing.check_failed_fit, ("a failed fit changes nothing",)),
)
PROMISES = tuple(promise for _, promises in CHECKS for promise in promises)


def check_estimator(
    estimator: Any, data: Dataset | None = None, *, task: str | None = None
) -> Report:
    """Run every promise that applies, on any estimator, your own too.

    Of the answers: they do not depend on batch mates, their order and number, or on padding; asking
    changes nothing; `predict`, `predict_proba` and `score` agree; a stream, `anytime` and `embed`
    give what the whole gives. Of `fit`: the same seed gives the same bits, and another seed others;
    nothing global is drawn from; X, y and the parameters stay as they are; a test part changes
    nothing, and a validation part nothing that is fitted beside the weights; groups, and the steps
    of series, stay on one side; a training that is killed goes on to the same bits. Copies and
    files answer with the same bits. Mistakes get an error that says what is wrong. Parameters go
    round, also through scikit-learn's `clone`.

    What an estimator does not have (a `stream`, a `save`) is not asked for: the report says so.

    Args:
        estimator: not fitted; it is cloned for each check. Few epochs and small layers are enough.
            One without `fit`, such as a `SequenceEnsemble`, is asked as it is. One of your own
            needs `fit(X, y)` with X a list of `[time, channel]` arrays, and `predict(X)`; if it
            says of which `tasks` it takes data sets, it is given those.
        data: sequences without parts; tiny ones if left out.
        task: "classify", "multilabel" (several labels at once), "label" (each step), "regress",
            "forecast" or "language" (the next word); found from the data and the estimator if left
            out.

    Returns:
        A `Report` with the largest difference of each promise, and which did not apply, and why.

    Raises:
        CheckError: a promise is broken.
    """
    kind = task_of(estimator, data) if task is None else TASKS[task]
    subject = Subject(estimator, kind, kind.data(estimator) if data is None else data)
    recorder = Recorder(repr(estimator))
    with warnings.catch_warnings():
        # A handful of epochs is enough here; whether a forecast is any good is not the question.
        warnings.filterwarnings("ignore", "The forecast is not clearly better", UserWarning)
        for check, promises in CHECKS:
            _run(check, promises, subject, recorder)
    return recorder.report()


def _run(check: Check, promises: tuple[str, ...], subject: Subject, recorder: Recorder) -> None:
    try:
        check(subject, recorder)
    except DoesNotApplyError as reason:
        for promise in promises:
            recorder.skip(promise, str(reason))
    except CheckError:
        raise
    except Exception as error:
        text = f"It raises {type(error).__name__}: {error}"
        raise CheckError(recorder.message(promises[0], text)) from error
    recorder.require_looked_at(promises)
