"""The promises of a fitted estimator that is asked, copied and saved."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from segue.errors import NotCausalError
from segue.prepare import as_steps
from segue.sequences import Array, Sequences
from segue.spec import to_text
from segue.testing.report import Recorder
from segue.testing.subject import DoesNotApplyError, Subject, identical, weights_of
from segue.testing.tasks import items_of

# Sequences that are asked about step by step.
_FEW = 3


# -- batches ------------------------------------------------------------------------------------


def check_padding(subject: Subject, recorder: Recorder) -> None:
    """Answers do not depend on batch mates, their order and number, or on padding."""
    x, fitted = subject.data.x, subject.fitted
    alone = _alone(subject)
    for name, order, same in _forms(x, padded=subject.takes_datasets or not _takes_fit(subject)):
        where = f"{len(x)} sequences of {x.length_range} steps, {name}, against each alone"
        got, wanted = subject.answers(fitted, same), [alone[i] for i in order]
        recorder.compare("padding", got, wanted, dtype="float32", where=where)


def _alone(subject: Subject) -> list[Array]:
    return [subject.answers(subject.fitted, [item])[0] for item in items_of(subject.data.x)]


def _takes_fit(subject: Subject) -> bool:
    return hasattr(subject.estimator, "fit")


def _forms(x: Sequences, *, padded: bool) -> Iterator[tuple[str, Array, Any]]:
    """The same sequences in other ways: what is different, which ones, and how they are passed."""
    items, order = items_of(x), np.arange(len(x))
    yield "as a list of arrays", order, items
    yield "in the reverse order", order[::-1], items[::-1]
    yield "each twice", np.concatenate([order, order]), items + items
    if x.is_text:
        return
    common = np.flatnonzero(x.lengths == np.bincount(x.lengths).argmax())
    yield "those of one length as an array", common, np.stack([items[i] for i in common])
    if not padded:
        return
    yield "as Sequences", order, x
    for side in () if x.is_whole else ("right", "left"):
        values, mask = x.to_padded(side=side, value=1e6)
        yield f"padded on the {side}", order, Sequences.from_padded(values, mask)


def check_asking(subject: Subject, recorder: Recorder) -> None:
    """To ask changes nothing: neither X, nor the weights, nor the next answer."""
    fitted, items = subject.fitted, copy.deepcopy(items_of(subject.data.x))
    weights, kept = weights_of(fitted), copy.deepcopy(items)
    first, second = subject.answers(fitted, items), subject.answers(fitted, items)
    promise = "asking changes nothing"
    recorder.require(
        promise, all(map(np.array_equal, first, second)), "Asked twice, it answers otherwise"
    )
    recorder.require(promise, all(map(identical, items, kept)), "It writes into X")
    now = weights_of(fitted)
    same = all(np.array_equal(weights[name], now[name]) for name in weights)
    recorder.require(promise, same, "Its weights are others afterwards")


# -- meanings -----------------------------------------------------------------------------------


def check_probabilities(subject: Subject, recorder: Recorder) -> None:
    """They sum to one; of several labels at once each is between zero and one."""
    subject.needs("predict_proba", "it has no `predict_proba`")
    shares = np.concatenate([np.atleast_2d(row) for row in subject.answers(subject.fitted)])
    shares = shares.astype(np.float64)
    recorder.require(
        "probabilities",
        bool(np.isfinite(shares).all() and shares.min() >= 0 and shares.max() <= 1 + 1e-6),
        f"They go from {shares.min():.3g} to {shares.max():.3g}",
    )
    if subject.task.name != "multilabel":
        sums = np.abs(shares.sum(axis=1) - 1).max()
        recorder.require("probabilities", bool(sums < 1e-6), f"They miss the sum 1 by {sums:.2g}")


def check_decisions(subject: Subject, recorder: Recorder) -> None:
    """`predict` says what `predict_proba` speaks for."""
    subject.needs("predict_proba", "it has no `predict_proba`")
    shares = subject.answers(subject.fitted)
    found = subject.fitted.predict(items_of(subject.data.x))
    if subject.task.name == "multilabel":
        wanted = [(row > 0.5).astype(int) for row in shares]
    else:
        classes = np.asarray(subject.fitted.classes_)
        wanted = [classes[np.argmax(row, axis=-1)] for row in shares]
    same = all(map(np.array_equal, found, wanted))
    recorder.require("decisions", same, "`predict` gives another class than `predict_proba`")


def check_score(subject: Subject, recorder: Recorder) -> None:
    """`score` is what scikit-learn's metric gives for `predict`."""
    subject.needs("score", "it has no `score`")
    got = subject.fitted.score(*subject.pair(subject.data))
    wanted = subject.task.expected_score(subject.fitted, subject.data)
    where = f"The score is {got:.6g}, by scikit-learn {wanted:.6g}"
    recorder.compare("score", [got], [wanted], dtype="float32", where=where)


