"""Parsing of dates and clock times, with one format inferred from the whole column."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from segue.data.sequences import Array
from segue.readers.table.cells import all_match, trimmed
from segue.readers.table.words import MISSING, Dates

Ticks = npt.NDArray[np.int64]
Part = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
TimeKind = Literal["date", "clock", "moment"]
Times = tuple[Ticks, Mask, TimeKind]
SECOND = 1_000_000_000  # ticks: nanoseconds
DAY = 86_400 * SECOND

_AT_ONCE = 200_000  # rows that are taken apart at a time
_FEW = 1_000  # rows for which Python is faster: Arrow takes milliseconds for a pattern
_YEARS = (1678, 2261)  # that nanoseconds since 1970 can say in 64 bits
_ABSENT = -1_000_000  # a part that a text does not have

_DATA = tomllib.loads((Path(__file__).parents[1] / "data" / "times.toml").read_text("utf-8"))
_MONTHS = {
    name: number
    for number, names in enumerate(_DATA["months"].splitlines(), start=1)
    for name in names.split()
}


def _forms() -> dict[str, str]:
    """The pattern of each form, with its pieces in their places."""
    found = {name: f"{{weekday}}{date}(?:{{between}}{{clock}}{{zone}})?" for name, date in _DATES}
    found |= {f"{name}, clock before": f"{{clock}}{{between}}{date}" for name, date in _DATES}
    found |= _DATA["forms"]
    for piece, pattern in _DATA["pieces"].items():
        found = {name: form.replace(f"{{{piece}}}", pattern) for name, form in found.items()}
    return found


_DATES = _DATA["dates"].items()
_FORMS = _forms()
_ORDERS = {"dmy", "mdy", "ymd"}
_BEGINNING = re.compile(_DATA["beginning"])
_PARTS = "year quarter month week name day days hour half minute second fraction zone".split()


class NotTimesError(ValueError):
    """Text that is no time, or dates whose day, month and year may stand in several orders.

    Attributes:
        row: the first that is unlike the others, or that has several readings.
        readings: the day that it is in each order that is possible, such as "2024-03-10".
    """

    def __init__(self, row: int, readings: Mapping[str, str] | None = None) -> None:
        super().__init__(row)
        self.row, self.readings = row, readings or {}


def parse_times(column: Any, dates: Dates | None = None) -> Times:
    """Understand a column of text as times; all in one format.

    Dates have the year first (`2024-03-21`, `20240321`), or day and month first, with the month as
    number or name; clock times have seconds, fractions (`.5`, `,5`, `:500`), AM and PM, and an
    offset from UTC, or not. Which number is the day is inferred from all dates of the column.

    Args:
        column: of text, an Arrow array.
        dates: the order of day, month and year, where the column does not tell.

    Returns:
        `[rows]` nanoseconds, of dates since 1970; `[rows]`, where there is no time; and whether
        they are dates (days), clock times (without a day), or moments (both).

    Raises:
        NotTimesError: a text that is no time, or unlike the others; or day and month cannot be
            told apart.

    >>> ticks, missing, kind = parse_times(pa.array(["3/21/2024 9:15:00 AM", "3/21/2024 1 PM", ""]))
    >>> ticks[:2] // SECOND % 86_400, missing.tolist(), kind
    (array([33300, 46800]), [False, False, True], 'moment')
    """
    texts = trimmed(column)
    readings, wrong = _readings(texts)
    if not readings:
        raise wrong[0] if wrong else NotTimesError(_first_unlike(texts.to_pylist()))
    first, *others = readings.values()
    differ = [np.flatnonzero(first[0] != other[0]) for other in others]
    if dates not in readings and (rows := [found[0] for found in differ if len(found)]):
        row = int(min(rows))
        days = {order: ticks[row].astype("M8[ns]") for order, (ticks, *_) in readings.items()}
        raise NotTimesError(row, {order: str(day.astype("M8[D]")) for order, day in days.items()})
    return readings.get(dates or "", first)


def are_times(texts: Any) -> bool:
    """Whether all texts of a list or a column are times; day and month need not be told apart."""
    if isinstance(texts, list):  # Arrow takes fifty times as long for a few that are none
        there = (text.strip().rstrip("; ") for text in texts)
        first = next((text for text in there if text not in MISSING), "")
        if not any(_fits(first, form) for form in _FORMS.values()):
            return False
        texts = pa.array(texts, pa.string())
    return bool(_readings(trimmed(texts))[0])


def month_named(text: str) -> int | None:
    """The number of a month's name, in four languages.

    >>> month_named("March"), month_named("Mai"), month_named("Marc"), month_named("x")
    (3, 5, 3, None)
    """
    word = text.strip().rstrip(".").lower()
    return _MONTHS.get(word[:4], _MONTHS.get(word[:3]))


def days_of(year: Array, month: Array, day: Array) -> tuple[Ticks, Mask]:
    """`[rows]` days since 1970, and which of them the calendar has."""
    first = (year - 1970).astype("M8[Y]").astype("M8[M]") + (month - 1)
    days = first.astype("M8[D]") + (day - 1)
    exists = (month >= 1) & (month <= 12) & (day >= 1) & (days.astype("M8[M]") == first)
    return days.astype(np.int64), exists & (year >= _YEARS[0]) & (year <= _YEARS[1])


# -- texts into parts -----------------------------------------------------------------------------


def _readings(texts: Any) -> tuple[dict[str, Times], list[NotTimesError]]:
    """Possible interpretations of texts by the order of their dates, and why others are not."""
    readings: dict[str, Times] = {}
    wrong = []
    some = texts.drop_null().slice(0, 50).to_pylist()
    for name, form in _FORMS.items():
        order = name.partition(",")[0]
        if not some or (readings and not readings.keys() | {order} <= _ORDERS):
            break
        if all(_fits(text, form) for text in some) and _all_fit(texts, form):
            try:
                readings[order] = _read(texts, form)
            except NotTimesError as error:  # such as 18.00.00, which is no date but a clock time
                wrong.append(error)
    return readings, wrong


@cache
def _pattern(form: str) -> re.Pattern[str]:
    r"""As Arrow understands it: digits of ASCII, and \p{L} a letter."""
    return re.compile(f"(?a:{form})".replace(r"\p{L}", r"(?u:[^\W\d_])"))


def _fits(text: str, form: str) -> bool:
    return _BEGINNING.match(text) is not None and _pattern(form).fullmatch(text) is not None


def _all_fit(texts: Any, form: str) -> bool:
    if len(texts) > _FEW:
        return all_match(texts, f"^{form}$")
    return all(_fits(text, form) for text in texts.drop_null().to_pylist())


def _first_unlike(texts: list[str | None]) -> int:
    """The first row that does not have the form that most have."""
    some = [text for text in texts[:1000] if text]
    usual = max(_FORMS.values(), key=lambda form: sum(_fits(text, form) for text in some))
    others = (row for row, text in enumerate(texts) if text and not _fits(text, usual))
    return next(others, 0)


def _taken_apart(texts: Any, form: str) -> dict[str, Part]:
    """`[rows]` whole numbers of each part."""
    if len(texts) <= _FEW:
        found = [text and _pattern(form).fullmatch(text) for text in texts.to_pylist()]
        groups = _pattern(form).groupindex
        columns = {n: [match[n] if match else None for match in found] for n in groups}
        return {n: _numbers(n, pa.array(column, pa.string())) for n, column in columns.items()}
    pieces: dict[str, list[Part]] = defaultdict(list)
    for start in range(0, len(texts), _AT_ONCE):
        found = pc.extract_regex(texts.slice(start, _AT_ONCE), f"^{form}$")
        for field in found.type:
            pieces[field.name].append(_numbers(field.name, pc.struct_field(found, field.name)))
    return {name: np.concatenate(some) for name, some in pieces.items()}


def _numbers(part: str, texts: Any) -> Part:
    texts = pc.fill_null(texts, "")
    if part in _MEANINGS:  # texts that repeat
        found, meaning = pc.dictionary_encode(texts), _MEANINGS[part]
        words = found.dictionary.to_pylist()
        numbers = np.array([meaning(word) if word else _ABSENT for word in words], np.int32)
        return np.asarray(numbers[found.indices.to_numpy()])
    if part == "fraction":
        texts = pc.utf8_rpad(texts, 9, "0")
    whole = pc.if_else(pc.equal(texts, ""), str(_ABSENT), texts)
    return np.asarray(whole.cast(pa.int32()).to_numpy())


def _zone(text: str) -> int:
    """Minutes that a zone is before UTC."""
    digits = text.lstrip("ZzUTCGM").replace(":", "")
    minutes = 60 * int(digits[1:3] or 0) + int(digits[3:5] or 0)
    return -minutes if digits.startswith("-") else minutes


_MEANINGS = {
    "name": lambda text: month_named(text) or _ABSENT,
    "half": lambda text: "ap".index(text.lower()),
    "zone": _zone,
}

# -- parts into ticks -----------------------------------------------------------------------------


def _read(texts: Any, form: str) -> Times:
    """Texts that have a form.

    Raises:
        NotTimesError: a day that the calendar does not have, or an hour that no clock shows.
    """
    missing = texts.is_null().to_numpy(zero_copy_only=False)
    found = _taken_apart(texts, form)
    parts = {**dict.fromkeys(_PARTS, np.full(len(texts), _ABSENT, np.int32)), **found}
    is_span = "year" not in found
    ticks, has_clock = _clock(parts, missing, is_span=is_span)
    if is_span:
        return ticks, missing, "clock"
    year, day = parts["year"], parts["day"]
    year = np.where(year < 100, year + np.where(year < 70, 2000, 1900), year)
    month = np.maximum.reduce([parts["month"], parts["name"], 3 * parts["quarter"] - 2])
    week = parts["week"]
    if "week" in found:  # the first one has the fourth of January in it, and begins on Monday
        month, day = np.ones_like(year), np.full_like(year, 4)
    days, exists = days_of(year, month, np.where(day == _ABSENT, 1, day))
    if "week" in found:
        days += 7 * (week - 1) - (days + 3) % 7
        exists &= (week >= 1) & (week <= 53)
    _refuse(~exists, missing)
    return np.where(missing, 0, days) * DAY + ticks, missing, "moment" if has_clock else "date"


def _clock(parts: dict[str, Part], missing: Mask, *, is_span: bool) -> tuple[Ticks, bool]:
    """Nanoseconds of the day, in UTC where the zone is given; whether there is a clock at all."""
    hour, minute, second = parts["hour"], parts["minute"], parts["second"]
    half, zone = parts["half"], parts["zone"]
    has_hour, has_half = hour >= 0, half >= 0
    if has_half[~missing].any():
        _refuse(has_hour & (~has_half | (hour > 12)), missing)
        hour = np.where(has_half, hour % 12 + 12 * half, hour)
    _refuse(has_hour & ~has_half & (minute < 0), missing)
    _refuse(has_hour & (minute > 59), missing)
    _refuse(second > np.where(has_hour, 60, 59), missing)
    if not is_span:
        _refuse((hour > 24) | ((hour == 24) & ((minute > 0) | (second > 0))), missing)
    if (zone > _ABSENT)[~missing].any():  # all times of a column have a zone, or none has
        _refuse((zone == _ABSENT) & has_hour, missing)
    seconds = 3600 * np.maximum(hour, 0) + 60 * np.maximum(minute, 0) + np.maximum(second, 0)
    seconds -= 60 * np.where(zone == _ABSENT, 0, zone)
    ticks = seconds * np.int64(SECOND) + np.maximum(parts["fraction"], 0)
    ticks += np.maximum(parts["days"], 0) * np.int64(DAY)
    return ticks, bool((has_hour | (minute >= 0))[~missing].any())


def _refuse(wrong: Mask, missing: Mask) -> None:
    wrong = wrong & ~missing
    if wrong.any():
        raise NotTimesError(int(np.argmax(wrong)))
