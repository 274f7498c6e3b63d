"""The daily sunspot numbers of SILSO, from 1818 to last month, one day a line.

`1818;01;01;1818.001;  -1; -1.0;   0;1`: year, month, day, year as a fraction, sunspot number,
standard error, number of observations, and, not in every version of the file, whether the value is
definitive. -1 is a missing value.

Source: WDC-SILSO, Royal Observatory of Belgium, Brussels, doi 10.24414/qnza-ac80.
"""

from __future__ import annotations

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
    with open_text(path, find_encoding(path).name) as file:
        lines = file.readlines()
    if not lines:
        raise DataError(f"is empty; expected lines of {_COLUMNS}.")
    rows = np.array([_numbers(line) for line in lines])
    days = _days(rows, lines, path)
    values = np.where(rows[:, 4:7] == -1, np.nan, rows[:, 4:7])
    channels = {"sunspot number": True, "error": error, "observations": observations}
    data = Dataset(
        Sequences(values[:, list(channels.values())], [0, len(values)]),
        channels=tuple(name for name, is_chosen in channels.items() if is_chosen),
        rate_hz=1 / 86_400,
        ids=np.array([str(days[0])]),
    )
    yield data, 1.0


def _numbers(line: str) -> list[float]:
    """The first seven numbers of a line; NaN where it is no line of this format."""
    try:
        numbers = [*map(float, line.split(";")[:7])]
    except ValueError:
        numbers = []
    return numbers if len(numbers) == 7 else [np.nan] * 7


def _days(rows: Array, lines: list[str], path: Path) -> Array:
    """`[day]` datetime64, each the day after the one before.

    A day that its month does not have is found by the order.
    """
    dates = rows[:, :3]
    fits = np.isfinite(rows).all(axis=1)
    fits &= ((dates % 1 == 0) & (dates >= 1) & (dates <= [9999, 12, 99])).all(axis=1)
    if not fits.all():
        at = int(fits.argmin())
        came = lines[at].strip()[:60]
        raise FileError(f"is {came!r}; expected {_COLUMNS}.", path=path, line=at + 1)
    year, month, day = dates.astype(np.int64).T
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
