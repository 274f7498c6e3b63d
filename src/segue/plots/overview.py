"""A data set in one figure: what `segue view` draws."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from segue.dataset import Dataset
from segue.plots.counts import plot_class_balance, plot_lengths
from segue.plots.display import Kind
from segue.plots.sequences import arranged, plot_sequences
from segue.plots.style import MUTED, new_figure, styled


@styled
def overview(
    dataset: Dataset, *, samples: int = 3, seed: int = 0, kind: Kind | None = None
) -> Figure:
    """Draw a data set in one figure: its counts in words, lengths, class balance, some sequences.

    Args:
        dataset: what to draw; it need not have labels.
        samples: how many sequences of each class (of the first 12 classes).
        seed: which ones.
        kind: as in `plot_sequences`.

    Returns:
        A figure: `.savefig("data.png")` keeps it, a notebook shows it.
    """
    rows = arranged(dataset, samples, seed)
    columns = max((len(members) for _, members in rows), default=1)
    # One wide panel, or labels of steps, need more height than many small ones.
    top, bottom = 2.9, 0.7 + (1.1 if columns > 1 else 1.5) * len(rows)
    figure = new_figure(9.6, top + bottom)
    halves: Any = figure.subfigures(2, 1, height_ratios=[top, bottom])
    above, below = halves
    words, *pictures = above.subplots(1, 3 if _has_classes(dataset) else 2, squeeze=False)[0]
    _write_summary(words, dataset)
    plot_lengths(dataset, axes=pictures[0])
    if _has_classes(dataset):
        plot_class_balance(dataset, axes=pictures[1])
    grid = below.subplots(len(rows), columns, squeeze=False, sharex=True, sharey=True)
    plot_sequences(dataset, samples=samples, seed=seed, kind=kind, axes=grid)
    return figure


def _has_classes(dataset: Dataset) -> bool:
    return dataset.classes is not None and dataset.y is not None


def _write_summary(axes: Axes, dataset: Dataset) -> None:
    """The rows of the summary that fit a line; the classes are drawn beside it."""
    rows = [(heading, text) for heading, text in dataset.summary().rows() if heading != "classes"]
    axes.set_axis_off()
    axes.set_title(dataset.name, fontweight="bold")
    size = 8.0
    beside = (
        0.62 * size * max(len(heading) for heading, _ in rows)
    )  # points; a letter has 0.5 to 0.6
    for line, (heading, text) in enumerate(rows):
        place: Any = {"xy": (0.0, 0.95 - 0.11 * line), "xycoords": "axes fraction"}
        place |= {"textcoords": "offset points", "fontsize": size, "va": "baseline"}
        axes.annotate(heading, xytext=(0, 0), color=MUTED, **place)
        axes.annotate(text, xytext=(beside, 0), **place)
