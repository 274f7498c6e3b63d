"""Augmentations: preparation steps that act in training only.

Sequences are prepared once; an augmentation then changes them a little, anew in every epoch, so
that the network learns what does not matter. The result depends on the seed, the epoch and the
sequence alone, not on the other sequences of its batch. Validation and prediction use none.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pydantic

from segue.data.sequences import Array
from segue.onnx_graph import Steps
from segue.prepare.steps import Ragged, StepSpec

if TYPE_CHECKING:
    from numpy.random import Generator

Amount = Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, pydantic.Field(gt=0, le=1)]


class Augmentation(StepSpec, abc.ABC):
    """A step that leaves prepared sequences as they are, and changes batches in training."""

    def apply(self, x: Ragged, fitted: dict[str, Array]) -> Ragged:
        return x

    def write_onnx(self, x: Steps, fitted: dict[str, Array], channels: int) -> Steps:
        return x

    def write_torch(self, source: Any, fitted: dict[str, Array]) -> None:
        pass


class ValueAugmentation(Augmentation, abc.ABC):
    """Changes values and moves no step."""

    @abc.abstractmethod
    def change(self, length: int, channels: int, draws: Generator) -> tuple[Array, Array]:
        """The factor of a sequence's values, and the offset that is added afterwards.

        Args:
            length: steps of the sequence.
            channels: the measured ones, without those that mark missing values.
            draws: the sequence's own draws.

        Returns:
            Factor and offset, float32: `[length or 1, channels or 1]` each.
        """


class TimeAugmentation(Augmentation, abc.ABC):
    """Moves steps: each new step has a position on the old time axis."""

    @abc.abstractmethod
    def positions(self, length: int, draws: Generator) -> Array:
        """Where the new steps of a sequence of `length` steps lie: `[new length]`, 0 to length - 1.

        Between two steps the values are interpolated; a label is that of the nearer step.
        """


_ONE, _ZERO = np.ones((1, 1), np.float32), np.zeros((1, 1), np.float32)


@dataclass(frozen=True)
class Crop(TimeAugmentation, kind="crop"):
    """`crop(share)`: in training, a stretch of each sequence in place of the whole.

    It begins anywhere (Le Guennec, Malinowski & Tavenard, "Data augmentation for time series
    classification using convolutional neural networks", AALTD 2016, window slicing).

    Args:
        share: of the sequence's steps; at least one step is kept.
    """

    share: Share

    def positions(self, length: int, draws: Generator) -> Array:
        kept = max(1, round(self.share * length))
        first = int(draws.integers(0, length - kept, endpoint=True))
        return np.arange(first, first + kept, dtype=np.float64)


@dataclass(frozen=True)
class Jitter(ValueAugmentation, kind="jitter"):
    """`jitter(deviation)`: in training, noise on every value.

    Um et al., "Data augmentation of wearable sensor data for Parkinson's disease monitoring using
    convolutional neural networks", ICMI 2017.

    Args:
        deviation: standard deviation of the normal noise, in units of the prepared values: after
            `standardize`, of each channel's own standard deviation.
    """

    deviation: Amount

    def change(self, length: int, channels: int, draws: Generator) -> tuple[Array, Array]:
        noise = draws.standard_normal((length, channels), np.float32)
        return _ONE, self.deviation * noise


@dataclass(frozen=True)
class Scale(ValueAugmentation, kind="scale"):
    """`scale(deviation)`: in training, each channel of a sequence times a factor around 1.

    Um et al., "Data augmentation of wearable sensor data for Parkinson's disease monitoring using
    convolutional neural networks", ICMI 2017.

    Args:
        deviation: standard deviation of the normal factors.
    """

    deviation: Amount

    def change(self, length: int, channels: int, draws: Generator) -> tuple[Array, Array]:
        return 1 + self.deviation * draws.standard_normal((1, channels), np.float32), _ZERO


@dataclass(frozen=True)
class TimeMask(ValueAugmentation, kind="timemask"):
    """`timemask(share)`: in training, all channels are 0 for a stretch of each sequence.

    After `standardize` 0 is the mean. Where the stretch lies and how long it is, up to `share` of
    the sequence, is drawn (Park et al., "SpecAugment", Interspeech 2019).

    Args:
        share: of the sequence's steps, at most.
    """

    share: Share

    def change(self, length: int, channels: int, draws: Generator) -> tuple[Array, Array]:
        width = int(draws.integers(0, int(self.share * length), endpoint=True))
        first = int(draws.integers(0, length - width, endpoint=True))
        factor = np.ones((length, 1), np.float32)
        factor[first : first + width] = 0
        return factor, _ZERO


_KNOTS = 6  # speeds that are drawn for a sequence; between them it changes evenly


@dataclass(frozen=True)
class TimeWarp(TimeAugmentation, kind="timewarp"):
    """`timewarp(deviation)`: in training, time runs faster here and slower there.

    Every sequence keeps its length, its first and its last step (Um et al., "Data augmentation of
    wearable sensor data for Parkinson's disease monitoring using convolutional neural networks",
    ICMI 2017; here with speeds whose logarithm is normal, so that time never runs backwards).

    Args:
        deviation: of the logarithm of the speed; with 0.2, time mostly runs at 0.8 to 1.2 times
            its pace.
    """

    deviation: Amount

    def positions(self, length: int, draws: Generator) -> Array:
        knots = np.exp(self.deviation * draws.standard_normal(_KNOTS))
        if length == 1:
            return np.zeros(1)
        speeds = np.interp(np.linspace(0, 1, length - 1), np.linspace(0, 1, _KNOTS), knots)
        positions = np.concatenate([[0.0], np.cumsum(speeds)])
        return np.asarray(positions * ((length - 1) / positions[-1]))
