"""The daily sunspot numbers of SILSO, from 1818 to last month, one day a line.

`1818;01;01;1818.001;  -1; -1.0;   0;1`: year, month, day, year as a fraction, sunspot number,
standard error, number of observations, and, not in every version of the file, whether the value is
definitive. -1 is a missing value.

Source: WDC-SILSO, Royal Observatory of Belgium, Brussels, doi 10.24414/qnza-ac80.
"""

from __future__ import annotations

import math
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from segue.data.dataset import Dataset
from segue.data.sequences import Array, Sequences
from segue.errors import DataError, FileError
from segue.readers.blocks import Blocks
from segue.readers.decoding import find_encoding, open_text

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
    days, rows = _read(path)
    values = np.where(rows == -1, np.nan, rows)
    channels = {"sunspot number": True, "error": error, "observations": observations}
    data = Dataset(
        Sequences(values[:, list(channels.values())], [0, len(values)]),
        channels=tuple(name for name, is_chosen in channels.items() if is_chosen),
        rate_hz=1 / 86_400,
        ids=np.array([str(days[0])]),
    )
    yield data, 1.0


def _read(path: Path) -> tuple[list[date], Array]:
    """The days, each the one after that before, and `[day, 3]` of each."""
    days, rows = list[date](), []
    with open_text(path, find_encoding(path).name) as file:
        for number, line in enumerate(file, start=1):
            try:
                fields = line.split(";")[:7]
                year, month, day = map(int, fields[:3])
                found = date(year, month, day)
                numbers = [float(field) for field in fields[3:]]
                if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
                    raise ValueError
            except (ValueError, OverflowError):
                message = f"is {line.strip()[:60]!r}; expected {_COLUMNS}."
                raise FileError(message, path=path, line=number) from None
            if days and found - days[-1] != timedelta(days=1):
                message = f"is {found}, but the line before is {days[-1]}; expected the next day."
                raise FileError(message, path=path, line=number)
            days.append(found)
            rows.append(numbers[1:])
    if not rows:
        raise DataError(f"is empty; expected lines of {_COLUMNS}.")
    return days, np.array(rows)
