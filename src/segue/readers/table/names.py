"""The header of a table: whether there is one, units below it, and a time axis in its names.

An axis is t0, t1, ...; x_1, y_1, x_2, ...; 10:00, 10:30, ...; Jan, Feb, ...
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from segue.errors import DataError
from segue.readers.table.cells import is_missing, is_number
from segue.readers.table.times import are_times, month_named
from segue.readers.table.words import MONTHS, TEXTS, plain, role_of, say

Row = Sequence[str]
Kind = Literal["number", "time", "text", "none"]

_SEEN = 40  # rows that are looked at to tell what a column holds
_LONG = 5  # names 0, 1, 2, ... that no row of whole numbers has by chance
_EQUAL_STEPS = 8  # numbers at equal distances that may be an axis
_UNIT = 15  # characters that a unit has at most
# A name above a value, each by its kind.
_NAME_AND_VALUE = {("text", "number"), ("text", "time"), ("time", "number")}
# Digits with marks and blanks between them, in whatever way of writing numbers.
_LIKE_A_NUMBER = re.compile(r"(?=.*\d)[+\u2212-]?[\d.,][\d.,\s']*(?:[eE][+-]?\d+)?\s?%?")
NUMBERED = re.compile(
    r"(.*?)[ _\-.:(\[]*(\d+(?:\.\d+)?)\s?(nm|ms|s|cm|mm|um|µm|hz|khz)?[)\]]?", re.IGNORECASE
)
_NUMBER_FIRST = re.compile(r"[tT]?(\d+(?:\.\d+)?)[ _\-:.]+([^\W\d].*)")
_AXIS = 4  # columns that make an axis, at least


def distinct_names(names: Sequence[str]) -> list[str]:
    """The names of all columns, `column 3` where the third has none.

    Raises:
        DataError: two columns of one name.

    >>> distinct_names(["x", ""])
    ['x', 'column 2']
    """
    names = [name or f"column {number}" for number, name in enumerate(names, start=1)]
    for name, count in Counter(names).most_common(1):
        if count > 1:
            raise DataError(
                f"has more than one column called {name!r}: give each a name of its own."
            )
    return names


# -- whether there is a line of names --------------------------------------------------------------


def find_header(
    rows: Sequence[Row], decimal: str = ".", *, given: bool | None = None
) -> tuple[bool, tuple[str, ...] | None]:
    """Tell names from values by what stands below them.

    A name is text above numbers or times, a time above numbers, a word that columns are called by,
    or text that does not occur again in its column. 0, 1, 2, ... are names where the rows below do
    not count likewise.

    Args:
        rows: the first ones of the table, all of one width.
        decimal: the decimal mark.
        given: what a user says about names.

    Returns:
        Whether the first row is one of names; the units of the second, `None` if it holds values.

    Raises:
        DataError: the first row may be one of names or one of values.

    >>> find_header([["time", "x"], ["s", "m"], ["0", "1.5"], ["1", "2"]])
    (True, ('s', 'm'))
    >>> find_header([["0.5", "1"], ["1.5", "2"]])
    (False, None)
    """
    is_names = _are_names(rows, decimal) if given is None else given
    return is_names, _units(rows[1:], decimal) if is_names else None


def _are_names(rows: Sequence[Row], decimal: str) -> bool:
    below = rows[1 : _SEEN + 1]
    columns = [(name.strip(), _column(below, place)) for place, name in enumerate(rows[0])]
    columns = [(name, values) for name, values in columns if name or values]
    kinds = [(_kind([name], decimal), _kind(values, decimal)) for name, values in columns]
    texts = {
        name: values
        for (name, values), kind in zip(columns, kinds, strict=True)
        if kind[0] == "text"
    }
    others = [row for row in below if row != rows[0]]
    again = [_column(others, place) for place in range(len(rows[0]))] if rows[0] in below else []
    if any(_kind(values, decimal) == "number" for values in again) and len(texts) == len(columns):
        raise DataError(
            f"has its line of names, {','.join(rows[0])[:60]!r}, once more among its rows: remove "
            "it there. If these are values: " + say("header=False")
        )
    if any(name in values for name, values in texts.items()):
        return False  # a name is no value
    numbers = _numbers([name for name, _ in columns], decimal)
    if len(numbers) > len(columns) / 2:
        return _numbers_are_names(numbers, kinds, [_numbers(row, decimal) for row in below])
    if not _NAME_AND_VALUE.isdisjoint(kinds):
        return True
    if any(role_of(text) or plain(text) in TEXTS for text in texts):
        return True
    return bool(texts) and all(name in ("text", "none") for name, _ in kinds)


def _numbers_are_names(
    numbers: list[float], kinds: list[tuple[Kind, Kind]], below: list[list[float]]
) -> bool:
    """Whether a row of numbers is an axis: positions, wavelengths, ..."""
    steps = [b - a for a, b in pairwise(numbers)]
    if len(steps) < 2 or min(steps) <= 0:
        return False
    names, values = zip(*kinds, strict=True)
    if not _NAME_AND_VALUE.isdisjoint(kinds) or ("text" in names and "text" in values):
        return True
    counts = numbers[0] in (0, 1) and set(steps) == {1}
    alike = any(all(b > a for a, b in pairwise(row)) for row in below if len(row) > 2)
    whole = all(value.is_integer() for row in below[:20] for value in row)
    if counts and (not whole or (not alike and len(numbers) >= _LONG)):
        return True
    equal = len(numbers) >= _EQUAL_STEPS and max(steps) - min(steps) <= 1e-6 * max(steps)
    if (counts and (equal or not alike)) or (equal and not alike):
        texts = [f"{number:g}" for number in numbers]
        shown = ", ".join(texts if len(texts) <= 6 else [*texts[:3], "...", texts[-1]])
        raise DataError(
            f"the first row holds {shown}: are these names, such as positions, or the values of "
            f"the first sequence? {say('header=True', 'header=False')}"
        )
    return False


def _numbers(fields: Row, decimal: str) -> list[float]:
    return [
        float(field.strip().replace(decimal, ".")) for field in fields if is_number(field, decimal)
    ]


def _column(rows: Sequence[Row], place: int) -> list[str]:
    """The values of a column that are there."""
    return [row[place].strip() for row in rows if place < len(row) and not is_missing(row[place])]


def _kind(values: list[str], decimal: str) -> Kind:
    if all(map(is_missing, values)):
        return "none"
    if all(is_number(value, decimal) or _LIKE_A_NUMBER.fullmatch(value) for value in values):
        return "number"
    return "time" if are_times(values) else "text"


def _units(rows: Sequence[Row], decimal: str) -> tuple[str, ...] | None:
    """The cells of a row that names units: text above numbers, and nothing else."""
    if len(rows) < 3:
        return None
    below = rows[1 : _SEEN + 1]
    kinds = [_kind(_column(below, place), decimal) for place in range(len(rows[0]))]
    above = [
        text.strip()
        for text, kind in zip(rows[0], kinds, strict=True)
        if kind in ("number", "time")
    ]
    if all(map(is_missing, above)):
        return None
    if any(len(text) > _UNIT or _kind([text], decimal) in ("number", "time") for text in above):
        return None
    return tuple(text.strip().strip("[]()") for text in rows[0])


# -- an axis in the names --------------------------------------------------------------------------


@dataclass(frozen=True)
class Axes:
    """The columns of each channel in the order of time, one channel after the other.

    Attributes:
        columns: those of the axis.
        channels: the names of the channels; `None`: there is one without a name.
        rest: columns that are none of the axis.
    """

    columns: tuple[str, ...]
    channels: tuple[str, ...] | None = None
    rest: tuple[str, ...] = ()


def find_axes(names: Sequence[str]) -> Axes:
    """Find the axis that the names of columns are.

    Names that are all times, months or numbers are one axis; numbered names are one for each
    beginning (or ending, where the number stands first). Other names are one channel, in their
    order.

    Raises:
        DataError: channels with different steps.

    >>> find_axes(["x_2", "y_1", "x_1", "y_2"])
    Axes(columns=('x_1', 'x_2', 'y_1', 'y_2'), channels=('x', 'y'), rest=())
    >>> find_axes(["t0", "t1", "t2", "t3", "age"]).rest
    ('age',)
    """
    times = list(filter(_is_time, names))
    if len(times) >= _AXIS and (are_times(times) or all(map(month_named, times))):
        return Axes(tuple(times), rest=_without(names, times))
    axes = _by_channel(names)
    is_whole = sum(map(len, axes.values())) == len(names) and len(axes) < len(names)
    if not is_whole or len({tuple(sorted(axis)) for axis in axes.values()}) > 1:
        axes = {channel: axis for channel, axis in axes.items() if len(axis) >= _AXIS}
    if not axes:
        return Axes(tuple(names))
    first, *others = axes
    for other in others:
        if axes[other].keys() != axes[first].keys():
            raise DataError(
                f"has {len(axes[first])} columns {first!r} and {len(axes[other])} columns "
                f"{other!r} with other numbers: expected the same steps for each channel. Name "
                f"those that belong together, such as channels='{first}*'."
            )
    columns = tuple(axis[step] for axis in axes.values() for step in sorted(axis))
    return Axes(columns, tuple(axes) if others else None, _without(names, columns))


def _without(names: Sequence[str], others: Iterable[str]) -> tuple[str, ...]:
    taken = set(others)
    return tuple(name for name in names if name not in taken)


def is_axis(names: Sequence[str]) -> bool:
    """Whether some names are numbered or times, so that they are a time axis."""
    longest = max(map(len, _by_channel(names).values()), default=0)
    return max(longest, sum(map(_is_time, names))) >= _AXIS


def with_number(pattern: str, names: Iterable[str]) -> list[str]:
    """The names that a pattern stands for: `*` is a number.

    >>> with_number("x_*", ["x_1", "x_2.5", "x_mean", "y_1"])
    ['x_1', 'x_2.5']
    """
    if pattern.count("*") != 1:
        return []
    begin, end = map(re.escape, pattern.split("*"))
    wanted = re.compile(rf"{begin}\d+(?:\.\d+)?{end}")
    return [name for name in names if wanted.fullmatch(name)]


def _is_time(name: str) -> bool:
    if name.isalpha() or name.endswith("."):
        return month_named(name) is not None and (len(name) <= 5 or name.lower() in MONTHS)
    if re.fullmatch(r"[\d.]+", name) or not re.match(r"\d{1,4}\s?[-/.:_QqWw]\s?\w", name):
        return False
    return are_times([name])


def _by_channel(names: Sequence[str]) -> dict[str, dict[float, str]]:
    """The columns of each channel by the number in their names."""
    found: dict[str, dict[float, str]] = defaultdict(dict)
    first = [_NUMBER_FIRST.fullmatch(name) for name in names]
    is_first = sum(match is not None for match in first) > len(names) / 2
    for name, number_first in zip(names, first, strict=True):
        if is_first and number_first:
            found[number_first[2]][float(number_first[1])] = name
        elif not is_first and (match := NUMBERED.fullmatch(name)):
            found[match[1]][float(match[2])] = name
    return found
