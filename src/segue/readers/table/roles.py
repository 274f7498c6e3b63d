"""Which column is what: by what a user says, by the name of the column, and by its type.

A column whose name claims a role has it, or is an error: it is never taken for something else
without a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from segue.errors import OptionError
from segue.readers.registry import part_named
from segue.readers.table.columns import Columns
from segue.readers.table.dialect import TextOptions
from segue.readers.table.sampling import time_column
from segue.readers.table.times import Dates
from segue.readers.table.words import CALENDAR, ROLES, WORDS, calendar_part, claims, plain, rank

Layout = Literal["rows", "steps", "lists", "texts"]
NONE = "none"  # says that there is no such column
# Words for a label that say nothing else: they come before those of a subject matter.
_GENERAL = WORDS["label"][: WORDS["label"].index("activity")]


@dataclass(frozen=True)
class TableOptions:
    """What a user, or a model, says about a table; what is `None` is told from the table.

    Attributes:
        roles: the column of each role, by name or number; "none": there is none.
        channels: the columns with values.
        layout: what a row is.
        dates: the order of day, month and year.
        falls: what it means that the time falls back.
        drop_missing: leave out the sequences that have no label.
        text: how a text table is written.
    """

    roles: Mapping[str, Any] = field(default_factory=dict)
    channels: Sequence[str | int] | None = None
    layout: Layout | None = None
    dates: Dates | None = None
    falls: Literal["sequence", "day", "sort"] | None = None
    drop_missing: bool = False
    text: TextOptions = field(default_factory=TextOptions)


class Roles:
    """The roles of columns, and the reasons why others are left out.

    Args:
        columns: of the table.
        options: what is said about it.

    Raises:
        FileError: a column that cannot be what its name says, or two that may have one role.
        OptionError: a column that is not there.
    """

    def __init__(self, columns: Columns, options: TableOptions) -> None:
        self.columns, self.options = columns, options
        wanted = {role: name for role, name in options.roles.items() if name is not None}
        self.refused = {role for role, name in wanted.items() if name == NONE}
        self.more_time: tuple[str, ...] = ()  # what makes a time of the first column of it
        self.given = {
            role: self._given(role, name)
            for role, name in wanted.items()
            if role not in self.refused
        }
        self.channels: tuple[str, ...] | None = None
        if options.channels is not None:
            self.channels = tuple(self._channels(options.channels))
        taken = [*self.given.values(), *(self.channels or ())]
        twice = sorted({name for name in taken if taken.count(name) > 1})
        if twice:
            raise OptionError(f"The column {twice[0]!r} is named for two purposes.")
        self.found = dict(self.given)
        self.left_out: dict[str, str] = dict.fromkeys(columns.empty, "empty")
        self._leave_out_row_numbers()
        self._find_calendar()
        for role in ROLES:
            if role not in self.found and role not in self.refused:
                self._find(role)
        self._find_times_by_type()

    def free(self, *kinds: Any) -> list[str]:
        """Columns of these kinds that have no role yet."""
        taken = {*self.found.values(), *self.more_time, *self.left_out, *(self.channels or ())}
        return [name for name in self.columns.of_kind(*kinds) if name not in taken]

    # -- what a user says -----------------------------------------------------------------------

    def _given(self, role: str, name: Any) -> str:
        """The column of a role; of several columns for time, the first."""
        both = name.split(",") if isinstance(name, str) else name
        is_one = isinstance(both, int) or len(both) == 1 or name in self.columns.table.column_names
        if role != "time" or is_one:
            return self.columns.find(name, role)
        first, *more = (self.columns.find(part.strip(), role) for part in both)
        self.more_time = tuple(more)
        return first

    def _channels(self, channels: Sequence[str | int]) -> Iterator[str]:
        """The columns that are named as channels; `t*` is all that have a number there."""
        for name in channels:
            everything = self.columns.table.column_names
            several = [] if name in everything else with_number(str(name), everything)
            taken = {*self.given.values(), *self.columns.empty}
            yield from [n for n in several if n not in taken] or [
                self.columns.find(name, "channels")
            ]

    # -- by name --------------------------------------------------------------------------------

    def _leave_out_row_numbers(self) -> None:
        columns = self.columns
        first = columns.names[0] if columns.names else ""
        unnamed = first == "column 1" or plain(first) in ("index", "unnamed0", "row", "rownames")
        unnamed &= len(columns.names) > 1 and first in self.free("number", "text")
        if unnamed and columns.is_row_number(first):
            self.left_out[first] = "row numbers"

    def _named(self, role: str) -> list[str]:
        """The columns whose names mean a role and whose values can have it, the best first."""
        named = [
            (not claims(name, role), place, name)
            for name in self.free("number", "truth", "text", "time")
            if (place := rank(name, role)) is not None and self._fits(name, role)
        ]
        return [name for _, _, name in sorted(named)]

    def _find_calendar(self) -> None:
        """Year, month and day in columns of their own are the time, with what else they have."""
        parts = {calendar_part(name): name for name in reversed(self.free("number"))}
        if not {"year", "month", "day"} <= parts.keys() or {"time"} & {*self.found, *self.refused}:
            return
        names = [parts[part] for part in CALENDAR if part in parts]
        if not all(self.columns.is_whole(n) for n in names if n != parts.get("second")):
            return
        times = [n for n in self._named("time") if self.columns.kinds[n] == "time"]
        kinds = [time_column(self.columns, name, self.options.dates).kind for name in times]
        if "moment" in kinds:
            self.left_out.update(dict.fromkeys(names, "another time"))
            return
        clocks = [name for name, kind in zip(times, kinds, strict=True) if kind == "clock"]
        self.found["time"], *more = [*names, *clocks[:1]]
        self.more_time = tuple(more)

    def _find(self, role: str) -> None:
        named = self._named(role)
        if not named:
            return
        self.found[role], *others = named
        match role:
            case "label":
                self._settle_labels(named[0], others)
            case "time":
                self._settle_times(named)
            case "id":
                self._settle_ids(named[0], others)
            case _:
                self.left_out.update(dict.fromkeys(others, f"another {role.rstrip('s')}"))

    def _fits(self, name: str, role: str) -> bool:
        """Whether a column can have the role that its name means.

        Raises:
            FileError: it cannot, and its name says nothing else.
        """
        kind, must = self.columns.kinds[name], claims(name, role)
        match role:
            case "parts":
                values = [str(value) for value in self.columns.values(name)]
                strange = [value for value in values if part_named(value) is None]
                fits = not strange
                expected = "train, validation or test"
            case "time":
                fits, expected = (
                    kind in ("number", "time"),
                    "numbers, or dates and times of one form",
                )
                if must and not fits and kind == "text":
                    self.columns.refuse_bad_numbers(name, units=False)
                    time_column(self.columns, name, self.options.dates)  # says which value and why
            case "id":
                fits = must or kind == "text" or self.columns.is_whole(name)
                expected = ""
            case "group":
                fits = kind != "number" or self.columns.is_whole(name)
                expected = "names or whole numbers"
            case _:
                return self._fits_a_label(name, kind, must=must)
        if must and not fits:
            raise self._unlike_its_name(name, role, expected)
        return fits

    def _fits_a_label(self, name: str, kind: str, *, must: bool) -> bool:
        if plain(name) == "y":
            return not {plain(other) for other in self.columns.names} & {"x", "z"}
        return must or kind != "time"

    def _unlike_its_name(self, name: str, role: str, expected: str) -> Exception:
        codes, values = self.columns.codes(name), self.columns.values(name)
        bad = next(
            (
                code
                for code, value in enumerate(values)
                if not (role == "parts" and part_named(str(value)))
                and not (role == "group" and float(value).is_integer())
            ),
            0,
        )
        row = int(np.argmax(codes == bad))
        word = role.rstrip("s")
        return self.columns.loaded.error(
            f"column {name!r} has {str(values[bad])[:40]!r}; by its name it is the {word}, and "
            f"expected are {expected}. If it is something else, say so: {role}='none' "
            f"(--column-{word} none), or name another column.",
            row,
        )

    # -- several columns for one role -----------------------------------------------------------

    def _settle_labels(self, label: str, others: Iterable[str]) -> None:
        for other in others:
            if not claims(other, "label"):
                continue
            same = self.columns.follows(label, other) and self.columns.follows(other, label)
            if not same and (plain(label) in _GENERAL) == (plain(other) in _GENERAL):
                raise self.asked("label", [label, other])
            self.left_out[other] = f"says the same as {label!r}" if same else "another label"

    def _settle_times(self, named: list[str]) -> None:
        """A column of dates and one of clock times are one time; others are left out."""
        best = named[0]
        if len(named) > 1:
            kinds = {n: time_column(self.columns, n, self.options.dates).kind for n in named}
            days = [name for name in named if kinds[name] == "date"]
            clocks = [name for name in named if kinds[name] == "clock"]
            whole = [name for name in named if kinds[name] == "moment"]
            if days and clocks and not whole:
                best, self.more_time = days[0], (clocks[0],)
            elif whole and kinds[best] in ("date", "clock"):
                best = whole[0]
        self.found["time"] = best
        rest = [name for name in named if name not in (best, *self.more_time)]
        # Words such as step and frame may be channels, too, where they do not count the steps.
        rest = [n for n in rest if claims(n, "time") or self.columns.kinds[n] == "time"]
        self.left_out.update(dict.fromkeys(rest, "another time"))

    def _settle_ids(self, key: str, others: Iterable[str]) -> None:
        for other in others:
            if self.columns.follows(other, key):
                self.left_out[other] = "another id"
            elif claims(other, "id") or self._in_runs(other):
                raise self.asked("id", [key, other])

    def _in_runs(self, name: str) -> bool:
        codes = self.columns.codes(name)
        return bool((codes[1:] == codes[:-1]).mean() > 0.5) if len(codes) > 1 else False

    def asked(self, role: str, names: list[str]) -> Exception:
        """A question that only the user can answer."""
        word = role.rstrip("s")
        counts = [f"{name!r} ({self.columns.distinct(name):,} values)" for name in names]
        shown = f"{', '.join(counts[:-1])} or {counts[-1]}"
        options = " or ".join(f"{role}={name!r}" for name in [*names, NONE])
        return self.columns.loaded.error(
            f"may have its {word} in {shown}: say {options} (on the command line --column-{word} "
            f"{_quoted(names[0])})."
        )

    # -- by type --------------------------------------------------------------------------------

    def _find_times_by_type(self) -> None:
        """Dates and clock times are the time, whatever they are called."""
        times = self.free("time")
        if not times or "time" in self.refused:
            return
        if "time" not in self.found:
            self._settle_times(times)
        elif not self.more_time and "time" not in self.given:
            self._settle_times([self.found["time"], *times])
        others = (n for n in self.free("time"))
        self.left_out.update(dict.fromkeys(others, "another time"))


def _quoted(name: str) -> str:
    return f'"{name}"' if re.search(r"[^\w.-]", name) else name


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
