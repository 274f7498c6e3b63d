"""Options of a table, and the known names of columns by role.

The names, and the words for a missing value, stand in `data/words.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Layout = Literal["rows", "steps", "lists", "texts"]
Dates = Literal["dmy", "mdy", "ymd"]
NONE = "none"  # says that there is no such column

_DATA: dict[str, Any] = tomllib.loads(
    (Path(__file__).parents[1] / "data" / "words.toml").read_text(encoding="utf-8")
)
_ROLES, _VALUES = _DATA["roles"], _DATA["values"]
ROLES = tuple(_ROLES)
GENERAL_LABELS = tuple(_ROLES["label"]["general"].split())
CLAIMS = {
    role: tuple(f"{words.get('general', '')} {words['claim']}".split())
    for role, words in _ROLES.items()
}
WORDS = {role: (*CLAIMS[role], *words["may"].split()) for role, words in _ROLES.items()}
OWNERS = frozenset(_ROLES["group"]["owner"].split())  # a group beside an id
DIMENSIONS: dict[str, list[str]] = {
    part: words.split() for part, words in _DATA["dimensions"].items()
}
FILE_NAMES, UNITS = _DATA["files"], _DATA["units"]
CALENDAR = {part: tuple(words.split()) for part, words in _DATA["calendar"].items()}
TEXTS = frozenset(_VALUES["texts"].split())
MONTHS = frozenset(_VALUES["months"].split())
MISSING = frozenset(_VALUES["missing"])
NO_TEXT = tuple(_VALUES["no_text"])
LIKE_AN_ID = re.compile(r"(?:[_\s]id|I[dD])$")
_UNIT = re.compile(r"[\[(](.*)[\])]$")


@dataclass(frozen=True)
class TableOptions:
    """Options of a table, from the user or a model; `None`: inferred from the table.

    Attributes:
        roles: the column of each role, by name or number; "none": there is none.
        channels: the columns with values.
        layout: what a row is.
        dates: the order of day, month and year.
        falls: what it means that the time falls back.
        drop_missing: leave out the sequences that have no label.
        encoding: of a text table; the others likewise.
        header: whether it has a line of names.
        decimal: its decimal mark.
        thousands: the mark between thousands.
    """

    roles: Mapping[str, Any] = field(default_factory=dict)
    channels: Sequence[str | int] | None = None
    layout: Layout | None = None
    dates: Dates | None = None
    falls: Literal["sequence", "day", "sort"] | None = None
    drop_missing: bool = False
    encoding: str | None = None
    header: bool | None = None
    decimal: Literal[".", ","] | None = None
    thousands: str | None = None


def role_of(name: str) -> str | None:
    """Return what a column of this name usually is, or None.

    >>> role_of("Subject_ID"), role_of("time [s]"), role_of("acc_x")
    ('group', 'time', None)
    """
    word = plain(name)
    return next((role for role in ROLES if word in WORDS[role]), None)


def rank(name: str, role: str) -> int | None:
    """The rank of a name for a role, 0 the best; `None`: the name is of another role."""
    word = plain(name)
    return WORDS[role].index(word) if word in WORDS[role] else None


def calendar_part(name: str) -> str | None:
    """Which part of a date or a clock time a column of this name holds.

    >>> calendar_part("Month"), calendar_part("months")
    ('month', None)
    """
    return next((part for part, names in CALENDAR.items() if plain(name) in names), None)


def calendar_parts(names: Iterable[str]) -> dict[str, str]:
    """The columns that hold the parts of dates and clock times, by part; the first of each.

    >>> calendar_parts(["YY", "MM", "DD", "hh", "mm"])
    {'year': 'YY', 'month': 'MM', 'day': 'DD', 'hour': 'hh', 'minute': 'mm'}
    """
    parts: dict[str, str] = {}
    for name in names:
        part = calendar_part(name)
        if part == "month" in parts and plain(name) == "mm":
            part = "minute"
        if part is not None:
            parts.setdefault(part, name)
    return parts


def claims(name: str, role: str) -> bool:
    """Whether a column of this name must have the role.

    >>> claims("Date", "time"), claims("step", "time")
    (True, False)
    """
    return plain(name) in CLAIMS[role]


def say(*options: str) -> str:
    """The options between which a user chooses.

    >>> say("label='kind'", "label='none'")
    "Say label='kind' or label='none'."
    """
    *others, last = options
    shown = f"{', '.join(others)} or {last}" if others else last
    return f"Say {shown}."


def plain(name: str) -> str:
    """A name without its unit, and with nothing but lower-case letters and digits."""
    return re.sub(r"[^a-z0-9]", "", _UNIT.sub("", name.strip()).lower())


def unit_of(name: str) -> str:
    """The unit in brackets behind a name, or nothing.

    >>> unit_of("time [ms]"), unit_of("time")
    ('ms', '')
    """
    match = _UNIT.search(name.strip())
    return match[1].strip() if match else ""
