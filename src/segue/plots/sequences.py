"""Sequences: small multiples by class, predictions and mistakes, labels of the steps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from segue.dataset import Dataset, named
from segue.errors import DataError
from segue.plots.display import Display, Kind, draw_sequence, image_kind
from segue.plots.style import (
    INK,
    PALETTE,
    VERMILION,
    AxesArray,
    new_figure,
    panels,
    plain_names,
    styled,
)
from segue.randomness import numpy_generator

if TYPE_CHECKING:
    from segue.evaluation.evaluation import Mistake

CLASSES_AT_MOST = 12  # rows of small multiples
_NAMED = 24  # classes in the legend of step labels

Array = npt.NDArray[Any]


def examples(dataset: Dataset, samples: int, seed: int = 0) -> list[tuple[str, list[int]]]:
    """Draw some sequences of each of the first classes: pairs of a name and indices."""
    everything = np.arange(len(dataset))
    groups: dict[str, Array] = {"": everything}
    if dataset.task == "classify" and dataset.classes is not None:
        found = {named(name): everything[dataset.y == name] for name in dataset.classes}
        there = [(name, members) for name, members in found.items() if len(members)]
        groups = dict(there[:CLASSES_AT_MOST])
    return [
        (
            name,
            sorted(numpy_generator(seed, "examples", name).permutation(members)[:samples].tolist()),
        )
        for name, members in groups.items()
    ]


def draw_row(dataset: Dataset, members: list[int], display: Display, axes: AxesArray) -> None:
    """Draw some sequences side by side; panels without a sequence stay empty."""
    for index, one in zip(members, axes, strict=False):
        draw_sequence(dataset.x[index], display, one)
    for unused in axes[len(members) :]:
        unused.set_axis_off()


def arranged(dataset: Dataset, samples: int, seed: int = 0) -> list[tuple[str, list[int]]]:
    """Rows of panels: a class each; a sequence each, where every step has a label."""
    rows = examples(dataset, samples, seed)
    if dataset.task != "label":
        return rows
    ids = dataset.ids
    drawn = [i for _, members in rows for i in members]
    return [(f"sequence {i}" if ids is None else str(ids[i]), [i]) for i in drawn]


@styled
def plot_sequences(
    dataset: Dataset,
    *,
    samples: int = 3,
    seed: int = 0,
    kind: Kind | None = None,
    axes: AxesArray | None = None,
) -> AxesArray:
    """Draw some sequences of each class: small multiples with common axes.

    Up to 7 channels are lines, more are a heat map with a row for each channel. The time axis is in
    seconds (or minutes, days, ...) where `rate_hz` is known. Channels of very different size are
    scaled, each by its own standard deviation. Of more than 12 classes the first 12 are drawn.
    Labels of steps are coloured spans; then each sequence has a row of its own.

    Args:
        dataset: what to draw; without classes, `samples` sequences of all.
        samples: how many of each class.
        seed: which ones.
        kind: "lines", "heat map", "spectrogram" (of the first channel) or "image" (steps from above
            to below, as of an image read by rows), whatever there is.
        axes: `[class, sample]` axes to draw into.

    Returns:
        Axes `[class, sample]`.
    """
    display = Display.of(dataset, kind=kind or image_kind(dataset))
    rows = arranged(dataset, samples, seed)
    if axes is None:
        columns = max((len(members) for _, members in rows), default=1)
        narrow = 1.2 if display.kind == "image" else 2.2
        width = 6.6 if dataset.task == "label" else narrow
        axes = panels(len(rows), columns, width=width, height=1.2, sharex=True, sharey=True)
    for (name, members), row in zip(rows, axes, strict=True):
        draw_row(dataset, members, display, row)
        if dataset.task == "label":
            codes = np.asarray(dataset.y[members[0]])[:, 0]
            _draw_runs(codes, display.unit.per_step, row[0])
        row[0].set_ylabel(plain_names([name], 16)[0])
    for one in axes[-1]:
        one.set_xlabel(display.time_label)
    _name_channels(axes, display)
    if dataset.task == "label":
        _label_legend(dataset, axes.flat[0].figure)
    return axes


def _name_channels(axes: AxesArray, display: Display) -> None:
    """A legend above for lines, a scale beside for a heat map."""
    figure = axes.flat[0].figure
    if display.kind in ("heat map", "spectrogram"):
        drawn = [image for one in axes.flat for image in one.images]
        bar = figure.colorbar(drawn[0], ax=axes.ravel().tolist(), shrink=0.6, aspect=30)
        bar.outline.set_visible(False)
        rows = "a row for each channel" if display.kind == "heat map" else "frequencies in Hz"
        if display.kind == "spectrogram" and not display.rate_hz:
            rows = "frequencies in cycles a step"
        bar.set_label(f"{display.value_label}, {rows}")
    elif display.kind == "lines" and len(display.channels) > 1:
        lines = axes.flat[0].get_lines()
        figure.legend(
            lines,
            plain_names(display.channels),
            loc="outside upper center",
            ncols=min(len(lines), 4),
            title=display.value_label if display.scaled else None,
        )


@styled
def plot_mistakes(
    dataset: Dataset,
    mistakes: Sequence[Mistake],
    *,
    kind: Kind | None = None,
    axes: AxesArray | None = None,
) -> AxesArray:
    """Draw wrongly classified sequences, each titled with its true and its predicted class.

    Args:
        dataset: what the mistakes' indices count in.
        mistakes: from `Evaluation.mistakes`.
        kind: as in `plot_sequences`.
        axes: `[mistake]` axes to draw into.

    Returns:
        Axes `[mistake]`; without mistakes a single one that says so.
    """
    if not mistakes:
        return _nothing_wrong(axes)
    answers = [(m.index, m.target, m.prediction, m.confidence) for m in mistakes]
    return plot_answers(dataset, answers, kind=kind, axes=axes)


@styled
def plot_answers(
    dataset: Dataset,
    answers: Sequence[tuple[int, Any, Any, float]],
    *,
    kind: Kind | None = None,
    axes: AxesArray | None = None,
) -> AxesArray:
    """Draw some sequences, each titled with its true class, the predicted one, and how sure.

    Titles of wrong answers are red.

    Args:
        dataset: what the indices count in.
        answers: index, true class, predicted class and its probability of each.
        kind: as in `plot_sequences`.
        axes: `[answer]` axes to draw into.

    Returns:
        Axes `[answer]`.

    Raises:
        DataError: no answers.
    """
    if not answers:
        raise DataError("There are no answers to be drawn: expected one sequence or more.")
    display = Display.of(dataset, kind=kind)
    if axes is None:
        axes = _answer_panels(len(answers), display)
    for (index, target, prediction, confidence), one in zip(answers, axes, strict=False):
        draw_sequence(dataset.x[index], display, one)
        true, answer = plain_names([target, prediction])
        colour = INK if target == prediction else VERMILION
        one.set_title(f"{true} → {answer}  {100 * confidence:.0f} %", fontsize=8.0, color=colour)
    for unused in axes[len(answers) :]:
        unused.set_axis_off()
    drawn: AxesArray = axes[: len(answers)]
    return drawn


def _answer_panels(count: int, display: Display) -> AxesArray:
    """Axes `[panel]`, three in a row, below a line that says how their titles are read."""
    columns = min(3, count)
    width = 1.6 if display.kind == "image" else 2.4
    grid = panels(-(-count // columns), columns, width=width, height=1.6)
    for below in grid[-1]:
        below.set_xlabel(display.time_label)
    for left in grid[:, 0] if display.kind == "lines" else ():
        left.set_ylabel(display.value_label)
    grid[0, 0].figure.suptitle("true class → answer, and how sure", x=0.01, ha="left", fontsize=9.0)
    return grid.ravel()


def _nothing_wrong(axes: AxesArray | None) -> AxesArray:
    axes = np.array([new_figure().add_subplot()]) if axes is None else axes[:1]
    axes[0].set_axis_off()
    axes[0].text(0.5, 0.5, "no mistakes", ha="center", va="center", transform=axes[0].transAxes)
    return axes


# -- labels of the steps --------------------------------------------------------------------------


def _colour_of(code: int) -> tuple[str, float]:
    """The colour of a class and its opacity: fourteen that can be distinguished."""
    return PALETTE[code % len(PALETTE)], (0.42, 0.16)[code // len(PALETTE) % 2]


def _label_legend(dataset: Dataset, figure: Figure | Any) -> None:
    """Name the colours, in the order of the classes, where there are few enough."""
    names = dataset.classes or ()
    if not names or len(names) > _NAMED:
        return
    patches = []
    for code, name in enumerate(plain_names(names)):
        colour, alpha = _colour_of(code)
        patches.append(Patch(color=colour, alpha=alpha, label=name, lw=0))
    widest = 0.5 + 0.075 * max(len(str(patch.get_label())) for patch in patches)  # inches, about
    columns = max(1, int(figure.bbox.width / figure.get_figure(root=True).dpi / widest))
    figure.legend(handles=patches, loc="outside lower center", ncols=min(len(patches), columns))


@styled
def plot_step_labels(dataset: Dataset, number: int, predicted: npt.ArrayLike) -> AxesArray:
    """Draw a sequence, and below it the true labels of its steps, the predicted, the mistakes.

    Args:
        dataset: with a label for each step.
        number: which sequence.
        predicted: `[time]`, a label for each of its steps, as `SequenceLabeler.predict` gives them.

    Returns:
        Axes `[4]`: the sequence, the true labels, the predicted ones, the mistakes.

    Raises:
        DataError: a data set without a label for each step, or another number of labels.
    """
    if dataset.task != "label":
        raise DataError("The data set has no label for each step.")
    true = np.asarray(dataset.y[number])[:, 0]
    labels = np.asarray(predicted)
    if labels.shape != true.shape:
        raise DataError(
            f"`predicted` has shape {labels.shape}; expected {true.shape}, as the steps."
        )
    names = list(dataset.classes) if dataset.classes else np.unique(true[true >= 0]).tolist()
    codes = {name: code for code, name in enumerate(names)}
    answers = np.array([codes.get(label, -1) for label in labels.tolist()])
    wrong = np.where((true >= 0) & (answers != true), 1, -1)
    figure = new_figure(9.6, 4.4)
    axes: AxesArray = figure.subplots(4, 1, sharex=True, height_ratios=[5, 1, 1, 0.6])
    display = Display.of(dataset[[number]])
    draw_sequence(dataset.x[number], display, axes[0])
    for one, row, name in zip(axes[1:], (true, answers, wrong), ("true", "predicted", "wrong"),
                              strict=True):  # fmt: skip
        _draw_runs(row, display.unit.per_step, one, INK if name == "wrong" else None)
        one.set_yticks([0.5], [name])
        one.set_ylim(0, 1)
        one.grid(visible=False)
    axes[0].set_xlim(0, len(true) * display.unit.per_step)
    axes[0].set_ylabel(display.value_label)
    axes[-1].set_xlabel(display.time_label)
    _name_channels(axes[:1], display)
    _label_legend(dataset, figure)
    return axes


def _draw_runs(codes: Array, per_step: float, axes: Axes, colour: str | None = None) -> None:
    """Colour the runs of each label; steps without a label stay white."""
    edges = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    for first, last in pairwise(edges):
        if last > first and codes[first] >= 0:
            chosen, alpha = (colour, 1.0) if colour else _colour_of(int(codes[first]))
            axes.axvspan(first * per_step, last * per_step, color=chosen, alpha=alpha, lw=0)
