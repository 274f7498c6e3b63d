"""How a text table is written: its encoding, delimiter, decimal mark, and whether it has a header.

Told from the beginning of the file, as a careful person would; the rest is read by pyarrow.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import IO

from segue.errors import FileError
from segue.readers.table.words import MISSING, role_of

_HEAD = 1 << 18  # bytes that are looked at
_ROWS = 200
_DELIMITERS = "\t;|,"  # a file that has one of the first in every line seldom means the last
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_NUMBER = r"[+-]?(?:\d+{0}?\d*|{0}\d+)(?:[eE][+-]?\d+)?|[+-]?inf(?:inity)?|nan"
_NUMBERS = {mark: re.compile(_NUMBER.format(re.escape(mark)), re.IGNORECASE) for mark in ".,"}
_TIME = re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}.*|\d{1,2}:\d\d(?::\d\d.*)?")


@dataclass(frozen=True)
class Dialect:
    """How a text table is written.

    Attributes:
        encoding: as Python calls it.
        delimiter: between two fields.
        decimal: "." or ",".
        names: one for each column; `column 1` and so on where the file has none.
        header: whether the names stand in the file.
        skip: lines before the first row, the header among them.
    """

    encoding: str
    delimiter: str
    decimal: str
    names: tuple[str, ...]
    header: bool
    skip: int


def sniff(path: Path) -> Dialect:
    """Look at the beginning of a file.

    Raises:
        FileError: an empty or binary file, or two columns of one name.
    """
    encoding, lines = _head(path)
    before = _lines_before(lines)
    lines = lines[before:]
    if not lines:
        raise FileError("is empty; expected a table.", path=path)
    delimiter = _delimiter(lines)
    rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
    decimal = "." if delimiter == "," else _decimal(rows)
    header = _has_header(rows, decimal)
    names = _names(rows, header, path, before + 1)
    return Dialect(encoding, delimiter, decimal, names, header, before + header)


def open_text(path: Path, encoding: str) -> IO[str]:
    """Open a text table, packed by gzip or not."""
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rt", encoding=encoding, errors="replace", newline="")
    return path.open(encoding=encoding, errors="replace", newline="")


def is_number(text: str, decimal: str = ".") -> bool:
    """Whether a field is a number.

    >>> is_number(" -1.5e3"), is_number("1,5"), is_number("1,5", ","), is_number("a1")
    (True, False, True, False)
    """
    return _NUMBERS[decimal].fullmatch(text.strip()) is not None


def is_missing(text: str) -> bool:
    """Whether a field says that there is no value."""
    return text.strip() in MISSING


def _head(path: Path) -> tuple[str, list[str]]:
    """The encoding, and the first lines, whole ones."""
    opened = gzip.open if path.suffix.lower() == ".gz" else Path.open
    try:
        with opened(path, "rb") as file:
            raw: bytes = file.read(_HEAD)
    except (gzip.BadGzipFile, EOFError) as error:
        raise FileError(f"is not a whole gzip file ({error}).", path=path) from error
    encoding = next((name for bom, name in _BOMS.items() if raw.startswith(bom)), "utf-8")
    if encoding != "utf-16" and b"\0" in raw:
        raise FileError("is not a text table: it holds binary data.", path=path)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        text = decoder.decode(raw)
    except UnicodeDecodeError:
        encoding, text = "cp1252", raw.decode("cp1252", errors="replace")
    lines = text.splitlines()
    if len(raw) == _HEAD and len(lines) > 1:
        lines.pop()  # it may be cut
    return encoding, list(islice(lines, _ROWS))


def _lines_before(lines: list[str]) -> int:
    """Lines of remarks, and empty ones, before the table."""
    for number, line in enumerate(lines):
        if line.strip() and not line.startswith("#"):
            return number
    return len(lines)


def _delimiter(lines: Sequence[str]) -> str:
    shares = {}
    for delimiter in _DELIMITERS:
        rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
        if not any(any(row[1:]) for row in rows):
            continue  # it only ends the lines
        counts = Counter(map(len, rows))
        columns, often = max(counts.items(), key=lambda item: item[1])
        if columns > 1:
            shares[delimiter] = often / counts.total()
    # The header of R's tables has a field less than the rows.
    enough = 0.99 - 1 / len(lines)
    return max(shares, key=lambda delimiter: min(shares[delimiter], enough), default=",")


def _decimal(rows: list[list[str]]) -> str:
    fields = [field for row in rows for field in row]
    commas = sum("," in field and is_number(field, ",") for field in fields)
    points = sum("." in field and is_number(field, ".") for field in fields)
    return "," if commas > points else "."


def _has_header(rows: list[list[str]], decimal: str) -> bool:
    """Whether the first row holds names and not values."""
    first, rest = rows[0], rows[1:]
    numbers = [float(f.replace(decimal, ".")) for f in first if is_number(f, decimal)]
    texts = [(i, f) for i, f in enumerate(first) if _is_text(f, decimal)]
    if any(field in _values(rest, i) for i, field in texts):
        return False  # a name is no value
    rising = len(numbers) > 2 and all(b > a for a, b in pairwise(numbers))
    if len(numbers) > len(first) / 2 and not rising:
        return False
    if any(role_of(field) for _, field in texts):
        return True
    if len(texts) == len(first):
        return True
    if rising and _counts(numbers) and not all(_are_whole(row) for row in rest[:20]):
        return True
    return any(_is_column_of_values(rest, i, decimal) for i, _ in texts)


def _values(rows: list[list[str]], column: int) -> set[str]:
    return {row[column] for row in rows if column < len(row)}


def _counts(numbers: list[float]) -> bool:
    """0, 1, 2, ... or 1, 2, 3, ..."""
    return numbers[0] in (0, 1) and all(b - a == 1 for a, b in pairwise(numbers))


def _are_whole(row: list[str]) -> bool:
    return all(float(field).is_integer() for field in row if is_number(field))


def _is_text(field: str, decimal: str) -> bool:
    return not (is_number(field, decimal) or is_missing(field) or _TIME.fullmatch(field.strip()))


def _is_column_of_values(rows: list[list[str]], column: int, decimal: str) -> bool:
    fields = [row[column] for row in rows if column < len(row) and not is_missing(row[column])]
    return bool(fields) and not any(_is_text(field, decimal) for field in fields)


def _names(rows: list[list[str]], header: bool, path: Path, line: int) -> tuple[str, ...]:
    width = Counter(len(row) for row in rows[1:] or rows).most_common(1)[0][0]
    if not header:
        return tuple(f"column {i + 1}" for i in range(width))
    names = [name.strip() for name in rows[0]]
    if len(names) == width - 1:  # R's row names, or a delimiter at the end of each row but this
        is_last = all(not row[-1].strip() for row in rows[1:] if len(row) == width)
        names = [*names, ""] if is_last else ["", *names]
    names = [name or f"column {i + 1}" for i, name in enumerate(names)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise FileError(
            f"has more than one column called {twice[0]!r}: give each a name of its own.",
            path=path,
            line=line,
        )
    return tuple(names)
