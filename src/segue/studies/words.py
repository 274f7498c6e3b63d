"""What studies say of themselves in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from segue.studies import tables
from segue.studies.powerlaw import Forecast

if TYPE_CHECKING:
    from segue.studies.curve import LearningCurve
    from segue.studies.grids import Grid

_MISFIT = 0.25  # of the range of the mean errors: what misses more is no fit


def curve_report(curve: LearningCurve) -> str:
    """The table over the sizes, what more data would bring, and how far that can be trusted."""
    lines = [
        [f"{row['size']:,}", *tables.cells(row, curve.metric, curve.until)] for row in curve.summary
    ]
    heads = ["sequences", *tables.headings(curve.metric, curve.until)]
    found = [
        tables.text_table(heads, lines),
        "",
        f"scored on the test part, {_seeds(curve.seeds)}; without a look at the sequence: "
        f"{curve.metric} {tables.number(curve.baseline)}",
        *_expectations(curve),
        tables.failures(curve.rows),
    ]
    return "\n".join(line for number, line in enumerate(found) if line or number == 1)


def _seeds(seeds: tuple[int, ...]) -> str:
    return "one seed" if len(seeds) == 1 else f"mean and 10 % to 90 % of {len(seeds)} seeds"


def _expectations(curve: LearningCurve) -> list[str]:
    law, twice = curve.law, curve.forecast()
    if law is None:
        return ["what more data would bring needs three sizes or more"]
    said = [f"power law: {law}; it misses what was measured by up to {curve.misfit:.4f}"]
    means = curve.errors.mean(axis=1)
    if (curve.misfit or 0.0) > _MISFIT * float(np.ptp(means)):
        said.append("The law does not hold here: do not rely on what follows.")
    if twice is None:
        return [*said, "what more data would bring needs two seeds or more"]
    score = tables.number(as_score(twice.error, curve.metric))
    said.append(
        f"with {twice.size:,} sequences: {curve.metric} {score} expected, {_interval(twice, curve)}"
    )
    said += [_was(one, curve) for one in curve.held_back]
    right = sum(bool(one.is_right) for one in curve.held_back)
    if curve.held_back:
        total = len(curve.held_back)
        said.append(f"such forecasts of sizes that were measured: {right} of {total} right")
    else:
        said.append("such forecasts are tested from four sizes on")
    return said


def _was(one: Forecast, curve: LearningCurve) -> str:
    assert one.truth is not None
    said, truth = (tables.number(as_score(e, curve.metric)) for e in (one.error, one.truth))
    verdict = "right" if one.is_right else "wrong"
    return (
        f"  from up to {one.fitted_to:,}, for {one.size:,}: {said}, {_interval(one, curve)}; "
        f"it was {truth}: {verdict}"
    )


def _interval(one: Forecast, curve: LearningCurve) -> str:
    ends = sorted(as_score(error, curve.metric) for error in (one.low, one.high))
    return f"{tables.number(ends[0])} to {tables.number(ends[1])}"


def as_score(error: float, metric: str) -> float:
    """An error as what people follow: an accuracy, or itself."""
    return error if metric == "rmse" else 1 - error


def grid_report(grid: Grid) -> str:
    """The table over the combinations, and the best of them."""
    names = list(grid.space)
    lines = [
        [*(str(row[name]) for name in names), *tables.cells(row, grid.metric, grid.until)]
        for row in grid.summary
    ]
    best = ", ".join(f"{name} {grid.best[name]}" for name in names)
    found = [
        tables.text_table([*names, *tables.headings(grid.metric, grid.until)], lines),
        "",
        f"scored on what was set aside for validation, {_seeds(grid.seeds)}; without a look at "
        f"the sequence: {grid.metric} {tables.number(grid.baseline)}",
        f"best: {best} ({grid.metric} {tables.number(grid.best[grid.metric])})",
        "These scores have chosen the epochs and the best, so they flatter it. The test part was "
        "left alone.",
        tables.failures(grid.rows),
    ]
    return "\n".join(line for number, line in enumerate(found) if line or number == 1)
