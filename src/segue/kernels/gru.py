"""The gated recurrent unit.

Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014. The reset gate
acts after the product with the recurrent weights (the form of Keras `reset_after=True`, PyTorch and
cuDNN), or before it (the classic cell):

    after:   n = tanh(x_n + b_n + r * (h @ R_n + rb_n))
    before:  n = tanh(x_n + b_n + (r * h) @ R_n)
    h' = z * h + (1 - z) * n
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from segue.kernels.fused import fused
from segue.kernels.gates import Masks, project, recurrent
from segue.kernels.scan import State, Step, scan


class GRUWeights(NamedTuple):
    """Gates in the order update, reset, candidate. The bias's shape decides the form."""

    kernel: Tensor  # [channel, 3 * units]
    recurrent_kernel: Tensor  # [units, 3 * units]
    bias: Tensor  # reset after: [2, 3 * units] (input, recurrent); before: [3 * units]

    @property
    def resets_after(self) -> bool:
        """Whether the reset gate acts after the product with the recurrent weights."""
        return self.bias.ndim == 2

    @property
    def input_bias(self) -> Tensor:
        """The bias of the input projection."""
        return self.bias[0] if self.resets_after else self.bias


def gru(
    x: Tensor,
    lengths: Tensor,
    weights: GRUWeights,
    state: State,
    *,
    masks: Masks | None = None,
) -> tuple[Tensor, State]:
    """Run a GRU over right-padded sequences.

    Args:
        x: `[batch, time, channel]`.
        lengths: `[batch]`.
        weights: `GRUWeights`.
        state: `(h [batch, units],)` before the first step.
        masks: recurrent dropout, and that of the inputs beside it.

    Returns:
        The outputs `[batch, time, units]`, and the state after each sequence's own last step.
    """
    if masks is not None or not weights.resets_after:
        projected = project(x, weights.kernel, weights.input_bias, masks)
        return scan(_cell(weights, masks), projected, lengths, state)
    theirs = [
        _reset_first(weights.kernel).t(),
        _reset_first(weights.recurrent_kernel).t(),
        _reset_first(weights.bias[0]),
        _reset_first(weights.bias[1]),
    ]
    return fused(torch.gru, x, lengths, state, theirs)


def gru_step(x_t: Tensor, weights: GRUWeights, state: State) -> tuple[Tensor, State]:
    """Take one step: `x_t` `[batch, channel]` to the output `[batch, units]` and the new state."""
    return _cell(weights)(torch.addmm(weights.input_bias, x_t, weights.kernel), state)


def _reset_first(weights: Tensor) -> Tensor:
    """PyTorch has the reset gate before the update gate."""
    update, reset, candidate = weights.chunk(3, dim=-1)
    return torch.cat([reset, update, candidate], dim=-1)


def _cell(weights: GRUWeights, masks: Masks | None = None) -> Step:
    """The step from what the inputs give to all gates."""
    mask = None if masks is None else masks.hidden
    candidate = (_reset_after if weights.resets_after else _reset_before)(weights, mask)

    def step(projected: Tensor, state: State) -> tuple[Tensor, State]:
        (h,) = state
        z, n = candidate(projected, h)
        h = z * h + (1 - z) * n
        return h, (h,)

    return step


Candidate = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]  # the update gate, and the candidate


def _reset_after(weights: GRUWeights, mask: Tensor | None) -> Candidate:
    product = recurrent(weights.recurrent_kernel, mask)

    def candidate(projected: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        z_x, r_x, n_x = projected.chunk(3, dim=1)
        z_h, r_h, n_h = (product(h) + weights.bias[1]).chunk(3, dim=1)
        return torch.sigmoid(z_x + z_h), torch.tanh(n_x + torch.sigmoid(r_x + r_h) * n_h)

    return candidate


def _reset_before(weights: GRUWeights, mask: Tensor | None) -> Candidate:
    units = weights.recurrent_kernel.shape[0]
    gates, last = weights.recurrent_kernel.tensor_split([2 * units], dim=1)
    to_gates = recurrent(gates, None if mask is None else mask[:, :2])
    to_last = recurrent(last, None if mask is None else mask[:, 2:])

    def candidate(projected: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        gates_x, n_x = projected.tensor_split([2 * units], dim=1)
        z, r = torch.sigmoid(gates_x + to_gates(h)).chunk(2, dim=1)
        return z, torch.tanh(n_x + to_last(r * h))

    return candidate
