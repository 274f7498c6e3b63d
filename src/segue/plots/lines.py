"""Named lines over a common axis: functions, or how a figure moves with another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from segue.errors import DataError
from segue.plots.style import PALETTE, new_axes, plain_names, styled


@styled
def plot_lines(
    x: npt.ArrayLike,
    lines: Mapping[str, npt.ArrayLike],
    *,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
    dots: bool = False,
    axes: Axes | None = None,
) -> Axes:
    """Draw lines over the same places; their names stand beside them, that of one at its axis.

    Places that are whole numbers, such as epochs, have whole numbers at the axis.

    Args:
        x: `[point]`, where.
        lines: `[point]` by name; at most seven, so that their colours can be told apart.
        xlabel: what stands below.
        ylabel: what stands at the side.
        title: what stands above.
        dots: mark every point.
        axes: where to draw.

    Raises:
        DataError: more than seven lines, or one of another length than `x`.

    >>> import numpy as np
    >>> x = np.linspace(-6, 6, 100)
    >>> axes = plot_lines(x, {"sigmoid": 1 / (1 + np.exp(-x)), "tanh": np.tanh(x)})
    >>> [line.get_label() for line in axes.lines]
    ['sigmoid', 'tanh']
    """
    columns: dict[str, Any] = {"x": x, **lines}
    points = {name: len(values) for name, values in columns.items()}
    if len(lines) > len(PALETTE) or len(set(points.values())) > 1:
        raise DataError(
            f"The lines have {points} points; expected as many as `x` has, and at most "
            f"{len(PALETTE)} lines."
        )
    axes = new_axes(5.4, 2.8) if axes is None else axes
    for colour, name, values in zip(
        PALETTE, plain_names(list(lines)), lines.values(), strict=False
    ):
        axes.plot(x, values, color=colour, label=name, marker="." if dots else None)
    if np.asarray(x).dtype.kind in "iu":
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.set_title(title)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel if len(lines) != 1 or ylabel else next(iter(lines)))
    if len(lines) > 1:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return axes
