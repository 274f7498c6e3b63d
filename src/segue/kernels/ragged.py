"""Operations on right-padded batches that respect each sequence's length."""

from __future__ import annotations

import torch
from torch import Tensor


def is_ragged(x: Tensor, lengths: Tensor) -> bool:
    """Whether any sequence of `x` `[batch, time, ...]` ends before the longest possible step."""
    return not bool((lengths == x.shape[1]).all())


def last_step(x: Tensor, lengths: Tensor) -> Tensor:
    """Return each sequence's own last step: `[batch, time, feature]` to `[batch, feature]`.

    >>> x = torch.arange(6.0).reshape(1, 3, 2)
    >>> last_step(x, torch.tensor([2]))
    tensor([[2., 3.]])
    """
    if not is_ragged(x, lengths):
        return x[:, -1]
    index = (lengths - 1).view(-1, 1, 1).expand(-1, 1, x.shape[2])
    return x.gather(1, index).squeeze(1)


def reverse(x: Tensor, lengths: Tensor) -> Tensor:
    """Reverse each sequence of `[batch, time, feature]` by its own length; padding stays behind.

    Doing it twice gives back `x`.

    >>> x = torch.tensor([[1.0, 2.0, 0.0], [1.0, 2.0, 3.0]])[:, :, None]
    >>> reverse(x, torch.tensor([2, 3]))[:, :, 0]
    tensor([[2., 1., 0.],
            [3., 2., 1.]])
    """
    if not is_ragged(x, lengths):
        return x.flip(1)
    time = torch.arange(x.shape[1], device=x.device)
    mirrored = lengths[:, None] - 1 - time
    index = torch.where(mirrored >= 0, mirrored, time)
    return x.gather(1, index[:, :, None].expand_as(x))
