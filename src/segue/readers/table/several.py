"""Reading of the tables of a folder, which `folder` has arranged, as one data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from segue.data.dataset import Dataset
from segue.data.labels import as_labels
from segue.errors import FileError
from segue.readers.blocks import join_parts
from segue.readers.decoding import labels_of_texts
from segue.readers.table.beside import load_related
from segue.readers.table.building import build
from segue.readers.table.columns import Columns
from segue.readers.table.folder import Arrangement, find
from segue.readers.table.layout import make_plan
from segue.readers.table.loading import Loaded, check_columns, join_files, load, with_column
from segue.readers.table.plan import Plan, reading, recall
from segue.readers.table.sampling import time_of
from segue.readers.table.words import NONE, TableOptions, role_of, say

Like = Mapping[str, Any] | None

_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"  # the folder of rows without a value


def read_folder(
    folder: Path,
    options: TableOptions,
    like: Like = None,
    *,
    join: bool | None = None,
    limit: int | None = None,
) -> Dataset:
    """Read a folder of tables.

    Args:
        folder: of the tables.
        options: what is said about them.
        like: how another table was read.
        join: whether one id in several files is one sequence.
        limit: so many sequences of each part are enough.

    Raises:
        FileError: no such folder, or files that do not fit; the first ten are named. Ids that
            several files have in common, where nothing tells what that means.
    """
    found = find(folder)
    if found is None:
        raise FileError("holds no tables with one sequence each.", path=folder)
    if not found.related:
        return _read_files(folder, found, options, like, join=join, limit=limit)
    given = {role: name for role, name in options.roles.items() if name is not None}
    sets: dict[str, Dataset] = {}
    for related in found.related:
        loaded, roles = load_related(folder, related, options)
        data = _read_table(loaded, replace(options, roles={**roles, **given}), like)
        others = "; ".join(f"{role} in {file}" for role, file in related.others.items())
        sets[related.part or ""] = _noted(data, f"{related.values}{': ' if others else ''}{others}")
    return sets[""] if list(sets) == [""] else join_parts(sets)


def _read_table(loaded: Loaded, options: TableOptions, like: Like) -> Dataset:
    columns = Columns(loaded)
    return build(columns, make_plan(columns, recall(columns, like, options)))


def _noted(data: Dataset, said: str) -> Dataset:
    return replace(data, notes=(f"{said}; {data.notes[0]}", *data.notes[1:]))


def _read_files(
    folder: Path,
    found: Arrangement,
    options: TableOptions,
    like: Like,
    *,
    join: bool | None,
    limit: int | None,
) -> Dataset:
    """Files that are one table; or else each has sequences of its own, and a row is a step."""
    beside, known = "", dict[str, Any]()
    if (listing := found.listing) is not None:
        beside = f", {listing.notes[0]}"
        known = {"label": listing.labels, "group": listing.groups, "parts": listing.parts}
        known = {role: values for role, values in known.items() if values is not None}
        if options.roles.get("label") is not None:
            known.pop("label", None)
        elif "label" in known:
            options = replace(options, roles={**options.roles, "label": NONE})
    folders = dict(zip(found.files, found.partitions, strict=False))
    names: list[str] = []
    if folders:
        options, names = _with_folders(folder / found.files[0], found.partitions[0], options)
        rest = [name for name in found.partitions[0] if name not in names]
        beside = f", the folders say {', '.join(map(repr, names))}" if names else ""
        beside += f", {', '.join(map(repr, rest))} of the folders left out" if rest else ""

    def load_one(path: Path) -> Loaded:
        loaded = load(path, options)
        for name in names:
            value = folders[str(path.relative_to(folder))][name]
            values = [None if value == _NO_VALUE else value] * loaded.table.num_rows
            loaded, _ = with_column(loaded, name, pa.array(values, pa.string()).dictionary_encode())
        return loaded

    first = Columns(_upright(load_one(folder / found.files[0])))
    is_one_table = found.is_one_table or join
    if folders and join is None:
        plan = make_plan(first, options)
        is_one_table = plan.layout != "steps" or "id" in plan.roles
    if is_one_table:
        data = _read_table(join_files(folder, found.files, load_one), options, like)
        return _noted(data, f"{len(found.files)} files as one table{beside}")
    plan = make_plan(first, replace(recall(first, like, options), layout="steps"))

    def load_steps(path: Path) -> Loaded:
        loaded = _upright(load_one(path))
        check_columns(loaded, first.loaded)
        return _needed_columns(loaded, plan)

    of_files = {
        role: [f[n] for f in found.partitions] for role, n in plan.roles.items() if n in names
    }
    of_files |= known
    chosen = _enough_files(found, plan, of_files.get("parts"), limit)
    loaded = join_files(folder, [found.files[number] for number in chosen], load_steps)
    if join is None and listing is None and not folders:
        _ask_about_ids(loaded, plan)
    roles = dict(plan.roles)
    for role, values in {"file": found.files, **known}.items():
        column = pa.array([values[number] for number in chosen])
        column = pa.DictionaryArray.from_arrays(loaded.files, column)
        loaded, roles[role] = with_column(loaded, role, column)
    data = build(Columns(loaded), replace(plan, roles=roles))
    data = _with_all_classes(data, of_files.get("label"))
    how = "one file a sequence" if len(chosen) == len(data) else "several sequences a file"
    said = plan.note().removeprefix("one row a step: ")
    said = said.removeprefix("no label, " if listing else "")
    notes = (f"{how}{beside}; {said}", *data.notes[1:])
    return replace(data, notes=notes, reading=reading(first, plan))


def _enough_files(
    found: Arrangement, plan: Plan, parts: Sequence[Any] | None, limit: int | None
) -> list[int]:
    """The files that hold the first so many sequences of each part; each file has one at least."""
    numbers = range(len(found.files))
    if limit is None or plan.options.drop_missing or ("parts" in plan.roles and parts is None):
        return list(numbers)
    counts: Counter[Any] = Counter()
    chosen = []
    for number in numbers:
        part = None if parts is None else parts[number]
        counts[part] += 1
        chosen += [number] if counts[part] <= limit else []
    return chosen


def _with_all_classes(data: Dataset, labels: Sequence[Any] | None) -> Dataset:
    """The classes of all files, also of those that are not read, where the labels are theirs."""
    if labels is None or data.classes is None or not isinstance(data.y, np.ndarray):
        return data
    values, missing = as_labels([None if label == _NO_VALUE else label for label in labels])
    values = values[~missing]
    values = labels_of_texts(values.tolist()) if values.dtype.kind == "U" else values
    classes = set(values.tolist())
    if not classes.issuperset(data.classes):  # the same labels, read in another way
        return data
    return replace(data, classes=tuple(sorted(classes)))


def _with_folders(
    first: Path, folders: Mapping[str, str], options: TableOptions
) -> tuple[TableOptions, list[str]]:
    """The columns in the names of folders that are used, and the options with the label of them.

    Used are those that have a role by their name, or that the user names. Another one is the label
    if it is the only one, and if the files have no column that is called so.
    """
    wanted = [name for name in folders if role_of(name) or name in options.roles.values()]
    rest = [name for name in folders if name not in wanted]
    called = [*wanted, *load(first, options).table.column_names]
    is_open = options.roles.get("label") is None and len(rest) == 1
    if is_open and not any(role_of(name) == "label" for name in called):
        return replace(options, roles={**options.roles, "label": rest[0]}), [*wanted, *rest]
    return options, wanted


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
    """The columns of a plan from one table, channels as numbers; errors name the file."""
    channels = list(plan.channels)
    columns = Columns(replace(loaded, table=loaded.table.select(channels)))
    notes = (*loaded.dialect.notes, *columns.conversions(channels))
    table = loaded.table.select([*plan.roles.values(), *plan.more_time])
    for name, values in zip(channels, columns.numbers(channels).T, strict=True):
        table = table.append_column(name, pa.array(values))
    return replace(loaded, table=table, dialect=replace(loaded.dialect, notes=notes))


def _ask_about_ids(loaded: Loaded, plan: Plan) -> None:
    """Refuse ids that several files have, unless the time begins anew in each."""
    keys = [plan.roles[role] for role in ("id", "group") if role in plan.roles]
    if len(keys) != 1:
        return
    columns, files, count = Columns(loaded), loaded.files, len(loaded.parts)
    codes = columns.codes(keys[0]).astype(np.int64)
    id_of, file_of = np.divmod(np.unique((codes * count + files)[codes >= 0]), count)
    again = np.flatnonzero(id_of[1:] == id_of[:-1])
    is_one_a_file = len(file_of) == count  # whose sequence the file is
    if len(again) == 0 or (is_one_a_file and "group" in plan.roles):
        return
    before, after = file_of[again[0]], file_of[again[0] + 1]
    if plan.times:
        times = time_of(columns, plan.times, plan.options.dates).values
        one, other = times[files == before], times[files == after]
        if max(np.nanmin(one), np.nanmin(other)) <= min(np.nanmax(one), np.nanmax(other)):
            return
    paths = [loaded.parts[file].path for file in (before, after)]
    shown = " and in ".join(str(path and path.relative_to(str(loaded.path))) for path in paths)
    raise FileError(
        f"has the id {columns.values(keys[0])[id_of[again[0]]]!r} in {shown}: is this one "
        "sequence, whose steps go on, or is it another one in each file? "
        + say("join=True", "join=False"),
        path=loaded.path,
    )
