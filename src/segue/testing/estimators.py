"""`check_estimator`: the table of checks of estimators, of segue and of others."""

from __future__ import annotations

import warnings
from typing import Any

from segue.data.dataset import Dataset
from segue.testing import error_checks, fit_checks, predict_checks
from segue.testing.report import Check, Recorder, Report, run_checks
from segue.testing.subject import TASKS, EstimatorSubject, task_of

_FIT, _DATA_SETS, _SEGUE = ("fit",), ("fit", "data sets"), ("fit", "segue")
_SEED = ("fit", "seed", "get_params")

# In this order: the contracts, the function that checks them, what the estimator must have for it.
CHECKS = (
    Check(("clone", "parameters"), fit_checks.check_clone, ("get_params", "fit")),
    Check(("refuses before fit",), error_checks.check_not_fitted, _FIT),
    Check(("padding",), predict_checks.check_padding),
    Check(("predicting changes nothing",), predict_checks.check_prediction),
    Check(("probabilities",), predict_checks.check_probabilities, ("predict_proba",)),
    Check(("decisions",), predict_checks.check_decisions, ("predict_proba",)),
    Check(("score",), predict_checks.check_score, ("score",)),
    Check(("stream", "refuses to stream"), predict_checks.check_stream, ("numbers",)),
    Check(("anytime",), predict_checks.check_anytime, ("anytime", "numbers")),
    Check(("embed",), predict_checks.check_embed, ("embed",)),
    Check(("same seed, same bits",), fit_checks.check_seed, _FIT),
    Check(("another seed, other bits",), fit_checks.check_other_seed, _SEED),
    Check(("no hidden randomness",), fit_checks.check_randomness),
    Check(("input stays as it is",), fit_checks.check_input, _FIT),
    Check(("X and y as in a data set",), fit_checks.check_pair, _DATA_SETS),
    Check(("the test part is not looked at",), fit_checks.check_test_part, _DATA_SETS),
    Check(
        ("preparation of training data only",),
        fit_checks.check_validation_part,
        (*_DATA_SETS, "one fit"),
    ),
    Check(("baseline",), fit_checks.check_baseline, (*_DATA_SETS, "one fit")),
    Check(("groups stay on one side",), fit_checks.check_groups, _SEGUE),
    Check(("resumes to the same bits",), fit_checks.check_resume, _SEGUE),
    Check(("copies",), predict_checks.check_copy),
    Check(("save and load",), predict_checks.check_file, ("save",)),
    Check(("clear errors",), error_checks.check_sequences),
    Check(("clear errors of fit",), error_checks.check_targets, _FIT),
    Check(("arguments",), error_checks.check_arguments, _DATA_SETS),
    Check(("a failed fit changes nothing",), error_checks.check_failed_fit, _DATA_SETS),
)
PROMISES = tuple(promise for check in CHECKS for promise in check.promises)


def check_estimator(
    estimator: Any, data: Dataset | None = None, *, task: str | None = None
) -> Report:
    """Check every contract that applies, on any estimator, your own too.

    Predictions: they do not depend on batch mates, their order and number, or on padding;
    predicting changes nothing; `predict`, `predict_proba` and `score` agree; a stream, `anytime`
    and `embed` give what the whole gives. `fit`: the same seed gives the same bits, and another
    seed others; nothing global is drawn from; X, y and the parameters stay as they are; a test part
    changes nothing, and a validation part nothing that is fitted beside the weights; groups, and
    the steps of series, stay on one side; a training that is killed goes on to the same bits.
    Copies and files predict the same bits. Mistakes get an error that names what is wrong.
    Parameters go round, also through scikit-learn's `clone`.

    What an estimator does not have (a `stream`, a `save`) is passed over, with a reason.

    Args:
        estimator: not fitted; it is cloned for each check. Few epochs and small layers are enough.
            One without `fit`, such as a `SequenceEnsemble`, is checked as it is. One of your own
            needs `fit(X, y)` with X a list of `[time, channel]` arrays, and `predict(X)`; if it has
            `tasks`, those of the data sets that it takes, it is given data sets.
        data: sequences without parts; tiny ones if left out.
        task: "classify", "multilabel" (several labels at once), "label" (each step), "regress",
            "forecast" or "language" (the next word); by the data and the estimator if left out.

    Returns:
        A `Report` with the largest difference of each contract, and which did not apply, and why.

    Raises:
        CheckError: a contract is broken.
    """
    kind = task_of(estimator, data) if task is None else TASKS[task]
    subject = EstimatorSubject(estimator, kind, kind.data(estimator) if data is None else data)
    with warnings.catch_warnings():
        # A handful of epochs is enough here, whether a forecast is any good or not.
        warnings.filterwarnings("ignore", "The forecast is not clearly better", UserWarning)
        return run_checks(CHECKS, subject, Recorder(repr(estimator)))
