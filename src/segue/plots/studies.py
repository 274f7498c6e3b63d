"""Pictures of studies: learning curves, scores over the epochs, grids as heat maps or points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullLocator, PercentFormatter

from segue.plots.style import (
    BLUE,
    INK,
    MUTED,
    PALETTE,
    SHARES,
    VERMILION,
    panels,
    plain_names,
    styled,
)

if TYPE_CHECKING:
    from segue.studies import Grid, LearningCurve

BARS_AT_MOST = 40  # combinations that are drawn as points with bands
_DASHES = (0, (3, 2))

Table = npt.NDArray[np.float64]
Sides = tuple[str, str, str | None]


# -- learning curves ------------------------------------------------------------------------------


@styled
def plot_learning_curve(curve: LearningCurve) -> Axes:
    """Draw score and loss over the number of training sequences, side by side.

    Points are the means over the seeds, the band holds 80 % of them. The dashed line is the fitted
    power law up to twice the data, with the interval of its forecast there. With `until` a third
    panel has the epochs until then, of the trainings that reached it; the point is hollow where
    others did not.

    Returns:
        The axes of the score; the others are `axes.figure.axes[1:]`.
    """
    all_axes = panels(1, 2 if curve.until is None else 3, width=3.3, height=2.9)[0]
    score, loss = all_axes[:2]
    done = [row for row in curve.summary if row["trials"]]
    _draw_sizes(score, done, curve.metric, label=_band_label(len(curve.seeds)))
    score.set_title(f"{curve.metric} on the test part")
    _draw_sizes(loss, done, "loss")
    loss.set_title("loss on the test part")
    if curve.until is not None:
        _draw_until(all_axes[2], curve, done)
    _draw_law(score, curve)
    score.axhline(curve.baseline, color=MUTED, lw=0.9, ls=(0, (1, 2)), label="baseline")
    _size_ticks(score, [*curve.sizes, *([2 * curve.sizes[-1]] if curve.law else [])])
    for axes in all_axes[1:]:
        _size_ticks(axes, curve.sizes)
    if curve.metric == "accuracy":
        score.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    drawn = [line for axes in all_axes for line in axes.get_legend_handles_labels()[0]]
    columns = 2 if curve.until is None else 3
    score.figure.legend(handles=drawn, loc="outside lower center", ncols=columns)
    axes_of_score: Axes = score
    return axes_of_score


def _band_label(seeds: int) -> str:
    return f"mean and 10 % to 90 % of {seeds} seeds" if seeds > 1 else "one seed"


def _draw_sizes(
    axes: Axes, rows: Sequence[Mapping[str, Any]], name: str, label: str | None = None
) -> None:
    x = [row["size"] for row in rows]
    low, high = ([row[f"{name}_{end}"] for row in rows] for end in ("low", "high"))
    axes.fill_between(x, low, high, color=BLUE, alpha=0.18, lw=0)
    axes.plot(x, [row[name] for row in rows], "o-", ms=3.5, color=BLUE, label=label)
    axes.set_xscale("log")
    axes.set_xlabel("training sequences")
    axes.yaxis.set_major_locator(MaxNLocator(6))


def _draw_until(axes: Axes, curve: LearningCurve, done: Sequence[Mapping[str, Any]]) -> None:
    found = [row for row in done if row["reached"]]
    _draw_sizes(axes, found, "epochs_until")
    some = [row for row in found if row["reached"] < row["trials"]]
    x, y = ([row[name] for row in some] for name in ("size", "epochs_until"))
    label = "not reached by every seed"
    axes.plot(x, y, "o", ms=3.5, color=BLUE, mfc="white", label=label if some else None)
    axes.set_title(f"epochs until {curve.until:g} {curve.where}")
    axes.set_xlim(curve.sizes[0] * 0.9, curve.sizes[-1] * 1.1)
    if not found:
        axes.text(0.5, 0.5, "never", transform=axes.transAxes, ha="center", color=MUTED)
        axes.set_yticks([])


def _draw_law(axes: Axes, curve: LearningCurve) -> None:
    """The law as a line, and what it says of twice the data as a point with its interval."""
    law, twice = curve.law, curve.forecast()
    if law is None:
        return
    label = "power law" if curve.law_holds else "power law (does not hold here)"
    sign, shift = (1.0, 0.0) if curve.metric == "rmse" else (-1.0, 1.0)
    x = np.geomspace(curve.sizes[0], 2 * curve.sizes[-1], 100)
    y = shift + sign * np.array([law(n) for n in x])
    axes.plot(x, y, color=VERMILION, lw=1.0, ls=_DASHES, label=label)
    if twice is not None:
        ends = [shift + sign * e for e in (twice.low, twice.high)]
        place = shift + sign * twice.error
        axes.plot([twice.size] * 2, ends, color=VERMILION, lw=1.6)
        axes.plot(
            [twice.size], [place], "o", ms=4, color=VERMILION, label="twice the data, 95 % interval"
        )


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
    where: str = "in validation",
) -> Axes:
    """Draw score and loss over the epochs: the mean of some trainings, with their band.

    A training that ended before the others of its line counts with its last epoch.

    Args:
        histories: for each line the rows of its trainings.
        follow: the column of the score, such as "validation_accuracy".
        title: what the lines are.
        is_rising: whether they have an order: from light to dark then, in place of many colours.
        where: what the score was followed on, in words.

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
        axes.set_title(f"{said} {where}")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(6))
    if follow.endswith("accuracy"):
        score.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    handles, labels = score.get_legend_handles_labels()
    columns = 1 if max(map(len, labels), default=0) > 24 else min(5, max(1, len(labels)))
    if max(map(len, histories.values()), default=0) > 1:
        title += " (line: mean, band: 10 % to 90 % of the seeds)"
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


