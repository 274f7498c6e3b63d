"""A column of time as numbers: seconds where they are dates or clocks, else what it counts in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from segue.errors import counted
from segue.readers.table.columns import Columns
from segue.readers.table.times import (
    DAY,
    SECOND,
    Dates,
    NotTimesError,
    SeveralOrdersError,
    Ticks,
    parse_times,
)
from segue.readers.table.words import calendar_part, plain, unit_of

_PER_SECOND = {"ms": 1e3, "msec": 1e3, "milliseconds": 1e3, "timems": 1e3, "us": 1e6, "ns": 1e9}
_PER_SECOND |= {"µs": 1e6, "microseconds": 1e6, "nanoseconds": 1e9, "min": 1 / 60, "h": 1 / 3600}
_PER_SECOND |= dict.fromkeys(("s", "sec", "secs", "seconds", "second"), 1.0)
_SECONDS = {"timestamp", "time", "t", "timesec", "seconds", "secs", "sec", "times", "elapsed"}
_SINCE_1970 = {1.0: "seconds", 1e3: "milliseconds", 1e6: "microseconds", 1e9: "nanoseconds"}
_EPOCH = (3.2e8, 4.1e9)  # seconds since 1970: from 1980 to 2099
_EXCEL = (25_569.0, 73_050.0)  # days since 1900: from 1970 to 2099
_EQUAL = 0.02  # of a step: by so much may the steps of equal sampling differ
_LATE, _EARLY = 22 * 3600.0, 2 * 3600.0  # a clock that falls from here to there passes midnight


@dataclass(frozen=True)
class TimeColumn:
    """What a column says of time.

    Attributes:
        name: of the column.
        values: `[rows]` float64, from the earliest on, NaN where there is none: seconds, or what
            the file counts in.
        kind: "number", "date" (days), "clock" (without a day), or "moment" (both).
        per_second: units of the values in a second; `None` if nobody knows.
        ticks: `[rows]` nanoseconds, of dates and clocks.
        note: what a user should know.
    """

    name: str
    values: npt.NDArray[np.float64]
    kind: Literal["number", "date", "clock", "moment"]
    per_second: float | None
    ticks: Ticks | None = None
    note: str = ""

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """`[rows]`, where there is no time."""
        return np.isnan(self.values)

    def at(self, clock: TimeColumn) -> TimeColumn:
        """The moments of days in this column and clock times in another one."""
        assert self.ticks is not None
        assert clock.ticks is not None
        name = f"{self.name} {clock.name}"
        return _of_ticks(name, self.ticks + clock.ticks, self.missing | clock.missing, "moment")


def time_of(columns: Columns, names: Sequence[str], dates: Dates | None = None) -> TimeColumn:
    """Understand a column as time, or several: dates and clock times; year, month, day, ...

    Raises:
        FileError: values that are no times, or dates whose order cannot be told.
    """
    calendar = [n for n in names if len(names) > 2 and calendar_part(n)]
    rest = [time_column(columns, name, dates) for name in names if name not in calendar]
    first, *clocks = [*([_of_calendar(columns, calendar)] if calendar else []), *rest]
    return first.at(clocks[0]) if clocks else first


def _of_calendar(columns: Columns, names: Sequence[str]) -> TimeColumn:
    """The moments of columns with year, month and day, and perhaps hour, minute and second."""
    parts = {calendar_part(name): columns.floats(name) for name in names}
    missing = np.isnan(np.stack([*parts.values()])).any(axis=0)
    seconds = np.where(missing, 0, parts.pop("second", np.zeros(columns.rows)))
    whole = {part: np.where(missing, 1, values).astype(np.int64) for part, values in parts.items()}
    months = (whole["year"] - 1970).astype("M8[Y]").astype("M8[M]") + whole["month"] - 1
    days = months.astype("M8[D]") + whole["day"] - 1
    wrong = (days.astype("M8[Y]").astype(np.int64) + 1970 != whole["year"]) | (
        days.astype("M8[M]") != months
    )
    if (wrong & ~missing).any():
        row = int(np.argmax(wrong & ~missing))
        shown = "-".join(str(whole[part][row]) for part in ("year", "month", "day"))
        raise columns.loaded.error(f"has no such day: {shown} ({', '.join(names)}).", row)
    ticks = days.astype(np.int64) * DAY + np.rint(seconds * SECOND).astype(np.int64)
    for part, unit in (("hour", 3600), ("minute", 60)):
        ticks += unit * SECOND * whole.get(part, np.zeros_like(ticks))
    return _of_ticks(" ".join(names), ticks, missing, "moment" if "hour" in parts else "date")


def time_column(columns: Columns, name: str, dates: Dates | None = None) -> TimeColumn:
    """Understand a column as time.

    Args:
        columns: of a table.
        name: of the column.
        dates: the order of day, month and year, where the column does not tell.

    Raises:
        FileError: values that are no times, or dates whose order cannot be told.
    """
    column = columns.table.column(name)
    if pa.types.is_temporal(column.type):
        return _of_arrow(name, column)
    if columns.kinds[name] == "number":
        return _of_numbers(columns, name, dates)
    return _of_text(columns, name, column, dates)


def _of_text(columns: Columns, name: str, column: Any, dates: Dates | None) -> TimeColumn:
    loaded = columns.loaded
    try:
        found = parse_times(column, dates)
    except SeveralOrdersError as error:
        text = column[error.row].as_py()
        *some, last = (f"dates={order!r}" for order in error.orders)
        raise loaded.error(
            f"column {name!r} has dates such as {text!r}, whose day and month cannot be told "
            f"apart: say {', '.join(some)} or {last} (on the command line --read "
            f"{last.replace(chr(39), '')}), or write them as 2024-12-31."
        ) from None
    except NotTimesError as error:
        raise loaded.error(
            f"column {name!r} has {str(column[error.row].as_py())[:40]!r} as a time; expected "
            "numbers, or dates and times of one form, such as 2024-12-31T23:59:59 or 9:15 PM. If "
            "it is no time, say so: time='none' (--column-time none), or name another column.",
            error.row,
        ) from None
    return _of_ticks(name, found.ticks, found.missing, found.kind)


def _of_ticks(name: str, ticks: Ticks, missing: Any, kind: Any) -> TimeColumn:
    first = ticks[~missing].min(initial=np.iinfo(np.int64).max)
    values = np.where(missing, np.nan, (ticks - first) / SECOND)
    return TimeColumn(name, values, kind, 1.0, ticks)


def _of_arrow(name: str, column: Any) -> TimeColumn:
    """Dates, moments, clock times and spans of a typed column."""
    kind: Any = "moment" if pa.types.is_timestamp(column.type) else "clock"
    if pa.types.is_date(column.type):
        kind, column = "date", column.cast(pa.timestamp("s"))
    per_tick = {"s": SECOND, "ms": 10**6, "us": 10**3, "ns": 1}[column.type.unit]
    width = pa.int32() if pa.types.is_time32(column.type) else pa.int64()
    missing = column.is_null().to_numpy()
    numbers = column.cast(width).cast(pa.int64()).fill_null(0).to_numpy()
    return _of_ticks(name, numbers * per_tick, missing, kind)


def _of_numbers(columns: Columns, name: str, dates: Dates | None) -> TimeColumn:
    """Numbers, whose first is taken off before they become float64."""
    column = columns.table.column(name)
    if pa.types.is_decimal(column.type):
        first = min(value for value in column.to_pylist() if value is not None)
        numbers = np.array([np.nan if v is None else float(v - first) for v in column.to_pylist()])
        return _in_units(columns, name, numbers, float(first))
    if not pa.types.is_integer(column.type):
        numbers = columns.floats(name)
        first = float(np.nanmin(numbers))
        return _in_units(columns, name, numbers - first, first)
    whole = column.drop_null().to_numpy()
    if _are_compact_dates(whole, name):
        return _of_text(columns, name, column.cast(pa.string()), dates)
    first = whole.min()
    numbers = np.full(columns.rows, np.nan)
    numbers[~column.is_null().to_numpy()] = (whole - first).astype(np.float64)
    return _in_units(columns, name, numbers, float(first))


def _are_compact_dates(whole: Any, name: str) -> bool:
    """20240321, in a column that is not called by a unit."""
    if whole.min() < 19_000_101 or whole.max() > 20_991_231:
        return False
    month, day = whole // 100 % 100, whole % 100
    return bool(((month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all()) and not unit_of(
        name
    )


def _in_units(columns: Columns, name: str, numbers: Any, first: float) -> TimeColumn:
    """Numbers as time, in the unit that the name, or their size, tells."""
    found = TimeColumn(name, numbers, "number", None)
    unit = unit_of(name) or columns.loaded.unit(name)
    per_second = _named_unit(name, unit)
    if per_second is not None:
        return replace(found, per_second=per_second)
    for per, word in _SINCE_1970.items():
        if _EPOCH[0] * per <= first and first + np.nanmax(numbers) <= _EPOCH[1] * per:
            return replace(found, per_second=per, note=f"{name!r} counts {word} since 1970")
    gap = _usual_gap(numbers)
    in_range = _EXCEL[0] <= first and first + np.nanmax(numbers) <= _EXCEL[1]
    if in_range and gap and ("dat" in plain(name) or gap < 5e-4):
        return replace(found, per_second=SECOND / DAY, note=f"{name!r} counts days, as Excel does")
    is_seconds = plain(name) in _SECONDS and gap != 1
    return replace(found, per_second=1.0 if is_seconds else None)


def _usual_gap(numbers: Any) -> float:
    gaps = np.diff(np.unique(numbers[~np.isnan(numbers)]))
    return float(np.median(gaps)) if len(gaps) else 0.0


def _named_unit(name: str, unit: str) -> float | None:
    """Units in a second, as the name says: time_ms, `t [ms]`."""
    inside, word = re.sub(r"[^a-zµ]", "", unit.lower()), plain(name)
    words = (inside, word if word in _PER_SECOND and len(word) > 1 else "", *word.split("time")[1:])
    return next((_PER_SECOND[found] for found in words if found in _PER_SECOND), None)


# -- the course of time ---------------------------------------------------------------------------


def days_passed(
    times: TimeColumn, rows: Any, same: Any, *, each_fall: bool
) -> tuple[TimeColumn, int]:
    """Clock times that go on on the next day, and how often they do.

    A clock that falls from the last two hours of a day to the first two has passed midnight.

    Args:
        times: of a table.
        rows: `[rows]`, in the order of sequences and of the file.
        same: `[rows - 1]`, whether each of these is of the same sequence as the one before.
        each_fall: every fall is a new day.
    """
    assert times.ticks is not None
    ticks = times.ticks[rows]
    before, after = ticks[:-1] / SECOND, ticks[1:] / SECOND
    midnight = (before >= _LATE) & (before < 24 * 3600) & (after < _EARLY)
    falls = same & ((after < before) if each_fall else midnight)
    if not falls.any():
        return times, 0
    days = np.concatenate([[0], np.cumsum(falls)])
    days = days - np.maximum.accumulate(np.where(np.concatenate([[True], ~same]), days, 0))
    made = np.empty_like(times.ticks)
    made[rows] = ticks + days * DAY
    return _of_ticks(times.name, made, times.missing, "clock"), int(falls.sum())


@dataclass(frozen=True)
class Sampling:
    """What the times within the sequences say.

    Attributes:
        rate_hz: where the steps are equally far apart and the unit is known.
        notes: what a user should know.
    """

    rate_hz: float | None
    notes: tuple[str, ...] = ()


def sampling(
    times: Any, lengths: Any, name: str, per_second: float | None, *, dates: bool
) -> Sampling:
    """Look at the distances between the steps.

    Args:
        times: `[steps]`, sorted within each sequence.
        lengths: `[n]`.
        name: of the column.
        per_second: units of the times in a second; `None` if nobody knows.
        dates: whether the times are shown in seconds.
    """
    ends = np.cumsum(lengths)[:-1]
    gaps = np.delete(np.diff(times), ends - 1) if len(times) > 1 else np.zeros(0)
    if len(gaps) == 0:
        return Sampling(None)
    same = int((gaps == 0).sum())
    notes = []
    if same:
        notes.append(
            f"{counted(same, 'step')} {'has' if same == 1 else 'have'} the same time {name!r} as "
            f"the step before: {'it is' if same == 1 else 'they are'} kept, in the file's order"
        )
    usual = float(np.median(gaps[gaps > 0])) if same < len(gaps) else 0.0
    uneven = int((np.abs(gaps - usual) > _EQUAL * usual).sum()) - same
    unit = " s" if dates else ""
    if uneven > 0:
        notes.append(
            f"{uneven:,} of {counted(len(gaps), 'step')} {'is' if uneven == 1 else 'are'} not as "
            "far from the one before as usual "
            f"({name!r}: {gaps.min():g} to {gaps.max():g}{unit}, median {usual:g}{unit}): "
            "sampling is unequal, and the steps are taken as they are"
        )
    if same or uneven or usual == 0:
        return Sampling(None, tuple(notes))
    # The mean of many gaps has lost the rounding that each of them has.
    return Sampling(None if per_second is None else _round(per_second / float(gaps.mean())))


def _round(rate: float) -> float:
    """100.00000002 is 100."""
    short = round(rate, 3)
    return short if abs(short - rate) <= 1e-6 * rate else rate
