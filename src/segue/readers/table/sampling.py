"""Time columns as numbers: seconds for dates and clock times, else in their own unit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from segue.errors import counted
from segue.readers.table import times as texts
from segue.readers.table.columns import Columns
from segue.readers.table.times import DAY, SECOND, Ticks, TimeKind
from segue.readers.table.words import UNITS, Dates, calendar_parts, plain, say, unit_of

_IN_A_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9, "min": 1 / 60, "h": 1 / 3600}
_PER_SECOND = {word: per for unit, per in _IN_A_SECOND.items() for word in UNITS[unit].split()}
_SECONDS = UNITS["seconds"].split()
_SINCE_1970 = {1.0: "seconds", 1e3: "milliseconds", 1e6: "microseconds", 1e9: "nanoseconds"}
_EPOCH = (3.2e8, 4.1e9)  # seconds since 1970: from 1980 to 2099
_EXCEL = (25_569.0, 73_050.0)  # days since 1900: from 1970 to 2099
_JULIAN = (2_415_020.0, 2_488_070.0)  # days since 4713 BC: from 1900 to 2099
_EQUAL = 0.02  # of a step: by so much may the steps of equal sampling differ
_LATE, _EARLY = 22 * 3600.0, 2 * 3600.0  # a clock that falls from here to there passes midnight


@dataclass(frozen=True)
class TimeColumn:
    """A time column as numbers.

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
    kind: Literal["number"] | TimeKind
    per_second: float | None
    ticks: Ticks = field(default_factory=lambda: np.zeros(0, np.int64))
    note: str = ""

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """`[rows]`, where there is no time."""
        return np.isnan(self.values)


def time_of(columns: Columns, names: Sequence[str], dates: Dates | None = None) -> TimeColumn:
    """Understand a column as time, or several: dates and clock times; year, month, day, ...

    Args:
        columns: of a table.
        names: of the columns.
        dates: the order of day, month and year, where the column does not tell.

    Raises:
        FileError: values that are no times, or dates whose order cannot be told.
    """
    parts = calendar_parts(names)
    calendar = list(parts.values()) if "year" in parts else []
    times = [_time_from_calendar(columns, calendar)] if calendar else []
    times += [time_column(columns, name, dates) for name in names if name not in calendar]
    if len(times) == 1:
        return times[0]
    for time in times:
        if time.kind == "number":
            raise columns.loaded.error(
                f"column {time.name!r} holds numbers; several columns make a time where they hold "
                "dates and clock times, or year, month and day."
            )
    missing = np.logical_or.reduce([time.missing for time in times])
    ticks = np.sum([time.ticks for time in times], axis=0)
    return _time_from_ticks(" ".join(time.name for time in times), ticks, missing, "moment")


def _time_from_calendar(columns: Columns, names: Sequence[str]) -> TimeColumn:
    """The moments of columns with year, month and day, and perhaps hour, minute and second."""
    parts = {part: columns.floats(name) for part, name in calendar_parts(names).items()}
    missing = np.isnan(np.stack([*parts.values()])).any(axis=0)
    parts = {part: np.where(missing, 1, values) for part, values in parts.items()}
    first = np.ones(columns.rows)  # of a month, or of a year
    date = [parts.get(part, first).astype(np.int64) for part in ("year", "month", "day")]
    days, exists = texts.days_of(*date)
    if "dayofyear" in parts:
        days += parts["dayofyear"].astype(np.int64) - 1
    if not (exists | missing).all():
        row = int(np.argmin(exists | missing))
        shown = "-".join(str(numbers[row]) for numbers in date)
        raise columns.loaded.error(f"has no such day: {shown} ({', '.join(names)}).", row)
    seconds = sum(
        per * parts[part]
        for part, per in (("hour", 3600), ("minute", 60), ("second", 1))
        if part in parts
    )
    ticks = days * DAY + np.rint(seconds * SECOND).astype(np.int64)
    return _time_from_ticks(
        " ".join(names), ticks, missing, "moment" if "hour" in parts else "date"
    )


