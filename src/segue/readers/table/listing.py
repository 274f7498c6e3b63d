"""A table that lists files with their labels: `labels.csv` beside the files it names.

    filename,label,group,part
    001.wav,flute,anna,train
    002.wav,piano,ben,test

The column with the files is the one whose values are names of files that are there. The others are
told by their names, as in any table (`words.WORDS`); a column of labels by another name is the one
of texts with the fewest different values. A table without a line of names will do as well.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import overload

import numpy as np

from segue.dataset import Dataset
from segue.encoding import Task
from segue.errors import FileError, did_you_mean
from segue.readers.registry import part_named
from segue.readers.table.columns import Columns
from segue.readers.table.labels import labels_of
from segue.readers.table.loading import load
from segue.readers.table.words import plain, rank
from segue.sequences import Array

# What such a table is called, without its ending.
LISTS = frozenset(
    "labels label classes class targets target y metadata meta index annotations annotation "
    "reference references info files manifest".split()
)
# What a column of files is called, where none of them is there.
_FILE = frozenset("filename file path filepath fname name clip slicefilename".split())
_SHOWN = 5


@dataclass(frozen=True)
class Listing:
    """What the table says.

    Attributes:
        path: of the table.
        files: relative to its folder, in its order.
        labels: `[files]`; `None` where it has none.
        groups: `[files]`, likewise.
        parts: `[files]`, likewise.
        columns: the names of the columns, by role.
    """

    path: Path
    files: tuple[str, ...]
    labels: Array | None
    groups: Array | None
    parts: Array | None
    columns: dict[str, str]

    @property
    def has_labels(self) -> bool:
        """Whether the table has labels, or only files."""
        return self.labels is not None

    def note(self) -> str:
        """What is taken from where."""
        said = [f"{role} {name!r}" for role, name in self.columns.items()]
        return f"{self.path.name} says {', '.join(said)}"

    def put_into(self, data: Dataset, counts: list[int], *, is_labelled: bool) -> Dataset:
        """The data set with labels, groups and parts of the table.

        Args:
            data: the sequences of the files, in the table's order.
            counts: sequences in each file.
            is_labelled: the data set has labels of its own, which stay.
        """

        def each(values: Array | None, own: Array | None) -> Array | None:
            return own if values is None else np.repeat(values, counts)

        if self.labels is not None and not is_labelled:
            y = np.repeat(self.labels, counts)
            task: Task = "regress" if y.dtype.kind == "f" else "classify"
            data = replace(data, y=y, classes=None, task=task)
        return replace(
            data, groups=each(self.groups, data.groups), parts=each(self.parts, data.parts)
        )


@overload
def read_listing(path: Path, files: list[str]) -> Listing | None: ...
@overload
def read_listing(path: Path, files: list[str], *, folder: Path) -> Listing: ...
def read_listing(path: Path, files: list[str], *, folder: Path | None = None) -> Listing | None:
    """Read a table that may list files.

    Args:
        path: of the table.
        files: that are there, relative to its folder, or to `folder`.
        folder: the table must list files, with labels, in this folder or relative to its own;
            it need not list all that are there.

    Returns:
        `None` if the table does not name files.

    Raises:
        FileError: it names files that are not there, or not all, or one twice, or has no label
            for one.
    """
    columns = Columns(load(path))
    known = _Known(files, () if folder is None else (folder, path.parent))
    name = _file_column(columns, known, by_name=folder is not None)
    if name is None:
        if folder is None:
            return None
        raise FileError(
            f"has the columns {', '.join(columns.table.column_names)}; expected one with the names "
            "of files, such as filename, and one called label (also group and part, if there are "
            "such).",
            path=path,
        )
    texts = [_text(value) for value in columns.table.column(name).to_pylist()]
    taken = _check(columns, texts, known)
    if folder is None:
        _refuse_others(taken, files, path)
    roles = _roles(columns, name)
    if folder is not None and "label" not in roles:
        raise columns.loaded.error(_without_labels(columns, name))
    return Listing(
        path,
        tuple(taken),
        _labels(columns, roles.get("label")),
        _values(columns, roles.get("group")),
        _parts(columns, roles.get("parts")),
        {"file": name, **roles},
    )


class _Known:
    """Each file by all that it may be called: its path, its name, its name without the ending.

    Args:
        files: relative to the first place, if there are any.
        places: folders in which there may be more files.
    """

    def __init__(self, files: list[str], places: tuple[Path, ...]) -> None:
        self.files, self._places = files, places
        self._names: dict[str, str] = {}
        for how in (str, lambda f: PurePath(f).name, lambda f: PurePath(f).name.partition(".")[0]):
            names = [how(file) for file in files]
            for text, file in zip(names, files, strict=True):
                if names.count(text) == 1 if len(names) < 1000 else True:
                    self._names.setdefault(text, file)

    def find(self, text: str) -> str | None:
        """The file that is called so, relative to the first place."""
        if text not in self._names and text:
            for place in self._places:
                if _is_file(place / text):
                    self._names[text] = os.path.relpath(place / text, self._places[0])
                    break
        return self._names.get(text)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long for a name, or with characters that no name has
        return False


def _text(value: object) -> str:
    return "" if value is None else str(value).strip().removeprefix("./").replace("\\", "/")


def _file_column(columns: Columns, known: _Known, *, by_name: bool) -> str | None:
    shares = {}
    for name in columns.of_kind("text", "number", "truth", "time"):
        values = [_text(value) for value in columns.values(name)]
        shares[name] = sum(known.find(value) is not None for value in values) / len(values)
    best = max(shares, key=lambda name: shares[name], default=None)
    if best is not None and shares[best] >= 0.5:
        return best
    return next((name for name in shares if by_name and plain(name) in _FILE), None)


def _check(columns: Columns, texts: list[str], known: _Known) -> list[str]:
    """The files, after checking that each is there, and named once."""
    found = [known.find(text) for text in texts]
    absent = [row for row, file in enumerate(found) if file is None]
    if absent:
        first = texts[absent[0]]
        more = f" ({len(absent):,} such files)" if len(absent) > 1 else ""
        hint = did_you_mean(first, known.files) if len(known.files) <= 1000 else ""
        raise columns.loaded.error(
            f"names the file {first!r}, which is not there{more}."
            + (hint if "Did you" in hint else ""),
            absent[0],
        )
    rows: dict[str, int] = {}
    for row, file in enumerate(found):
        assert file is not None
        if file in rows:
            before = columns.loaded.place(rows[file])
            raise columns.loaded.error(
                f"names the file {texts[row]!r} a second time; the first is {before}.", row
            )
        rows[file] = row
    return list(rows)


def _refuse_others(taken: list[str], files: list[str], path: Path) -> None:
    left = sorted(set(files) - set(taken))
    if left:
        shown = ", ".join(left[:_SHOWN]) + (", ..." if len(left) > _SHOWN else "")
        raise FileError(
            f"does not name {len(left):,} of the {len(files):,} files: {shown}. Add a line for "
            "each, or move them away.",
            path=path,
        )


def _without_labels(columns: Columns, file: str) -> str:
    empty = [name for name in columns.empty if rank(name, "label") is not None]
    if empty:
        return f"column {empty[0]!r} has no label in any line."
    return f"names files in column {file!r} and has no column with their labels."


def _roles(columns: Columns, name: str) -> dict[str, str]:
    rest = [n for n in columns.of_kind("text", "number", "truth", "time") if n != name]
    roles: dict[str, str] = {}
    for role in ("label", "group", "parts"):
        named = [(place, n) for n in rest if (place := rank(n, role)) is not None]
        if role == "parts":  # a column called set may hold something else
            named = [(p, n) for p, n in named if any(part_named(str(v)) for v in columns.values(n))]
        if role == "label":  # names of classes say more than their numbers
            named = [(p, n) for p, n in named if columns.kinds[n] == "text"] or named
        if named:
            roles[role] = min(named)[1]
    free = [n for n in rest if n not in roles.values()]
    if "label" not in roles and free:
        texts = [n for n in free if columns.kinds[n] == "text"] or free
        roles = {"label": min(texts, key=columns.distinct), **roles}
    return roles


def _labels(columns: Columns, name: str | None) -> Array | None:
    if name is None:
        return None
    return labels_of(columns, name).of_sequences(columns, np.arange(columns.rows))[0]


def _values(columns: Columns, name: str | None) -> Array | None:
    if name is None:
        return None
    return np.array([_text(value) for value in columns.table.column(name).to_pylist()])


def _parts(columns: Columns, name: str | None) -> Array | None:
    found = _values(columns, name)
    if found is None:
        return None
    parts = [part_named(text) for text in found.tolist()]
    if None in parts:
        row = parts.index(None)
        raise columns.loaded.error(
            f"column {name!r} has part {str(found[row])!r}; expected train, validation or test.",
            row,
        )
    return np.array(parts)
