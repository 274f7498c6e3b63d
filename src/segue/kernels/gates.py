"""Dropout in a recurrent layer: each gate sees its own part of the inputs and of the hidden state.

Gal & Ghahramani, "A theoretically grounded application of dropout in recurrent neural networks",
NeurIPS 2016, with untied weights: one mask for each gate, the same at every step of a sequence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Masks(NamedTuple):
    """Dropout masks of the inputs and of h, one for each gate, constant over time."""

    inputs: Tensor | None  # [batch, gates, channel]; None: all of the inputs
    hidden: Tensor  # [batch, gates, units]


def project(x: Tensor, kernel: Tensor, bias: Tensor, masks: Masks | None = None) -> Tensor:
    """What the inputs give to all gates: `x @ kernel + bias`, `[batch, time, gates * units]`.

    Args:
        x: `[batch, time, channel]`.
        kernel: `[channel, gates * units]`.
        bias: `[gates * units]`.
        masks: the dropout of this batch.
    """
    if masks is None or masks.inputs is None:
        return x @ kernel + bias
    seen = x * masks.inputs.transpose(0, 1)[:, :, None]  # [gates, batch, time, channel]
    gates, batch, time, _ = seen.shape
    products = torch.bmm(seen.flatten(1, 2), _by_gate(kernel, gates))
    return products.view(gates, batch, time, -1).permute(1, 2, 0, 3).flatten(2) + bias


def recurrent(kernel: Tensor, mask: Tensor | None = None) -> Callable[[Tensor], Tensor]:
    """The product with the recurrent weights, as a function of h: `[batch, gates * units]`.

    Args:
        kernel: `[units, gates * units]`.
        mask: `[batch, gates, units]`. All gates at once are one batched product, which takes about
            as long as the one product that there is without masks.
    """
    if mask is None:
        return lambda h: h @ kernel
    kernels = _by_gate(kernel, mask.shape[1]).contiguous()
    masks = mask.transpose(0, 1).contiguous()
    return lambda h: torch.bmm(h * masks, kernels).transpose(0, 1).flatten(1)


def _by_gate(kernel: Tensor, gates: int) -> Tensor:
    """`[in, gates * units]` to `[gates, in, units]`."""
    return kernel.view(len(kernel), gates, -1).transpose(0, 1)
