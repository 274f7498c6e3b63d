"""The gated recurrent unit.

Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014. The reset gate
acts after the product with the recurrent weights (the form of Keras `reset_after=True`, PyTorch and
cuDNN), or before it (the classic cell):

    after:   n = tanh(x_n + b_n + r * (h @ R_n + rb_n))
    before:  n = tanh(x_n + b_n + (r * h) @ R_n)
    h' = z * h + (1 - z) * n
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from segue.kernels.fused import fused
from segue.kernels.scan import State, scan


class GRUWeights(NamedTuple):
    """Gates in the order update, reset, candidate. The bias's shape tells the form of the cell."""

    kernel: Tensor  # [channel, 3 * units]
    recurrent_kernel: Tensor  # [units, 3 * units]
    bias: Tensor  # reset after: [2, 3 * units] (input, recurrent); before: [3 * units]

    @property
    def resets_after(self) -> bool:
        """Whether the reset gate acts after the product with the recurrent weights."""
        return self.bias.ndim == 2


def gru(
    x: Tensor,
    lengths: Tensor,
    weights: GRUWeights,
    state: State,
    *,
    recurrent_mask: Tensor | None = None,
) -> tuple[Tensor, State]:
    """Run a GRU over right-padded sequences.

    Args:
        x: `[batch, time, channel]`.
        lengths: `[batch]`.
        weights: `GRUWeights`.
        state: `(h [batch, units],)` before the first step.
        recurrent_mask: `[batch, units]`, multiplied with h before every step (recurrent dropout).

    Returns:
        The outputs `[batch, time, units]`, and the state after each sequence's own last step.
    """
    if recurrent_mask is not None or not weights.resets_after:
        return _by_steps(x, lengths, weights, state, recurrent_mask)
    theirs = [
        _reset_first(weights.kernel).t(),
        _reset_first(weights.recurrent_kernel).t(),
        _reset_first(weights.bias[0]),
        _reset_first(weights.bias[1]),
    ]
    return fused(torch.gru, x, lengths, state, theirs)


def gru_step(x_t: Tensor, weights: GRUWeights, state: State) -> tuple[Tensor, State]:
    """Take one step: `x_t` `[batch, channel]` to the output `[batch, units]` and the new state."""
    bias = weights.bias[0] if weights.resets_after else weights.bias
    return _cell(torch.addmm(bias, x_t, weights.kernel), weights, state)


def _reset_first(weights: Tensor) -> Tensor:
    """PyTorch has the reset gate before the update gate."""
    update, reset, candidate = weights.chunk(3, dim=-1)
    return torch.cat([reset, update, candidate], dim=-1)


def _cell(
    projected: Tensor, weights: GRUWeights, state: State, mask: Tensor | None = None
) -> tuple[Tensor, State]:
    h = state[0]
    seen = h if mask is None else h * mask
    z_x, r_x, n_x = projected.chunk(3, dim=1)
    if weights.resets_after:
        z_h, r_h, n_h = torch.addmm(weights.bias[1], seen, weights.recurrent_kernel).chunk(3, dim=1)
        candidate = torch.tanh(n_x + torch.sigmoid(r_x + r_h) * n_h)
    else:
        units = h.shape[1]
        gates, last = weights.recurrent_kernel.tensor_split([2 * units], dim=1)
        z_h, r_h = (seen @ gates).chunk(2, dim=1)
        candidate = torch.tanh(n_x + (torch.sigmoid(r_x + r_h) * seen) @ last)
    z = torch.sigmoid(z_x + z_h)
    h = z * h + (1 - z) * candidate
    return h, (h,)


def _by_steps(
    x: Tensor, lengths: Tensor, weights: GRUWeights, state: State, mask: Tensor | None
) -> tuple[Tensor, State]:
    bias = weights.bias[0] if weights.resets_after else weights.bias
    projected = x @ weights.kernel + bias
    return scan(lambda p_t, s: _cell(p_t, weights, s, mask), projected, lengths, state)