# -- step by step -------------------------------------------------------------------------------


def check_stream(subject: Subject, recorder: Recorder) -> None:
    """A step at a time gives what the steps so far give; what looks ahead refuses by name."""
    fitted, reason = subject.fitted, _looks_ahead(subject.fitted)
    if subject.task.name == "label":
        _check_labels_so_far(subject, recorder, reason)
        if not hasattr(fitted, "stream"):
            recorder.skip("refuses to stream", "it has no `stream`")
            return
    subject.needs("stream", "it has no `stream`")
    _refuse_texts(subject)
    try:
        stream = fitted.stream()
    except NotCausalError as error:
        recorder.require("refuses to stream", bool(reason), f"It is causal, and says: {error}")
        recorder.require(
            "refuses to stream", reason in str(error), f"{error} does not name {reason}"
        )
        recorder.skip("stream", f"{reason} looks ahead")
        return
    recorder.require("refuses to stream", not reason, f"{reason} looks ahead, and it streams")
    for steps in subject.data.x[:_FEW]:
        stream.reset()
        got = [stream.push(step) for step in steps]
        where = f"The steps of a sequence of {len(steps)}, against the whole up to there"
        recorder.compare("stream", got, _now(subject, steps), dtype="float32", where=where)
        if subject.task.name == "label":
            stream.reset()
            whole = subject.answers(fitted, [steps])
            where = f"The {len(steps)} steps of a sequence at once, against the whole"
            recorder.compare("stream", [stream.extend(steps)], whole, dtype="float32", where=where)


def _check_labels_so_far(subject: Subject, recorder: Recorder, reason: str) -> None:
    """Whatever follows a step, its label stays, unless something looks ahead."""
    if reason:
        recorder.skip("stream", f"{reason} looks ahead")
        return
    for steps in subject.data.x[:_FEW]:
        last = _now(subject, steps)
        whole = subject.answers(subject.fitted, [steps])[0]
        where = f"The labels of a sequence of {len(steps)}, against the whole up to there"
        recorder.compare("stream", list(whole), last, dtype="float32", where=where)


def _refuse_texts(subject: Subject) -> None:
    if subject.data.x.is_text:
        raise DoesNotApplyError("the steps of a text are words, which its preparation finds")


def _looks_ahead(fitted: Any) -> str:
    """The first on the data's way that is not causal, a preparation step or a layer; or ""."""
    for member in getattr(fitted, "members", ()):
        if reason := _looks_ahead(member):
            return reason
    for step in getattr(getattr(fitted, "preparation_", None), "steps", ()):
        if not step.causal:
            return str(step)
    for layer in getattr(getattr(fitted, "network_", None), "chain", ()):
        if not layer.causal:
            return str(layer.name)
    return ""


def _so_far(subject: Subject, steps: Array) -> list[Array]:
    """The answers for a sequence that ends after each of its steps."""
    return subject.answers(subject.fitted, [steps[: n + 1] for n in range(len(steps))])


