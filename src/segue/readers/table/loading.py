"""Loading of table files as Arrow tables: one as a whole or in chunks, or several as one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, types

from segue.errors import FileError, counted
from segue.readers.blocks import Problems
from segue.readers.decoding import open_text
from segue.readers.table.binary import BINARY, Chunks, binary_chunks, not_whole
from segue.readers.table.cells import is_missing, written_plainly
from segue.readers.table.dialect import NO_TEXT, Dialect, sniff
from segue.readers.table.quotes import refuse_swallowed, refuse_unclosed
from segue.readers.table.words import MISSING, TableOptions, role_of

_SHOWN = 5  # problems of one file in one message
_FILES_SHOWN = 10  # problems of one folder
_LONGEST_ROW = 2**31 - 1  # bytes


class CannotStreamError(Exception):
    """A table that must be read as a whole; the reason is for nobody but the caller."""


@dataclass(frozen=True)
class Loaded:
    """A table, and where its rows stand.

    Attributes:
        table: with a name of its own for each column.
        path: the file; `None` for a data frame.
        dialect: how the file is written, where it is text.
        named: whether the columns have names of their own.
        first_row: the row of the file that the first row of the table is.
        parts: the tables of several files, which follow one another in this one.
    """

    table: pa.Table
    path: Path | None = None
    dialect: Dialect = NO_TEXT
    named: bool = True
    first_row: int = 0
    parts: tuple[Loaded, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the user about the notation of the file; of several, those of the first."""
        noted = [part for part in self.parts if part.notes]
        if not noted:
            return () if self.parts else self.dialect.notes
        begin = f"in {counted(len(noted), 'file')}, such as: "
        return tuple(begin + note for note in noted[0].notes)

    @cached_property
    def files(self) -> Any:
        """`[rows]`, the number of the file in which each row stands."""
        rows = [part.table.num_rows for part in self.parts]
        return np.repeat(np.arange(len(rows), dtype=np.int32), rows)

    def _part_of(self, row: int) -> tuple[Loaded, int]:
        file = int(self.files[row])
        return self.parts[file], row - int((self.files < file).sum())

    def rows(self, start: int, stop: int | None = None) -> Loaded:
        """Some of the rows."""
        return replace(self, table=self.table[start:stop], first_row=self.first_row + start)

    def error(self, message: str, row: int | None = None) -> FileError:
        """An error that says where it is: file and line, or file and record."""
        if row is not None and self.parts:
            part, row = self._part_of(row)
            return part.error(message, row)
        line = None if row is None else self._line(row)
        if row is not None and line is None:
            message = f"{self.place(row)}: {message}"
        return FileError(message, path=self.path, line=line)

    def place(self, row: int) -> str:
        """Where a row stands: `line 7`, or `record 6` where the file has no lines."""
        if self.parts:
            part, row = self._part_of(row)
            return f"{part.path and part.path.name}, {part.place(row)}"
        line = self._line(row)
        return f"record {self.first_row + row + 1}" if line is None else f"line {line}"

    def _line(self, row: int) -> int | None:
        """The line of a row, found by reading the file again."""
        if self.path is None or not self.dialect.encoding:
            return None
        return next(islice(_numbered_rows(self.path, self.dialect), self.first_row + row, None))[0]


def load(path: Path, options: TableOptions | None = None) -> Loaded:
    """Read a file with a table.

    Raises:
        FileError: what is wrong, with the numbers of the lines.
    """
    chunks = list(load_chunks(path, options))
    loaded = chunks[0][0]
    return replace(loaded, table=pa.concat_tables([chunk.table for chunk, _ in chunks]))


