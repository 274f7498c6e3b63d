"""Folders of tables: which files form one data set, how they are related, and reading them.

walk/001.csv run/001.csv               one file a sequence, the folder is the label
001.csv 002.csv labels.csv             listed with their labels (see `beside`)
ann.csv ben.csv                        several sequences a file, by an id: the file is the group
label=walk/a.csv label=run/b.csv       a column in the names of folders
X_train.csv y_train.csv, part-*.csv    several files that are one table (see `beside`)
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from segue.data.dataset import Dataset
from segue.errors import FileError
from segue.readers.blocks import LabelledFiles, join_parts
from segue.readers.decoding import labels_of_texts
from segue.readers.registry import part_named, reader_named
from segue.readers.sources import list_folder, without_submissions
from segue.readers.table.beside import (
    LISTS,
    Related,
    find_related,
    load_related,
    read_listing,
    shared_key,
)
from segue.readers.table.building import build
from segue.readers.table.columns import Columns
from segue.readers.table.layout import make_plan
from segue.readers.table.loading import Loaded, check_columns, join_files, load, with_column
from segue.readers.table.plan import Plan, reading, recall
from segue.readers.table.sampling import time_of
from segue.readers.table.words import NONE, TableOptions, role_of, say

Like = Mapping[str, Any] | None

_FEW = 8  # columns that may be channels, where nothing else says that a row is a step
_SHOWN = 5  # files that a message names
_PART_OF_A_TABLE = re.compile(r"part-\d+.*", re.IGNORECASE)
_PARTITION = re.compile(r"[^=]+=.+")
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"  # the folder of rows without a value


@dataclass(frozen=True)
class Arrangement:
    """The tables of a folder, and how they belong together.

    Attributes:
        files: relative to the folder, in order.
        partitions: the columns in the names of the folders of each file.
        listing: their labels, by a table or by the folders; `None` where there are none.
        related: tables of values with their tables of labels.
        is_one_table: the files are one table, one after the other.
    """

    files: Sequence[str]
    partitions: Sequence[dict[str, str]] = ()
    listing: LabelledFiles | None = None
    related: Sequence[Related] = ()
    is_one_table: bool = False


def takes_folder(folder: Path) -> bool:
    """Whether the tables of a folder belong together, as names and the first of them tell."""
    try:
        return find(folder) is not None
    except FileError:
        return True  # reading it will say what is wrong


def find(folder: Path) -> Arrangement | None:
    """The arrangement of the tables of a folder; `None`: no data set of several tables."""
    partitions = _partitions(folder)
    if partitions:
        return Arrangement(list(partitions), partitions=list(partitions.values()))
    files, folders = _tables(folder)
    inside = {name: tables for name in folders if (tables := _tables(folder / name)[0])}
    if (listing := _find_listing(folder, files, inside)) is not None:
        return Arrangement(listing.ids, listing=listing)
    if len(files) > 1 and all(map(_PART_OF_A_TABLE.fullmatch, files)):
        return Arrangement(files, is_one_table=True)
    if related := find_related(files) or _steps_and_labels(folder, files):
        return Arrangement(files, related=related)
    plain = {name: tables for name, tables in inside.items() if part_named(name) is None}
    if not files and len(plain) > 1 and len(plain) == len(inside):
        return _arrangement_by_class(plain)
    if len(files) > 1 and not _are_named_parts(files) and _has_steps(folder / files[0], len(files)):
        return Arrangement(files)
    return None


def _tables(folder: Path) -> tuple[list[str], list[str]]:
    """The tables and the folders in a folder."""
    reader, inside = reader_named("table"), list_folder(folder)
    files = [n for n in inside.files if reader.matches(n) and reader.accepts(folder / n)]
    return without_submissions(files), inside.folders


def _partitions(folder: Path) -> dict[str, dict[str, str]]:
    """Files in folders called `column=value`, perhaps inside each other, with these columns."""
    reader = reader_named("table")
    found: dict[str, dict[str, str]] = {}
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(filter(_PARTITION.fullmatch, folders))
        names = Path(place).relative_to(folder).parts
        columns = {column: value for column, _, value in (name.partition("=") for name in names)}
        tables = [file for file in sorted(files) if columns and reader.matches(file)]
        found |= {str(Path(*names, file)): columns for file in tables}
    return found


def _find_listing(
    folder: Path, files: list[str], inside: dict[str, list[str]]
) -> LabelledFiles | None:
    """The table that names the others, if there is one."""
    for name in files:
        if name.lower().partition(".")[0] not in LISTS:
            continue
        others = [file for file in files if file != name]
        others += [f"{place}/{file}" for place, tables in inside.items() for file in tables]
        listing = read_listing(folder / name, others)
        if listing is None:
            continue
        left = sorted(set(others) - set(listing.ids))
        if left:
            shown = ", ".join(left[:_SHOWN]) + (", ..." if len(left) > _SHOWN else "")
            raise FileError(
                f"does not name {len(left):,} of the {len(others):,} files: {shown}. Add a line "
                "for each, or move them away.",
                path=folder / name,
            )
        return listing
    return None


def _steps_and_labels(folder: Path, files: list[str]) -> list[Related]:
    """Two tables: a row a step, and the label of each id."""
    if len(files) != 2 or _are_named_parts(files):
        return []
    tables = {file: Columns(load(folder / file)) for file in files}
    for values, other in (files, files[::-1]):
        key = shared_key(tables[values], tables[other])
        if key is None or tables[values].distinct(key) == tables[values].rows:
            continue
        is_list = other.lower().partition(".")[0] in LISTS
        if is_list or tables[other].distinct(key) == tables[other].rows:
            return [Related(values, None, {"label": other})]
    return []


def _arrangement_by_class(classes: dict[str, list[str]]) -> Arrangement | None:
    """One file a sequence, in a folder for each class."""
    files = {f"{name}/{file}": name for name, tables in classes.items() for file in tables}
    single = len(files) == len(classes)  # one table in each folder: as many data sets
    if single or any(map(_are_named_parts, classes.values())):
        return None
    labels, notes = labels_of_texts(list(files.values())), ("the folder is the label",)
    return Arrangement(list(files), listing=LabelledFiles((), tuple(files), labels, notes=notes))


def _are_named_parts(files: list[str]) -> bool:
    """`train.csv` and `test.csv`: each is a part of a data set, once."""
    reader = reader_named("table")
    matches = [match for file in files if (match := reader.matches(file))]
    parts = Counter((match["name"], match["part"]) for match in matches)
    return any(part for _, part in parts) and len({name for name, _ in parts}) == 1


def _has_steps(file: Path, count: int) -> bool:
    """Whether the rows of the first file look like the steps of a sequence."""
    plan = make_plan(Columns(load(file)), TableOptions())
    return plan.layout == "steps" or (count > 2 and len(plan.channels) < _FEW)


# -- reading --------------------------------------------------------------------------------------


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
    if not found.related:
        return _read_files(folder, found, options, like, join=join)
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
    folder: Path, found: Arrangement, options: TableOptions, like: Like, *, join: bool | None
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

    loaded = join_files(folder, found.files, load_steps)
    if join is None and listing is None and not folders:
        _ask_about_ids(loaded, plan)
    roles = dict(plan.roles)
    for role, values in {"file": found.files, **known}.items():
        column = pa.DictionaryArray.from_arrays(loaded.files, pa.array(list(values)))
        loaded, roles[role] = with_column(loaded, role, column)
    data = build(Columns(loaded), replace(plan, roles=roles))
    how = "one file a sequence" if len(found.files) == len(data) else "several sequences a file"
    said = plan.note().removeprefix("one row a step: ")
    said = said.removeprefix("no label, " if listing else "")
    notes = (f"{how}{beside}; {said}", *data.notes[1:])
    return replace(data, notes=notes, reading=reading(first, plan))


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
