"""Reading a folder of tables as one table: how they belong together is told by `arrangement`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from segue.dataset import Dataset
from segue.encoding import Task
from segue.errors import FileError
from segue.readers.blocks import join_parts
from segue.readers.table.arrangement import Found, find
from segue.readers.table.building import build
from segue.readers.table.columns import Columns
from segue.readers.table.joined import (
    Joined,
    Related,
    check_columns,
    join_files,
    load_related,
    with_column,
)
from segue.readers.table.labels import plain_values
from segue.readers.table.layout import make_plan
from segue.readers.table.loading import Loaded, load
from segue.readers.table.plan import Plan, reading, recall
from segue.readers.table.roles import NONE, TableOptions
from segue.readers.table.sampling import time_of
from segue.readers.table.words import role_of
from segue.sequences import Array

Like = Mapping[str, Any] | None

_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"  # the folder of rows without a value


def read_folder(
    folder: Path, options: TableOptions, like: Like = None, *, join: bool | None = None
) -> Dataset:
    """Read a folder of tables.

    Args:
        folder: of the tables.
        options: what is said about them.
        like: how another table was read.
        join: whether one id in several files is one sequence.

    Raises:
        FileError: no such folder, or files that do not fit; the first ten are named. Ids that
            several files have in common, where nothing tells what that means.
    """
    found = find(folder)
    if found is None:
        raise FileError("holds no tables with one sequence each.", path=folder)
    if found.related:
        return _read_related(folder, found.related, options, like)
    if found.partitions:
        return _read_partitions(folder, found, options, like)
    if found.is_one_table or join:
        loaded = join_files(folder, found.files, lambda path: load(path, options.text))
        return _noted(_read_table(loaded, options, like), f"{len(found.files)} files as one table")
    return _read_files(folder, found, options, like, join=join)


def _plan(columns: Columns, options: TableOptions, like: Like) -> Plan:
    return make_plan(columns, recall(columns, like, options))


def _read_table(loaded: Loaded, options: TableOptions, like: Like) -> Dataset:
    columns = Columns(loaded)
    return build(columns, _plan(columns, options, like))


def _noted(data: Dataset, said: str) -> Dataset:
    return replace(data, notes=(f"{said}; {data.notes[0]}", *data.notes[1:]))


# -- values and labels in files of their own ------------------------------------------------------


def _read_related(
    folder: Path, tables: Sequence[Related], options: TableOptions, like: Like
) -> Dataset:
    """Values with their labels and groups, each part by itself."""
    given = {role: name for role, name in options.roles.items() if name is not None}
    sets: dict[str, Dataset] = {}
    for related in tables:
        loaded, roles = load_related(folder, related, options.text)
        data = _read_table(loaded, replace(options, roles={**roles, **given}), like)
        others = "; ".join(f"{role} in {file}" for role, file in related.others.items())
        sets[related.part or ""] = _noted(data, f"{related.values}{': ' if others else ''}{others}")
    return sets[""] if list(sets) == [""] else join_parts(sets)


# -- one sequence a file, or several by an id -----------------------------------------------------


def _read_partitions(folder: Path, found: Found, options: TableOptions, like: Like) -> Dataset:
    """Tables in folders called column=value: one table, or one sequence each."""
    said = {folder / file: own for file, own in zip(found.files, found.partitions, strict=True)}

    first = load(folder / found.files[0], options.text)
    names, label = _roles_of_partitions(found.partitions[0], first, options)
    options = replace(options, roles={**options.roles, "label": label})

    def load_one(path: Path) -> Loaded:
        loaded = load(path, options.text)
        for name in names:
            value = None if said[path][name] == _NO_VALUE else said[path][name]
            values = pa.array([value] * loaded.table.num_rows, pa.string()).dictionary_encode()
            loaded, _ = with_column(loaded, name, values)
        return loaded

    loaded = join_files(folder, found.files, load_one)
    plan = make_plan(Columns(loaded.parts[0]), options)
    is_one_table = plan.layout != "steps" or "id" in plan.roles
    if is_one_table:
        data = _read_table(loaded, options, like)
    else:
        columns = Columns(loaded)
        plan = _plan(columns, replace(options, layout="steps"), like)
        data, _ = _sequences_of(loaded, found.files, columns, plan)
    how = "one table" if is_one_table else "one file a sequence"
    folders = f", the folders say {', '.join(map(repr, names))}" if names else ""
    rest = [name for name in found.partitions[0] if name not in names]
    aside = f", {', '.join(map(repr, rest))} of the folders left out" if rest else ""
    return _noted(data, f"{len(found.files)} files as {how}{folders}{aside}")


def _roles_of_partitions(
    folders: Mapping[str, str], first: Loaded, options: TableOptions
) -> tuple[list[str], str | None]:
    """The columns in the names of folders that are used, and the one with the label.

    Used are those that have a role by their name, or that the user names. Another one is the label
    if it is the only one, and if the files have no column that is called so.
    """
    label = options.roles.get("label")
    wanted = [name for name in folders if role_of(name) or name in options.roles.values()]
    rest = [name for name in folders if name not in wanted]
    called = [*wanted, *first.table.column_names]
    if label is None and len(rest) == 1 and not any(role_of(n) == "label" for n in called):
        return [*wanted, *rest], rest[0]
    return wanted, label


def _read_files(
    folder: Path, found: Found, options: TableOptions, like: Like, *, join: bool | None
) -> Dataset:
    """Files with one sequence each, or several by an id; each row is a step."""
    listing = found.listing
    labels = None if listing is None else listing.labels
    if options.roles.get("label") is not None:
        labels = None
    elif labels is not None:
        options = replace(options, roles={**options.roles, "label": NONE})
    first = Columns(_upright(load(folder / found.files[0], options.text)))
    if like is not None:
        options = recall(first, like, options)
    plan = make_plan(first, replace(options, layout="steps"))

    def load_one(path: Path) -> Loaded:
        loaded = _upright(load(path, options.text))
        check_columns(loaded, first.loaded)
        return _needed_columns(loaded, plan)

    loaded = join_files(folder, found.files, load_one)
    if join is None and listing is None:
        _ask_about_ids(loaded, plan)
    data, files = _sequences_of(loaded, found.files, first, plan)
    if labels is not None:
        task: Task = "regress" if labels.dtype.kind == "f" else "classify"
        data = replace(data, y=labels[files], classes=None, task=task)
    if listing is not None:
        groups = data.groups if listing.groups is None else listing.groups[files]
        parts = data.parts if listing.parts is None else listing.parts[files]
        data = replace(data, groups=groups, parts=parts)
    how = "one file a sequence" if len(found.files) == len(data) else "several sequences a file"
    said = data.notes[0].removeprefix("one row a step: ")
    if listing is not None:
        how, said = f"{how}, {listing.notes[0]}", said.removeprefix("no label, ")
    return replace(data, notes=(f"{how}; {said}", *data.notes[1:]))


def _upright(loaded: Loaded) -> Loaded:
    """A file with one row of numbers is a sequence that lies down: its fields are the steps."""
    table = loaded.table
    if table.num_rows > 1 or table.num_columns < 3 or loaded.named:
        return loaded
    values = [column[0].as_py() for column in table.columns]
    if not all(isinstance(value, int | float) for value in values):
        return loaded
    return replace(loaded, table=pa.table({"column 1": [float(value) for value in values]}))


def _needed_columns(loaded: Loaded, plan: Plan) -> Loaded:
    """What the plan takes of a table, with numbers in the channels, or an error about this file."""
    channels = list(plan.channels)
    columns = Columns(replace(loaded, table=loaded.table.select(channels)))
    table = loaded.table.select([*plan.roles.values(), *plan.more_time])
    for name, values in zip(channels, columns.numbers(channels).T, strict=True):
        table = table.append_column(name, pa.array(values))
    return replace(loaded, table=table)


def _sequences_of(
    loaded: Joined, names: Sequence[str], columns: Columns, plan: Plan
) -> tuple[Dataset, Array]:
    """The sequences of files that have nothing in common, and the number of the file of each.

    Rows are of one sequence if file, id and group are the same. As their common id serves the
    number of the first such row, which tells all three afterwards.

    Args:
        loaded: all files.
        names: of the files.
        columns: what the plan was made from.
        plan: of each of the files.
    """
    own = {role: plan.roles[role] for role in ("id", "group") if role in plan.roles}
    keys = Columns(replace(loaded, table=loaded.table.select(list(own.values()))))
    own_ids, own_groups = (
        plain_values(keys, own[role]) if role in own else None for role in ("id", "group")
    )
    same = loaded.files
    for name in own.values():
        same = same * (keys.distinct(name) + 1) + keys.codes(name)
    starts = np.flatnonzero(np.diff(loaded.files, prepend=-1))
    first_row_of = starts[loaded.files]
    if own:
        _, first_rows, place = np.unique(same, return_index=True, return_inverse=True)
        first_row_of = first_rows[place]
    with_key, key = with_column(loaded, "first row", pa.array(first_row_of))
    # Without an id, a sequence may end within a file, where the time falls back.
    role = "group" if own_ids is None else "id"
    others = {other: name for other, name in plan.roles.items() if other not in own}
    data = build(Columns(with_key), replace(plan, roles={**others, role: key}))
    rows = np.asarray(data.groups if own_ids is None else data.ids)
    files = loaded.files[rows]
    groups = None if own_groups is None else own_groups[rows]
    ids = np.array(names)[files]
    if own_ids is not None:
        inside = own_ids[rows].astype(str).tolist()
        if groups is not None and len({*zip(files, inside, strict=True)}) < len(data):
            inside = [f"{group}/{name}" for group, name in zip(groups, inside, strict=True)]
        both = [f"{file}:{name}" for file, name in zip(ids, inside, strict=True)]
        ids = np.where(np.bincount(files)[files] > 1, both, ids)
    if groups is None and len(data) > len(names):
        groups = files  # sequences out of one file are of one kind: a split must not part them
    notes = (plan.note(), *data.notes[1:])
    return replace(data, ids=ids, groups=groups, notes=notes, reading=reading(columns, plan)), files


def _ask_about_ids(loaded: Joined, plan: Plan) -> None:
    """Refuse ids that several files have, unless the time begins anew in each.

    Raises:
        FileError: they may be one sequence each, or others in each file.
    """
    names = [plan.roles[role] for role in ("id", "group") if role in plan.roles]
    if len(names) != 1:
        return
    columns, files, key = Columns(loaded), loaded.files, names[0]
    ids, count = columns.codes(key), columns.distinct(key)
    file_of, id_of = np.divmod(np.unique((files * count + ids)[ids >= 0]), count)
    _, first = np.unique(id_of, return_index=True)
    again = np.delete(np.arange(len(id_of)), first)
    is_one_a_file = len(file_of) == len(loaded.parts)  # whose sequence the file is
    if len(again) == 0 or (is_one_a_file and "group" in plan.roles):
        return
    name, after = id_of[again[0]], file_of[again[0]]
    before = file_of[np.argmax(id_of == name)]
    if "time" in plan.roles:
        times = time_of(columns, [plan.roles["time"], *plan.more_time], plan.options.dates).values
        one, other = times[files == before], times[files == after]
        if max(np.nanmin(one), np.nanmin(other)) <= min(np.nanmax(one), np.nanmax(other)):
            return
    paths = [loaded.parts[file].path for file in (before, after)]
    shown = " and in ".join(str(path and path.relative_to(str(loaded.path))) for path in paths)
    raise FileError(
        f"has the id {columns.values(key)[name]!r} in {shown}: is this one sequence, "
        "whose steps go on, or is it another one in each file? Say join=True or join=False "
        "(on the command line --read join=true).",
        path=loaded.path,
    )
