"""Roles of columns: from the options of the user, the name of the column, and its type.

A column whose name claims a role has it, or is an error: it is never taken for something else
without a word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from segue.data.sequences import Array
from segue.errors import OptionError
from segue.readers.registry import part_named
from segue.readers.table.columns import NUMBERS, Columns
from segue.readers.table.names import find_axes, is_axis, with_number
from segue.readers.table.sampling import time_column
from segue.readers.table.words import (
    CALENDAR,
    GENERAL_LABELS,
    NONE,
    OWNERS,
    ROLES,
    TableOptions,
    calendar_parts,
    claims,
    plain,
    rank,
    say,
)

_ROW_NUMBERS = ("index", "unnamed0", "row", "rownames", "no", "nr", "number", "rownumber")
_EXPECTED = {
    "time": "numbers, or dates and times of one form",
    "group": "names or whole numbers",
    "parts": "train, validation or test",
}


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
        self.left_out: dict[str, str] = dict.fromkeys(columns.empty, "empty")
        self.more_time: tuple[str, ...] = ()  # what makes a time of the first column of it
        said = {role: name for role, name in options.roles.items() if name is not None}
        self.refused = {role for role, name in said.items() if name == NONE}
        self.given = {r: self._given(r, name) for r, name in said.items() if name != NONE}
        self.found = dict(self.given)
        channels = None if options.channels is None else tuple(self._channels(options.channels))
        self.channels = channels
        name, count = Counter([*self.given.values(), *(channels or ()), ""]).most_common(1)[0]
        if count > 1:
            raise OptionError(f"The column {name!r} is named for two purposes.")
        for name in columns.of_kind("other") if channels is None else ():
            role = next((role for role in ROLES if claims(name, role) and self.is_open(role)), "")
            if role:
                raise columns.loaded.error(
                    f"column {name!r} holds {columns.table.column(name).type}; by its name it is "
                    f"the {role.rstrip('s')}. Convert it to text, numbers or times, or: "
                    + say(f"{role}='none'")
                )
        for role in self.given:
            others = [n for n in self.free("number", "truth", "text", "time") if claims(n, role)]
            self.left_out |= dict.fromkeys(others, f"another {role.rstrip('s')}")
        first = columns.names[0] if columns.names else ""
        is_unnamed = first == "column 1" or plain(first) in _ROW_NUMBERS
        is_free = len(columns.names) > 1 and first in self.free("number")
        if is_free and is_unnamed and columns.is_row_number(first):
            self.left_out[first] = "row numbers"
        for role in ("label", "id", "group", "parts"):
            named = self._named(role) if self.is_open(role) else []
            if role == "group" and self.is_open(role):
                named = self._with_owners(named)
                named = self._without_sessions(named) if self.is_open("id") else named
            if named:
                self.found[role] = named[0]
            for other in named[1:]:
                self._settle(role, named[0], other)
        if self.is_open("time"):
            self._find_time()
        if "time" not in self.refused:
            self.left_out.update(dict.fromkeys(self.free("time"), "another time"))

    def free(self, *kinds: Any) -> list[str]:
        """Columns of these kinds that have no role yet."""
        taken = {*self.found.values(), *self.more_time, *self.left_out, *(self.channels or ())}
        return [name for name in self.columns.of_kind(*kinds) if name not in taken]

    def missing_steps(self) -> list[str]:
        """Empty columns of an axis, or between unnamed ones: steps that are missing everywhere.

        Raises:
            FileError: a column between the steps has other text among its numbers.
        """
        columns, numbers = self.columns, self.free(*NUMBERS)
        if not (is_axis(numbers) if columns.loaded.named else len(numbers) > 2):
            return []
        everything = columns.table.column_names
        between = everything[everything.index(numbers[0]) : everything.index(numbers[-1])]
        texts = [n for n in self.free("text", "time", "list") if n in between]
        texts = [n for n in texts if n not in self.given.values() and columns.has_numbers(n)]
        empty = columns.empty if columns.loaded.named else set(columns.empty).intersection(between)
        some = {*numbers, *empty, *texts}
        found = set(find_axes([name for name in everything if name in some]).columns)
        for name in filter(found.__contains__, texts):
            columns.refuse_bad_numbers(name, at_most=1)
        missing = [name for name in columns.empty if name in found]
        for name in missing:
            self.left_out.pop(name, None)
        return missing

    def is_open(self, role: str) -> bool:
        """Whether a role has no column yet, and nobody says that there is none."""
        return role not in self.found and role not in self.refused

    # -- what a user says -----------------------------------------------------------------------

    def _given(self, role: str, name: Any) -> str:
        """The column of a role; of several columns for time, the first."""
        names = [name]
        if role == "time" and isinstance(name, str) and name not in self.columns.table.column_names:
            names = [part.strip() for part in name.split(",")]
        first, *more = (self.columns.find(part, role) for part in names)
        self.more_time += tuple(more)
        return first

    def _channels(self, channels: Sequence[str | int]) -> Iterator[str]:
        """The columns that are named as channels; `t*` is all that have a number there."""
        everything = self.columns.table.column_names
        taken = {*self.given.values(), *self.columns.empty}
        for name in channels:
            several = [] if name in everything else with_number(str(name), everything)
            found = [column for column in several if column not in taken]
            yield from found or [self.columns.find(name, "channels")]

    # -- by name --------------------------------------------------------------------------------

    def _named(self, role: str) -> list[str]:
        """The columns whose names mean a role and whose values can have it, the best first."""
        named = [
            (not claims(name, role), place, name)
            for name in self.free("number", "truth", "text", "time")
            if (place := rank(name, role)) is not None and self._fits(name, role)
        ]
        return [name for _, _, name in sorted(named)]

    def _with_owners(self, named: list[str]) -> list[str]:
        """The groups; and where only an id or sessions are named, whose these are (machine)."""
        columns = self.columns
        key = named[0] if named else self.found.get("id", "")
        if not key or (named and (not self.is_open("id") or "session" not in plain(key))):
            return named
        free = [n for n in self.free("number", "text") if plain(n) in OWNERS and n != key]
        whole = [n for n in free if columns.kinds[n] == "text" or columns.is_whole(n)]
        several = [n for n in whole if columns.distinct(n) > 1 and columns.distinct(key) > 1]
        fitting = columns.follows, lambda *names: are_runs(columns, names)
        return [*(n for n in several if any(fits(n, key) for fits in fitting)), *named]

    def _without_sessions(self, named: list[str]) -> list[str]:
        """The groups, where the finest of several (the sessions of a user) is the id of sequences.

        That is so where both stay the same from row to row, and the finest varies within the next.
        """
        columns = self.columns
        if len(named) < 2:
            return named
        *coarser, finest = named
        best = max(coarser, key=columns.distinct)
        both_stay = stays(columns, best) & stays(columns, finest)
        if columns.follows(finest, best) or 2 * both_stay.sum() < columns.rows:
            return named
        self.found["id"] = finest
        return [best, *(name for name in coarser if name != best)]

    def _fits(self, name: str, role: str) -> bool:
        """Whether a column can have the role that its name means.

        Raises:
            FileError: it cannot, and its name says nothing else.
        """
        columns, must = self.columns, claims(name, role)
        kind = columns.kinds[name]
        match role:
            case "label" if plain(name) == "y":  # a channel, beside x or z
                return not {plain(other) for other in columns.names} & {"x", "z"}
            case "label":
                return must or kind != "time"
            case "id":
                is_name = kind == "text" and not columns.is_running_text(name)
                return must or is_name or columns.is_whole(name)
            case "time" if kind in ("number", "time"):
                return must or kind == "time" or self._goes_on(name)
            case "time" if must and kind == "text":
                columns.refuse_bad_numbers(name, units=False)
                time_column(columns, name, self.options.dates)  # says which value and why
            case "group" if kind != "number":
                return True
        codes, values = columns.codes(name), columns.values(name)
        strange = codes >= 0
        if role == "group":
            strange = columns.floats(name) % 1 > 0
        elif role == "parts":
            strange = np.isin(codes, [i for i, v in enumerate(values) if not part_named(str(v))])
        if must and strange.any():
            row, word = int(strange.argmax()), role.rstrip("s")
            raise columns.loaded.error(
                f"column {name!r} has {str(values[codes[row]])[:40]!r}; by its name it is the "
                f"{word}, and expected are {_EXPECTED[role]}. If it is something else, name "
                "another column, or none. " + say(f"{role}='none'"),
                row,
            )
        return not strange.any()

    def _goes_on(self, name: str) -> bool:
        """Whether numbers rise from step to step, or would evenly if the rows were sorted."""
        columns, key = self.columns, self.found.get("id", self.found.get("group"))
        numbers = columns.floats(name)
        codes = np.zeros(columns.rows, np.int32) if key is None else columns.codes(key)
        steps = np.diff(numbers)[codes[1:] == codes[:-1]]
        if len(steps) < 8 or (steps < 0).mean() <= 0.25:
            return True
        order = np.lexsort((numbers, codes))
        steps = np.diff(numbers[order])[np.diff(codes[order]) == 0]
        rising = steps[steps > 0]
        even = np.abs(rising - np.median(rising)) < 0.02 * rising.max() if len(rising) else rising
        return len(steps) < 8 or (len(rising) > 0.4 * len(steps) and bool(even.mean() > 0.5))

    def _settle(self, role: str, chosen: str, other: str) -> None:
        """A second column with a name for a role: left out, no such column, or asked about.

        Raises:
            FileError: it may be the one as well.
        """
        must, follows = claims(other, role), self.columns.follows(other, chosen)
        reason = f"another {role.rstrip('s')}"
        match role:
            case "label" if not must:
                return
            case "label" if follows and self.columns.follows(chosen, other):
                reason = f"says the same as {chosen!r}"
            case "label" if (plain(chosen) in GENERAL_LABELS) == (plain(other) in GENERAL_LABELS):
                raise self.asked(role, [chosen, other])
            case "id" if not follows:
                if must or 2 * stays(self.columns, other).sum() >= self.columns.rows:
                    is_run = self.is_open("group") and are_runs(self.columns, [chosen, other])
                    both = [f"id={other!r}, group={chosen!r}", f"id={chosen!r}"] if is_run else []
                    raise self.asked(role, [chosen, other], *both)
                return
        self.left_out[other] = reason

    def asked(self, role: str, names: list[str], *options: str) -> Exception:
        """A question that only the user can answer, by one of the names if nothing else is said."""
        word = role.rstrip("s")
        counts = [f"{name!r} ({self.columns.distinct(name):,} values)" for name in names]
        shown = f"{', '.join(counts[:-1])} or {counts[-1]}"
        said = say(*(options or (f"{role}={name!r}" for name in [*names, NONE])))
        return self.columns.loaded.error(f"may have its {word} in {shown}. {said}")

    # -- time -----------------------------------------------------------------------------------

    def _find_time(self) -> None:
        """By name; and dates and clock times are the time, whatever they are called."""
        named, calendar = self._named("time"), self._calendar()
        typed = [name for name in self.free("time") if name not in named]
        chosen = self._chosen_times(named, typed, calendar)
        if chosen:
            self.found["time"], *more = chosen
            self.more_time = tuple(more)
        # Words such as step and frame may be channels, too, where they do not count the steps.
        others = [name for name in named if claims(name, "time")] + calendar
        self.left_out |= {name: "another time" for name in others if name not in chosen}

    def _chosen_times(self, named: list[str], typed: list[str], calendar: list[str]) -> list[str]:
        """One column of moments, or several that make them: of days, and of clock times."""
        times = [*named, *typed]
        if len(times) + len(calendar) < 2:
            return times
        kinds = {n: time_column(self.columns, n, self.options.dates).kind for n in times}
        if {"date", "clock"} <= {kinds[name] for name in named}:
            times = named
        first = {kinds[name]: name for name in reversed(times)}
        if "moment" in first and (calendar or kinds[times[0]] != "number"):
            return [first["moment"]]
        days = calendar or [first[kind] for kind in first if kind == "date"]
        if days and "clock" in first and len(days) <= 3:  # without hours of their own
            return [*days, first["clock"]]
        return calendar or times[:1]

    def _calendar(self) -> list[str]:
        """Year, month and day in columns of their own, with what else they have of the clock."""
        parts = calendar_parts(self.free("number"))
        found = [parts[part] for part in CALENDAR if part in parts]
        whole = all(self.columns.is_whole(n) for n in found if n != parts.get("second"))
        if whole and {"year", "month", "day"} <= parts.keys():
            return found
        more = parts.get("dayofyear", parts.get("month"))
        if not whole or more is None or "year" not in parts or len(found) > 2:
            return []
        # A year and a month may be anything, unless they go on from row to row.
        moments = 400 * self.columns.floats(parts["year"]) + self.columns.floats(more)
        return found if (np.diff(moments) > 0).all() else []


def stays(columns: Columns, name: str) -> Array:
    """`[rows - 1]`, whether a column has the value of the row before."""
    codes = columns.codes(name)
    return np.asarray(codes[1:] == codes[:-1])


def are_runs(columns: Columns, names: Iterable[str]) -> bool:
    """Whether the rows that are the same in these columns stand together, two or more of each."""
    same = np.all([stays(columns, name) for name in names], axis=0)
    runs = columns.rows - int(same.sum())
    return 2 * runs <= columns.rows and runs == rows_apart(columns, names)


def rows_apart(columns: Columns, names: Iterable[str], moments: Array | None = None) -> int:
    """How many different rows there are, in some columns, and in numbers beside them."""
    found = np.zeros(columns.rows, np.int64) if moments is None else moments
    for name in names:
        found = found * (columns.distinct(name) + 1) + columns.codes(name)
    return len(np.unique(found))
