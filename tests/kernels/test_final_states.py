"""The final state of a ragged batch is that after each sequence's own last step.

PyTorch's fused path gives the cell state after the last step of the batch only, so the LSTM holds
it still behind each end. These tests look at that, and at the step-by-step path beside it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import segue.kernels
from segue.kernels.cells import (
    LSTMState,
    Masks,
    RecurrentWeights,
    gru,
    last_step,
    lstm,
    reverse,
    rnn,
)
from segue.testing.report import TOLERANCE

LENGTHS = torch.tensor([3, 1, 7, 7, 2])
CHANNELS, UNITS = 2, 4
DTYPES = {"float32": torch.float32, "float64": torch.float64}
Run = Callable[..., tuple[Tensor, tuple[Tensor, ...]]]


def draw(*size: int, scale: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(sum(size))
    return torch.randn(*size, generator=generator, dtype=torch.float64) * scale


def make(kind: str, dtype: torch.dtype, scale: float = 1.0) -> tuple[Run, tuple[Tensor, ...], int]:
    """The kernel, its weights, and how many states it has."""
    kernels: dict[str, tuple[Run, type, int, tuple[int, ...], int]] = {
        "lstm": (lstm, RecurrentWeights, 4, (), 2),
        "gru": (gru, RecurrentWeights, 3, (2,), 1),
        "gru before": (gru, RecurrentWeights, 3, (), 1),
        "rnn": (rnn, RecurrentWeights, 1, (), 1),
    }
    run, weights, gates, bias, states = kernels[kind]
    arrays = [
        draw(CHANNELS, gates * UNITS, scale=scale).to(dtype),
        draw(UNITS, gates * UNITS, scale=scale).to(dtype),
        draw(*bias, gates * UNITS, scale=scale).to(dtype),
    ]
    return run, weights(*[a.requires_grad_(True) for a in arrays]), states


def states_of(kind: str, count: int, dtype: torch.dtype) -> tuple[Tensor, ...]:
    values = tuple(draw(5, UNITS, 1 + n)[:, :, 0].to(dtype) for n in range(count))
    return LSTMState(*values) if kind == "lstm" else values


def only(state: tuple[Tensor, ...], row: int) -> tuple[Tensor, ...]:
    rows = tuple(values[row : row + 1] for values in state)
    return LSTMState(*rows) if len(rows) == 2 else rows


KINDS = ["lstm", "gru", "gru before", "rnn"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("masked", [False, True], ids=["fused", "by steps"])
@pytest.mark.parametrize("kind", KINDS)
def test_final_states_are_those_of_each_sequence_alone(kind: str, masked: bool, dtype: str) -> None:
    """h and c, with values of a million behind the ends, with and without recurrent dropout."""
    run, weights, count = make(kind, DTYPES[dtype])
    state = states_of(kind, count, DTYPES[dtype])
    x = draw(5, 9, CHANNELS).to(DTYPES[dtype])
    padding = torch.arange(9) >= LENGTHS[:, None]
    x = torch.where(padding[:, :, None], 1e6, x)
    gates = weights[1].shape[1] // UNITS
    inputs, hidden = (
        (draw(5, gates, size) > 0).to(DTYPES[dtype]) * 2 for size in (CHANNELS, UNITS)
    )
    options = {"masks": Masks(inputs, hidden)} if masked else {}
    outputs, final = run(x, LENGTHS, weights, state, **options)
    for row, length in enumerate(LENGTHS.tolist()):
        one = only(state, row)
        here = slice(row, row + 1)
        options = {"masks": Masks(inputs[here], hidden[here])} if masked else {}
        alone, alone_final = run(x[here, :length], torch.tensor([length]), weights, one, **options)
        for got, wanted in zip(
            (outputs[row, :length], *(f[row] for f in final)),
            (alone[0], *(f[0] for f in alone_final)),
            strict=True,
        ):
            scale = max(1.0, float(wanted.detach().abs().max()))
            assert float((got - wanted).detach().abs().max()) <= TOLERANCE[dtype] * scale


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_through_final_states_are_those_of_each_sequence_alone(kind: str) -> None:
    """The sum over the batch of what each sequence gives; nothing comes from behind an end."""
    run, weights, count = make(kind, torch.float64)
    state = states_of(kind, count, torch.float64)
    x = draw(5, 9, CHANNELS).requires_grad_(True)

    def total(final: tuple[Tensor, ...]) -> Tensor:
        return sum(((f**2).sum() for f in final), torch.zeros((), dtype=torch.float64))

    _, final = run(x, LENGTHS, weights, state)
    together = torch.autograd.grad(total(final), [x, *weights])
    parts = []
    for row, length in enumerate(LENGTHS.tolist()):
        one = only(state, row)
        _, final = run(x[row : row + 1, :length], torch.tensor([length]), weights, one)
        parts.append(torch.autograd.grad(total(final), [x, *weights]))
    for number, got in enumerate(together):
        wanted = torch.stack([part[number] for part in parts]).sum(0)
        torch.testing.assert_close(got, wanted, rtol=1e-10, atol=1e-10)


def test_gradients_through_the_held_cell_state_against_finite_differences() -> None:
    """In float64, of the inputs, the weights and the state before the first step."""
    _, weights, _ = make("lstm", torch.float64)
    x = draw(3, 4, CHANNELS).requires_grad_(True)
    lengths = torch.tensor([2, 4, 1])
    h, c = draw(3, UNITS).requires_grad_(True), draw(3, UNITS, scale=2).requires_grad_(True)

    def final(x: Tensor, h: Tensor, c: Tensor, *arrays: Tensor) -> tuple[Tensor, ...]:
        outputs, state = lstm(x, lengths, RecurrentWeights(*arrays), LSTMState(h, c))
        return last_step(outputs, lengths), state.h, state.c

    assert torch.autograd.gradcheck(final, (x, h, c, *weights), atol=1e-7)


@pytest.mark.parametrize("learning", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [30.0, 300.0])
def test_large_weights_do_not_open_the_gates_behind_the_end(
    scale: float, dtype: str, learning: bool
) -> None:
    """The cell state stands still to the bit, whatever the gates' own sums are.

    The first step of each sequence shuts the input gate and opens the forget gate itself, so the
    state before it is known to be the right one, without a second call. Two calls of different
    numbers of steps need not agree to the bit: in training oneDNN multiplies the inputs of all
    steps at once, and with AVX2 it adds up the rows at the edge of that product in another way.
    """
    _, weights, _ = make("lstm", DTYPES[dtype], scale=scale)
    kernel = weights[0].detach().clone()
    kernel[0, :UNITS], kernel[0, UNITS : 2 * UNITS] = -1e4, 1e4
    weights = weights._replace(kernel=kernel.requires_grad_(True))
    state = LSTMState(*(draw(5, UNITS, scale=2).to(DTYPES[dtype]) for _ in range(2)))
    x = draw(5, 53, CHANNELS, scale=1e6).to(DTYPES[dtype])
    x[:, 0] = torch.tensor([1.0, 0.0])
    with torch.set_grad_enabled(learning):
        _, final = lstm(x, torch.ones(5, dtype=torch.int64), weights, state)
    assert torch.equal(final.c, state.c)


@pytest.mark.parametrize("learning", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize("padding", [0, 1, 50])
@pytest.mark.parametrize("scale", [30.0, 300.0])
def test_the_amount_of_padding_does_not_matter_with_large_weights(
    scale: float, padding: int, learning: bool
) -> None:
    """The final states of float32 are those of float64 without padding, within the tolerance."""
    _, weights, _ = make("lstm", torch.float32, scale=scale)
    state = LSTMState(torch.zeros(1, UNITS), torch.full((1, UNITS), 5.0))
    x = draw(1, 3, CHANNELS).float()
    padded = torch.cat([x, torch.zeros(1, padding, CHANNELS)], dim=1)
    with torch.set_grad_enabled(learning):
        _, final = lstm(padded, torch.tensor([3]), weights, state)
    wide = RecurrentWeights(*(w.double() for w in weights)), LSTMState(*(s.double() for s in state))
    _, wanted = lstm(x.double(), torch.tensor([3]), *wide)
    for got, reference in zip(final, wanted, strict=True):
        scale = max(1.0, float(reference.detach().abs().max()))
        assert float((got - reference).detach().abs().max()) <= TOLERANCE["float32"] * scale


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_relu_that_grows_without_bound_behind_an_end_reaches_no_gradient(dtype: str) -> None:
    """A short sequence beside a long one, with weights whose powers leave the numbers there are."""
    dtype_ = DTYPES[dtype]
    arrays = (torch.ones(CHANNELS, UNITS), 3 * torch.eye(UNITS), torch.ones(UNITS))
    weights = RecurrentWeights(*(a.to(dtype_).requires_grad_(True) for a in arrays))
    x = draw(2, 3, CHANNELS).to(dtype_)
    state = (torch.zeros(2, UNITS, dtype=DTYPES[dtype]),)
    lengths = torch.tensor([3, 2])
    gradients = []
    for padding in (0, 3000):
        padded = torch.cat([x, x.new_ones(2, padding, CHANNELS)], dim=1)
        outputs, final = rnn(padded, lengths, weights, state, activation="relu")
        total = outputs[0, :3].sum() + outputs[1, :2].sum() + final[0].sum()
        gradients.append(torch.autograd.grad(total, list(weights)))
    for short, long in zip(*gradients, strict=True):
        assert bool(torch.isfinite(long).all())
        torch.testing.assert_close(short, long, rtol=1e-5, atol=1e-5)


def test_reverse_turns_each_sequence_by_its_own_length() -> None:
    """Twice is nothing; padding stays behind."""
    x = draw(5, 7, 2)
    turned = reverse(x, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        assert torch.equal(turned[row, :length], x[row, :length].flip(0))
        assert torch.equal(turned[row, length:], x[row, length:])
    assert torch.equal(reverse(turned, LENGTHS), x)


def test_last_step_is_the_last_real_one() -> None:
    """Also of sequences of one step."""
    x = draw(5, 7, 2)
    wanted = torch.stack([x[row, length - 1] for row, length in enumerate(LENGTHS.tolist())])
    assert torch.equal(last_step(x, LENGTHS), wanted)


@pytest.mark.parametrize("name", ["GRUWeights", "LSTMWeights", "RNNWeights"])
def test_the_former_names_of_weights_warn(name: str) -> None:
    """They mean the one type that all cells have now."""
    with pytest.warns(DeprecationWarning, match=f"{name} is now called segue.kernels.Recurrent"):
        assert getattr(segue.kernels, name) is RecurrentWeights
    with pytest.raises(AttributeError, match="has no attribute 'Weights'"):
        getattr(segue.kernels, "Weights")  # noqa: B009
