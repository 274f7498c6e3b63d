"""Spectra for pictures: how strong each frequency is over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_LONGEST = 256  # steps of a frame
RANGE = 70.0  # decibels below the loudest that are still told apart


def spectrum_of(values: Array) -> Array:
    """`[frame, frequency]` in decibels, of Hann-windowed frames; missing values count as none.

    A frame is a sixteenth of the sequence, 16 to 256 steps, and begins an eighth of a frame after
    the one before; shorter sequences are filled up with zeros.
    """
    size = int(2 ** np.round(np.log2(np.clip(len(values) / 16, 16, _LONGEST))))
    there = np.isfinite(values)
    known = np.where(there, values - (values[there].mean() if there.any() else 0.0), 0.0)
    padded = np.pad(known, (0, max(0, size - len(known))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[:: max(1, size // 8)]
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(size), axis=1)) / size
    found: Array = 20 * np.log10(np.maximum(spectrum, 1e-9))
    return found


def spectrogram_limits(sequences: Sequence[Array]) -> tuple[float, float]:
    """The decibels at the ends of the colours, for some sequences."""
    loudest = max((float(spectrum_of(values).max()) for values in sequences), default=0.0)
    return loudest - RANGE, loudest
