"""A data set that is open: how it was read, its columns and their roles, its sequences."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from segue.data.arrays import Array, decode
from segue.data.channel_checks import Finding
from segue.data.dataset import Dataset
from segue.data.sequences import Sequences
from segue.data.summary import Summary
from segue.errors import DataError, OptionError, SegueError, did_you_mean
from segue.readers import read_spread
from segue.readers.read_options import columns_of, reading_of
from segue.studio.thinning import Pyramid, Stretch

ROLES = ("label", "id", "time", "group", "parts")
LEFT_OUT = "left out"
_TEXT = 20_000  # characters of a text that are shown at once
_LABELS = 10_000  # runs of steps with one label
_KEPT = 8  # sequences of which the extremes are kept


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        role: "channel", one of `ROLES`, or "left out".
        reason: why it is left out.
        is_several: whether it stands for several that follow one another; these have no other role.
    """

    name: str
    kind: str
    role: str
    reason: str
    is_several: bool


class Row(NamedTuple):
    """One sequence in a list of them.

    Attributes:
        number: its position in the data set.
        label: in words; "" where it has none of its own.
    """

    number: int
    id: str
    label: str
    part: str
    group: str
    steps: int


class View(NamedTuple):
    """A sequence, or some of its steps, for a screen.

    Attributes:
        row: which.
        channels: names of the channels.
        stretch: of a text `None`.
        text: of a text, the characters from the first step on.
        labels: of a sequence with a label for each step, runs (start, stop, label).
        rate_hz: steps per second, where that is known.
    """

    row: Row
    channels: tuple[str, ...]
    stretch: Stretch | None
    text: str
    labels: tuple[tuple[int, int, str], ...]
    rate_hz: float | None


def answers(error: SegueError) -> list[dict[str, str]]:
    """The options of the reader, of which an error says that one is to be chosen.

    >>> answers(DataError("may have its label in 'a' or 'b'. Say label='a' or label='b'."))
    [{'label': 'a'}, {'label': 'b'}]
    >>> answers(DataError("holds nothing"))
    []
    """
    _, said, options = str(error).rpartition("Say ")
    pairs = re.findall(r"\b(\w+)='([^']*)'", options) if said else []
    alike = len({name for name, _ in pairs}) == 1
    return [{name: value} for name, value in pairs] if alike else []


