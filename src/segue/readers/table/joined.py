"""Several files that are one table: parts of it, partitions, and columns in files of their own.

part-00000.csv part-00001.csv          as Spark writes them
label=walk/a.csv label=run/b.csv       a column in the names of folders
X_train.csv y_train.csv                values and labels, row by row, or by an id
steps.csv labels.csv                   a row a step, and the label of each id
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from segue.errors import FileError, counted
from segue.readers.registry import part_named
from segue.readers.table.columns import Columns
from segue.readers.table.dialect import TextOptions
from segue.readers.table.loading import Loaded, load
from segue.readers.table.words import WORDS, plain

_PART_OF_A_TABLE = re.compile(r"part-\d+.*", re.IGNORECASE)
_PARTITION = re.compile(r"([^=]+)=(.+)")
_VALUES = frozenset(["", "x", "data", "features", "feature", "inputs", "input", "values", "series"])
_LABELS = frozenset([*WORDS["label"], "ytrue", "truth"])


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


def are_parts_of_a_table(files: Sequence[str]) -> bool:
    """Whether the names of files say that they are one table.

    >>> are_parts_of_a_table(["part-00000-1f.csv", "part-00001-1f.csv"])
    True
    """
    return len(files) > 1 and all(map(_PART_OF_A_TABLE.fullmatch, files))


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
    if not any(len(roles) > 1 for roles in found.values()):
        return []
    if any("values" not in roles for roles in found.values()):
        return []
    return [
        Related(roles["values"], part, {r: f for r, f in roles.items() if r != "values"})
        for part, roles in found.items()
    ]


def _role_of_file(file: str) -> tuple[str | None, str | None]:
    """What the table of a file is about, and which part it is."""
    words = [word for word in re.split(r"[_\-. ]+", file.partition(".")[0]) if word]
    part = next((part_named(word) for word in words if part_named(word)), None)
    word = plain("".join(word for word in words if part_named(word) is None))
    if word in _VALUES:
        return "values", part
    roles = {"label": _LABELS, "group": frozenset(WORDS["group"])}
    return next((role for role, known in roles.items() if word in known), None), part


# -- joining --------------------------------------------------------------------------------------


def load_joined(folder: Path, files: Iterable[str], text: TextOptions) -> Loaded:
    """Load files as one table, one after the other.

    Raises:
        FileError: other columns than in the first file.
    """
    loaded = [load(folder / file, text) for file in files]
    return join_rows(loaded, folder)


def join_rows(loaded: Sequence[Loaded], folder: Path) -> Loaded:
    """Join the rows of tables with the same columns."""
    first = loaded[0]
    for other in loaded[1:]:
        if set(other.table.column_names) != set(first.table.column_names):
            strange = set(other.table.column_names) ^ set(first.table.column_names)
            raise other.error(
                f"has other columns than {first.path and first.path.name} "
                f"({', '.join(sorted(strange)[:5])}); expected the same in each file."
            )
    tables = [one.table.select(first.table.column_names) for one in loaded]
    table = pa.concat_tables(_of_one_type(tables)).combine_chunks()
    return _Joined(table, folder, first.dialect, first.named, parts=tuple(loaded))


def _of_one_type(tables: list[pa.Table]) -> list[pa.Table]:
    """The same tables; a column of text in one of them is one of text in all."""
    for name in tables[0].column_names:
        kinds = {table.schema.field(name).type for table in tables}
        if len(kinds) == 1:
            continue
        numeric = all(
            pa.types.is_integer(k) or pa.types.is_floating(k) or pa.types.is_null(k) for k in kinds
        )
        kind = pa.float64() if numeric else pa.large_string()
        for number, table in enumerate(tables):
            place = table.column_names.index(name)
            column = table.column(name).cast(kind) if numeric else _as_text(table.column(name))
            tables[number] = table.set_column(place, name, column)
    return tables


def _as_text(column: Any) -> Any:
    return pc.fill_null(column.cast(pa.large_string()), "")


@dataclass(frozen=True)
class _Joined(Loaded):
    """A table whose rows stand in several files."""

    parts: tuple[Loaded, ...] = ()

    def _part_of(self, row: int) -> tuple[Loaded, int]:
        for part in self.parts:
            if row < part.table.num_rows:
                return part, row
            row -= part.table.num_rows
        raise IndexError(row)

    def error(self, message: str, row: int | None = None) -> FileError:
        if row is None:
            return FileError(message, path=self.path)
        part, row = self._part_of(row)
        return part.error(message, row)

    def place(self, row: int) -> str:
        part, row = self._part_of(row)
        return f"{part.path and part.path.name}, {part.place(row)}"


# -- partitions -----------------------------------------------------------------------------------


def find_partitions(folder: Path, is_table: Any) -> list[tuple[str, dict[str, str]]]:
    """Files in folders called `column=value`, perhaps inside each other, with these columns."""
    found: list[tuple[str, dict[str, str]]] = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if _PARTITION.fullmatch(name))
        names = Path(place).relative_to(folder).parts
        columns = {m[1]: m[2] for name in names if (m := _PARTITION.fullmatch(name))}
        tables = [file for file in files if columns and is_table(file)]
        found += [(str(Path(*names, file)), columns) for file in sorted(tables)]
    return found


def with_columns(loaded: Loaded, columns: dict[str, str]) -> Loaded:
    """The table with columns that are the same in each row."""
    table = loaded.table
    for name, value in columns.items():
        values = pa.array([value] * table.num_rows, pa.string()).dictionary_encode()
        table = table.append_column(name, values)
    return replace(loaded, table=table)


# -- columns in files of their own ----------------------------------------------------------------


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
        other = load(folder / file, text)
        own = Columns(other)
        key = shared_key(Columns(loaded), own)
        if key is not None:
            loaded, name = join_by_id(loaded, other, key, column_of_role(own, role, key))
            for more, column in _others_by_name(own, role).items():
                loaded, roles[more] = join_by_id(loaded, other, key, column)
        else:
            loaded, name = _beside(loaded, own, role)
        roles[role] = name
    return loaded, roles


def _others_by_name(columns: Columns, role: str) -> dict[str, str]:
    """The columns of groups and parts beside one of labels."""
    rest = {"group", "parts"} - {role}
    named = {r: [n for n in columns.names if plain(n) in WORDS[r]] for r in sorted(rest)}
    return {r: names[0] for r, names in named.items() if names}


def _beside(loaded: Loaded, other: Columns, role: str) -> tuple[Loaded, str]:
    """The table with a column of another one that has as many rows."""
    rows, others = loaded.table.num_rows, other.rows
    own = [name for name in other.names if not other.is_row_number(name)] or other.names
    if rows != others or len(own) != 1:
        what = f"{len(own)} columns and " if len(own) != 1 else ""
        raise other.loaded.error(
            f"has {what}{counted(others, 'row')}, and {loaded.path and loaded.path.name} has "
            f"{counted(rows, 'row')}: expected one {role} for each row there, or a column of the "
            "same name in both that says what belongs together."
        )
    name = role
    while name in loaded.table.column_names:
        name = f"{name}_"
    return replace(loaded, table=loaded.table.append_column(name, other.table.column(own[0]))), name


def shared_key(values: Columns, other: Columns) -> str | None:
    """The column of both tables whose values name the rows of the other one; `None`: none."""
    if not values.loaded.named or not other.loaded.named:
        return None
    for name in other.names:
        if name not in values.names or other.distinct(name) < other.rows:
            continue
        if {str(v) for v in values.values(name)} & {str(v) for v in other.values(name)}:
            return name
    return None


def column_of_role(columns: Columns, role: str, key: str) -> str:
    """The column of labels or groups in a table of its own.

    Raises:
        FileError: none, or several.
    """
    others = [name for name in columns.names if name != key and not columns.is_row_number(name)]
    named = [name for name in others if plain(name) in WORDS[role]]
    if len(named) == 1 or len(others) == 1:
        return (named or others)[0]
    rest = [n for n in others if not any(plain(n) in WORDS[r] for r in WORDS if r != role)]
    if len(rest) == 1:
        return rest[0]
    shown = ", ".join(map(repr, named or rest or others))
    raise columns.loaded.error(
        f"has no column that is the {role} for certain, only {shown}: name it {role}, or leave "
        "the others out."
    )


def join_by_id(loaded: Loaded, other: Loaded, key: str, name: str) -> tuple[Loaded, str]:
    """The table with a column of another one, found by a column of both; and what it is called.

    Raises:
        FileError: ids that the other table does not have.
    """
    keys = [None if k is None else str(k) for k in loaded.table.column(key).to_pylist()]
    theirs = map(str, other.table.column(key).to_pylist())
    place = {k: row for row, k in enumerate(theirs)}
    missing = sorted({k for k in keys if k is not None and k not in place})
    if missing and len(missing) > 0.5 * len(set(keys)):
        raise other.error(
            f"has no row for {counted(len(missing), key)} of {loaded.path and loaded.path.name}, "
            f"such as {missing[0]!r}."
        )
    rows = pa.array([None if k is None else place.get(k) for k in keys], pa.int64())
    column = other.table.column(name).combine_chunks().take(rows)
    kept = name if name not in loaded.table.column_names else f"{name}_"
    return replace(loaded, table=loaded.table.append_column(kept, column)), kept
