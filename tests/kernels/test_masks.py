"""Dropout masks of their own for each gate, against a plain reference: gate by gate, step by step.

The reference has one sequence, no batch, and a matrix for each gate; it is written from the
formulas of the cells and of Gal & Ghahramani's dropout with untied weights.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from segue.data.sequences import Array
from segue.kernels.cells import (
    LSTMState,
    Masks,
    RecurrentWeights,
    gru,
    lstm,
    rnn,
)

LENGTHS = torch.tensor([4, 1, 6])
CHANNELS, UNITS = 2, 3
KINDS = {"lstm": 4, "gru after": 3, "gru before": 3, "rnn": 1}
kinds = pytest.mark.parametrize("kind", KINDS)


def draw(*size: int) -> Tensor:
    generator = torch.Generator().manual_seed(sum(size))
    return torch.randn(*size, generator=generator, dtype=torch.float64)


def drawn_mask(*size: int) -> Tensor:
    return (draw(*size) > -0.5).double() / 0.7


class Case:
    """Inputs, weights, states and masks of one cell."""

    def __init__(self, kind: str) -> None:
        self.kind, gates = kind, KINDS[kind]
        self.x = draw(3, 6, CHANNELS)
        self.kernel = draw(CHANNELS, gates * UNITS)
        self.recurrent_kernel = draw(UNITS, gates * UNITS)
        self.bias = draw(*([2] if kind == "gru after" else []), gates * UNITS)
        self.state = tuple(draw(3, UNITS) for _ in range(2 if kind == "lstm" else 1))
        self.masks = Masks(drawn_mask(3, gates, CHANNELS), drawn_mask(3, gates, UNITS))

    def run(self, x: Tensor, state: tuple[Tensor, ...], *arrays: Tensor, **more: Masks) -> Tensor:
        if self.kind == "lstm":
            return lstm(x, LENGTHS, RecurrentWeights(*arrays), LSTMState(*state), **more)[0]
        if self.kind == "rnn":
            return rnn(x, LENGTHS, RecurrentWeights(*arrays), state, **more)[0]
        return gru(x, LENGTHS, RecurrentWeights(*arrays), state, **more)[0]

    def outputs(self, masks: Masks | None) -> Tensor:
        more = {} if masks is None else {"masks": masks}
        arrays = (self.kernel, self.recurrent_kernel, self.bias)
        return self.run(self.x, self.state, *arrays, **more)

    def reference(self, row: int, masks: Masks) -> Array:
        """The outputs of one sequence."""
        x = self.x[row, : int(LENGTHS[row])].numpy()
        h, *c = (state[row].numpy() for state in self.state)
        gates = KINDS[self.kind]
        kernels, recurrents, biases = (
            np.split(array.numpy(), gates, axis=-1)
            for array in (self.kernel, self.recurrent_kernel, self.bias)
        )
        seen = np.ones((gates, CHANNELS)) if masks.inputs is None else masks.inputs[row].numpy()
        kept = masks.hidden[row].numpy()
        outputs = []
        for x_t in x:
            inner = [(x_t * seen[g]) @ kernels[g] for g in range(gates)]
            h, *c = CELLS[self.kind](inner, recurrents, biases, kept, h, *c)
            outputs.append(h)
        return np.stack(outputs)


def sigmoid(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))


Parts = list[Array]


def lstm_cell(x: Parts, r: Parts, b: Parts, kept: Array, *state: Array) -> Parts:
    h, c = state
    i, f, g, o = (x[k] + (h * kept[k]) @ r[k] + b[k] for k in range(4))
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return [sigmoid(o) * np.tanh(c), c]


def gru_after(x: Parts, r: Parts, b: Parts, kept: Array, h: Array) -> Parts:
    outer = [(h * kept[k]) @ r[k] + b[k][1] for k in range(3)]
    update, reset = (sigmoid(x[k] + b[k][0] + outer[k]) for k in range(2))
    candidate = np.tanh(x[2] + b[2][0] + reset * outer[2])
    return [update * h + (1 - update) * candidate]


def gru_before(x: Parts, r: Parts, b: Parts, kept: Array, h: Array) -> Parts:
    update, reset = (sigmoid(x[k] + b[k] + (h * kept[k]) @ r[k]) for k in range(2))
    candidate = np.tanh(x[2] + b[2] + (reset * h * kept[2]) @ r[2])
    return [update * h + (1 - update) * candidate]


def rnn_cell(x: Parts, r: Parts, b: Parts, kept: Array, h: Array) -> Parts:
    return [np.tanh(x[0] + b[0] + (h * kept[0]) @ r[0])]


CELLS: dict[str, Callable[..., Parts]] = {
    "lstm": lstm_cell,
    "gru after": gru_after,
    "gru before": gru_before,
    "rnn": rnn_cell,
}


@kinds
@pytest.mark.parametrize("inputs", [True, False], ids=["inputs too", "hidden only"])
def test_outputs_are_those_of_the_reference(kind: str, *, inputs: bool) -> None:
    """Sequences of unequal lengths in one batch; what is carried on is never dropped."""
    case = Case(kind)
    masks = case.masks if inputs else case.masks._replace(inputs=None)
    got = case.outputs(masks)
    for row, length in enumerate(LENGTHS.tolist()):
        wanted = case.reference(row, masks)
        np.testing.assert_allclose(got[row, :length], wanted, rtol=0, atol=1e-12)


@kinds
def test_masks_of_ones_change_nothing(kind: str) -> None:
    """Step by step is then the same as the fast path."""
    case = Case(kind)
    ones = Masks(*(torch.ones_like(mask) for mask in case.masks))  # type: ignore[arg-type]
    for row, length in enumerate(LENGTHS.tolist()):
        got, wanted = (case.outputs(masks)[row, :length] for masks in (ones, None))
        torch.testing.assert_close(got, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["lstm", "gru after", "gru before"])
@pytest.mark.parametrize("part", Masks._fields)
def test_each_gate_has_a_mask_of_its_own(kind: str, part: str) -> None:
    """What one gate does not see changes the outputs, and for each gate otherwise."""
    case = Case(kind)
    whole = torch.ones_like(getattr(case.masks, part))
    found = [case.outputs(case.masks._replace(**{part: whole}))]
    for gate in range(KINDS[kind]):
        mask = whole.clone()
        mask[:, gate] = 0
        found.append(case.outputs(case.masks._replace(**{part: mask})))
    apart = torch.pdist(torch.stack(found)[:, 2].flatten(1))
    assert float(apart.min()) > 1e-3


@pytest.mark.sampled(2)
@kinds
def test_gradients_against_finite_differences(kind: str) -> None:
    """In float64, of inputs, states and weights, with the masks as they are."""
    case = Case(kind)
    states = len(case.state)
    real = torch.arange(case.x.shape[1]) < LENGTHS[:, None]

    def outputs(x: Tensor, *rest: Tensor) -> Tensor:
        return case.run(x, rest[:states], *rest[states:], masks=case.masks)[real]

    arrays = (case.x, *case.state, case.kernel, case.recurrent_kernel, case.bias)
    given = [array.clone().requires_grad_(True) for array in arrays]
    assert torch.autograd.gradcheck(outputs, given, atol=1e-7)
