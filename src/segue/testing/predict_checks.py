"""Checks of a fitted estimator: predictions, streams, embeddings, copies and files."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from segue.data.sequences import Array, Sequences
from segue.errors import NotCausalError
from segue.prepare import as_steps
from segue.spec import to_text
from segue.testing.report import DoesNotApplyError, Recorder
from segue.testing.subject import EstimatorSubject, identical, items_of, weights_of

_FEW = 3  # sequences that are predicted step by step


# -- batches ------------------------------------------------------------------------------------


def check_padding(subject: EstimatorSubject, recorder: Recorder) -> None:
    """Predictions do not depend on batch mates, their order and number, or on padding."""
    x, fitted = subject.data.x, subject.fitted
    alone = [subject.outputs(fitted, [item])[0] for item in items_of(x)]
    own = subject.takes_datasets or not hasattr(subject.estimator, "fit")
    for name, order, same in _forms(x, padded=own):
        where = f"{len(x)} sequences of {x.length_range} steps, {name}, against each alone"
        recorder.compare(subject.outputs(fitted, same), [alone[i] for i in order], where)


def _forms(x: Sequences, *, padded: bool) -> Iterator[tuple[str, Array, Any]]:
    """Variants of the same sequences: a description, the indices of the sequences, and `X`."""
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


def check_prediction(subject: EstimatorSubject, recorder: Recorder) -> None:
    """Predicting changes nothing: neither X, nor the weights, nor the next prediction."""
    fitted, items = subject.fitted, copy.deepcopy(items_of(subject.data.x))
    weights, kept = weights_of(fitted), copy.deepcopy(items)
    first, second = subject.outputs(fitted, items), subject.outputs(fitted, items)
    same = all(map(np.array_equal, first, second))
    recorder.require(same, "Called twice, it predicts otherwise")
    recorder.require(all(map(identical, items, kept)), "It writes into X")
    now = weights_of(fitted)
    same = all(np.array_equal(weights[name], now[name]) for name in weights)
    recorder.require(same, "Its weights are others afterwards")


# -- meanings -----------------------------------------------------------------------------------


def check_probabilities(subject: EstimatorSubject, recorder: Recorder) -> None:
    """They sum to one; of several labels at once each is between zero and one."""
    rows = [np.atleast_2d(row) for row in subject.outputs(subject.fitted)]
    probabilities = np.concatenate(rows).astype(np.float64)
    low, high = probabilities.min(), probabilities.max()
    good = bool(np.isfinite(probabilities).all() and low >= 0 and high <= 1 + 1e-6)
    recorder.require(good, f"They go from {low:.3g} to {high:.3g}")
    if subject.task.kind.labels_each != "several":
        off = np.abs(probabilities.sum(axis=1) - 1).max()
        recorder.require(bool(off < 1e-6), f"They miss the sum 1 by {off:.2g}")


def check_decisions(subject: EstimatorSubject, recorder: Recorder) -> None:
    """`predict` gives the class with the highest probability."""
    rows = subject.outputs(subject.fitted)
    predicted = subject.fitted.predict(items_of(subject.data.x))
    if subject.task.kind.labels_each == "several":
        wanted = [(row > 0.5).astype(int) for row in rows]
    else:
        classes = np.asarray(subject.fitted.classes_)
        wanted = [classes[np.argmax(row, axis=-1)] for row in rows]
    same = all(map(np.array_equal, predicted, wanted))
    recorder.require(same, "`predict` gives another class than `predict_proba`")


def check_score(subject: EstimatorSubject, recorder: Recorder) -> None:
    """`score` is what scikit-learn's metric gives for `predict`."""
    got = subject.fitted.score(*subject.pair(subject.data))
    wanted = subject.task.score(subject.fitted, subject.data)
    where = f"The score is {got:.6g}, by scikit-learn {wanted:.6g}"
    recorder.compare([got], [wanted], where)


# -- step by step -------------------------------------------------------------------------------


def check_stream(subject: EstimatorSubject, recorder: Recorder) -> None:
    """A step at a time gives what the steps so far give; what looks ahead refuses by name."""
    fitted, reason, refused = subject.fitted, _looks_ahead(subject.fitted), "refuses to stream"
    if subject.task.kind.per_step and not reason:  # whatever follows a step, its label stays
        for steps in subject.data.x[:_FEW]:
            where = f"The labels of a sequence of {len(steps)}, against the whole up to there"
            whole = subject.outputs(fitted, [steps])[0]
            recorder.compare(list(whole), _last_of_prefixes(subject, steps), where)
    if not hasattr(fitted, "stream"):
        raise DoesNotApplyError("it has no `stream`")
    try:
        stream = fitted.stream()
    except NotCausalError as error:
        recorder.require(bool(reason), f"It is causal, but raises: {error}", refused)
        recorder.require(reason in str(error), f"{error} does not name {reason}", refused)
        recorder.skipped["stream"] = f"{reason} looks ahead"
        return
    recorder.require(not reason, f"{reason} looks ahead, and it streams", refused)
    for steps in subject.data.x[:_FEW]:
        stream.reset()
        got = [stream.push(step) for step in steps]
        where = f"The steps of a sequence of {len(steps)}, against the whole up to there"
        recorder.compare(got, _last_of_prefixes(subject, steps), where)
        if subject.task.kind.per_step:
            stream.reset()
            at_once = subject.outputs(fitted, [steps])
            where = f"The {len(steps)} steps of a sequence at once, against the whole"
            recorder.compare([stream.extend(steps)], at_once, where)


