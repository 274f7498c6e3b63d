"""Explanations over time: gates, attributions, probabilities after each step or word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator, NullLocator

from segue.data.dataset import Dataset, named
from segue.data.sequences import Array, Sequences
from segue.errors import renamed_arguments
from segue.plots import style
from segue.plots.display import LINES_AT_MOST, Display, draw_sequence
from segue.plots.style import INK, MUTED, PALETTE, SHARES, SIGNED, STEPS, AxesArray, TimeUnit

CLASSES_NAMED = 6  # lines of probabilities that have a colour and a name
_WORD_SIZE = 7.5  # points
_WIDTH = 100  # characters in a row of words
_BASELINE = -0.24  # of the words, in heights of the panel above them


# -- gates --------------------------------------------------------------------------------------


@style.styled()
def plot_gates(
    steps: Array,
    parts: Mapping[str, Array],
    *,
    units: int | None = None,
    axes: AxesArray | None = None,
) -> AxesArray:
    """Draw a sequence and below it the gates and states of a recurrent layer over time.

    Gates go from white (0, shut) to blue (1, open); states from orange (below zero) to blue.

    Args:
        steps: `[time, channel]`, the sequence.
        parts: `[time, unit]` by name, as `segue.evaluation.explain.Gates` has them.
        units: only so many, those whose hidden state moves most.
        axes: `[part + 1]` axes to draw into.

    Returns:
        Axes `[part + 1]`, the sequence first.
    """
    if axes is None:
        axes = style.column([1.3] + [1.0] * len(parts), width=6.4)
    movement = parts["hidden_state"].std(axis=0)
    shown = np.sort(np.argsort(-movement, kind="stable")[:units])
    numbered = np.unique(np.linspace(0, len(shown) - 1, min(3, len(shown)), dtype=int))
    _draw_above(steps, axes[0])
    for (name, values), one in zip(parts.items(), axes[1:], strict=True):
        largest = max(float(np.abs(values).max()), 1e-6)
        cmap, low, high = SIGNED, -largest, largest
        if name.endswith("gate"):
            cmap, low, high = SHARES, 0.0, 1.0
        extent = (-0.5, len(values) - 0.5, len(shown) - 0.5, -0.5)
        image = one.imshow(values[:, shown].T, cmap=cmap, vmin=low, vmax=high, extent=extent)
        one.set(title=name.replace("_", " "), ylabel="unit")
        one.set_yticks(numbered, shown[numbered].astype(str))
        one.grid(visible=False)
        style.colour_bar(image, one, pad=0.01, aspect=8).locator = MaxNLocator(2)
    _share_time(axes, len(steps))
    return axes


# -- attribution --------------------------------------------------------------------------------


@style.styled()
def plot_attribution(
    steps: Array,
    values: Array,
    *,
    channels: Sequence[str] = (),
    title: str = "",
    axes: AxesArray | None = None,
) -> AxesArray:
    """Draw a sequence with colour underneath: blue is for the class, orange against it.

    Up to 7 channels are lines, each over its own colours; more are two heat maps.

    Args:
        steps: `[time, channel]`, the sequence.
        values: `[time, channel]`, the share of each in the logit; or `[time, 1]`, all together.
        channels: a name for each column of `values`.
        title: stands above.
        axes: axes to draw into: `[column of values]`, or `[2]` for heat maps.

    Returns:
        The axes.
    """
    rows = max(steps.shape[1], values.shape[1])
    if rows > LINES_AT_MOST:
        axes = style.column([1.6, 1.6], width=6.4) if axes is None else axes
        _draw_above(steps, axes[0])
        image = _draw_colours(values, values, axes[1])
        axes[0].set_title("sequence")
        axes[1].set(title="attribution", ylabel="channel")
    else:
        axes = style.column([1.6 if rows == 1 else 1.1] * rows, width=6.4) if axes is None else axes
        names = style.plain_names(channels or [f"channel {i + 1}" for i in range(rows)])
        for row, one in enumerate(axes):
            image = _draw_colours(values[:, [min(row, values.shape[1] - 1)]], values, one)
            if row < steps.shape[1]:
                _draw_line(steps[:, row], one)
            if row < len(names) and rows > 1:
                one.set_title(names[row], fontsize=8.0)
    axes[0].figure.suptitle(title, fontsize=9.0)
    style.colour_bar(image, axes.tolist(), pad=0.01, aspect=30).set_label("share of the logit")
    _share_time(axes, len(steps))
    return axes


def _draw_colours(values: Array, every: Array, axes: Axes) -> AxesImage:
    """Colour bands of `[time, row]` values over the whole height, on the scale of all values."""
    steps, rows = values.shape
    limit = max(float(np.abs(every).max(initial=0.0)), 1e-12)
    extent = (-0.5, steps - 0.5, *((1.0, 0.0) if rows == 1 else (rows + 0.5, 0.5)))
    look: Any = {"cmap": SIGNED, "vmin": -limit, "vmax": limit, "alpha": 0.9}
    image = axes.imshow(values.T, extent=extent, **look)
    axes.grid(visible=False)
    axes.yaxis.set_major_locator(NullLocator() if rows == 1 else MaxNLocator(4, integer=True))
    return image


def _draw_line(values: Array, axes: Axes) -> None:
    """The channel over its colours, on a scale of its own."""
    over = axes.twinx()
    over.plot(values, color=INK, lw=1.1, marker="." if len(values) < 3 else None)
    over.yaxis.tick_left()
    over.yaxis.set_major_locator(MaxNLocator(3))
    over.tick_params(axis="y", length=0)
    over.grid(visible=False)
    over.spines[:].set_visible(False)


# -- probabilities --------------------------------------------------------------------------------


@renamed_arguments(beliefs="probabilities", heard="prefix_lengths")
@style.styled()
def plot_anytime(
    steps: Array,
    probabilities: Array,
    classes: Sequence[Any],
    *,
    every: int = 1,
    prefix_lengths: Array | None = None,
    rate_hz: float | None = None,
    target: Any = None,
    axes: AxesArray | None = None,
) -> AxesArray:
    """Draw a sequence, and below it the probability of each class after each step.

    The six classes with the highest probabilities have colours and names, the others are grey.

    Args:
        steps: `[time, channel]`, the sequence; where the preparation makes other steps of it, as
            prepared: `classifier.preparation_.apply(x)`, or as it came, with `prefix_lengths`.
        probabilities: `[point, class]`, of `SequenceClassifier.anytime`.
        classes: the class names.
        every: as it was given to `anytime`.
        prefix_lengths: `[point]`, after how many of `steps` each row holds, in place of `every`.
        rate_hz: steps per second; the time axis is in seconds (or minutes, days, ...) then.
        target: the true class, drawn thicker and named in the title.
        axes: `[2]` axes to draw into.

    Returns:
        Axes `[2]`: the sequence, and the probabilities.
    """
    axes = style.column([1.3, 1.7], width=6.4) if axes is None else axes
    unit = style.time_unit(rate_hz, len(steps))
    _draw_above(steps, axes[0], rate_hz)
    if prefix_lengths is None:
        prefix_lengths = every * np.arange(1, len(probabilities) + 1)
    time = (np.minimum(prefix_lengths, len(steps)) - 1) * unit.per_step
    dot = "." if len(probabilities) <= 60 else None
    for code, look in _class_lines(probabilities, classes, target, thick=2.4, thin=1.3).items():
        marker = None if look["label"] == "_" else dot
        axes[1].plot(time, probabilities[:, code], marker=marker, **look)
    axes[1].set(ylim=(-0.03, 1.03), ylabel="probability")
    style.percent(axes[1].yaxis)
    style.legend_beside(axes[1])
    if target is not None:
        axes[0].set_title(f"true class: {style.plain_name(named(target))}")
    _share_time(axes, len(steps), unit)
    return axes


def _class_lines(
    probabilities: Array, classes: Sequence[Any], target: Any, thick: float, thin: float
) -> dict[int, dict[str, Any]]:
    """How the line of each class is drawn, those with names last, above the others.

    The six classes with the highest probabilities have colours and names, the others are grey. The
    line of the true class (`target`) is `thick`, those of others that have names `thin`.
    """
    top = np.sort(np.argsort(-probabilities.max(axis=0), kind="stable")[:CLASSES_NAMED]).tolist()
    looks = {}
    for code in sorted(range(len(classes)), key=top.__contains__):
        looks[code] = {"color": MUTED, "label": "_", "lw": min(thin, 0.6)}
        if code in top:
            label = style.plain_name(named(classes[code]))
            looks[code] = {"color": PALETTE[top.index(code)], "label": label, "lw": thin}
        if target is not None and classes[code] == target:
            looks[code]["lw"] = thick
    return looks


# -- words --------------------------------------------------------------------------------------


@renamed_arguments(beliefs="probabilities")
@style.styled()
def plot_words(
    words: Sequence[str],
    probabilities: Array,
    classes: Sequence[Any],
    *,
    known: Sequence[bool] | None = None,
    target: Any = None,
    axes: AxesArray | None = None,
) -> AxesArray:
    """Write a text in rows, and above each word the class probabilities once it was read.

    A word has the colour of its most probable class. The six classes with the highest probabilities
    have colours and names, the others are grey.

    Args:
        words: one for each row of `probabilities`.
        probabilities: `[word, class]`, of `SequenceClassifier.anytime`.
        classes: the class names.
        known: whether the vocabulary has each word; the others are in italics.
        target: the true class, drawn thicker and named in the title.
        axes: `[row]` axes to draw into, as many as `rows_of_words` gives rows.

    Returns:
        Axes `[row]`.
    """
    lines = _class_lines(probabilities, classes, target, thick=2.2, thin=1.1)
    colours = [lines[code]["color"] for code in probabilities.argmax(axis=1).tolist()]
    axes = _row_axes(words, 0.35) if axes is None else axes
    for row, one in zip(rows_of_words(words), axes, strict=True):
        edges = _write_words(one, words, row, known, colours)
        for code, look in lines.items():
            one.stairs(probabilities[row, code], edges, baseline=None, **look)
        one.set(ylim=(-0.03, 1.03), yticks=[0, 0.5, 1])
        style.percent(one.yaxis)
    handles, labels = axes[0].get_legend_handles_labels()
    axes[0].figure.legend(handles, labels, loc="outside upper right", ncols=min(4, len(labels)))
    if target is not None:
        axes[0].set_title(f"true class: {style.plain_name(named(target))}")
    return axes


@style.styled()
def plot_surprise(
    words: Sequence[str],
    bits: Mapping[str, Array],
    *,
    known: Sequence[bool] | None = None,
    axes: AxesArray | None = None,
) -> AxesArray:
    """Write a text in rows, and above each word its surprisal under some models.

    Args:
        words: as they stand in the text.
        bits: `[word]` by the name of the model: -log2 of the probability that it gave the word.
        known: whether the vocabulary has each word; the others are in italics.
        axes: `[row]` axes to draw into, as many as `rows_of_words` gives rows.

    Returns:
        Axes `[row]`.
    """
    highest = max(float(np.max(values)) for values in bits.values())
    axes = _row_axes(words, 0.5) if axes is None else axes
    for row, one in zip(rows_of_words(words), axes, strict=True):
        edges = _write_words(one, words, row, known, [INK] * len(words))
        for (name, values), colour in zip(bits.items(), PALETTE, strict=False):
            one.stairs(values[row], edges, baseline=None, color=colour, label=name)
        one.set(ylim=(0, 1.05 * highest), ylabel="bits")
    handles, labels = axes[0].get_legend_handles_labels()
    axes[0].figure.legend(handles, labels, loc="outside upper right", ncols=len(labels))
    return axes


def _row_axes(words: Sequence[str], margin: float) -> AxesArray:
    """Axes `[row]` of a new figure, one below the other; `margin` in inches."""
    return style.column([0.95] * len(rows_of_words(words)), width=7.4, margin=margin)


def _write_words(
    axes: Axes,
    words: Sequence[str],
    row: Sequence[int],
    known: Sequence[bool] | None,
    colours: Sequence[str],
) -> Array:
    """Write the words of a row below the axes; return the edges between them, `[word + 1]`."""
    edges = np.cumsum([0, *(len(_shown(words[i])) + 1 for i in row)])
    look: Any = {"fontsize": _WORD_SIZE, "family": "monospace", "ha": "center", "va": "baseline"}
    for i, middle in zip(row, (edges[:-1] + edges[1:]) / 2, strict=True):
        look |= {"color": colours[i], "style": "normal" if known is None or known[i] else "italic"}
        axes.text(middle, _BASELINE, _shown(words[i]), transform=axes.get_xaxis_transform(), **look)
    axes.set(xlim=(0, _WIDTH + 2), xticks=[])
    return edges


def rows_of_words(words: Sequence[str]) -> list[list[int]]:
    """Cut words into rows that fit the width: the indices of each row's words.

    >>> rows_of_words(["a" * 40, "b" * 40, "c" * 20])
    [[0, 1], [2]]
    """
    rows: list[list[int]] = []
    used = _WIDTH
    for number, width in enumerate(len(_shown(word)) + 1 for word in words):
        if used + width > _WIDTH:
            rows.append([])
            used = 0
        rows[-1].append(number)
        used += width
    return rows


def _shown(word: str) -> str:
    """A word that can be seen and fits: a space, a line end and a tab have signs."""
    return style.plain_name(word.translate({0x20: "␣", 0x0A: "↵", 0x09: "→"}) or "·", 40)


# -- common -------------------------------------------------------------------------------------


def _draw_above(steps: Array, axes: Axes, rate_hz: float | None = None) -> None:
    """The sequence itself, over steps, or over time where the rate is known."""
    display = Display.of(Dataset(Sequences.from_list([steps]), rate_hz=rate_hz))
    draw_sequence(steps, display, axes)
    if display.kind == "heat map":  # its cells begin at their step; here they are centred on it
        for image in axes.images:
            left, right, low, high = image.get_extent()
            half = 0.5 * display.unit.per_step
            image.set_extent((left - half, right - half, low, high))
        axes.set_ylabel("channel")


def _share_time(axes: AxesArray, steps: int, unit: TimeUnit = STEPS) -> None:
    """One time axis for all; its numbers stand below the last."""
    for one in axes:
        one.set_xlim(-0.5 * unit.per_step, (max(steps, 1) - 0.5) * unit.per_step)
        one.xaxis.set_major_locator(MaxNLocator(8, integer=unit == STEPS))
        one.tick_params(axis="x", labelbottom=one is axes[-1])
    axes[-1].set_xlabel(unit.name)
