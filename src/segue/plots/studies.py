"""Pictures of studies: scores over the size of the data, over the epochs, over a grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.ticker import MaxNLocator, NullLocator, PercentFormatter

from segue.plots.style import (
    BLUE,
    INK,
    MUTED,
    PALETTE,
    SHARES,
    VERMILION,
    new_axes,
    panels,
    plain_names,
    styled,
)

if TYPE_CHECKING:
    from segue.studies import Grid, LearningCurve

BARS_AT_MOST = 40
_DASHES = (0, (3, 2))


@styled
def plot_learning_curve(curve: LearningCurve) -> Axes:
    """Draw score and loss over the number of training sequences, side by side.

    Points are the means over the seeds, the band holds 80 % of them. The dashed line is the fitted
    power law up to twice the data, with the interval of its forecast there.

    Returns:
        The axes of the score; the other is `axes.figure.axes[1]`.
    """
    score, loss = panels(1, 2, width=3.8, height=2.9)[0]
    for axes, name in ((score, curve.metric), (loss, "loss")):
        rows = [row for row in curve.summary if row["trials"]]
        x = [row["size"] for row in rows]
        axes.fill_between(
            x,
            [row[f"{name}_low"] for row in rows],
            [row[f"{name}_high"] for row in rows],
            color=BLUE,
            alpha=0.18,
            lw=0,
        )
        label = "mean, 80 % of seeds" if len(curve.seeds) > 1 else None
        axes.plot(x, [row[name] for row in rows], "o-", ms=3.5, color=BLUE, label=label)
        axes.set_title(name)
        axes.set_xscale("log")
        axes.set_xlabel("training sequences")
        axes.yaxis.set_major_locator(MaxNLocator(6))
    _draw_law(score, curve)
    score.axhline(curve.baseline, color=MUTED, lw=0.9, ls=(0, (1, 2)), label="baseline")
    _size_ticks(score, [*curve.sizes, *([2 * curve.sizes[-1]] if curve.law else [])])
    _size_ticks(loss, curve.sizes)
    if curve.metric == "accuracy":
        score.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    handles, labels = score.get_legend_handles_labels()
    score.figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    axes_of_score: Axes = score
    return axes_of_score


def _draw_law(axes: Axes, curve: LearningCurve) -> None:
    """The law as a line, and what it says of twice the data as a point with its interval."""
    law, twice = curve.law, curve.forecast()
    if law is None:
        return
    sign, shift = (1.0, 0.0) if curve.metric == "rmse" else (-1.0, 1.0)
    x = np.geomspace(curve.sizes[0], 2 * curve.sizes[-1], 100)
    y = shift + sign * np.array([law(n) for n in x])
    axes.plot(x, y, color=VERMILION, lw=1.0, ls=_DASHES, label="power law")
    if twice is not None:
        ends = [shift + sign * e for e in (twice.low, twice.high)]
        place = shift + sign * twice.error
        axes.plot([twice.size] * 2, ends, color=VERMILION, lw=1.6)
        axes.plot([twice.size], [place], "o", ms=4, color=VERMILION, label="twice the data")


def _size_ticks(axes: Axes, sizes: Sequence[int]) -> None:
    """The sizes themselves, as many as fit; powers of ten say little here."""
    span = np.log(sizes[-1] / sizes[0]) or 1.0
    kept: list[int] = []
    for size in reversed(sizes):
        if not kept or np.log(kept[-1] / size) > 0.13 * span:
            kept.append(size)
    axes.set_xticks(kept, [f"{size:,}" for size in kept])
    axes.xaxis.set_minor_locator(NullLocator())


@styled
def plot_epochs(
    histories: Mapping[str, Sequence[Sequence[Mapping[str, Any]]]],
    follow: str,
    *,
    title: str = "",
    is_rising: bool = False,
) -> Axes:
    """Draw score and loss over the epochs: the mean of some trainings, with their band.

    A training that ended before the others of its line counts with its last epoch.

    Args:
        histories: for each line the rows of its trainings.
        follow: the column of the score, such as "validation_accuracy".
        title: what the lines are.
        is_rising: whether they have an order: from light to dark then, in place of many colours.

    Returns:
        The axes of the score; the other is `axes.figure.axes[1]`.
    """
    score, loss = panels(1, 2, width=3.8, height=2.9)[0]
    prefix = "validation_" if follow.startswith("validation_") else ""
    colours = _colours(len(histories), is_rising=is_rising)
    for axes, name in ((score, follow), (loss, f"{prefix}loss")):
        for (label, trainings), colour in zip(histories.items(), colours, strict=True):
            if trainings:
                _draw_epochs(axes, trainings, name, plain_names([label], 40)[0], colour)
        said = name.removeprefix("validation_")
        axes.set_title(f"{said} in {'validation' if prefix else 'training'}")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(6))
    if follow.endswith("accuracy"):
        score.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    handles, labels = score.get_legend_handles_labels()
    columns = 1 if max(map(len, labels), default=0) > 24 else min(3, max(1, len(labels)))
    place = {"loc": "outside lower center", "ncols": columns, "title": title or None}
    score.figure.legend(handles, labels, **place)
    score.figure.set_size_inches(7.6, 3.0 + 0.2 * -(-len(labels) // columns) + 0.2)
    axes_of_score: Axes = score
    return axes_of_score


def _colours(count: int, *, is_rising: bool) -> list[Any]:
    if not is_rising:
        return [PALETTE[i % len(PALETTE)] for i in range(count)]
    return [(*SHARES(share)[:3], 0.25 + 0.75 * share) for share in np.linspace(0, 1, count)]


def _draw_epochs(axes: Axes, trainings: Any, name: str, label: str, colour: Any) -> None:
    longest = max(map(len, trainings))
    values = np.array(
        [[rows[min(e, len(rows) - 1)][name] for e in range(longest)] for rows in trainings]
    )
    epochs = np.arange(1, longest + 1)
    if len(values) > 1:
        low, high = np.quantile(values, [0.1, 0.9], axis=0)
        axes.fill_between(epochs, low, high, color=colour, alpha=0.12, lw=0)
    marker = "o" if longest == 1 else None
    axes.plot(epochs, values.mean(axis=0), color=colour, label=label, marker=marker)


@styled
def plot_grid(grid: Grid) -> Axes:
    """Draw the scores of a grid: a heat map where two arguments vary, bars elsewhere."""
    if len(grid.varied) == 2:
        return _draw_map(grid)
    return _draw_bars(grid)


def _draw_map(grid: Grid) -> Axes:
    down, across = sorted(grid.varied, key=lambda name: -max(len(str(v)) for v in grid.space[name]))
    rows, columns = grid.space[down], grid.space[across]
    table = np.full((len(rows), len(columns)), np.nan)
    for row in grid.summary:
        if row["trials"]:
            table[rows.index(row[down]), columns.index(row[across])] = row[grid.metric]
    names = plain_names(rows, 40)
    width = 1.2 + 0.075 * max(map(len, names)) + max(0.62 * len(columns), 1.6)
    axes = new_axes(width, 1.1 + max(0.34 * len(rows), 0.7))
    axes.imshow(table, cmap=_map(grid), aspect="auto", interpolation="none")
    axes.set_xticks(range(len(columns)), plain_names(columns), rotation=_turn(columns))
    axes.set_yticks(range(len(rows)), names)
    axes.tick_params(length=0)
    axes.set_xlabel(across)
    axes.set_ylabel(down)
    unit = "" if grid.metric == "rmse" else " in %"
    of = "one seed" if len(grid.seeds) == 1 else f"mean of {len(grid.seeds)} seeds"
    axes.set_title(f"{grid.metric}{unit}, {of}")
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    for i, j in np.ndindex(table.shape):
        text = "failed" if np.isnan(table[i, j]) else _shown(float(table[i, j]), grid.metric)
        dark = _is_dark(table, i, j, grid.metric)
        axes.text(j, i, text, ha="center", va="center", fontsize=8, color="white" if dark else INK)
    return axes


def _map(grid: Grid) -> Colormap:
    """Dark is good: a low error is."""
    return SHARES.reversed() if grid.metric == "rmse" else SHARES


def _turn(names: Sequence[Any]) -> float:
    return 90.0 if max(len(str(name)) for name in names) > 9 else 0.0


def _is_dark(table: npt.NDArray[Any], i: int, j: int, metric: str) -> bool:
    low, high = np.nanmin(table), np.nanmax(table)
    place = (table[i, j] - low) / (high - low) if high > low else 0.0
    return bool((1 - place if metric == "rmse" else place) > 0.6)


def _shown(value: float, metric: str) -> str:
    return f"{value:.3g}" if metric == "rmse" else f"{100 * value:.1f}"


def _draw_bars(grid: Grid) -> Axes:
    """A point with its band for each combination; the best of them where there are many."""
    sign = 1 if grid.metric == "rmse" else -1
    done = [row for row in grid.summary if row["trials"]]
    if len(done) > BARS_AT_MOST:
        done = sorted(done, key=lambda row: sign * row[grid.metric])[:BARS_AT_MOST]
    names = plain_names([grid.name(row) for row in done], 60)
    height = 1.0 + 0.24 * len(done)
    axes = new_axes(3.4 + 0.07 * max(map(len, names)), height)
    places = np.arange(len(done))
    mean = [row[grid.metric] for row in done]
    low, high = ([row[f"{grid.metric}_{end}"] for row in done] for end in ("low", "high"))
    axes.hlines(places, low, high, color=BLUE, lw=3, alpha=0.3)
    axes.plot(mean, places, "o", ms=5, color=BLUE)
    axes.axvline(grid.baseline, color=MUTED, lw=0.9, ls=(0, (1, 2)))
    axes.set_yticks(places, names)
    axes.set_ylim(len(done) - 0.5, -0.5)
    axes.grid(axis="x")
    axes.set_xlabel(f"{grid.metric} (dotted: baseline)")
    axes.set_title(", ".join(grid.varied or grid.space))
    if grid.metric == "accuracy":
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    return axes
