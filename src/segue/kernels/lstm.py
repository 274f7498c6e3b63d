"""Long short-term memory.

Hochreiter & Schmidhuber, "Long short-term memory", Neural Computation 9(8), 1997, with the forget
gate of Gers, Schmidhuber & Cummins, "Learning to forget", Neural Computation 12(10), 2000:

    i, f, g, o = split(x_t @ kernel + h @ recurrent_kernel + bias)
    c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h' = sigmoid(o) * tanh(c')
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from segue.kernels.gates import Masks, project, recurrent
from segue.kernels.ragged import is_ragged, last_step
from segue.kernels.scan import State, scan


class LSTMWeights(NamedTuple):
    """Gates in the order input, forget, cell, output."""

    kernel: Tensor  # [channel, 4 * units]
    recurrent_kernel: Tensor  # [units, 4 * units]
    bias: Tensor  # [4 * units]


class LSTMState(NamedTuple):
    """The state of an LSTM between two steps."""

    h: Tensor  # [batch, units], hidden state: the output
    c: Tensor  # [batch, units], cell state


def lstm(
    x: Tensor,
    lengths: Tensor,
    weights: LSTMWeights,
    state: LSTMState,
    *,
    masks: Masks | None = None,
    final_state: bool = True,
) -> tuple[Tensor, LSTMState]:
    """Run an LSTM over right-padded sequences.

    Args:
        x: `[batch, time, channel]`.
        lengths: `[batch]`.
        weights: `LSTMWeights`.
        state: the state before the first step.
        masks: recurrent dropout, and that of the inputs beside it.
        final_state: whether the state after the last step is needed. Where the lengths
            differ it costs a little more, and without it the returned `c` has no meaning.

    Returns:
        The outputs `[batch, time, units]`, and the state after each sequence's own last step.
    """
    if masks is not None:
        return _by_steps(x, lengths, weights, state, masks)
    ragged = is_ragged(x, lengths)
    if ragged and final_state:
        x, weights = _held_after_the_end(x, lengths, weights)
    kernel, recurrent_kernel, bias = weights
    outputs, h, c = torch.lstm(
        x,
        (state.h[None], state.c[None]),
        [kernel.t(), recurrent_kernel.t(), bias, torch.zeros_like(bias)],
        has_biases=True,
        num_layers=1,
        dropout=0.0,
        train=torch.is_grad_enabled(),
        bidirectional=False,
        batch_first=True,
    )
    return outputs, LSTMState(last_step(outputs, lengths) if ragged else h[0], c[0])


def lstm_step(x_t: Tensor, weights: LSTMWeights, state: LSTMState) -> tuple[Tensor, LSTMState]:
    """Take one step: `x_t` `[batch, channel]` to the output `[batch, units]` and the new state."""
    projected = torch.addmm(weights.bias, x_t, weights.kernel)
    return _cell(torch.addmm(projected, state.h, weights.recurrent_kernel), state.c)


def _cell(gates: Tensor, c: Tensor) -> tuple[Tensor, LSTMState]:
    i, f, g, o = gates.chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return h, LSTMState(h, c)


def _by_steps(
    x: Tensor, lengths: Tensor, weights: LSTMWeights, state: LSTMState, masks: Masks
) -> tuple[Tensor, LSTMState]:
    projected = project(x, weights.kernel, weights.bias, masks)
    product = recurrent(weights.recurrent_kernel, masks.hidden)

    def step(p_t: Tensor, s: State) -> tuple[Tensor, State]:
        h, c = s
        return _cell(p_t + product(h), c)

    outputs, final = scan(step, projected, lengths, state)
    return outputs, LSTMState(*final)


# Far enough that the sigmoid is exactly 0 or 1, in float64 too.
_SHUT, _OPEN = -1e4, 1e4


def _held_after_the_end(
    x: Tensor, lengths: Tensor, weights: LSTMWeights
) -> tuple[Tensor, LSTMWeights]:
    """Make the cell state stand still after each sequence's end.

    The fused path gives c only after the last step of the batch. So one more channel is 1 on
    padding, with weights that shut the input gate and open the forget gate there: c' = 1 * c + 0.
    """
    units = weights.recurrent_kernel.shape[0]
    padding = torch.arange(x.shape[1], device=x.device) >= lengths[:, None]
    row = x.new_zeros(4, units)
    row[0], row[1] = _SHUT, _OPEN
    x = torch.where(padding[:, :, None], 0, x)
    x = torch.cat([x, padding[:, :, None].to(x.dtype)], dim=2)
    return x, weights._replace(kernel=torch.cat([weights.kernel, row.view(1, -1)]))
