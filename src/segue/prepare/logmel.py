"""The spectrum as the ear divides it: logarithms of the power in mel bands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, ClassVar, Literal

import numpy as np
import pydantic

from segue.errors import SpecError, warn_user
from segue.prepare.framing import FramedStep, Framing
from segue.prepare.rates import settled_rate
from segue.prepare.spectrogram import Window, log, powers
from segue.prepare.steps import Array, Blocks
from segue.spec import Count

Hertz = Annotated[float, pydantic.Field(ge=0, allow_inf_nan=False)]
Formula = Literal["slaney", "htk"]


@dataclass(frozen=True)
class LogMel(FramedStep):
    """`logmel(bands, frame=256, hop=64)`: the logarithm of the power in bands on the mel scale.

    Frames as in `spectrogram`. Bands are triangles that overlap by half, equally wide on the mel
    scale of Slaney's Auditory Toolbox (librosa's default; `mel=htk` takes that of the HTK book,
    2595 log10(1 + f / 700)), each of area one. The logarithm is natural, of a power of at least
    1e-10.

    Args:
        bands: how many.
        frame: samples of a frame.
        hop: samples from one frame to the next.
        low: lower end of the first band, in Hz.
        high: upper end of the last band, in Hz; half the sampling rate if left out.
        window: as in `spectrogram`.
        mel: the formula of the mel scale, "slaney" or "htk".
        centred: as in `spectrogram`.
        rate: samples per second; that of the training data if left out.
    """

    kind: ClassVar[str] = "logmel"

    bands: Count = 64
    frame: Count = 256
    hop: Count = 64
    low: Hertz = 0.0
    high: Hertz | None = None
    window: Window = "hann"
    mel: Formula = "slaney"
    centred: bool = False
    rate: Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)] | None = None

    @property
    def framing(self) -> Framing:
        return Framing(self.frame, self.hop, self.centred)

    def at_rate(self, rate_hz: float | None) -> LogMel:
        rate = settled_rate(self, self.rate, rate_hz)
        found = replace(self, rate=rate)
        if not self.low < found.highest <= rate / 2:
            raise SpecError(
                f"`{self}` has bands from {self.low:g} to {found.highest:g} Hz; expected low < "
                f"high, and high up to {rate / 2:g} Hz, half the sampling rate."
            )
        return found

    @property
    def highest(self) -> float:
        """Upper end of the last band, in Hz."""
        if self.rate is None:
            raise SpecError(f"`{self}` needs the sampling rate; write it, as in rate=8000.")
        return self.rate / 2 if self.high is None else self.high

    def fit(self, blocks: Blocks) -> dict[str, Array]:
        empty = int((self.filters.sum(axis=0) == 0).sum())
        if empty:
            warn_user(
                f"`{self}`: {empty} of {self.bands} bands are narrower than the distance of two "
                "frequencies and always empty. Take a longer frame, or fewer bands."
            )
        return {}

    @property
    def filters(self) -> Array:
        """`[frequency, band]`: what each frequency adds to each band."""
        ends = (self.low, self.highest)
        return mel_filters(self.rate or 0.0, self.frame, self.bands, ends, self.mel)

    def features(self) -> int:
        return self.bands

    def of_frames(self, frames: Array) -> Array:
        return log(powers(frames, self.window) @ self.filters)


# -- the mel scale ------------------------------------------------------------------------------

# Slaney's scale is straight below 1000 Hz, 200/3 Hz a mel, and logarithmic above.
_STRAIGHT, _BREAK, _STEP = 200 / 3, 1000.0, np.log(6.4) / 27


def to_mel(hertz: Array, formula: Formula) -> Array:
    """Frequencies on the mel scale.

    Source: M. Slaney, "Auditory Toolbox", technical report 1998-010, Interval Research; S. Young
    et al., "The HTK book", section 5.4.

    >>> to_mel(np.array([0.0, 1000.0]), "slaney").round(6).tolist()
    [0.0, 15.0]
    """
    if formula == "htk":
        return 2595 * np.log10(1 + hertz / 700)
    above = _BREAK / _STRAIGHT + np.log(np.maximum(hertz, _BREAK) / _BREAK) / _STEP
    return np.where(hertz < _BREAK, hertz / _STRAIGHT, above)


def from_mel(mels: Array, formula: Formula) -> Array:
    """The reverse of `to_mel`."""
    if formula == "htk":
        return np.asarray(700 * (10 ** (mels / 2595) - 1))
    above = _BREAK * np.exp(_STEP * (np.maximum(mels, 15.0) - _BREAK / _STRAIGHT))
    return np.where(mels < _BREAK / _STRAIGHT, mels * _STRAIGHT, above)


@lru_cache(maxsize=32)
def mel_filters(
    rate: float, frame: int, bands: int, ends: tuple[float, float], formula: Formula
) -> Array:
    """`[frame // 2 + 1, band]` float64: triangles of area one over the frequencies of a frame."""
    first, last = to_mel(np.array(ends), formula).tolist()
    edges = from_mel(np.linspace(first, last, bands + 2), formula)
    frequencies = np.arange(frame // 2 + 1)[:, None] * rate / frame
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    filters: Array = np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2])
    filters.flags.writeable = False
    return filters
