"""Pooling part by part: what a sequence is like near its beginning, in its middle, near its end.

He et al., "Spatial pyramid pooling in deep convolutional networks for visual recognition", ECCV
2014, over time and with each sequence cut by its own length.
"""

from __future__ import annotations

import torch
from torch import Tensor

from segue.layers.base import Layer, Shape
from segue.padded import Padded
from segue.randomness import Draws


def segments(lengths: Tensor, time: int, parts: int) -> Tensor:
    """Return which steps belong to which part, `[batch, parts, time]`.

    Part k of a sequence of `n` steps goes from step `floor(k n / parts)` up to, not including,
    `ceil((k + 1) n / parts)`, as in PyTorch's adaptive pooling: where the cut falls inside a step,
    the step belongs to both parts, and no part is ever empty.

    >>> segments(torch.tensor([3]), 4, 2).int()
    tensor([[[1, 1, 0, 0],
             [0, 1, 1, 0]]], dtype=torch.int32)
    """
    number = torch.arange(parts, device=lengths.device)
    first = number * lengths[:, None] // parts
    end = -(-(number + 1) * lengths[:, None] // parts)
    step = torch.arange(time, device=lengths.device)
    return (step >= first[:, :, None]) & (step < end[:, :, None])


class PoolParts(Layer):
    """The mean or the largest value of each part; those of the first part come first.

    Not causal: where a part ends is known at the end of the sequence only.
    """

    causal = False

    def __init__(self, name: str, shape: Shape, how: str, parts: int) -> None:
        super().__init__(name, shape)
        self.how, self.parts = how, parts

    def forward(self, x: Padded, draws: Draws | None = None) -> Tensor:
        inside = segments(x.lengths, x.values.shape[1], self.parts)
        pooled = _means(x.filled(0.0), inside) if self.how == "mean" else _largest(x.values, inside)
        return pooled.flatten(1)


def _means(values: Tensor, inside: Tensor) -> Tensor:
    return inside.to(values.dtype) @ values / inside.sum(2, keepdim=True)


def _largest(values: Tensor, inside: Tensor) -> Tensor:
    by_part = [torch.where(part[:, :, None], values, -torch.inf) for part in inside.unbind(1)]
    return torch.stack([part.amax(1) for part in by_part], dim=1)