# -- grids ----------------------------------------------------------------------------------------


@styled
def plot_grid(grid: Grid) -> Axes:
    """Draw the scores of a grid, and with `until` the epochs until then.

    Where two arguments vary a heat map, where three vary one for each value of the third; dark is
    good. Elsewhere a point for each combination, with the band that holds 80 % of the seeds.

    Returns:
        The first axes of the score; the others are in `axes.figure.axes`.
    """
    if len(grid.varied) in (2, 3):
        return _draw_maps(grid)
    return _draw_points(grid)


def _names(grid: Grid) -> list[str]:
    """The columns of the summary that are drawn."""
    return [grid.metric] if grid.until is None else [grid.metric, "epochs_until"]


# -- heat maps ------------------------------------------------------------------------------------


def _draw_maps(grid: Grid) -> Axes:
    down, across, third = sides = _sides(grid)
    values = [None] if third is None else grid.space[third]
    width = 0.9 + 0.62 * max(len(grid.space[across]), 2)
    width += 0.075 * max(map(len, plain_names(grid.space[down], 40))) / len(values)
    height = 1.0 + max(0.34 * len(grid.space[down]), 0.7)
    rows = _names(grid)
    shown = panels(len(rows), len(values), width=width, height=height, sharex=True, sharey=True)
    for name, line in zip(rows, shown, strict=True):
        tables = [_table(grid, sides, name, value) for value in values]
        known = np.concatenate([table.ravel() for table, _ in tables])
        known = known[np.isfinite(known)]
        ends = (known.min(), known.max()) if known.size else (0.0, 1.0)
        for axes, value, (table, texts) in zip(line, values, tables, strict=True):
            _draw_map(axes, table, texts, ends, low_is_good=name != "accuracy")
            title = _title(grid, name) if axes is line[0] else ""
            of = "" if third is None else f"{third} {value}"
            axes.set_title("\n".join(text for text in (title, of) if text) or " ")
            axes.set_xticks(range(len(grid.space[across])), plain_names(grid.space[across]))
            axes.tick_params(axis="x", rotation=_turn(grid.space[across]))
            axes.set_yticks(range(len(grid.space[down])), plain_names(grid.space[down], 40))
        line[0].set_ylabel(down)
    for axes in shown[-1]:
        axes.set_xlabel(across)
    first: Axes = shown[0, 0]
    return first


def _sides(grid: Grid) -> Sides:
    """Which argument goes down, which across, and which has a map for each of its values."""
    varied = list(grid.varied)
    third = None
    if len(varied) == 3:
        third = min(reversed(varied), key=lambda name: len(grid.space[name]))
        varied.remove(third)
    down, across = sorted(varied, key=lambda name: -max(len(str(v)) for v in grid.space[name]))
    return down, across, third


