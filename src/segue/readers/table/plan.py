"""The plan of reading a table: its note, its JSON in a model file, matching it to another table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from segue.errors import DataError, did_you_mean
from segue.readers.table.columns import Columns
from segue.readers.table.names import NUMBERED, with_number
from segue.readers.table.words import NONE, ROLES, Layout, TableOptions

LASTING = ("dates", "falls", "decimal", "thousands", "header")  # options for other tables, too
_NAMED = 8  # columns that a note names
_LAYOUTS = {  # what a note says of the rows, and what it calls the columns with values
    "rows": ("one row a sequence", "values"),
    "steps": ("one row a step", "channels"),
    "lists": ("one row a sequence, its steps in lists", "channels"),
    "texts": ("one row a text", "text"),
}


@dataclass(frozen=True)
class Plan:
    """The plan by which a table is read.

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
    left_out: Mapping[str, str] = field(default_factory=dict)
    more_time: tuple[str, ...] = ()
    options: TableOptions = field(default_factory=TableOptions)

    @property
    def times(self) -> list[str]:
        """All columns that make the time."""
        return [self.roles["time"], *self.more_time] if "time" in self.roles else []

    def note(self) -> str:
        """One line that says how the table is read."""
        rows, values = _LAYOUTS[self.layout]
        said = [] if "label" in self.roles else ["no label"]
        for role, name in self.roles.items():
            columns = self.times if role == "time" else [name]
            said.append(f"{role} {' and '.join(map(repr, columns))}")
        said.append(f"{values} {describe_columns(self.channels)}")
        if self.names and self.layout == "rows":
            said.append(f"channels {describe_columns(self.names)}")
        names_of_reason: dict[str, list[str]] = defaultdict(list)
        for name, reason in self.left_out.items():
            names_of_reason[reason].append(name)
        without = [
            f"{describe_columns(names)} ({reason})" for reason, names in names_of_reason.items()
        ]
        said += [f"left out {'; '.join(without)}"] if without else []
        key = self.roles.get("id", self.roles.get("group"))
        each = f"; a sequence for each {key!r}" if self.layout == "steps" and key else ""
        return f"{rows}: {', '.join(said)}{each}"

    def described(self, columns: Columns) -> list[dict[str, str]]:
        """Each column with its kind and its role, in the order of the table; like ones together."""
        roles = {name: f"left out: {reason}" for name, reason in self.left_out.items()}
        roles |= dict.fromkeys(self.channels, "channel") | dict.fromkeys(self.more_time, "time")
        roles |= {name: role for role, name in self.roles.items()}
        everything = columns.table.column_names
        alike = {n: (columns.kinds.get(n, "empty"), roles.get(n, "left out")) for n in everything}
        described: list[dict[str, str]] = []
        for (kind, role), run in groupby(everything, alike.__getitem__):
            names = list(run)
            if len(names) > 2 and len(everything) > _NAMED:
                names = [f"{names[0]} to {names[-1]}"]
            described += [{"name": name, "kind": kind, "role": role} for name in names]
        return described


def describe_columns(names: Sequence[str]) -> str:
    """Names of columns for a line; of many the first and the last."""
    if len(names) <= _NAMED:
        return ", ".join(repr(name) for name in names)
    return f"{names[0]!r} to {names[-1]!r} ({len(names)} columns)"


# -- the same for another table -------------------------------------------------------------------


def reading(columns: Columns, plan: Plan) -> dict[str, Any]:
    """The part of a plan that holds for other tables of this kind; JSON.

    The numbered columns of a row of values are one pattern, such as `t*`: another table may have
    more of them, or fewer.
    """
    said: dict[str, Any] = {"format": "table", "layout": plan.layout, **plan.roles}
    if plan.times:
        said["time"] = ",".join(plan.times)
    options = vars(plan.options)
    said |= {name: options[name] for name in LASTING if options[name] is not None}
    said["columns"] = plan.described(columns)
    if columns.loaded.named:
        return {**said, "channels": _patterns(plan)}
    return {**said, "width": len(columns.table.column_names)}


def _patterns(plan: Plan) -> list[str]:
    found: dict[str, list[str]] = defaultdict(list)
    for name in plan.channels:
        match = NUMBERED.fullmatch(name) if plan.layout == "rows" else None
        pattern = f"{name[: match.start(2)].rstrip('*')}*{name[match.end(2) :]}" if match else name
        found[pattern].append(name)
    return [pattern if len(names) > 1 else names[0] for pattern, names in found.items()]


def recall(columns: Columns, like: Mapping[str, Any] | None, options: TableOptions) -> TableOptions:
    """Look for the columns of another table in this one.

    A channel without any value has missing ones. A label that is not there is none; an id or a time
    that is not there is looked for by its usual names. Columns without names have their places, in
    a table with as many.

    Args:
        columns: of this table.
        like: what `reading` said of the other one; `None`: there is none.
        options: what the user says, which comes first.

    Raises:
        DataError: columns with values are not there; all of them are named.
    """
    if like is None:
        return options
    before, count = like.get("width", like.get("columns")), len(columns.table.column_names)
    is_alike = columns.loaded.named or count == before
    roles, channels = dict(options.roles), options.channels
    if is_alike:
        there = set(columns.names)
        roles = {role: roles.get(role) or _role(role, like, there) for role in ROLES}
    elif isinstance(before, int) and count == before - 1 and "label" in like:
        roles["label"] = roles.get("label") or NONE
    if channels is None and columns.loaded.named and like.get("channels"):
        channels = _channels(columns, [str(name) for name in like["channels"]])
    layout = options.layout or like.get("layout")
    if layout in ("rows", "steps"):
        columns.expect_numbers(channels or ())
    elif options.channels is None and (empty := set(channels or ()).intersection(columns.empty)):
        expected = "lists of numbers" if layout == "lists" else "texts"
        raise columns.loaded.error(
            f"has no value in column {min(empty)!r}, which the model needs; expected {expected}."
        )
    if channels is None and layout not in (("rows", "steps") if is_alike else ("rows",)):
        layout = None
    return replace(options, roles=roles, channels=channels, layout=layout)


def _role(role: str, like: Mapping[str, Any], there: set[str]) -> str | None:
    name = like.get(role)
    parts = name.split(",") if role == "time" and isinstance(name, str) else [name]
    if name in there or there.issuperset(parts):
        return str(name)
    return NONE if name is None or role == "label" else None


def _channels(columns: Columns, patterns: list[str]) -> list[str]:
    everything = columns.table.column_names
    missing = [p for p in patterns if p not in everything and not with_number(p, everything)]
    if not missing:
        return patterns
    hint = did_you_mean(missing[0], [n for n in everything[:1000] if n not in patterns])
    are = "columns, of which the model needs the values: " if len(missing) > 1 else "column "
    raise DataError(
        f"has no {are}{', '.join(map(repr, missing))}; the model was trained on the channels "
        f"{', '.join(map(repr, patterns))}.{hint} If others mean the same, name them in this "
        "order: channels=['A', 'B']."
    )
