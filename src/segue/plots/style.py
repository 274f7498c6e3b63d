"""Style of all pictures: colours, axes without pyplot, names that fit, the unit of a time axis."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import east_asian_width

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colorbar import Colorbar
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

AxesArray = npt.NDArray[Any]  # of Axes

_FILE = Path(__file__).with_name("segue.mplstyle")
STYLE: dict[Any, Any] = mpl.rc_params_from_file(_FILE, use_default_template=False)
PALETTE: tuple[str, ...] = tuple(STYLE["axes.prop_cycle"].by_key()["color"])
BLUE, VERMILION = PALETTE[:2]
INK, MUTED, RULE = (STYLE[name] for name in ("text.color", "axes.edgecolor", "grid.color"))

# From nothing to blue: the page shines through where there is little, be it light or dark.
SHARES = LinearSegmentedColormap.from_list("shares", [(0, 0.447, 0.698, 0), (0, 0.447, 0.698, 1)])

# From orange through nothing to blue: what is near zero lets the page shine through.
SIGNED = LinearSegmentedColormap.from_list(
    "signed", [(0.835, 0.369, 0, 1), (1, 1, 1, 0), (0, 0.447, 0.698, 1)]
)

# From nothing to ink.
SHADES = LinearSegmentedColormap.from_list("shades", [(0.12, 0.14, 0.16, 0), INK])

DASHED: dict[str, Any] = {"color": MUTED, "lw": 0.9, "ls": (0, (3, 2))}  # of a line of reference


@contextmanager
def styled() -> Iterator[None]:
    """Use `STYLE`, whatever the global style is, and leave that alone; also as a decorator."""
    with mpl.rc_context(STYLE):
        yield


# -- figures --------------------------------------------------------------------------------------


class ShownFigure(Figure):
    """A figure that a notebook shows, as its axes are, also where matplotlib is not set up."""

    def add_subplot(self, *args: Any, **more: Any) -> Any:
        axes = super().add_subplot(*args, **more)
        axes.__dict__["_repr_png_"] = self._repr_png_
        return axes

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


def new_figure(width: float = 4.2, height: float = 2.7) -> Figure:
    """Return an empty figure of so many inches that lays itself out."""
    return ShownFigure(figsize=(width, height), layout="constrained")


def new_axes(width: float = 4.2, height: float = 2.7) -> Axes:
    """Return the only axes of a new figure."""
    return new_figure(width, height).add_subplot()


def panels(rows: int, columns: int, *, width: float, height: float, **shared: Any) -> AxesArray:
    """Return axes `[row, column]` of a new figure; each panel is so many inches large."""
    figure = new_figure(width * columns, height * rows)
    grid: AxesArray = figure.subplots(rows, columns, squeeze=False, **shared)
    return grid


def column(
    heights: Sequence[float], *, width: float, margin: float = 0.5, **shared: Any
) -> AxesArray:
    """Return axes `[row]` of a new figure, one below the other, of so many inches each."""
    figure, rows = new_figure(width, sum(heights) + margin), len(heights)
    grid: AxesArray = figure.subplots(rows, 1, squeeze=False, height_ratios=heights, **shared)
    return grid[:, 0]


@styled()
def strip(columns: int, *, width: float, height: float) -> AxesArray:
    """Return axes `[column]` in a row with common axes and margins of a fixed size.

    Many small pictures line up with each other so, and need no layout of their own, which takes
    longer than drawing them.

    Args:
        columns: how many panels.
        width: of the whole figure, in inches.
        height: of the whole figure, in inches.
    """
    figure = ShownFigure(figsize=(width, height))
    axes: AxesArray = figure.subplots(1, columns, squeeze=False, sharex=True, sharey=True)[0]
    margins = {"left": 0.46 / width, "bottom": 0.42 / height}
    figure.subplots_adjust(**margins, right=1 - 0.1 / width, top=1 - 0.06 / height, wspace=0.1)
    box = axes[0].get_window_extent()  # labels at fixed places: else ticks are measured thrice
    for one in axes:
        one.xaxis.set_label_coords(0.5, -0.257 * figure.dpi / box.height)
        one.yaxis.set_label_coords(-0.32 * figure.dpi / box.width, 0.5)
    return axes


def wipe(axes: AxesArray) -> None:
    """Take what was drawn out of the axes of a strip, for the next picture.

    To make axes with their ticks takes as long as to draw them.
    """
    for one in axes:
        for artist in (*one.lines, *one.images, *one.texts):
            artist.remove()
        one.set_axis_on()
        one.relim()
        one.autoscale()


# -- parts of axes --------------------------------------------------------------------------------


def bare(axes: Axes) -> None:
    """Leave the ticks, the grid and the frame out."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def percent(*axis: Axis) -> None:
    """Write shares at an axis as percentages."""
    for one in axis:
        one.set_major_formatter(PercentFormatter(1.0, symbol=" %"))


def colour_bar(image: Any, axes: Any, **layout: Any) -> Colorbar:
    """A scale of the colours beside one of the axes or several."""
    bar: Colorbar = image.figure.colorbar(image, ax=axes, **layout)
    bar.outline.set_visible(False)
    return bar


