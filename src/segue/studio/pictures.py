"""Sequences as pictures: spectrograms, many channels as colours, images by rows.

A picture is of as many steps as are looked at, and has no more columns than the screen.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np

from segue.data.arrays import Array
from segue.errors import OptionError
from segue.studio.opened import OpenData

KINDS = ("curves", "spectrogram", "heat map", "image", "text")
AUDIBLE = 1000  # steps per second, from which on a sequence can be heard
_MANY = 8  # channels
_LARGEST = 4000  # columns
_SECONDS = 0.032  # of a frame of a spectrogram
_SIZES = (64, 4096)  # steps of a frame
_RANGE = 70.0  # decibels below the loudest
_COLOURS = {"spectrogram": "magma", "heat map": "viridis", "image": "gray"}


def kinds_of(opened: OpenData) -> tuple[str, ...]:
    """How the sequences of a data set can be looked at; the first is the usual way.

    >>> from segue.data.dataset import Dataset
    >>> sounds = Dataset([[0.0, 0.5, 0.1]], ["a"], rate_hz=8000)
    >>> kinds_of(OpenData("", "", {}, sounds))
    ('curves', 'spectrogram')
    """
    from segue.plots.display import image_kind

    data = opened.data
    if data.x.is_text:
        return ("text",)
    if image_kind(data) is not None:
        return ("image", "curves", "heat map")
    found = ["curves"]
    if is_audible(opened):
        found.append("spectrogram")
    if data.x.channels >= _MANY:
        found.append("heat map")
    return tuple(found)


def is_audible(opened: OpenData) -> bool:
    """Whether sequences are recorded at a rate that can be heard."""
    data = opened.data
    return not data.x.is_text and data.rate_hz is not None and data.rate_hz >= AUDIBLE


def picture(
    opened: OpenData, index: int, kind: str, *, start: int = 0, stop: int | None = None, width: int
) -> bytes:
    """A picture (PNG) of some steps of a sequence, one column or more for each of its columns.

    Args:
        opened: the data set.
        index: of the sequence.
        kind: "spectrogram" (of the first channel, low frequencies below), "heat map" (the first
            channel above) or "image" (all of it, steps from above to below).
        start: the first step.
        stop: the step behind the last; `None`: to the end.
        width: columns at most.

    Raises:
        OptionError: no such sequence or kind, or no columns.
    """
    row = opened.row(index)
    if kind not in kinds_of(opened) or kind not in _COLOURS:
        raise OptionError(f"`kind` is {kind!r}; these are shown as {', '.join(kinds_of(opened))}.")
    if width < 1:
        raise OptionError(f"`width` is {width}; expected a whole number from 1 on.")
    start = min(max(0, start), max(0, row.steps - 1))
    stop = row.steps if stop is None else min(max(start + 1, stop), row.steps)
    columns = max(1, min(width, stop - start, _LARGEST))
    values = opened.data.x[index]
    if kind == "image":
        low, high = _display(opened, kind).limits
        return _png(np.asarray(values, np.float64), low, high, kind)
    if kind == "heat map":
        display = _display(opened, kind)
        low, high = display.limits
        return _png(display.normalized(_means(values, start, stop, columns)).T, low, high, kind)
    decibels = _spectrum(values[:, 0], start, stop, columns, float(opened.data.rate_hz or 1.0))
    loudest = _loudest(opened, index)
    return _png(decibels.T[::-1], loudest - _RANGE, loudest, kind)


def _display(opened: OpenData, kind: Any) -> Any:
    from segue.plots.display import Display

    if kind not in opened.kept:
        opened.kept[kind] = Display.of(opened.data, kind=kind)
    return opened.kept[kind]


def _means(values: Array, start: int, stop: int, columns: int) -> Array:
    """`[column, channel]`, the mean of the steps behind each column."""
    edges = np.linspace(start, stop, columns + 1)[:-1].astype(np.int64)
    sums = np.add.reduceat(np.asarray(values[start:stop], np.float64), edges - start, axis=0)
    return np.asarray(sums / np.diff([*edges.tolist(), stop])[:, None])


def _loudest(opened: OpenData, index: int) -> float:
    """Decibels of the loudest part of a sequence, so that a picture stays as it is when moved."""
    if ("loudest", index) not in opened.kept:
        values, rate = opened.data.x[index], float(opened.data.rate_hz or 1.0)
        found = _spectrum(values[:, 0], 0, len(values), min(len(values), 500), rate)
        opened.kept["loudest", index] = float(found.max())
    return float(opened.kept["loudest", index])


def _spectrum(values: Array, start: int, stop: int, columns: int, rate: float) -> Array:
    """`[column, frequency]` decibels of a Hann-windowed frame around the middle of each column."""
    size = int(2 ** np.round(np.log2(np.clip(_SECONDS * rate, *_SIZES))))
    if len(values) < size:
        values = np.pad(values, (0, size - len(values)))
    middles = np.linspace(start, stop, 2 * columns + 1)[1::2]
    begins = np.clip(middles.astype(np.int64) - size // 2, 0, len(values) - size)
    frames = np.nan_to_num(np.asarray(values[begins[:, None] + np.arange(size)], np.float64))
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(size), axis=1)) / size
    return np.asarray(20 * np.log10(np.maximum(spectrum, 1e-9)))


def _png(values: Array, low: float, high: float, kind: str) -> bytes:
    """Values `[row, column]` as colours; what is missing is transparent."""
    import matplotlib as mpl
    from matplotlib.image import imsave

    scaled = (values - low) / (high - low if high > low else 1.0)
    colours = mpl.colormaps[_COLOURS[kind]](np.nan_to_num(scaled), bytes=True)
    colours[np.isnan(scaled), 3] = 0
    buffer = BytesIO()
    imsave(buffer, colours, format="png")
    return buffer.getvalue()
