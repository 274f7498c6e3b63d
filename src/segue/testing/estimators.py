"""`check_estimator`: the table of checks of estimators, of segue and of others; checks of errors.

Each mistake of a user raises an error that names it and changes nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from segue.data.dataset import Dataset
from segue.errors import SegueError
from segue.testing import fit_checks, predict_checks
from segue.testing.report import Check, Recorder, Report, run_checks
from segue.testing.subject import TASKS, EstimatorSubject, items_of, task_of

Call = Callable[[], Any]

# Arguments that mean nothing, for those of them that an estimator has.
_BAD_ARGUMENTS: dict[str, Any] = {
    "network": "nonsense(3)",
    "prepare": "nonsense",
    "epochs": 0,
    "batch_size": 0,
    "learning_rate": -1.0,
    "validation": 2.0,
    "seed": "zero",
    "device": "nonsense",
    "head": "nonsense",
    "strategy": "nonsense",
    "size": 0,
}
_LEAST_WORDS = 4  # of an error that a person can do something with


def check_not_fitted(subject: EstimatorSubject, recorder: Recorder) -> None:
    """Whatever is called before `fit` is refused as scikit-learn's tools expect."""
    x = items_of(subject.data.x)
    arguments: dict[str, tuple[Any, ...]] = {
        "predict": (x,),
        "predict_proba": (x,),
        "score": subject.pair(subject.data),
        "anytime": (x,),
        "stream": (),
        "embed": (x, "head"),
        "save": ("nowhere.safetensors",),
    }
    for name, given in arguments.items():
        if hasattr(subject.estimator, name):
            error = _error_of(partial(getattr(subject.clone(), name), *given))
            recorder.require(
                isinstance(error, ValueError) and isinstance(error, AttributeError),
                f"`{name}` before `fit` {_shown(error)}; expected a NotFittedError",
            )


def check_sequences(subject: EstimatorSubject, recorder: Recorder) -> None:
    """Sequences that cannot be predicted are refused, and the next call is as before."""
    fitted, before = subject.fitted, subject.outputs(subject.fitted)
    for what, x in _bad_sequences(subject):
        _require_refusal(subject, recorder, f"predict of {what}", partial(fitted.predict, x))
    same = all(map(np.array_equal, before, subject.outputs(fitted)))
    recorder.require(same, "After a refused call it predicts otherwise")


def _bad_sequences(subject: EstimatorSubject) -> Iterator[tuple[str, Any]]:
    """Invalid sequences, each with a description of the mistake."""
    if subject.data.x.is_text:
        yield "numbers in place of texts", [[1.0, 2.0], [3.0]]
        return
    items = subject.data.x.to_list()
    yield "a sequence without steps", [items[0], items[0][:0]]
    yield "sequences with another channel", [np.column_stack([item, item[:, :1]]) for item in items]
    yield "an array of five axes", np.zeros((1, 1, 2, 3, 4), np.float32)
    yield "text", [["a", "b"]]
    if not subject.data.x.is_whole:
        broken = items[1].copy()
        broken[-1, 0] = np.inf
        yield "an infinite value", [items[0], broken]


def check_targets(subject: EstimatorSubject, recorder: Recorder) -> None:
    """Sequences and targets that cannot be fitted are refused."""
    x, *y = subject.pair(subject.data)
    calls: list[tuple[str, tuple[Any, ...]]] = [("no sequences", ([], *(t[:0] for t in y)))]
    for what, bad in _bad_sequences(subject):
        is_fine = "channel" in what or "in place of" in what or what in subject.task.left_out
        if not is_fine:
            calls.append((what, (bad, *(targets[: len(bad)] for targets in y))))
    wrong = [("one target too few", y[0][:-1]), ("no targets", None)] if y else []
    wrong += subject.task.bad_targets(subject.data, subject.estimator)
    calls += [(what, (x, targets)) for what, targets in wrong]
    for what, given in calls:
        call = partial(subject.clone().fit, *given)
        _require_refusal(subject, recorder, f"fit of {what}", call)


def check_arguments(subject: EstimatorSubject, recorder: Recorder) -> None:
    """Arguments that mean nothing are refused before anything is fitted."""
    known = subject.estimator.get_params()
    for name, value in _BAD_ARGUMENTS.items():
        if name in known:
            call = partial(subject.fit, **{name: value})
            _require_refusal(subject, recorder, f"fit with {name}={value!r}", call)
    call = partial(subject.clone, nonsense=1)
    _require_refusal(subject, recorder, "set_params(nonsense=1)", call)


def check_failed_fit(subject: EstimatorSubject, recorder: Recorder) -> None:
    """A fit that fails leaves an estimator as it was."""
    estimator = subject.fit()
    bad = [np.full((3, subject.data.x.channels), np.inf)] * 2
    _, *y = subject.pair(subject.data)
    _error_of(partial(estimator.fit, bad, *(targets[:2] for targets in y)))
    same = subject.same(subject.fitted, estimator)
    recorder.require(same, "After a failed `fit` the predictions are others than before it")


def _require_refusal(subject: EstimatorSubject, recorder: Recorder, what: str, call: Call) -> None:
    """An error of segue's own; of an estimator of one's own, a ValueError or TypeError."""
    error = _error_of(call)
    own = subject.takes_datasets or not hasattr(subject.estimator, "fit")
    kinds = (SegueError,) if own else (ValueError, TypeError)
    recorder.require(
        isinstance(error, kinds) and len(str(error).split()) >= _LEAST_WORDS,
        f"{what} {_shown(error)}; expected an error with what came and what was expected",
    )


def _error_of(call: Call) -> Exception | None:
    try:
        call()
    except Exception as error:  # whatever it is: that is what is looked at
        return error
    return None


def _shown(error: Exception | None) -> str:
    return "is accepted" if error is None else f"raises {type(error).__name__}: {error}"


_FIT, _DATA_SETS, _SEGUE = ("fit",), ("fit", "data sets"), ("fit", "segue")
_SEED = ("fit", "seed", "get_params")

# In this order: the contracts, the function that checks them, what the estimator must have for it.
CHECKS = (
    Check(("clone", "parameters"), fit_checks.check_clone, ("get_params", "fit")),
    Check(("refuses before fit",), check_not_fitted, _FIT),
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
    Check(("clear errors",), check_sequences),
    Check(("clear errors of fit",), check_targets, _FIT),
    Check(("arguments",), check_arguments, _DATA_SETS),
    Check(("a failed fit changes nothing",), check_failed_fit, _DATA_SETS),
)
CONTRACTS = tuple(contract for check in CHECKS for contract in check.contracts)


# Those of scikit-learn's own checks that contradict sequences, with the reasons: for the argument
# of this name of its `check_estimator` and `parametrize_with_checks`.
EXPECTED_FAILED_CHECKS = {
    "check_n_features_in": "a row is a sequence of one channel: n_features_in_ is 1",
    "check_n_features_in_after_fitting": "the same; and rows of another length are allowed",
    "check_classifiers_train": "another number of columns is another length, which is allowed",
    "check_regressors_train": "a quick training on columns that are no sequence scores badly",
    "check_class_weight_classifiers": "the same",
    "check_sample_weight_equivalence_on_dense_data": "repeated sequences make more batches",
    "check_methods_subset_invariance": "in other batches answers are the same to 1e-5, not to 1e-7",
}


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
