"""Files with a table into an Arrow table: text of any dialect, Parquet, Feather; by pyarrow."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv as arrow_csv

from segue.errors import FileError
from segue.readers.decoding import find_encoding, open_text
from segue.readers.table.cells import is_missing, written_plainly
from segue.readers.table.dialect import Dialect, TextOptions, as_tabs, sniff
from segue.readers.table.words import MISSING, role_of

_SHOWN = 5  # problems of one file in one message
_BINARY = (".parquet", ".pq", ".feather", ".arrow")


@dataclass(frozen=True)
class Loaded:
    """A table, and where its rows stand.

    Attributes:
        table: with a name of its own for each column.
        path: the file; `None` for a data frame.
        dialect: how the file is written; `None` where it is no text.
        named: whether the columns have names of their own.
        line_of: the line of a row of the file, counted from 0; `None` where it has no lines.
        first_row: the row of the file that the first row of the table is.
    """

    table: pa.Table
    path: Path | None = None
    dialect: Dialect | None = None
    named: bool = True
    line_of: Callable[[int], int] | None = None
    first_row: int = 0

    @property
    def decimal(self) -> str:
        """The decimal mark."""
        return "." if self.dialect is None else self.dialect.decimal

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know about how the file is written."""
        return () if self.dialect is None else self.dialect.notes

    def unit(self, name: str) -> str:
        """The unit of a column, from the line below the names."""
        if self.dialect is None or not self.dialect.units:
            return ""
        return self.dialect.units[self.dialect.names.index(name)]

    def error(self, message: str, row: int | None = None) -> FileError:
        """An error that says where it is: file and line, or file and record."""
        if row is None or self.line_of is None:
            where = "" if row is None else f"{self.place(row)}: "
            return FileError(where + message, path=self.path)
        return FileError(message, path=self.path, line=self.line_of(row + self.first_row))

    def place(self, row: int) -> str:
        """Where a row stands: `line 7`, or `record 6` where the file has no lines."""
        row += self.first_row
        return f"record {row + 1}" if self.line_of is None else f"line {self.line_of(row)}"


def load(path: Path, options: TextOptions | None = None) -> Loaded:
    """Read a file with a table.

    Raises:
        FileError: what is wrong, with the numbers of the lines.
    """
    if path.suffix.lower() in _BINARY:
        return Loaded(_load_binary(path), path)
    dialect = sniff(path, options or TextOptions())
    lines = Lines(path, dialect)
    table = _load_csv(path, dialect, lines)
    if table.num_rows == 0:
        raise FileError("has a line of names and no rows.", path=path)
    return Loaded(table, path, dialect, dialect.header, lines.of)


def _load_binary(path: Path) -> pa.Table:
    from pyarrow import feather, parquet

    is_parquet = path.suffix.lower() in (".parquet", ".pq")
    try:
        table = parquet.read_table(path) if is_parquet else feather.read_table(path)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, FileNotFoundError | PermissionError):
            raise
        kind = "Parquet" if is_parquet else "Feather or Arrow"
        raise FileError(f"is not a whole {kind} file ({_first_line(error)}).", path=path) from error
    if table.num_rows == 0:
        raise FileError("has no rows.", path=path)
    return with_plain_text(table)


def with_plain_text(table: pa.Table) -> pa.Table:
    """Text as views, which Polars writes, as text that every function of pyarrow takes."""
    for number, field in enumerate(table.schema):
        kind = field.type
        if pa.types.is_string_view(kind):
            text = table.column(number).cast(pa.large_string())
            table = table.set_column(number, field.name, text)
        elif pa.types.is_dictionary(kind) and pa.types.is_string_view(kind.value_type):
            chunks = [
                pa.DictionaryArray.from_arrays(c.indices, c.dictionary.cast(pa.large_string()))
                for c in table.column(number).chunks
            ]
            table = table.set_column(number, field.name, pa.chunked_array(chunks))
    return table


# -- text -----------------------------------------------------------------------------------------


def _load_csv(path: Path, dialect: Dialect, lines: Lines) -> pa.Table:
    # No Python object goes with it (a handler of bad rows, an encoding): a thread of Arrow would
    # let go of it later, and that ends the process if Python is ending just then.
    try:
        return arrow_csv.read_csv(
            source(path, dialect),
            read_options=read_options(dialect),
            parse_options=parse_options(dialect),
            convert_options=convert_options(dialect),
        )
    except pa.ArrowException as error:
        if "columns, got" in str(error):
            raise _ragged(path, dialect, lines) from None
        if "UTF8" in str(error).replace("-", "").upper():
            find_encoding(path, "utf-8")
        raise FileError(f"is not a whole table ({_first_line(error)}).", path=path) from error


