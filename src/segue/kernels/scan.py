"""Any recurrence, one step after the other."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from segue.kernels.ragged import is_ragged

State = tuple[Tensor, ...]
Step = Callable[[Tensor, State], tuple[Tensor, State]]


def scan(step: Step, x: Tensor, lengths: Tensor, state: State) -> tuple[Tensor, State]:
    """Apply `step` along time.

    Args:
        step: `(x_t [batch, channel], state) -> (y_t [batch, units], state)`.
        x: `[batch, time, channel]`, right-padded.
        lengths: `[batch]`.
        state: a tuple of `[batch, ...]` tensors.

    Returns:
        The outputs `[batch, time, units]`, and the state after each sequence's own last step.
    """
    ragged = is_ragged(x, lengths)
    outputs = []
    for time, x_t in enumerate(x.unbind(1)):
        y_t, new = step(x_t, state)
        outputs.append(y_t)
        state = _keep_ended(new, state, lengths > time) if ragged else new
    return torch.stack(outputs, dim=1), state


def _keep_ended(new: State, old: State, running: Tensor) -> State:
    """Sequences that have ended keep their state."""
    return tuple(
        torch.where(running.view(-1, *[1] * (a.ndim - 1)), a, b)
        for a, b in zip(new, old, strict=True)
    )
