"""A batch of sequences of unequal length: right-padded values, with the lengths."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Padded(NamedTuple):
    """A right-padded batch of sequences.

    >>> Padded(torch.zeros(2, 3, 1), torch.tensor([3, 1])).mask()
    tensor([[ True,  True,  True],
            [ True, False, False]])
    """

    values: Tensor  # [batch, time, feature], or [batch, time, 1] int32 tokens
    lengths: Tensor  # [batch], int64
    static: Tensor | None = None  # [batch, feature], joined before the head

    def mask(self) -> Tensor:
        """`[batch, time]`, true at real steps."""
        time = torch.arange(self.values.shape[1], device=self.values.device)
        return time < self.lengths[:, None]

    def filled(self, value: float) -> Tensor:
        """The values, with a constant in place of everything beyond `lengths`.

        >>> Padded(torch.ones(2, 2, 1), torch.tensor([2, 1])).filled(0.0)[:, :, 0]
        tensor([[1., 1.],
                [1., 0.]])
        """
        if bool((self.lengths == self.values.shape[1]).all()):
            return self.values
        return torch.where(self.mask()[:, :, None], self.values, value)
