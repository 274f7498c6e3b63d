"""Reports of studies as text: tables, forecasts for more data, and their backtest."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from segue.studies.powerlaw import Forecast
from segue.studies.tables import NEAR
from segue.studies.trials import Row

if TYPE_CHECKING:
    from segue.studies.curve import LearningCurve
    from segue.studies.grids import Grid


def curve_report(curve: LearningCurve) -> str:
    """The table over the sizes, the forecast for more data, and its backtest."""
    lines = [[f"{row['size']:,}", *cells(row, curve.metric, curve.until)] for row in curve.summary]
    heads = ["sequences", *headings(curve.metric, curve.until)]
    level = "" if curve.until is None else f"; epochs until {curve.until:g}: {curve.where}"
    blocks = [
        text_table(heads, lines),
        "",
        f"scored on the test part, {_seeds(curve.seeds)}; a constant prediction: {curve.metric} "
        f"{number(curve.baseline)}",
        f"enough: the epoch at which the mean {curve.where} is first within {_near(curve.metric)} "
        f"of its best{level}",
        *_expectations(curve),
        failures(curve.rows),
    ]
    return _joined(blocks)


def _joined(blocks: list[str]) -> str:
    """Blocks of lines in one text; of the empty ones only that below the table stays."""
    return "\n".join(block for place, block in enumerate(blocks) if block or place == 1)


def _near(metric: str) -> str:
    return f"{100 * NEAR:g} %" if metric == "rmse" else f"{NEAR:g}"


def curve_answers(curve: LearningCurve) -> list[str]:
    """Sentences: the effect of more sequences, how many epochs are enough, the forecast."""
    done = [row for row in curve.summary if row["trials"]]
    first, last, metric = done[0], done[-1], curve.metric
    sentences = [
        f"Between {first['size']:,} and {last['size']:,} training sequences the {metric} goes from "
        f"{_score(first, metric)} to {_score(last, metric)} (a constant prediction: "
        f"{number(curve.baseline)})."
    ]
    if curve.until is not None:
        always = [row for row in done if row["reached"] == row["trials"]]
        epochs = ", ".join(
            f"{row['epochs_until']:.0f} epochs with {row['size']:,}" for row in _ends(always)
        )
        never = f"No size reaches {curve.until:g} in every training."
        takes = f"{curve.until:g} takes {epochs} ({curve.where}, mean)."
        sentences.append(takes if epochs else never)
    sentences.append(
        f"Epochs after which the mean {curve.where} is within {_near(metric)} of its best: "
        + ", ".join(f"{row['epochs_enough']} with {row['size']:,}" for row in _ends(done))
        + f", of {last['epochs']:.0f}."
    )
    twice = curve.forecast()
    if twice is not None:
        tested = _comparable(curve)
        trust = f"; backtest: {_verdict(tested)}" if tested else ""
        doubt = "" if curve.law_holds else ", but the law does not hold here"
        sentences.append(
            f"Twice as many, {twice.size:,}: {number(_as_score(twice.error, metric))} is to "
            f"be expected, {_interval(twice, curve)}{doubt}{trust}."
        )
    return sentences


def _ends(rows: list[Row]) -> list[Row]:
    """The first, the middle and the last."""
    return [rows[i] for i in sorted({0, len(rows) // 2, len(rows) - 1})] if rows else []


def _score(row: Row, metric: str) -> str:
    low, high = (number(row[f"{metric}_{end}"]) for end in ("low", "high"))
    return f"{number(row[metric])} ({low} to {high})"


def _seeds(seeds: tuple[int, ...]) -> str:
    return "one seed" if len(seeds) == 1 else f"mean and 10 % to 90 % of {len(seeds)} seeds"


def _expectations(curve: LearningCurve) -> list[str]:
    law, twice = curve.law, curve.forecast()
    if law is None:
        return ["a forecast for more data needs three sizes or more"]
    lines = [f"power law: {law}; largest residual {curve.misfit:.4f}"]
    if not curve.law_holds:
        lines.append("The law does not hold here: do not rely on what follows.")
    if twice is None:
        return [*lines, "a forecast for more data needs two seeds or more"]
    score = number(_as_score(twice.error, curve.metric))
    lines.append(
        f"with {twice.size:,} sequences: {curve.metric} {score} expected, {_interval(twice, curve)}"
    )
    tested = _comparable(curve)
    lines += [_compared(one, curve) for one in tested]
    if not tested:
        return [*lines, "a backtest needs four sizes or more"]
    return [*lines, f"backtest, forecasts of measured sizes: {_verdict(tested)}"]


def _comparable(curve: LearningCurve) -> list[Forecast]:
    """The forecasts of measured sizes that look no further ahead than to twice the data."""
    near = [one for one in curve.backtest if one.size <= 2 * one.fitted_to]
    return near or curve.backtest


def _verdict(tested: list[Forecast]) -> str:
    right = sum(bool(one.is_right) for one in tested)
    better = sum(one.truth is not None and one.truth < one.low for one in tested)
    missed = f"{right} of {len(tested)} right"
    if right == len(tested):
        return missed
    return f"{missed}, {better} came out better than forecast, {len(tested) - right - better} worse"


def _compared(one: Forecast, curve: LearningCurve) -> str:
    assert one.truth is not None
    expected, truth = (number(_as_score(e, curve.metric)) for e in (one.error, one.truth))
    verdict = "right" if one.is_right else "wrong"
    return (
        f"  from up to {one.fitted_to:,}, for {one.size:,}: {expected}, {_interval(one, curve)}; "
        f"measured {truth}: {verdict}"
    )


def _interval(one: Forecast, curve: LearningCurve) -> str:
    ends = sorted(_as_score(error, curve.metric) for error in (one.low, one.high))
    return f"{number(ends[0])} to {number(ends[1])}"


def _as_score(error: float, metric: str) -> float:
    """The score of an error: 1 - error as accuracy, an RMSE as it is."""
    return error if metric == "rmse" else 1 - error


def grid_report(grid: Grid) -> str:
    """The table over the combinations, and the best of them."""
    names = list(grid.space)
    lines = [
        [*(str(row[name]) for name in names), *cells(row, grid.metric, grid.until)]
        for row in grid.summary
    ]
    best = ", ".join(f"{name} {grid.best[name]}" for name in names)
    blocks = [
        text_table([*names, *headings(grid.metric, grid.until)], lines),
        "",
        *(grid.answers() if len(grid.varied) > 1 else []),
        f"scored on the validation set, {_seeds(grid.seeds)}; a constant prediction: {grid.metric} "
        f"{number(grid.baseline)}",
        f"best: {best} ({grid.metric} {number(grid.best[grid.metric])})",
        f"These scores selected {_chosen(grid)}, so they are optimistic. The test part was not "
        "used.",
        failures(grid.rows),
    ]
    return _joined(blocks)


def _chosen(grid: Grid) -> str:
    done = [row for row in grid.rows if "error" not in row]
    is_last = all(row["kept"] == row["epochs"] for row in done)
    return "the best" if is_last else "the epochs and the best"


def grid_answers(grid: Grid) -> list[str]:
    """A line for each argument that varies: the mean score of its values, over all others."""
    said = []
    for name, rows in grid.effects.items():
        found = [f"{row[name]}: {number(row[grid.metric])}" for row in rows]
        if grid.until is not None:
            found = [f"{text}, {reached(row)}" for text, row in zip(found, rows, strict=True)]
        said.append(f"{name}  " + "; ".join(found))
    heading = f"mean {grid.metric} over all else"
    if grid.until is not None:
        heading += f", and epochs until {grid.until:g} (trainings that reached it)"
    return [f"{heading}:", *(f"  {line}" for line in said)]


# -- cells of the tables --------------------------------------------------------------------------


def text_table(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Align columns: the first to the left, the others to the right.

    >>> print(text_table(["size", "accuracy"], [["20", "0.5"], ["100", "0.75"]]))
    size  accuracy
    20         0.5
    100       0.75
    """
    table = [list(headings), *map(list, lines)]
    widths = [max(len(line[i]) for line in table) for i in range(len(headings))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in table
    )