def load_chunks(
    path: Path, options: TableOptions | None = None, *, block: int | None = None
) -> Iterator[tuple[Loaded, float]]:
    """Read a file with a table chunk by chunk.

    Args:
        path: the file.
        options: how a text is written.
        block: bytes of a chunk, of text or of values; `None`: all of a file may be one.

    Yields:
        The next rows, and the share of the file that has been read.

    Raises:
        CannotStreamError: a table that has no chunks of this size, or ones of other types.
        FileError: what is wrong, with the numbers of the lines.
    """
    kind = BINARY.get(path.suffix.lower())
    dialect = NO_TEXT if kind else sniff(path, options, head=block is not None)
    chunks = binary_chunks(path, kind, block) if kind else _text(path, dialect, block)
    done = 0
    try:
        for table, share in chunks:
            if not kind:
                refuse_swallowed(table, path, dialect)
            table = _without_blank_rows(with_plain_text(table))
            if len(table):
                yield Loaded(table, path, dialect, dialect.header, first_row=done), share
            done += len(table)
    except (pa.ArrowException, OSError) as error:
        if block is not None:  # reading the whole tells what is wrong
            raise CannotStreamError from error
        if "columns, got" in str(error):
            refuse_unclosed(path, dialect)
            raise _ragged(path, dialect) from None
        if "straddling" in str(error):
            message = "has a row of more than 2 GB: write it as Parquet, with lists in its fields."
            raise FileError(message, path=path) from None
        if "too short" not in str(error):
            raise not_whole("table", error, path) from error
    if done == 0:
        if not kind:
            refuse_unclosed(path, replace(dialect, skip=0))
        raise FileError(f"has {'' if kind else 'a line of names and '}no rows.", path=path)


def _without_blank_rows(table: pa.Table) -> pa.Table:
    """The rows that hold anything, as spreadsheets add others that are commas alone."""
    blank: Any = None
    is_full = any(types.is_primitive(c.type) and not c.null_count for c in table.columns)
    for column in () if is_full or table.num_columns == 1 else table.columns:
        if types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        is_text = types.is_string(column.type) or types.is_large_string(column.type)
        own = pc.equal(column.fill_null(""), "") if is_text else column.is_null()
        blank = own if blank is None else pc.and_(blank, own)
        if not pc.any(blank).as_py():
            return table
    return table if blank is None or pc.all(blank).as_py() else table.filter(pc.invert(blank))


def with_plain_text(table: pa.Table) -> pa.Table:
    """Text as views, which Polars writes, as text that every function of pyarrow takes."""

    def plain(kind: pa.DataType) -> pa.DataType:
        if types.is_dictionary(kind):
            return pa.dictionary(kind.index_type, plain(kind.value_type), kind.ordered)
        return pa.large_string() if types.is_string_view(kind) else kind

    return table.cast(pa.schema([field.with_type(plain(field.type)) for field in table.schema]))


# -- text -----------------------------------------------------------------------------------------


def _text(path: Path, dialect: Dialect, block: int | None) -> Chunks:
    # No Python object goes with it (a handler of bad rows, an encoding): a thread of Arrow would
    # let go of it later, and that ends the process if Python is ending just then.
    options = (
        csv.ReadOptions(column_names=list(dialect.names), skip_rows=dialect.skip, block_size=block),
        csv.ParseOptions(delimiter=dialect.delimiter, newlines_in_values=True),
        # What a number, a date or a truth value is, is not decided by pyarrow, which drops zeros
        # and digits: `007` and `1.10` stay what they are.
        csv.ConvertOptions(
            null_values=sorted(MISSING),
            decimal_point=dialect.decimal,
            column_types=_text_columns(dialect),
        ),
    )
    is_plain = dialect.encoding == "utf-8" and not dialect.blanks and not dialect.cuts
    if block is None or not is_plain:
        for size in (None, _LONGEST_ROW):
            options[0].block_size = size or block or options[0].block_size
            try:
                table = csv.read_csv(path if is_plain else _in_utf8(path, dialect), *options)
            except pa.ArrowInvalid as error:
                if size or not re.search("straddling|larger than block", str(error)):
                    raise
            else:
                yield table, 1.0
                return
    with pa.OSFile(str(path)) as file:
        is_packed = path.suffix.lower() == ".gz"
        text = pa.CompressedInputStream(file, "gzip") if is_packed else file
        with csv.open_csv(text, *options) as reader:
            for batch in reader:
                yield pa.Table.from_batches([batch]), file.tell() / file.size()


