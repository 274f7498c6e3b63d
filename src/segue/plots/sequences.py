"""Data sets and their sequences: lengths, class balance, small multiples, mistakes, step labels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, islice
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from segue.data import summary
from segue.data.dataset import Dataset, named
from segue.data.sequences import Array, Sequences
from segue.errors import DataError
from segue.plots import style
from segue.plots.display import Display, Kind, draw_sequence, envelope, image_kind
from segue.plots.style import INK, MUTED, PALETTE, RULE, VERMILION, AxesArray
from segue.randomness import numpy_generator
from segue.sonify import Clip, runs_of_codes

Mistake = Any  # of segue.evaluation, a package above this one

BINS_AT_MOST = 40
LINE_HEIGHT = 0.15  # inches that the name of a class needs
BARS_AT_MOST = 100  # classes
CLASSES_AT_MOST = 12  # rows of small multiples
_NAMED = 24  # classes in the legend of step labels
_POINTS = 4000  # of a sound, across the picture
_SPANS_NAMED = 40  # spans of a clip that are named in the picture; more would overlap


# -- data sets ----------------------------------------------------------------------------------


@style.styled()
def plot_lengths(dataset: Dataset, *, axes: Axes | None = None) -> Axes:
    """Draw a histogram of the lengths, in seconds where `rate_hz` is known, else in steps.

    Texts are counted in words, as white space parts them.
    """
    axes = style.new_axes() if axes is None else axes
    lengths = summary.word_counts(dataset.x) if dataset.x.is_text else dataset.x.lengths
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


@style.styled()
def plot_class_balance(dataset: Dataset, *, axes: Axes | None = None) -> Axes:
    """Draw how many sequences each class has, in each part where there are parts.

    For labels per step, steps are counted. As many classes are named as there is room for. Of more
    than 100 classes the 100 most frequent are drawn; the title says so.

    Raises:
        DataError: the data set has no classes.
    """
    if dataset.classes is None or dataset.y is None:
        raise DataError(
            "This data set has no classes, so there is no balance to draw; expected labels in `y`."
        )
    parts = {name: dataset.part(name) for name in dataset.part_names} or {"": dataset}
    counted = {name: class_counts(data) for name, data in parts.items()}
    order = np.argsort(-np.sum(list(counted.values()), axis=0), kind="stable")
    drawn = np.sort(order[:BARS_AT_MOST])
    names = [style.plain_name(dataset.classes[i]) for i in drawn]
    if axes is None:
        axes = style.new_axes(height=max(1.6, 0.9 + min(0.2 * len(names), 7.5)))
    left, rows = np.zeros(len(names), np.int64), range(len(names))
    for (part, every), colour in zip(counted.items(), PALETTE, strict=False):
        counts = every[drawn]
        axes.barh(rows, counts, left=left, height=0.8, color=colour, label=part or None)
        left = left + counts
    # The figure without the axis below and the legend above.
    room = axes.figure.bbox.height / axes.figure.dpi - 0.8
    shown = style.thinned_ticks(len(names), max(2, int(room / LINE_HEIGHT)))
    axes.set_yticks(shown, [names[i] for i in shown])
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", visible=True)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    unit = "time steps" if isinstance(dataset.y, Sequences) else "sequences"
    axes.set(ylim=(len(names) - 0.5, -0.5), xlabel=unit)
    rest, some = len(order) - len(names), style.some_named(shown)
    cut = f"the {len(names)} most frequent classes; {rest:,} are not shown" if rest else ""
    style.set_title(axes, "; ".join(filter(None, [cut, some])), y=1.0)
    if len(parts) > 1:
        axes.figure.legend(loc="outside upper right", ncols=len(parts))
    return axes


def class_counts(dataset: Dataset) -> npt.NDArray[np.int64]:
    """Return `[class]`, the sequences of each class; for labels per step, the steps."""
    return np.array(list(summary.class_counts(dataset).values()), np.int64)


@style.styled()
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
    heights = [2.9, 0.7 + (1.1 if columns > 1 else 1.5) * len(rows)]
    figure = style.new_figure(9.6, sum(heights))
    halves: Any = figure.subfigures(2, 1, height_ratios=heights)
    has_classes = dataset.classes is not None and dataset.y is not None
    words, lengths, *balance = halves[0].subplots(1, 3 if has_classes else 2)
    _write_summary(words, dataset)
    plot_lengths(dataset, axes=lengths)
    if has_classes:
        plot_class_balance(dataset, axes=balance[0])
    grid = halves[1].subplots(len(rows), columns, squeeze=False, sharex=True, sharey=True)
    plot_sequences(dataset, samples=samples, seed=seed, kind=kind, axes=grid)
    return figure


def _write_summary(axes: Axes, dataset: Dataset) -> None:
    """The rows of the summary that fit a line; the classes are drawn beside it."""
    rows = [(heading, text) for heading, text in dataset.summary().rows() if heading != "classes"]
    axes.set_axis_off()
    axes.set_title(dataset.name, fontweight="bold")
    look: Any = {"xycoords": "axes fraction", "textcoords": "offset points", "fontsize": 8.0}
    beside = 0.62 * 8.0 * max(len(heading) for heading, _ in rows)  # a letter has 0.5 to 0.6
    for line, (heading, text) in enumerate(rows):
        xy = (0.0, 0.95 - 0.11 * line)
        axes.annotate(heading, xy, (0, 0), color=MUTED, **look)
        axes.annotate(text, xy, (beside, 0), **look)


# -- sequences ----------------------------------------------------------------------------------


def examples(dataset: Dataset, samples: int, seed: int = 0) -> list[tuple[str, list[int]]]:
    """Draw some sequences of each of the first classes: pairs of a name and indices."""
    groups: dict[str, Array] = {"": np.arange(len(dataset))}
    if dataset.labels is not None and dataset.classes is not None:
        by_class = ((name, np.flatnonzero(dataset.labels == name)) for name in dataset.classes)
        there = ((named(name), indices) for name, indices in by_class if len(indices))
        groups = dict(islice(there, CLASSES_AT_MOST))
    rows = []
    for name, members in groups.items():
        order = numpy_generator(seed, "examples", name).permutation(members)
        rows.append((name, sorted(order[:samples].tolist())))
    return rows


def draw_row(dataset: Dataset, members: list[int], display: Display, axes: AxesArray) -> None:
    """Draw some sequences side by side; panels without a sequence stay empty."""
    for index, one in zip(members, axes, strict=False):
        draw_sequence(dataset.x[index], display, one)
    for unused in axes[len(members) :]:
        unused.set_axis_off()


def arranged(dataset: Dataset, samples: int, seed: int = 0) -> list[tuple[str, list[int]]]:
    """Rows of panels: a class each; a sequence each, where every step has a label."""
    rows = examples(dataset, samples, seed)
    if not isinstance(dataset.y, Sequences):
        return rows
    numbers, ids = [i for _, members in rows for i in members], dataset.ids
    return [(f"sequence {i}" if ids is None else str(ids[i]), [i]) for i in numbers]


@style.styled()
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
    rows, per_step = arranged(dataset, samples, seed), isinstance(dataset.y, Sequences)
    if axes is None:
        columns = max((len(members) for _, members in rows), default=1)
        width = 6.6 if per_step else 1.2 if display.kind == "image" else 2.2
        axes = style.panels(len(rows), columns, width=width, height=1.2, sharex=True, sharey=True)
    for (name, members), row in zip(rows, axes, strict=True):
        draw_row(dataset, members, display, row)
        if per_step:
            _draw_runs(dataset.y[members[0]][:, 0], display.unit.per_step, row[0])
        style.set_title(row[0], style.plain_name(name, 40), fontsize=8.0)
    for one in axes[-1]:
        one.set_xlabel(display.time_label)
    figure, there = axes.flat[0].figure, int((class_counts(dataset) > 0).sum())
    if dataset.labels is not None and there > len(rows) and not figure.get_suptitle():
        title = f"the first {len(rows)} of {there} classes"
        figure.suptitle(title, x=0.01, ha="left", fontsize=9.0)
    _name_channels(axes, display)
    if per_step:
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
        lines, names = axes.flat[0].get_lines(), style.plain_names(display.channels)
        place: Any = {"loc": "outside upper center", "ncols": min(len(lines), 4)}
        title = display.value_label if display.scaled else None
        axes.flat[0].figure.legend(lines, names, title=title, **place)


@style.styled()
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


@style.styled()
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
        title = "true class → answer, and how sure"
        grid[0, 0].figure.suptitle(title, x=0.01, ha="left", fontsize=9.0)
        axes = grid.ravel()
    for (index, target, prediction, confidence), one in zip(answers, axes, strict=False):
        draw_sequence(dataset.x[index], display, one)
        true, answer = style.plain_names([target, prediction])
        colour = INK if target == prediction else VERMILION
        room = one.get_position().width * one.figure.bbox.width / one.figure.dpi  # inches
        is_wide = len(true) + len(answer) + 9 > room / 0.065  # of a letter
        arrow = "\n→ " if is_wide else " → "
        title = f"{true}{arrow}{answer}  {100 * confidence:.0f} %"
        one.set_title(title, fontsize=8.0, color=colour)
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
    patches = [Patch(**_colour_of(code), label=name) for code, name in enumerate(names)]
    widest = 0.5 + 0.075 * max(map(len, names))  # inches, about
    columns = max(1, int(figure.bbox.width / figure.get_figure(root=True).dpi / widest))
    figure.legend(handles=patches, loc="outside lower center", ncols=min(len(patches), columns))


@style.styled()
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
    if not isinstance(dataset.y, Sequences):
        raise DataError("The data set has no label for each step.")
    true, labels = dataset.y[number][:, 0], np.asarray(predicted)
    if labels.shape != true.shape:
        raise DataError(
            f"`predicted` has shape {labels.shape}; expected {true.shape}, as the steps."
        )
    names = dataset.classes or np.unique(true[true >= 0]).tolist()
    codes = {name: code for code, name in enumerate(names)}
    answers = np.array([codes.get(label, -1) for label in labels.tolist()])
    wrong = np.where((true >= 0) & (answers != true), 1, -1)
    display = Display.of(dataset[[number]])
    axes = style.column([2.6, 0.5, 0.5, 0.3], width=9.6, sharex=True)
    draw_sequence(dataset.x[number], display, axes[0])
    rows = {"true": (true, None), "predicted": (answers, None), "wrong": (wrong, INK)}
    for one, (name, (codes_of_steps, colour)) in zip(axes[1:], rows.items(), strict=True):
        _draw_runs(codes_of_steps, display.unit.per_step, one, colour)
        one.set_yticks([0.5], [name])
        one.set_ylim(0, 1)
        one.grid(visible=False)
    axes[0].set(xlim=(0, len(true) * display.unit.per_step), ylabel=display.value_label)
    axes[-1].set_xlabel(display.time_label)
    _name_channels(axes[:1], display)
    _label_legend(dataset, axes[0].figure)
    return axes


def _draw_runs(codes: Array, per_step: float, axes: Axes, colour: str | None = None) -> None:
    """Colour the runs of each label; steps without a label stay white."""
    for first, last, code in runs_of_codes(codes):
        if code >= 0:
            look = {"color": colour, "lw": 0} if colour else _colour_of(code)
            axes.axvspan(first * per_step, last * per_step, **look)


# -- sounds ---------------------------------------------------------------------------------------


@style.styled()
def plot_clip(clip: Clip, *, axes: Axes | None = None) -> Axes:
    """Draw a clip over time in seconds: one colour a label, each span under its name.

    Spans that overlap stand in rows above each other, over the sum of all.

    Args:
        clip: from `segue.sonify.make_clip`.
        axes: axes to draw into.
    """
    rows = _rows(clip)
    count, seconds = max(rows, default=0) + 1, max(clip.seconds, 1e-9)
    axes = style.new_axes(9.6, 2.3 + 0.17 * count) if axes is None else axes
    times, values = envelope(clip.samples, _POINTS)
    axes.plot(times / clip.rate_hz, values, color=MUTED, lw=0.7)
    names = dict.fromkeys(span.label for span in clip.spans if span.label)
    colours = dict(zip(names, cycle(PALETTE), strict=False))
    height = 0.24  # of a row of labels, above the largest value
    for span, row in zip(clip.spans, rows, strict=True):
        colour, width = colours.get(span.label, RULE), span.stop - span.start
        bottom = 1.1 + row * height
        if span.label or not colours:
            look: Any = {"color": colour, "alpha": 0.55, "lw": 0}
            axes.add_patch(Rectangle((span.start, bottom), width, 0.85 * height, **look))
        if count == 1 and span.label:
            axes.axvspan(span.start, span.stop, color=colour, alpha=0.15, lw=0)
        room = int(110 * width / seconds)
        text = span.label or ("" if colours else span.id)
        if text and room > min(2, len(text)) and len(clip.spans) <= _SPANS_NAMED:
            left, name = span.start + 0.004 * clip.seconds, style.plain_name(text, room)
            axes.text(left, bottom + 0.4 * height, name, fontsize=7.5, color=INK, va="center")
    axes.set(xlim=(0, seconds), ylim=(-1.05, 1.1 + count * height))
    axes.set(yticks=[-1.0, -0.5, 0.0, 0.5, 1.0], xlabel="seconds", ylabel="value")
    if colours and len(clip.spans) > _SPANS_NAMED:
        looks = list(colours.items())[:12]
        patches = [Patch(color=colour, alpha=0.55, label=name) for name, colour in looks]
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
