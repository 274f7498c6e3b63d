"""Data sets: lengths, class balance, and an overview of both with some sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from segue.data.dataset import Dataset
from segue.data.summary import word_counts
from segue.errors import DataError
from segue.plots import style
from segue.plots.display import Kind
from segue.plots.sequences import arranged, plot_sequences
from segue.plots.style import MUTED, PALETTE

BINS_AT_MOST = 40
LINE_HEIGHT = 0.15  # inches that the name of a class needs


@style.styled
def plot_lengths(dataset: Dataset, *, axes: Axes | None = None) -> Axes:
    """Draw a histogram of the lengths, in seconds where `rate_hz` is known, else in steps.

    Texts are counted in words, as white space parts them.
    """
    axes = style.new_axes() if axes is None else axes
    lengths = word_counts(dataset.x) if dataset.x.is_text else dataset.x.lengths
    # Edges at whole numbers of steps, so that every bin holds equally many lengths.
    least, most = (int(lengths.min()), int(lengths.max())) if len(lengths) else (0, 0)
    width = -(-(most - least + 1) // BINS_AT_MOST)
    edges = np.arange(least, most + width + 1, width)
    per_step, unit = style.time_unit(dataset.rate_hz, dataset.x.length_range[1])
    if not dataset.rate_hz:
        unit = "words" if dataset.x.is_text else "time steps"
    axes.hist(lengths * per_step, (edges * per_step).tolist(), color=PALETTE[0])
    axes.set(xlabel=f"length ({unit})", ylabel="sequences")
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    if len(lengths) and least == most:
        length = f"{least * per_step:.6g}"
        axes.set_title(f"all {length} {unit}")
        axes.set_xticks([(least + 0.5) * per_step], [length])
        axes.set_xlim((least - 3) * per_step, (least + 4) * per_step)
    return axes


@style.styled
def plot_class_balance(dataset: Dataset, *, axes: Axes | None = None) -> Axes:
    """Draw how many sequences each class has, in each part where there are parts.

    For labels per step, steps are counted. As many classes are named as there is room for.

    Raises:
        DataError: the data set has no classes.
    """
    if dataset.classes is None or dataset.y is None:
        raise DataError(
            "This data set has no classes, so there is no balance to draw; expected labels in `y`."
        )
    names = style.plain_names(dataset.classes)
    if axes is None:
        axes = style.new_axes(height=min(5.2, max(1.6, 0.9 + 0.2 * len(names))))
    left = np.zeros(len(names), np.int64)
    parts = {name: dataset.part(name) for name in dataset.part_names} or {"": dataset}
    for (part, data), colour in zip(parts.items(), PALETTE, strict=False):
        counts = class_counts(data)
        axes.barh(
            range(len(names)), counts, left=left, height=0.8, color=colour, label=part or None
        )
        left = left + counts
    # The figure without the axis below and the legend above.
    room = axes.figure.bbox.height / axes.figure.dpi - 0.8
    shown = style.thinned_ticks(len(names), max(2, int(room / LINE_HEIGHT)))
    axes.set_yticks(shown, [names[i] for i in shown])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", visible=True)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_xlabel("time steps" if dataset.task == "label" else "sequences")
    if len(parts) > 1:
        axes.figure.legend(loc="outside upper right", ncols=len(parts))
    return axes


def class_counts(dataset: Dataset) -> npt.NDArray[np.int64]:
    """Return `[class]`, the sequences of each class; for labels per step, the steps."""
    y: Any = dataset.y
    classes = dataset.classes or ()
    if dataset.task == "label":
        return np.array([(y.values == code).sum() for code in range(len(classes))], np.int64)
    if dataset.task == "multilabel":
        return np.asarray(y.sum(axis=0), np.int64)
    return np.array([(y == name).sum() for name in classes], np.int64)


@style.styled
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
    figure = style.new_figure(9.6, top + bottom)
    halves: Any = figure.subfigures(2, 1, height_ratios=[top, bottom])
    above, below = halves
    has_classes = dataset.classes is not None and dataset.y is not None
    words, lengths, *balance = above.subplots(1, 3 if has_classes else 2)
    _write_summary(words, dataset)
    plot_lengths(dataset, axes=lengths)
    if has_classes:
        plot_class_balance(dataset, axes=balance[0])
    grid = below.subplots(len(rows), columns, squeeze=False, sharex=True, sharey=True)
    plot_sequences(dataset, samples=samples, seed=seed, kind=kind, axes=grid)
    return figure


def _write_summary(axes: Axes, dataset: Dataset) -> None:
    """The rows of the summary that fit a line; the classes are drawn beside it."""
    rows = [(heading, text) for heading, text in dataset.summary().rows() if heading != "classes"]
    axes.set_axis_off()
    axes.set_title(dataset.name, fontweight="bold")
    size = 8.0
    beside = 0.62 * size * max(len(heading) for heading, _ in rows)  # a letter has 0.5 to 0.6
    for line, (heading, text) in enumerate(rows):
        place: Any = {"xy": (0.0, 0.95 - 0.11 * line), "xycoords": "axes fraction"}
        place |= {"textcoords": "offset points", "fontsize": size, "va": "baseline"}
        axes.annotate(heading, xytext=(0, 0), color=MUTED, **place)
        axes.annotate(text, xytext=(beside, 0), **place)