def source(path: Path, dialect: Dialect) -> Any:
    """What pyarrow reads: the file, or its text with tabs, in UTF-8."""
    if is_plain(dialect):
        return path
    with open_text(path, dialect.encoding, newline="") as file, pa.BufferOutputStream() as stream:
        while block := file.readlines(1 << 22):
            text = "".join(block).replace("\r\n", "\n")
            stream.write(as_tabs(text, dialect.blanks, dialect.cuts).encode())
        return pa.BufferReader(stream.getvalue())


def is_plain(dialect: Dialect) -> bool:
    """Whether pyarrow can read the file itself."""
    return dialect.encoding == "utf-8" and not dialect.blanks and not dialect.cuts


def read_options(dialect: Dialect, block: int | None = None) -> arrow_csv.ReadOptions:
    """How pyarrow is to find the rows."""
    return arrow_csv.ReadOptions(
        column_names=list(dialect.names), skip_rows=dialect.skip, block_size=block
    )


def parse_options(dialect: Dialect) -> arrow_csv.ParseOptions:
    """How pyarrow is to find the fields."""
    return arrow_csv.ParseOptions(delimiter=dialect.delimiter, newlines_in_values=True)


def convert_options(
    dialect: Dialect, types: dict[str, pa.DataType] | None = None
) -> arrow_csv.ConvertOptions:
    """How pyarrow is to understand the fields: plain numbers as such, everything else as text.

    What a number, a date or a truth value is, is decided here and not by pyarrow, which drops
    zeros and digits: `007` and `1.10` stay what they are.
    """
    return arrow_csv.ConvertOptions(
        null_values=sorted(MISSING),
        decimal_point=dialect.decimal,
        column_types={**text_columns(dialect), **(types or {})},
    )


def text_columns(dialect: Dialect) -> dict[str, pa.DataType]:
    """The columns to be read as text: names say that the text matters, or some are no numbers."""
    types = {}
    for place, name in enumerate(dialect.names):
        role = role_of(name) if dialect.header else None
        fields = [row[place] for row in dialect.first if place < len(row)]
        plain = all(is_missing(f) or written_plainly(f, dialect.decimal) for f in fields)
        if role in ("label", "id", "group", "parts"):
            types[name] = pa.dictionary(pa.int32(), pa.string())
        elif not plain:
            types[name] = pa.string()
    return types


class Lines:
    """Which line of a text table a row stands in; found by reading again, when there is need."""

    def __init__(self, path: Path, dialect: Dialect) -> None:
        self._path, self._dialect = path, dialect

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """The number of the line in which each row begins, and its fields."""
        dialect = self._dialect
        with open_text(self._path, dialect.encoding, newline="") as file:
            for _ in range(dialect.skip):
                file.readline()
            text = (as_tabs(line, dialect.blanks, dialect.cuts) for line in file)
            reader = csv.reader(text, delimiter=dialect.delimiter)
            before = 0
            while True:
                try:
                    row = next(reader)
                except StopIteration:
                    return
                except csv.Error:
                    row = ["a field without an end"]
                if row and row != [""]:
                    yield dialect.skip + before + 1, row
                before = reader.line_num

    def of(self, wanted: int) -> int:
        """The line of a row."""
        return next(line for number, (line, _) in enumerate(self.rows()) if number == wanted)


def _ragged(path: Path, dialect: Dialect, lines: Lines) -> FileError:
    width = len(dialect.names)
    found = [(line, len(row)) for line, row in lines.rows() if len(row) != width]
    if not found:
        return FileError("has rows that cannot be read; are its quotes closed?", path=path)
    shown = ", ".join(f"line {line} {count}" for line, count in found[1:_SHOWN])
    more = f" (and {shown}{', ...' if len(found) > _SHOWN else ''})" if shown else ""
    line, count = found[0]
    return FileError(
        f"has {count} field{'s' * (count != 1)}{more}; expected {width}, as in most rows. Leave "
        "fields empty where there is no value.",
        path=path,
        line=line,
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else "empty"
