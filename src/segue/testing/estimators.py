"""`check_estimator`: the promises of whatever is fitted, asked and saved."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from segue.dataset import Dataset
from segue.errors import NotCausalError, NotFittedError
from segue.networks import as_specs
from segue.prepare import as_steps
from segue.sequences import Sequences
from segue.spec import to_text
from segue.testing.data import tiny_dataset
from segue.testing.report import Recorder, Report
from segue.training.objectives import probabilities

_GROUP = 7


def check_estimator(estimator: Any, data: Dataset | None = None) -> Report:
    """Run every promise on a classifier.

    padding: the probabilities of a sequence do not depend on its batch mates, their order, or the
    side and amount of padding. stream: a causal network step by step gives the same, another
    refuses. Besides that: the same seed gives the same bits; a test part changes nothing and a
    validation part nothing that is fitted in the preparation; groups stay on one side; a saved and
    loaded one answers with the same bits; parameters go round, also through scikit-learn's `clone`.

    Args:
        estimator: not fitted; it is cloned for each check. Few epochs and small layers are enough.
        data: labelled sequences without parts, tiny ones if left out.

    Returns:
        A `Report` with the largest difference of each promise.

    Raises:
        CheckError: a promise is broken.
    """
    from sklearn.base import clone

    data = tiny_dataset(42) if data is None else data
    recorder = Recorder(repr(estimator))
    _check_parameters(estimator, recorder)
    fitted = clone(estimator).fit(data)
    _check_alone(fitted, data.x, recorder)
    _check_stream(fitted, data.x[:3], recorder)
    again = clone(estimator).fit(data)
    recorder.require(
        "same seed, same bits", _same(fitted, again, data.x), "Fitted twice, it answers otherwise"
    )
    refitted = again.fit(data)
    recorder.require(
        "same seed, same bits", _same(fitted, refitted, data.x), "Fitted anew, it answers otherwise"
    )
    _check_parts(estimator, data, recorder)
    _check_groups(estimator, data, recorder)
    _check_file(fitted, data.x, recorder)
    return recorder.report()


def _check_parameters(estimator: Any, recorder: Recorder) -> None:
    from sklearn.base import clone

    copy = clone(estimator)
    before = {name: repr(value) for name, value in estimator.get_params().items()}
    after = {name: repr(value) for name, value in copy.get_params().items()}
    recorder.require("clone", before == after, f"A clone has the parameters {after}")
    copy.set_params(**estimator.get_params())
    after = {name: repr(value) for name, value in copy.get_params().items()}
    recorder.require("parameters", before == after, f"Set to its own parameters, it has {after}")
    refused = False
    try:
        copy.predict_proba([[0.0]])
    except NotFittedError:
        refused = True
    recorder.require("asks to be fitted", refused, "It answers before it is fitted")


# -- padding and streams ------------------------------------------------------------------------


def _check_alone(fitted: Any, x: Sequences, recorder: Recorder) -> None:
    alone = np.concatenate([fitted.predict_proba(x[i : i + 1]) for i in range(len(x))])
    sums = np.abs(alone.sum(axis=1) - 1).max()
    recorder.require("probabilities", bool(sums < 1e-6), f"They miss the sum 1 by {sums:.2g}")
    for name, same in _forms(x):
        where = f"{len(x)} sequences of {x.length_range} steps, {name}, against each alone"
        got = fitted.predict_proba(same)
        recorder.compare("padding", [got], [alone], dtype="float32", where=where)
    turned = fitted.predict_proba(x[::-1])[::-1]
    where = f"{len(x)} sequences in the reverse order, against each alone"
    recorder.compare("padding", [turned], [alone], dtype="float32", where=where)


def _forms(x: Sequences) -> Iterator[tuple[str, Any]]:
    yield "in one call", x
    yield "as a list of arrays", x.to_list()
    if x.is_tokens:
        return
    for side in ("right", "left"):
        padded, mask = x.to_padded(side=side, value=1e6)
        yield f"padded on the {side}", Sequences.from_padded(padded, mask)


@torch.no_grad()
def _check_stream(fitted: Any, x: Sequences, recorder: Recorder) -> None:
    network = fitted.network_
    if not network.causal:
        refused = False
        try:
            network.initial_state(1)
        except NotCausalError:
            refused = True
        recorder.require("refuses to stream", refused, "It is not causal, and does not say so")
        return
    if not all(step.causal for step in fitted.preparation_.steps):
        return
    for steps, prepared in zip(x, fitted.preparation_.apply(x), strict=True):
        state = network.initial_state(1)
        for time, values in enumerate(torch.tensor(prepared)):
            logits, state = network.step(values[None], state)
            kind = "one-logit" if logits.shape[1] == 1 else fitted.head
            recorder.compare(
                "stream",
                [probabilities(logits.double(), kind)],
                [fitted.predict_proba([steps[: time + 1]])],
                dtype="float32",
                where=f"Step {time} of a sequence of {len(steps)}, against the whole up to there",
            )


# -- parts and groups ---------------------------------------------------------------------------


def _check_parts(estimator: Any, data: Dataset, recorder: Recorder) -> None:
    """Neither the test part nor the validation part may leave a trace in what is fitted."""
    from sklearn.base import clone

    turn = np.arange(len(data)) // 2 % 6  # runs of two, so that two classes in turn are everywhere
    parts = np.array(["train"] * 4 + ["validation", "test"])[turn]
    data = replace(data, parts=parts)
    first = clone(estimator).set_params(validation="auto").fit(data)
    learnt = int((parts == "train").sum())
    recorder.require(
        "baseline",
        sum(first.class_counts_.values()) == learnt,
        f"The counts of the classes that were learnt are {first.class_counts_}, of {learnt}",
    )
    other = clone(estimator).set_params(validation="auto").fit(_changed(data, "test"))
    recorder.require(
        "the test part is not looked at",
        _same(first, other, data.x),
        "Other values in the test part give another model",
    )
    other = clone(estimator).set_params(validation="auto").fit(_changed(data, "validation"))
    recorder.require(
        "preparation of training data only",
        repr(first.preparation_.to_json()) == repr(other.preparation_.to_json()),
        "Other values in the validation part change what the preparation remembers",
    )


def _changed(data: Dataset, part: str) -> Dataset:
    """The same data set with other values, and missing ones, in one part."""
    items = [steps.copy() for steps in data.x]
    for i in np.flatnonzero(data.parts == part):
        if data.x.is_tokens:
            items[i] = items[i][::-1]
        else:
            items[i] = items[i] * 100 + 7
    return replace(data, x=Sequences.from_list(items))


def _check_groups(estimator: Any, data: Dataset, recorder: Recorder) -> None:
    """Groups of seven: what is learnt from must be whole groups."""
    from sklearn.base import clone

    whole = len(data) // _GROUP * _GROUP
    if whole < 3 * _GROUP:
        return
    grouped = replace(data[:whole], groups=np.arange(whole) // _GROUP)
    fitted = clone(estimator).set_params(validation=0.3).fit(grouped)
    learnt = sum(fitted.class_counts_.values())
    recorder.require(
        "groups stay on one side",
        learnt % _GROUP == 0 and learnt < whole,
        f"{learnt} of {whole} sequences in groups of {_GROUP} were learnt from",
    )


# -- files --------------------------------------------------------------------------------------


def _check_file(fitted: Any, x: Sequences, recorder: Recorder) -> None:
    from segue.estimators import load

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        fitted.save(path)
        loaded = load(path)
        recorder.require(
            "save and load",
            _same(fitted, loaded, x) and _parameters(fitted) == _parameters(loaded),
            f"Saved and loaded it is {loaded!r}, with the same answers: {_same(fitted, loaded, x)}",
        )
        loaded.save(path)
        recorder.require("save and load", _same(fitted, load(path), x), "Saved again it differs")


def _parameters(estimator: Any) -> dict[str, str]:
    """As text; networks and preparations by their specs, which can be written in several ways."""
    values = {name: repr(value) for name, value in estimator.get_params().items()}
    values["network"] = to_text(as_specs(estimator.network))
    values["prepare"] = to_text(as_steps(estimator.prepare))
    values["options"] = repr(estimator.training_options)
    return values


def _same(a: Any, b: Any, x: Sequences) -> bool:
    """The same bits: classes, weights, probabilities."""
    first, second = a.network_.get_weights(), b.network_.get_weights()
    return (
        np.array_equal(a.classes_, b.classes_)
        and a.classes_.dtype == b.classes_.dtype
        and first.keys() == second.keys()
        and all(np.array_equal(first[name], second[name]) for name in first)
        and np.array_equal(a.predict_proba(x), b.predict_proba(x))
    )
