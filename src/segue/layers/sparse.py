"""Activations of which a part is exactly 0, as functions of a tensor, and a smooth relu."""

from __future__ import annotations

import torch
from torch import Tensor


def squareplus(x: Tensor) -> Tensor:
    """(x + sqrt(x^2 + 4)) / 2; Barron, "Squareplus", 2021."""
    return (x + torch.sqrt(x * x + 4)) / 2


def sparse_plus(x: Tensor) -> Tensor:
    """0 up to -1, x from 1 on, and the parabola (x + 1)^2 / 4 that joins them."""
    return torch.where(x <= -1, 0.0, torch.where(x < 1, (x + 1) ** 2 / 4, x))


def sparse_sigmoid(x: Tensor) -> Tensor:
    """0 up to -1, 1 from 1 on, and straight between: the derivative of `sparse_plus`."""
    return ((x + 1) / 2).clamp(0, 1)


def sparsemax(x: Tensor) -> Tensor:
    """The nearest point whose coordinates are not negative and have the sum 1.

    Martins & Astudillo, "From softmax to sparsemax", ICML 2016, algorithm 1, over the last axis.

    >>> sparsemax(torch.tensor([0.1, 1.2, 1.0]))
    tensor([0.0000, 0.6000, 0.4000])
    """
    largest_first = x.sort(dim=-1, descending=True).values
    place = torch.arange(1, x.shape[-1] + 1, device=x.device, dtype=x.dtype)
    above = largest_first.cumsum(-1) - 1
    kept = (place * largest_first > above).sum(-1, keepdim=True)
    return torch.relu(x - above.gather(-1, kept - 1) / kept)
