"""Many streams at once are as many streams alone; their states go into a file and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from segue import (
    SequenceClassifier,
    SequenceEnsemble,
    SequenceLabeler,
    SequenceRegressor,
    tensorfile,
)
from segue.errors import DataError, FileError, NotCausalError, OptionError
from segue.estimators import Streams
from segue.modules import Cell
from segue.testing.data import tiny_dataset
from segue.training import TrainingOptions

QUIET = TrainingOptions(progress="none")
NETWORKS = [
    "lstm(4)",
    "gru(3, reset=before, initial_state=learnt) pool(max)",
    "conv(4, 3, causal=true, dilation=2) batchnorm pool(attention)",
    "residual(conv(2, 3, causal=true)) position attention(1, causal=true) pool(mean)",
    "parallel(lstm(2), conv(3, 2, causal=true) pool(max), random_conv(4))",
]


def fit(network: str, seed: int = 0, **more: Any) -> SequenceClassifier:
    """Two epochs: the weights are no longer those of the beginning."""
    options = {"validation": None, "options": QUIET, "seed": seed, **more}
    return SequenceClassifier(network, epochs=2, **options).fit(tiny_dataset(24))


def test_a_thousand_interleaved_are_equal_to_one_after_the_other() -> None:
    """To the bit, each of its own length, with steps drawn in any order."""
    model, draws = fit("gru(3)"), np.random.default_rng(0)
    steps = [draws.normal(size=(n, 2)) for n in draws.integers(1, 6, 1000)]
    stream, alone = model.stream(), []
    for one in steps:
        stream.reset()
        alone.append([stream.push(step) for step in one])
    streams, together = Streams(model), [[] for _ in steps]  # type: ignore[var-annotated]
    for name in draws.permutation(np.repeat(np.arange(1000), [len(one) for one in steps])).tolist():
        step = steps[name][len(together[name])]
        together[name].append(streams.push(step, name))
    assert len(streams) == 1000
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("prepare", ["standardize", "frame(3, hop=2) standardize"])
def test_saved_and_restored_they_go_on_to_the_bit(
    network: str, prepare: str, tmp_path: Path
) -> None:
    """Also within a frame, and of streams that are not equally far."""
    model = fit(network, prepare=prepare)
    steps = np.random.default_rng(1).normal(size=(9, 2))
    here, there = Streams(model), Streams(model)
    for number, step in enumerate(steps[:5]):
        here.push(step, "a", "first")
        if number != 1:
            here.push(step[::-1], 7)
    here.save(tmp_path / "state")
    there.load(tmp_path / "state")
    assert list(there) == list(here) == ["a", 7]
    for step in steps[5:]:
        for name, sequence in (("a", "first"), (7, None)):
            found = there.push(step, name, sequence)
            np.testing.assert_array_equal(found, here.push(step, name, sequence))
    assert there.steps("a") == 9
    there.push(steps[0], "a", "second")
    assert there.steps("a") == 1


def test_a_labeler_and_an_ensemble_stream_by_name_too(tmp_path: Path) -> None:
    x = [[0.0, 1.0, 3.0], [3.0, 0.0], [1.0, 3.0, 0.0]] * 6
    y = [["no" if v < 2 else "yes" for v in row] for row in x]
    labeler = SequenceLabeler("gru(4)", epochs=2, options=QUIET).fit(x, y)
    ensemble = SequenceEnsemble([fit("gru(3)"), fit("lstm(2)", seed=1)])
    for model, step in ((labeler, [3.0]), (ensemble, [1.0, 2.0])):
        streams, stream, again = Streams(model), model.stream(), Streams(model)
        streams.push(step, "other")
        np.testing.assert_array_equal(streams.push(step, "a"), stream.push(step))
        streams.save(tmp_path / "state")
        again.load(tmp_path / "state")
        np.testing.assert_array_equal(again.push(step, "a"), stream.push(step))


class Sum(Cell):
    """What came so far."""

    def initial_state(self, batch: int) -> torch.Tensor:
        return torch.zeros(batch, 1)

    def step(self, x_t: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        state = state + x_t.sum(1, keepdim=True)
        return state, state


def test_a_cell_of_ones_own_is_restored_too(tmp_path: Path) -> None:
    """Its state is a tensor of PyTorch."""
    model = SequenceClassifier([Sum()], epochs=1, options=QUIET).fit(tiny_dataset(24))
    here, there = Streams(model), Streams(model)
    here.push([1.0, 2.0])
    here.save(tmp_path / "state")
    there.load(tmp_path / "state")
    np.testing.assert_array_equal(there.push([3.0, 0.0]), here.push([3.0, 0.0]))


def test_the_one_without_a_step_for_longest_is_forgotten() -> None:
    streams = Streams(fit("gru(2)"), limit=2)
    for name in ("a", "b", "a", "c"):
        streams.push([0.0, 1.0], name)
    assert list(streams) == ["a", "c"]
    assert (streams.forgotten, streams.steps("a"), streams.steps("b")) == (1, 2, 0)
    streams.reset("a")
    assert "a" not in streams
    streams.reset()
    assert len(streams) == 0


def test_a_refused_step_begins_no_stream() -> None:
    streams = Streams(fit("gru(2)"))
    with pytest.raises(DataError, match=r"expected \[2\]"):
        streams.push([1.0], "a")
    assert len(streams) == 0


def test_what_has_no_streams_is_refused() -> None:
    regressor = SequenceRegressor("gru(2)", epochs=1, options=QUIET)
    with pytest.raises(OptionError, match="A SequenceRegressor has no streams"):
        Streams(regressor.fit([[0.0, 1.0], [1.0, 2.0]] * 5, [0.0, 1.0] * 5))
    with pytest.raises(NotCausalError, match="bilstm_1 needs the whole sequence"):
        Streams(fit("bilstm(2)"))
    with pytest.raises(OptionError, match="`limit` is 0"):
        Streams(fit("gru(2)"), limit=0)


def test_states_of_another_model_and_other_files_are_refused(tmp_path: Path) -> None:
    """Another seed is another model; so is another preparation."""
    model, path = fit("gru(2)"), tmp_path / "state"
    streams = Streams(model)
    streams.push([0.0, 1.0])
    streams.save(path)
    for other in (fit("gru(2)", seed=1), fit("gru(2)", prepare="none")):
        with pytest.raises(FileError, match="the streams of another model"):
            Streams(other).load(path)
    model.save(tmp_path / "model.safetensors")
    with pytest.raises(FileError, match="holds no streams"):
        streams.load(tmp_path / "model.safetensors")
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(FileError, match="damaged"):
        streams.load(path)
    assert streams.steps() == 1


def test_a_state_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    """With a right checksum: each array must have the form that a state of the model has."""
    model, path = fit("conv(2, 3, causal=true) position attention(1, causal=true) gru(2)"), tmp_path
    streams = Streams(model)
    streams.push([0.0, 1.0], "a")
    streams.push([0.0, 1.0], "b")
    streams.save(path / "state")
    text, tensors, _ = tensorfile.read(path / "state")
    for name, values in tensors.items():
        changes = [values[:-1], values.astype(np.float16), np.concatenate([values, values])]
        for changed in changes if values.size else []:
            content = tensorfile.to_bytes(text, {**tensors, name: changed})
            (path / "changed").write_bytes(content)
            again = Streams(model)
            try:
                again.load(path / "changed")
                again.push([0.0, 1.0], "a")  # what fits is a state: it answers, or says why not
            except (FileError, DataError):
                continue
            assert np.isfinite(again.push([0.0, 1.0], "b")).all(), name
    for other in (text.replace('"a"', "null"), text.replace('"b"', '"a"'), "{}"):
        (path / "changed").write_bytes(tensorfile.to_bytes(other, tensors))
        with pytest.raises(FileError, match="state|streams|changed"):
            Streams(model).load(path / "changed")


def test_states_of_more_streams_than_are_kept_are_not_dropped(tmp_path: Path) -> None:
    model = fit("gru(2)")
    many = Streams(model)
    for name in "abc":
        many.push([0.0, 1.0], name)
    many.save(tmp_path / "states")
    with pytest.raises(FileError, match="has 3 streams, and at most 2 are kept"):
        Streams(model, limit=2).load(tmp_path / "states")
