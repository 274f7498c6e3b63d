"""Plots in the terminal: lines by plotext, heat maps and bars with block characters.

`DRAWINGS` has a line for each kind of picture, under the names of `segue.plots.DRAWINGS`.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segue.data.sequences import Sequences
from segue.extras import require

if TYPE_CHECKING:
    from segue.data.dataset import Dataset

NARROWEST, WIDEST = 24, 160
_HEIGHT = 8  # of one plot, in lines of text
_SHADES = " ░▒▓█"
BLOCKS = "▁▂▃▄▅▆▇█"


def terminal_width() -> int | None:
    """Columns of the terminal that standard output is; `None` where it is none."""
    if not sys.stdout.isatty():
        return None
    return min(WIDEST, max(NARROWEST, shutil.get_terminal_size().columns - 1))


def has_plots() -> bool:
    """Whether the extra `terminal` is installed."""
    return find_spec("plotext") is not None


def plot(values: npt.ArrayLike, width: int, end: float) -> list[str]:
    """Draw `[time]` values as lines of text; NaN is a gap.

    Args:
        values: `[time]`.
        width: columns.
        end: where the time axis ends.
    """
    from segue.plots.display import envelope

    steps = np.asarray(values, np.float64)
    figure: Any = require("plotext", "terminal", "to draw in the terminal").figure
    figure.clear()
    try:
        figure.plot_size(width, _HEIGHT + 3)
        times, thin = envelope(np.where(np.isfinite(steps), steps, np.nan), 2 * width)
        known = np.ma.masked_invalid(thin)
        for run in np.ma.clump_unmasked(known):  # type: ignore[no-untyped-call]
            signal = figure.signal(times[run].tolist(), thin[run].tolist())
            figure.draw(signal.lines() if run.stop - run.start > 1 else signal)
        last, count = max(1, len(steps) - 1), max(2, min(6, width // 12))
        positions = np.linspace(0, last, count)
        ruler = figure.ruler("x")
        ruler.lim(0, last)
        ruler.ticks(positions.tolist(), [f"{end * x / last:.4g}" for x in positions])
        text: str = figure.build().string(colorless=True)
    finally:
        figure.clear()
    return [line.rstrip() for line in text.strip("\n").split("\n")]


def text_heatmap(image: npt.NDArray[Any], width: int, height: int = 2 * _HEIGHT) -> list[str]:
    """Draw `[row, time]` from the lowest value, a space, to the highest, a full block.

    >>> text_heatmap(np.array([[0.0, 1.0, 2.0, 3.0, 4.0]]), 10)
    ['  ░░▒▒▓▓██']
    """
    rows = _at(len(image), min(height, len(image)))
    columns = _at(image.shape[1], width)
    cells = image[rows][:, columns]
    known = cells[np.isfinite(cells)]
    low = known.min(initial=np.inf) if len(known) else 0.0
    span = (known.max() - low if len(known) else 0.0) or 1.0
    levels = np.nan_to_num((cells - low) / span * (len(_SHADES) - 1))
    return ["".join(_SHADES[round(level)] for level in row) for row in levels.tolist()]


def label_strip(runs: list[tuple[int, int, str]], length: int, width: int) -> str:
    """The labels of steps below a plot, each as long as it lasts.

    >>> label_strip([(0, 5, "sit"), (5, 10, "")], 10, 12)
    '|sit--      '
    """
    strip = ""
    for _, last, label in runs:
        room = round(last / length * width) - len(strip)
        strip += (f"|{label}".ljust(room, "-") if label else " " * room)[: max(0, room)]
    return strip


def _at(count: int, cells: int) -> npt.NDArray[np.int64]:
    """The index, of `count`, that each of so many cells shows."""
    return (np.arange(cells) * count // cells).astype(np.int64)


# -- kinds --------------------------------------------------------------------------------------


def _lines(steps: npt.NDArray[Any], width: int, end: float) -> list[str]:
    return plot(steps[:, 0], width, end)


def _over_time(image: npt.NDArray[Any], width: int, end: float) -> list[str]:
    """`[row, time]` as shades above a time axis."""
    return [*text_heatmap(image, width), "0" + f"{end:.4g}".rjust(width - 1, "─")]


def _heat_map(steps: npt.NDArray[Any], width: int, end: float) -> list[str]:
    return _over_time(np.asarray(steps, np.float64).T, width, end)


def _spectrogram(steps: npt.NDArray[Any], width: int, end: float) -> list[str]:
    """High frequencies above; of the first channel."""
    from segue.plots.display import RANGE, spectrum_of

    decibels = spectrum_of(np.asarray(steps[:, 0], np.float64)).T[::-1]
    return _over_time(np.maximum(decibels, decibels.max() - RANGE), width, end)


def _image(steps: npt.NDArray[Any], width: int, end: float) -> list[str]:
    """Steps from above to below."""
    return text_heatmap(np.asarray(steps, np.float64), width)


DRAWINGS = {"lines": _lines, "heat map": _heat_map, "spectrogram": _spectrogram, "image": _image}


def draw(dataset: Dataset, chosen: list[tuple[str, int]], kind: str, width: int) -> list[str]:
    """Draw sequences one below the other, each under its name.

    Lines are of one channel, the same of all: the one that varies most.

    Args:
        dataset: what to draw from.
        chosen: pairs of a name and a sequence's number.
        kind: of `DRAWINGS`.
        width: columns.
    """
    from segue.plots.style import STEPS, time_unit
    from segue.sonify import runs_of

    unit, lines, one = time_unit(dataset.rate_hz, dataset.x.length_range[1]), list[str](), None
    if kind == "lines" and chosen and dataset.x.channels > 1:
        one = liveliest_channel([dataset.x[number] for _, number in chosen])
        lines += [_channel_line(dataset, one), ""]
    for name, number in chosen:
        steps = dataset.x[number] if one is None else dataset.x[number][:, one : one + 1]
        end = len(steps) * unit.per_step
        lines.append(f"{name}  ({end:.6g} {'steps' if unit is STEPS else unit.name})")
        drawn = DRAWINGS[kind](steps, width, end)
        if isinstance(dataset.y, Sequences) and len(steps):
            frame = next((line for line in reversed(drawn) if "└" in line), "")
            left = frame.index("└") + 1 if frame else 0  # below the axis of a plot
            room = len(frame) - left - 1 if frame else width
            drawn.append(" " * left + label_strip(runs_of(dataset, number), len(steps), room))
        lines += [*drawn, ""]
    return [line[:width] for line in lines]


def _channel_line(dataset: Dataset, channel: int) -> str:
    name = dataset.channels[channel] if dataset.channels else channel + 1
    return f"channel {name} of {dataset.x.channels}:"


def bars(counts: Mapping[str, int], width: int) -> list[str]:
    """Draw counts as bars, a line each.

    >>> bars({"sit": 2, "walk": 4}, 24)
    ['sit   ██████           2', 'walk  ████████████     4']
    """
    longest = max(4, width // 3)
    margin = min(longest, max(map(len, counts), default=0))
    digits = max((len(f"{count:,}") for count in counts.values()), default=1)
    room = max(4, width - margin - digits - 7)
    largest = max([1, *counts.values()])
    lengths = {name: round(room * count / largest) for name, count in counts.items()}
    return [
        f"{name[:longest]:<{margin}}  {'█' * lengths[name]:<{room}}  {count:>{digits + 3},}"
        for name, count in counts.items()
    ]


def histogram(lengths: npt.NDArray[np.int64], width: int, *, bins: int = 8) -> list[str]:
    """Draw how many sequences have which length, as bars; at most so many."""
    if len(lengths) == 0:
        return []
    size = -(-int(np.ptp(lengths) + 1) // bins)
    first = int(lengths.min())
    counts = np.bincount((lengths - first) // size)
    names = [
        f"{low:,}" if size == 1 else f"{low:,} to {low + size - 1:,}"
        for low in range(first, first + size * len(counts), size)
    ]
    return bars(dict(zip(names, counts.tolist(), strict=True)), width)


# -- in one line ----------------------------------------------------------------------------------


def sparklines(dataset: Dataset, chosen: list[tuple[str, int]], width: int = 60) -> list[str]:
    """Draw each sequence in one line of text; of several channels the one that varies most.

    Args:
        dataset: what to draw from.
        chosen: pairs of a name and a sequence's number.
        width: columns.
    """
    if not chosen:
        return []
    steps = [dataset.x[number] for _, number in chosen]
    channel = liveliest_channel(steps)
    lines = [sparkline(one[:, channel], width) for one in steps]
    margin = max(len(name) for name, _ in chosen)
    rows = [f"{name:<{margin}}  {line}" for (name, _), line in zip(chosen, lines, strict=True)]
    heading = [_channel_line(dataset, channel)] if dataset.x.channels > 1 else []
    return heading + rows


def sparkline(values: npt.ArrayLike, width: int = 60) -> str:
    """Draw `[time]` values as blocks between the lowest and the highest; gaps where all is missing.

    Longer sequences are drawn as the means of `width` runs of steps.

    >>> sparkline([0, 1, 2, 3, 2, 1, float("nan"), 0])
    '▁▃▆█▆▃ ▁'
    """
    steps = np.asarray(values, np.float64)
    if len(steps) > width:
        runs = (run[np.isfinite(run)] for run in np.array_split(steps, width))
        steps = np.array([run.mean() if len(run) else np.nan for run in runs])
    finite = steps[np.isfinite(steps)]
    if len(finite) == 0:
        return " " * len(steps)
    low, span = finite.min(), np.ptp(finite)
    heights = (steps - low) / span * (len(BLOCKS) - 1) if span else np.where(steps == low, 3, steps)
    return "".join(BLOCKS[round(h)] if np.isfinite(h) else " " for h in heights.tolist())


def liveliest_channel(sequences: list[npt.NDArray[Any]]) -> int:
    """Return which channel of `[time, channel]` arrays varies most."""
    steps = np.ma.masked_invalid(np.concatenate(sequences).astype(np.float64))
    return int(np.ma.filled(steps.var(axis=0), 0).argmax())
