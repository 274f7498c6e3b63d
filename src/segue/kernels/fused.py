"""PyTorch's own recurrence over a whole batch, in one call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from segue.kernels.ragged import is_ragged, last_step
from segue.kernels.scan import State


def fused(
    run: Callable[..., Any], x: Tensor, lengths: Tensor, state: State, weights: list[Tensor]
) -> tuple[Tensor, State]:
    """Run `torch.gru`, `torch.rnn_tanh` or `torch.rnn_relu` over right-padded sequences.

    Args:
        run: the function.
        x: `[batch, time, channel]`.
        lengths: `[batch]`.
        state: `(h [batch, units],)` before the first step.
        weights: as PyTorch has them: input, recurrent, and their biases.

    Returns:
        The outputs `[batch, time, units]`, and the state after each sequence's own last step.
    """
    outputs, h = run(
        x,
        state[0][None],
        weights,
        has_biases=True,
        num_layers=1,
        dropout=0.0,
        train=torch.is_grad_enabled(),
        bidirectional=False,
        batch_first=True,
    )
    return outputs, (last_step(outputs, lengths) if is_ragged(x, lengths) else h[0],)