def draw_cells(
    axes: Axes, shares: npt.NDArray[Any], texts: Any, *, fontsize: float = 8.0, **look: Any
) -> None:
    """Colour cells by their shares, `[row, column]`, and write the texts of a table into them."""
    axes.imshow(shares, cmap=SHARES, vmin=0.0, vmax=1.0, **look)
    axes.grid(visible=False)
    for (row, column), share in np.ndenumerate(shares):
        place: Any = {"ha": "center", "va": "center", "fontsize": fontsize}
        if texts[row][column]:
            colour = "white" if share > 0.65 else INK
            axes.text(column, row, texts[row][column], color=colour, **place)


def legend_beside(axes: Axes, **more: Any) -> Any:
    """Name the lines to the right of the axes."""
    return axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), **more)


def plain_name(name: Any, at_most: int = 24) -> str:
    """Return a name as text short enough for an axis: of a long one the beginning and the end.

    Args:
        name: of a class, a channel or a network.
        at_most: how many letters; those of Chinese, Japanese and Korean are as wide as two.

    >>> plain_name("a very long name of some class, number 12"), plain_name("非常长的类别名称")
    ('a very long n…number 12', '非常长的类别名称')
    >>> plain_name("这是一个非常长的类别名称号码12")
    '这是一个非常…名称号码12'
    """
    return _shortened(str(name), at_most, 0.6)


def _shortened(name: str, at_most: int, share: float) -> str:
    """A long name cut in its middle, with a share of the room for its beginning."""
    text = " ".join(name.split())
    widths = [2 if east_asian_width(letter) in "WF" else 1 for letter in text]
    if sum(widths) <= at_most:
        return text
    sums, behind = np.cumsum(widths), np.cumsum(widths[::-1])
    begin = int(np.searchsorted(sums, share * (at_most - 1), "right"))
    end = int(np.searchsorted(behind, at_most - 1 - sums[begin - 1], "right"))
    return f"{text[:begin].rstrip()}…{text[len(text) - end :].lstrip()}"


def set_title(axes: Axes, text: str, **look: Any) -> None:
    """Write a title above the axes; a long one in several lines.

    With `y=1.0` it stands there; without, all ticks are measured several times to see whether any
    is in its way.
    """
    axes.set_title(text, wrap=True, **look)


def plain_names(names: Iterable[Any], at_most: int = 24) -> list[str]:
    """Return several names as short texts, cut where the most of them stay different.

    >>> plain_names(["species number 1 of the collection", "species number 2 of the collection"])
    ['species number 1 of the…', 'species number 2 of the…']
    """
    texts = [str(name) for name in names]
    columns = enumerate(zip(*texts, strict=False))
    shared = next((place for place, letters in columns if len(set(letters)) > 1), 0)
    ways = (
        [_shortened(text, at_most, 0.6) for text in texts],
        [_shortened(text, at_most, 1.0) for text in texts],
        [_shortened(f"…{text[shared:]}", at_most, 1.0) for text in texts],
    )
    return max(ways, key=lambda short: len(set(short)))


def thinned_ticks(count: int, at_most: int) -> npt.NDArray[np.int64]:
    """Return evenly spaced indices below `count`, at most so many.

    >>> thinned_ticks(60, 20)[:4].tolist()
    [0, 3, 6, 9]
    """
    return np.arange(0, count, max(1, -(-count // at_most)))


def some_named(shown: npt.NDArray[np.int64]) -> str:
    """A note for a title where only some classes are named; empty where all are.

    >>> some_named(thinned_ticks(60, 20)), some_named(thinned_ticks(20, 20))
    ('one of 3 classes is named', '')
    """
    every = int(shown[1] - shown[0]) if len(shown) > 1 else 1
    return f"one of {every} classes is named" if every > 1 else ""


_UNITS = (  # seconds, name, and from how many seconds on it is used
    (365.25 * 86_400, "years", 3 * 365.25 * 86_400),
    (86_400.0, "days", 3 * 86_400),
    (3_600.0, "hours", 3 * 3_600),
    (60.0, "minutes", 600),
    (1.0, "seconds", 0),
)


class TimeUnit(NamedTuple):
    """The unit of a time axis.

    Attributes:
        per_step: how much of it one step is.
        name: for the axis.
    """

    per_step: float
    name: str


STEPS = TimeUnit(1.0, "time step")


def time_unit(rate_hz: float | None, longest: int) -> TimeUnit:
    """The unit for sequences of up to `longest` steps.

    >>> time_unit(None, 100), time_unit(10.0, 30).name, time_unit(1 / 86_400, 76_000).name
    (TimeUnit(per_step=1.0, name='time step'), 'seconds', 'years')
    """
    if not rate_hz:
        return STEPS
    units = (unit[:2] for unit in _UNITS if longest / rate_hz >= unit[2])
    seconds, name = next(units)
    return TimeUnit(1 / (rate_hz * seconds), name)
