"""Objectives of the tasks: one row each; and functions of the user's own.

An objective has no arithmetic: what it computes with PyTorch stands in `segue.training.losses`,
which is loaded when it is needed. A loss or a score is one number for each target: `[batch]`, or
`[batch, time]` for a task with targets at every step. Means are taken over targets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from segue.data.encoding import NO_LABEL
from segue.errors import OptionError
from segue.tasks import ObjectiveName
from segue.training.history import Row
from segue.training.options import TrainingOptions

if TYPE_CHECKING:
    from torch import Tensor

    from segue.prepare.padded import Padded

_LARGEST_EXPONENT = 700.0  # exp of more is no float


# A function of the user's own: `(logits, targets, lengths)` to one number for each target.
OwnFunction = Callable[..., Any]


@dataclass(frozen=True)
class Objective:
    """A task's loss and score.

    Attributes:
        form: its name, a row of `OBJECTIVES`.
        outputs: units of the head.
        metric: the name of the number in the history: "accuracy", "rmse" or "perplexity".
        every: whether there is a target at every step.
        activation: makes probabilities of the logits; "linear" of numbers.
        own_unit: whether the score is the loss in the target's own unit, which is then reported.
        finish: makes the number of the history from the mean of the scores.
        scale: `[value]`, what one scaled unit is in the target's own; empty: it is the same.
        smoothing: the share of each target that is spread over the classes, in the loss.
        own_loss: a function of the user's own in place of the loss.
        own_metric: a further score of the user's own, in the history under its name.
    """

    form: str
    outputs: int
    metric: str = "accuracy"
    every: bool = False
    activation: str = "softmax"
    own_unit: bool = False
    finish: Callable[[float], float] = float
    scale: tuple[float, ...] = ()
    smoothing: float = 0.0
    own_loss: OwnFunction | None = None
    own_metric: OwnFunction | None = None

    @property
    def scores_losses(self) -> bool:
        """Whether the score is the loss itself, as of a perplexity, without smoothing."""
        return self.form == "next-token"

    @property
    def head_forms(self) -> tuple[tuple[int, str], ...]:
        """The forms of the head at the end of a network's text: units and an activation."""
        if self.form == "binary":  # one logit, or one output for each of the two classes
            return (1, "linear"), (1, "sigmoid"), (2, "linear"), (2, "softmax")
        return (self.outputs, "linear"), (self.outputs, self.activation)

    def losses(self, outputs: Padded | Tensor, targets: Tensor) -> Tensor:
        """`[batch]`, or `[batch, time]` for `every` step: the loss of each target, 0 for none."""
        from segue.training.losses import LOSSES

        if self.own_loss is not None:
            return self._own("objective", self.own_loss, outputs, targets)
        more = {"smoothing": self.smoothing} if self.smoothing else {}
        return LOSSES[self.form].loss(_logits(outputs), targets, **more)

    def scores(self, outputs: Padded | Tensor, targets: Tensor, losses: Tensor) -> Tensor:
        """In the same shape, such as whether a target is predicted; `losses` are its losses."""
        from segue.training.losses import LOSSES

        loss, score = LOSSES[self.form]
        if score is None:  # the plain loss
            others = self.smoothing or self.own_loss is not None
            return loss(_logits(outputs), targets) if others else losses
        more = {"scale": self.scale} if self.scale else {}
        return score(_logits(outputs), targets, **more)

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

    def sums(
        self, outputs: Padded | Tensor, targets: Tensor, losses: Tensor, weights: Tensor | None
    ) -> dict[str, float]:
        """The sums over some targets: a loss counts as much as its weight, a score always once."""
        import torch

        with torch.no_grad():
            scores = self.scores(outputs, targets, losses)
            reported = scores if self.own_unit else losses  # in the target's own unit
            weighted = reported if weights is None else reported * weights
            found = {"loss": weighted, "score": scores, "count": self.counts(targets)}
            own = self.own_scores(outputs, targets)
            found |= {f"own {name}": values for name, values in own.items()}
            return {name: float(values.sum()) for name, values in found.items()}

    def counts(self, targets: Tensor) -> Tensor:
        """`[batch]`, how many targets each sequence has."""
        import torch

        if self.every:
            return (targets != NO_LABEL).sum(1)
        return torch.ones(len(targets), device=targets.device)

    def _own(
        self, option: str, function: OwnFunction, outputs: Padded | Tensor, targets: Tensor
    ) -> Tensor:
        import torch

        given: Any = outputs[:2] if isinstance(outputs, tuple) else (outputs, None)
        logits, lengths = given
        values: Any = function(logits, targets, lengths)
        expected = tuple(targets.shape[: 2 if self.every else 1])
        if not isinstance(values, torch.Tensor) or tuple(values.shape) != expected:
            got = (
                f"shape {tuple(values.shape)}" if isinstance(values, torch.Tensor) else repr(values)
            )
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


def _logits(outputs: Padded | Tensor) -> Tensor:
    return outputs.values if isinstance(outputs, tuple) else outputs


def perplexity(mean: float) -> float:
    """The exponential of a mean cross-entropy."""
    return math.exp(min(mean, _LARGEST_EXPONENT))


def root(mean: float) -> float:
    """The root of a mean squared error."""
    return float(mean**0.5)


# What each objective has of its own, by the name that a task gives.
OBJECTIVES: dict[str, dict[str, Any]] = {
    "softmax": {},
    "binary": {},
    "sigmoid": {"activation": "sigmoid"},
    "multilabel": {"activation": "sigmoid"},
    "steps": {"every": True},
    "next-token": {"metric": "perplexity", "every": True, "finish": perplexity},
    "squared": {"metric": "rmse", "activation": "linear", "own_unit": True, "finish": root},
}


def make_objective(wanted: ObjectiveName, options: TrainingOptions | None = None) -> Objective:
    """The objective of a task, with what the options change.

    Raises:
        OptionError: `label_smoothing` of numbers, which have no classes.
    """
    given: dict[str, Any] = OBJECTIVES[wanted.kind]
    if options is not None:
        if options.label_smoothing and given.get("own_unit"):
            raise OptionError(
                "`label_smoothing` spreads a target over the classes, and this task predicts "
                "numbers: leave it out."
            )
        given = {
            **given,
            "own_unit": given.get("own_unit", False) and options.objective is None,
            "smoothing": options.label_smoothing,
            "own_loss": options.objective,
            "own_metric": options.metric,
        }
    return Objective(wanted.kind, wanted.outputs, scale=wanted.scale or (), **given)
