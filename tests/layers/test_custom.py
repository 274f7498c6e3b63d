"""Modules and cells of the user's own stand anywhere in a network."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import segue
from segue.errors import ModelFileError, NotCausalError, SpecError
from segue.layers import (
    LSTM,
    Conv,
    CustomCell,
    CustomModule,
    Dense,
    Parallel,
    Pool,
    Repeat,
    Residual,
    Shape,
)
from segue.modules import Cell, Padded
from segue.modules.network import TorchNetwork
from segue.networks import Network, as_specs, specs_from_json
from segue.randomness import Draws
from segue.testing import CheckError, check_layer, check_network
from segue.training.pieces import in_pieces
from segue.training.setup import Batch


class Gate(nn.Module):
    """Multiplies each step with a gate of its own; causal."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, features)

    def forward(self, x: Padded | Tensor) -> Any:
        if isinstance(x, Padded):
            return x._replace(values=self._gated(x.values))
        return self._gated(x)

    def step(self, x_t: Tensor, state: None) -> tuple[Tensor, None]:
        return self._gated(x_t), None

    def _gated(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.linear(x))


class MeanOverPadding(nn.Module):
    """The usual mistake."""

    def forward(self, x: Padded) -> Tensor:
        return x.values.mean(1)


class Spread(nn.Module):
    """Ends the sequence as it should."""

    def forward(self, x: Padded) -> Tensor:
        return x.filled(-torch.inf).amax(1) - x.filled(torch.inf).amin(1)


class LeakyCell(Cell):
    """Forgets at a learnt rate; begins with a learnt state."""

    def __init__(self, channels: int, units: int) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.linspace(-1, 1, channels * units).view(channels, units))
        self.rate = nn.Parameter(torch.zeros(units))
        self.begin = nn.Parameter(torch.full((units,), 0.5))

    def initial_state(self, batch: int) -> Tensor:
        return self.begin.expand(batch, -1)

    def step(self, x_t: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        keep = torch.sigmoid(self.rate)
        state = keep * state + (1 - keep) * torch.tanh(x_t @ self.kernel)
        return state, state


class CountingCell(Cell):
    """A state of two parts, one of them without a gradient."""

    def initial_state(self, batch: int) -> tuple[Tensor, Tensor]:
        return torch.zeros(batch, 1), torch.zeros(batch, 1)

    def step(self, x_t: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Any]:
        total, count = state[0] + x_t.sum(1, keepdim=True), state[1] + 1
        return total / count, (total, count)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "layer", [Gate(3), Spread(), LeakyCell(3, 4), CountingCell(), CustomCell(LeakyCell(3, 2), 0.3)]
)
def test_what_is_ones_own_keeps_every_promise(layer: Any) -> None:
    """The same checks as those of segue's own layers."""
    assert check_layer(layer).largest() <= 1


def test_they_stand_between_other_layers() -> None:
    """Also inside a residual, behind the end of the sequence, and twice."""
    network = [
        Conv(3, 3),
        Gate(3),
        Residual([CustomModule(Gate(3)), Conv(3, 2)]),
        LeakyCell(3, 4),
        Gate(4),
    ]
    assert check_network(network, Shape(2)).largest() <= 1  # type: ignore[arg-type]


@pytest.mark.slow
def test_they_stand_inside_residual_repeat_and_parallel() -> None:
    """As they are, one or several, as deep as one likes; their weights are found by their paths."""
    network: Any = [
        Residual([Gate(2), LeakyCell(2, 2)]),
        Repeat(2, Gate(2)),
        Parallel([LeakyCell(2, 3), [Gate(2), Residual(Conv(2, 1), shortcut=Gate(2))]]),
        Pool("mean"),
    ]
    assert check_network(network, Shape(2)).largest() <= 1
    built = TorchNetwork(as_specs(network), Shape(2), 2)
    assert {
        "residual_1/cell_1/kernel",
        "own_2/linear/weight",
        "parallel_1/branch_2/residual_1/shortcut/own_1/linear/bias",
    } <= set(built.get_weights())
    with pytest.raises(SpecError, match="residual: `layers` is .*instance of LayerSpec"):
        Residual([Gate])


