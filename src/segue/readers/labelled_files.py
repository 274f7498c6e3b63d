"""Folders of files that are one sequence each: labelled by a folder for each class, or by a table.

What the readers of sounds, texts and images share: finding the files, and reading them in blocks.
"""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Callable, Hashable, Sequence
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from segue.data.sequences import Array, Sequences
from segue.errors import FileError, OptionError
from segue.readers.blocks import Blocks, LabelledFiles, Problems, runs
from segue.readers.decoding import labels_of_texts
from segue.readers.registry import part_named
from segue.readers.sources import GROUPS, list_folder

Header = TypeVar("Header")
Read = Callable[[Path], Any]


def find_labelled_files(
    path: Path,
    endings: Sequence[str],
    *,
    limit: int | None = None,
    labels: str | None = None,
    what: str = "file",
    notes: str = "",
) -> LabelledFiles:
    """Find the files of one data set; none of them is opened.

    Args:
        path: a file; or a folder, of files or of one folder for each class.
        endings: of the files, in lower case.
        limit: so many, the first of each class in turn; of a table with parts, so many of each.
        labels: a table of labels, relative to the folder; if left out, `labels.csv`, or the only
            .csv or .tsv file in the folder.
        what: what one file is called in messages.
        notes: a pattern for the beginnings of names of files that are about the data.

    Raises:
        FileError: no such files, files on both levels, or a table that does not fit them.
        OptionError: `labels` is not there.
    """
    if path.is_file():
        return LabelledFiles((path,), (path.name,))
    files, folders = list_folder(path)

    def fitting(names: Sequence[str]) -> list[str]:
        fit = [name for name in names if name.lower().endswith(tuple(endings))]
        return [n for n in fit if not (notes and re.match(rf"(?:{notes})\b", n, re.IGNORECASE))]

    own = fitting(files)
    classes = {f"{n}/{file}": n for n in folders for file in fitting(list_folder(path / n).files)}
    if own and classes:
        raise FileError(
            f"holds {what}s ({own[0]}, ...) beside folders of {what}s "
            f"({next(iter(classes.values()))}, ...): "
            f"expected {what}s in folders that are the classes, or all in one folder.",
            path=path,
        )
    names = own or list(classes)
    table = _table(path, files, labels) if own or labels is not None else None
    if table is not None:
        return _listed_files(path, names, table, limit, what)
    if not names:
        raise FileError(f"holds no {what}s ({', '.join(endings)}).", path=path)
    found = LabelledFiles(tuple(path / name for name in names), tuple(names))
    if own:
        return found[:limit]
    known = LabelledFiles(
        found.files, found.ids, labels_of_texts(list(classes.values())), _groups(path, names)
    )
    return known[in_turn(_rows_by_key(list(classes.values())), limit)]


def _groups(path: Path, names: list[str]) -> Array | None:
    """`[n]`, who or what each file comes from, of a table `groups.csv`; `None`: there is none.

    Args:
        path: the folder with the folders of the classes; where it is a part, such as `train`, the
            table may lie beside it.
        names: of the files, below that folder.

    Raises:
        FileError: a table of other columns, or without a line for each file.
    """
    places = [path, path.parent] if part_named(path.name) else [path]
    table = next((place / GROUPS for place in places if (place / GROUPS).is_file()), None)
    if table is None:
        return None
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or not {"filename", "group"} <= rows[0].keys():
        raise FileError(
            "expected a line with the names filename,group, and one a file.", path=table
        )
    found = {(table.parent / str(row["filename"])).resolve(): row["group"] for row in rows}
    missing = [name for name in names if not found.get((path / name).resolve())]
    if missing:
        raise FileError(
            f"has no group for {len(missing)} of {len(names)} files, such as {missing[0]}: each "
            "needs a line with its name below this folder, and its group.",
            path=table,
        )
    return np.array([found[(path / name).resolve()] for name in names])


