"""Pictures of what a model has learnt and how far to trust it: the map, coverage, thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.ticker import PercentFormatter

from segue.dataset import named
from segue.plots.style import BLUE, INK, MUTED, PALETTE, VERMILION, new_axes, plain_names, styled
from segue.randomness import numpy_generator

Array = npt.NDArray[Any]

MARKERS = ("o", "^", "s", "v", "D", "P")  # a new shape when the colours are used up


@styled
def plot_plane(
    plane: Array,
    labels: Array,
    classes: Sequence[Any],
    centres: Array,
    *,
    title: str = "",
    axes: Axes | None = None,
) -> Axes:
    """Draw points in the plane, coloured by class, with the centre of each class.

    Args:
        plane: `[n, 2]`.
        labels: `[n]`, the class of each point.
        classes: the class names.
        centres: `[class, 2]`.
        title: stands above.
        axes: where to draw.
    """
    axes = new_axes(6.0, 4.6) if axes is None else axes
    size = float(np.clip(6000 / len(plane), 3, 24))
    for code, name in enumerate(classes):
        points = plane[np.asarray(labels) == name]
        axes.scatter(
            points[:, 0],
            points[:, 1],
            s=size,
            color=PALETTE[code % len(PALETTE)],
            marker=MARKERS[code // len(PALETTE) % len(MARKERS)],
            alpha=0.75,
            linewidths=0,
            label=plain_names([named(name)])[0],
        )
    axes.scatter(
        centres[:, 0], centres[:, 1], s=60, color=INK, marker="X", ec="white", label="centre"
    )
    for name, (x, y) in zip(plain_names(classes, 12), centres, strict=True):
        axes.annotate(
            name,
            (x, y),
            xytext=(6, 5),
            textcoords="offset points",
            fontweight="bold",
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
        )
    axes.set_title(title)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    columns = 1 if len(classes) < 20 else 2
    legend = axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), ncols=columns)
    for handle in legend.legend_handles:  # colours and shapes must be seen, however small the dots
        if handle is not None:
            handle.set(sizes=[36], alpha=1.0)
    return axes


@styled
def plot_coverage(
    curve: Array,
    *,
    wanted: float,
    chosen: tuple[float, float],
    test: Array | None = None,
    axes: Axes | None = None,
) -> Axes:
    """Draw the accuracy of the answers over the share of sequences that are answered.

    Args:
        curve: `[point, 2]` coverage and accuracy on the validation data.
        wanted: the accuracy that was asked for, a dashed line.
        chosen: coverage and accuracy at the chosen threshold, a dot.
        test: `[point, 2]` the same curve on other data.
        axes: where to draw.
    """
    axes = new_axes() if axes is None else axes
    for points, colour, label in ((curve, BLUE, "validation"), (test, VERMILION, "test")):
        if points is not None:
            axes.step(points[:, 0], points[:, 1], where="post", color=colour, label=label)
    axes.axhline(wanted, color=MUTED, lw=0.9, ls=(0, (3, 2)), label=f"wanted: {100 * wanted:g} %")
    axes.scatter(*chosen, s=36, color=INK, zorder=3, label=f"{100 * chosen[0]:.1f} % answered")
    axes.set_xlim(-0.02, 1.02)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    axes.set_xlabel("share of sequences answered")
    axes.set_ylabel("accuracy of the answers")
    axes.legend(loc="lower left")
    return axes


@styled
def plot_thresholds(
    values: Array,
    labels: Array,
    classes: Sequence[Any],
    thresholds: Sequence[float],
    *,
    title: str = "",
    axes: Axes | None = None,
) -> Axes:
    """Draw one number of each sequence, a row of dots for each class, and lines between them.

    Args:
        values: `[n]`.
        labels: `[n]`, the class of each.
        classes: the class names, from above to below.
        thresholds: where the lines stand.
        title: stands above.
        axes: where to draw.
    """
    axes = new_axes(4.4, 0.9 + 0.45 * len(classes)) if axes is None else axes
    scatter = numpy_generator(0, "thresholds").uniform(-0.28, 0.28, len(values))
    for row, name in enumerate(classes):
        its = np.asarray(labels) == name
        colour = PALETTE[row % len(PALETTE)]
        axes.scatter(values[its], row + scatter[its], s=9, color=colour, alpha=0.6, linewidths=0)
    for threshold in thresholds:
        axes.axvline(threshold, color=INK, lw=0.9, ls=(0, (3, 2)))
    axes.set_yticks(range(len(classes)), plain_names([named(name) for name in classes]))
    axes.set_ylim(len(classes) - 0.5, -0.5)
    axes.set_xlabel(f"value, threshold {', '.join(f'{line:.4g}' for line in thresholds)}")
    axes.set_title(title)
    axes.grid(visible=False)
    return axes
