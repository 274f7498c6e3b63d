"""Pictures of the sequences themselves: small multiples by class, and of mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segue.dataset import Dataset, named
from segue.errors import DataError
from segue.plots.display import Display, Kind, draw_sequence, image_kind
from segue.plots.labels import draw_step_labels, label_legend
from segue.plots.style import (
    INK,
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

Array = npt.NDArray[Any]

CLASSES_AT_MOST = 12


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
    display, rows = (
        Display.of(dataset, kind=kind or image_kind(dataset)),
        arranged(dataset, samples, seed),
    )
    if axes is None:
        columns = max((len(members) for _, members in rows), default=1)
        narrow = 1.2 if display.kind == "image" else 2.2
        width = 6.6 if dataset.task == "label" else narrow
        axes = panels(len(rows), columns, width=width, height=1.2, sharex=True, sharey=True)
    for (name, members), row in zip(rows, axes, strict=True):
        draw_row(dataset, members, display, row)
        if dataset.task == "label":
            draw_step_labels(dataset, members[0], display.unit.per_step, row[0])
        row[0].set_ylabel(plain_names([name], 16)[0])
    for one in axes[-1]:
        one.set_xlabel(display.time_label)
    name_channels(axes, display)
    if dataset.task == "label":
        label_legend(dataset, axes.flat[0].figure)
    return axes


def name_channels(axes: AxesArray, display: Display) -> None:
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
        true, said = plain_names([target, prediction])
        colour = INK if target == prediction else VERMILION
        one.set_title(f"{true} → {said}  {100 * confidence:.0f} %", fontsize=8.0, color=colour)
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
