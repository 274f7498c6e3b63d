"""The base of preparation steps: specs that are fitted on training data and transform sequences.

Steps work on ragged values, `[total_steps, channel]` with `lengths [n]`, never on padding.
"""

from __future__ import annotations

import abc
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from segue.data.sequences import Array
from segue.errors import NotCausalError, SpecError
from segue.spec import Spec

Ragged = tuple[Array, Array]  # values [total_steps, channel] and lengths [n]
Blocks = Callable[[], Iterable[Ragged]]  # goes through the training data, as often as it is called

_FORMER = {"heard": "input_steps", "belief_ends": "prefix_lengths", "said": "describe"}


class FormerNames:
    """Former names of methods, which warn; for one release."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            new = _FORMER.get(name)
            if new is None or not hasattr(type(self), new):
                raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
            warnings.warn(f"{name} is now {new}.", DeprecationWarning, stacklevel=2)
            return getattr(self, new)


class StepSpec(FormerNames, Spec, abc.ABC):
    """A kind of preparation: its arguments, and how it is fitted.

    Values are float32, or float64 where that is too coarse for them: then what comes out is float64
    too, for the step that takes the level off may be a later one.

    Most steps look at one time step after the other and keep them all. One that needs several, or
    makes another number of them, has `stream`, `steps`, `input_steps` and `rate_after` besides.

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

    def fit(self, blocks: Blocks) -> dict[str, Array]:
        """Return what is fitted on the training data, as named arrays; here nothing."""
        return {}

    @abc.abstractmethod
    def apply(self, x: Ragged, fitted: dict[str, Array]) -> Ragged:
        """Prepare sequences. The input is not changed in place."""

    def channels(self, channels: int, fitted: dict[str, Array]) -> int:
        """The number of output channels for `channels` input channels."""
        return channels

    def steps(self, lengths: Array) -> Array:
        """`[n]`, how many steps come out of sequences of these lengths."""
        return lengths

    def input_steps(self, steps: Array) -> Array:
        """`[n]`, how many steps of the input decide so many steps of the output."""
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
        return StepStream(lambda x: self.apply((x, np.array([len(x)], np.int64)), fitted)[0])

    def check_causal(self) -> None:
        """Raise unless the step can go along with a stream."""
        if not self.causal:
            raise NotCausalError(
                f"the preparation step `{self}` looks ahead, so it cannot go step by step. "
                f"Train with {self.causal_instead()}."
            )

    def causal_instead(self) -> str:
        """The suggested replacement of a step that looks ahead."""
        return "a preparation that does not, such as prepare='standardize'"

    def restore(self, numbers: Mapping[str, Any], channels: int) -> dict[str, Array]:
        """Read what was fitted from its JSON.

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
        raise SpecError(f"{kind} is fitted with {', '.join(names) or 'nothing'}; got {numbers!r}.")


class StepStream:
    """A preparation step applied to one sequence that comes bit by bit.

    A step may need steps that came before (a frame of 256 samples) and give fewer steps than it
    gets. What `push` has returned so far and `tail` together are always what the whole gives.

    Args:
        apply: prepares `[time, channel]` of a step that looks at one time step only.
    """

    def __init__(self, apply: Callable[[Array], Array]) -> None:
        self._apply = apply

    def push(self, values: Array) -> Array:
        """Take `[time, channel]` that came, and return the prepared steps that are final now."""
        return self._apply(values)

    def tail(self) -> Array | None:
        """The steps that would follow if the sequence ended here; `None` for none."""
        return None
