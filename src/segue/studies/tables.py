"""Statistics over the trials of a study, and the files that hold them."""

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
NEAR = 0.01  # to the best: an accuracy this much lower, or an error this share larger


def as_seeds(seeds: Any) -> tuple[int, ...]:
    """Seeds from their number, or the seeds themselves.

    Raises:
        OptionError: no seed, one twice, or something else than whole numbers.

    >>> as_seeds(3), as_seeds([7, 8])
    ((0, 1, 2), (7, 8))
    """
    is_count = isinstance(seeds, int | np.integer) and not isinstance(seeds, bool)
    listed = list(range(int(seeds))) if is_count else seeds
    good = isinstance(listed, list | tuple | range | np.ndarray) and all(
        isinstance(one, int | np.integer) and not isinstance(one, bool) for one in listed
    )
    if not good or len(listed) == 0 or len(set(listed)) < len(listed):
        raise OptionError(
            f"`seeds` is {seeds!r}; expected how many from 1 on, or different whole numbers."
        )
    return tuple(int(one) for one in listed)


def metric_of(rows: Iterable[Row]) -> str:
    """The score of the trials: "accuracy" or "rmse"."""
    return next(("rmse" if "rmse" in row else "accuracy") for row in rows if "error" not in row)


def column(rows: Iterable[Row], name: str) -> list[float]:
    """A number of each trial; NaN where it failed."""
    return [float(row.get(name, np.nan)) for row in rows]


def followed_column(rows: Iterable[Row], metric: str) -> str:
    """The score's column of the histories: of validation, if every trial has one."""
    name = f"validation_{metric}"
    done = [row for row in rows if "error" not in row]
    return name if all(name in row["history"][0] for row in done) else metric


def epochs_until(row: Row, name: str, until: float | None) -> float:
    """The first epoch at which a column of the history reaches `until`; NaN: never.

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


def epochs_enough(trainings: Sequence[Sequence[Row]], name: str) -> int | None:
    """The first epoch at which the mean of some trainings is nearly as good as its best.

    Nearly: an accuracy 0.01 lower than the best, an error 1 % larger. A training that ended before
    the others counts with its last epoch.

    >>> histories = [[{"accuracy": 0.5}, {"accuracy": 0.985}, {"accuracy": 0.99}]]
    >>> epochs_enough(histories, "accuracy")
    2
    """
    if not trainings:
        return None
    longest = max(map(len, trainings))
    means = np.mean([[r[min(e, len(r) - 1)][name] for e in range(longest)] for r in trainings], 0)
    if name.endswith("rmse"):
        return int(np.argmax(means <= means.min() * (1 + NEAR))) + 1
    return int(np.argmax(means >= means.max() - NEAR)) + 1


def summarize(rows: Sequence[Row], metric: str, follow: str, until: float | None) -> Row:
    """Mean and band over the seeds of one setting; None where every seed failed."""
    done = [row for row in rows if "error" not in row]
    summary: Row = {"trials": len(done), "failed": len(rows) - len(done)}
    for name in (metric, "loss"):
        summary |= _spread(name, [row[name] for row in done])
    summary["epochs"] = _mean([row["epochs"] for row in done])
    summary["kept"] = _mean([row["kept"] for row in done])
    summary["epochs_enough"] = epochs_enough([row["history"] for row in done], follow)
    summary["parameters"] = done[0]["parameters"] if done else None
    return summary if until is None else {**summary, **_summarize_until(done, follow, until)}


def _summarize_until(done: Sequence[Row], follow: str, until: float) -> Row:
    """Mean and band of the epochs at which a level was reached, over the trials that reached it."""
    epochs = [epochs_until(row, follow, until) for row in done]
    reached = [epoch for epoch in epochs if not math.isnan(epoch)]
    return {**_spread("epochs_until", reached), "reached": len(reached)}


def _spread(name: str, values: Sequence[float]) -> Row:
    """The mean under its name, and the two quantiles that a band shows."""
    low, high = np.quantile(values, BAND).tolist() if values else (None, None)
    return {name: _mean(values), f"{name}_low": low, f"{name}_high": high}


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def save(result: Any, folder: Path, pictures: dict[str, Callable[[], Axes]]) -> None:
    """Write a `LearningCurve` or a `Grid`: tables, pictures, `study.json`, each whole or not."""
    write_csv(
        folder / "trials.csv",
        trial_table(result.rows, result.metric, result.follow, result.until),
    )
    write_csv(folder / "summary.csv", result.summary)
    for name, draw in pictures.items():
        with replacing(folder / name) as temporary:
            draw().figure.savefig(temporary)  # type: ignore[union-attr]  # no SubFigure
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
    """A row for each trial, without what differs between two runs of it (seconds)."""
    table = []
    for row in rows:
        names = (metric, "loss", "epochs", "kept", "parameters")
        line = {**row["trial"], **{name: row.get(name) for name in names}}
        if until is not None:
            line["epochs_until"] = epochs_until(row, follow, until)
        table.append({**line, "error": row.get("error")})
    return table