def _table(grid: Grid, sides: Sides, name: str, value: Any) -> tuple[Table, list[list[str]]]:
    """`[down, across]` numbers, and what is written there."""
    down, across, third = sides
    rows, columns = grid.space[down], grid.space[across]
    table = np.full((len(rows), len(columns)), np.nan)
    texts = [["failed"] * len(columns) for _ in rows]
    for row in grid.summary:
        if not row["trials"] or (third is not None and row[third] != value):
            continue
        i, j = rows.index(row[down]), columns.index(row[across])
        table[i, j] = np.nan if row[name] is None else row[name]
        texts[i][j] = _shown(row, name)
    return table, texts


def _shown(row: Mapping[str, Any], name: str) -> str:
    if row[name] is None:
        return "never"
    if name == "epochs_until":
        some = "" if row["reached"] == row["trials"] else f" ({row['reached']})"
        return f"{row[name]:.0f}{some}"
    return f"{row[name]:.3g}" if name == "rmse" else f"{100 * row[name]:.1f}"


def _title(grid: Grid, name: str) -> str:
    of = "one seed" if len(grid.seeds) == 1 else f"mean of {len(grid.seeds)} seeds"
    if name == "epochs_until":
        return f"epochs until {grid.until:g} (in brackets: seeds that reached it, if not all)"
    return f"{grid.metric}{'' if name == 'rmse' else ' in %'}, {of}"


def _draw_map(
    axes: Axes,
    table: Table,
    texts: list[list[str]],
    ends: tuple[float, float],
    *,
    low_is_good: bool,
) -> None:
    colours = SHARES.reversed() if low_is_good else SHARES
    low, high = ends
    axes.imshow(table, cmap=colours, aspect="auto", interpolation="none", vmin=low, vmax=high)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    for i, j in np.ndindex(table.shape):
        place = (table[i, j] - low) / (high - low) if high > low else 0.0
        is_dark = (1 - place if low_is_good else place) > 0.6
        colour = "white" if is_dark else INK
        axes.text(j, i, texts[i][j], ha="center", va="center", fontsize=8, color=colour)


def _turn(names: Sequence[Any]) -> float:
    return 90.0 if max(len(str(name)) for name in names) > 9 else 0.0


# -- points with bands ----------------------------------------------------------------------------


def _draw_points(grid: Grid) -> Axes:
    """A point with its band for each combination; the best of them where there are many."""
    sign = 1 if grid.metric == "rmse" else -1
    done = [row for row in grid.summary if row["trials"]]
    if len(done) > BARS_AT_MOST:
        done = sorted(done, key=lambda row: sign * row[grid.metric])[:BARS_AT_MOST]
    names = plain_names([grid.name(row) for row in done], 60)
    columns = _names(grid)
    width = 3.4 + 0.07 * max(map(len, names)) / len(columns)
    all_axes = panels(1, len(columns), width=width, height=1.0 + 0.24 * len(done), sharey=True)[0]
    for axes, name in zip(all_axes, columns, strict=True):
        known = [(place, row) for place, row in enumerate(done) if row[name] is not None]
        places = [place for place, _ in known]
        low, high = ([row[f"{name}_{end}"] for _, row in known] for end in ("low", "high"))
        axes.hlines(places, low, high, color=BLUE, lw=3, alpha=0.3)
        axes.plot([row[name] for _, row in known], places, "o", ms=5, color=BLUE)
        axes.grid(axis="x")
    score: Axes = all_axes[0]
    score.axvline(grid.baseline, color=MUTED, lw=0.9, ls=(0, (1, 2)))
    score.set_yticks(range(len(done)), names)
    score.set_ylim(len(done) - 0.5, -0.5)
    score.set_xlabel(f"{grid.metric} (dotted: baseline)")
    score.set_title(", ".join(grid.varied or grid.space))
    if grid.metric == "accuracy":
        score.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    if grid.until is not None:
        all_axes[1].set_xlabel(f"epochs until {grid.until:g}, of the seeds that reached it")
        all_axes[1].xaxis.set_major_locator(MaxNLocator(6, integer=True))
    return score
