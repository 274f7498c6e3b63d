"""The daily sunspot numbers of SILSO, from 1818 to last month, one day a line.

`1818;01;01;1818.001;  -1; -1.0;   0;1`: year, month, day, year as a fraction, sunspot number,
standard error, number of observations, and, not in every version of the file, whether the value is
definitive. -1 is a missing value.

Source: WDC-SILSO, Royal Observatory of Belgium, Brussels, doi 10.24414/qnza-ac80.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError, FileError
from segue.readers.blocks import Blocks
from segue.readers.decoding import find_encoding, open_text
from segue.sequences import Array, Sequences

_COLUMNS = "year;month;day;year as a fraction;number;error;observations"


def blocks(path: Path, *, error: bool = False, observations: bool = False) -> Blocks:
    """Read the file as one long sequence, a day a step.

    Args:
        path: the file.
        error: add the standard error as a channel.
        observations: add the number of observations as a channel (0 where the day is missing).

    Yields:
        One sequence `[day, channel]` without a target. Missing numbers are NaN. `ids` holds the
        first day, such as `1818-01-01`; no day is left out, so step `i` is that day plus `i`.

    Raises:
        FileError: a line that does not fit, or days that do not follow each other.
    """
    rows = _rows(path)
    days = _days(rows, path)
    values = rows[:, 4:7]
    values[values == -1] = np.nan
    chosen = [0, *([1] if error else []), *([2] if observations else [])]
    names = ("sunspot number", "error", "observations")
    data = Dataset(
        Sequences(values[:, chosen], [0, len(values)]),
        channels=tuple(names[column] for column in chosen),
        rate_hz=1 / 86_400,
        ids=np.array([str(days[0])]),
    )
    yield data, 1.0


def _rows(path: Path) -> Array:
    """`[day, 7]` float64."""
    rows = []
    with open_text(path, find_encoding(path).name) as file:
        for number, line in enumerate(file, start=1):
            fields = line.split(";")[:7]
            try:
                rows.append([*map(float, fields)])
                if len(fields) < 7 or not _is_a_day(rows[-1]):
                    raise DataError
            except ValueError:
                raise FileError(
                    f"is {line.strip()[:60]!r}; expected {_COLUMNS}.", path=path, line=number
                ) from None
    if not rows:
        raise FileError(f"is empty; expected lines of {_COLUMNS}.", path=path)
    return np.array(rows)


def _is_a_day(row: list[float]) -> bool:
    """Whether the numbers are finite, and the first three can be a date.

    A day that its month does not have is found by the order.
    """
    year, month, day = row[:3]
    whole = all(math.isfinite(number) for number in row) and year % 1 == month % 1 == day % 1 == 0
    return whole and 1 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= 99


def _days(rows: Array, path: Path) -> Array:
    """`[day]` datetime64, each the day after the one before."""
    year, month, day = rows[:, :3].astype(np.int64).T
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days: Array = months.astype("datetime64[D]") + (day - 1)
    jumps = np.flatnonzero(np.diff(days) != np.timedelta64(1, "D"))
    if len(jumps):
        before, after = days[jumps[0]], days[jumps[0] + 1]
        raise FileError(
            f"is {after}, but the line before is {before}; expected the next day.",
            path=path,
            line=int(jumps[0]) + 2,
        )
    return days