def _now(subject: Subject, steps: Array) -> list[Array]:
    """The same of the last step alone, where there is an answer for each."""
    return [np.atleast_2d(answer)[-1] for answer in _so_far(subject, steps)]


def _heard(fitted: Any, length: int) -> list[int]:
    """How many steps have been heard at each belief: a preparation may make others of them."""
    fitted = getattr(fitted, "members", (fitted,))[0]
    if not hasattr(fitted, "preparation_"):
        return [*range(1, length + 1)]
    return [int(end) for end in fitted.preparation_.prefix_lengths(length)]


def check_anytime(subject: Subject, recorder: Recorder) -> None:
    """The belief after a step is that of a sequence which ends there; the last, of the whole."""
    subject.needs("anytime", "it has no `anytime`")
    _refuse_texts(subject)
    x = subject.data.x[:_FEW]
    try:
        beliefs = list(subject.fitted.anytime(x))
    except NotCausalError as error:
        raise DoesNotApplyError(f"a part of a sequence cannot be asked about: {error}") from error
    for steps, got in zip(x, beliefs, strict=True):
        where = f"The beliefs of a sequence of {len(steps)}, against the whole up to there"
        so_far = _so_far(subject, steps)
        wanted = [so_far[end - 1] for end in _heard(subject.fitted, len(steps))]
        recorder.compare("anytime", got, wanted, dtype="float32", where=where)
    for got, wanted in zip(subject.fitted.anytime(x, every=2), beliefs, strict=True):
        chosen = [*range(1, len(wanted), 2), *([len(wanted) - 1] if len(wanted) % 2 else [])]
        where = f"Every second belief of {len(wanted)}"
        recorder.compare("anytime", [got], [wanted[chosen]], dtype="float32", where=where)


def check_embed(subject: Subject, recorder: Recorder) -> None:
    """What any layer says of a sequence does not depend on its batch mates."""
    subject.needs("embed", "it has no `embed`")
    x = subject.data.x
    for layer in subject.fitted.network_.chain:
        got = subject.fitted.embed(x, layer.name)
        wanted = [subject.fitted.embed(x[i : i + 1], layer.name)[0] for i in range(len(x))]
        where = f"What {layer.name} says of {len(x)} sequences, against each alone"
        recorder.compare("embed", list(got), wanted, dtype="float32", where=where)


# -- copies and files ---------------------------------------------------------------------------


def check_copy(subject: Subject, recorder: Recorder) -> None:
    """A copy of a fitted one answers with the same bits."""
    same = subject.same(subject.fitted, copy.deepcopy(subject.fitted))
    recorder.require("copies", same, "A copy answers otherwise")


def check_file(subject: Subject, recorder: Recorder) -> None:
    """Saved and loaded, it answers with the same bits."""
    from segue.estimators import load
    from segue.estimators.loading import KNOWN

    subject.needs("save", "it has no `save`")
    kind = type(subject.estimator)
    if KNOWN.get(kind.__name__) is not kind and not hasattr(kind, "load"):
        raise DoesNotApplyError(f"segue.load does not know {kind.__name__}, which has no `load`")
    read = getattr(kind, "load", load)
    fitted = subject.fitted
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        fitted.save(path)
        loaded = read(path)
        same = subject.same(fitted, loaded)
        recorder.require(
            "save and load",
            same and _described(fitted) == _described(loaded),
            f"Saved and loaded it is {loaded!r}, with the same answers: {same}",
        )
        loaded.save(path)
        again = subject.same(fitted, read(path))
        recorder.require("save and load", again, "Saved again it differs")


def _described(estimator: Any) -> dict[str, str]:
    """As text; networks and preparations by their specs, which can be written in several ways."""
    if not hasattr(estimator, "get_params"):
        return {}
    values = {name: repr(value) for name, value in estimator.get_params().items()}
    if hasattr(estimator, "training_options"):
        values["network"] = to_text(estimator.network_.specs)
        values["prepare"] = to_text(as_steps(estimator.prepare))
        values["options"] = repr(estimator.training_options)
    return values
