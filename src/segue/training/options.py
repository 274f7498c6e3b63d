"""How training goes, apart from what every estimator asks for by name. Frozen, with defaults."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any, Literal, get_args, get_type_hints

from segue.errors import OptionError, did_you_mean

OptimizerName = Literal["adam", "adamw", "rmsprop", "sgd"]
ScheduleName = Literal["one-cycle", "cosine", "plateau", "constant"]
ProgressName = Literal["auto", "bar", "lines", "none"]
MonitorName = Literal["loss", "accuracy", "last"]


@dataclass(frozen=True, repr=False)
class TrainingOptions:
    """The rest of what can be said about training.

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
            is then validated, as after a whole one. A refit has as long again.
        threads: how many PyTorch may use; `None` chooses from the size of the work.
        progress: "bar", "lines" or "none"; "auto" is a bar on a terminal and lines elsewhere.

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
    frozen: tuple[str, ...] = ()
    monitor: MonitorName = "loss"
    patience: int | None = 20
    min_delta: float = 0.0
    plateau_patience: int = 8
    plateau_factor: float = 0.5
    refit: bool = False
    time_limit_seconds: float | None = None
    threads: int | None = None
    progress: ProgressName = "auto"

    def __post_init__(self) -> None:
        names = (self.frozen,) if isinstance(self.frozen, str) else self.frozen
        object.__setattr__(self, "frozen", tuple(names))
        problems = [*self._strange_words(), *self._strange_numbers()]
        if problems:
            raise OptionError(" ".join(problems))

    def _strange_words(self) -> Iterator[str]:
        hints = get_type_hints(type(self))
        for name in ("optimizer", "schedule", "monitor", "progress"):
            value, known = getattr(self, name), get_args(hints[name])
            if value not in known:
                yield f"`{name}` is {value!r}.{did_you_mean(str(value), known)}"
        if self.monitor == "last" and self.schedule == "plateau":
            yield (
                "`schedule` is 'plateau', which lowers the rate when no epoch is better, and "
                "`monitor` is 'last', for which each one is: choose another of either."
            )
        if not isinstance(self.refit, bool):
            yield f"`refit` is {self.refit!r}; expected True or False."
        if not all(isinstance(name, str) for name in self.frozen):
            yield f"`frozen` is {self.frozen!r}; expected names of layers, such as ('lstm_1',)."

    def _strange_numbers(self) -> Iterator[str]:
        for name in ("clip_norm", "time_limit_seconds"):
            value = getattr(self, name)
            if value is not None and not (_is_number(value) and value > 0):
                yield f"`{name}` is {value!r}; expected more than 0, or None."
        for name in ("patience", "threads", "truncate"):
            value = getattr(self, name)
            if value is not None and not _is_count(value):
                yield f"`{name}` is {value!r}; expected a whole number from 1 on, or None."
        for name in ("accumulate", "plateau_patience"):
            if not _is_count(getattr(self, name)):
                value = getattr(self, name)
                yield f"`{name}` is {value!r}; expected a whole number from 1 on."
        for name in ("momentum", "weight_decay", "min_delta"):
            value = getattr(self, name)
            if not (_is_number(value) and value >= 0):
                yield f"`{name}` is {value!r}; expected 0 or more."
        if not (_is_number(self.plateau_factor) and 0 < self.plateau_factor < 1):
            yield f"`plateau_factor` is {self.plateau_factor!r}; expected between 0 and 1."

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

    @classmethod
    def defaults(cls) -> list[tuple[str, Any]]:
        """The table of names and defaults."""
        return [(f.name, f.default) for f in fields(cls)]


def _is_number(value: Any) -> bool:
    """Also NumPy's, from a parameter search; not NaN, and not True."""
    return isinstance(value, Real) and not isinstance(value, bool) and not math.isnan(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1
