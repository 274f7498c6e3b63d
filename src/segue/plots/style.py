"""The common look: one style, one palette, and the making of axes without pyplot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

P = ParamSpec("P")
R = TypeVar("R")
AxesArray = npt.NDArray[Any]  # of Axes

INK, MUTED, RULE = "#1f2328", "#6e7781", "#d0d7de"

# Okabe and Ito's colours, told apart with every kind of colour vision ("Color universal design",
# 2008), without yellow and black, which white and black pages swallow.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F")
BLUE, VERMILION = PALETTE[:2]

# From nothing to blue: the page shines through where there is little, be it light or dark.
SHARES = LinearSegmentedColormap.from_list("shares", [(0, 0.447, 0.698, 0), (0, 0.447, 0.698, 1)])

# The same to ink.
SHADES = LinearSegmentedColormap.from_list("shades", [(0.12, 0.14, 0.16, 0), INK])

STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.prop_cycle": cycler(color=PALETTE),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9.0,
    "figure.dpi": 120.0,
    "font.size": 9.0,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "lines.linewidth": 1.3,
    "text.color": INK,
    "text.parse_math": False,  # class names are text, also those with a $
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 8.0,
    "xtick.major.size": 3.0,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 8.0,
    "ytick.major.size": 0.0,
}


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Make a drawing function use `STYLE`, whatever the global style is, and leave that alone."""

    @wraps(draw)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context(STYLE):
            return draw(*args, **kwargs)

    return inside


def new_figure(width: float = 4.2, height: float = 2.7) -> Figure:
    """Return an empty figure of so many inches that lays itself out."""
    return Figure(figsize=(width, height), layout="constrained")


@styled
def new_axes(width: float = 4.2, height: float = 2.7) -> Axes:
    """Return the only axes of a new figure."""
    return new_figure(width, height).add_subplot()


@styled
def panels(rows: int, columns: int, *, width: float, height: float, **shared: Any) -> AxesArray:
    """Return axes `[row, column]` of a new figure; each panel is so many inches large."""
    figure = new_figure(width * columns, height * rows)
    grid: AxesArray = figure.subplots(rows, columns, squeeze=False, **shared)
    return grid


@styled
def strip(columns: int, *, width: float, height: float) -> AxesArray:
    """Return axes `[column]` in a row with common axes and margins of a fixed size.

    Many small pictures line up with each other so, and need no layout of their own, which takes
    longer than drawing them.

    Args:
        columns: how many panels.
        width: of the whole figure, in inches.
        height: of the whole figure, in inches.
    """
    figure = Figure(figsize=(width, height))
    axes: AxesArray = figure.subplots(1, columns, squeeze=False, sharex=True, sharey=True)[0]
    margins = {"left": 0.46 / width, "bottom": 0.42 / height}
    figure.subplots_adjust(**margins, right=1 - 0.1 / width, top=1 - 0.06 / height, wspace=0.1)
    return axes


def plain_names(names: Sequence[Any], at_most: int = 24) -> list[str]:
    """Return names as text short enough for an axis.

    >>> plain_names(["walk", "a very long name of some class"])
    ['walk', 'a very long name of som…']
    """
    texts = [str(name) for name in names]
    return [text if len(text) <= at_most else text[: at_most - 1] + "…" for text in texts]


def thinned_ticks(count: int, at_most: int) -> npt.NDArray[np.int64]:
    """Return evenly spaced indices below `count`, at most so many.

    >>> thinned_ticks(60, 20)[:4].tolist()
    [0, 3, 6, 9]
    """
    step = -(-count // at_most)
    return np.arange(0, count, max(1, step))
