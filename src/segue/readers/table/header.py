"""Whether a table begins with a line of names, and a line of units below it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from segue.errors import DataError
from segue.readers.table.cells import is_missing, is_number
from segue.readers.table.times import are_times
from segue.readers.table.words import TEXTS, plain, role_of

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
            "the first sequence? Say header=true for names, or header=false for values (on the "
            "command line --read header=false)."
        )
    return False


def _numbers(fields: Row, decimal: str) -> list[float]:
    return [float(field.replace(decimal, ".")) for field in fields if is_number(field, decimal)]


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
