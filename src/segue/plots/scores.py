"""Scores: confusion, calibration, perplexity, predictions, coverage, thresholds, a layer's map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from segue.data.dataset import named
from segue.plots import style
from segue.plots.style import BLUE, DASHED, INK, PALETTE, RULE, VERMILION, percent
from segue.randomness import numpy_generator

if TYPE_CHECKING:
    from segue.metrics import Calibration

Array = npt.NDArray[Any]

POINTS_AT_MOST = 2_000  # of predicted numbers
MARKERS = ("o", "^", "s", "v", "D", "P")  # another shape when the colours are used up
COUNTED_CLASSES = 15  # up to here the cells of a confusion matrix show their counts
NAMED_CLASSES = 30  # up to here each has a name, and cells are parted by lines


@style.styled
def plot_confusion(matrix: Array, classes: Sequence[Any], *, axes: Axes | None = None) -> Axes:
    """Draw a confusion matrix: a row for each true class, coloured by the share of that class.

    Up to 15 classes the cells show their counts, up to 30 every class is named.

    Args:
        matrix: `[class, class]` counts, rows are the true classes.
        classes: the class names.
        axes: where to draw.
    """
    matrix, names, count = np.asarray(matrix), style.plain_names(classes), len(classes)
    size = min(6.4, 1.7 + 0.36 * count)
    axes = style.new_axes(size + 0.6, size) if axes is None else axes
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    shown = style.thinned_ticks(count, NAMED_CLASSES)
    turned = max(map(len, names)) > (6 if count <= 6 else 2)
    axes.set_xticks(shown, [names[i] for i in shown])
    axes.set_yticks(shown, [names[i] for i in shown])
    axes.tick_params(axis="x", rotation=90 if turned else 0, length=0)
    axes.set(xlabel="predicted class", ylabel="true class")
    is_written = count <= COUNTED_CLASSES
    texts = [[f"{n:,}" if n and is_written else "" for n in row] for row in matrix.tolist()]
    size = 8.0 if count <= 10 else 7.0
    style.draw_cells(axes, shares, texts, fontsize=size, aspect="equal")
    if count <= NAMED_CLASSES:  # lines between the cells
        edges = np.arange(count + 1) - 0.5
        axes.set_xticks(edges, minor=True)
        axes.set_yticks(edges, minor=True)
        axes.tick_params(which="minor", length=0)
        axes.grid(which="minor", axis="both", visible=True, color=RULE, linewidth=0.5)
        axes.spines[:].set_visible(False)
    return axes


@style.styled
def plot_calibration(calibration: Calibration, *, axes: Axes | None = None) -> Axes:
    """Draw accuracy over confidence: a dot for each bin, its area by the sequences in it.

    Below the diagonal the model is surer than it is right.
    """
    axes = style.new_axes(4.2, 3.6) if axes is None else axes
    there = calibration.counts > 0
    share = calibration.counts[there] / calibration.counts.sum()
    sure, right = calibration.confidence[there], calibration.accuracy[there]
    axes.plot([0, 1], [0, 1], **DASHED, label="as right as sure")
    axes.vlines(sure, sure, right, color=VERMILION, lw=1.2, label="gap")
    axes.scatter(sure, right, 18 + 160 * share, color=BLUE, zorder=3, label="sequences")
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    percent(axes.xaxis, axes.yaxis)
    title = f"calibration error {calibration.error:.3f}"
    axes.set(xlabel="confidence", ylabel="accuracy", title=title)
    axes.legend(loc="best", markerscale=0.6)
    return axes


@style.styled
def plot_predictions(targets: Array, predictions: Array, *, axes: Axes | None = None) -> Axes:
    """Draw predicted over true numbers, a colour for each value; on the line they are the same.

    Of more than 2,000 sequences as many are drawn at random.

    Args:
        targets: `[n]` or `[n, value]`.
        predictions: in the same shape.
        axes: where to draw.
    """
    true = np.reshape(targets, (len(targets), -1))
    predicted = np.reshape(predictions, true.shape)
    chosen = numpy_generator(0, "points").permutation(len(true))[:POINTS_AT_MOST]
    axes = style.new_axes(4.2, 3.6) if axes is None else axes
    low, high = min(true.min(), predicted.min()), max(true.max(), predicted.max())
    axes.plot([low, high], [low, high], **DASHED)
    for value, (a, b) in enumerate(zip(true[chosen].T, predicted[chosen].T, strict=True)):
        label = f"value {value}" if true.shape[1] > 1 else None
        axes.scatter(a, b, 9, color=PALETTE[value % len(PALETTE)], alpha=0.6, lw=0, label=label)
    axes.set(xlabel="true", ylabel="predicted")
    if 1 < true.shape[1] <= len(PALETTE):
        axes.legend(loc="best")
    return axes


@style.styled
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
        (label,) = style.plain_names([named(name)])
        axes.scatter(x, y, size, colour, marker=marker, alpha=0.75, lw=0, label=label)
    x, y = centres.T
    axes.scatter(x, y, 60, INK, marker="X", ec="white", label="centre")
    look: Any = {"textcoords": "offset points", "fontweight": "bold"}
    look["path_effects"] = [withStroke(linewidth=2.5, foreground="white")]
    for name, centre in zip(style.plain_names(classes, 12), centres, strict=True):
        axes.annotate(name, centre, xytext=(6, 5), **look)
    axes.set_title(title)
    style.bare(axes)
    legend = style.legend_beside(axes, ncols=1 if len(classes) < 20 else 2)
    for handle in legend.legend_handles:  # colours and shapes must be seen, however small the dots
        handle.set(sizes=[36], alpha=1.0)
    return axes


@style.styled
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


@style.styled
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


@style.styled
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
    there = np.unique(powers)

    def by_power(values: Array) -> Array:
        return np.array([np.exp(-values[powers == power].mean()) for power in there])

    unit = 1.0 if reference is None else by_power(log_probability[reference])
    for (name, values), colour in zip(log_probability.items(), PALETTE, strict=False):
        axes.plot(by_power(values) / unit, "o-", color=colour, ms=3.5, label=name)
    names = [
        f"{10**power:,} to {10 ** (power + 1) - 1:,}\n{np.mean(powers == power):.0%}"
        for power in there
    ]
    axes.set_xticks(np.arange(len(there)), names)
    axes.set_xlabel("times seen in training, and the share of all words here")
    axes.set_title("perplexity" if reference is None else f"perplexity ({reference}: 1)")
    if reference is None:
        axes.set_yscale("log")
    else:
        axes.set_ylim(0, None)
    axes.legend(loc="best")
    return axes
