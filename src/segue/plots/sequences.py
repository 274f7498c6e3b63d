"""Sequences: small multiples by class, predictions and mistakes, labels of the steps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from segue.data.dataset import Dataset, named
from segue.errors import DataError
from segue.plots import style
from segue.plots.display import Display, Kind, draw_sequence, envelope, image_kind
from segue.plots.style import INK, MUTED, PALETTE, RULE, VERMILION, AxesArray
from segue.randomness import numpy_generator
from segue.sonify import Clip, runs_of_codes

Mistake = Any  # of segue.evaluation, a package above this one

CLASSES_AT_MOST = 12  # rows of small multiples
_NAMED = 24  # classes in the legend of step labels
_POINTS = 4000  # of a sound, across the picture
_SPANS_NAMED = 40  # spans of a clip that are named in the picture; more would overlap

Array = npt.NDArray[Any]


def examples(dataset: Dataset, samples: int, seed: int = 0) -> list[tuple[str, list[int]]]:
    """Draw some sequences of each of the first classes: pairs of a name and indices."""
    groups: dict[str, Array] = {"": np.arange(len(dataset))}
    if dataset.task == "classify" and dataset.classes is not None:
        of_class = {named(name): np.flatnonzero(dataset.y == name) for name in dataset.classes}
        there = [(name, members) for name, members in of_class.items() if len(members)]
        groups = dict(there[:CLASSES_AT_MOST])
    orders = {
        name: numpy_generator(seed, "examples", name).permutation(members)
        for name, members in groups.items()
    }
    return [(name, sorted(order[:samples].tolist())) for name, order in orders.items()]


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
    numbers = [i for _, members in rows for i in members]
    ids = dataset.ids
    return [(f"sequence {i}" if ids is None else str(ids[i]), [i]) for i in numbers]


@style.styled
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
        axes = style.panels(len(rows), columns, width=width, height=1.2, sharex=True, sharey=True)
    for (name, members), row in zip(rows, axes, strict=True):
        draw_row(dataset, members, display, row)
        if dataset.task == "label":
            codes = np.asarray(dataset.y[members[0]])[:, 0]
            _draw_runs(codes, display.unit.per_step, row[0])
        row[0].set_ylabel(style.plain_names([name], 16)[0])
    for one in axes[-1]:
        one.set_xlabel(display.time_label)
    _name_channels(axes, display)
    if dataset.task == "label":
        _label_legend(dataset, axes.flat[0].figure)
    return axes


def _name_channels(axes: AxesArray, display: Display) -> None:
    """A legend above for lines, a scale beside for a heat map."""
    if display.kind in ("heat map", "spectrogram"):
        image = next(image for one in axes.flat for image in one.images)
        rows = "a row for each channel"
        if display.kind == "spectrogram":
            rows = f"frequencies in {'Hz' if display.rate_hz else 'cycles a step'}"
        bar = style.colour_bar(image, axes.ravel().tolist(), shrink=0.6, aspect=30)
        bar.set_label(f"{display.value_label}, {rows}")
    elif display.kind == "lines" and len(display.channels) > 1:
        lines = axes.flat[0].get_lines()
        axes.flat[0].figure.legend(
            lines,
            style.plain_names(display.channels),
            loc="outside upper center",
            ncols=min(len(lines), 4),
            title=display.value_label if display.scaled else None,
        )


@style.styled
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
        Axes `[mistake]`; without mistakes a single one with a note.
    """
    if not mistakes:
        axes = np.array([style.new_axes()]) if axes is None else axes[:1]
        axes[0].set_axis_off()
        middle = {"ha": "center", "va": "center", "transform": axes[0].transAxes}
        axes[0].text(0.5, 0.5, "no mistakes", **middle)
        return axes
    answers = [(m.index, m.target, m.prediction, m.confidence) for m in mistakes]
    return plot_answers(dataset, answers, kind=kind, axes=axes)


