"""Charts of numbers: lines, the history of a training, confusion, calibration and other scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from segue.data.dataset import named
from segue.data.sequences import Array
from segue.errors import DataError
from segue.metrics.intervals import wilson_interval
from segue.plots import style
from segue.plots.style import BLUE, DASHED, INK, MUTED, PALETTE, RULE, VERMILION, percent
from segue.randomness import numpy_generator

if TYPE_CHECKING:
    from segue.metrics import Calibration

LearningRates = Any  # of segue.training.finder, a package above this one

POINTS_AT_MOST = 2_000  # of predicted numbers
MARKERS = ("o", "^", "s", "v", "D", "P")  # another shape when the colours are used up
COUNTED_CLASSES = 15  # up to here the cells of a confusion matrix show their counts
DRAWN_CLASSES = 100  # of more, the others are summed up in one row and one column
NAMED_CLASSES = 50  # up to here each has a name, and cells are parted by lines


# -- curves --------------------------------------------------------------------------------------


@style.styled()
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
    for colour, (name, values) in zip(PALETTE, lines.items(), strict=False):
        label, marker = style.plain_name(name), "." if dots else None
        axes.plot(x, values, color=colour, label=label, marker=marker)
    if np.asarray(x).dtype.kind in "iu":
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    if len(lines) > 1:
        style.legend_beside(axes)
    elif not ylabel:
        ylabel = "".join(lines)
    style.set_title(axes, title)
    axes.set(xlabel=xlabel, ylabel=ylabel)
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


@style.styled()
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
    measured = {"accuracy"}.union(*history.rows)
    metric = next(name for name in ("rmse", "perplexity", "accuracy") if name in measured)
    plot_curve(history, metric, axes=beside)
    return plot_curve(history, "loss", axes=loss)


@style.styled()
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
    for prefix, label, colour in (("", "training", BLUE), ("validation_", "validation", VERMILION)):
        key = f"{prefix}{metric}"
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


@style.styled()
def plot_learning_rates(rates: LearningRates, *, axes: Axes | None = None) -> Axes:
    """Draw the loss of each update over its learning rate, smoothed too, with the suggestion.

    Args:
        rates: what `segue.training.find_learning_rate` returns.
        axes: where to draw.
    """
    axes = style.new_axes(4.6, 3.0) if axes is None else axes
    names = ("learning_rate", "loss", "smoothed")
    x, losses, smoothed = ([row[name] for row in rates.rows] for name in names)
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


# -- scores --------------------------------------------------------------------------------------


@style.styled()
def plot_confusion(matrix: Array, classes: Sequence[Any], *, axes: Axes | None = None) -> Axes:
    """Draw a confusion matrix: a row for each true class, coloured by the share of that class.

    Up to 15 classes the cells show their counts, up to 50 every class is named. Of more than 100
    classes the 99 with the most mistakes are drawn, and the sum of all others; the title says so.

    Args:
        matrix: `[class, class]` counts, rows are the true classes.
        classes: the class names.
        axes: where to draw.
    """
    matrix, classes, folded = _folded(np.asarray(matrix), classes)
    names, count = style.plain_names(classes), len(classes)
    longest = max(map(len, names))
    size = max(1.7, 0.9 + 0.065 * longest)  # for the names, in inches
    size += min(0.36 * count, max(4.7, 0.13 * min(count, NAMED_CLASSES)))
    axes = style.new_axes(size + 0.6, size) if axes is None else axes
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    is_written = count <= COUNTED_CLASSES
    texts = [[_in_cell(n) if n and is_written else "" for n in row] for row in matrix.tolist()]
    fontsize = 8.0 if count <= 10 else 7.0
    style.draw_cells(axes, shares, texts, fontsize=fontsize, aspect="equal")
    shown, edges = style.thinned_ticks(count, NAMED_CLASSES), np.arange(count + 1) - 0.5
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(shown, [names[i] for i in shown])
    turned = longest > (6 if count <= 6 else 2)
    axes.tick_params(axis="x", rotation=90 if turned else 0, length=0)
    some = style.some_named(shown)
    style.set_title(axes, "; ".join(filter(None, [folded, some])), y=1.0)
    axes.set(xlabel="predicted class", ylabel="true class")
    if count <= NAMED_CLASSES:  # lines between the cells
        for lines in (axes.hlines, axes.vlines):
            lines(edges, -0.5, count - 0.5, colors=RULE, linewidth=0.5, zorder=0.5)
        axes.spines[:].set_visible(False)
    return axes


def _in_cell(count: int) -> str:
    """A count of at most six letters.

    >>> _in_cell(12_345), _in_cell(1_234_567)
    ('12,345', '1,235k')
    """
    return f"{count:,}" if count < 100_000 else f"{count / 1000:,.0f}k"


def _folded(matrix: Array, classes: Sequence[Any]) -> tuple[Array, Sequence[Any], str]:
    """The classes with the most mistakes, the sum of the others behind them, and a title."""
    count = len(classes)
    if count <= DRAWN_CLASSES:
        return matrix, classes, ""
    mistakes = matrix.sum(axis=1) - np.diagonal(matrix)
    worst = np.argsort(-mistakes, kind="stable")[: DRAWN_CLASSES - 1]
    groups = np.full(count, DRAWN_CLASSES - 1)
    groups[np.sort(worst)] = np.arange(DRAWN_CLASSES - 1)
    small = np.zeros((DRAWN_CLASSES, DRAWN_CLASSES), matrix.dtype)
    rows, columns = np.nonzero(matrix)
    np.add.at(small, (groups[rows], groups[columns]), matrix[rows, columns])
    others = count - DRAWN_CLASSES + 1
    title = f"the {DRAWN_CLASSES - 1} classes with the most mistakes; last, the {others:,} others"
    return small, [*(classes[i] for i in np.sort(worst)), f"{others:,} others"], title


@style.styled()
def plot_calibration(
    calibration: Calibration,
    *,
    interval: tuple[float, float] | None = None,
    axes: Axes | None = None,
) -> Axes:
    """Draw accuracy over confidence: a dot for each bin; at the bottom, the sequences in it.

    Below the diagonal the model is surer than it is right. The lines through the dots are Wilson's
    95 % intervals of the accuracies: where one crosses the diagonal, luck may be all there is.

    Args:
        calibration: of `segue.metrics.calibration`.
        interval: of its error, as `segue.metrics.calibration_interval` finds it.
        axes: where to draw.
    """
    axes = style.new_axes(4.2, 3.6) if axes is None else axes
    there = calibration.counts > 0
    share = calibration.counts[there] / calibration.counts.sum()
    sure, right = calibration.confidence[there], calibration.accuracy[there]
    axes.plot([0, 1], [0, 1], **DASHED, label="as right as sure")
    counts = calibration.counts[there].tolist()
    hits = np.rint(right * counts).astype(int).tolist()
    low, high = np.array([wilson_interval(*pair) for pair in zip(hits, counts, strict=True)]).T
    axes.vlines(sure, low, high, color=MUTED, lw=0.8, label="95 %")
    axes.vlines(sure, sure, right, color=VERMILION, lw=1.6, label="gap")
    axes.scatter(sure, right, 18 + 160 * share, color=BLUE, zorder=3, label="sequences")
    middles = (calibration.edges[:-1] + calibration.edges[1:])[there] / 2
    for middle, count in zip(middles, counts, strict=True):
        axes.text(middle, -0.08, _in_cell(count), ha="center", va="center", size=7, color=MUTED)
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.13, 1.03), aspect="equal")
    percent(axes.xaxis, axes.yaxis)
    title = f"calibration error {calibration.error:.3f}"
    title += "" if interval is None else " ({:.3f} to {:.3f})".format(*interval)
    axes.set(xlabel="confidence", ylabel="accuracy", title=title)
    axes.legend(loc="best", markerscale=0.6)
    return axes


@style.styled()
def plot_predictions(targets: Array, predictions: Array, *, axes: Axes | None = None) -> Axes:
    """Draw predicted over true numbers, a colour for each value; on the line they are the same.

    Of more than 2,000 sequences as many are drawn at random.

    Args:
        targets: `[n]`, `[n, value]`, or forecasts `[n, step, channel]`: of these the first step.
        predictions: in the same shape.
        axes: where to draw.
    """
    true, predicted = (
        np.reshape(array[:, 0] if array.ndim == 3 else array, (len(array), -1))
        for array in map(np.asarray, (targets, predictions))
    )
    chosen = numpy_generator(0, "points").permutation(len(true))[:POINTS_AT_MOST]
    axes = style.new_axes(4.2, 3.6) if axes is None else axes
    low, high = min(true.min(), predicted.min()), max(true.max(), predicted.max())
    axes.plot([low, high], [low, high], **DASHED)
    for value, (a, b) in enumerate(zip(true[chosen].T, predicted[chosen].T, strict=True)):
        label = f"value {value}" if true.shape[1] > 1 else None
        axes.scatter(a, b, 9, color=PALETTE[value % len(PALETTE)], alpha=0.6, lw=0, label=label)
    if len(true) > len(chosen):
        style.set_title(axes, f"{len(chosen):,} of {len(true):,}, at random")
    axes.set(xlabel="true", ylabel="predicted")
    if 1 < true.shape[1] <= len(PALETTE):
        axes.legend(loc="best")
    return axes


@style.styled()
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
    axes = style.new_axes(6.0, 4.6) if axes is None else axes
    size = float(np.clip(6000 / len(plane), 3, 24))
    for code, name in enumerate(classes):
        x, y = plane[np.asarray(labels) == name].T
        colour = PALETTE[code % len(PALETTE)]
        marker = MARKERS[code // len(PALETTE) % len(MARKERS)]
        label = style.plain_name(named(name))
        axes.scatter(x, y, size, colour, marker=marker, alpha=0.75, lw=0, label=label)
    x, y = centres.T
    axes.scatter(x, y, 60, INK, marker="X", ec="white", label="centre")
    look: Any = {"xytext": (6, 5), "textcoords": "offset points", "fontweight": "bold"}
    look["path_effects"] = [withStroke(linewidth=2.5, foreground="white")]
    for name, centre in zip(style.plain_names(classes, 12), centres, strict=True):
        axes.annotate(name, centre, **look)
    axes.set_title(title)
    style.bare(axes)
    legend = style.legend_beside(axes, ncols=1 if len(classes) < 20 else 2)
    for handle in legend.legend_handles:  # colours and shapes must be seen, however small the dots
        handle.set(sizes=[36], alpha=1.0)
    return axes


@style.styled()
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
        wanted: the requested accuracy, a dashed line.
        chosen: coverage and accuracy at the chosen threshold, a dot.
        test: `[point, 2]` the same curve on other data.
        axes: where to draw.
    """
    axes = style.new_axes() if axes is None else axes
    for points, colour, label in ((curve, BLUE, "validation"), (test, VERMILION, "test")):
        if points is not None:
            axes.step(points[:, 0], points[:, 1], where="post", color=colour, label=label)
    axes.axhline(wanted, **DASHED, label=f"wanted: {100 * wanted:g} %")
    axes.scatter(*chosen, s=36, color=INK, zorder=3, label=f"{100 * chosen[0]:.1f} % answered")
    percent(axes.xaxis, axes.yaxis)
    axes.set(xlim=(-0.02, 1.02), xlabel="share of sequences answered")
    axes.set_ylabel("accuracy of the answers")
    axes.legend(loc="lower left")
    return axes


