"""A folder of tables that are one data set: what belongs together, and reading it.

walk/001.csv run/001.csv               one file a sequence, the folder is the label
001.csv 002.csv labels.csv             listed with their labels (see `listing`)
ann.csv ben.csv                        several sequences a file, by an id: the file is the group
X_train.csv y_train.csv, part-*.csv    several files that are one table (see `joined`)
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from segue.dataset import Dataset
from segue.errors import FileError
from segue.readers.registry import part_named, reader_named
from segue.readers.table import joined
from segue.readers.table.building import build
from segue.readers.table.columns import Columns
from segue.readers.table.files import Found, Like, read_files
from segue.readers.table.joined import Related
from segue.readers.table.layout import make_plan
from segue.readers.table.listing import LISTS, Listing, read_listing
from segue.readers.table.loading import Loaded, load
from segue.readers.table.plan import recall
from segue.readers.table.roles import TableOptions

_FEW = 8  # columns that may be channels, where nothing else says that a row is a step


def is_data_set(folder: Path) -> bool:
    """Whether the tables of a folder belong together, one sequence (or more) each.

    Looked at are the names of the files, and the first of them.
    """
    try:
        return _find(folder) is not None
    except FileError:
        return True  # reading it will say what is wrong


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
    found = _find(folder)
    if found is None:
        raise FileError("holds no tables with one sequence each.", path=folder)
    if found.related:
        return _read_related(folder, found, options, like)
    if found.partitions:
        return _read_partitions(folder, found, options, like)
    if found.is_one_table or join:
        loaded = joined.load_joined(folder, found.files, options.text)
        data = _of_table(loaded, options, like)
        return replace(
            data, notes=(f"{len(found.files)} files as one table; {data.notes[0]}", *data.notes[1:])
        )
    return read_files(folder, found, options, like, join=join)


def _of_table(loaded: Loaded, options: TableOptions, like: Like) -> Dataset:
    columns = Columns(loaded)
    options = recall(columns, like, options)
    return build(columns, make_plan(columns, options))


def _read_related(folder: Path, found: Found, options: TableOptions, like: Like) -> Dataset:
    """Values with their labels and groups, each part by itself."""
    sets: dict[str, Dataset] = {}
    for related in found.related:
        loaded, roles = joined.load_related(folder, related, options.text)
        own = {role: name for role, name in options.roles.items() if name is not None}
        data = _of_table(loaded, replace(options, roles={**roles, **own}), like)
        said = "; ".join(f"{role} in {file}" for role, file in related.others.items())
        notes = (f"{related.values}{': ' if said else ''}{said}; {data.notes[0]}", *data.notes[1:])
        sets[related.part or ""] = replace(data, notes=notes)
    if len(sets) == 1 and "" in sets:
        return sets[""]
    from segue.readers.pieces import join_parts

    return join_parts(sets)


def _read_partitions(folder: Path, found: Found, options: TableOptions, like: Like) -> Dataset:
    """Tables in folders called column=value: one table, or one sequence each."""
    loaded = [
        joined.with_columns(load(folder / file, options.text), columns)
        for file, columns in zip(found.files, found.partitions, strict=True)
    ]
    names = list(found.partitions[0])
    given = {role: name for role, name in options.roles.items() if name is not None}
    if "label" not in given and len(names) == 1:
        given = {**given, "label": names[0]}
    options = replace(options, roles=given)
    first = make_plan(Columns(loaded[0]), options)
    if first.layout == "steps" and "id" not in first.roles:
        ids = [np.full(one.table.num_rows, number) for number, one in enumerate(loaded)]
        table = joined.join_rows(loaded, folder)
        table = replace(table, table=table.table.append_column("file", [np.concatenate(ids)]))
        data = _of_table(table, replace(options, roles={**given, "id": "file"}), like)
        data = replace(data, ids=np.array(found.files)[data.ids])
        how = "one file a sequence"
    else:
        data, how = _of_table(joined.join_rows(loaded, folder), options, like), "one table"
    said = f"{len(found.files)} files as {how}, the folders say {', '.join(map(repr, names))}"
    return replace(data, notes=(f"{said}; {data.notes[0]}", *data.notes[1:]))


# -- files ----------------------------------------------------------------------------------------


def _find(folder: Path) -> Found | None:
    reader = reader_named("table")
    partitions = joined.find_partitions(folder, reader.matches)
    if partitions:
        return Found(
            tuple(file for file, _ in partitions),
            partitions=tuple(columns for _, columns in partitions),
        )
    files, folders = _listing(folder)
    inside = {name: _listing(folder / name)[0] for name in folders}
    inside = {name: tables for name, tables in inside.items() if tables}
    listing = _find_listing(folder, files, inside)
    if listing is not None:
        return Found(listing.files, listing=listing)
    if joined.are_parts_of_a_table(files):
        return Found(tuple(files), is_one_table=True)
    if related := joined.find_related(files) or _steps_and_labels(folder, files):
        return Found(tuple(files), related=tuple(related))
    plain = {n: tables for n, tables in inside.items() if part_named(n) is None}
    if not files and len(plain) > 1 and len(plain) == len(inside):
        return _of_classes(plain)
    if len(files) > 1 and not _are_named_parts(files) and _has_steps(folder / files[0], len(files)):
        return Found(tuple(files))
    return None


def _steps_and_labels(folder: Path, files: list[str]) -> list[Related]:
    """Two tables: a row a step, and the label of each id."""
    if len(files) != 2 or _are_named_parts(files):
        return []
    tables = {file: Columns(load(folder / file)) for file in files}
    for values, other in (files, files[::-1]):
        key = joined.shared_key(tables[values], tables[other])
        if key is not None and tables[values].distinct(key) < tables[values].rows:
            return [Related(values, None, {"label": other})]
    return []


def _of_classes(classes: dict[str, list[str]]) -> Found | None:
    pairs = [(name, f"{name}/{file}") for name, tables in classes.items() for file in tables]
    single = len(pairs) == len(classes)  # one table in each folder: as many data sets
    if single or any(_are_named_parts(tables) for tables in classes.values()):
        return None
    return Found(tuple(file for _, file in pairs), tuple(name for name, _ in pairs))


def _find_listing(folder: Path, files: list[str], inside: dict[str, list[str]]) -> Listing | None:
    """The table that names the others, if there is one."""
    for name in files:
        if name.lower().partition(".")[0] in LISTS:
            others = [file for file in files if file != name]
            others += [f"{place}/{file}" for place, tables in inside.items() for file in tables]
            listing = read_listing(folder / name, others)
            if listing is not None:
                return listing
    return None


def _listing(folder: Path) -> tuple[list[str], list[str]]:
    """The tables and the folders in a folder, sorted, without the hidden ones."""
    reader = reader_named("table")
    try:
        with os.scandir(folder) as entries:
            seen = sorted((e.name, e.is_dir()) for e in entries if not e.name.startswith("."))
    except OSError as error:
        raise FileError(f"cannot be read ({error.strerror or error}).", path=folder) from error
    files = [
        name
        for name, is_folder in seen
        if not is_folder and reader.matches(name) and reader.accepts(folder / name)
    ]
    from segue.readers.pieces import without_submissions

    return without_submissions(files), [name for name, is_folder in seen if is_folder]


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
