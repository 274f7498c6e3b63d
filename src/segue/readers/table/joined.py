"""Several files that are one table: one after the other, or with columns in files of their own.

part-00000.csv part-00001.csv          as Spark writes them
X_train.csv y_train.csv                values and labels, row by row, or by an id
steps.csv labels.csv                   a row a step, and the label of each id
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from segue.errors import FileError, counted
from segue.readers.blocks import Problems
from segue.readers.registry import part_named
from segue.readers.table.columns import Columns, kind_of
from segue.readers.table.dialect import TextOptions
from segue.readers.table.listing import roles_beside
from segue.readers.table.loading import Loaded, load
from segue.readers.table.words import WORDS, plain, role_of

_SHOWN = 10  # problems of one folder in one message
_VALUES = frozenset(["", "x", "data", "features", "feature", "inputs", "input", "values", "series"])
_LABELS = frozenset([*WORDS["label"], "ytrue", "truth"])


# -- one after the other --------------------------------------------------------------------------


@dataclass(frozen=True)
class Joined(Loaded):
    """A table whose rows stand in several files.

    Attributes:
        parts: the table of each file.
    """

    parts: tuple[Loaded, ...] = ()

    @property
    def files(self) -> Any:
        """`[rows]`, the number of the file in which each row stands."""
        return np.repeat(np.arange(len(self.parts)), [part.table.num_rows for part in self.parts])

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know about how the files are written, the same kind of thing once."""
        noted = [part for part in self.parts if part.notes]
        said = noted[0].notes if noted else ()
        return tuple(f"in {counted(len(noted), 'file')}, such as: {note}" for note in said)

    def _part_of(self, row: int) -> tuple[Loaded, int]:
        file = int(self.files[row])
        return self.parts[file], row - int((self.files < file).sum())

    def error(self, message: str, row: int | None = None) -> FileError:
        """An error that says where it is: the folder, or file and line."""
        if row is None:
            return FileError(message, path=self.path)
        part, row = self._part_of(row)
        return part.error(message, row)

    def place(self, row: int) -> str:
        """Where a row stands: the name of the file, and the line."""
        part, row = self._part_of(row)
        return f"{part.path and part.path.name}, {part.place(row)}"


def join_files(folder: Path, files: Sequence[str], read: Callable[[Path], Loaded]) -> Joined:
    """Read files as one table, one after the other.

    Args:
        folder: of the files.
        files: relative to it.
        read: what gives the table of one file.

    Raises:
        FileError: files that cannot be read, or with other columns than the first; ten are named.
    """
    problems = Problems(folder, "file", most=_SHOWN)
    parts: list[Loaded] = []
    for file in files:
        with problems.of(folder / file):
            loaded = read(folder / file)
            check_columns(loaded, (parts or [loaded])[0])
            parts.append(loaded)
        if problems.is_full:
            break
    problems.raise_any()
    names = parts[0].table.column_names
    tables = _of_alike_types([part.table.select(names) for part in parts])
    table = pa.concat_tables(tables, promote_options="permissive")
    return Joined(table, folder, parts[0].dialect, parts[0].named, parts=tuple(parts))


def check_columns(loaded: Loaded, first: Loaded) -> None:
    """Refuse a file with other columns than the first one has.

    Raises:
        FileError: a column that is missing, and one that is not known.
    """
    mine, wanted = loaded.table.column_names, first.table.column_names
    said = [f"has no column {name!r}" for name in wanted if name not in mine][:1]
    said += [f"has a column {name!r}" for name in mine if name not in wanted][:1]
    if said:
        raise loaded.error(f"{' and '.join(said)}; expected the columns of {first.path}.")


def _of_alike_types(tables: list[pa.Table]) -> list[pa.Table]:
    """The same tables; a column of text in one of them is one of text in all."""
    for place, name in enumerate(tables[0].column_names):
        kinds = {table.schema.field(name).type for table in tables} - {pa.null()}
        if len(kinds) <= 1 or all(kind_of(kind) == "number" for kind in kinds):
            continue
        for number, table in enumerate(tables):
            text = pc.fill_null(table.column(name).cast(pa.large_string()), "")
            tables[number] = table.set_column(place, name, text)
    return tables


def with_column(loaded: Loaded, name: str, values: Any) -> tuple[Loaded, str]:
    """The table with one more column, and what it is called, if there is one of this name."""
    while name in loaded.table.column_names:
        name = f"{name}_"
    return replace(loaded, table=loaded.table.append_column(name, values)), name


# -- columns in files of their own ----------------------------------------------------------------


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
    """Tables of values with tables of labels or groups beside them, told by their names.

    >>> find_related(["X_train.csv", "y_train.csv"])
    [Related(values='X_train.csv', part='train', others={'label': 'y_train.csv'})]
    """
    found: dict[str | None, dict[str, str]] = defaultdict(dict)
    for file in files:
        role, part = _role_of_file(file)
        if role is None or role in found[part]:
            return []
        found[part][role] = file
    complete = all("values" in roles for roles in found.values())
    if not complete or all(len(roles) == 1 for roles in found.values()):
        return []
    return [Related(roles.pop("values"), part, roles) for part, roles in found.items()]


def _role_of_file(file: str) -> tuple[str | None, str | None]:
    """What the table of a file is about, and which part it is."""
    words = [word for word in re.split(r"[_\-. ]+", file.partition(".")[0]) if word]
    part = next((part_named(word) for word in words if part_named(word)), None)
    word = plain("".join(word for word in words if part_named(word) is None))
    roles = {"values": _VALUES, "label": _LABELS, "group": frozenset(WORDS["group"])}
    return next((role for role, known in roles.items() if word in known), None), part


def load_related(
    folder: Path, related: Related, text: TextOptions
) -> tuple[Loaded, dict[str, str]]:
    """Load values with their labels and groups as one table, and the column of each role.

    Raises:
        FileError: other rows, or ids that do not fit.
    """
    loaded = load(folder / related.values, text)
    roles: dict[str, str] = {}
    for role, file in related.others.items():
        other = Columns(load(folder / file, text))
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
    for count in pc.value_counts(known).to_pylist():
        if count["counts"] > 1 and count["values"] is not None:
            again = known.to_pylist().index(count["values"]) + 1
            row = known.to_pylist().index(count["values"], again)
            raise other.error(f"has a second row for {key} {count['values']!r}.", row)
    rows = pc.index_in(ids, known.combine_chunks(), skip_nulls=True).combine_chunks()
    missing = pc.unique(ids.filter(pc.and_(pc.is_valid(ids), pc.is_null(rows)))).to_pylist()
    if len(missing) > 0.5 * len(pc.unique(ids)):
        raise other.error(
            f"has no row for {counted(len(missing), key)} of {loaded.path and loaded.path.name}, "
            f"such as {min(missing)!r}."
        )
    return rows
