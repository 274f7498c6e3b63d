"""Files that are one sequence each: in a folder for each class, or labelled by a table beside them.

What the readers of such files (sounds, texts, images) share; none of the files is opened here.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Hashable, Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np

from segue.errors import FileError, OptionError
from segue.readers.labels import LabelledFiles, as_labels
from segue.readers.pieces import list_folder


def find_examples(
    path: Path,
    endings: Sequence[str],
    *,
    limit: int | None = None,
    labels: str | None = None,
    what: str = "file",
    notes: str = "",
) -> LabelledFiles:
    """Find the files of one data set.

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

    def examples(names: Sequence[str]) -> list[str]:
        fit = [name for name in names if name.lower().endswith(tuple(endings))]
        return [n for n in fit if not (notes and re.match(rf"(?:{notes})\b", n, re.IGNORECASE))]

    own = examples(files)
    inside = {name: examples(list_folder(path / name).files) for name in folders}
    classes = {f"{name}/{file}": name for name, names in inside.items() for file in names}
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
        return _of_table(path, names, table, limit, what)
    if not names:
        raise FileError(f"holds no {what}s ({', '.join(endings)}).", path=path)
    found = LabelledFiles(tuple(path / name for name in names), tuple(names))
    if own:
        return found[:limit]
    labelled = LabelledFiles(found.files, found.ids, as_labels(list(classes.values())))
    return labelled[in_turn(_members(list(classes.values())), limit)]


def in_turn(groups: Sequence[Sequence[int]], limit: int | None) -> list[int]:
    """The first of each group, then the second, and so on, at most `limit`; sorted.

    >>> in_turn([[0, 1, 2], [3], [4, 5]], 4)
    [0, 1, 3, 4]
    """
    order = [i for turn in zip_longest(*groups) for i in turn if i is not None]
    return sorted(order[:limit])


def _members(names: Sequence[Hashable]) -> list[list[int]]:
    """The places of each name."""
    groups: dict[Hashable, list[int]] = {}
    for place, name in enumerate(names):
        groups.setdefault(name, []).append(place)
    return list(groups.values())


def _of_table(
    path: Path, names: list[str], table: Path, limit: int | None, what: str
) -> LabelledFiles:
    from segue.readers.table.listing import read_listing  # brings pyarrow

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
        members = _members(found.parts.tolist())
        return found[sorted(place for inside in members for place in inside[:limit])]
    return found[in_turn(_members(np.asarray(found.labels).tolist()), limit)]


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
