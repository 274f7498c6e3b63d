"""Losses and scores of the tasks: one row an objective; and functions of the user's own.

A loss or a score returns one number for each target: `[batch]`, or `[batch, time]` for a task with
targets at every step, where steps without a target have 0. Means are taken over targets.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from segue.data.encoding import NO_LABEL
from segue.errors import OptionError
from segue.prepare.batches import Padded
from segue.tasks import ObjectiveName
from segue.training.history import Row
from segue.training.options import TrainingOptions

_LARGEST_EXPONENT = 700.0  # exp of more is no float


# A function of the user's own: `(logits, targets, lengths)` to one number for each target.
OwnFunction = Callable[[Tensor, Tensor, Tensor | None], Tensor]


@dataclass(frozen=True)
class Objective:
    """A task's loss and score.

    Attributes:
        form: its name in `OBJECTIVES`.
        outputs: units of the head.
        loss: what training minimises, of `(logits, targets)`.
        score: whose mean is the number of the history, likewise; `None`: the loss.
        metric: the name of that number: "accuracy", "rmse" or "perplexity".
        every: whether there is a target at every step.
        activation: makes probabilities of the logits; "linear" of numbers.
        own_unit: whether the score is the loss in the target's own unit, which is then reported.
        finish: makes the number of the history from the mean of the scores.
        scale: of each value of a target whose score is in its own unit; (): 1.
        own_loss: a function of the user's own in place of the loss.
        own_metric: a further score of the user's own, in the history under its name.
    """

    form: str
    outputs: int
    loss: Callable[..., Tensor]
    score: Callable[[Tensor, Tensor], Tensor] | None
    metric: str = "accuracy"
    every: bool = False
    activation: str = "softmax"
    own_unit: bool = False
    finish: Callable[[float], float] = float
    scale: tuple[float, ...] = ()
    own_loss: OwnFunction | None = None
    own_metric: OwnFunction | None = None

    @property
    def head_forms(self) -> tuple[tuple[int, str], ...]:
        """The forms of the head at the end of a network's text: units and an activation."""
        if self.score is sign_is_right:  # one logit, or one output for each of the two classes
            return (1, "linear"), (1, "sigmoid"), (2, "linear"), (2, "softmax")
        return (self.outputs, "linear"), (self.outputs, self.activation)

    def losses(self, outputs: Padded | Tensor, targets: Tensor) -> Tensor:
        """`[batch]`, or `[batch, time]` for `every` step: the loss of each target, 0 for none."""
        if self.own_loss is not None:
            return self._own("objective", self.own_loss, outputs, targets)
        logits = outputs.values if isinstance(outputs, Padded) else outputs
        return self.loss(logits, targets)

    def scores(self, outputs: Padded | Tensor, targets: Tensor, losses: Tensor) -> Tensor:
        """In the same shape, such as whether a target is predicted; `losses` are its losses."""
        logits = outputs.values if isinstance(outputs, Padded) else outputs
        return losses if self.score is None else self.score(logits, targets)

    def own_scores(self, outputs: Padded | Tensor, targets: Tensor) -> dict[str, Tensor]:
        """In the same shape, the score of the user's own, by its name; empty without one."""
        if self.own_metric is None:
            return {}
        return {_name(self.own_metric): self._own("metric", self.own_metric, outputs, targets)}

    @property
    def sum_names(self) -> tuple[str, ...]:
        """What is added up over the targets of an epoch."""
        own = () if self.own_metric is None else (f"own {_name(self.own_metric)}",)
        return ("loss", "score", "count", *own)

    @torch.no_grad()
    def sums(
        self, outputs: Padded | Tensor, targets: Tensor, losses: Tensor, weights: Tensor | None
    ) -> dict[str, float]:
        """The sums over some targets: a loss counts as much as its weight, a score always once."""
        scores = self.scores(outputs, targets, losses)
        reported = scores if self.own_unit else losses  # in the target's own unit
        weighted = reported if weights is None else reported * weights
        found = {"loss": weighted, "score": scores, "count": self.counts(targets)}
        own = self.own_scores(outputs, targets)
        found |= {f"own {name}": values for name, values in own.items()}
        return {name: float(values.sum()) for name, values in found.items()}

    def counts(self, targets: Tensor) -> Tensor:
        """`[batch]`, how many targets each sequence has."""
        if self.every:
            return (targets != NO_LABEL).sum(1)
        return torch.ones(len(targets), device=targets.device)

    def _own(
        self, option: str, function: OwnFunction, outputs: Padded | Tensor, targets: Tensor
    ) -> Tensor:
        given: Any = outputs[:2] if isinstance(outputs, Padded) else (outputs, None)
        logits, lengths = given
        values: Any = function(logits, targets, lengths)
        expected = tuple(targets.shape[: 2 if self.every else 1])
        if not isinstance(values, Tensor) or tuple(values.shape) != expected:
            got = f"shape {tuple(values.shape)}" if isinstance(values, Tensor) else repr(values)
            raise OptionError(
                f"`{option}`, the function {_name(function)}, returns {got}; expected a tensor of "
                f"shape {expected}: one number for each target."
            )
        return torch.where(targets != NO_LABEL, values, 0) if self.every else values


