"""Plot of one sequence: lines, heat map, spectrogram, image or text."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from segue.data.arrays import decode
from segue.data.dataset import Dataset
from segue.data.sequences import Array
from segue.errors import DataError
from segue.plots.style import PALETTE, SHADES, STEPS, TimeUnit, bare, styled, time_unit

Kind = Literal["lines", "heat map", "spectrogram", "image", "text"]

LINES_AT_MOST = len(PALETTE)  # channels; more are clearer as rows of a heat map
POINTS_AT_MOST = 300  # along the time axis of a small panel; a wide one can show more
RANGE = 70.0  # decibels of a spectrogram, below the loudest
_LONGEST = 256  # steps of a frame of a spectrogram
_TEXT_SIZE = 6.5  # points
_CHARACTER, _LINE = 0.5 * _TEXT_SIZE / 72, 1.25 * _TEXT_SIZE / 72  # inches, on average
_DIGIT = 0.07  # inches, of the number at a tick


@dataclass(frozen=True)
class Display:
    """Display settings of a data set's sequences, the same for all panels.

    Attributes:
        kind: how a sequence is drawn; one of `DRAWINGS`.
        limits: the values at the ends of the value axis or the colour scale.
        centre: `[channel]`, subtracted before drawing.
        scale: `[channel]`, divided by before drawing.
        rate_hz: steps per second, where known.
        channels: the channels' names.
        unit: of the time axis.
    """

    kind: Kind
    limits: tuple[float, float]
    centre: Array
    scale: Array
    rate_hz: float | None
    channels: tuple[str, ...]
    unit: TimeUnit = STEPS

    @classmethod
    def of(cls, dataset: Dataset, *, sample: int = 200, kind: Kind | None = None) -> Display:
        """Choose the display by some evenly spaced sequences; very different channels are scaled.

        Args:
            dataset: what is drawn.
            sample: number of sequences that the limits come from.
            kind: how; by the number of channels if left out. Texts are written in any case.

        Raises:
            DataError: numbers cannot be written as text.
        """
        if dataset.x.is_text:
            return cls("text", (0.0, 1.0), np.zeros(1), np.ones(1), None, ("text",))
        if kind == "text":
            raise DataError("These sequences are numbers, and only texts can be drawn as text.")
        x, width = dataset.x, dataset.x.channels
        chosen = x[np.unique(np.linspace(0, len(x) - 1, min(sample, len(x)), dtype=int))]
        values = np.ma.masked_invalid(np.asarray(chosen.values, np.float64))
        centre, scale = np.zeros(width), np.ones(width)
        spread = values.std(axis=0).filled(0.0)
        varying = spread[spread > 0]
        if kind != "image" and varying.size and varying.max() > 10 * np.quantile(varying, 0.25):
            centre, scale = values.mean(axis=0).filled(0.0), np.where(spread > 0, spread, 1.0)
        kind = kind or ("lines" if width <= LINES_AT_MOST else "heat map")
        if kind == "spectrogram":
            loudest = max((spectrum_of(steps[:, 0]).max() for steps in chosen[:20]), default=0.0)
            limits = float(loudest) - RANGE, float(loudest)
        elif kind == "image":
            limits = float(values.min()), float(values.max())  # the page is the ground
        else:
            limits = _limits((values - centre) / scale, cut=1.0 if kind == "heat map" else 0.0)
        names = dataset.channels or tuple(f"channel {i + 1}" for i in range(width))
        unit = time_unit(dataset.rate_hz, x.length_range[1])
        return cls(kind, limits, centre, scale, dataset.rate_hz, names, unit)

    def normalized(self, steps: Array) -> Array:
        """`[time, channel]` in the units of the value axis."""
        return np.asarray((np.asarray(steps, np.float64) - self.centre) / self.scale)

    @property
    def scaled(self) -> bool:
        """Whether each channel is drawn in units of its own standard deviation."""
        return bool((self.scale != 1.0).any())

    @property
    def time_label(self) -> str:
        """The label of the time axis."""
        return "" if self.kind in ("image", "text") else self.unit.name

    @property
    def value_label(self) -> str:
        """The legend of lines and colours."""
        if self.kind == "spectrogram":
            return "decibels"
        return "standard deviations" if self.scaled else "value"


def image_kind(dataset: Dataset) -> Kind | None:
    """Return "image" for what was read as images, row by row; `None` for all else."""
    read = dataset.reading or {}
    rows = read.get("by", "rows") == "rows" and read.get("colour", "grey") == "grey"
    if read.get("format") in ("idx", "images") and rows and dataset.x.channels > 1:
        return "image"
    return None


def _limits(values: np.ma.MaskedArray[Any, Any], *, cut: float) -> tuple[float, float]:
    """The range of the values without `cut` percent at either end, and never empty."""
    there = values.compressed()
    if len(there) == 0:
        return 0.0, 1.0
    low, high = np.percentile(there, [cut, 100 - cut])
    margin = 0.05 * (high - low) if high > low else 0.5
    return float(low - margin), float(high + margin)


@styled()
def draw_sequence(steps: Array, display: Display, axes: Axes) -> Axes:
    """Draw one sequence `[time, channel]` into the axes.

    Long ones are thinned so that no peak is lost: a line keeps the smallest and the largest value
    of each stretch, a heat map the mean. Of a text as much is written as there is room for.
    """
    DRAWINGS[display.kind](steps, display, axes)
    if display.kind in ("image", "text"):
        return axes
    room = axes.get_position().width * axes.figure.bbox.width / axes.figure.dpi
    digits = len(f"{axes.get_xlim()[1]:.0f}")
    count = int(np.clip(room / (_DIGIT * (digits + 2)), 1, 4))
    # No tick at the very end, where that of the next panel begins.
    axes.xaxis.set_major_locator(MaxNLocator(count, integer=display.unit == STEPS, prune="upper"))
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=display.kind == "heat map"))
    return axes


def _draw_lines(steps: Array, display: Display, axes: Axes) -> None:
    values = display.normalized(steps)
    # Enough points for the panel's width that an oscillation within one dot fills it.
    width = axes.get_position().width * axes.figure.bbox.width
    for channel, colour in zip(values.T, cycle(PALETTE), strict=False):
        times, thin = envelope(channel, max(POINTS_AT_MOST, round(1.4 * width)))
        dot = "." if len(thin) == 1 else None
        axes.plot(times * display.unit.per_step, thin, lw=0.9, marker=dot, color=colour)
    # The common limits, and what lies beyond them here or in a panel that shares the axis.
    inside = [*display.limits, *(() if axes.get_autoscaley_on() else axes.get_ylim())]
    finite = values[np.isfinite(values)]
    axes.set_ylim(finite.min(initial=min(inside)), finite.max(initial=max(inside)))


def _draw_heat_map(steps: Array, display: Display, axes: Axes) -> None:
    """Colours of `[time, row]` over time: channels from above to below, frequencies upwards."""
    rows, values = (steps.shape[1] + 0.5, 0.5), display.normalized(steps)
    if display.kind == "spectrogram":  # of the first channel
        rows, values = (0.0, (display.rate_hz or 1.0) / 2), spectrum_of(steps[:, 0])
    if len(values) > POINTS_AT_MOST:  # the mean of each stretch
        starts = np.linspace(0, len(values), POINTS_AT_MOST, endpoint=False, dtype=np.int64)
        sums = np.add.reduceat(values, starts, axis=0)
        values = sums / np.diff([*starts, len(values)])[:, None]
    longest = 0.0 if axes.get_autoscalex_on() else axes.get_xlim()[1]
    end = max(1, len(steps)) * display.unit.per_step
    low, high = display.limits
    origin: Any = "lower" if rows[0] < rows[1] else "upper"
    axes.imshow(values.T, extent=(0, end, *rows), vmin=low, vmax=high, origin=origin)
    axes.set_xlim(0.0, max(longest, end))  # panels may share the axis
    axes.grid(visible=False)


def _draw_upright(steps: Array, display: Display, axes: Axes) -> None:
    """Steps from above to below and channels from left to right, as in an image read by rows."""
    low, high = display.limits
    axes.imshow(steps, cmap=SHADES, vmin=low, vmax=high, aspect="equal")
    bare(axes)


@styled()
def draw_text(text: str, axes: Axes) -> Axes:
    """Write the beginning of a text into the axes, as much as there is room for."""
    box, dpi = axes.get_window_extent(), axes.figure.dpi
    width, height = box.width / dpi, box.height / dpi
    columns, rows = max(12, int(width / _CHARACTER)), max(1, int(height / _LINE))
    lines = textwrap.wrap(" ".join(text[: 2 * columns * rows].split()), columns)
    if len(lines) > rows:
        lines = [*lines[: rows - 1], lines[rows - 1][: columns - 1] + "…"]
    look: Any = {"fontsize": _TEXT_SIZE, "va": "top", "linespacing": 1.2}
    axes.text(0.0, 1.0, "\n".join(lines), transform=axes.transAxes, **look)
    bare(axes)
    return axes


# Each kind of picture of a sequence: a new one is a line here, and a case in `Display.of`.
DRAWINGS: dict[Kind, Callable[[Array, Display, Axes], object]] = {
    "lines": _draw_lines,
    "heat map": _draw_heat_map,
    "spectrogram": _draw_heat_map,
    "image": _draw_upright,
    "text": lambda steps, _, axes: draw_text(decode(steps), axes),
}


def envelope(values: Array, points: int) -> tuple[Array, Array]:
    """Times and values; of a long line the smallest and largest of each stretch, in order."""
    if len(values) <= points:
        return np.arange(len(values)), values
    kept: list[int] = []
    for stretch in np.array_split(np.arange(len(values)), points // 2):
        known = stretch[~np.isnan(values[stretch])]
        if len(known):
            kept += sorted({known[values[known].argmin()], known[values[known].argmax()]})
        else:
            kept.append(stretch[0])  # a gap stays a gap
    return np.asarray(kept), values[kept]


# -- spectra --------------------------------------------------------------------------------------


def spectrum_of(values: Array) -> Array:
    """`[frame, frequency]` in decibels, of Hann-windowed frames; missing values count as none.

    A frame is a sixteenth of the sequence, 16 to 256 steps, and begins an eighth of a frame after
    the one before; shorter sequences are filled up with zeros.
    """
    size = int(2 ** np.round(np.log2(np.clip(len(values) / 16, 16, _LONGEST))))
    values = np.asarray(values, np.float64)
    there = np.isfinite(values)
    known = np.where(there, values - (values[there].mean() if there.any() else 0.0), 0.0)
    padded = np.pad(known, (0, max(0, size - len(known))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[:: max(1, size // 8)]
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(size), axis=1)) / size
    decibels: Array = 20 * np.log10(np.maximum(spectrum, 1e-9))
    return decibels
