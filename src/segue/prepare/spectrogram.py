"""How strong each frequency is in each frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Literal

import numpy as np

from segue.prepare.framing import FramedStep, Framing
from segue.prepare.steps import Array
from segue.spec import Count

Window = Literal["hann", "hamming", "blackman", "rectangle"]

FLOOR = 1e-10  # of powers, before their logarithm is taken
_COSINES: dict[str, tuple[float, ...]] = {
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.5, 0.08),
    "rectangle": (1.0,),
}


@dataclass(frozen=True)
class Spectrogram(FramedStep):
    """`spectrogram(frame, hop)`: each step is the spectrum of a frame, frame // 2 + 1 frequencies.

    Frames as in `frame`, each times a window. Frame t begins at sample t * hop, and what does not
    fill a last frame is left out; `centred=true` puts it around sample t * hop with zeros beyond
    both ends, as librosa does, which looks ahead.

    Args:
        frame: samples of a frame.
        hop: samples from one frame to the next.
        window: "hann", "hamming", "blackman" or "rectangle", periodic ones.
        scale: "log", the natural logarithm of the power, at least 1e-10; "power", or "magnitude".
        centred: where a frame lies.
    """

    kind: ClassVar[str] = "spectrogram"

    frame: Count = 256
    hop: Count = 64
    window: Window = "hann"
    scale: Literal["log", "power", "magnitude"] = "log"
    centred: bool = False

    @property
    def framing(self) -> Framing:
        return Framing(self.frame, self.hop, self.centred)

    def features(self) -> int:
        return self.frame // 2 + 1

    def of_frames(self, frames: Array) -> Array:
        power = powers(frames, self.window)
        if self.scale == "power":
            return power
        return np.sqrt(power) if self.scale == "magnitude" else log(power)


def powers(frames: Array, window: Window, size: int | None = None) -> Array:
    """`[..., frame]` to the power of each frequency, `[..., frame // 2 + 1]` float64.

    With `size`, each frame is filled up with zeros to so many samples: `size // 2 + 1` frequencies.
    """
    spectrum = np.fft.rfft(frames * window_of(window, frames.shape[-1]), size, axis=-1)
    found: Array = spectrum.real**2 + spectrum.imag**2
    return found


def log(power: Array) -> Array:
    """The natural logarithm, of at least 1e-10; what is missing stays missing."""
    found: Array = np.log(np.maximum(power, FLOOR))
    return found


@lru_cache(maxsize=32)
def window_of(name: Window, size: int) -> Array:
    """`[size]` float64: one period of a sum of cosines.

    Source: F. J. Harris, "On the use of windows for harmonic analysis with the discrete Fourier
    transform", Proc. IEEE 66(1), 1978.

    >>> window_of("hann", 4).round(6).tolist()
    [0.0, 0.5, 1.0, 0.5]
    """
    angles = 2 * np.pi * np.arange(size) / size
    terms = [(-1) ** k * share * np.cos(k * angles) for k, share in enumerate(_COSINES[name])]
    window: Array = np.sum(terms, axis=0) if size > 1 else np.ones(1)
    window.flags.writeable = False
    return window
