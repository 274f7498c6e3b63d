"""The simple recurrent network.

Elman, "Finding structure in time", Cognitive Science 14, 1990:

    h' = tanh(x_t @ kernel + h @ recurrent_kernel + bias), or relu instead of tanh
"""

from __future__ import annotations

from typing import Literal

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

Activation = Literal["tanh", "relu"]


def rnn(
    x: Tensor,
    lengths: Tensor,
    weights: RecurrentWeights,
    state: State,
    *,
    activation: Activation = "tanh",
    masks: Masks | None = None,
) -> tuple[Tensor, State]:
    """Run a simple recurrent network over right-padded sequences.

    Args:
        x: `[batch, time, channel]`.
        lengths: `[batch]`.
        weights: `RecurrentWeights`.
        state: `(h [batch, units],)` before the first step.
        activation: "tanh" or "relu".
        masks: recurrent dropout, and that of the inputs beside it.

    Returns:
        The outputs `[batch, time, units]`, and the state after each sequence's own last step.
    """
    kernel, recurrent_kernel, bias = weights
    if masks is not None:
        product = recurrent(recurrent_kernel, masks.hidden)
        projected = project(x, kernel, bias, masks)
        return scan(lambda p, s: _cell(p + product(s[0]), activation), projected, lengths, state)
    if is_ragged(x, lengths) and activation == "relu":
        x, kernel = _silent_after_the_end(x, lengths, kernel)
    run = torch.rnn_tanh if activation == "tanh" else torch.rnn_relu
    theirs = [kernel.t(), recurrent_kernel.t(), bias, torch.zeros_like(bias)]
    return fused(run, x, lengths, state, theirs)


def rnn_step(
    x_t: Tensor, weights: RecurrentWeights, state: State, *, activation: Activation = "tanh"
) -> tuple[Tensor, State]:
    """Take one step: `x_t` `[batch, channel]` to the output `[batch, units]` and the new state."""
    projected = torch.addmm(weights.bias, x_t, weights.kernel)
    return _cell(torch.addmm(projected, state[0], weights.recurrent_kernel), activation)


def _cell(z: Tensor, activation: Activation) -> tuple[Tensor, State]:
    h = torch.tanh(z) if activation == "tanh" else torch.relu(z)
    return h, (h,)


_SHUT = -1e30  # below any sum that a relu could see


def _silent_after_the_end(x: Tensor, lengths: Tensor, kernel: Tensor) -> tuple[Tensor, Tensor]:
    """Make the state 0 behind each sequence's end, where a relu could grow without bound.

    No output would be wrong, but its gradient would: 0 times infinity. So one more channel is 1 on
    padding, with weights that shut the relu there.
    """
    padding = torch.arange(x.shape[1], device=x.device) >= lengths[:, None]
    x = torch.where(padding[:, :, None], 0, x)
    x = torch.cat([x, padding[:, :, None].to(x.dtype)], dim=2)
    return x, torch.cat([kernel, kernel.new_full((1, kernel.shape[1]), _SHUT)])