def number(value: float | None) -> str:
    """Four digits behind the point, or as many digits in all for what is large.

    >>> number(0.97123), number(14.5312), number(None)
    ('0.9712', '14.53', '-')
    """
    if value is None or math.isnan(value):
        return "-"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.4g}"


def cells(summary: Row, metric: str, until: float | None) -> list[str]:
    """The cells of one setting in the printed tables."""
    band = f"{number(summary[f'{metric}_low'])} to {number(summary[f'{metric}_high'])}"
    texts = [number(summary[metric]), band, number(summary["loss"])]
    texts += [_whole(summary["epochs"]), _whole(summary["epochs_enough"])]
    return texts if until is None else [*texts, reached(summary)]


def reached(summary: Row) -> str:
    """The mean epoch of the trials that reached the level, and how many reached it."""
    return f"{_whole(summary['epochs_until'])} ({summary['reached']} of {summary['trials']})"


def _whole(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def headings(metric: str, until: float | None) -> list[str]:
    """The headings of `cells`."""
    names = [metric, "of the seeds", "loss", "epochs", "enough"]
    return names if until is None else [*names, f"epochs until {until:g}"]


def failures(rows: Sequence[Row]) -> str:
    """A line on the trials that failed; empty if none did."""
    failed = [row for row in rows if "error" in row]
    if not failed:
        return ""
    return f"{len(failed)} of {len(rows)} trials failed. The first one: {failed[0]['error']}"
