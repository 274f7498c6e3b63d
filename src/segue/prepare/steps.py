"""What a preparation step is: a spec that is fitted on training data, and what comes of it.

Steps work on ragged values, `[total_steps, channel]` with `lengths [n]`, never on padding.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from segue.errors import NotCausalError, SpecError
from segue.prepare.streaming import StepByStep, StepStream
from segue.spec import Spec

Array = npt.NDArray[Any]
Ragged = tuple[Array, Array]  # values [total_steps, channel] and lengths [n]
Blocks = Callable[[], Iterable[Ragged]]  # goes through the training data, as often as it is called


class StepSpec(Spec, abc.ABC):
    """A kind of preparation: its arguments, and how it is fitted.

    Values are float32, or float64 where that is too coarse for them: then what comes out is float64
    too, for the step that takes the level off may be a later one.

    Most steps look at one time step after the other and keep them all. One that needs several, or
    makes another number of them, has `stream`, `steps`, `heard` and `rate_after` besides.

    Class attributes:
        takes: what sequences it is for.
        along: what the steps that come out are.
    """

    takes: ClassVar[Literal["numbers", "text"]] = "numbers"
    along: ClassVar[Literal["time", "frequency"]] = "time"

    @property
    def causal(self) -> bool:
        """Whether what comes out depends on what came up to there only."""
        return True

    @abc.abstractmethod
    def fit(self, blocks: Blocks) -> dict[str, Array]:
        """Look at the training data and return what must be remembered, as named arrays."""

    @abc.abstractmethod
    def apply(self, x: Ragged, fitted: dict[str, Array]) -> Ragged:
        """Prepare sequences. The input is not changed in place."""

    def channels(self, channels: int, fitted: dict[str, Array]) -> int:
        """How many channels come out when `channels` come in."""
        return channels

    def steps(self, lengths: Array) -> Array:
        """`[n]`, how many steps come out of sequences of these lengths."""
        return lengths

    def heard(self, steps: Array) -> Array:
        """`[n]`, how many steps have come in when so many that come out are final."""
        return steps

    def rate_after(self, rate_hz: float | None) -> float | None:
        """Steps per second that come out."""
        return rate_hz

    def at_rate(self, rate_hz: float | None) -> StepSpec:
        """The same step for data of so many steps per second; called before `fit`.

        Raises:
            DataError: the step is for another rate, or needs to know it.
        """
        return self

    def stream(self, fitted: dict[str, Array]) -> StepStream:
        """The step at work on one sequence that comes bit by bit.

        Raises:
            NotCausalError: it looks ahead.
        """
        self.check_causal()
        return StepByStep(self, fitted)

    def check_causal(self) -> None:
        """Raise unless the step can go along with a stream."""
        if not self.causal:
            raise NotCausalError(
                f"the preparation step `{self}` looks ahead, so it cannot go step by step. "
                f"Train with {self.causal_instead()}."
            )

    def causal_instead(self) -> str:
        """What to write in place of a step that looks ahead."""
        return "a preparation that does not, such as prepare='standardize'"

    def restore(self, numbers: Mapping[str, Any], channels: int) -> dict[str, Array]:
        """Take what was fitted from its JSON.

        Args:
            numbers: by name, as `fit` has given them, arrays as lists.
            channels: how many channels come in.

        Raises:
            SpecError: numbers that `fit` cannot have given.
        """
        check_names(self.kind, numbers, ())
        return {}


def check_names(kind: str, numbers: Any, names: tuple[str, ...]) -> None:
    """Raise unless exactly these numbers are given."""
    if not isinstance(numbers, Mapping) or set(numbers) != set(names):
        raise SpecError(f"{kind} remembers {', '.join(names) or 'nothing'}; got {numbers!r}.")


def like(values: Array, made: Array) -> Array:
    """What a step made, float32, or float64 where the values are that it was made of."""
    kind = np.float64 if values.dtype == np.float64 else np.float32
    return made.astype(kind, copy=False)


def interpolate_gaps(values: Array, lengths: Array, channels: Iterable[int]) -> Array:
    """Fill NaN in the chosen channels, each sequence by itself.

    Between two known values on the straight line, outside them with the nearest. A channel of a
    sequence without any known value stays NaN.
    """
    values = values.copy()
    ends = np.cumsum(lengths)
    for channel in channels:
        gaps = np.isnan(values[:, channel])
        for number in np.unique(np.searchsorted(ends, np.flatnonzero(gaps), side="right")):
            span = slice(int(ends[number] - lengths[number]), int(ends[number]))
            known = np.flatnonzero(~gaps[span])
            if len(known):
                part = values[span, channel]
                missing = np.flatnonzero(gaps[span])
                part[missing] = np.interp(missing, known, part[known])
    return values