@style.styled()
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
    axes = style.new_axes(4.4, 0.9 + 0.45 * len(classes)) if axes is None else axes
    scatter = numpy_generator(0, "thresholds").uniform(-0.28, 0.28, len(values))
    for row, name in enumerate(classes):
        its = np.asarray(labels) == name
        colour = PALETTE[row % len(PALETTE)]
        axes.scatter(values[its], row + scatter[its], s=9, color=colour, alpha=0.6, linewidths=0)
    for threshold in thresholds:
        axes.axvline(threshold, **DASHED | {"color": INK})
    axes.set_yticks(range(len(classes)), style.plain_names([named(name) for name in classes]))
    words = ", ".join(f"{line:.4g}" for line in thresholds)
    axes.set(ylim=(len(classes) - 0.5, -0.5), xlabel=f"value, threshold {words}", title=title)
    axes.grid(visible=False)
    return axes


@style.styled()
def plot_perplexity(
    counts: Array,
    log_probability: Mapping[str, Array],
    *,
    reference: str | None = None,
    axes: Axes | None = None,
) -> Axes:
    """Draw the perplexity of words over how often they were seen in training, by some models.

    Args:
        counts: `[word]`, how often each was seen; they are put together by powers of ten.
        log_probability: `[word]` in nats, by the name of the model.
        reference: the model whose perplexities count as 1; without one they are drawn as they are.
        axes: where to draw.
    """
    axes = style.new_axes(5.0, 3.0) if axes is None else axes
    powers = np.floor(np.log10(np.maximum(counts, 1))).astype(np.int64)
    there = {f"{10**p:,} to {10 ** (p + 1) - 1:,}": powers == p for p in np.unique(powers)}
    by_power = {
        name: np.array([np.exp(-values[chosen].mean()) for chosen in there.values()])
        for name, values in log_probability.items()
    }
    unit = 1.0 if reference is None else by_power[reference]
    for (name, values), colour in zip(by_power.items(), PALETTE, strict=False):
        axes.plot(values / unit, "o-", color=colour, ms=3.5, label=name)
    ticks = [f"{name}\n{chosen.mean():.0%}" for name, chosen in there.items()]
    axes.set_xticks(np.arange(len(there)), ticks)
    axes.set_xlabel("times seen in training, and the share of all words here")
    axes.set_title("perplexity" if reference is None else f"perplexity ({reference}: 1)")
    if reference is None:
        axes.set_yscale("log")
    else:
        axes.set_ylim(0, None)
    axes.legend(loc="best")
    return axes
