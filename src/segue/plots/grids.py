"""Pictures of grids: what each combination comes to, as heat maps or as points with bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from segue.plots.style import BLUE, INK, MUTED, SHARES, panels, plain_names, styled

if TYPE_CHECKING:
    from segue.studies import Grid

BARS_AT_MOST = 40

Table = npt.NDArray[np.float64]
Sides = tuple[str, str, str | None]


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
