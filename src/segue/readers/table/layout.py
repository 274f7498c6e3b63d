"""What a row of a table is: a sequence, a step of one, or a text; and which columns are values."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np

from segue.errors import DataError
from segue.labels import CLASSES_AT_MOST
from segue.readers.table.axes import Axes, find_axes, is_axis
from segue.readers.table.columns import NUMBERS, Columns
from segue.readers.table.roles import Layout, Roles, TableOptions
from segue.readers.table.words import ROLES, TEXTS, plain, rank, role_of

_MANY = 8  # columns of numbers in which one looks for a time axis, without any other sign
_TEXT = 8  # characters that texts have on average, at least
_LONG_TEXT = 20  # characters of texts that nobody takes for a remark beside numbers
_NAMED = 8  # columns that a note names
_SAID = {
    "rows": "one row a sequence",
    "steps": "one row a step",
    "lists": "one row a sequence, its steps in lists",
    "texts": "one row a text",
}


@dataclass(frozen=True)
class Plan:
    """How a table is read.

    Attributes:
        layout: "rows" (one a sequence), "steps" (one row a step), "lists" (one row a sequence, its
            steps as a list in one field) or "texts" (one row a sequence, a text).
        roles: the columns that have a role, by role.
        channels: the columns with values; for rows, those of one channel after the other.
        names: of the channels; `None` for a single one without a name.
        left_out: the other columns, with the reason.
        more_time: columns that make a time of the first one: a clock time, month and day.
        options: what was said about the table.
    """

    layout: Layout
    roles: dict[str, str] = field(default_factory=dict)
    channels: tuple[str, ...] = ()
    names: tuple[str, ...] | None = None
    left_out: tuple[tuple[str, str], ...] = ()
    more_time: tuple[str, ...] = ()
    options: TableOptions = field(default_factory=TableOptions)

    def note(self) -> str:
        """One line that says how the table is read."""
        said = [f"{role} {name!r}" for role, name in self.roles.items()]
        if self.more_time:
            more = "".join(f" and {name!r}" for name in self.more_time)
            said = [text + more if text.startswith("time ") else text for text in said]
        if "label" not in self.roles:
            said.insert(0, "no label")
        what = {"rows": "values", "texts": "text"}.get(self.layout, "channels")
        said.append(f"{what} {listed(self.channels)}")
        if self.names and self.layout == "rows":
            said.append(f"channels {listed(self.names)}")
        if self.left_out:
            reasons: dict[str, list[str]] = defaultdict(list)
            for name, reason in self.left_out:
                reasons[reason].append(name)
            without = [f"{listed(names)} ({reason})" for reason, names in reasons.items()]
            said.append(f"left out {'; '.join(without)}")
        return f"{_SAID[self.layout]}: {', '.join(said)}"

    def described(self, columns: Columns) -> list[dict[str, str]]:
        """Each column with its kind and its role, in the order of the table; like ones together."""
        roles = {name: role for role, name in self.roles.items()}
        roles |= dict.fromkeys(self.channels, "channel")
        roles |= {name: f"left out: {reason}" for name, reason in self.left_out}
        roles |= dict.fromkeys(self.more_time, "time")
        found = [
            (columns.kinds.get(n, "empty"), roles.get(n, "left out"), n)
            for n in columns.table.column_names
        ]
        runs = [(like, [n for *_, n in run]) for like, run in groupby(found, lambda f: f[:2])]
        few = len(found) <= _NAMED
        return [
            {"name": name, "kind": kind, "role": role}
            for (kind, role), names in runs
            for name in (names if few or len(names) <= 2 else [f"{names[0]} to {names[-1]}"])
        ]


def listed(names: Sequence[str]) -> str:
    """Names of columns for a line; of many the first and the last."""
    if len(names) <= _NAMED:
        return ", ".join(repr(name) for name in names)
    return f"{names[0]!r} to {names[-1]!r} ({len(names)} columns)"


def make_plan(columns: Columns, options: TableOptions) -> Plan:
    """Find out what a table is.

    Args:
        columns: of the table.
        options: what is said about it.

    Raises:
        FileError: nothing that could be values, or what can be read in two ways.
        OptionError: a column that is not there.
    """
    return _Planner(columns, Roles(columns, options)).plan()


class _Planner:
    def __init__(self, columns: Columns, roles: Roles) -> None:
        self.columns, self.roles = columns, roles
        self.found, self.refused, self.left_out = roles.found, roles.refused, roles.left_out
        self.free = roles.free

    def plan(self) -> Plan:
        """Layout first, then what is not told by names, then the columns with values."""
        roles = self.roles
        layout = roles.options.layout or self._layout()
        if "label" not in self.found and "label" not in self.refused:
            label = self._label(layout)
            if label is not None:
                self.found["label"] = label
        if layout == "steps":
            self._find_step_numbers()
        else:
            self._leave_out_times()
            self._find_ids()
        if roles.channels is None:
            self._leave_out_what_tells_the_label()
        channels, names = self._values(layout)
        for name in self.free("text", "time", *NUMBERS, "list", "other"):
            if name not in channels:
                kind = self.columns.kinds[name]
                self.left_out[name] = "not named" if kind in NUMBERS else kind
        return Plan(
            layout,
            {role: self.found[role] for role in ROLES if role in self.found},
            channels,
            names,
            tuple(self.left_out.items()),
            roles.more_time,
            roles.options,
        )

    # -- layout ---------------------------------------------------------------------------------

    def _layout(self) -> Layout:
        columns, given = self.columns, self.roles.channels
        if given is None and self.free("list"):
            return "lists"
        if given and columns.kinds[given[0]] == "list":
            return "lists"
        if self._are_texts():
            return "texts"
        key = self.found.get("id")
        repeats = key is not None and columns.distinct(key) < columns.rows
        if repeats or "time" in self.roles.given:
            return "steps"
        values = self.free(*NUMBERS) if given is None else list(given)
        if key is not None or (columns.loaded.named and is_axis(values)):
            return "rows"
        if "time" in self.found or self._unnamed_steps():
            return "steps"
        if len(values) >= _MANY or not self._label_in_runs(values):
            return "rows"
        return "steps"

    def _are_texts(self) -> bool:
        """Whether the sequences are a column of texts: it is called so, or there are no numbers."""
        columns, roles = self.columns, self.roles
        if roles.channels is None:
            texts = [n for n in self.free("text") if columns.mean_length(n) >= _TEXT]
            named = [n for n in texts if plain(n) in TEXTS and columns.loaded.named]
            texts = named or [n for n in texts if 2 * columns.distinct(n) > columns.rows]
            longest = max(texts, key=columns.mean_length, default=None)
            if longest is None or any(columns.bad_numbers(name) for name in self.free("text")):
                return False
            numbers = self.free(*NUMBERS)
            if numbers and (longest not in named or self._are_steps()):
                self._refuse_texts_beside_numbers(longest, numbers)
                return False
            roles.channels = (longest,)
        first = roles.channels[0]
        is_text = columns.kinds[first] == "text" and not columns.bad_numbers(first)
        return len(roles.channels) == 1 and is_text

    def _are_steps(self) -> bool:
        """Whether an id that repeats, or a time without any id, says that rows are steps."""
        key = self.found.get("id")
        if key is None:
            return "time" in self.found
        return self.columns.distinct(key) < self.columns.rows

    def _refuse_texts_beside_numbers(self, text: str, numbers: list[str]) -> None:
        """Ask, where rows have long texts and numbers and nothing says that they are steps."""
        is_remark = plain(text) not in TEXTS and "time" in self.found
        if self.columns.mean_length(text) < _LONG_TEXT or is_remark or "id" in self.found:
            return
        raise self.columns.loaded.error(
            f"holds texts in {text!r} and numbers in {listed(numbers)}: which of them are the "
            f"sequences? Say channels={text!r} (--column-channels), or name the columns with the "
            "numbers there."
        )

    def _unnamed_steps(self) -> bool:
        """Columns without names: one that stays the same while the next one rises."""
        columns = self.columns
        if columns.loaded.named or "id" in self.refused:
            return False
        first = columns.names[:2]
        if len(first) < 2 or any(name in self.found.values() for name in first):
            return False
        key, time = first
        if columns.kinds[time] != "number" or columns.kinds[key] not in ("number", "text"):
            return False
        if columns.kinds[key] == "number" and not columns.is_whole(key):
            return False
        codes = columns.codes(key)
        same = codes[1:] == codes[:-1]
        if len(same) == 0 or same.mean() < 0.5 or codes.max() + 1 + same.sum() != len(codes):
            return False
        if not (np.diff(columns.floats(time))[same] > 0).all():
            return False
        self.found["id"], self.found["time"] = key, time
        self.left_out.pop(key, None)
        return True

    def _label_in_runs(self, values: list[str]) -> bool:
        """Whether the rows are the steps of one recording: the label seldom changes."""
        label = self.found.get("label")
        if label is None:
            texts = self.free("text")
            label = texts[0] if len(texts) == 1 else None
        if label is None:
            return len(values) <= 2  # a plain series or two
        codes = self.columns.codes(label)
        changes = int((codes[1:] != codes[:-1]).sum())
        # A table sorted by class has a change less than classes: each row is a sequence then.
        return changes < 0.2 * len(codes) and changes > self.columns.distinct(label)

    # -- what names do not tell -----------------------------------------------------------------

    def _find_step_numbers(self) -> None:
        if {"time"} & {*self.found, *self.refused} or "id" not in self.found:
            return
        counted = [n for n in self.free("number") if self._counts_steps(n)]
        if counted:
            self.found["time"] = counted[0]

    def _counts_steps(self, name: str) -> bool:
        """0, 1, 2, ... or 1, 2, 3, ... in each sequence."""
        columns = self.columns
        if not columns.is_whole(name) or np.isnan(numbers := columns.floats(name)).any():
            return False
        same = np.diff(columns.codes(self.found["id"])) == 0
        begins = numbers[np.concatenate([[True], ~same])]
        return bool(
            same.any()
            and (np.diff(numbers)[same] == 1).all()
            and len(np.unique(begins)) == 1
            and begins[0] in (0, 1)
        )

    def _leave_out_times(self) -> None:
        """Where each row is a sequence, a time is when it was, and nothing to learn from."""
        if "time" in self.found and "time" not in self.roles.given:
            times = (self.found.pop("time"), *self.roles.more_time)
            self.left_out.update(dict.fromkeys(times, "a time, and each row is a sequence"))
            self.roles.more_time = ()

    def _find_ids(self) -> None:
        columns = self.columns
        if {"id"} & {*self.found, *self.refused} or columns.rows <= 2:
            return
        called = [n for n in self.free("number") if re.search(r"(?:[_\s]id|I[dD])$", n)]
        unlike = [n for n in (*called, *self.free("text")) if columns.distinct(n) == columns.rows]
        if unlike:
            self.found["id"] = unlike[0]

    # -- label ----------------------------------------------------------------------------------

    def _label(self, layout: Layout) -> str | None:
        """The column that can be a label, where none is called so.

        Raises:
            FileError: several can.
        """
        columns = self.columns
        most = max(2, columns.rows // 2)
        texts = [
            name
            for name in self.free("text")
            if 2 <= columns.distinct(name) <= most and role_of(name) in (None, "label")
        ]
        if len(texts) > 1:
            raise self.roles.asked("label", texts)
        if texts:
            return texts[0]
        truths = self.free("truth")
        if len(truths) == 1 and columns.distinct(truths[0]) == 2:
            return self._label_of_truth(truths[0], layout)
        if layout == "texts":
            numbers = [n for n in self.free("number") if self._is_like_classes(n)]
            return numbers[0] if len(numbers) == 1 else None
        return self._label_at_an_end() if layout == "rows" and not self.roles.channels else None

    def _label_of_truth(self, name: str, layout: Layout) -> str | None:
        """A column of yes and no, which may be a channel, too."""
        if layout != "steps":
            return name
        key = self.found.get("id", self.found.get("group"))
        if key is not None and self.columns.follows(name, key):
            return name
        raise self.columns.loaded.error(
            f"has yes and no (or the like) in {name!r}: is it the label of each step, or a channel "
            f"of 0 and 1? Say label={name!r} (--column-label), or label='none'."
        )

    def _label_at_an_end(self) -> str | None:
        """Few whole numbers in the last or first column, where the others hold something else."""
        numbers = self.free("number")
        if len(numbers) < 3:
            return None
        ends = [n for n in (numbers[-1], numbers[0]) if self._is_like_classes(n)]
        if self.columns.loaded.named and is_axis(numbers):
            # 0, 1, 2, ... are the names that pandas gives to any columns.
            axis = [name for name in find_axes(numbers).columns if not name.isdigit()]
            ends = [name for name in ends if name not in axis]
        inside = [n for n in numbers[1:-1] if self._is_like_classes(n)]
        # Where the values themselves are few whole numbers, nothing tells a label from them.
        return ends[0] if ends and len(inside) < 0.2 * len(numbers) else None

    def _is_like_classes(self, name: str) -> bool:
        columns = self.columns
        if not columns.is_whole(name) or np.isnan(columns.floats(name)).any():
            return False
        return 2 <= columns.distinct(name) <= min(CLASSES_AT_MOST, max(2, columns.rows // 3))

    def _leave_out_what_tells_the_label(self) -> None:
        """A class number beside the class name would be all that a network looks at."""
        label = self.found.get("label")
        if label is None or not 2 <= self.columns.distinct(label) <= 1000:
            return
        for name in self.free("number"):
            if not self.columns.is_whole(name):
                continue
            same = self.columns.follows(name, label) and self.columns.follows(label, name)
            if same and (rank(name, "label") is not None or _akin(name, label)):
                self.left_out[name] = f"says the same as {label!r}"

    # -- values ---------------------------------------------------------------------------------

    def _values(self, layout: Layout) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
        """The columns with values, and the names of the channels."""
        given = self.roles.channels
        kinds: tuple[Any, ...] = ("list",) if layout == "lists" else NUMBERS
        channels = given or tuple(self.free(*kinds))
        self._check_values(channels, layout)
        if not self.columns.loaded.named:
            return channels, None
        if layout != "rows":
            return channels, channels
        try:
            axes = find_axes(channels)
        except DataError as error:
            raise self.columns.loaded.error(str(error)) from None
        self._leave_out_the_rest(axes, given)
        return axes.columns, axes.channels

    def _leave_out_the_rest(self, axes: Axes, given: tuple[str, ...] | None) -> None:
        if axes.rest and given is not None:
            raise self.columns.loaded.error(
                f"has the columns {listed(axes.rest)} among the channels beside the steps "
                f"{axes.about}: expected the steps of one axis, or several of the same length."
            )
        self.left_out.update(dict.fromkeys(axes.rest, f"beside the steps {axes.about}"))

    def _check_values(self, channels: Iterable[str], layout: Layout) -> None:
        columns = self.columns
        usual = ("text",) if layout == "texts" else (*NUMBERS, "list")
        strange = [n for n in channels if columns.kinds[n] not in usual]
        for name in [*strange, *self.free("text")]:
            columns.refuse_bad_numbers(name, units=name not in strange)
        if strange:
            raise DataError(
                f"The column {strange[0]!r} holds {columns.kinds[strange[0]]}s; expected numbers."
            )
        if not tuple(channels):
            shown = ", ".join(f"{n} ({k})" for n, k in list(columns.kinds.items())[:10])
            raise columns.loaded.error(
                f"has no column of numbers that could be values: {shown or 'all are empty'}."
            )


def _akin(name: str, label: str) -> bool:
    """activity_id and activity_name."""
    a, b = plain(name), plain(label)
    return a.startswith(b[:4]) or b.startswith(a[:4])
