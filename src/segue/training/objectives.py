"""What the outputs of a head mean: their loss, and the number that a person follows.

An example may hold several answers (a label for each step). So an objective gives a loss for each
answer, `[batch]` or `[batch, time]`, 0 where none is asked for, and says how many there are; means
are taken over answers.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from segue.encoding import NO_LABEL
from segue.padded import Padded
from segue.tasks import ObjectiveName

_LARGEST_EXPONENT = 700.0  # exp of more is no float


class Objective(abc.ABC):
    """One task's loss and score.

    Attributes:
        outputs: units of the head.
        every: whether the head answers at every step.
        metric: what `scores` are called in the history: "accuracy", "rmse" or "perplexity".
        activation: that makes probabilities of the outputs; "linear" of numbers.
    """

    outputs: int
    every: ClassVar[bool] = False
    metric: ClassVar[str] = "accuracy"
    activation: ClassVar[str] = "softmax"

    @property
    def head_forms(self) -> tuple[tuple[int, str], ...]:
        """How the head may be written at the end of a network: units and an activation."""
        return (self.outputs, "linear"), (self.outputs, self.activation)

    @abc.abstractmethod
    def losses(self, outputs: Any, targets: Tensor) -> Tensor:
        """`[batch]`, or `[batch, time]` for `every` step: what training makes small."""

    @abc.abstractmethod
    def scores(self, outputs: Any, targets: Tensor, losses: Tensor) -> Tensor:
        """In the same shape, what the number of the history is the mean of, such as right answers.

        Args:
            outputs: what the head said.
            targets: what is right.
            losses: what `losses` gave of them.
        """

    def counts(self, targets: Tensor) -> Tensor:
        """`[batch]`, how many answers each example asks for."""
        return torch.ones(len(targets), device=targets.device)

    def reported_losses(self, outputs: Any, targets: Tensor, losses: Tensor) -> Tensor:
        """In the same shape, the losses in the target's own unit."""
        return losses

    def reported_score(self, mean: float) -> float:
        """The number of the history, from the mean of the scores."""
        return mean


@dataclass(frozen=True)
class SoftmaxObjective(Objective):
    """One of several classes: cross-entropy of a softmax. Targets: `[batch]` class numbers."""

    outputs: int

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return functional.cross_entropy(outputs, targets, reduction="none")

    def scores(self, outputs: Tensor, targets: Tensor, losses: Tensor) -> Tensor:
        return outputs.argmax(1) == targets


@dataclass(frozen=True)
class BinaryObjective(Objective):
    """One of two classes, with the logit of the second. Targets: `[batch]` of 0 and 1."""

    outputs: int = 1

    @property
    def head_forms(self) -> tuple[tuple[int, str], ...]:
        """One logit, or one output for each of the two classes."""
        return (1, "linear"), (1, "sigmoid"), (2, "linear"), (2, "softmax")

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        wanted = targets.to(outputs.dtype)
        return functional.binary_cross_entropy_with_logits(outputs[:, 0], wanted, reduction="none")

    def scores(self, outputs: Tensor, targets: Tensor, losses: Tensor) -> Tensor:
        return (outputs[:, 0] > 0) == targets


@dataclass(frozen=True)
class SigmoidObjective(Objective):
    """One independent output per class: binary cross-entropy, averaged over the outputs.

    Targets: `[batch]` class numbers, or `[batch, label]` of 0 and 1, several labels at once. With
    several labels the accuracy is that of the single answers, averaged.
    """

    outputs: int
    activation: ClassVar[str] = "sigmoid"

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        wanted = self._wanted(targets).to(outputs.dtype)
        losses = functional.binary_cross_entropy_with_logits(outputs, wanted, reduction="none")
        return losses.mean(1)

    def scores(self, outputs: Tensor, targets: Tensor, losses: Tensor) -> Tensor:
        if targets.ndim == 1:
            return outputs.argmax(1) == targets
        return ((outputs > 0) == targets.bool()).to(outputs.dtype).mean(1)

    def _wanted(self, targets: Tensor) -> Tensor:
        return functional.one_hot(targets, self.outputs) if targets.ndim == 1 else targets


