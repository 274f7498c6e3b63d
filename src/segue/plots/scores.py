"""Pictures of scores: the history of a training, the confusion matrix, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from segue.errors import DataError
from segue.plots.style import (
    BLUE,
    INK,
    MUTED,
    RULE,
    SHARES,
    VERMILION,
    new_axes,
    panels,
    plain_names,
    styled,
    thinned_ticks,
)

if TYPE_CHECKING:
    from segue.evaluation.metrics import Calibration


class History(Protocol):
    """What is drawn of a training: `segue.History`, or anything that has the same two.

    `rows` holds one mapping an epoch, with `epoch`, `loss` and, where measured, `accuracy`,
    `validation_loss` and `validation_accuracy`.
    """

    @property
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """One an epoch."""

    @property
    def best_epoch(self) -> int | None:
        """The epoch whose weights were kept; a line marks it."""


COUNTED_CLASSES = 15  # up to here the cells of a confusion matrix show their counts
NAMED_CLASSES = 30  # up to here each has a name, and cells are parted by lines


@styled
def plot_history(history: History, *, axes: Axes | None = None) -> Axes:
    """Draw loss and accuracy (of numbers the error) over the epochs, side by side.

    Args:
        history: an estimator's `history_`.
        axes: where to draw the loss alone, instead of both in a new figure.

    Returns:
        The axes of the loss; the other is `axes.figure.axes[1]`.

    Raises:
        DataError: no rows.
    """
    if axes is not None:
        return plot_curve(history, "loss", axes=axes)
    loss, beside = panels(1, 2, width=3.6, height=2.6)[0]
    measured = {name for row in history.rows for name in row}
    others = (name for name in ("rmse", "perplexity") if name in measured)
    plot_curve(history, next(others, "accuracy"), axes=beside)
    return plot_curve(history, "loss", axes=loss)


@styled
def plot_curve(history: History, metric: str, *, axes: Axes | None = None) -> Axes:
    """Draw one metric over the epochs, for training and, where measured, validation.

    Raises:
        DataError: no rows.
    """
    rows, best_epoch = history.rows, history.best_epoch
    if not rows:
        raise DataError("There is no history: expected one row for each epoch of a training.")
    axes = new_axes() if axes is None else axes
    marker = "o" if len(rows) == 1 else None
    for key, label, colour in (
        (metric, "training", BLUE),
        (f"validation_{metric}", "validation", VERMILION),
    ):
        points = [(row["epoch"], row[key]) for row in rows if row.get(key) is not None]
        if points:
            axes.plot(*zip(*points, strict=True), color=colour, marker=marker, label=label)
    if best_epoch is not None:
        axes.axvline(best_epoch, color=MUTED, lw=0.9, ls=(0, (3, 2)), label=f"best: {best_epoch}")
    axes.set_title(metric)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    if len(rows) == 1:
        axes.set_xticks([rows[0]["epoch"]])
    axes.yaxis.set_major_locator(MaxNLocator(5))
    if metric == "accuracy":
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="best")
    return axes


@styled
def plot_confusion(
    matrix: npt.NDArray[Any], classes: Sequence[Any], *, axes: Axes | None = None
) -> Axes:
    """Draw a confusion matrix: a row for each true class, coloured by the share of that class.

    Up to 15 classes the cells show their counts, up to 30 every class is named.

    Args:
        matrix: `[class, class]` counts, rows are the true classes.
        classes: the class names.
        axes: where to draw.
    """
    matrix, names, count = np.asarray(matrix), plain_names(classes), len(classes)
    size = min(6.4, 1.7 + 0.36 * count)
    axes = new_axes(size + 0.6, size) if axes is None else axes
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap=SHARES, vmin=0.0, vmax=1.0, interpolation="none")
    shown = thinned_ticks(count, NAMED_CLASSES)
    turned = max(map(len, names)) > (6 if count <= 6 else 2)
    axes.set_xticks(shown, [names[i] for i in shown])
    axes.tick_params(axis="x", rotation=90 if turned else 0, length=0)
    axes.set_yticks(shown, [names[i] for i in shown])
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    axes.grid(visible=False)
    if count <= NAMED_CLASSES:
        _lines_between_cells(axes, count)
    if count <= COUNTED_CLASSES:
        _write_counts(axes, matrix, shares)
    return axes


def _lines_between_cells(axes: Axes, count: int) -> None:
    edges = np.arange(count + 1) - 0.5
    axes.set_xticks(edges, minor=True)
    axes.set_yticks(edges, minor=True)
    axes.tick_params(which="minor", length=0)
    axes.grid(which="minor", axis="both", visible=True, color=RULE, linewidth=0.5)
    axes.spines[:].set_visible(False)


def _write_counts(axes: Axes, matrix: npt.NDArray[Any], shares: npt.NDArray[Any]) -> None:
    for row, column in np.argwhere(matrix > 0):
        axes.text(
            column,
            row,
            f"{matrix[row, column]:,}",
            ha="center",
            va="center",
            fontsize=8.0 if len(matrix) <= 10 else 7.0,
            color="white" if shares[row, column] > 0.7 else INK,
        )


@styled
def plot_calibration(calibration: Calibration, *, axes: Axes | None = None) -> Axes:
    """Draw accuracy over confidence: a dot for each bin, its area by the sequences in it.

    Below the diagonal the model is surer than it is right.
    """
    axes = new_axes(4.2, 3.6) if axes is None else axes
    there = calibration.counts > 0
    share = calibration.counts[there] / calibration.counts.sum()
    sure, right = calibration.confidence[there], calibration.accuracy[there]
    axes.plot([0, 1], [0, 1], color=MUTED, lw=0.9, ls=(0, (3, 2)), label="as right as sure")
    axes.vlines(sure, sure, right, color=VERMILION, lw=1.2, label="gap")
    axes.scatter(sure, right, 18 + 160 * share, color=BLUE, zorder=3, label="sequences")
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(-0.03, 1.03)
    axes.set_aspect("equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes.set_xlabel("confidence")
    axes.set_ylabel("accuracy")
    axes.set_title(f"calibration error {calibration.error:.3f}")
    axes.legend(loc="best", markerscale=0.6)
    return axes
