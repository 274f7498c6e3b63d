"""Dates and clock times as text: one format for a whole column, found by looking at all of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from segue.readers.table.words import NO_TEXT

Ticks = npt.NDArray[np.int64]
Dates = Literal["dmy", "mdy", "ymd"]
SECOND = 1_000_000_000  # ticks: nanoseconds
DAY = 86_400 * SECOND

_AT_ONCE = 200_000  # rows that are taken apart at a time
_YEARS = (1678, 2261)  # that nanoseconds since 1970 can say in 64 bits

# English, German, French, Spanish; the longest beginning that fits.
_MONTHS = {
    name: number
    for number, names in enumerate(
        [
            *("jan ene", "feb fév fev", "mar mär mrz", "apr avr abr", "may mai", "jun juin"),
            *("jul juil", "aug aoû aou ago", "sep", "oct okt", "nov", "dec dez déc dic"),
        ],
        start=1,
    )
    for name in names.split()
}
_NAME = r"(?P<name>\p{L}{3,10})\.?"
_YEAR = r"(?P<year>\d{4}|\d{2})"
_DATES = {
    "year first": r"(?P<year>\d{4})[-/. ](?P<month>\d{1,2})[-/. ](?P<day>\d{1,2})",
    "numbers": r"(?P<first>\d{1,2})(?P<mark>[-/. ])(?P<second_>\d{1,2})[-/. ](?P<year>\d{4}|\d{2})",
    "day and name": r"(?P<day>\d{1,2})\.?[-/ ]?" + _NAME + r"[-/, ]{0,2}" + _YEAR,
    "name and day": _NAME + r"[- ]{1,2}(?P<day>\d{1,2})(?:st|nd|rd|th)?,? (?P<year>\d{4})",
    "year and name": r"(?P<year>\d{4})[-/ ]" + _NAME + r"[-/ ](?P<day>\d{1,2})",
}
_CLOCK = (
    r"(?P<hour>\d{1,4}):(?P<minute>\d{2})"
    r"(?::(?P<second>\d{2})(?:[.,:](?P<fraction>\d{1,9})\d*)?)?(?:\s?(?P<half>[AaPp]\.?[Mm]\.?))?"
)
_SHORT_CLOCK = r"(?P<hour>\d{1,2})\s?(?P<half>[AaPp]\.?[Mm]\.?)"
_ZONE = r"(?:\s?(?P<zone>(?:Z|z|UTC|GMT)?(?:[+-]\d{2}:?(?:\d{2})?)?))"
_WEEKDAY = r"(?:\p{L}{2,10}\.?,?\s+)?"
_BETWEEN = r"(?:\s*[T_;,:]\s*|\s+|-)"
_FORMS = {
    **{f"{n}, clock": f"{_WEEKDAY}{d}(?:{_BETWEEN}{_CLOCK}{_ZONE})?" for n, d in _DATES.items()},
    **{f"{n}, hour": f"{_WEEKDAY}{d}{_BETWEEN}{_SHORT_CLOCK}" for n, d in _DATES.items()},
    **{f"clock, {n}": f"{_CLOCK}{_BETWEEN}{d}" for n, d in _DATES.items()},
    "ctime": _WEEKDAY
    + _NAME
    + r"\s+(?P<day>\d{1,2})\s+"
    + _CLOCK
    + r"(?: \w{3,4})? (?P<year>\d{4})",
    "compact": r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})"
    r"(?:[T _-]?(?P<hour>\d{2}):?(?P<minute>\d{2})"
    rf"(?::?(?P<second>\d{{2}})(?:[.,]?(?P<fraction>\d{{1,9}})\d*)?)?{_ZONE})?",
    "month": r"(?P<year>\d{4})[-/](?P<month>\d{1,2})",
    "clock": _CLOCK + _ZONE,
    "hour": _SHORT_CLOCK,
    "points": r"(?P<hour>\d{1,2})\.(?P<minute>\d{2})\.(?P<second>\d{2})",
    "minutes": r"(?P<minute>\d{1,4}):(?P<second>\d{2})[.,](?P<fraction>\d{1,9})\d*",
    "days and clock": r"(?P<days>\d+) days?,?\s+" + _CLOCK,
}
_OF_A_CLOCK = ("clock", "hour", "points", "minutes", "days and clock")


@dataclass(frozen=True)
class Times:
    """What a column says of time.

    Attributes:
        ticks: `[rows]` nanoseconds, of dates since 1970.
        missing: `[rows]`, where there is none.
        kind: "date" (days), "clock" (without a day), or "moment" (both).
    """

    ticks: Ticks
    missing: npt.NDArray[np.bool_]
    kind: Literal["date", "clock", "moment"]


class NotTimesError(ValueError):
    """Text that is no time, with the row of the first that is unlike the others."""

    def __init__(self, row: int) -> None:
        super().__init__(row)
        self.row = row


class SeveralOrdersError(ValueError):
    """Dates whose day, month and year may stand in several orders."""

    def __init__(self, orders: list[Dates], row: int) -> None:
        super().__init__(orders)
        self.orders, self.row = orders, row


def parse_times(column: Any, dates: Dates | None = None) -> Times:
    """Understand a column of text as times; all in one format.

    Dates have the year first (`2024-03-21`, `20240321`), or day and month first, with the month as
    number or name; clock times have seconds, fractions (`.5`, `,5`, `:500`), AM and PM, and an
    offset from UTC, or not. Which number is the day is told from all dates of the column.

    Args:
        column: of text, an Arrow array.
        dates: the order of day, month and year, where the column does not tell.

    Raises:
        NotTimesError: a text that is no time, or unlike the others.
        SeveralOrdersError: day and month cannot be told apart.

    >>> times = parse_times(pa.array(["3/21/2024 9:15:00 AM", "3/21/2024 1:00 PM", ""]))
    >>> times.ticks[:2] // SECOND % 86_400, times.missing.tolist(), times.kind
    (array([33300, 46800]), [False, False, True], 'moment')
    """
    texts = _trimmed(column)
    wrong = None
    for form in _forms(texts):
        parts = [_taken_apart(piece, form) for piece in _pieces(texts)]
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        try:
            return _times(form, joined, dates)
        except NotTimesError as error:  # such as 18.00.00, which is no date but a clock time
            wrong = wrong or error
    assert wrong is not None
    raise wrong


def are_times(texts: list[str]) -> bool:
    """Whether all of some texts are times of one format; day and month need not be told apart."""
    try:
        parse_times(pa.array(texts, pa.string()))
    except NotTimesError:
        return False
    except SeveralOrdersError:
        pass
    return True


def month_named(text: str) -> int | None:
    """The number of a month's name, in four languages.

    >>> month_named("March"), month_named("Mai"), month_named("Marc"), month_named("x")
    (3, 5, 3, None)
    """
    word = text.strip().rstrip(".").lower()
    beginnings = (word[:length] for length in (4, 3))
    return next((_MONTHS[begin] for begin in beginnings if begin in _MONTHS), None)


# -- the format -----------------------------------------------------------------------------------


def _trimmed(column: Any) -> Any:
    """Text without blanks around it, null where there is none."""
    texts = pc.utf8_trim_whitespace(column.cast(pa.string()))
    return pc.if_else(pc.is_in(texts, pa.array(NO_TEXT)), pa.scalar(None, pa.string()), texts)


def _pieces(texts: Any) -> Iterator[Any]:
    for start in range(0, max(1, len(texts)), _AT_ONCE):
        yield texts.slice(start, _AT_ONCE)


def _forms(texts: Any) -> Iterator[str]:
    """The names of the formats that all texts have.

    Raises:
        NotTimesError: there is none.
    """
    best, row, found = -1, 0, False
    head = texts.drop_null().slice(0, 50)
    for name, form in _FORMS.items():
        pattern = f"^{form}$"
        if (
            name != "clock"
            and len(head)
            and not pc.all(pc.match_substring_regex(head, pattern)).as_py()
        ):
            continue
        fits = pc.fill_null(pc.match_substring_regex(texts, pattern), True)
        count = pc.sum(fits).as_py() or 0
        if count == len(texts) and len(head):
            found = True
            yield name
        if count > best:
            best, row = (
                count,
                int(np.argmin(fits.to_numpy(zero_copy_only=False))) if len(head) else 0,
            )
    if found:
        return
    raise NotTimesError(_first_unlike(texts) if best <= len(texts) / 2 else row)


def _first_unlike(texts: Any) -> int:
    """The first row that is unlike most others in its digits and marks."""
    shapes = [re.sub(r"\d", "0", text or "") for text in texts.to_pylist()]
    usual = max(set(shapes), key=shapes.count)
    others = (row for row, shape in enumerate(shapes) if shape not in (usual, ""))
    return next(others, next((row for row, shape in enumerate(shapes) if shape), 0))


def _taken_apart(texts: Any, form: str) -> dict[str, Any]:
    """`[rows]` whole numbers of each part, -1 where there is none, and the texts among them."""
    found = pc.extract_regex(texts, f"^{_FORMS[form]}$")
    if isinstance(found, pa.ChunkedArray):
        found = found.combine_chunks()
    found = pa.concat_arrays(found.chunks) if isinstance(found, pa.ChunkedArray) else found
    parts: dict[str, Any] = {"missing": texts.is_null().to_numpy(zero_copy_only=False)}
    for field in found.type:
        values = pc.fill_null(pc.struct_field(found, field.name), "")
        way: Any = _WAYS.get(field.name, _numbers)
        parts[field.name] = way(values)
    return parts


def _numbers(values: Any) -> Ticks:
    empty = pc.equal(values, "")
    return np.asarray(pc.if_else(empty, "-1", values).cast(pa.int64()), np.int64)


def _fractions(values: Any) -> Ticks:
    return _numbers(pc.if_else(pc.equal(values, ""), "", pc.utf8_rpad(values, 9, "0")))


def _by_text(values: Any, number_of: Any) -> Ticks:
    """Numbers of texts that repeat."""
    found = pc.dictionary_encode(values)
    numbers = np.array([number_of(text) for text in found.dictionary.to_pylist()], np.int64)
    return np.asarray(numbers[np.asarray(found.indices)])


def _zone(text: str) -> int:
    """Minutes that a zone is before UTC; -1e6: none is given."""
    digits = text.lstrip("ZzUTCGM").replace(":", "")
    if not digits:
        return 0 if text else -1_000_000
    sign = -1 if digits[0] == "-" else 1
    return sign * (60 * int(digits[1:3]) + int(digits[3:5] or 0))


_WAYS = {
    "fraction": _fractions,
    "name": lambda values: _by_text(values, lambda text: month_named(text) or -1),
    "half": lambda values: _by_text(
        values, lambda text: "ap".find(text[:1].lower()) if text else -1
    ),
    "mark": lambda values: _by_text(values, lambda text: ord(text) if text else -1),
    "zone": lambda values: _by_text(values, _zone),
    "year": lambda values: np.where(
        np.asarray(pc.equal(pc.utf8_length(values), 2)), _numbers(values) - 10_000, _numbers(values)
    ),  # two digits are marked, to be completed when it is known which number is the year
}


# -- the parts ------------------------------------------------------------------------------------


def _times(form: str, parts: dict[str, Any], dates: Dates | None) -> Times:
    missing = parts["missing"]
    ticks, has_clock = _clock(parts, form)
    if form in _OF_A_CLOCK:
        return Times(ticks, missing, "clock")
    year, month, day = _ordered(parts, dates) if "first" in parts else _named(parts)
    year = np.where(year < 0, year + 10_000 + np.where(year + 10_000 < 70, 2000, 1900), year)
    first = (np.where(missing, 1970, year) - 1970).astype("M8[Y]").astype("M8[M]")
    first = (first + np.where(missing, 0, np.clip(month, 1, 12) - 1)).astype("M8[D]")
    made = first + np.where(missing, 0, day - 1)
    _refuse(
        (month < 1) | (month > 12) | (day < 1) | (made.astype("M8[M]") != first.astype("M8[M]")),
        missing,
    )
    _refuse((year < _YEARS[0]) | (year > _YEARS[1]), missing)
    return Times(made.astype(np.int64) * DAY + ticks, missing, "moment" if has_clock else "date")


def _named(parts: dict[str, Any]) -> tuple[Any, Any, Any]:
    month = parts["month"] if "month" in parts else parts["name"]
    return parts["year"], month, parts.get("day", np.ones_like(parts["year"]))


def _ordered(parts: dict[str, Any], dates: Dates | None) -> tuple[Any, Any, Any]:
    """Year, month and day of dates in numbers, in the order that all of them can have."""
    there = ~parts["missing"]
    a, b, c = parts["first"], parts["second_"], parts["year"]
    short = bool((c[there] < 0).all())
    last = c + 10_000 if short else c
    limits: dict[Dates, bool] = {
        "dmy": bool((a[there] <= 31).all() and (b[there] <= 12).all()),
        "mdy": bool((a[there] <= 12).all() and (b[there] <= 31).all()),
        "ymd": short and bool((b[there] <= 12).all() and (last[there] <= 31).all()),
    }
    orders = [order for order, fits in limits.items() if fits]
    if "dmy" in orders and (parts["mark"][there] == ord(".")).all():
        orders = ["dmy"]  # nobody writes the month first with points
    if "ymd" not in orders and (a == b)[there].all():
        orders = orders[:1]
    if dates is not None and dates in orders:
        orders = [dates]
    if not orders:
        raise NotTimesError(int(np.argmax(there & ((a > 31) | (b > 31) | ((a > 12) & (b > 12))))))
    if len(orders) > 1:
        raise SeveralOrdersError(orders, int(np.argmax(there)))
    if orders[0] == "ymd":
        return a - 10_000, b, last
    return (c, b, a) if orders[0] == "dmy" else (c, a, b)


def _clock(parts: dict[str, Any], form: str) -> tuple[Ticks, bool]:
    """Nanoseconds of the day, in UTC where the zone is given; whether there is a clock at all."""
    missing = parts["missing"]
    none = np.full(len(missing), -1)
    minute, second = parts.get("minute", none), parts.get("second", none)
    hour = parts.get("hour", none)
    if "half" in parts:
        half = parts["half"]
        some = half >= 0
        if some[~missing].any():
            _refuse((hour >= 0) & (~some | (hour > 12)), missing)
            hour = np.where(some, hour % 12 + 12 * half, hour)
    is_span = form in _OF_A_CLOCK
    _refuse((minute > 59) if form != "minutes" else (second > 59), missing)
    _refuse(second > 60, missing)
    if not is_span:
        _refuse((hour > 24) | ((hour == 24) & ((minute > 0) | (second > 0))), missing)
    seconds = 3600 * np.maximum(hour, 0) + 60 * np.maximum(minute, 0) + np.maximum(second, 0)
    ticks = seconds * SECOND + np.maximum(parts.get("fraction", none), 0)
    ticks = ticks + np.maximum(parts.get("days", none), 0) * DAY
    has_clock = bool(((hour >= 0) | (minute >= 0))[~missing].any())
    return ticks - _offsets(parts, hour) * 60 * SECOND, has_clock


def _offsets(parts: dict[str, Any], hour: Ticks) -> Ticks:
    """Minutes before UTC; all times of a column have a zone, or none has."""
    zone = parts.get("zone")
    if zone is None:
        return np.zeros(len(hour), np.int64)
    given = zone > -1_000_000
    if given.any():
        _refuse(~given & (hour >= 0), parts["missing"])
    return np.where(given, zone, 0)


def _refuse(wrong: Any, missing: Any) -> None:
    wrong = wrong & ~missing
    if wrong.any():
        raise NotTimesError(int(np.argmax(wrong)))