def probabilities(logits: Tensor, head: str) -> Tensor:
    """`[..., class]` probabilities of logits; they sum to one, but for "multilabel".

    Args:
        logits: `[..., class]`, or `[..., 1]` of the head "binary".
        head: "softmax", "binary", "sigmoid", or "multilabel": several labels at once, each with a
            probability of its own.
    """
    if head in ("softmax", "steps", "next-token"):
        return torch.softmax(logits, dim=-1)
    if head == "binary":
        return torch.cat([torch.sigmoid(-logits), torch.sigmoid(logits)], dim=-1)
    if head == "multilabel":
        return torch.sigmoid(logits)
    return torch.softmax(functional.logsigmoid(logits), dim=-1)  # p / sum(p), also for tiny p


@dataclass(frozen=True)
class StepsObjective(Objective):
    """A class for each step: cross-entropy of a softmax, over the steps that have a label.

    Targets: `[batch, time]` class numbers, `NO_LABEL` where there is none.

    Args:
        outputs: the number of classes.
    """

    outputs: int
    every: ClassVar[bool] = True

    def losses(self, outputs: Padded, targets: Tensor) -> Tensor:
        return functional.cross_entropy(
            outputs.values.transpose(1, 2), targets, ignore_index=NO_LABEL, reduction="none"
        )

    def scores(self, outputs: Padded, targets: Tensor, losses: Tensor) -> Tensor:
        return (outputs.values.argmax(2) == targets) & (targets != NO_LABEL)

    def counts(self, targets: Tensor) -> Tensor:
        return (targets != NO_LABEL).sum(1)


@dataclass(frozen=True)
class NextTokenObjective(Objective):
    """The token that comes next, at every step: cross-entropy of a softmax, over all tokens.

    Perplexity is exp(mean loss). Targets: `[batch, time]` tokens, `NO_LABEL` behind each end.

    Args:
        outputs: how many different tokens there are.
    """

    outputs: int
    every: ClassVar[bool] = True
    metric: ClassVar[str] = "perplexity"

    def losses(self, outputs: Padded, targets: Tensor) -> Tensor:
        # With the classes last, as they lie: of thousands of them a transposed copy costs much.
        logits, wanted = outputs.values.flatten(0, 1), targets.flatten()
        losses = functional.cross_entropy(logits, wanted, ignore_index=NO_LABEL, reduction="none")
        return losses.view(targets.shape)

    def scores(self, outputs: Padded, targets: Tensor, losses: Tensor) -> Tensor:
        return losses

    def counts(self, targets: Tensor) -> Tensor:
        return (targets != NO_LABEL).sum(1)

    def reported_score(self, mean: float) -> float:
        return math.exp(min(mean, _LARGEST_EXPONENT))


@dataclass(frozen=True)
class SquaredObjective(Objective):
    """Numbers: the mean squared error, over the values of an example.

    Targets: `[batch, value]`, scaled for training to zero mean and unit variance.

    Args:
        outputs: values of an example.
        scale: `[value]`, what one scaled unit is in the target's own unit.
    """

    outputs: int
    scale: tuple[float, ...]
    metric: ClassVar[str] = "rmse"
    activation: ClassVar[str] = "linear"

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return ((outputs - targets) ** 2).mean(1)

    def scores(self, outputs: Tensor, targets: Tensor, losses: Tensor) -> Tensor:
        return (((outputs - targets) * outputs.new_tensor(self.scale)) ** 2).mean(1)

    def reported_losses(self, outputs: Tensor, targets: Tensor, losses: Tensor) -> Tensor:
        return self.scores(outputs, targets, losses)

    def reported_score(self, mean: float) -> float:
        return float(mean**0.5)


# By the name that a task gives.
OBJECTIVES: dict[str, Callable[[ObjectiveName], Objective]] = {
    "softmax": lambda wanted: SoftmaxObjective(wanted.outputs),
    "binary": lambda _: BinaryObjective(),
    "sigmoid": lambda wanted: SigmoidObjective(wanted.outputs),
    "multilabel": lambda wanted: SigmoidObjective(wanted.outputs),
    "steps": lambda wanted: StepsObjective(wanted.outputs),
    "next-token": lambda wanted: NextTokenObjective(wanted.outputs),
    "squared": lambda wanted: SquaredObjective(wanted.outputs, wanted.scale),
}


def make_objective(wanted: ObjectiveName) -> Objective:
    """The loss of a task."""
    return OBJECTIVES[wanted.kind](wanted)
