"""Tables of metadata: labels, groups and parts of other files' sequences.

    labels.csv beside sounds or tables     names files that are there: filename,label,group,part
    X_train.csv y_train.csv                values and labels, row by row, or by an id
    steps.csv labels.csv                   a row a step, and the label of each id

In a list of files, the column of files is the one whose values are names of files that are there.
The others are recognised by their names, as in any table; a column of labels by another name
is the one of texts with the fewest different values. A table without a line of names will do, too.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from segue.errors import counted, did_you_mean
from segue.readers.blocks import LabelledFiles
from segue.readers.registry import part_named
from segue.readers.table.columns import Columns
from segue.readers.table.labels import values_at
from segue.readers.table.loading import Loaded, load, with_column
from segue.readers.table.words import FILE_NAMES, WORDS, TableOptions, plain, rank, role_of

_NAMES = {what: frozenset(words.split()) for what, words in FILE_NAMES.items()}
LISTS = _NAMES["lists"]  # what such a table is called, without its ending


def read_listing(
    path: Path, files: Sequence[str], places: Sequence[Path] = ()
) -> LabelledFiles | None:
    """Read a table that may list files.

    Args:
        path: of the table.
        files: that are there, relative to their folder.
        places: folders in which there may be more files, that of `files` first; where they are
            given, the table must list files, with labels.

    Returns:
        The files in the table's order; `None` if it does not name files.

    Raises:
        FileError: it names files that are not there, or one twice, or has no label
            for one, or must list files and does not.
    """
    columns = Columns(load(path))
    names = _names_of(files)

    def find(value: object) -> str | None:
        """The file that a field names, relative to the first place."""
        text = "" if value is None else str(value).strip().removeprefix("./").replace("\\", "/")
        if text and text not in names:
            for place in places:
                if os.path.isfile(place / text):  # noqa: PTH113 (a name too long is none, too)
                    names.setdefault(text, os.path.relpath(place / text, places[0]))
        return names.get(text)

    name = _file_column(columns, find, by_name=bool(places))
    if name is None and not places:
        return None
    if name is None:
        raise columns.loaded.error(
            f"has the columns {', '.join(columns.table.column_names)}; expected one with the names "
            "of files, such as filename, and one called label (also group and part, if there are "
            "such)."
        )
    taken = _named_files(columns, name, find, files)
    roles = roles_beside(columns, name, guess=True)
    if places and "label" not in roles:
        empty = [f"; column {n!r} has no label in any line" for n in columns.empty]
        raise columns.loaded.error(
            f"names files in column {name!r} and has no column with their labels{''.join(empty)}."
        )
    folder, rows = places[0] if places else path.parent, np.arange(columns.rows)
    known = {role: values_at(columns, column, rows, role) for role, column in roles.items()}
    said = ", ".join(f"{role} {column!r}" for role, column in {"file": name, **roles}.items())
    return LabelledFiles(
        tuple(folder / file for file in taken),
        tuple(taken),
        known.get("label"),
        known.get("group"),
        known.get("parts"),
        (f"{path.name} says {said}",),
    )


def _names_of(files: Sequence[str]) -> dict[str, str]:
    """Each file by all that it may be called: its path, its name, its name without the ending."""
    names: dict[str, str] = {}
    base_names = [PurePath(file).name for file in files]
    for texts in (files, base_names, [name.partition(".")[0] for name in base_names]):
        counts = Counter(texts)
        for text, file in zip(texts, files, strict=True):
            if counts[text] == 1:
                names.setdefault(text, file)
    return names


def _file_column(
    columns: Columns, find: Callable[[object], str | None], *, by_name: bool
) -> str | None:
    """The column whose values are names of files; `None`: there is none."""
    shares = {}
    for name in columns.of_kind("text", "number", "truth", "time"):
        values = columns.values(name)
        shares[name] = sum(find(value) is not None for value in values) / max(1, len(values))
    best = max(shares, key=lambda name: shares[name], default=None)
    if best is not None and shares[best] >= 0.5:
        return best
    return next(
        (name for name in shares if by_name and plain(name) in _NAMES["columns_of_files"]), None
    )


def _named_files(
    columns: Columns, name: str, find: Callable[[object], str | None], files: Sequence[str]
) -> list[str]:
    """The file of each row, after checking that it is there, and named once."""
    values = ["" if v is None else str(v) for v in columns.table.column(name).to_pylist()]
    found, taken = [find(value) for value in values], dict[str, int]()
    for row, (text, file) in enumerate(zip(values, found, strict=True)):
        if file is None:
            count = found.count(None)
            more = f" ({count:,} such files)" if count > 1 else ""
            hint = did_you_mean(text, files) if len(files) <= 1000 else ""
            said = f"names the file {text!r}, which is not there{more}."
            raise columns.loaded.error(said + hint * hint.startswith(" Did you"), row)
        if file in taken:
            before = columns.loaded.place(taken[file])
            said = f"names the file {text!r} a second time; the first is {before}."
            raise columns.loaded.error(said, row)
        taken[file] = row
    return list(taken)


def roles_beside(
    columns: Columns, key: str, role: str = "label", *, guess: bool = False
) -> dict[str, str]:
    """The columns of a table that says something of files or ids: its label, group and part.

    Args:
        columns: of the table.
        key: the column with the names of the files, or the ids.
        role: what the table is about, "label" or "group".
        guess: of several columns that may have this role, take the one with the best name, or the
            fewest different texts.

    Raises:
        FileError: several columns may have the role, or none.
    """
    rest = [n for n in columns.of_kind("text", "number", "truth", "time") if n != key]
    named: dict[str, list[str]] = {}
    for each in dict.fromkeys((role, "group", "parts")):
        ranked = sorted((place, n) for n in rest if (place := rank(n, each)) is not None)
        named[each] = [n for _, n in ranked]
    # Names of classes say more than their numbers; a column called set may hold something else.
    named[role].sort(key=lambda n: columns.kinds[n] != "text")
    named["parts"] = [
        n for n in named["parts"] if any(map(part_named, map(str, columns.values(n))))
    ]
    roles = {each: names[0] for each, names in named.items() if names}
    left = [n for n in rest if n not in roles.values() and not columns.is_row_number(n)]
    possible = named[role] or [n for n in left if role_of(n) is None] or left
    if not guess and len(possible) != 1:
        raise columns.loaded.error(
            f"has no column that is the {role} for certain, only "
            f"{', '.join(map(repr, possible))}: name it {role}, or leave the others out."
        )
    if role in roles or not possible:
        return roles
    texts = [n for n in possible if columns.kinds[n] == "text"] or possible
    return {role: min(texts, key=columns.distinct), **roles}


# -- a table beside another table ------------------------------------------------------------------


@dataclass(frozen=True)
class Related:
    """A table of values and the tables that say something of its rows.

    Attributes:
        values: the file with the values.
        part: "train", "validation", "test", or None.
        others: the files of labels and groups, by role.
    """

    values: str
    part: str | None = None
    others: dict[str, str] = field(default_factory=dict)


def find_related(files: Sequence[str]) -> list[Related]:
    """Tables of values with tables of labels or groups beside them, recognised by their names.

    >>> find_related(["X_train.csv", "y_train.csv"])
    [Related(values='X_train.csv', part='train', others={'label': 'y_train.csv'})]
    """
    found: dict[str | None, dict[str, str]] = defaultdict(dict)
    for file in files:
        role, part = _role_and_split_from_name(file)
        if role is None or role in found[part]:
            return []
        found[part][role] = file
    complete = all("values" in roles for roles in found.values())
    if not complete or all(len(roles) == 1 for roles in found.values()):
        return []
    return [Related(roles.pop("values"), part, roles) for part, roles in found.items()]


def _role_and_split_from_name(file: str) -> tuple[str | None, str | None]:
    """The role of a table (values, label or group) and its split, guessed from the file's name."""
    words = [word for word in re.split(r"[_\-. ]+", file.partition(".")[0]) if word]
    part = next((part_named(word) for word in words if part_named(word)), None)
    word = plain("".join(word for word in words if part_named(word) is None))
    if word in ("", *_NAMES["values"]):
        return "values", part
    known = {"label": {*WORDS["label"], *_NAMES["labels"]}, "group": WORDS["group"]}
    return next((role for role, words in known.items() if word in words), None), part