def test_a_module_that_takes_a_tensor_is_told_what_it_is_given() -> None:
    """Many of PyTorch's own modules take tensors only."""
    with pytest.raises(SpecError, match=r"own_1 \(Linear\) fails .*given a Padded: `values`"):
        TorchNetwork(as_specs([nn.Linear(2, 3), LSTM(4)]), Shape(2), 2)


def test_dropout_of_a_cell_is_the_same_in_pieces() -> None:
    """The mask of a sequence stays over all of its pieces."""
    built = TorchNetwork(as_specs([CustomCell(LeakyCell(2, 4), dropout=0.5)]), Shape(2), 2).double()
    x = Padded(torch.linspace(-1, 1, 36).view(2, 9, 2).double(), torch.tensor([9, 9]))
    whole = built(x, Draws(3))
    assert not torch.equal(whole, built(x))
    pieces = in_pieces(built, Batch(x, torch.arange(2), None), Draws(3), 4, every=False)
    torch.testing.assert_close(next(iter(pieces)).outputs, whole, rtol=0, atol=1e-12)


def test_padding_that_is_seen_is_found() -> None:
    """What nobody notices in a notebook."""
    with pytest.raises(CheckError, match="padding"):
        check_layer(MeanOverPadding())


def test_names_weights_and_causality() -> None:
    """Weights have the module's own names, with slashes; a module with `step` is causal."""
    network = TorchNetwork(
        as_specs([Gate(2), CustomModule(Spread(), name="spread"), Dense(3)]), Shape(2), 2
    )
    assert network.names == ["own_1", "spread", "dense_1", "head"]
    assert set(network.get_weights()) >= {"own_1/linear/weight", "own_1/linear/bias"}
    assert network.layer("own_1").causal
    with pytest.raises(NotCausalError, match="spread needs the whole sequence"):
        network.initial_state()
    cells = TorchNetwork(as_specs([LeakyCell(2, 3)]), Shape(2), 2)
    assert set(cells.get_weights()) >= {"cell_1/kernel", "cell_1/rate", "cell_1/begin"}
    assert str(Network.from_torch(network).summary()).startswith("layer")


def test_a_cell_gives_every_step_where_a_later_layer_needs_it() -> None:
    """As the recurrent layers do."""
    network = TorchNetwork(as_specs([LeakyCell(2, 3), LSTM(4)]), Shape(2), 2)
    assert [str(layer.shape) for layer in network.chain] == ["[time, 3]", "[4]", "[2]"]
    last = TorchNetwork(as_specs([CustomCell(LeakyCell(2, 3), output="last")]), Shape(2), 2)
    assert str(last.chain[0].shape) == "[3]"


def test_each_network_gets_a_copy() -> None:
    """Two trainings of one list of layers do not go on from each other."""
    module = Gate(2)
    first, second = (TorchNetwork(as_specs([module, Pool()]), Shape(2), 2) for _ in range(2))
    first.set_weights({"own_1/linear/bias": np.array([7.0, 7.0])})
    assert not np.array_equal(second.get_weights()["own_1/linear/bias"], [7, 7])
    assert not (module.linear.bias == 7).any()


def test_dropout_inside_is_a_pure_function_of_the_draws() -> None:
    """PyTorch's own dropout draws from its global generator, which is put back."""

    class Dropping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dropout = nn.Dropout(0.5)

        def forward(self, x: Padded) -> Padded:
            return x._replace(values=self.dropout(x.values))

    network = TorchNetwork(as_specs([Dropping(), Pool()]), Shape(8), 2)
    x = Padded(torch.ones(2, 5, 8), torch.tensor([5, 3]))
    before = torch.random.get_rng_state()
    first, again, other = (network(x, Draws(1, step=step)) for step in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(network(x), network(x))
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ([nn.Linear(3, 4)], r"own_1 \(Linear\) fails on a tiny batch of \[time, 2\]"),
        ([nn.Identity(), nn.LSTM(2, 3), Pool()], r"own_2 \(LSTM\) fails"),
        ([LeakyCell(5, 3)], r"cell_1 \(LeakyCell\) fails on a step of shape \(2, 2\)"),
        ([nn.Identity()], "still holds a sequence before its head"),
        ([Pool(), nn.Flatten(0)], r"own_1 \(Flatten\) is to give a Padded or \[batch, feature\]"),
    ],
)
def test_what_does_not_fit_is_refused_when_it_is_built(network: Any, message: str) -> None:
    """With the layer's name and class, not in the middle of the training."""
    with pytest.raises(SpecError, match=message):
        TorchNetwork(as_specs(network), Shape(2), 2)


