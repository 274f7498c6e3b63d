"""Options of training beside the arguments of every estimator: frozen, with defaults."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any, Literal, get_args

from segue.errors import OptionError, checked_arguments, did_you_mean

OptimizerName = Literal["adam", "adamw", "rmsprop", "sgd"]
ScheduleName = Literal["one-cycle", "cosine", "plateau", "constant"]
ProgressName = Literal["auto", "bar", "lines", "none"]
MonitorName = Literal["loss", "accuracy", "last"]
PrecisionName = Literal["auto", "float32", "bfloat16"]

# Options that may differ between a training and the one that it goes on from.
WITHOUT_EFFECT = ("progress", "time_limit_seconds", "checkpoint_every")


@checked_arguments()
@dataclass(frozen=True, repr=False)
class TrainingOptions:
    """Options of training beside the arguments of the estimators.

    Args:
        optimizer: "adam", "adamw", "rmsprop" or "sgd".
        schedule: of the learning rate. "one-cycle" rises and falls over the whole training,
            "cosine" falls, "plateau" falls when the validation loss stands still, "constant" stays.
        momentum: of sgd and rmsprop.
        weight_decay: pulls the weights towards zero; for adam and sgd through the gradient.
        clip_norm: gradients longer than this are shortened to it; `None`: never.
        accumulate: batches in one update. Their gradients add up to that of one batch as large as
            all of them, and only one of them is in memory.
        truncate: the steps that a gradient reaches back. Sequences go through the network in pieces
            of so many steps, with the state carried on (truncated backpropagation through time), so
            that memory does not grow with their length. `None`: whole sequences. Only for causal
            networks; predictions are the same either way.
        label_smoothing: the share of each target that is spread evenly over all classes; of binary
            outputs, over 0 and 1 (Szegedy et al., "Rethinking the inception architecture for
            computer vision", CVPR 2016, section 7). The validation loss has it too.
        objective: a loss of your own, a function `(logits, targets, lengths)` in place of the
            task's. It gets PyTorch tensors: `logits` `[batch, output]`, `targets` as the task has
            them for training, such as `[batch]` class numbers, and `lengths` `None`; for a task
            with targets at every step `[batch, time, output]`, `[batch, time]` (-1 for none) and
            `[batch]`. It returns one number for each target. A saved model does not have it.
        metric: likewise a function whose mean stands in the history, under its name, beside the
            task's own score.
        frozen: names of layers whose weights stay as they are.
        monitor: what makes an epoch better than the best so far: a lower validation "loss", or a
            higher validation "accuracy" (of equal ones, that with the lower loss). With "last" the
            last epoch is kept: validation is only looked at.
        patience: epochs that are not better after which a training with the plateau or constant
            schedule stops. Schedules of fixed length are not cut short. `None`: never.
        min_delta: how much lower a validation loss must be to count as better.
        refit: whether to train once more on everything, validation included, for as many epochs as
            the best one was. Its weights are then kept. With "plateau" each epoch has the rate
            that it had before.
        plateau_patience: epochs without a better loss after which "plateau" lowers the rate.
        plateau_factor: what it is then multiplied with.
        time_limit_seconds: ends the training after this time, within an epoch too: what was learnt
            is then validated, as after a whole one. What has begun, a batch or with `truncate`
            a piece of one, is finished, and so is the validation; one is always learnt from. A
            refit has as long again.
        target_ms: milliseconds that an answer to one sequence may take, of the network "auto":
            members that would make it slower are left out; `None`: any.
        target_kb: kilobytes that its weights may take, likewise.
        checkpoint_every: seconds between two checkpoints, where a training has a folder; they are
            then written within an epoch too. `None`: after epochs only, 5 seconds apart at least.
        threads: how many may compute; `None` chooses from the size of the work.
        precision: of the products of recurrent layers. With "bfloat16" their operands have 8 bits
            and their sums are float32, as all else is, such as weights, states and validation; it
            needs a processor with AMX, and a network that is trained without PyTorch. "auto" is
            bfloat16 where that can be had and pays, and else "float32". A training that is resumed
            goes on in the precision that it was begun in.
        progress: "bar", "lines" or "none"; "auto" is a bar on a terminal or in a notebook and lines
            elsewhere, and nothing within a search of scikit-learn or a pool of processes.

    Raises:
        OptionError: a value that means nothing; all of them are reported together.

    >>> TrainingOptions(optimizer="rmsprop", schedule="constant").patience
    20
    """

    optimizer: OptimizerName = "adam"
    schedule: ScheduleName = "one-cycle"
    momentum: float = 0.0
    weight_decay: float = 0.0
    clip_norm: float | None = 1.0
    accumulate: int = 1
    truncate: int | None = None
    label_smoothing: float = 0.0
    objective: Callable[..., Any] | None = None
    metric: Callable[..., Any] | None = None
    frozen: tuple[str, ...] = ()
    monitor: MonitorName = "loss"
    patience: int | None = 20
    min_delta: float = 0.0
    plateau_patience: int = 8
    plateau_factor: float = 0.5
    refit: bool = False
    time_limit_seconds: float | None = None
    target_ms: float | None = None
    target_kb: float | None = None
    checkpoint_every: float | None = None
    threads: int | None = None
    precision: PrecisionName = "auto"
    progress: ProgressName = "auto"

    def __post_init__(self) -> None:
        frozen = (self.frozen,) if isinstance(self.frozen, str) else self.frozen
        object.__setattr__(self, "frozen", tuple(frozen))
        problems = []
        kinds = (OptimizerName, ScheduleName, MonitorName, PrecisionName, ProgressName)
        choices = ("optimizer", "schedule", "monitor", "precision", "progress")
        for name, kind in zip(choices, kinds, strict=True):
            value, known = getattr(self, name), get_args(kind)
            if value not in known:
                problems.append(f"`{name}` is {value!r}.{did_you_mean(str(value), known)}")
        for names, fits, expected in _RULES:
            for name in names.split():
                if not fits(value := getattr(self, name)):
                    problems.append(f"`{name}` is {value!r}; expected {expected}.")
        if self.monitor == "last" and self.schedule == "plateau":
            problems.append(
                "`schedule` is 'plateau', which lowers the rate when no epoch is better, and "
                "`monitor` is 'last', for which each one is: choose another of either."
            )
        if self.objective is not None and self.label_smoothing:
            problems.append(
                "`objective` and `label_smoothing`: smooth the targets in the function instead."
            )
        if problems:
            raise OptionError(" ".join(problems))

    def __repr__(self) -> str:
        """The call that makes these options; what is the default is left out."""
        given = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)
            if getattr(self, f.name) != f.default
        ]
        return f"TrainingOptions({', '.join(given)})"

    @property
    def has_fixed_length(self) -> bool:
        """Whether the schedule needs all its epochs, so that early stopping keeps out."""
        return self.schedule in ("one-cycle", "cosine")

    def to_json(self) -> dict[str, Any]:
        """Every field; a function by its name, which is refused where a file brings it."""
        values = {**vars(self), "frozen": list(self.frozen)}
        named = {name: getattr(v, "__name__", repr(v)) for name, v in values.items() if callable(v)}
        return values | named

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TrainingOptions:
        """The options of a saved model, without functions, which no file can bring."""
        return cls(**{k: v for k, v in values.items() if k not in ("objective", "metric")})

    @classmethod
    def defaults(cls) -> list[tuple[str, Any]]:
        """The table of names and defaults."""
        return [(f.name, f.default) for f in fields(cls)]


def is_number(value: Any) -> bool:
    """Whether a value is a number: also NumPy's, from a parameter search; not NaN, and not True."""
    return isinstance(value, Real) and not isinstance(value, bool) and not math.isnan(value)


def is_count(value: Any) -> bool:
    """Whether a value is a whole number from 1 on."""
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1


def _takes_three(function: Callable[..., Any]) -> bool:
    """Whether a function can be called with three arguments; one without a signature counts."""
    try:
        inspect.signature(getattr(function, "forward", function)).bind(None, None, None)
    except TypeError:
        return False
    except ValueError:  # it is not known
        return True
    return True


# Names of options, which values fit, and what a message says was expected.
_RULES: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("accumulate plateau_patience", is_count, "a whole number from 1 on"),
    (
        "patience threads truncate",
        lambda value: value is None or is_count(value),
        "a whole number from 1 on, or None",
    ),
    (
        "clip_norm time_limit_seconds target_ms target_kb",
        lambda value: value is None or (is_number(value) and value > 0),
        "more than 0, or None",
    ),
    (
        "checkpoint_every",
        lambda value: value is None or (is_number(value) and 0 <= value < math.inf),
        "seconds, 0 or more, or None",
    ),
    (
        "momentum weight_decay min_delta",
        lambda value: is_number(value) and value >= 0,
        "0 or more",
    ),
    ("plateau_factor", lambda value: is_number(value) and 0 < value < 1, "between 0 and 1"),
    ("label_smoothing", lambda value: is_number(value) and 0 <= value < 1, "0 up to below 1"),
    ("refit", lambda value: isinstance(value, bool), "True or False"),
    (
        "frozen",
        lambda names: all(isinstance(name, str) for name in names),
        "names of layers, such as ('lstm_1',)",
    ),
    (
        "objective metric",
        lambda value: value is None or (callable(value) and _takes_three(value)),
        "a function (logits, targets, lengths), of three arguments, that returns a number for "
        "each target; or None",
    ),
)
