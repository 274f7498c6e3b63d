"""How a table was read, kept with a model, so that another table is read in the same way."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from segue.errors import DataError, did_you_mean
from segue.readers.table.axes import NUMBERED
from segue.readers.table.columns import Columns
from segue.readers.table.layout import Plan
from segue.readers.table.roles import NONE, TableOptions, with_number
from segue.readers.table.words import ROLES

_LASTING = ("dates", "falls")
_OF_TEXT = ("decimal", "thousands", "header")


def reading(columns: Columns, plan: Plan) -> dict[str, Any]:
    """What a plan says about other tables of this kind; JSON.

    The numbered columns of a row of values are one pattern, such as `t*`: another table may have
    more of them, or fewer.
    """
    options = {**asdict(plan.options), **asdict(plan.options.text)}
    said: dict[str, Any] = {"format": "table", "layout": plan.layout, **plan.roles}
    if plan.more_time:
        said["time"] = ",".join([plan.roles["time"], *plan.more_time])
    said |= {n: options[n] for n in (*_LASTING, *_OF_TEXT) if options[n] is not None}
    said["columns"] = plan.described(columns)
    if columns.loaded.named:
        return {**said, "channels": list(_patterns(plan))}
    return {**said, "width": len(columns.table.column_names)}


def with_lasting(options: TableOptions, like: Mapping[str, Any] | None) -> TableOptions:
    """The options, and what was said about how another table is written."""
    if like is None:
        return options
    lasting = {n: like[n] for n in _LASTING if n in like and getattr(options, n) is None}
    of_text = {n: like[n] for n in _OF_TEXT if n in like and getattr(options.text, n) is None}
    return replace(options, text=replace(options.text, **of_text), **lasting)


def recall(columns: Columns, like: Mapping[str, Any], options: TableOptions) -> TableOptions:
    """Look for the columns of another table in this one.

    A label that is not there is none; an id or a time that is not there is looked for by its usual
    names.

    Args:
        columns: of this table.
        like: what `reading` said of the other one.
        options: what the user says, which comes first.

    Raises:
        DataError: columns with values are not there; all of them are named.
    """
    layout = options.layout or like.get("layout")
    if not columns.loaded.named:
        return _recall_by_place(columns, like, replace(options, layout=layout))
    there = set(columns.names)
    roles = {role: options.roles.get(role) or _role(role, like, there) for role in ROLES}
    channels = options.channels
    if channels is None and like.get("channels"):
        channels = _channels(columns, [str(name) for name in like["channels"]])
    if channels is None and layout not in ("rows", "steps"):
        layout = None
    return replace(options, roles=roles, channels=channels, layout=layout)


def _recall_by_place(
    columns: Columns, like: Mapping[str, Any], options: TableOptions
) -> TableOptions:
    """Columns have no names: with as many, or without the label, each has its place."""
    count, before = len(columns.table.column_names), like.get("width", like.get("columns"))
    roles = dict(options.roles)
    if count == before:
        there = set(columns.names)
        roles = {role: roles.get(role) or _role(role, like, there) for role in ROLES}
        known = options.layout in ("rows", "steps")
        return replace(options, roles=roles, layout=options.layout if known else None)
    if isinstance(before, int) and count == before - 1 and like.get("label") is not None:
        roles["label"] = roles.get("label") or NONE
    return replace(options, roles=roles, layout="rows" if options.layout == "rows" else None)


def _role(role: str, like: Mapping[str, Any], there: set[str]) -> str | None:
    name = like.get(role)
    parts = str(name).split(",") if role == "time" and name is not None else []
    if name in there or (len(parts) > 1 and there.issuperset(parts)):
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
        "order: --column-channels A,B (in Python channels=['A', 'B'])."
    )


def _patterns(plan: Plan) -> Iterator[str]:
    if plan.layout != "rows":
        yield from plan.channels
        return
    axes: dict[str, list[str]] = defaultdict(list)
    for name in plan.channels:
        match = NUMBERED.fullmatch(name)
        axes[name if match is None else re.sub(r"\*+", "*", _pattern(name, match))].append(name)
    for pattern, names in axes.items():
        yield from [pattern] if len(names) > 1 else names


def _pattern(name: str, match: re.Match[str]) -> str:
    return f"{name[: match.start(2)]}*{name[match.end(2) :]}"
