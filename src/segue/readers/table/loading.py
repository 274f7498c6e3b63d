"""Files with a table into an Arrow table: CSV and TSV, Parquet, Feather. Read by pyarrow."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from segue.errors import FileError
from segue.readers.table.dialect import Dialect, is_missing, is_number, open_text, sniff
from segue.readers.table.words import MISSING

_SHOWN = 5  # problems of one file in one message
_WITH_UNIT = re.compile(r"[+-]?\d+[.,]\d+\s*[^\d\s.,]{1,4}")
_BINARY = (".parquet", ".pq", ".feather", ".arrow")


@dataclass(frozen=True)
class Loaded:
    """A table, and where its rows stand.

    Attributes:
        table: with a name of its own for each column.
        path: the file; `None` for a data frame.
        named: whether the columns have names of their own.
        decimal: the decimal mark.
        line_of: the line of a row of the file, counted from 0; `None` where it has no lines.
        first_row: the row of the file that the first row of the table is.
    """

    table: pa.Table
    path: Path | None = None
    named: bool = True
    decimal: str = "."
    line_of: Callable[[int], int] | None = None
    first_row: int = 0

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


def load(path: Path) -> Loaded:
    """Read a file with a table.

    Raises:
        FileError: what is wrong, with the numbers of the lines.
    """
    if path.suffix.lower() in _BINARY:
        return Loaded(_load_binary(path), path)
    dialect = sniff(path)
    lines = Lines(path, dialect)
    table = _load_csv(path, dialect, lines)
    if table.num_rows == 0:
        raise FileError("has a line of names and no rows.", path=path)
    return Loaded(table, path, dialect.header, dialect.decimal, lines.of)


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


def _load_csv(path: Path, dialect: Dialect, lines: Lines) -> pa.Table:
    # No Python object goes with it (a handler of bad rows, an encoding): a thread of Arrow would
    # let go of it later, and that ends the process if Python is ending just then.
    source: Any = path
    if not dialect.encoding.startswith("utf-8"):
        with open_text(path, dialect.encoding) as file, pa.BufferOutputStream() as stream:
            stream.write(file.read().encode())
            source = pa.BufferReader(stream.getvalue())
    try:
        return arrow_csv.read_csv(
            source,
            read_options=read_options(dialect),
            parse_options=arrow_csv.ParseOptions(
                delimiter=dialect.delimiter, newlines_in_values=True
            ),
            convert_options=convert_options(dialect),
        )
    except pa.ArrowException as error:
        if "columns, got" in str(error):
            raise _ragged(path, dialect, lines) from None
        raise FileError(f"is not a whole table ({_first_line(error)}).", path=path) from error


def read_options(dialect: Dialect, block: int | None = None) -> arrow_csv.ReadOptions:
    """How pyarrow is to find the rows."""
    return arrow_csv.ReadOptions(
        column_names=list(dialect.names), skip_rows=dialect.skip, block_size=block
    )


def convert_options(
    dialect: Dialect, types: dict[str, pa.DataType] | None = None
) -> arrow_csv.ConvertOptions:
    """How pyarrow is to understand the fields; text stays text where it says "missing"."""
    return arrow_csv.ConvertOptions(
        null_values=sorted(MISSING), decimal_point=dialect.decimal, column_types=types or {}
    )


class Lines:
    """Which line of a text table a row stands in; found by reading again, when there is need."""

    def __init__(self, path: Path, dialect: Dialect) -> None:
        self._path, self._dialect = path, dialect

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """The number of the line in which each row begins, and its fields."""
        with open_text(self._path, self._dialect.encoding) as file:
            for _ in range(self._dialect.skip):
                file.readline()
            reader = csv.reader(file, delimiter=self._dialect.delimiter)
            before = 0
            while True:
                try:
                    row = next(reader)
                except StopIteration:
                    return
                except csv.Error:
                    row = ["a field without an end"]
                if row:
                    yield self._dialect.skip + before + 1, row
                before = reader.line_num

    def of(self, wanted: int) -> int:
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


def bad_numbers(loaded: Loaded, name: str) -> list[tuple[int, str]]:
    """The rows of a text column that hold no number, if most of them do; else nothing.

    >>> table = pa.table({"x": ["1", "2", "1.5", "oops", "3"]})
    >>> bad_numbers(Loaded(table), "x")
    [(3, 'oops')]
    """
    column = loaded.table.column(name)
    counts = {str(pair["values"]): pair["counts"] for pair in pc.value_counts(column).to_pylist()}
    full = {text: count for text, count in counts.items() if not is_missing(text)}
    bad = {text: count for text, count in full.items() if not is_number(text, loaded.decimal)}
    if not bad or sum(bad.values()) > 0.2 * sum(full.values()):
        return []
    values = column.to_pylist()
    return [(row, text) for row, text in enumerate(values) if text in bad][:_SHOWN]


def with_something_behind(loaded: Loaded, name: str) -> str | None:
    """A value of a text column whose values are numbers with a sign or a unit behind them.

    >>> with_something_behind(Loaded(pa.table({"x": ["0.5;", "1.25;"]})), "x")
    '0.5;'
    """
    texts = [str(text) for text in pc.unique(loaded.table.column(name).drop_null()).to_pylist()]
    strange = [text for text in texts if _WITH_UNIT.fullmatch(text.strip())]
    return strange[0] if len(strange) > 0.8 * len(texts) else None


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else "empty"