def _looks_ahead(fitted: Any) -> str:
    """The first on the data's way that is not causal, a preparation step or a layer; or ""."""
    for member in getattr(fitted, "members", ()):
        if reason := _looks_ahead(member):
            return reason
    steps = getattr(getattr(fitted, "preparation_", None), "steps", ())
    chain = getattr(getattr(fitted, "network_", None), "chain", ())
    ahead = [str(step) for step in steps if step.why_whole()]
    return next(iter([*ahead, *(str(layer.name) for layer in chain if not layer.causal)]), "")


def _outputs_for_prefixes(subject: EstimatorSubject, steps: Array) -> list[Array]:
    """The outputs for a sequence that ends after each of its steps."""
    return subject.outputs(subject.fitted, [steps[: n + 1] for n in range(len(steps))])


def _last_of_prefixes(subject: EstimatorSubject, steps: Array) -> list[Array]:
    """The same of the last step alone, where there is an output for each."""
    return [np.atleast_2d(output)[-1] for output in _outputs_for_prefixes(subject, steps)]


def check_anytime(subject: EstimatorSubject, recorder: Recorder) -> None:
    """The probabilities after a step are those of a sequence which ends there."""
    x = subject.data.x[:_FEW]
    try:
        every_step = list(subject.fitted.anytime(x))
    except NotCausalError as error:
        raise DoesNotApplyError(f"a part of a sequence cannot be predicted: {error}") from error
    first = getattr(subject.fitted, "members", (subject.fitted,))[0]
    for steps, got in zip(x, every_step, strict=True):
        where = f"After each step of a sequence of {len(steps)}, against the whole up to there"
        prefixes: Any = range(1, len(steps) + 1)
        if hasattr(first, "preparation_"):  # which may make others of the steps
            prefixes = first.preparation_.prefix_lengths(len(steps))
        of_prefixes = _outputs_for_prefixes(subject, steps)
        recorder.compare(got, [of_prefixes[end - 1] for end in prefixes], where)
    for got, wanted in zip(subject.fitted.anytime(x, every=2), every_step, strict=True):
        chosen = [*range(1, len(wanted), 2), *([len(wanted) - 1] if len(wanted) % 2 else [])]
        recorder.compare([got], [wanted[chosen]], f"After every second step of {len(wanted)}")


def check_embed(subject: EstimatorSubject, recorder: Recorder) -> None:
    """The output of any layer for a sequence does not depend on its batch mates."""
    x = subject.data.x
    for layer in subject.fitted.network_.chain:
        got = subject.fitted.embed(x, layer.name)
        wanted = [subject.fitted.embed(x[i : i + 1], layer.name)[0] for i in range(len(x))]
        where = f"The output of {layer.name} for {len(x)} sequences, against each alone"
        recorder.compare(list(got), wanted, where)


# -- copies and files ---------------------------------------------------------------------------


def check_copy(subject: EstimatorSubject, recorder: Recorder) -> None:
    """A copy of a fitted one predicts the same bits."""
    same = subject.same(subject.fitted, copy.deepcopy(subject.fitted))
    recorder.require(same, "A copy predicts otherwise")


def check_file(subject: EstimatorSubject, recorder: Recorder) -> None:
    """Saved and loaded, it predicts the same bits."""
    from segue.estimators import load
    from segue.estimators.loading import KNOWN

    kind, fitted = type(subject.estimator), subject.fitted
    if KNOWN.get(kind.__name__) is not kind and not hasattr(kind, "load"):
        raise DoesNotApplyError(f"segue.load does not know {kind.__name__}, which has no `load`")
    read = getattr(kind, "load", load)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        fitted.save(path)
        loaded = read(path)
        same = subject.same(fitted, loaded)
        recorder.require(
            same and _described(fitted) == _described(loaded),
            f"Saved and loaded it is {loaded!r}, with the same predictions: {same}",
        )
        loaded.save(path)
        recorder.require(subject.same(fitted, read(path)), "Saved again it differs")


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
