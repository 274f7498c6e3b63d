"""How training goes, apart from what every estimator asks for by name. Frozen, with defaults."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any, Literal, get_args, get_type_hints

from segue.errors import OptionError, did_you_mean

OptimizerName = Literal["adam", "adamw", "rmsprop", "sgd"]
ScheduleName = Literal["one-cycle", "cosine", "plateau", "constant"]
ProgressName = Literal["auto", "bar", "lines", "none"]


@dataclass(frozen=True)
class TrainingOptions:
    """The rest of what can be said about training.

    Args:
        optimizer: "adam", "adamw", "rmsprop" or "sgd".
        schedule: of the learning rate. "one-cycle" rises and falls over the whole training,
            "cosine" falls, "plateau" falls when the validation loss stands still, "constant" stays.
        momentum: of sgd and rmsprop.
        weight_decay: pulls the weights towards zero; for adam and sgd through the gradient.
        clip_norm: gradients longer than this are shortened to it; `None`: never.
        patience: epochs without a better validation loss after which a training with the plateau or
            constant schedule stops. Schedules of fixed length are not cut short. `None`: never.
        min_delta: how much lower a validation loss must be to count as better.
        plateau_patience: epochs without a better loss after which "plateau" lowers the rate.
        plateau_factor: what it is then multiplied with.
        time_limit_seconds: ends the training after the epoch that is running.
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
    patience: int | None = 20
    min_delta: float = 0.0
    plateau_patience: int = 8
    plateau_factor: float = 0.5
    time_limit_seconds: float | None = None
    threads: int | None = None
    progress: ProgressName = "auto"

    def __post_init__(self) -> None:
        problems = []
        hints = get_type_hints(type(self))
        for name in ("optimizer", "schedule", "progress"):
            value, known = getattr(self, name), get_args(hints[name])
            if value not in known:
                problems.append(f"`{name}` is {value!r}.{did_you_mean(str(value), known)}")
        for name in ("clip_norm", "patience", "time_limit_seconds", "threads"):
            value = getattr(self, name)
            if value is not None and not (_is_number(value) and value > 0):
                problems.append(f"`{name}` is {value!r}; expected more than 0, or None.")
        for name in ("momentum", "weight_decay", "min_delta"):
            value = getattr(self, name)
            if not (_is_number(value) and value >= 0):
                problems.append(f"`{name}` is {value!r}; expected 0 or more.")
        wait, factor = self.plateau_patience, self.plateau_factor
        if not (_is_number(wait) and wait >= 1):
            problems.append(f"`plateau_patience` is {wait!r}; expected 1 or more.")
        if not (_is_number(factor) and 0 < factor < 1):
            problems.append(f"`plateau_factor` is {factor!r}; expected between 0 and 1.")
        if problems:
            raise OptionError(" ".join(problems))

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