def load_related(
    folder: Path, related: Related, options: TableOptions
) -> tuple[Loaded, dict[str, str]]:
    """Load values with their labels and groups as one table, and the column of each role.

    Raises:
        FileError: other rows, or ids that do not fit.
    """
    loaded = load(folder / related.values, options)
    roles: dict[str, str] = {}
    for role, file in related.others.items():
        other = Columns(load(folder / file, options))
        key = shared_key(Columns(loaded), other)
        if key is None:
            column = _column_beside(loaded, other, role)
            loaded, roles[role] = with_column(loaded, role, column)
            continue
        rows = _rows_by_id(loaded, other.loaded, key)
        for own, name in roles_beside(other, key, role).items():
            column = other.table.column(name).combine_chunks().take(rows)
            loaded, roles[own] = with_column(loaded, name, column)
    return loaded, roles


def _column_beside(loaded: Loaded, other: Columns, role: str) -> Any:
    """The only column of another table that has as many rows."""
    rows, others = loaded.table.num_rows, other.rows
    own = [name for name in other.names if not other.is_row_number(name)] or other.names
    if rows != others or len(own) != 1:
        what = f"{len(own)} columns and " if len(own) != 1 else ""
        raise other.loaded.error(
            f"has {what}{counted(others, 'row')}, and {loaded.path and loaded.path.name} has "
            f"{counted(rows, 'row')}: expected one {role} for each row there, or a column of the "
            "same name in both that says what belongs together."
        )
    return other.table.column(own[0])


def shared_key(values: Columns, other: Columns) -> str | None:
    """The column of both tables whose values name the rows of the other one; `None`: none."""
    if not values.loaded.named or not other.loaded.named:
        return None
    common = [name for name in other.names if name in values.names]
    if called := [name for name in common if role_of(name) == "id"]:
        return called[0]
    for name in other.names:
        if name not in values.names or other.distinct(name) < other.rows:
            continue
        if {str(v) for v in values.values(name)} & {str(v) for v in other.values(name)}:
            return name
    return None


def _rows_by_id(loaded: Loaded, other: Loaded, key: str) -> Any:
    """`[rows]`, the row of another table with the same id; null where it has none.

    Raises:
        FileError: an id that stands there twice, or most are not there.
    """
    ids, known = (one.table.column(key).cast(pa.large_string()) for one in (loaded, other))
    seen: set[str | None] = set()
    for row, name in enumerate(known.to_pylist()):
        if name is not None and name in seen:
            raise other.error(f"has a second row for {key} {name!r}.", row)
        seen.add(name)
    rows = pc.index_in(ids, known.combine_chunks(), skip_nulls=True).combine_chunks()
    missing = pc.unique(ids.filter(pc.and_(pc.is_valid(ids), pc.is_null(rows)))).to_pylist()
    if len(missing) > 0.5 * len(pc.unique(ids)):
        raise other.error(
            f"has no row for {counted(len(missing), key)} of {loaded.path and loaded.path.name}, "
            f"such as {min(missing)!r}."
        )
    return rows