def time_column(columns: Columns, name: str, dates: Dates | None = None) -> TimeColumn:
    """Understand a column as time; as `time_of`."""
    column = columns.table.column(name)
    if pa.types.is_temporal(column.type):
        return _time_from_arrow(name, column)
    if columns.kinds[name] == "number":
        return _time_from_numbers(columns, name, dates)
    return _time_from_text(columns, name, column, dates)


def _time_from_text(columns: Columns, name: str, column: Any, dates: Dates | None) -> TimeColumn:
    try:
        return _time_from_ticks(name, *texts.parse_times(column, dates))
    except texts.NotTimesError as error:
        row, readings = error.row, error.readings
    text = repr(str(column[row].as_py())[:40])
    if readings:
        days = " or ".join(f"{day} (dates={order!r})" for order, day in readings.items())
        raise columns.loaded.error(
            f"column {name!r} has dates whose day and month cannot be told apart: {text} is {days}."
            f" {say(*(f'dates={order!r}' for order in readings))}"
        )
    raise columns.loaded.error(
        f"column {name!r} has {text} as a time; expected numbers, or dates and times of one form, "
        "such as 2024-12-31T23:59:59 or 9:15 PM. If it is something else, name another column, or "
        "none. " + say("time='none'"),
        row,
    )


def _time_from_ticks(name: str, ticks: Ticks, missing: Any, kind: TimeKind) -> TimeColumn:
    first = ticks[~missing].min(initial=np.iinfo(np.int64).max)
    values = np.where(missing, np.nan, (ticks - first) / SECOND)
    return TimeColumn(name, values, kind, 1.0, ticks)


def _time_from_arrow(name: str, column: Any) -> TimeColumn:
    """Dates, moments, clock times and spans of a typed column."""
    kind: TimeKind = "moment" if pa.types.is_timestamp(column.type) else "clock"
    if pa.types.is_date(column.type):
        kind, column = "date", column.cast(pa.timestamp("s"))
    per_tick = {"s": SECOND, "ms": 10**6, "us": 10**3, "ns": 1}[column.type.unit]
    width = pa.int32() if pa.types.is_time32(column.type) else pa.int64()
    numbers = column.cast(width).fill_null(0).to_numpy().astype(np.int64)
    return _time_from_ticks(name, numbers * per_tick, column.is_null().to_numpy(), kind)


def _time_from_numbers(columns: Columns, name: str, dates: Dates | None) -> TimeColumn:
    """Numbers, whose first is taken off before they become float64."""
    column = columns.table.column(name)
    if pa.types.is_integer(column.type):
        if not unit_of(name) and _are_compact_dates(column.drop_null().to_numpy()):
            return _time_from_text(columns, name, column.cast(pa.string()), dates)
    elif pa.types.is_decimal(column.type):
        column = column.cast(pa.decimal256(60, column.type.scale))  # has room for differences
    else:
        floats = columns.floats(name)
        return _counted(columns, name, floats - np.nanmin(floats), np.nanmin(floats))
    first = pc.min(column)
    numbers = pc.subtract(column, first).cast(pa.float64(), safe=False).to_numpy()
    return _counted(columns, name, numbers, first.as_py())


def _counted(columns: Columns, name: str, numbers: Any, first: Any) -> TimeColumn:
    per_second, note = _unit(columns, name, numbers, float(first))
    return TimeColumn(name, numbers, "number", per_second, note=note)


