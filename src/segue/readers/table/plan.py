"""What a table is: one row a sequence or one row a step, and which column is what."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from segue.errors import DataError, OptionError
from segue.readers.table.columns import Columns
from segue.readers.table.loading import bad_numbers, with_something_behind
from segue.readers.table.times import parses_as_time
from segue.readers.table.words import ROLES, plain, rank

Layout = Literal["rows", "steps", "lists", "texts"]
NONE = "none"  # says that there is no such column
NUMBERED = re.compile(r"(.*?)[ _\-.:(\[]*(\d+(?:\.\d+)?)[)\]]?")
_MANY = 8  # columns of numbers in which one looks for a time axis, without any other sign
_TEXT = 8  # characters that texts have on average, at least
_NAMED = 8  # columns that a note names


@dataclass(frozen=True)
class Plan:
    """How a table is read.

    Attributes:
        layout: "rows" (one a sequence), "steps" (one row a step), "lists" (one row a sequence, its
            steps as a list in one field) or "texts" (one row a sequence, a text).
        label, id, time, group, parts: the columns; `None` where there is none.
        channels: the columns with values; for rows, those of one channel after the other.
        names: of the channels; `None` for a single one without a name.
        left_out: the other columns, with the reason.
    """

    layout: Layout
    label: str | None = None
    id: str | None = None
    time: str | None = None
    group: str | None = None
    parts: str | None = None
    channels: tuple[str, ...] = ()
    names: tuple[str, ...] | None = None
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def roles(self) -> dict[str, str]:
        """The columns that have a role, by role."""
        found = {role: getattr(self, role) for role in ROLES}
        return {role: name for role, name in found.items() if name is not None}

    def note(self) -> str:
        """One line that says how the table is read."""
        layout = {
            "rows": "one row a sequence",
            "steps": "one row a step",
            "lists": "one row a sequence, its steps in lists",
            "texts": "one row a text",
        }[self.layout]
        said = [f"{role} {name!r}" for role, name in self.roles.items()]
        if self.label is None:
            said.insert(0, "no label")
        what = {"rows": "values", "texts": "text"}.get(self.layout, "channels")
        said.append(f"{what} {_listed(self.channels)}")
        if self.names and self.layout == "rows":
            said.append(f"channels {_listed(self.names)}")
        if self.left_out:
            reasons: dict[str, list[str]] = defaultdict(list)
            for name, reason in self.left_out:
                reasons[reason].append(name)
            without = [f"{_listed(names)} ({reason})" for reason, names in reasons.items()]
            said.append(f"left out {'; '.join(without)}")
        return f"{layout}: {', '.join(said)}"


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _NAMED:
        return ", ".join(repr(name) for name in names)
    return f"{names[0]!r} to {names[-1]!r} ({len(names)} columns)"


def make_plan(
    columns: Columns,
    wanted: Mapping[str, str | int | None],
    channels: Sequence[str | int] | None = None,
    *,
    layout: Layout | None = None,
) -> Plan:
    """Guess what a table is, as far as the user does not say.

    Args:
        columns: of the table.
        wanted: column by role, as the user says; "none": there is no such column.
        channels: the columns with values, as the user says; `t*` is all that have a number there.
        layout: what a row is, where it is known.

    Raises:
        OptionError: a column that is not there, or one with two roles.
        FileError: no column of numbers, or text among the numbers of one.
    """
    guess = _Guess(columns, wanted, channels)
    return guess.plan(layout or guess.layout())


class _Guess:
    def __init__(
        self,
        columns: Columns,
        wanted: Mapping[str, str | int | None],
        channels: Sequence[str | int] | None,
    ) -> None:
        self.columns = columns
        given = {role: name for role, name in wanted.items() if name is not None}
        self.refused = {role for role, name in given.items() if name == NONE}
        self.given = {
            role: columns.find(name, role)
            for role, name in given.items()
            if role not in self.refused
        }
        self.channels = None
        if channels is not None:
            self.channels = tuple(self._named(channels))
        taken = [*self.given.values(), *(self.channels or ())]
        twice = sorted({name for name in taken if taken.count(name) > 1})
        if twice:
            raise OptionError(f"The column {twice[0]!r} is named for two purposes.")
        self.roles = dict(self.given)
        self.left_out: dict[str, str] = dict.fromkeys(columns.empty, "empty")
        self._by_name()

    # -- roles ----------------------------------------------------------------------------------

    def free(self, *kinds: Any) -> list[str]:
        """Columns of these kinds that have no role yet."""
        taken = {*self.roles.values(), *self.left_out, *(self.channels or ())}
        return [name for name in self.columns.of_kind(*kinds) if name not in taken]

    def _named(self, channels: Sequence[str | int]) -> Iterator[str]:
        """The columns that are named as channels; `t*` is all that have a number there."""
        for name in channels:
            everything = self.columns.table.column_names
            several = [] if name in everything else with_number(str(name), everything)
            taken = {*self.given.values(), *self.columns.empty}
            yield from [n for n in several if n not in taken] or [
                self.columns.find(name, "channels")
            ]

    def _by_name(self) -> None:
        columns = self.columns
        first = columns.names[0] if columns.names else ""
        unnamed = first == "column 1" or plain(first) in ("index", "unnamed0", "row", "rownames")
        unnamed &= len(columns.names) > 1 and first in self.free("number", "text")
        if unnamed and columns.is_row_number(first):
            self.left_out[first] = "row numbers"
        axes = {plain(name) for name in columns.names} & {"x", "z"}
        for role in ROLES:
            if role in self.roles or role in self.refused:
                continue
            named = [
                (place, name)
                for name in self.free("number", "text", "time")
                if (place := rank(name, role)) is not None and self._may_be(name, role, axes)
            ]
            if named:
                self.roles[role] = min(named)[1]
        if "time" not in self.roles and "time" not in self.refused:
            times = self.free("time")
            if times:
                self.roles["time"] = times[0]

    def _may_be(self, name: str, role: str, axes: set[str]) -> bool:
        columns = self.columns
        kind = columns.kinds[name]
        if role == "parts":
            return kind == "text" and all(_part(value) for value in columns.values(name))
        if role == "time" and kind == "text":
            return parses_as_time(columns.loaded, name)
        if role == "label" and plain(name) == "y":
            return not axes
        if role in ("id", "group"):  # "sample" and "record" may be values, too
            return kind != "number" or columns.is_whole(name)
        return not (role == "label" and kind == "time")

    # -- layout ---------------------------------------------------------------------------------

    def layout(self) -> Layout:
        """One row a sequence, or one row a step."""
        columns = self.columns
        if columns.of_kind("list") and self.channels is None:
            return "lists"
        if self.channels and columns.kinds[self.channels[0]] == "list":
            return "lists"
        if self._texts():
            return "texts"
        repeats = "id" in self.roles and columns.distinct(self.roles["id"]) < columns.rows
        if repeats or "time" in self.given:
            return "steps"
        values = self.free("number") if self.channels is None else list(self.channels)
        if "id" in self.roles or self._numbered(values):
            return "rows"
        if "time" in self.roles or self._unnamed_steps():
            return "steps"
        if len(values) >= _MANY or not self._label_in_runs(values):
            return "rows"
        return "steps"

    def _texts(self) -> bool:
        """Whether the sequences are a column of texts, the one with the longest."""
        if self.channels is None:
            texts = [] if self.free("number") else self.free("text")
            texts = [n for n in texts if 2 * self.columns.distinct(n) > self.columns.rows]
            longest = max(texts, key=self.columns.mean_length, default=None)
            if longest is None or self.columns.mean_length(longest) < _TEXT:
                return False
            if any(bad_numbers(self.columns.loaded, name) for name in self.free("text")):
                return False
            self.channels = (longest,)
        return (
            len(self.channels) == 1
            and self.columns.kinds[self.channels[0]] == "text"
            and (not bad_numbers(self.columns.loaded, self.channels[0]))
        )

    def _numbered(self, names: list[str]) -> bool:
        """Names such as t0, t1, t2, t3: a time axis."""
        if not self.columns.loaded.named:
            return False
        runs: dict[str, int] = defaultdict(int)
        for name in names:
            match = NUMBERED.fullmatch(name)
            if match:
                runs[match[1]] += 1
        return max(runs.values(), default=0) >= 4

    def _unnamed_steps(self) -> bool:
        """Columns without names: one that stays the same while the next one rises."""
        if self.columns.loaded.named or "id" in self.refused:
            return False
        first = self.columns.names[:2]
        if len(first) < 2 or any(name in self.roles.values() for name in first):
            return False
        id_, time = first
        if self.columns.kinds[time] not in ("number", "time") or self.columns.kinds[id_] == "time":
            return False
        if self.columns.kinds[id_] == "number" and not self.columns.is_whole(id_):
            return False
        codes = self.columns.codes(id_)
        same = codes[1:] == codes[:-1]
        if same.mean() < 0.5 or codes.max() + 1 + same.sum() != len(codes):
            return False
        times = self.columns.table.column(time).cast(pa.float64()).to_numpy()
        if not (np.diff(times)[same] > 0).all():
            return False
        self.roles["id"], self.roles["time"] = id_, time
        self.left_out.pop(id_, None)
        return True

    def _label_in_runs(self, values: list[str]) -> bool:
        """Whether the rows are the steps of one recording: the label seldom changes."""
        label = self.roles.get("label")
        if label is None:
            texts = self.free("text")
            label = texts[0] if len(texts) == 1 else None
        if label is None:
            return len(values) <= 2  # a plain series or two
        codes = self.columns.codes(label)
        changes = int((codes[1:] != codes[:-1]).sum())
        # A table sorted by class has a change less than classes: each row is a sequence then.
        return changes < 0.2 * len(codes) and changes > self.columns.distinct(label)

    # -- the rest -------------------------------------------------------------------------------

    def plan(self, layout: Layout) -> Plan:
        """The plan for a layout."""
        if "label" not in self.roles and "label" not in self.refused:
            label = self._label(layout)
            if label is not None:
                self.roles["label"] = label
        if layout == "steps" and not {"time"} & {*self.roles, *self.refused}:
            counted = [n for n in self.free("number") if self._counts_steps(n)]
            if counted and "id" in self.roles:
                self.roles["time"] = counted[0]
        if layout != "steps" and "time" not in self.given and "time" in self.roles:
            self.left_out[self.roles.pop("time")] = "a time, and each row is a sequence"
        if layout != "steps" and "id" not in self.roles and "id" not in self.refused:
            unlike = [n for n in self.free("text") if self.columns.distinct(n) == self.columns.rows]
            if unlike and self.columns.rows > 2:
                self.roles["id"] = unlike[0]
        if self.channels is None:
            self._leave_out_what_tells_the_label()
        kinds = ("list",) if layout == "lists" else ("number",)
        channels = self.channels or tuple(self.free(*kinds))
        self._check_numbers(channels, layout)
        names: tuple[str, ...] | None = channels if self.columns.loaded.named else None
        if layout == "rows":
            channels, names = _time_axes(channels)
        for name in self.free("text", "time", "number", "list", "other"):
            if name not in channels:
                kind = self.columns.kinds[name]
                self.left_out[name] = "not named" if kind == "number" else kind
        left_out = tuple(self.left_out.items())
        return Plan(layout, **self.roles, channels=channels, names=names, left_out=left_out)

    def _counts_steps(self, name: str) -> bool:
        """0, 1, 2, ... or 1, 2, 3, ... in each sequence."""
        columns = self.columns
        if "id" not in self.roles or not columns.is_whole(name):
            return False
        if columns.table.column(name).null_count:
            return False
        same = np.diff(columns.codes(self.roles["id"])) == 0
        numbers = columns.table.column(name).to_numpy()
        begins = numbers[np.concatenate([[True], ~same])]
        return bool(
            same.any()
            and (np.diff(numbers)[same] == 1).all()
            and len(np.unique(begins)) == 1
            and begins[0] in (0, 1)
        )

    def _label(self, layout: Layout) -> str | None:
        """The column that is most like a label, where none is called so."""
        columns = self.columns
        most = max(2, columns.rows // 2)
        texts = [n for n in self.free("text") if 2 <= columns.distinct(n) <= most]
        if texts:
            return min(texts, key=columns.distinct)
        if layout != "rows" or self.channels is not None:
            return None
        numbers = self.free("number")
        if len(numbers) < 3:
            return None
        ends = [n for n in (numbers[-1], numbers[0]) if self._is_like_classes(n)]
        inside = [n for n in numbers[1:-1] if self._is_like_classes(n)]
        # Where the values themselves are few whole numbers, nothing tells a label from them.
        return ends[0] if ends and len(inside) < 0.2 * len(numbers) else None

    def _is_like_classes(self, name: str) -> bool:
        columns = self.columns
        if not columns.is_whole(name) or columns.table.column(name).null_count:
            return False
        return 2 <= columns.distinct(name) <= min(100, max(2, columns.rows // 3))

    def _leave_out_what_tells_the_label(self) -> None:
        """A class number beside the class name would be all that a network looks at."""
        label = self.roles.get("label")
        if label is None:
            return
        codes, count = self.columns.codes(label), self.columns.distinct(label)
        if count < 2 or count > 1000:
            return
        for name in self.free("number"):
            if not self.columns.is_whole(name) or self.columns.distinct(name) != count:
                continue
            pairs = np.unique(codes * (count + 1) + self.columns.codes(name))
            if len(pairs) == count and (rank(name, "label") is not None or _akin(name, label)):
                self.left_out[name] = f"says the same as {label!r}"

    def _check_numbers(self, channels: Iterable[str], layout: Layout) -> None:
        loaded, columns = self.columns.loaded, self.columns
        usual = ("text",) if layout == "texts" else ("number", "list")
        strange = [n for n in channels if columns.kinds[n] not in usual]
        for name in [*strange, *self.free("text")]:
            bad = bad_numbers(loaded, name)
            if bad:
                where = [f"{str(text)[:40]!r} at {loaded.place(row)}" for row, text in bad[1:]]
                more = f"; also {', '.join(where)}" if where else ""
                raise loaded.error(
                    f"column {name!r} has {bad[0][1][:40]!r} among its numbers{more}. Correct it, "
                    "or leave the field empty if the value is missing.",
                    bad[0][0],
                )
            unit = with_something_behind(loaded, name) if name not in strange else None
            if unit is not None:
                raise loaded.error(
                    f"column {name!r} has numbers with something behind them, such as {unit!r}: "
                    "remove it, so that they can be read."
                )
        if strange:
            raise DataError(
                f"The column {strange[0]!r} holds {columns.kinds[strange[0]]}s; expected numbers."
            )
        if not tuple(channels):
            shown = ", ".join(f"{n} ({k})" for n, k in list(columns.kinds.items())[:10])
            raise loaded.error(
                f"has no column of numbers that could be values: {shown or 'all are empty'}."
            )


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


def _akin(name: str, label: str) -> bool:
    """activity_id and activity_name."""
    a, b = plain(name), plain(label)
    return a.startswith(b[:4]) or b.startswith(a[:4])


def _part(value: Any) -> bool:
    from segue.readers.registry import part_named

    return part_named(str(value)) is not None


def _time_axes(names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """The columns of each channel in the order of time, one channel after the other.

    >>> _time_axes(("x_2", "y_1", "x_1", "y_2"))
    (('x_1', 'x_2', 'y_1', 'y_2'), ('x', 'y'))
    """
    axes: dict[str, dict[float, str]] = defaultdict(dict)
    for name in names:
        match = NUMBERED.fullmatch(name)
        if match is None:
            return names, None
        axes[match[1]][float(match[2])] = name
    steps = {tuple(sorted(axis)) for axis in axes.values()}
    if len(steps) != 1 or sum(map(len, axes.values())) != len(names) or len(names) == len(axes):
        return names, None
    ordered = tuple(axis[step] for axis in axes.values() for step in sorted(axis))
    return ordered, tuple(axes) if len(axes) > 1 else None
