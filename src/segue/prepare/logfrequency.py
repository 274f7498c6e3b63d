"""A sound as one sequence over frequency: where the harmonics lie, whatever the pitch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, ClassVar, Literal

import numpy as np
import pydantic

from segue.errors import SpecError
from segue.prepare.framing import Lengths
from segue.prepare.rates import settled_rate
from segue.prepare.spectrogram import Window, powers
from segue.prepare.steps import Array, Blocks, Ragged, StepSpec, like
from segue.spec import Count

Positive = Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)]

_OVERSAMPLING = 4  # of the spectrum, by zeros behind the frame: bands are narrow at low frequencies


@dataclass(frozen=True)
class LogFrequency(StepSpec):
    """`logfrequency(bands)`: steps are frequencies, evenly spaced in octaves; channels are times.

    Another pitch moves the harmonics of a sound by a number of steps and leaves their distances as
    they are, so a convolution meets the same pattern elsewhere, where over time it would have to
    learn every pitch anew. The sequence becomes `frames` spectra, of frames evenly spread from its
    beginning to its end, whatever its length; a sequence shorter than a frame is filled up with
    zeros. Each gives a channel for each of the data's. Values are natural logarithms of the power,
    with a floor under the strongest one of the sequence.

    The bands have the even spacing of Brown, "Calculation of a constant Q spectral transform",
    JASA 89(1), 1991, but are triangles over the spectrum of frames of one length.

    Args:
        bands: how many frequencies, the steps that come out.
        per_octave: bands from one frequency to its double.
        low: the first frequency, in Hz.
        frame: samples of a frame.
        frames: how many.
        window: as in `spectrogram`.
        floor: what is weaker than the strongest by more than this, in decibels, counts as this.
        rate: samples per second; that of the training data if left out.
    """

    kind: ClassVar[str] = "logfrequency"
    along: ClassVar[Literal["time", "frequency"]] = "frequency"

    bands: Count = 126
    per_octave: Count = 24
    low: Positive = 100.0
    frame: Count = 1024
    frames: Count = 5
    window: Window = "hann"
    floor: Positive = 70.0
    rate: Positive | None = None

    @property
    def causal(self) -> bool:
        return False

    def at_rate(self, rate_hz: float | None) -> LogFrequency:
        rate = settled_rate(self, self.rate, rate_hz)
        found = replace(self, rate=rate)
        highest = found.frequencies[-1]
        if highest > rate / 2:
            raise SpecError(
                f"`{self}` goes up to {highest:.0f} Hz; of {rate:g} samples per second there "
                f"is {rate / 2:g} Hz at most. Take fewer bands, or more of them per octave."
            )
        return found

    @property
    def frequencies(self) -> Array:
        """`[bands]`, in Hz."""
        return np.asarray(self.low * 2 ** (np.arange(self.bands) / self.per_octave))

    def fit(self, blocks: Blocks) -> dict[str, Array]:
        return {}

    def apply(self, x: Ragged, fitted: dict[str, Array]) -> Ragged:
        values, lengths = x
        rows = [self._of_one(steps) for steps in _each(values, lengths)]
        width = self.channels(values.shape[1], fitted)
        made = np.concatenate(rows) if rows else np.empty((0, width), np.float32)
        return made, self.steps(lengths)

    def _of_one(self, steps: Array) -> Array:
        """`[time, channel]` of one sequence to `[band, frame * channel]`."""
        if len(steps) < self.frame:
            steps = np.pad(steps, ((0, self.frame - len(steps)), (0, 0)))
        starts = np.linspace(0, len(steps) - self.frame, self.frames).round().astype(int)
        cut = np.stack([steps[start : start + self.frame].T for start in starts])
        power = powers(cut, self.window, _OVERSAMPLING * self.frame) @ self._bands()
        weakest = max(power.max() * 10 ** (-self.floor / 10), np.finfo(np.float32).tiny)
        found: Array = np.log(np.maximum(power, weakest))  # [frame, channel, band]
        return like(steps, found.reshape(-1, self.bands).T)

    def _bands(self) -> Array:
        return triangles(self.rate or 0.0, self.frame, self.bands, self.per_octave, self.low)

    def channels(self, channels: int, fitted: dict[str, Array]) -> int:
        return channels * self.frames

    def steps(self, lengths: Lengths) -> Lengths:
        return np.where(lengths > 0, self.bands, 0)

    def rate_after(self, rate_hz: float | None) -> float | None:
        return None

    def causal_instead(self) -> str:
        return "steps that are times, such as prepare='logmel(64) standardize'"


def _each(values: Array, lengths: Lengths) -> Iterator[Array]:
    ends = np.cumsum(lengths)
    for start, end in zip(ends - lengths, ends, strict=True):
        if end > start:
            yield values[start:end]


@lru_cache(maxsize=32)
def triangles(rate: float, frame: int, bands: int, per_octave: int, low: float) -> Array:
    """`[frequency, band]` float64: weights of sum one around each band's frequency.

    A triangle reaches to the neighbours of its band, and at least to the next frequencies of the
    spectrum, so that none is empty.
    """
    size = _OVERSAMPLING * frame
    there = np.arange(size // 2 + 1)[:, None] * rate / size
    wanted = low * 2 ** (np.arange(bands) / per_octave)
    reach = np.maximum(wanted * (2 ** (1 / per_octave) - 1), rate / size)
    weights: Array = np.maximum(1 - np.abs(there - wanted) / reach, 0)
    weights /= weights.sum(axis=0)
    weights.flags.writeable = False
    return weights
