"""The simple recurrent network.

Elman, "Finding structure in time", Cognitive Science 14, 1990:

    h' = tanh(x_t @ kernel + h @ recurrent_kernel + bias), or relu instead of tanh
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from segue.kernels.ragged import is_ragged, last_step
from segue.kernels.scan import State, scan

Activation = Literal["tanh", "relu"]


class RNNWeights(NamedTuple):
    """The weights of a simple recurrent network."""

    kernel: Tensor  # [channel, units]
    recurrent_kernel: Tensor  # [units, units]
    bias: Tensor  # [units]


def rnn(
    x: Tensor,
    lengths: Tensor,
    weights: RNNWeights,
    state: State,
    *,
    activation: Activation = "tanh",
    recurrent_mask: Tensor | None = None,
) -> tuple[Tensor, State]:
    """Run a simple recurrent network over right-padded sequences.

    Args:
        x: `[batch, time, channel]`.
        lengths: `[batch]`.
        weights: `RNNWeights`.
        state: `(h [batch, units],)` before the first step.
        activation: "tanh" or "relu".
        recurrent_mask: `[batch, units]`, multiplied with h before every step (recurrent dropout).

    Returns:
        The outputs `[batch, time, units]`, and the state after each sequence's own last step.
    """
    kernel, recurrent_kernel, bias = weights
    if recurrent_mask is not None:
        projected = x @ kernel + bias

        def step(p_t: Tensor, s: State) -> tuple[Tensor, State]:
            return _cell(p_t, recurrent_kernel, (s[0] * recurrent_mask,), activation)

        return scan(step, projected, lengths, state)
    run = torch.rnn_tanh if activation == "tanh" else torch.rnn_relu
    outputs, h = run(
        x,
        state[0][None],
        [kernel.t(), recurrent_kernel.t(), bias, torch.zeros_like(bias)],
        has_biases=True,
        num_layers=1,
        dropout=0.0,
        train=torch.is_grad_enabled(),
        bidirectional=False,
        batch_first=True,
    )
    return outputs, (last_step(outputs, lengths) if is_ragged(x, lengths) else h[0],)


def rnn_step(
    x_t: Tensor, weights: RNNWeights, state: State, *, activation: Activation = "tanh"
) -> tuple[Tensor, State]:
    """Take one step: `x_t` `[batch, channel]` to the output `[batch, units]` and the new state."""
    projected = torch.addmm(weights.bias, x_t, weights.kernel)
    return _cell(projected, weights.recurrent_kernel, state, activation)


def _cell(
    projected: Tensor, recurrent_kernel: Tensor, state: State, activation: Activation
) -> tuple[Tensor, State]:
    z = torch.addmm(projected, state[0], recurrent_kernel)
    h = torch.tanh(z) if activation == "tanh" else torch.relu(z)
    return h, (h,)