@dataclass(frozen=True, eq=False)
class OpenData:
    """A data set and how it was read.

    Attributes:
        source: a named data set, or a path below the project's folder.
        path: what is read: the name, or the whole path.
        options: of the reader, as for `segue.read`.
        data: what was read.
    """

    source: str
    path: str
    options: Mapping[str, Any]
    data: Dataset = field(repr=False)

    @classmethod
    def read(cls, source: str, path: str | Path, options: Mapping[str, Any]) -> OpenData:
        """Read a source, as `segue fit` does.

        Args:
            source: what it is called.
            path: what is read.
            options: of the reader.

        Raises:
            SegueError: it cannot be read; the message has why, and what to do.
        """
        return cls(source, str(path), dict(options), read_spread(path, **options))

    @cached_property
    def kept(self) -> dict[Any, Any]:
        """What was computed for pictures of these data, by what it is."""
        return {}

    @cached_property
    def summary(self) -> Summary:
        """Counts, lengths, classes, parts: what `segue data show` shows."""
        return self.data.summary()

    @cached_property
    def findings(self) -> list[Finding]:
        """What should be looked at before a score is believed."""
        return self.data.check()

    # -- columns --------------------------------------------------------------------------------

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns of a table with their roles; none where the source is no table."""
        reading = reading_of(self.data)
        found = []
        for each in columns_of(reading):
            role, _, reason = each["role"].partition(": ")
            known = role if role in (*ROLES, "channel") else LEFT_OUT
            several = " to " in each["name"] and role == "channel" and known == "channel"
            found.append(Column(each["name"], each["kind"], known, reason, several))
        return tuple(found)

    def with_role(self, column: str, role: str) -> dict[str, Any]:
        """The options of the reader by which a column has another role, and all others theirs.

        A role that only one column can have is taken from the one that had it, which is left out.

        Raises:
            OptionError: no such column, or no such role.
            DataError: a column that stands for several.
        """
        by_name, known = {each.name: each for each in self.columns}, (*ROLES, "channel", LEFT_OUT)
        if column not in by_name:
            hint = did_you_mean(column, by_name) if by_name else " The source is no table."
            raise OptionError(f"There is no column {column!r}.{hint}")
        if role not in known:
            raise OptionError(f"There is no role {role!r}; expected one of {', '.join(known)}.")
        if by_name[column].is_several:
            raise DataError(
                f"{column!r} stands for several columns, which are the steps of a channel."
            )
        options, reading = dict(self.options), reading_of(self.data) or {}
        before = by_name[column].role
        if before in ROLES:
            options[before] = "none"
        if role in ROLES:
            options[role] = column
        if reading.get("layout") != "texts":
            channels = [str(name) for name in reading.get("channels") or self._channels]
            channels = [name for name in channels if name != column]
            options["channels"] = [*channels, column] if role == "channel" else channels
            if not options["channels"]:
                raise DataError(f"{column!r} is the only channel: give another column that role.")
        return options

    @property
    def _channels(self) -> list[str]:
        return [each.name for each in self.columns if each.role == "channel"]

    # -- sequences ------------------------------------------------------------------------------

    def rows(
        self, *, start: int = 0, count: int = 50, label: str | None = None, part: str | None = None
    ) -> tuple[list[Row], int]:
        """Some sequences, in the order of the data set, and how many there are.

        Args:
            start: leave out so many of them.
            count: at most so many.
            label: only those of this class, in words.
            part: only those of this part.
        """
        kept = np.arange(len(self.data))
        if part is not None:
            kept = kept[np.asarray(self.data.parts)[kept] == part]
        if label is not None:
            kept = kept[self.labels[kept] == label]
        return [self.row(int(index)) for index in kept[start : start + count]], len(kept)

    @cached_property
    def labels(self) -> Array:
        """`[n]`, the label of each sequence in words; "" where it has none of its own."""
        return np.array([self._label(index) for index in range(len(self.data))], object)

    def _label(self, index: int) -> str:
        y, classes = self.data.y, self.data.classes
        if y is None or isinstance(y, Sequences):
            return ""
        if self.data.task == "multilabel":
            chosen = zip(classes or (), y[index], strict=False)
            return ", ".join(str(name) for name, there in chosen if there)
        value = y[index]
        if isinstance(value, np.ndarray):
            return ", ".join(f"{number:.6g}" for number in value.ravel())
        return f"{value:.6g}" if isinstance(value, np.floating) else str(value)

    def row(self, index: int) -> Row:
        """One sequence of the list.

        Raises:
            OptionError: there is no such sequence.
        """
        data = self.data
        if not 0 <= index < len(data):
            raise OptionError(f"There is no sequence {index}; expected 0 to {len(data) - 1}.")
        id_, part, group = (
            "" if values is None else str(values[index])
            for values in (data.ids, data.parts, data.groups)
        )
        steps = int(data.x.lengths[index])
        return Row(index, id_ or str(index), self._label(index), part, group, steps)

    def view(self, index: int, *, start: int = 0, stop: int | None = None, width: int) -> View:
        """A sequence, or some of its steps, for a screen of so many columns.

        Args:
            index: its position in the data set.
            start: the first step.
            stop: the step behind the last; `None`: to the end.
            width: columns of the screen.

        Raises:
            OptionError: there is no such sequence, or no columns.
        """
        row, data, start = self.row(index), self.data, max(0, start)
        stop = row.steps if stop is None else min(max(start, stop), row.steps)
        names = data.channels or tuple(str(number) for number in range(data.x.channels))
        view = View(row, names, None, "", self._runs(index, start, stop), data.rate_hz)
        if data.x.is_text:
            return view._replace(text=decode(data.x[index][start : min(stop, start + _TEXT)]))
        return view._replace(stretch=self._pyramid(index).stretch(start, stop, width))

    @cached_property
    def _pyramid(self) -> Any:
        """The pyramid of a sequence; those that were looked at last are kept."""
        return lru_cache(_KEPT)(lambda index: Pyramid(self.data.x[index]))

    def _runs(self, index: int, start: int, stop: int) -> tuple[tuple[int, int, str], ...]:
        """Runs of steps with one label, where each step has one."""
        y, classes = self.data.y, self.data.classes or ()
        if not isinstance(y, Sequences):
            return ()
        codes = y[index].ravel()[start:stop]
        edges = np.flatnonzero(np.diff(codes)) + 1
        bounds = [0, *edges.tolist()[:_LABELS], len(codes)]
        return tuple(
            (start + begin, start + end, str(classes[codes[begin]]))
            for begin, end in pairwise(bounds)
            if end > begin and codes[begin] >= 0
        )

    def reread(self, options: Mapping[str, Any]) -> OpenData:
        """The same source, read with other options."""
        return replace(self, options=dict(options), data=read_spread(self.path, **options))