@style.styled
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
        columns = min(3, len(answers))
        width = 1.6 if display.kind == "image" else 2.4
        grid = style.panels(-(-len(answers) // columns), columns, width=width, height=1.6)
        for below in grid[-1]:
            below.set_xlabel(display.time_label)
        for left in grid[:, 0] if display.kind == "lines" else ():
            left.set_ylabel(display.value_label)
        legend = "true class → answer, and how sure"
        grid[0, 0].figure.suptitle(legend, x=0.01, ha="left", fontsize=9.0)
        axes = grid.ravel()
    for (index, target, prediction, confidence), one in zip(answers, axes, strict=False):
        draw_sequence(dataset.x[index], display, one)
        true, answer = style.plain_names([target, prediction])
        colour = INK if target == prediction else VERMILION
        one.set_title(f"{true} → {answer}  {100 * confidence:.0f} %", fontsize=8.0, color=colour)
    for unused in axes[len(answers) :]:
        unused.set_axis_off()
    drawn: AxesArray = axes[: len(answers)]
    return drawn


# -- labels of the steps --------------------------------------------------------------------------


def _colour_of(code: int) -> dict[str, Any]:
    """The look of the spans of a class: fourteen that can be distinguished."""
    alpha = (0.42, 0.16)[code // len(PALETTE) % 2]
    return {"color": PALETTE[code % len(PALETTE)], "alpha": alpha, "lw": 0}


def _label_legend(dataset: Dataset, figure: Figure | Any) -> None:
    """Name the colours, in the order of the classes, where there are few enough."""
    names = style.plain_names(dataset.classes or ())
    if not 0 < len(names) <= _NAMED:
        return
    looks = [_colour_of(code) for code in range(len(names))]
    patches = [Patch(**look, label=name) for look, name in zip(looks, names, strict=True)]
    widest = 0.5 + 0.075 * max(map(len, names))  # inches, about
    columns = max(1, int(figure.bbox.width / figure.get_figure(root=True).dpi / widest))
    figure.legend(handles=patches, loc="outside lower center", ncols=min(len(patches), columns))


@style.styled
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
    display = Display.of(dataset[[number]])
    axes = style.column([2.6, 0.5, 0.5, 0.3], width=9.6, sharex=True)
    draw_sequence(dataset.x[number], display, axes[0])
    black = {"color": INK, "lw": 0}
    rows = (("true", true, None), ("predicted", answers, None), ("wrong", wrong, black))
    for one, (name, codes_of_steps, look) in zip(axes[1:], rows, strict=True):
        _draw_runs(codes_of_steps, display.unit.per_step, one, look)
        one.set_yticks([0.5], [name])
        one.set_ylim(0, 1)
        one.grid(visible=False)
    axes[0].set(xlim=(0, len(true) * display.unit.per_step), ylabel=display.value_label)
    axes[-1].set_xlabel(display.time_label)
    _name_channels(axes[:1], display)
    _label_legend(dataset, axes[0].figure)
    return axes


def _draw_runs(codes: Array, per_step: float, axes: Axes, look: Any = None) -> None:
    """Colour the runs of each label; steps without a label stay white."""
    for first, last, code in runs_of_codes(codes):
        if code >= 0:
            axes.axvspan(first * per_step, last * per_step, **(look or _colour_of(code)))


# -- sounds ---------------------------------------------------------------------------------------


@style.styled
def plot_clip(clip: Clip, *, axes: Axes | None = None) -> Axes:
    """Draw a clip over time in seconds: one colour a label, each span under its name.

    Spans that overlap stand in rows above each other, over the sum of all.

    Args:
        clip: from `segue.sonify.make_clip`.
        axes: axes to draw into.
    """
    rows = _rows(clip)
    count = max(rows, default=0) + 1
    axes = style.new_axes(9.6, 2.3 + 0.17 * count) if axes is None else axes
    times, values = envelope(clip.samples, _POINTS)
    axes.plot(times / clip.rate_hz, values, color=MUTED, lw=0.7)
    labels = [name for name in dict.fromkeys(span.label for span in clip.spans) if name]
    height = 0.24  # of a row of labels, above the largest value
    for span, row in zip(clip.spans, rows, strict=True):
        colour = PALETTE[labels.index(span.label) % len(PALETTE)] if span.label else RULE
        width = span.stop - span.start
        bottom = 1.1 + row * height
        if span.label or not labels:
            look: Any = {"color": colour, "alpha": 0.55, "lw": 0}
            axes.add_patch(Rectangle((span.start, bottom), width, 0.85 * height, **look))
        if count == 1 and span.label:
            axes.axvspan(span.start, span.stop, color=colour, alpha=0.15, lw=0)
        room = int(110 * width / max(clip.seconds, 1e-9))
        text = span.label or ("" if labels else span.id)
        if text and room > min(2, len(text)) and len(clip.spans) <= _SPANS_NAMED:
            left = span.start + 0.004 * clip.seconds
            (short,) = style.plain_names([text], room)
            axes.text(left, bottom + 0.4 * height, short, fontsize=7.5, color=INK, va="center")
    axes.set(xlim=(0, max(clip.seconds, 1e-9)), ylim=(-1.05, 1.1 + count * height))
    axes.set(yticks=[-1.0, -0.5, 0.0, 0.5, 1.0], xlabel="seconds", ylabel="value")
    if labels and len(clip.spans) > _SPANS_NAMED:
        colours = zip(labels[:12], cycle(PALETTE), strict=False)
        patches = [Patch(color=colour, alpha=0.55, label=name) for name, colour in colours]
        axes.figure.legend(handles=patches, loc="outside lower center", ncols=6)
    return axes


def _rows(clip: Clip) -> list[int]:
    """Spans that overlap stand in different rows."""
    ends: list[float] = []
    rows = []
    for span in clip.spans:
        row = next((r for r, end in enumerate(ends) if end <= span.start + 1e-9), len(ends))
        ends[row : row + 1] = [span.stop]
        rows.append(row)
    return rows
