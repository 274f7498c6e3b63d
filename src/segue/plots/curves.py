"""Curves: named lines, the history of a training, the search for a learning rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from segue.errors import DataError
from segue.plots import style
from segue.plots.style import BLUE, DASHED, MUTED, PALETTE, VERMILION

LearningRates = Any  # of segue.training.finder, a package above this one


@style.styled
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
        lines: `[point]` by name; at most seven, which have colours of their own.
        xlabel: the label of the horizontal axis.
        ylabel: the label of the vertical axis.
        title: the title of the axes.
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
    axes = style.new_axes(5.4, 2.8) if axes is None else axes
    names = style.plain_names(list(lines))
    for colour, name, values in zip(PALETTE, names, lines.values(), strict=False):
        axes.plot(x, values, color=colour, label=name, marker="." if dots else None)
    if np.asarray(x).dtype.kind in "iu":
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    if len(lines) > 1:
        style.legend_beside(axes)
    elif not ylabel:
        ylabel = "".join(lines)
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    return axes


class History(Protocol):
    """Protocol of a history that can be drawn: `segue.History`, or anything that has the same two.

    `rows` holds one mapping an epoch, with `epoch`, `loss` and, where measured, `accuracy`,
    `validation_loss` and `validation_accuracy`.
    """

    @property
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """One an epoch."""

    @property
    def best_epoch(self) -> int | None:
        """The epoch whose weights were kept; a line marks it."""


@style.styled
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
    loss, beside = style.panels(1, 2, width=3.6, height=2.6)[0]
    measured = {name for row in history.rows for name in row}
    others = (name for name in ("rmse", "perplexity") if name in measured)
    plot_curve(history, next(others, "accuracy"), axes=beside)
    return plot_curve(history, "loss", axes=loss)


@style.styled
def plot_curve(history: History, metric: str, *, axes: Axes | None = None) -> Axes:
    """Draw one metric over the epochs, for training and, where measured, validation.

    Raises:
        DataError: no rows.
    """
    rows, best_epoch = history.rows, history.best_epoch
    if not rows:
        raise DataError("There is no history: expected one row for each epoch of a training.")
    axes = style.new_axes() if axes is None else axes
    marker = "o" if len(rows) == 1 else None
    for key, label, colour in (
        (metric, "training", BLUE),
        (f"validation_{metric}", "validation", VERMILION),
    ):
        points = [(row["epoch"], row[key]) for row in rows if row.get(key) is not None]
        if points:
            axes.plot(*zip(*points, strict=True), color=colour, marker=marker, label=label)
    if best_epoch is not None:
        axes.axvline(best_epoch, **DASHED, label=f"best: {best_epoch}")
    axes.set(title=metric, xlabel="epoch")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    if len(rows) == 1:
        axes.set_xticks([rows[0]["epoch"]])
    axes.yaxis.set_major_locator(MaxNLocator(5))
    if metric == "accuracy":
        style.percent(axes.yaxis)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="best")
    return axes


@style.styled
def plot_learning_rates(rates: LearningRates, *, axes: Axes | None = None) -> Axes:
    """Draw the loss of each update over its learning rate, smoothed too, with the suggestion.

    Args:
        rates: what `segue.training.find_learning_rate` returns.
        axes: where to draw.
    """
    axes = style.new_axes(4.6, 3.0) if axes is None else axes
    x, losses, smoothed = (
        [row[name] for row in rates.rows] for name in ("learning_rate", "loss", "smoothed")
    )
    axes.plot(x, losses, color=MUTED, lw=0.8, label="each batch")
    axes.plot(x, smoothed, color=BLUE, label="smoothed")
    look = DASHED | {"color": VERMILION, "label": f"suggestion: {rates.suggestion:.2g}"}
    axes.axvline(rates.suggestion, **look)
    # One batch that gets out of hand would flatten all the rest.
    margin = 0.1 * (max(smoothed) - min(smoothed))
    axes.set_ylim(max(0.0, min(losses) - margin), max(smoothed) + margin)
    axes.set(xscale="log", xlabel="learning rate", title="loss")
    axes.legend(loc="best")
    return axes