@dataclass
class RunningMetrics:
    """Loss and score over the batches of a pass, each target counting the same.

    Attributes:
        objective: of the training.
        sums: over the targets so far, by the names in `Objective.sum_names`: "loss", "score",
            "count", and the user's own score as "own " and its name.
    """

    objective: Objective
    sums: dict[str, float] = field(default_factory=dict)

    def add(self, sums: Mapping[str, float]) -> None:
        """Add the sums over some more targets."""
        for name, value in sums.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def row(self, prefix: str = "") -> Row:
        """The means, by the names that they have in the history."""
        count = max(1.0, self.sums.get("count", 0.0))
        mean = {name: total / count for name, total in self.sums.items()}
        score = self.objective.finish(mean.get("score", 0.0))
        row = {"loss": mean.get("loss", 0.0), self.objective.metric: score}
        row |= {n.removeprefix("own "): v for n, v in mean.items() if n.startswith("own ")}
        return {f"{prefix}{name}": value for name, value in row.items()}


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


# -- losses and scores --------------------------------------------------------------------------


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


def perplexity(mean: float) -> float:
    """The exponential of a mean cross-entropy."""
    return math.exp(min(mean, _LARGEST_EXPONENT))


def root(mean: float) -> float:
    """The root of a mean squared error."""
    return float(mean**0.5)


def _smooth(wanted: Tensor, smoothing: float) -> Tensor:
    return wanted * (1 - smoothing) + smoothing / 2 if smoothing else wanted


# What each objective has of its own, by the name that a task gives.
OBJECTIVES: dict[str, dict[str, Any]] = {
    "softmax": {"loss": softmax_loss, "score": largest_is_right},
    "binary": {"loss": binary_loss, "score": sign_is_right},
    "sigmoid": {"loss": sigmoid_loss, "score": sigmoid_score, "activation": "sigmoid"},
    "multilabel": {"loss": sigmoid_loss, "score": sigmoid_score, "activation": "sigmoid"},
    "steps": {"loss": steps_loss, "score": largest_is_right, "every": True},
    "next-token": {
        "loss": next_token_loss,
        "score": None,
        "metric": "perplexity",
        "every": True,
        "finish": perplexity,
    },
    "squared": {
        "loss": squared_loss,
        "score": squared_loss,
        "metric": "rmse",
        "activation": "linear",
        "own_unit": True,
        "finish": root,
    },
}


def make_objective(wanted: ObjectiveName, options: TrainingOptions | None = None) -> Objective:
    """The objective of a task, with what the options change.

    Raises:
        OptionError: `label_smoothing` of numbers, which have no classes.
    """
    objective = Objective(wanted.kind, wanted.outputs, **OBJECTIVES[wanted.kind])
    if wanted.scale:
        score = functools.partial(squared_loss, scale=wanted.scale)
        objective = replace(objective, score=score, scale=tuple(wanted.scale))
    if options is None or not (options.label_smoothing or options.objective or options.metric):
        return objective
    plain, smoothed = objective.loss, objective.loss
    if options.label_smoothing:
        if objective.own_unit:
            raise OptionError(
                "`label_smoothing` spreads a target over the classes, and this task predicts "
                "numbers: leave it out."
            )
        smoothed = functools.partial(plain, smoothing=options.label_smoothing)
    return replace(
        objective,
        loss=smoothed,
        score=objective.score or plain,
        own_unit=objective.own_unit and options.objective is None,
        own_loss=options.objective,
        own_metric=options.metric,
    )
