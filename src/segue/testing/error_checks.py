"""Checks of errors: each mistake of a user raises an error that names it and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from segue.errors import SegueError
from segue.testing.report import Recorder
from segue.testing.subject import EstimatorSubject, items_of

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
    """What is wrong, and sequences to be refused."""
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
