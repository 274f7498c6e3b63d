"""Augmentations: preparation steps that act in training only.

Sequences are prepared once; an augmentation then changes them a little, anew in every epoch, so
that the network learns what does not matter. The result depends on the seed, the epoch and the
sequence alone, not on the other sequences of its batch. Validation and prediction use none.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import pydantic
import torch
from torch import Tensor

from segue.padded import Padded
from segue.prepare.steps import Array, Blocks, Ragged, StepSpec

Generators = Sequence[np.random.Generator]  # one for each sequence of a batch

Amount = Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, pydantic.Field(gt=0, le=1)]


class Augmentation(StepSpec, abc.ABC):
    """A step that leaves prepared sequences as they are, and changes batches in training."""

    def fit(self, blocks: Blocks) -> dict[str, Array]:
        return {}

    def apply(self, x: Ragged, fitted: dict[str, Array]) -> Ragged:
        return x


class ValueAugmentation(Augmentation, abc.ABC):
    """Changes values and leaves every step in its place."""

    @abc.abstractmethod
    def change(self, x: Padded, generators: Generators) -> Tensor:
        """The new values `[batch, time, channel]`; of no meaning beyond `lengths`.

        Args:
            x: measured channels only, without those that say what is missing.
            generators: of each sequence's own draws.
        """


class TimeAugmentation(Augmentation, abc.ABC):
    """Moves steps: says where each new step lies on the old time axis."""

    @abc.abstractmethod
    def places(self, length: int, generator: np.random.Generator) -> Array:
        """Where the new steps of a sequence of `length` steps lie: `[new length]`, 0 to length - 1.

        Between two steps the values are interpolated; a label is that of the nearer step.
        """


def stacked(rows: Sequence[Array], like: Tensor) -> Tensor:
    """Arrays of unequal length, one a sequence, as `[batch, longest, ...]` with zeros behind.

    >>> stacked([np.array([1.0]), np.array([2.0, 3.0])], torch.zeros(1))
    tensor([[1., 0.],
            [2., 3.]])
    """
    padded = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(row) for row in rows], True)
    return padded.to(like)


@dataclass(frozen=True)
class Crop(TimeAugmentation):
    """`crop(share)`: in training, a stretch of each sequence in place of the whole.

    It begins anywhere (Le Guennec, Malinowski & Tavenard, "Data augmentation for time series
    classification using convolutional neural networks", AALTD 2016, window slicing).

    Args:
        share: of the sequence's steps; at least one step is kept.
    """

    kind: ClassVar[str] = "crop"

    share: Share

    def places(self, length: int, generator: np.random.Generator) -> Array:
        kept = max(1, round(self.share * length))
        first = int(generator.integers(0, length - kept, endpoint=True))
        return np.arange(first, first + kept, dtype=np.float64)


@dataclass(frozen=True)
class Jitter(ValueAugmentation):
    """`jitter(deviation)`: in training, noise on every value.

    Um et al., "Data augmentation of wearable sensor data for Parkinson's disease monitoring using
    convolutional neural networks", ICMI 2017.

    Args:
        deviation: standard deviation of the normal noise, in units of the prepared values: after
            `standardize`, of each channel's own standard deviation.
    """

    kind: ClassVar[str] = "jitter"

    deviation: Amount

    def change(self, x: Padded, generators: Generators) -> Tensor:
        channels = x.values.shape[2]
        noise = [
            generator.standard_normal((length, channels), np.float32)
            for generator, length in zip(generators, x.lengths.tolist(), strict=True)
        ]
        return x.values + self.deviation * stacked(noise, x.values)


@dataclass(frozen=True)
class TimeMask(ValueAugmentation):
    """`timemask(share)`: in training, all channels are 0 for a stretch of each sequence.

    After `standardize` 0 is the mean. Where the stretch lies and how long it is, up to `share` of
    the sequence, is drawn (Park et al., "SpecAugment", Interspeech 2019).

    Args:
        share: of the sequence's steps, at most.
    """

    kind: ClassVar[str] = "timemask"

    share: Share

    def change(self, x: Padded, generators: Generators) -> Tensor:
        stretches = [
            self._stretch(length, generator)
            for generator, length in zip(generators, x.lengths.tolist(), strict=True)
        ]
        first, last = stacked(stretches, x.lengths).unbind(1)
        time = torch.arange(x.values.shape[1], device=x.values.device)
        hidden = (time >= first[:, None]) & (time < last[:, None])
        return torch.where(hidden[:, :, None], 0, x.values)

    def _stretch(self, length: int, generator: np.random.Generator) -> Array:
        """The first step that is hidden, and the first that no longer is."""
        width = int(generator.integers(0, int(self.share * length), endpoint=True))
        first = int(generator.integers(0, length - width, endpoint=True))
        return np.array([first, first + width])


_KNOTS = 6  # speeds that are drawn for a sequence; between them it changes evenly


@dataclass(frozen=True)
class TimeWarp(TimeAugmentation):
    """`timewarp(deviation)`: in training, time runs faster here and slower there.

    Every sequence keeps its length, its first and its last step (Um et al., "Data augmentation of
    wearable sensor data for Parkinson's disease monitoring using convolutional neural networks",
    ICMI 2017; here with speeds whose logarithm is normal, so that time never runs backwards).

    Args:
        deviation: of the logarithm of the speed; with 0.2, time mostly runs at 0.8 to 1.2 times
            its pace.
    """

    kind: ClassVar[str] = "timewarp"

    deviation: Amount

    def places(self, length: int, generator: np.random.Generator) -> Array:
        knots = np.exp(self.deviation * generator.standard_normal(_KNOTS))
        if length == 1:
            return np.zeros(1)
        speeds = np.interp(np.linspace(0, 1, length - 1), np.linspace(0, 1, _KNOTS), knots)
        places = np.concatenate([[0.0], np.cumsum(speeds)])
        return np.asarray(places * ((length - 1) / places[-1]))