def _are_compact_dates(whole: Any) -> bool:
    """20240321."""
    month, day = whole // 100 % 100, whole % 100
    in_range = (whole >= 19_000_101) & (whole <= 20_991_231)
    return bool((in_range & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all())


def _unit(columns: Columns, name: str, numbers: Any, first: float) -> tuple[float | None, str]:
    """Units in a second, inferred from the name or the size of the numbers; and a note."""
    dialect = columns.loaded.dialect
    below = dict(zip(dialect.names, dialect.units, strict=False)).get(name, "")
    unit = re.sub(r"[^a-zµ]", "", (unit_of(name) or below).lower())
    word, last = plain(name), first + np.nanmax(numbers)
    words = (unit, word if len(word) > 1 else "", *word.split("time")[1:])  # t [ms], ms, time_ms
    named = next((_PER_SECOND[found] for found in words if found in _PER_SECOND), None)
    if named is not None:
        return named, ""
    for per, counts in _SINCE_1970.items():
        if _EPOCH[0] * per <= first and last <= _EPOCH[1] * per:
            return per, f"{name!r} counts {counts} since 1970"
    if _JULIAN[0] <= first and last <= _JULIAN[1]:
        return SECOND / DAY, f"{name!r} counts days, as Julian dates do"
    in_range = _EXCEL[0] <= first and last <= _EXCEL[1]
    if not in_range and word not in _SECONDS:
        return None, ""
    gaps = np.diff(np.unique(numbers[~np.isnan(numbers)]))
    gap = float(np.median(gaps)) if len(gaps) else 0.0
    if in_range and gap and ("dat" in word or gap < 5e-4):
        return SECOND / DAY, f"{name!r} counts days, as Excel does"
    # Steps of a day and more are no seconds, but what a clock without a date counts.
    return 1.0 if word in _SECONDS and gap != 1 and gap < DAY / SECOND else None, ""


# -- the course of time ---------------------------------------------------------------------------


def days_passed(
    time: TimeColumn, rows: Any, same: Any, *, each_fall: bool
) -> tuple[TimeColumn, int]:
    """Clock times that go on on the next day, and how often they do.

    A clock that falls from the last two hours of a day to the first two has passed midnight.

    Args:
        time: of a table.
        rows: `[rows]`, in the order of sequences and of the file.
        same: `[rows - 1]`, whether each of these is of the same sequence as the one before.
        each_fall: every fall is a new day.
    """
    ticks = time.ticks[rows]
    before, after = ticks[:-1] / SECOND, ticks[1:] / SECOND
    midnight = (before >= _LATE) & (before < 24 * 3600) & (after < _EARLY)
    falls = same & ((after < before) if each_fall else midnight)
    if not falls.any():
        return time, 0
    days = np.concatenate([[0], np.cumsum(falls)])
    days = days - np.maximum.accumulate(np.where(np.concatenate([[True], ~same]), days, 0))
    made = np.empty_like(time.ticks)
    made[rows] = ticks + days * DAY
    return _time_from_ticks(time.name, made, time.missing, "clock"), int(falls.sum())


def sampling(
    moments: Any, lengths: Any, name: str, per_second: float | None, *, dates: bool
) -> tuple[float | None, tuple[str, ...]]:
    """Look at the distances between the steps.

    Args:
        moments: `[steps]`, sorted within each sequence.
        lengths: `[n]`.
        name: of the column.
        per_second: units of the times in a second; `None` if nobody knows.
        dates: whether the times are shown in seconds.

    Returns:
        Steps in a second, where they are equally far apart and the unit is known; and what a user
        should know.
    """
    ends = np.cumsum(lengths)[:-1]
    gaps = np.delete(np.diff(moments), ends - 1) if len(moments) > 1 else np.zeros(0)
    if len(gaps) == 0:
        return None, ()
    notes = []
    same = int((gaps == 0).sum())
    if same:
        notes.append(
            f"{counted(same, 'step')} {'has' if same == 1 else 'have'} the same time {name!r} as "
            f"the step before: {'it is' if same == 1 else 'they are'} kept, in the file's order"
        )
    usual = float(np.median(gaps[gaps > 0])) if same < len(gaps) else 0.0
    uneven = int((np.abs(gaps - usual) > _EQUAL * usual).sum()) - same
    if uneven > 0:
        unit = " s" if dates else ""
        notes.append(
            f"{uneven:,} of {counted(len(gaps), 'step')} {'is' if uneven == 1 else 'are'} not as "
            "far from the one before as usual "
            f"({name!r}: {gaps.min():g} to {gaps.max():g}{unit}, median {usual:g}{unit}): "
            "sampling is unequal, and the steps are taken as they are"
        )
    if same or uneven or usual == 0 or per_second is None:
        return None, tuple(notes)
    # The mean of many gaps has lost the rounding that each of them has: 100.00000002 is 100.
    rate = per_second / float(gaps.mean())
    return round(rate, 3) if abs(round(rate, 3) - rate) <= 1e-6 * rate else rate, ()