@pytest.mark.slow
def test_they_learn_and_are_saved_as_weights_and_a_note(tmp_path: Path) -> None:
    """In a classifier, as any other layer; the file is loaded around the layers that are given."""
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(n, 2)) + 2 * (n % 2) for n in rng.integers(3, 9, 60)]
    y = [len(steps) % 2 for steps in x]
    options = segue.TrainingOptions(progress="none")
    network: Any = [LeakyCell(2, 4), Gate(4)]
    fitted = segue.SequenceClassifier(network, epochs=120, validation=None, options=options).fit(
        x, y
    )
    assert fitted.score(x, y) > 0.9
    path = tmp_path / "own.safetensors"
    fitted.save(path)
    with pytest.raises(ModelFileError, match="'LeakyCell'.*segue.load\\(path, network=...\\)"):
        segue.load(path)
    for given in (lambda: [LeakyCell(2, 4), Spread()], [LeakyCell(2, 4)]):
        with pytest.raises(ModelFileError, match="and another was given"):
            segue.load(path, network=given)
    with pytest.raises(ModelFileError, match="the description and the weights differ"):
        segue.load(path, network=[LeakyCell(2, 5), Gate(5)])
    for given in (lambda: [LeakyCell(2, 4), Gate(4)], [LeakyCell(2, 4), Gate(4)]):
        loaded = segue.load(path, network=given)
        np.testing.assert_array_equal(loaded.predict_proba(x), fitted.predict_proba(x))


def test_an_error_in_the_function_that_gives_the_layers_is_its_own(tmp_path: Path) -> None:
    """The file is whole; what the function raises is what its author must see."""
    options = segue.TrainingOptions(progress="none")
    network: Any = [LeakyCell(2, 4), Gate(4)]
    fitted = segue.SequenceClassifier(network, epochs=1, options=options)
    fitted.fit([[[0.0, 1.0]], [[1.0, 0.0]]] * 4, [0, 1] * 4).save(tmp_path / "own.safetensors")

    def given() -> Any:
        raise KeyError("a mistake of mine")

    with pytest.raises(KeyError, match="a mistake of mine"):
        segue.load(tmp_path / "own.safetensors", network=given)


class PlainZeros(LeakyCell):
    """Its state begins as a float32 tensor, whatever its weights are."""

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, 3)


def test_a_cell_may_begin_with_plain_zeros() -> None:
    """The state takes the weights' type, step by step too: every promise holds in float64."""
    assert check_layer(PlainZeros(3, 3)).passed


def test_their_json_is_a_note_that_makes_nothing() -> None:
    """A file names the class, and nothing is imported by that name."""
    (spec,) = as_specs([Gate(2)])
    assert spec.to_json() == {"kind": "own", "module": "Gate"}
    with pytest.raises(SpecError, match=r"the user's own, 'Gate', which a file cannot bring"):
        specs_from_json([spec.to_json()])
    (around,) = as_specs(Residual([CustomCell(LeakyCell(2, 2))]))
    with pytest.raises(SpecError, match=r"the user's own, 'LeakyCell', which a file"):
        specs_from_json([around.to_json()])
    with pytest.raises(SpecError, match="unknown layer 'own'"):
        as_specs("own(Gate)")


def test_a_network_is_read_while_another_thread_imports_torch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its module is there before its classes are."""
    monkeypatch.setitem(sys.modules, "torch.nn", ModuleType("torch.nn"))
    assert [str(spec) for spec in as_specs("residual(relu) lstm(8)")] == [
        "residual(relu)",
        "lstm(8)",
    ]
