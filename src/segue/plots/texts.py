"""Texts: as they are, with probabilities above the words, and perplexities."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from segue.dataset import named
from segue.plots.style import (
    INK,
    MUTED,
    PALETTE,
    AxesArray,
    new_axes,
    new_figure,
    plain_names,
    renamed_arguments,
    styled,
)

Array = npt.NDArray[Any]

CLASSES_NAMED = 6  # lines of probabilities that have a colour and a name
_SIZE = 6.5  # points
_CHARACTER = 0.5 * _SIZE / 72  # inches that a character needs on average
_LINE = 1.25 * _SIZE / 72
_WORD_SIZE = 7.5
_WIDTH = 100  # characters in a row of words
_BASELINE = -0.24  # of the words, in heights of the panel above them


@styled
def draw_text(text: str, axes: Axes) -> Axes:
    """Write the beginning of a text into the axes, as much as there is room for."""
    box, dpi = axes.get_window_extent(), axes.figure.dpi
    width, height = box.width / dpi, box.height / dpi
    columns, rows = max(12, int(width / _CHARACTER)), max(1, int(height / _LINE))
    lines = textwrap.wrap(" ".join(text[: 2 * columns * rows].split()), columns)
    if len(lines) > rows:
        lines = [*lines[: rows - 1], lines[rows - 1][: columns - 1] + "…"]
    axes.text(
        *(0.0, 1.0, "\n".join(lines)),
        transform=axes.transAxes,
        fontsize=_SIZE,
        va="top",
        linespacing=1.2,
    )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    return axes


@renamed_arguments(beliefs="probabilities")
@styled
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
    top = np.sort(np.argsort(-probabilities.max(axis=0), kind="stable")[:CLASSES_NAMED]).tolist()
    colours = [PALETTE[top.index(c)] if c in top else MUTED for c in range(len(classes))]
    names = plain_names([named(name) for name in classes])
    of_words = [colours[code] for code in probabilities.argmax(axis=1).tolist()]
    axes = _row_axes(words, 0.35) if axes is None else axes
    for row, one in zip(rows_of_words(words), axes, strict=True):
        edges = _edges([words[i] for i in row])
        for code in sorted(range(len(names)), key=top.__contains__):  # the named ones above
            one.stairs(
                probabilities[row, code],
                edges,
                baseline=None,
                color=colours[code],
                label=names[code] if code in top else "_",
                lw=2.2 if target is not None and classes[code] == target else 1.1,
            )
        _write_words(one, words, row, known, of_words)
        one.set_ylim(-0.03, 1.03)
        one.set_yticks([0, 0.5, 1])
        one.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    handles, labels = axes[0].get_legend_handles_labels()
    axes[0].figure.legend(handles, labels, loc="outside upper right", ncols=min(4, len(labels)))
    if target is not None:
        axes[0].set_title(f"true class: {plain_names([named(target)])[0]}")
    return axes


@styled
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
        edges = _edges([words[i] for i in row])
        for (name, values), colour in zip(bits.items(), PALETTE, strict=False):
            one.stairs(values[row], edges, baseline=None, color=colour, label=name)
        _write_words(one, words, row, known, [INK] * len(words))
        one.set_ylim(0, 1.05 * highest)
        one.set_ylabel("bits")
    handles, labels = axes[0].get_legend_handles_labels()
    axes[0].figure.legend(handles, labels, loc="outside upper right", ncols=len(labels))
    return axes


def _row_axes(words: Sequence[str], margin: float) -> AxesArray:
    """Axes `[row]` of a new figure, one below the other; `margin` in inches."""
    count = len(rows_of_words(words))
    figure = new_figure(7.4, margin + 0.95 * count)
    axes: AxesArray = figure.subplots(count, 1, squeeze=False)[:, 0]
    return axes


def _write_words(
    axes: Axes,
    words: Sequence[str],
    row: Sequence[int],
    known: Sequence[bool] | None,
    colours: Sequence[str],
) -> None:
    """Write the words of a row below the axes, and fit the axes to them."""
    edges = _edges([words[i] for i in row])
    for i, left, right in zip(row, edges[:-1], edges[1:], strict=True):
        axes.text(
            *((left + right) / 2, _BASELINE, _shown(words[i])),
            transform=axes.get_xaxis_transform(),
            fontsize=_WORD_SIZE,
            family="monospace",
            style="normal" if known is None or known[i] else "italic",
            color=colours[i],
            ha="center",
            va="baseline",
        )
    axes.set_xlim(0, _WIDTH + 2)
    axes.set_xticks([])


@styled
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
    axes = new_axes(5.0, 3.0) if axes is None else axes
    powers = np.floor(np.log10(np.maximum(counts, 1))).astype(np.int64)
    there = np.unique(powers)

    def by_power(values: Array) -> Array:
        return np.array([np.exp(-values[powers == power].mean()) for power in there])

    unit = 1.0 if reference is None else by_power(log_probability[reference])
    for (name, values), colour in zip(log_probability.items(), PALETTE, strict=False):
        places = np.arange(len(there))
        axes.plot(places, by_power(values) / unit, "o-", color=colour, ms=3.5, label=name)
    shares = [f"{np.mean(powers == power):.0%}" for power in there]
    names = [f"{10**p:,} to {10 ** (p + 1) - 1:,}\n{s}" for p, s in zip(there, shares, strict=True)]
    axes.set_xticks(np.arange(len(there)), names)
    if reference is None:
        axes.set_yscale("log")
    else:
        axes.set_ylim(0, None)
    axes.set_xlabel("times seen in training, and the share of all words here")
    axes.set_title("perplexity" + ("" if reference is None else f" ({reference}: 1)"))
    axes.legend(loc="best")
    return axes


def rows_of_words(words: Sequence[str]) -> list[list[int]]:
    """Cut words into rows that fit the width: the indices of each row's words.

    >>> rows_of_words(["a" * 40, "b" * 40, "c" * 20])
    [[0, 1], [2]]
    """
    rows: list[list[int]] = [[]]
    used = 0
    for number, word in enumerate(words):
        width = len(_shown(word)) + 1
        if rows[-1] and used + width > _WIDTH:
            rows.append([])
            used = 0
        rows[-1].append(number)
        used += width
    return rows


def _edges(words: Sequence[str]) -> Array:
    return np.cumsum([0, *(len(_shown(word)) + 1 for word in words)])


def _shown(word: str, at_most: int = 40) -> str:
    """A word that can be seen and fits: a space, a line end and a tab have signs."""
    text = word.translate({0x20: "␣", 0x0A: "↵", 0x09: "→"}) or "·"
    return text if len(text) <= at_most else text[: at_most - 1] + "…"
