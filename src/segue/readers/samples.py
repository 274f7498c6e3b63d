"""Files that are one sequence each: in a folder for each class, or labelled by a table beside them.

What the readers of such files (sounds, texts) have in common; none of the files is opened here.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from segue.errors import FileError, OptionError
from segue.readers.labels import as_labels
from segue.sequences import Array


@dataclass(frozen=True)
class Examples:
    """What is to be read, in order.

    Attributes:
        files: one a sequence.
        ids: the names of the files, below the folder.
        labels: `[n]`, from the folders' names or the table; `None` where there are none.
        groups: `[n]`, from the table, where it has them.
        parts: `[n]`, from the table, where it has them.
        notes: which columns of the table say what.
    """

    files: tuple[Path, ...]
    ids: tuple[str, ...]
    labels: Array | None = None
    groups: Array | None = None
    parts: Array | None = None
    notes: tuple[str, ...] = ()

    def __getitem__(self, index: slice) -> Examples:
        """Some of them."""

        def some(column: Array | None) -> Array | None:
            return None if column is None else column[index]

        return Examples(
            self.files[index],
            self.ids[index],
            some(self.labels),
            some(self.groups),
            some(self.parts),
            self.notes,
        )


def find_examples(
    path: Path,
    endings: Sequence[str],
    *,
    limit: int | None = None,
    labels: str | None = None,
    what: str = "file",
    notes: str = "",
) -> Examples:
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
        return Examples((path,), (path.name,))
    files, folders = _listing(path)

    def examples(names: Sequence[str]) -> list[str]:
        fit = [name for name in names if name.lower().endswith(tuple(endings))]
        return [n for n in fit if not (notes and re.match(rf"(?:{notes})\b", n, re.IGNORECASE))]

    own = examples(files)
    inside = {name: examples(_listing(path / name)[0]) for name in folders}
    classes = {name: names for name, names in inside.items() if names}
    if own and classes:
        raise FileError(
            f"holds {what}s ({own[0]}, ...) beside folders of {what}s ({next(iter(classes))}, ...):"
            f" expected {what}s in folders that are the classes, or all in one folder.",
            path=path,
        )
    table = _table(path, files, labels) if own or labels is not None else None
    if table is not None:
        names = own or [f"{label}/{name}" for label, names in classes.items() for name in names]
        return _of_table(path, names, table, limit, what)
    if classes:
        return _of_classes(path, classes, limit)
    if not own:
        raise FileError(f"holds no {what}s ({', '.join(endings)}).", path=path)
    return Examples(tuple(path / name for name in own[:limit]), tuple(own[:limit]))


def relative(message: str, folder: Path) -> str:
    """A message about a file, with its path below the folder."""
    return message.replace(f"{folder}{os.sep}", "")


def in_turn(groups: Sequence[Sequence[int]], limit: int | None) -> list[int]:
    """The first of each group, then the second, and so on, at most `limit`; sorted.

    >>> in_turn([[0, 1, 2], [3], [4, 5]], 4)
    [0, 1, 3, 4]
    """
    order = [i for turn in zip_longest(*groups) for i in turn if i is not None]
    return sorted(order[:limit])


def _listing(folder: Path) -> tuple[list[str], list[str]]:
    """The names of the files and of the folders in it, sorted, without the hidden ones."""
    with os.scandir(folder) as entries:
        seen = sorted((e.name, e.is_dir()) for e in entries if not e.name.startswith("."))
    return [n for n, is_folder in seen if not is_folder], [n for n, is_folder in seen if is_folder]


def _of_classes(path: Path, classes: dict[str, list[str]], limit: int | None) -> Examples:
    pairs = [(label, name) for label, inside in classes.items() for name in inside]
    chosen = in_turn(_members([label for label, _ in pairs]), limit)
    pairs = [pairs[i] for i in chosen]
    return Examples(
        tuple(path / label / name for label, name in pairs),
        tuple(f"{label}/{name}" for label, name in pairs),
        as_labels([label for label, _ in pairs]),
    )


def _members(names: Sequence[str]) -> list[list[int]]:
    """The places of each name."""
    groups: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        groups.setdefault(name, []).append(place)
    return list(groups.values())


def _of_table(path: Path, names: list[str], table: Path, limit: int | None, what: str) -> Examples:
    from segue.readers.table.listing import read_listing  # brings pyarrow

    listing = read_listing(table, names, folder=path)
    listed = {(path / file).resolve() for file in listing.files}
    others = [name for name in names if (path / name).resolve() not in listed]
    if others:
        warnings.warn(
            f"{table} has no line for {len(others)} of the {what}s, such as {others[0]}: they "
            "are left out.",
            stacklevel=2,
        )
    labels = None if listing.labels is None else listing.labels.tolist()
    if limit is None:
        chosen = list(range(len(listing.files)))
    elif listing.parts is not None:
        members = _members(listing.parts.tolist())
        chosen = sorted(i for inside in members for i in inside[:limit])
    else:
        chosen = in_turn(_members(labels or listing.files), limit)

    def column(values: Array | None) -> Array | None:
        return None if values is None else values[chosen]

    return Examples(
        tuple(path / listing.files[i] for i in chosen),
        tuple(listing.files[i] for i in chosen),
        column(listing.labels),
        column(listing.groups),
        column(listing.parts),
        (listing.note(),),
    )


def _table(path: Path, files: list[str], labels: str | None) -> Path | None:
    """The table of labels, if there is one."""
    if labels is not None:
        if (path / labels).is_file():
            return path / labels
        raise OptionError(f"labels={labels!r}: there is no such file in {path}.")
    tables = [name for name in files if name.lower().endswith((".csv", ".tsv"))]
    usual = [name for name in tables if name.lower() in ("labels.csv", "labels.tsv")]
    tables = usual or tables
    if len(tables) > 1:
        raise FileError(
            f"holds several tables ({', '.join(tables[:5])}): name the one with the labels, "
            f"labels={tables[0]!r}.",
            path=path,
        )
    return path / tables[0] if tables else None
