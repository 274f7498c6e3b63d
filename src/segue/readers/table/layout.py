"""Inferring the layout: whether a row is a sequence, a step or a text, and the value columns."""

from __future__ import annotations

from itertools import combinations
from typing import get_args

import numpy as np

from segue.data.sequences import Array
from segue.errors import DataError
from segue.readers.table import questions
from segue.readers.table.columns import NUMBERS, Columns, Kind
from segue.readers.table.names import find_axes, is_axis
from segue.readers.table.plan import Plan, describe_columns
from segue.readers.table.questions import MANY, is_like_classes
from segue.readers.table.roles import Roles, rows_apart, stays
from segue.readers.table.sampling import time_of
from segue.readers.table.words import (
    LIKE_AN_ID,
    OWNERS,
    ROLES,
    TEXTS,
    Layout,
    TableOptions,
    claims,
    plain,
    rank,
    role_of,
    say,
)

_ENOUGH = 40  # rows in which one looks for the course of a recording
_TEXT = 8  # characters that texts have on average, at least
_LONG_TEXT = 20  # characters of texts that nobody takes for a remark beside numbers


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
    """Layout first, then the roles that names do not tell, then the columns with values."""

    def __init__(self, columns: Columns, roles: Roles) -> None:
        self.columns, self.roles = columns, roles
        self.found, self.left_out, self.free = roles.found, roles.left_out, roles.free

    def plan(self) -> Plan:
        """Decide everything, in the order in which one thing tells the next."""
        roles = self.roles
        layout = roles.options.layout or self._layout()
        if layout == "steps" and roles.options.layout is None:
            self._find_sequences_by_time()
        if layout == "steps":
            questions.ask_about_keys(roles)
        inside = roles.missing_steps() if layout == "rows" and roles.channels is None else []
        if roles.is_open("label") and (label := self._label(layout)) is not None:
            self.found["label"] = label
        if layout == "steps":
            self._find_step_numbers()
        else:
            self._find_ids()
        if roles.channels is None:
            self._leave_out_what_tells_the_label()
        roles.channels, names = self._values(layout, inside)
        if roles.options.layout is None:
            questions.ask_about_single_steps(roles, layout, roles.channels, names)
        for name in self.free(*get_args(Kind)):
            kind = self.columns.kinds[name]
            self.left_out[name] = "not named" if kind in NUMBERS else kind
        found = {role: self.found[role] for role in ROLES if role in self.found}
        left_out, more_time = self.left_out, roles.more_time
        return Plan(layout, found, roles.channels, names, left_out, more_time, roles.options)

    # -- layout ---------------------------------------------------------------------------------

    def _layout(self) -> Layout:
        """The first of these rules that holds."""
        columns, given = self.columns, self.roles.channels
        if self.free("list") if given is None else columns.kinds[given[0]] == "list":
            return "lists"
        if self._are_texts():
            return "texts"
        if self._id_repeats() or "time" in self.roles.given:
            return "steps"
        values = self.free(*NUMBERS) if given is None else list(given)
        if given is None and columns.loaded.named and "group" not in self.found:
            questions.ask_about_counters(self.roles)
        if "id" in self.found or (columns.loaded.named and is_axis(values)):
            return "rows"
        if "time" in self.found or self._unnamed_steps():
            return "steps"
        if given is None and columns.loaded.named:
            has_group = "group" in self.found
            (questions.ask_about_keys if has_group else questions.ask_about_two_keys)(self.roles)
        layout: Layout = "steps" if self._label_in_runs(len(values)) else "rows"
        if given is None and layout == "rows" and "group" in self.found:
            questions.ask_about_counters(self.roles)
        if given is None and columns.rows >= _ENOUGH:
            ask = questions.ask_about_names if layout == "steps" else questions.ask_about_recordings
            ask(self.roles, values)
        return layout

    def _id_repeats(self) -> bool:
        key = self.found.get("id")
        return key is not None and self.columns.distinct(key) < self.columns.rows

    def _are_texts(self) -> bool:
        """Whether the sequences are a column of texts: it is called so, or there are no numbers.

        Raises:
            FileError: rows have long texts and numbers, and nothing marks them as steps.
        """
        columns, found = self.columns, self.found
        if self.roles.channels is not None:
            first, *others = self.roles.channels
            return columns.kinds[first] == "text" and not (others or columns.bad_numbers(first))
        texts = [n for n in self.free("text") if columns.mean_length(n) >= _TEXT]
        named = [n for n in texts if plain(n) in TEXTS and columns.loaded.named]
        unlike = [n for n in texts if 2 * columns.distinct(n) > columns.rows]
        text = max(named or unlike, key=columns.mean_length, default=None)
        if text is None or any(columns.bad_numbers(name) for name in self.free("text")):
            return False
        numbers = self.free(*NUMBERS)
        are_steps = self._id_repeats() if "id" in found else "time" in found
        if not numbers or (text in named and not are_steps):
            self.roles.channels = (text,)
            return True
        is_remark = "id" in found or (plain(text) not in TEXTS and "time" in found)
        if columns.mean_length(text) >= _LONG_TEXT and not is_remark:
            raise columns.loaded.error(
                f"holds texts in {text!r} and numbers in {describe_columns(numbers)}: which of "
                f"them are the sequences? {say(f'channels={text!r}', f'channels={numbers[0]!r}')}"
            )
        return False

    def _unnamed_steps(self) -> bool:
        """Columns without names: one that stays the same while the next one rises."""
        columns = self.columns
        key, time, *_ = [*columns.names, "", ""]
        kind = columns.kinds.get(key)
        is_key = kind == "text" or (kind == "number" and columns.is_whole(key))
        is_taken = not self.roles.is_open("id") or {key, time} & {*self.found.values()}
        is_time = columns.kinds.get(time) == "number"
        if columns.loaded.named or is_taken or not (is_key and is_time):
            return False
        same = stays(columns, key)
        is_one_run_each = columns.distinct(key) + same.sum() == columns.rows
        rises = (np.diff(columns.floats(time))[same] > 0).all()
        if not (2 * same.sum() >= len(same) > 0 and is_one_run_each and rises):
            return False
        self.found["id"], self.found["time"] = key, time
        self.left_out.pop(key, None)
        return True

    def _label_in_runs(self, values: int) -> bool:
        """Whether the rows are the steps of one recording: few values, and a label that stays."""
        texts = self.free("text")
        if values == 1:  # what differs from row to row is no label, but tells when it was
            texts = [name for name in texts if self.columns.distinct(name) < self.columns.rows]
        label = self.found.get("label", texts[0] if len(texts) == 1 else None)
        if label is None or values >= MANY:
            return values <= 2  # a plain series or two
        changes = int((~stays(self.columns, label)).sum())
        # A table sorted by class has a change less than classes: each row is a sequence then.
        return self.columns.distinct(label) < changes < 0.2 * self.columns.rows

    # -- what names do not tell -----------------------------------------------------------------

    def _find_step_numbers(self) -> None:
        """0, 1, 2, ... or 1, 2, 3, ... in each sequence."""
        columns, key = self.columns, self.found.get("id", self.found.get("group"))
        if not self.roles.is_open("time") or key is None:
            return
        same = stays(columns, key)
        for name in self.free("number") if same.any() else ():
            numbers = columns.floats(name)
            begins, steps = numbers[np.concatenate([[True], ~same])], np.diff(numbers)[same]
            counts = steps.min() > 0 and np.ptp(steps) < 1e-6 * steps.mean()
            if counts and begins[0] in (0, 1) and (begins == begins[0]).all():
                self.found["time"] = name
                return

    def _find_sequences_by_time(self) -> None:
        """The column that tells the sequences of a time apart, where no name does.

        Each of its values is a run in which the time rises, or each time has all of its values.

        Raises:
            FileError: a sequence has several rows at a time: a row holds one channel of it.
        """
        columns, found, roles = self.columns, self.found, self.roles
        if "time" not in found or len(columns.names) < 3:
            return
        several = [n for n in self.free("text", "number") if not claims(n, "label")]
        several = [n for n in several if columns.kinds[n] == "text" or columns.is_whole(n)]
        several = [n for n in several if 2 <= columns.distinct(n) <= columns.rows // 2]
        key = found.get("id", found.get("group"))
        names = [found["time"], *roles.more_time]
        times = time_of(columns, names, roles.options.dates).values if several else np.zeros(0)
        if np.isnan(times).any() or not several:
            return
        steps, moments = np.diff(times), np.unique(times, return_inverse=True)[1]
        if key is None and roles.is_open("id"):
            own = [n for n in several if np.array_equal(~stays(columns, n), steps < 0)]
            own = [n for n in own if columns.distinct(n) == (steps < 0).sum() + 1]
            own = own if (steps > 0).mean() > 0.5 else []
            panels = [
                n for n in several if 10 * columns.rows > 9 * columns.distinct(n) * moments.max()
            ]
            own += [n for n in panels if rows_apart(columns, [n], moments) == columns.rows]
            found |= {"id": own[0]} if own else self._pair(several, moments)
        elif key is not None and 2 * rows_apart(columns, [key], moments) <= columns.rows:
            questions.ask_to_pivot(roles, key, several, moments)

    def _pair(self, several: list[str], moments: Array) -> dict[str, str]:
        """Two columns that tell the sequences of a time apart, each of which has all times."""
        columns, times = self.columns, moments.max() + 1
        is_open = self.roles.is_open("group") and 2 * times <= columns.rows
        for group, key in combinations(several[:MANY], 2) if is_open else ():
            is_full = 10 * columns.rows > 9 * rows_apart(columns, [group, key]) * times
            if is_full and rows_apart(columns, [group, key], moments) == columns.rows:
                is_coarse = columns.follows(key, group) or plain(key) in OWNERS
                return {"group": key, "id": group} if is_coarse else {"group": group, "id": key}
        return {}

    def _find_ids(self) -> None:
        """Names of sequences; where each row is one, a time is when it was, and no channel."""
        if "time" in self.found and "time" not in self.roles.given:
            times = (self.found.pop("time"), *self.roles.more_time)
            self.left_out.update(dict.fromkeys(times, "a time, and each row is a sequence"))
            self.roles.more_time = ()
        called = [n for n in self.free("number") if LIKE_AN_ID.search(n)]
        for name in (*called, *self.free("text")) if self.columns.rows > 2 else ():
            if self.roles.is_open("id") and self.columns.distinct(name) == self.columns.rows:
                self.found["id"] = name

    # -- label ----------------------------------------------------------------------------------

    def _label(self, layout: Layout) -> str | None:
        """The column that can be a label, where none is called so.

        Raises:
            FileError: several can.
        """
        columns = self.columns
        texts = [
            name
            for name in self.free("text")
            if 2 <= columns.distinct(name) <= max(2, columns.rows // 2)
            and role_of(name) in (None, "label")
        ]
        if len(texts) > 1:
            raise self.roles.asked("label", texts)
        if texts:
            return texts[0]
        truths = self.free("truth")
        if len(truths) == 1 and columns.distinct(truths[0]) == 2:
            keys = [self.found[role] for role in ("id", "group") if role in self.found]
            each = rows_apart(columns, keys)
            if layout != "steps" or (keys and rows_apart(columns, [*keys, truths[0]]) == each):
                return truths[0]
            raise columns.loaded.error(
                f"has yes and no (or the like) in {truths[0]!r}: is it the label of each step, or "
                "a channel of 0 and 1? " + say(f"label={truths[0]!r}", "label='none'")
            )
        if layout == "texts":
            numbers = [n for n in self.free("number") if is_like_classes(columns, n)]
            return numbers[0] if len(numbers) == 1 else None
        return self._label_at_an_end() if layout == "rows" and not self.roles.channels else None

    def _label_at_an_end(self) -> str | None:
        """Few whole numbers in the last or first column, where the others hold something else."""
        columns, numbers = self.columns, self.free("number")
        if len(numbers) < 3:
            return None
        has_axis = columns.loaded.named and is_axis(numbers)
        axis = find_axes(numbers).columns if has_axis else ()
        ends = [n for n in (numbers[-1], numbers[0]) if is_like_classes(columns, n)]
        # 0, 1, 2, ... are the names that pandas gives to any columns.
        ends = [name for name in ends if name not in axis or name.isdigit()]
        inside = sum(is_like_classes(columns, n) for n in numbers[1:-1])
        # Where the values themselves are few whole numbers, nothing tells a label from them.
        return ends[0] if ends and inside < 0.2 * len(numbers) else None

    def _leave_out_what_tells_the_label(self) -> None:
        """A class number beside the class name would be all that a network looks at."""
        columns, label = self.columns, self.found.get("label")
        if label is None or not 2 <= columns.distinct(label) <= 1000:
            return
        begin = plain(label)[:4]
        for name in self.free("number"):
            akin = plain(name).startswith(begin) or plain(label).startswith(plain(name)[:4])
            if not (akin or rank(name, "label") is not None) or not columns.is_whole(name):
                continue
            if columns.follows(name, label) and columns.follows(label, name):
                self.left_out[name] = f"says the same as {label!r}"

    # -- values ---------------------------------------------------------------------------------

    def _values(
        self, layout: Layout, inside: list[str]
    ) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
        """The columns with values, also those that are missing everywhere; the channels' names.

        Raises:
            FileError: columns that hold no values, or none that does.
        """
        columns, given = self.columns, self.roles.channels
        usual = {"lists": ("list",), "texts": ("text",)}.get(layout, NUMBERS)
        channels = given or tuple(self.free(*usual))
        strange = [name for name in channels if columns.kinds[name] not in usual]
        for name in [*strange, *self.free("text")]:
            columns.refuse_bad_numbers(name, units=name not in strange)
        if strange:
            expected = "lists of numbers" if layout == "lists" else "numbers"
            kind = columns.kinds[strange[0]]
            raise DataError(f"The column {strange[0]!r} holds {kind}s; expected {expected}.")
        if not channels:
            shown = ", ".join(map(columns.described, columns.names[:10]))
            raise columns.loaded.error(
                f"has no column of numbers that could be values: {shown or 'all are empty'}."
            )
        if given is None and layout in ("rows", "steps") and len(channels) < MANY:
            questions.ask_about_stamps(self.roles, channels)
        if inside:
            channels = tuple(filter({*channels, *inside}.__contains__, columns.table.column_names))
        has_names = len(channels) > 1 if layout == "lists" else columns.loaded.named
        if layout != "rows" or not has_names:
            return channels, channels if has_names and layout != "texts" else None
        axes = find_axes(channels)
        beside = f"beside the steps {axes.columns[0]!r} to {axes.columns[-1]!r}"
        if axes.rest and given is not None:
            raise columns.loaded.error(
                f"has the columns {describe_columns(axes.rest)} among the channels {beside}: "
                "expected the steps of one axis, or several of the same length."
            )
        self.left_out.update(dict.fromkeys(axes.rest, beside))
        return axes.columns, axes.channels
