"""The promises about mistakes: each gets an error that says what came, and nothing half done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from segue.errors import SegueError
from segue.testing.report import Recorder
from segue.testing.subject import DoesNotApplyError, Subject
from segue.testing.tasks import items_of

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
# What a person can do something with is longer than this.
_NONE = "no sequences"
_LEAST_WORDS = 4


def check_not_fitted(subject: Subject, recorder: Recorder) -> None:
    """Whatever is asked before `fit` is refused as scikit-learn's tools expect."""
    subject.clone()
    x = items_of(subject.data.x)
    questions: dict[str, Callable[[Any], Any]] = {
        "predict": lambda one: one.predict(x),
        "predict_proba": lambda one: one.predict_proba(x),
        "score": lambda one: one.score(*subject.pair(subject.data)),
        "anytime": lambda one: one.anytime(x),
        "stream": lambda one: one.stream(),
        "embed": lambda one: one.embed(x, "head"),
        "save": lambda one: one.save("nowhere.safetensors"),
    }
    for name, question in questions.items():
        if hasattr(subject.estimator, name):
            error = _error_of(partial(question, subject.clone()))
            recorder.require(
                "asks to be fitted",
                isinstance(error, ValueError) and isinstance(error, AttributeError),
                f"`{name}` before `fit` {_shown(error)}; expected a NotFittedError",
            )


def check_questions(subject: Subject, recorder: Recorder) -> None:
    """Sequences that cannot be answered are refused, and the next question is answered."""
    fitted, before = subject.fitted, subject.answers(subject.fitted)
    for what, x in _bad_sequences(subject):
        if what != _NONE:  # of which there is nothing to be said, and no mistake
            _require_refusal(subject, recorder, f"predict of {what}", partial(fitted.predict, x))
    same = all(map(np.array_equal, before, subject.answers(fitted)))
    recorder.require("clear errors", same, "After a refused question it answers otherwise")


def _bad_sequences(subject: Subject) -> Iterator[tuple[str, Any]]:
    yield _NONE, []
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


def check_fits(subject: Subject, recorder: Recorder) -> None:
    """Sequences and targets that cannot be learnt are refused."""
    subject.clone()
    x, y = items_of(subject.data.x), subject.task.targets(subject.data)
    calls: dict[str, Call] = {}
    for what, bad in _bad_sequences(subject):
        if (
            "channel" not in what
            and "in place of" not in what
            and what not in subject.task.left_out
        ):
            targets = () if y is None else (y[: len(bad)],)
            calls[what] = partial(subject.clone().fit, bad, *targets)
    for what, targets in subject.task.bad_targets(subject.data, subject.estimator):
        calls[what] = partial(subject.clone().fit, x, targets)
    for what, call in calls.items():
        _require_refusal(subject, recorder, f"fit of {what}", call, "clear errors of fit")


def check_arguments(subject: Subject, recorder: Recorder) -> None:
    """Arguments that mean nothing are refused before anything is learnt."""
    if not subject.takes_datasets:
        raise DoesNotApplyError("its arguments are its own")
    known = subject.estimator.get_params()
    for name, value in _BAD_ARGUMENTS.items():
        if name in known:
            call = partial(subject.fit, **{name: value})
            _require_refusal(subject, recorder, f"fit with {name}={value!r}", call, "arguments")
    call = partial(subject.clone, nonsense=1)
    _require_refusal(subject, recorder, "set_params(nonsense=1)", call, "arguments")


def check_failed_fit(subject: Subject, recorder: Recorder) -> None:
    """A fit that fails leaves an estimator as it was."""
    if not subject.takes_datasets:
        raise DoesNotApplyError("what is left after a failed `fit` is its own affair")
    estimator = subject.fit()
    bad = [np.full((3, subject.data.x.channels), np.inf)] * 2
    y = subject.task.targets(subject.data)
    _error_of(lambda: estimator.fit(bad, *(() if y is None else (y[:2],))))
    recorder.require(
        "a failed fit changes nothing",
        subject.same(subject.fitted, estimator),
        "After a failed `fit` the predictions are others than before it",
    )


def _require_refusal(
    subject: Subject, recorder: Recorder, what: str, call: Call, promise: str = "clear errors"
) -> None:
    """An error of segue's own; of an estimator of one's own, a ValueError or TypeError."""
    error = _error_of(call)
    own = subject.takes_datasets or not hasattr(subject.estimator, "fit")
    kinds = (SegueError,) if own else (ValueError, TypeError)
    recorder.require(
        promise,
        isinstance(error, kinds) and len(str(error).split()) >= _LEAST_WORDS,
        f"{what} {_shown(error)}; expected an error that says what came and what was expected",
    )


def _error_of(call: Call) -> Exception | None:
    try:
        call()
    except Exception as error:  # whatever it is: that is what is looked at
        return error
    return None


def _shown(error: Exception | None) -> str:
    return "is answered" if error is None else f"raises {type(error).__name__}: {error}"
