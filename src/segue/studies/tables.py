"""Tables of studies: as text, as CSV, and what is counted for them."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segue.atomic import replacing, write_text
from segue.errors import OptionError
from segue.studies.trials import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAND = (0.1, 0.9)  # quantiles of the seeds


def as_seeds(seeds: Any) -> tuple[int, ...]:
    """Take how many seeds, or the seeds themselves.

    Raises:
        OptionError: none, one twice, or something else than whole numbers.

    >>> as_seeds(3), as_seeds([7, 8])
    ((0, 1, 2), (7, 8))
    """
    is_count = isinstance(seeds, int | np.integer) and not isinstance(seeds, bool)
    found = list(range(int(seeds))) if is_count else seeds
    good = isinstance(found, list | tuple | range | np.ndarray) and all(
        isinstance(one, int | np.integer) and not isinstance(one, bool) for one in found
    )
    if not good or len(found) == 0 or len(set(found)) < len(found):
        raise OptionError(
            f"`seeds` is {seeds!r}; expected how many from 1 on, or different whole numbers."
        )
    return tuple(int(one) for one in found)


def metric_of(rows: Iterable[Row]) -> str:
    """What the trials are scored with: "accuracy" or "rmse"."""
    return next(("rmse" if "rmse" in row else "accuracy") for row in rows if "error" not in row)


def column(rows: Iterable[Row], name: str) -> list[float]:
    """A number of each trial; NaN where it failed."""
    return [float(row.get(name, np.nan)) for row in rows]


def watched(rows: Iterable[Row], metric: str) -> str:
    """The column of the histories that is followed: of validation, if every trial has that."""
    name = f"validation_{metric}"
    done = [row for row in rows if "error" not in row]
    return name if all(name in row["history"][0] for row in done) else metric


def epochs_until(row: Row, name: str, until: float | None) -> float:
    """The first epoch at which a column of the history is as good as `until`; NaN: never.

    >>> epochs_until({"history": [{"accuracy": 0.5}, {"accuracy": 0.9}]}, "accuracy", 0.8)
    2.0
    """
    if until is None or "error" in row:
        return float("nan")
    is_error = name.endswith("rmse")
    for number, epoch in enumerate(row["history"], 1):
        if (epoch[name] <= until) if is_error else (epoch[name] >= until):
            return float(number)
    return float("nan")


def summarize(rows: Sequence[Row], metric: str, follow: str, until: float | None) -> Row:
    """Mean and band over the seeds of one setting; None where every seed failed."""
    done = [row for row in rows if "error" not in row]
    found: Row = {"trials": len(done), "failed": len(rows) - len(done)}
    for name in (metric, "loss"):
        found |= spread(name, [row[name] for row in done])
    found["epochs"] = _mean([row["epochs"] for row in done])
    found["kept"] = _mean([row["kept"] for row in done])
    found["parameters"] = done[0]["parameters"] if done else None
    if until is not None:
        reached = [epochs_until(row, follow, until) for row in done]
        found["epochs_until"] = _mean([n for n in reached if not math.isnan(n)])
        found["reached"] = sum(not math.isnan(n) for n in reached)
    return found


def spread(name: str, values: Sequence[float]) -> Row:
    """The mean under its name, and the two quantiles that a band shows."""
    low, high = np.quantile(values, BAND).tolist() if values else (None, None)
    return {name: _mean(values), f"{name}_low": low, f"{name}_high": high}


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def save_picture(axes: Axes, path: Path) -> None:
    """Write the figure that the axes are part of."""
    axes.figure.savefig(path)  # type: ignore[union-attr]  # not a SubFigure: it was made here


def save(result: Any, folder: Path, pictures: dict[str, Callable[[], Axes]]) -> None:
    """Write a `LearningCurve` or a `Grid`: tables, pictures, `study.json`, each whole or not."""
    write_csv(
        folder / "trials.csv",
        trial_table(result.rows, result.metric, result.follow, result.until),
    )
    write_csv(folder / "summary.csv", result.summary)
    for name, draw in pictures.items():
        with replacing(folder / name) as temporary:
            save_picture(draw(), temporary)
    write_text(folder / "study.json", json.dumps(result.as_json(), indent=2) + "\n")


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as CSV, whole or not at all; an empty cell where there is nothing."""
    text = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({n: "" if _is_missing(v) else v for n, v in row.items()})
    write_text(path, text.getvalue())


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def trial_table(rows: Sequence[Row], metric: str, follow: str, until: float | None) -> list[Row]:
    """A row for each trial, without what differs from one run of it to the next."""
    table = []
    for row in rows:
        names = (metric, "loss", "epochs", "kept", "parameters")
        line = {**row["trial"], **{name: row.get(name) for name in names}}
        if until is not None:
            line["epochs_until"] = epochs_until(row, follow, until)
        table.append({**line, "error": row.get("error")})
    return table


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
    """What a line of the printed tables says of one setting."""
    band = f"{number(summary[f'{metric}_low'])} to {number(summary[f'{metric}_high'])}"
    found = [number(summary[metric]), band, number(summary["loss"])]
    found.append("-" if summary["epochs"] is None else f"{summary['epochs']:.0f}")
    if until is not None:
        reached = summary["epochs_until"]
        found.append("-" if reached is None else f"{reached:.0f} ({summary['reached']})")
    return found


def headings(metric: str, until: float | None) -> list[str]:
    """The headings of `cells`."""
    names = [metric, "of the seeds", "loss", "epochs"]
    return names if until is None else [*names, f"epochs until {until:g} (trials)"]


def failures(rows: Sequence[Row]) -> str:
    """A line on the trials that failed; nothing if none did."""
    failed = [row for row in rows if "error" in row]
    if not failed:
        return ""
    return f"{len(failed)} of {len(rows)} trials failed. The first one: {failed[0]['error']}"
