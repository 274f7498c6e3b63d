"""The gated recurrent unit.

Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014. The reset gate
acts after the product with the recurrent weights (the form of Keras `reset_after=True`, PyTorch and
cuDNN), or before it (the classic cell):

    after:   n = tanh(x_n + b_n + r * (h @ R_n + rb_n))
    before:  n = tanh(x_n + b_n + (r * h) @ R_n)
    h' = z * h + (1 - z) * n
"""

from __future__ import annotations

import torch
from torch import Tensor

from segue.kernels.recurrence import (
    Masks,
    RecurrentWeights,
    State,
    Step,
    fused,
    project,
    recurrent,
    scan,
)


def gru(
    x: Tensor,
    lengths: Tensor,
    weights: RecurrentWeights,
    state: State,
    *,
    masks: Masks | None = None,
) -> tuple[Tensor, State]:
    """Run a GRU over right-padded sequences.

    Args:
        x: `[batch, time, channel]`.
        lengths: `[batch]`.
        weights: `RecurrentWeights`, gates in the order update, reset, candidate. With a bias of two
            rows (input, recurrent) the reset gate acts after the recurrent product, else before.
        state: `(h [batch, units],)` before the first step.
        masks: recurrent dropout, and that of the inputs beside it.

    Returns:
        The outputs `[batch, time, units]`, and the state after each sequence's own last step.
    """
    kernel, recurrent_kernel, bias = weights
    if masks is None and bias.ndim == 2:
        # PyTorch has the reset gate before the update gate.
        parts = (part.chunk(3, dim=-1) for part in (kernel, recurrent_kernel, bias))
        theirs = [torch.cat([reset, update, candidate], -1) for update, reset, candidate in parts]
        theirs = [theirs[0].t(), theirs[1].t(), *theirs[2]]
        return fused(torch.gru, x, lengths, state, theirs)
    projected = project(x, kernel, input_bias(bias), masks)
    return scan(_cell(weights, masks), projected, lengths, state)


def gru_step(x_t: Tensor, weights: RecurrentWeights, state: State) -> tuple[Tensor, State]:
    """Take one step: `x_t` `[batch, channel]` to the output `[batch, units]` and the new state."""
    return _cell(weights)(torch.addmm(input_bias(weights.bias), x_t, weights.kernel), state)


def input_bias(bias: Tensor) -> Tensor:
    """The part of the bias that the input projection has."""
    return bias[0] if bias.ndim == 2 else bias


def _cell(weights: RecurrentWeights, masks: Masks | None = None) -> Step:
    """The step from the input part of all gates."""
    _, kernel, bias = weights
    units, mask = len(kernel), None if masks is None else masks.hidden

    def reset_after(projected: Tensor, state: State) -> tuple[Tensor, State]:
        z_x, r_x, n_x = projected.chunk(3, dim=1)
        z_h, r_h, n_h = (to_all(state[0]) + bias[1]).chunk(3, dim=1)
        z, r = torch.sigmoid(z_x + z_h), torch.sigmoid(r_x + r_h)
        return _mix(state[0], z, torch.tanh(n_x + r * n_h))

    def reset_before(projected: Tensor, state: State) -> tuple[Tensor, State]:
        gates_x, n_x = projected.tensor_split([2 * units], dim=1)
        z, r = torch.sigmoid(gates_x + to_gates(state[0])).chunk(2, dim=1)
        return _mix(state[0], z, torch.tanh(n_x + to_candidate(r * state[0])))

    if bias.ndim == 2:
        to_all = recurrent(kernel, mask)
        return reset_after
    gates, candidate = kernel.tensor_split([2 * units], dim=1)
    to_gates = recurrent(gates, None if mask is None else mask[:, :2])
    to_candidate = recurrent(candidate, None if mask is None else mask[:, 2:])
    return reset_before


def _mix(h: Tensor, z: Tensor, candidate: Tensor) -> tuple[Tensor, State]:
    h = z * h + (1 - z) * candidate
    return h, (h,)
