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

from segue.kernels.recurrence import (
    Masks,
    RecurrentWeights,
    State,
    fused,
    is_ragged,
    project,
    recurrent,
    scan,
)


class LSTMState(NamedTuple):
    """The state of an LSTM between two steps."""

    h: Tensor  # [batch, units], hidden state: the output
    c: Tensor  # [batch, units], cell state


def lstm(
    x: Tensor,
    lengths: Tensor,
    weights: RecurrentWeights,
    state: State,
    *,
    masks: Masks | None = None,
    final_state: bool = True,
) -> tuple[Tensor, LSTMState]:
    """Run an LSTM over right-padded sequences.

    Args:
        x: `[batch, time, channel]`.
        lengths: `[batch]`.
        weights: `RecurrentWeights`, gates in the order input, forget, cell, output.
        state: `(h, c)` before the first step, `[batch, units]` each.
        masks: recurrent dropout, and that of the inputs beside it.
        final_state: whether the state after the last step is needed. Where the lengths differ it
            is computed step by step, which takes longer; without it the returned `c` has no
            meaning there.

    Returns:
        The outputs `[batch, time, units]`, and the state after each sequence's own last step.
    """
    kernel, recurrent_kernel, bias = weights
    if masks is None and not (final_state and is_ragged(x, lengths)):
        theirs = [kernel.t(), recurrent_kernel.t(), bias, torch.zeros_like(bias)]
        outputs, final = fused(torch.lstm, x, lengths, state, theirs)
        return outputs, LSTMState(*final)
    product = recurrent(recurrent_kernel, None if masks is None else masks.hidden)

    def step(projected: Tensor, before: State) -> tuple[Tensor, State]:
        h, c = before
        return _cell(projected + product(h), c)

    outputs, final = scan(step, project(x, kernel, bias, masks), lengths, state)
    return outputs, LSTMState(*final)


def lstm_step(x_t: Tensor, weights: RecurrentWeights, state: State) -> tuple[Tensor, LSTMState]:
    """Take one step: `x_t` `[batch, channel]` to the output `[batch, units]` and the new state."""
    projected = torch.addmm(weights.bias, x_t, weights.kernel)
    return _cell(torch.addmm(projected, state[0], weights.recurrent_kernel), state[1])


def _cell(gates: Tensor, c: Tensor) -> tuple[Tensor, LSTMState]:
    i, f, g, o = gates.chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return h, LSTMState(h, c)