def in_turn(groups: Sequence[Sequence[int]], limit: int | None) -> list[int]:
    """The first of each group, then the second, and so on, at most `limit`; sorted.

    >>> in_turn([[0, 1, 2], [3], [4, 5]], 4)
    [0, 1, 3, 4]
    """
    order = [i for turn in zip_longest(*groups) for i in turn if i is not None]
    return sorted(order[:limit])


def _rows_by_key(keys: Sequence[Hashable]) -> list[list[int]]:
    groups: dict[Hashable, list[int]] = {}
    for row, key in enumerate(keys):
        groups.setdefault(key, []).append(row)
    return list(groups.values())


def _listed_files(
    path: Path, names: list[str], table: Path, limit: int | None, what: str
) -> LabelledFiles:
    """The files that a table has a line for."""
    from segue.readers.table.beside import read_listing  # brings pyarrow

    found = read_listing(table, names, places=(path, table.parent))
    assert found is not None
    listed = {file.resolve() for file in found.files}
    others = [name for name in names if (path / name).resolve() not in listed]
    if others:
        warnings.warn(
            f"{table} has no line for {len(others)} of the {what}s, such as {others[0]}: they "
            "are left out.",
            stacklevel=2,
        )
    if found.parts is not None:
        by_part = _rows_by_key(found.parts.tolist())
        return found[sorted(row for rows in by_part for row in rows[:limit])]
    return found[in_turn(_rows_by_key(np.asarray(found.labels).tolist()), limit)]


def _table(path: Path, files: list[str], labels: str | None) -> Path | None:
    """The table of labels, if there is one."""
    if labels is not None:
        if (path / labels).is_file():
            return path / labels
        raise OptionError(f"labels={labels!r}: there is no such file in {path}.")
    tables = [name for name in files if name.lower().endswith((".csv", ".tsv"))]
    tables = [name for name in tables if name.lower() in ("labels.csv", "labels.tsv")] or tables
    if len(tables) > 1:
        raise FileError(
            f"holds several tables ({', '.join(tables[:5])}): name the one with the labels, "
            f"labels={tables[0]!r}.",
            path=path,
        )
    return path / tables[0] if tables else None


# -- reading --------------------------------------------------------------------------------------


def read_headers(
    found: LabelledFiles, problems: Problems, look: Callable[[Path], Header], read: Read
) -> list[Header]:
    """Look at the beginning of every file, before the first is read.

    Args:
        found: the files.
        problems: collects the `DataError`s about them.
        look: reads the header of a file.
        read: reads the whole file, for further problems where a header has one.

    Raises:
        FileError: all of the problems, if there are any.
    """
    headers: dict[Path, Header] = {}
    for file in found.files:
        if not problems.is_full:
            with problems.of(file):
                headers[file] = look(file)
    for file in headers if problems else ():
        if not problems.is_full:
            with problems.of(file):
                read(file)
    problems.raise_any()
    return list(headers.values())


def read_files(
    found: LabelledFiles,
    problems: Problems,
    read: Read,
    lengths: Sequence[int],
    *,
    channels: int,
    values: int | None,
    **known: Any,
) -> Blocks:
    """Read files into arrays that are allocated once, with one file beside them in memory.

    Args:
        found: the files.
        problems: collects the `DataError`s about them.
        read: reads one, `[time, channel]`.
        lengths: `[n]`, the steps of each.
        channels: of all of them.
        values: about so many values at a time; `None`: everything at once.
        known: what else is known of the data set.

    Raises:
        FileError: all of the problems, if there are any.
    """
    steps = np.array(lengths, np.int64)
    for block in runs(steps * channels, values):
        offsets = np.concatenate([[0], np.cumsum(steps[block])])
        numbers: Array = np.empty((offsets[-1], channels), np.float32)
        for file, (start, end) in zip(found.files[block], pairwise(offsets), strict=True):
            if not problems.is_full:
                with problems.of(file):
                    numbers[start:end] = read(file)
        if not problems:  # else the rest is looked through for more of them
            data = found[block].dataset(Sequences(numbers, offsets), **known)
            yield data, block.stop / len(found.files)
    problems.raise_any()
