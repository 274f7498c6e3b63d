"""Pictures of studies: learning curves, scores over the epochs, grids as heat maps or points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullLocator

from segue.plots import style
from segue.plots.style import BLUE, DASHED, MUTED, PALETTE, SHARES, VERMILION
from segue.text_table import number

# The studies call these functions: their types are of a package above this one.
LearningCurve = Any
Grid = Any


BARS_AT_MOST = 40  # combinations that are drawn as points with bands
_DOTTED = DASHED | {"ls": (0, (1, 2))}

Table = npt.NDArray[np.float64]
Sides = tuple[str, str, str | None]


# -- learning curves ------------------------------------------------------------------------------


@style.styled()
def plot_learning_curve(curve: LearningCurve) -> Axes:
    """Draw score and loss over the number of training sequences, side by side.

    Points are the means over the seeds, the band holds 80 % of them. The dashed line is the fitted
    power law up to twice the data, with the interval of its forecast there. With `until` a third
    panel has the epochs until then, of the trainings that reached it; the point is hollow where
    others did not.

    Returns:
        The axes of the score; the others are `axes.figure.axes[1:]`.
    """
    all_axes = style.panels(1, 2 if curve.until is None else 3, width=3.3, height=2.9)[0]
    score, loss = all_axes[:2]
    _draw_sizes(score, curve.done, curve.metric, label=curve.bands)
    score.set_title(f"{curve.metric} on the test part")
    _draw_sizes(loss, curve.done, "loss")
    loss.set_title("loss on the test part")
    if curve.until is not None:
        _draw_until(all_axes[2], curve)
    _draw_law(score, curve)
    score.axhline(curve.baseline, **_DOTTED, label="baseline")
    _size_ticks(score, [*curve.sizes, *([2 * curve.sizes[-1]] if curve.law else [])])
    for axes in all_axes[1:]:
        _size_ticks(axes, curve.sizes)
    if curve.metric == "accuracy":
        style.percent(score.yaxis)
    drawn = [line for axes in all_axes for line in axes.get_legend_handles_labels()[0]]
    score.figure.legend(handles=drawn, loc="outside lower center", ncols=len(all_axes))
    axes_of_score: Axes = score
    return axes_of_score


def _draw_sizes(
    axes: Axes, rows: Sequence[Mapping[str, Any]], name: str, label: str | None = None
) -> None:
    x = [row["size"] for row in rows]
    low, high = ([row[f"{name}_{end}"] for row in rows] for end in ("low", "high"))
    axes.fill_between(x, low, high, color=BLUE, alpha=0.18, lw=0)
    axes.plot(x, [row[name] for row in rows], "o-", ms=3.5, color=BLUE, label=label)
    axes.set(xscale="log", xlabel="training sequences")
    axes.yaxis.set_major_locator(MaxNLocator(6))


def _draw_until(axes: Axes, curve: LearningCurve) -> None:
    reached = [row for row in curve.done if row["reached"]]
    _draw_sizes(axes, reached, "epochs_until")
    some = [row for row in reached if row["reached"] < row["trials"]]
    x, y = ([row[name] for row in some] for name in ("size", "epochs_until"))
    label = "not reached by every seed" if some else None
    axes.plot(x, y, "o", ms=3.5, color=BLUE, mfc="white", label=label)
    axes.set_title(f"epochs until {curve.until:g} {curve.where}")
    margin = (curve.sizes[-1] / curve.sizes[0]) ** 0.05 if len(curve.sizes) > 1 else 1.1
    axes.set_xlim(curve.sizes[0] / margin, curve.sizes[-1] * margin)
    if not reached:
        axes.text(0.5, 0.5, "never", transform=axes.transAxes, ha="center", color=MUTED)
        axes.set_yticks([])


def _draw_law(axes: Axes, curve: LearningCurve) -> None:
    """The law as a line, and its forecast for twice the data as a point with its interval."""
    law, twice = curve.law, curve.forecast()
    if law is None:
        return
    x = np.geomspace(curve.sizes[0], 2 * curve.sizes[-1], 100)
    errors = np.array([law(n) for n in x])
    label = "power law" if curve.law_holds else "power law (does not hold here)"
    look = DASHED | {"color": VERMILION, "lw": 1.0, "label": label}
    axes.plot(x, errors if curve.metric == "rmse" else 1 - errors, **look)
    if twice is not None:
        errors = np.array([[twice.error, twice.low, twice.high]])
        middle, *ends = (errors if curve.metric == "rmse" else 1 - errors)[0]
        axes.plot([twice.size] * 2, ends, color=VERMILION, lw=1.6)
        label = "twice the data, 95 % interval"
        axes.plot([twice.size], [middle], "o", ms=4, color=VERMILION, label=label)


def _size_ticks(axes: Axes, sizes: Sequence[int]) -> None:
    """The sizes themselves, as many as fit; powers of ten say little here."""
    span = np.log(sizes[-1] / sizes[0]) or 1.0
    kept: list[int] = []
    for size in reversed(sizes):
        if not kept or np.log(kept[-1] / size) > 0.13 * span:
            kept.append(size)
    axes.set_xticks(kept, [f"{size:,}" for size in kept])
    axes.xaxis.set_minor_locator(NullLocator())


@style.styled()
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
    score, loss = style.panels(1, 2, width=3.8, height=2.9)[0]
    prefix = "validation_" if follow.startswith("validation_") else ""
    shades = np.linspace(0, 1, len(histories))
    rising = [(*SHARES(shade)[:3], 0.25 + 0.75 * shade) for shade in shades]
    colours = rising if is_rising else [PALETTE[i % len(PALETTE)] for i in range(len(histories))]
    for axes, name in ((score, follow), (loss, f"{prefix}loss")):
        for (label, trainings), colour in zip(histories.items(), colours, strict=True):
            if trainings:
                _draw_epochs(axes, trainings, name, style.plain_name(label, 40), colour)
        axes.set(title=f"{name.removeprefix('validation_')} {where}", xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(6))
    if follow.endswith("accuracy"):
        style.percent(score.yaxis)
    handles, labels = score.get_legend_handles_labels()
    columns = 1 if max(map(len, labels), default=0) > 24 else min(5, max(1, len(labels)))
    if max(map(len, histories.values()), default=0) > 1:
        title += " (line: mean, band: 10 % to 90 % of the seeds)"
    place: Any = {"loc": "outside lower center", "ncols": columns}
    score.figure.legend(handles, labels, title=title or None, **place)
    score.figure.set_size_inches(7.6, 3.0 + 0.2 * -(-len(labels) // columns) + 0.2)
    axes_of_score: Axes = score
    return axes_of_score


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


@style.styled()
def plot_grid(grid: Grid) -> Axes:
    """Draw the scores of a grid, and with `until` the epochs until then.

    Where two arguments vary a heat map, where three vary one for each value of the third; dark is
    good. Elsewhere a point for each combination, with the band that holds 80 % of the seeds.

    Returns:
        The first axes of the score; the others are in `axes.figure.axes`.
    """
    names = [grid.metric] if grid.until is None else [grid.metric, "epochs_until"]
    return (_draw_maps if len(grid.varied) in (2, 3) else _draw_points)(grid, names)


# -- heat maps ------------------------------------------------------------------------------------


def _draw_maps(grid: Grid, names: Sequence[str]) -> Axes:
    """A row of maps for each of the columns of the summary."""
    down, across, third = sides = _sides(grid)
    rows, columns = style.plain_names(grid.space[down], 40), style.plain_names(grid.space[across])
    values = [None] if third is None else grid.space[third]
    width = 0.9 + 0.62 * max(len(columns), 2) + 0.075 * max(map(len, rows)) / len(values)
    turned = max(map(len, columns)) > 9
    height = 1.0 + max(0.34 * len(rows), 0.7)
    height += 0.075 * max(map(len, columns)) / len(names) if turned else 0
    size: Any = {"width": width, "height": height}
    shown = style.panels(len(names), len(values), **size, sharex=True, sharey=True)
    for name, line in zip(names, shown, strict=True):
        tables = [_table(grid, sides, name, value) for value in values]
        known = np.concatenate([table.ravel() for table, _ in tables])
        known = known[np.isfinite(known)]
        low, high = (known.min(), known.max()) if known.size else (0.0, 1.0)
        for axes, value, (table, texts) in zip(line, values, tables, strict=True):
            goodness = (table - low) / (high - low or 1.0)
            style.draw_cells(axes, goodness if name == "accuracy" else 1 - goodness, texts)
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
            title = [_title(grid, name)] if axes is line[0] else []
            axes.set_title("\n".join([*title, *([f"{third} {value}"] if third else [])]) or " ")
            axes.set_xticks(range(len(columns)), columns)
            axes.tick_params(axis="x", rotation=90 if turned else 0)
            axes.set_yticks(range(len(rows)), rows)
        line[0].set_ylabel(down)
    for axes in shown[-1]:
        axes.set_xlabel(across)
    first: Axes = shown[0, 0]
    return first


def _sides(grid: Grid) -> Sides:
    """The arguments of rows and columns, and the one with a map for each of its values."""
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
    return number(row[name])


def _title(grid: Grid, name: str) -> str:
    of = "one seed" if len(grid.seeds) == 1 else f"mean of {len(grid.seeds)} seeds"
    if name == "epochs_until":
        return f"epochs until {grid.until:g}\n(seeds, if not all)"
    return f"{grid.metric}, {of}"


# -- points with bands ----------------------------------------------------------------------------


def _draw_points(grid: Grid, columns: Sequence[str]) -> Axes:
    """A point with its band for each combination; the best of them where there are many."""
    done = grid.done if len(grid.done) <= BARS_AT_MOST else grid.ranked()[:BARS_AT_MOST]
    names = style.plain_names([grid.name(row) for row in done], 60)
    size: Any = {"width": 3.4 + 0.07 * max(map(len, names)) / len(columns)}
    size["height"] = 1.0 + 0.24 * len(done)
    all_axes = style.panels(1, len(columns), **size, sharey=True)[0]
    for axes, name in zip(all_axes, columns, strict=True):
        known = [(place, row) for place, row in enumerate(done) if row[name] is not None]
        places = [place for place, _ in known]
        low, high = ([row[f"{name}_{end}"] for _, row in known] for end in ("low", "high"))
        axes.hlines(places, low, high, color=BLUE, lw=3, alpha=0.3)
        axes.plot([row[name] for _, row in known], places, "o", ms=5, color=BLUE)
        axes.grid(axis="x")
    score: Axes = all_axes[0]
    score.axvline(grid.baseline, **_DOTTED)
    score.set_yticks(range(len(done)), names)
    score.set(ylim=(len(done) - 0.5, -0.5), xlabel=f"{grid.metric} (dotted: baseline)")
    score.set_title(", ".join(grid.varied or grid.space))
    if grid.metric == "accuracy":
        style.percent(score.xaxis)
    if grid.until is not None:
        all_axes[1].set_xlabel(f"epochs until {grid.until:g}, of the seeds that reached it")
        all_axes[1].xaxis.set_major_locator(MaxNLocator(6, integer=True))
    return score
