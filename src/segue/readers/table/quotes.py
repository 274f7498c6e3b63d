"""Quotes without an end in text tables, which swallow the lines that follow."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from segue.errors import FileError
from segue.readers.decoding import open_text
from segue.readers.table.dialect import Dialect, unlimited_fields

_LAST = 4096  # bytes in which the last line is looked for


def refuse_swallowed(table: pa.Table, path: Path, dialect: Dialect) -> None:
    """Refuse a table that has rows inside its fields, where a quote has no end.

    Raises:
        FileError: with the line in which the quote begins.
    """
    mark, width = re.escape(dialect.delimiter), len(dialect.names)

    def line(marks: int) -> str:
        return rf"[^{mark}\n]*(?:{mark}[^{mark}\n]*){{{marks}}}"

    for place, column in enumerate(table.columns):
        texts = column
        if types.is_dictionary(column.type):
            texts = pa.chunked_array([chunk.dictionary for chunk in column.chunks])
        if not (types.is_string(texts.type) and pc.any(pc.match_substring(texts, "\n")).as_py()):
            continue
        # The rest of its row stands before the first line end; behind it other rows, or a quote.
        pattern = rf"^{line(width - 1 - place)}\n(?s:.*\"|(?:.*\n)?{line(width - 1)}(?:\n|$))"
        if pc.any(pc.match_substring_regex(texts, pattern)).as_py():
            refuse_unclosed(path, dialect)
            return
    if _ends_in_a_quote(path):
        refuse_unclosed(path, dialect)


def _ends_in_a_quote(path: Path) -> bool:
    """Whether the last line has an odd number of quotes."""
    with path.open("rb") as file:
        file.seek(-min(_LAST, path.stat().st_size), 2)
        last = file.read().rstrip(b"\r\n").rpartition(b"\n")[2]
    return last.count(b'"') % 2 == 1


def refuse_unclosed(path: Path, dialect: Dialect) -> None:
    """Refuse a file in which a quote has no end, or the next quote is its end.

    Raises:
        FileError: with the line in which the quote begins.
    """
    with open_text(path, dialect.encoding, newline="") as file:
        lines = map(dialect.as_tabs, islice(file, dialect.skip, None))
        found = _unclosed(lines, dialect.delimiter)
    if found is not None:
        raise FileError(
            "has a quote without an end, which swallows the lines that follow: close it, or remove "
            "it.",
            path=path,
            line=dialect.skip + found,
        )


def _unclosed(lines: Iterable[str], delimiter: str) -> int | None:
    r"""The line from 1 on in which a field begins with a quote that is not closed behind a field.

    >>> _unclosed(['1,"a\\n', '2,b\\n'], ","), _unclosed(['1,"a\\n', '2,"b"\\n'], ",")
    (1, 1)
    """
    begins: list[int] = []  # the lines of a row in which a field begins that goes on in the next
    quotes = 0

    def counted() -> Iterable[str]:
        nonlocal quotes
        for number, line in enumerate(lines, start=1):
            here = line.count('"')
            if quotes % 2 == 0 and here % 2:
                begins.append(number)
            quotes += here
            yield line

    reader = csv.reader(counted(), delimiter=delimiter, strict=True)
    while True:
        before, quotes = reader.line_num, 0
        begins.clear()
        try:
            with unlimited_fields():
                if next(reader, None) is None:
                    return None
        except csv.Error as error:
            if reader.line_num > before + 1 or "end of data" in str(error):
                return begins[-1] if begins else before + 1