def _in_utf8(path: Path, dialect: Dialect) -> pa.BufferReader:
    """The text of a file in UTF-8, with tabs."""
    with open_text(path, dialect.encoding, newline="") as file, pa.BufferOutputStream() as stream:
        while block := file.readlines(1 << 22):
            text = "".join(block).replace("\r\n", "\n")
            stream.write(dialect.as_tabs(text).encode())
        return pa.BufferReader(stream.getvalue())


def _text_columns(dialect: Dialect) -> dict[str, pa.DataType]:
    """The columns to be read as text: names say that the text matters, or some are no numbers."""
    texts = {}
    for place, name in enumerate(dialect.names):
        fields = [row[place] for row in dialect.first if place < len(row)]
        if dialect.header and role_of(name) in ("label", "id", "group", "parts"):
            texts[name] = pa.dictionary(pa.int32(), pa.string())
        elif not all(is_missing(f) or written_plainly(f, dialect.decimal) for f in fields):
            texts[name] = pa.string()
    return texts


def _numbered_rows(path: Path, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """The number of the line in which each row begins, and its fields."""
    with open_text(path, dialect.encoding, newline="") as file:
        for before, row in dialect.rows(islice(file, dialect.skip, None)):
            yield dialect.skip + before + 1, row


def _ragged(path: Path, dialect: Dialect) -> FileError:
    width = len(dialect.names)
    found = [(n, len(row)) for n, row in _numbered_rows(path, dialect) if len(row) != width]
    if not found:
        return FileError("has rows that cannot be read; are its quotes closed?", path=path)
    (line, count), *others = found
    shown = [f"line {other} {fields}" for other, fields in others[: _SHOWN - 1]]
    shown += ["..."] * (len(found) > _SHOWN)
    more = f" (and {', '.join(shown)})" if shown else ""
    return FileError(
        f"has {counted(count, 'field')}{more}; expected {width}, as in most rows. Leave fields "
        "empty where there is no value.",
        path=path,
        line=line,
    )


# -- several files, one after the other -----------------------------------------------------------


def join_files(folder: Path, files: Sequence[str], read: Callable[[Path], Loaded]) -> Loaded:
    """Read files as one table, one after the other.

    Args:
        folder: of the files.
        files: relative to it.
        read: what gives the table of one file.

    Raises:
        FileError: files that cannot be read, or with other columns than the first; ten are named.
    """
    problems = Problems(folder, "file", most=_FILES_SHOWN)
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
    tables = _with_common_types([part.table.select(names) for part in parts])
    table = pa.concat_tables(tables, promote_options="permissive")
    return Loaded(table, folder, parts[0].dialect, parts[0].named, parts=tuple(parts))


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


def _with_common_types(tables: list[pa.Table]) -> list[pa.Table]:
    """Tables with common types: a column of text in one table becomes text in all."""
    tests = (types.is_integer, types.is_floating, types.is_decimal)
    for place, name in enumerate(tables[0].column_names):
        kinds = {table.schema.field(name).type for table in tables} - {pa.null()}
        if len(kinds) > 1 and not all(any(test(kind) for test in tests) for kind in kinds):
            for number, table in enumerate(tables):
                text = pc.fill_null(table.column(name).cast(pa.large_string()), "")
                tables[number] = table.set_column(place, name, text)
    return tables


def with_column(loaded: Loaded, name: str, values: Any) -> tuple[Loaded, str]:
    """The table with one more column, and what it is called, if there is one of this name."""
    while name in loaded.table.column_names:
        name = f"{name}_"
    return replace(loaded, table=loaded.table.append_column(name, values)), name
