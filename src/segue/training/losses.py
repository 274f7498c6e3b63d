"""Losses of the heads: logits and targets to one number per sequence."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Loss = Callable[[Tensor, Tensor], Tensor]


def softmax_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """`[batch, class]` logits and `[batch]` class numbers to `[batch]`."""
    return functional.cross_entropy(logits, targets, reduction="none")


def one_logit_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Two classes with one logit `[batch, 1]`, that of the second class."""
    return functional.binary_cross_entropy_with_logits(
        logits[:, 0], targets.to(logits.dtype), reduction="none"
    )


def sigmoid_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """One independent output per class: binary cross-entropy, averaged over the outputs."""
    wanted = functional.one_hot(targets, logits.shape[1]).to(logits.dtype)
    return functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none").mean(1)


def probabilities(logits: Tensor, head: str) -> Tensor:
    """`[..., class]` probabilities that sum to one, from the logits of a head.

    Args:
        logits: `[..., class]`, or `[..., 1]` of the head "one-logit".
        head: "softmax", "one-logit" or "sigmoid".
    """
    if head == "softmax":
        return torch.softmax(logits, dim=-1)
    if head == "one-logit":
        return torch.cat([torch.sigmoid(-logits), torch.sigmoid(logits)], dim=-1)
    return torch.softmax(functional.logsigmoid(logits), dim=-1)  # p / sum(p), also for tiny p


LOSSES: dict[str, Loss] = {
    "softmax": softmax_cross_entropy,
    "one-logit": one_logit_cross_entropy,
    "sigmoid": sigmoid_cross_entropy,
}
