"""Losses and scores of the tasks, with PyTorch.

Each returns one number for each target: `[batch]`, or `[batch, time]` for a task with targets at
every step, where steps without a target have 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor
from torch.nn import functional

from segue.data.encoding import NO_LABEL


def softmax_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy of a softmax: one of several classes."""
    return functional.cross_entropy(logits, targets, reduction="none", label_smoothing=smoothing)


def steps_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy of a softmax at each step that has a label."""
    return functional.cross_entropy(
        logits.transpose(1, 2),
        targets,
        ignore_index=NO_LABEL,
        reduction="none",
        label_smoothing=smoothing,
    )


def next_token_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy of a softmax over all tokens, at each step."""
    # With the classes last, as they lie: of thousands of them a transposed copy costs much.
    losses = functional.cross_entropy(
        logits.flatten(0, 1),
        targets.flatten(),
        ignore_index=NO_LABEL,
        reduction="none",
        label_smoothing=smoothing,
    )
    return losses.view(targets.shape)


def largest_is_right(logits: Tensor, targets: Tensor) -> Tensor:
    """Whether the class with the largest logit is the target."""
    return logits.argmax(-1) == targets


def binary_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """Binary cross-entropy of one of two classes, with the logit of the second."""
    wanted = _smooth(targets.to(logits.dtype), smoothing)
    return functional.binary_cross_entropy_with_logits(logits[:, 0], wanted, reduction="none")


def sign_is_right(logits: Tensor, targets: Tensor) -> Tensor:
    """Whether the logit of the second class has the sign of the target."""
    return (logits[:, 0] > 0) == targets


def sigmoid_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """Binary cross-entropy of one independent output per class, averaged over the outputs."""
    wanted = functional.one_hot(targets, logits.shape[1]) if targets.ndim == 1 else targets
    wanted = _smooth(wanted.to(logits.dtype), smoothing)
    losses = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return losses.mean(1)


def sigmoid_score(logits: Tensor, targets: Tensor) -> Tensor:
    """Whether the largest is right; of several labels at once, the share of right ones."""
    if targets.ndim == 1:
        return largest_is_right(logits, targets)
    return ((logits > 0) == targets.bool()).to(logits.dtype).mean(1)


def squared_loss(logits: Tensor, targets: Tensor, scale: tuple[float, ...] | None = None) -> Tensor:
    """The squared error, averaged over the values of a target.

    Args:
        logits: `[batch, value]`.
        targets: `[batch, value]`, scaled for training to zero mean and unit variance.
        scale: `[value]`, what one scaled unit is in the target's own; `None`: in scaled units.
    """
    error = logits - targets if scale is None else (logits - targets) * logits.new_tensor(scale)
    return (error**2).mean(1)


def _smooth(wanted: Tensor, smoothing: float) -> Tensor:
    return wanted * (1 - smoothing) + smoothing / 2 if smoothing else wanted


class Loss(NamedTuple):
    """What training minimises, of `(logits, targets)`, and a score; `None`: the loss itself."""

    loss: Callable[..., Tensor]
    score: Callable[..., Tensor] | None


# By the name that a task gives: see `segue.training.objectives.OBJECTIVES`.
LOSSES: dict[str, Loss] = {
    "softmax": Loss(softmax_loss, largest_is_right),
    "binary": Loss(binary_loss, sign_is_right),
    "sigmoid": Loss(sigmoid_loss, sigmoid_score),
    "multilabel": Loss(sigmoid_loss, sigmoid_score),
    "steps": Loss(steps_loss, largest_is_right),
    "next-token": Loss(next_token_loss, None),
    "squared": Loss(squared_loss, squared_loss),
}
