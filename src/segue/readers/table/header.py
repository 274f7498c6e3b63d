"""Whether a table begins with a line of names, and a line of units below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Header:
    """What stands above the values.

    Attributes:
        names: whether the first row is one of names.
        units: the units of the second row; `None` if it holds values.
    """

    names: bool
    units: tuple[str, ...] | None = None


def find_header(rows: Sequence[Row], decimal: str = ".", *, given: bool | None = None) -> Header:
    """Tell names from values by what stands below them.

    A name is text above numbers or times, a time above numbers, a word that columns are called by,
    or text that does not occur again in its column. 0, 1, 2, ... are names where the rows below do
    not count likewise.

    Args:
        rows: the first ones of the table, all of one width.
        decimal: the decimal mark.
        given: what a user says about names.

    Raises:
        DataError: the first row may be one of names or one of values.

    >>> find_header([["time", "x"], ["s", "m"], ["0", "1.5"], ["1", "2"]])
    Header(names=True, units=('s', 'm'))
    >>> find_header([["0.5", "1"], ["1.5", "2"]])
    Header(names=False, units=None)
    """
    is_names = _are_names(rows, decimal) if given is None else given
    if not is_names:
        return Header(False)
    return Header(True, _units(rows[1:], decimal))


def _are_names(rows: Sequence[Row], decimal: str) -> bool:
    first, below = rows[0], rows[1 : _SEEN + 1]
    columns = [(name.strip(), _column(below, place)) for place, name in enumerate(first)]
    columns = [(name, values) for name, values in columns if name or values]
    kinds = [_kind(values, decimal) for _, values in columns]
    names = [_kind([name], decimal) for name, _ in columns]
    if any(
        n == "text" and name in values for n, (name, values) in zip(names, columns, strict=True)
    ):
        return False  # a name is no value
    numbers = [float(n.replace(decimal, ".")) for n, _ in columns if is_number(n, decimal)]
    if len(numbers) > len(columns) / 2:
        return _numbers_are_names(numbers, names, kinds, below, decimal)
    if any(n in ("text", "time") and k == "number" for n, k in zip(names, kinds, strict=True)):
        return True
    if any(n == "text" and k == "time" for n, k in zip(names, kinds, strict=True)):
        return True
    texts = [name for n, (name, _) in zip(names, columns, strict=True) if n == "text"]
    if any(role_of(text) or plain(text) in TEXTS for text in texts):
        return True
    return bool(texts) and len(texts) == sum(n != "none" for n in names)


def _numbers_are_names(
    numbers: list[float], names: list[Kind], kinds: list[Kind], below: Sequence[Row], decimal: str
) -> bool:
    """Whether a row of numbers is an axis: positions, wavelengths, ..."""
    steps = [b - a for a, b in pairwise(numbers)]
    if len(steps) < 2 or not all(step > 0 for step in steps):
        return False
    named = [n == "text" and k in ("number", "time") for n, k in zip(names, kinds, strict=True)]
    if any(named) or ("text" in names and "text" in kinds):
        return True
    counts = numbers[0] in (0, 1) and all(step == 1 for step in steps)
    others = [[float(f.replace(decimal, ".")) for f in r if is_number(f, decimal)] for r in below]
    alike = any(all(b > a for a, b in pairwise(other)) for other in others if len(other) > 2)
    whole = all(value.is_integer() for other in others[:20] for value in other)
    if counts and not whole:
        return True
    if counts and not alike and len(numbers) >= _LONG:
        return True
    equal = max(steps) - min(steps) <= 1e-6 * max(steps)
    if (counts and (not alike or len(numbers) >= _EQUAL_STEPS)) or (
        equal and not alike and len(numbers) >= _EQUAL_STEPS
    ):
        raise DataError(
            f"the first row holds {_shown(numbers)}: are these names, such as positions, or the "
            "values of the first sequence? Say header=true for names, or header=false for values "
            "(on the command line --read header=false)."
        )
    return False


def _shown(numbers: list[float]) -> str:
    texts = [f"{number:g}" for number in numbers]
    return ", ".join(texts if len(texts) <= 6 else [*texts[:3], "...", texts[-1]])


def _column(rows: Sequence[Row], place: int) -> list[str]:
    """The values of a column that are there."""
    texts = [row[place].strip() for row in rows if place < len(row)]
    return [text for text in texts if text and not is_missing(text)]


def _kind(values: list[str], decimal: str) -> Kind:
    if not values or all(map(is_missing, values)):
        return "none"
    if all(_like_a_number(value, decimal) for value in values):
        return "number"
    has_digits = all(any(c.isdigit() for c in value) for value in values)
    return "time" if has_digits and are_times(values) else "text"


def _like_a_number(text: str, decimal: str) -> bool:
    if is_number(text, decimal):
        return True
    text = text.replace("\u2212", "-").rstrip("%").strip()
    return any(
        is_number("".join(c for c in text if c not in f"{other} \u00a0\u202f'"), mark)
        for mark, other in (
            (decimal, ",.".replace(decimal, "")),
            (",.".replace(decimal, ""), decimal),
        )
        if text[:1].isdigit() or text[:1] in "+-.,"
    )


def _units(rows: Sequence[Row], decimal: str) -> tuple[str, ...] | None:
    """The cells of a row that names units: text above numbers, and nothing else."""
    if len(rows) < 3:
        return None
    first, below = rows[0], rows[1 : _SEEN + 1]
    above_numbers = [
        text.strip()
        for place, text in enumerate(first)
        if _kind(_column(below, place), decimal) in ("number", "time")
    ]
    if any(
        _kind([text], decimal) in ("number", "time") or len(text) > _UNIT for text in above_numbers
    ):
        return None
    if not any(text and not is_missing(text) for text in above_numbers):
        return None
    return tuple(text.strip().strip("[]()") for text in first)
