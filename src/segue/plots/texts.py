"""Texts: as they are, with probabilities above the words, and perplexities."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from segue.dataset import named
from segue.plots import style
from segue.plots.style import INK, PALETTE, AxesArray

Array = npt.NDArray[Any]

_SIZE = 6.5  # points
_CHARACTER = 0.5 * _SIZE / 72  # inches that a character needs on average
_LINE = 1.25 * _SIZE / 72
_WORD_SIZE = 7.5
_WIDTH = 100  # characters in a row of words
_BASELINE = -0.24  # of the words, in heights of the panel above them


@style.styled
def draw_text(text: str, axes: Axes) -> Axes:
    """Write the beginning of a text into the axes, as much as there is room for."""
    box, dpi = axes.get_window_extent(), axes.figure.dpi
    width, height = box.width / dpi, box.height / dpi
    columns, rows = max(12, int(width / _CHARACTER)), max(1, int(height / _LINE))
    lines = textwrap.wrap(" ".join(text[: 2 * columns * rows].split()), columns)
    if len(lines) > rows:
        lines = [*lines[: rows - 1], lines[rows - 1][: columns - 1] + "…"]
    look: Any = {"fontsize": _SIZE, "va": "top", "linespacing": 1.2}
    axes.text(0.0, 1.0, "\n".join(lines), transform=axes.transAxes, **look)
    style.bare(axes)
    return axes


@style.renamed_arguments(beliefs="probabilities")
@style.styled
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
    lines = style.class_lines(probabilities, classes, target, thick=2.2, thin=1.1)
    colours = {code: look["color"] for code, look in lines}
    of_words = [colours[code] for code in probabilities.argmax(axis=1).tolist()]
    axes = _row_axes(words, 0.35) if axes is None else axes
    for row, one in zip(rows_of_words(words), axes, strict=True):
        edges = _write_words(one, words, row, known, of_words)
        for code, look in lines:
            one.stairs(probabilities[row, code], edges, baseline=None, **look)
        one.set(ylim=(-0.03, 1.03), yticks=[0, 0.5, 1])
        style.percent(one.yaxis)
    handles, labels = axes[0].get_legend_handles_labels()
    axes[0].figure.legend(handles, labels, loc="outside upper right", ncols=min(4, len(labels)))
    if target is not None:
        axes[0].set_title(f"true class: {style.plain_names([named(target)])[0]}")
    return axes


@style.styled
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


def rows_of_words(words: Sequence[str]) -> list[list[int]]:
    """Cut words into rows that fit the width: the indices of each row's words.

    >>> rows_of_words(["a" * 40, "b" * 40, "c" * 20])
    [[0, 1], [2]]
    """
    rows: list[list[int]] = []
    used = 0
    for number, word in enumerate(words):
        width = len(_shown(word)) + 1
        if not rows or used + width > _WIDTH:
            rows.append([])
            used = 0
        rows[-1].append(number)
        used += width
    return rows


def _shown(word: str, at_most: int = 40) -> str:
    """A word that can be seen and fits: a space, a line end and a tab have signs."""
    text = word.translate({0x20: "␣", 0x0A: "↵", 0x09: "→"}) or "·"
    return text if len(text) <= at_most else text[: at_most - 1] + "…"
