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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segue.errors import FileError
from segue.readers.blocks import LabelledFiles
from segue.readers.decoding import labels_of_texts
from segue.readers.registry import part_named, reader_named
from segue.readers.sources import list_folder, without_submissions
from segue.readers.table.beside import (
    LISTS,
    Related,
    find_related,
    read_listing,
    shared_key,
)
from segue.readers.table.columns import Columns
from segue.readers.table.layout import make_plan
from segue.readers.table.loading import load
from segue.readers.table.words import TableOptions

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
