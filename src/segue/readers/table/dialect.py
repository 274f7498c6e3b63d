"""How a text table is written: encoding, delimiter, decimal mark, names and units.

Told from the beginning of the file, as a careful person would; the rest is read by pyarrow.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from segue.errors import DataError, FileError
from segue.readers.decoding import find_encoding, open_for_a_look, open_text
from segue.readers.table.cells import decimal_mark, is_number, two_readings
from segue.readers.table.header import find_header

_HEAD = 1 << 18  # characters that are looked at
_ROWS = 200
_ABOVE = 60  # lines that may stand above a table, at most
_DELIMITERS = "\t;|,"  # a file that has one of the first in every line seldom means the last
_REMARK = re.compile(r"\s*(?:#|%|//)")
_SEPARATOR = re.compile(r"""["']?sep=(.)["']?\s*""", re.IGNORECASE)


@dataclass(frozen=True)
class TextOptions:
    """What a user says about how a text table is written; `None`: it is told from the file."""

    encoding: str | None = None
    header: bool | None = None
    decimal: Literal[".", ","] | None = None
    thousands: str | None = None


_NOTHING = TextOptions()


@dataclass(frozen=True)
class Dialect:
    """How a text table is written.

    Attributes:
        encoding: as Python calls it.
        delimiter: between two fields; a tab, too, where `blanks` separate them.
        decimal: "." or ",".
        names: one for each column; `column 1` and so on where the file has none.
        header: whether the names stand in the file.
        skip: lines before the first row of values.
        thousands: the mark between thousands, where a user has said so.
        units: of the columns, where a line below the names has them.
        blanks: a pattern of what separates fields, where these are blanks.
        cuts: where the columns of a table of fixed widths begin.
        first: a part of each of the first rows, for a look at the values.
        notes: what a user should know.
    """

    encoding: str
    delimiter: str
    decimal: str
    names: tuple[str, ...]
    header: bool
    skip: int
    thousands: str = ""
    units: tuple[str, ...] = ()
    blanks: str = ""
    cuts: tuple[int, ...] = ()
    first: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()


def sniff(path: Path, options: TextOptions = _NOTHING) -> Dialect:
    """Look at the beginning of a file.

    Raises:
        FileError: an empty or binary file, two columns of one name, or what can be read in two
            ways.
    """
    encoding, lines = _head(path, options.encoding)
    notes = [encoding.note] if encoding.note else []
    before = next(
        (n for n, s in enumerate(lines) if s.strip() and not _REMARK.match(s)), len(lines)
    )
    remarks = [line for line in lines[:before] if line.strip()]
    given = _SEPARATOR.fullmatch(lines[before]) if before < len(lines) else None
    before += given is not None
    lines = lines[before:]
    if not any(line.strip() for line in lines):
        raise FileError("is empty; expected a table.", path=path)
    split = _Split(given[1]) if given else _find_split(lines)
    rows = split.rows(lines)
    above = _lines_above(rows)
    if above:
        notes.append(f"left out above the table: {above} lines, from {lines[0].strip()[:40]!r} on")
        rows = [(line, row) for line, row in rows if line >= above]
    fields = [row for _, row in rows]
    try:
        decimal = _decimal(fields, split.delimiter, options)
        fields = _with_names_of_remarks(fields, remarks, split, decimal)
        header = find_header(_even(fields), decimal, given=options.header)
        in_remarks = len(fields) > len(rows)
        names = _names(fields, header.names)
    except DataError as error:
        line = before + above + 1 if "called" in str(error) else None
        raise FileError(str(error), path=path, line=line) from None
    skipped = header.names + (header.units is not None) - in_remarks
    skip = before + (rows[skipped][0] if skipped < len(rows) else len(lines))
    if header.units is not None:
        notes.append(f"the second line names units: {', '.join(filter(None, header.units))}")
    return Dialect(
        encoding.name,
        split.delimiter,
        decimal,
        names,
        header.names,
        skip,
        options.thousands or "",
        header.units or (),
        split.blanks,
        split.cuts,
        tuple(tuple(row) for row in fields[header.names + (header.units is not None) :]),
        tuple(notes),
    )


def is_table_of_numbers(path: Path) -> bool:
    """Whether a text without an ending of tables is one: most lines hold numbers, and as many."""
    try:
        with open_for_a_look(path) as file:
            text = file.read(1 << 16)
    except (OSError, EOFError, UnicodeError):  # who reads it will say what is wrong
        return False
    lines = [line for line in text.splitlines() if line.strip() and not _REMARK.match(line)]
    lines = lines[: -1 if len(text) == 1 << 16 and len(lines) > 1 else None][:30]
    if "\0" in text or not lines:
        return False
    return any(
        _holds_lines_of_numbers(lines, blanks) for blanks in (r"[\s,;|]+", r"[\t,;|]|\s{2,}")
    )


def _holds_lines_of_numbers(lines: Sequence[str], separator: str) -> bool:
    rows = [re.split(separator, line.strip()) for line in lines]
    few = rows[2:] if len(rows) > 4 else rows[1:] or rows
    numbers = [sum(map(is_number, row)) >= 0.5 * len(row) for row in few]
    widths = Counter(map(len, few)).most_common(1)[0][1]
    return sum(numbers) >= 0.8 * len(few) and widths >= 0.8 * len(few)


def _head(path: Path, encoding: str | None) -> tuple[Any, list[str]]:
    """The encoding, and the first lines, whole ones."""
    try:
        found = find_encoding(path, encoding)
        with open_text(path, found.name, newline="") as file:
            text = file.read(_HEAD)
    except (gzip.BadGzipFile, EOFError) as error:
        raise FileError(f"is not a whole gzip file ({error}).", path=path) from error
    except FileError as error:
        if "zero byte" not in str(error):
            raise
        said = str(error).removeprefix(f"{path}: ")
        raise FileError(f"is not a text table: it holds binary data ({said})", path=path) from None
    lines = text.splitlines()
    if len(text) == _HEAD and len(lines) > 1:
        lines.pop()  # it may be cut
    return found, list(islice(lines, _ROWS))


# -- what separates fields ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Split:
    """What separates the fields of a line."""

    delimiter: str
    blanks: str = ""
    cuts: tuple[int, ...] = ()

    def rows(self, lines: Sequence[str]) -> list[tuple[int, list[str]]]:
        """The fields of each row, with the number of its line among these."""
        reader = csv.reader(
            [as_tabs(line, self.blanks, self.cuts) for line in lines], delimiter=self.delimiter
        )
        rows, before = [], 0
        for row in reader:
            if any(field.strip() for field in row):
                rows.append((before, row))
            before = reader.line_num
        return rows


def as_tabs(text: str, blanks: str, cuts: tuple[int, ...] = ()) -> str:
    r"""Put tabs between the fields of lines that blanks, or the widths of columns, separate.

    >>> as_tabs(" 1   2.5  a", "[ \\t]+"), as_tabs("ab cd", "", (0, 3))
    ('1\t2.5\ta', 'ab\tcd')
    """
    if cuts:
        ends = [*cuts[1:], None]
        return "\n".join(
            "\t".join(line[a:b].strip() for a, b in zip(cuts, ends, strict=True))
            for line in text.split("\n")
        )
    if not blanks:
        return text
    if '"' in text:
        text = re.sub(r'"[^"\n]*"', lambda match: match[0].replace(" ", "\x1f"), text)
        return as_tabs(text.replace('"', "\x1e"), blanks).replace("\x1f", " ").replace("\x1e", '"')
    text = re.sub(r"(?m)^[ \t]+|[ \t\r]+$", "", text)
    return re.sub(blanks, "\t", text)


def _find_split(lines: Sequence[str]) -> _Split:
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
    best = max(shares, key=lambda delimiter: min(shares[delimiter], enough), default=",")
    if best not in "\t|" and (shares.get(best, 0) < 0.5 or _holds_blanks(lines, best)):
        return _blank_split(lines) or _Split(best)
    return _Split(best)


def _holds_blanks(lines: Sequence[str], delimiter: str) -> bool:
    """Whether fields hold several numbers: then the delimiter is a decimal comma."""
    rows = [row for row in csv.reader(lines[1:], delimiter=delimiter) if row]
    inside = [re.search(r"\d\s+[+-]?\d", field) is not None for row in rows for field in row]
    return delimiter == "," and sum(inside) > 0.3 * len(inside)


def _blank_split(lines: Sequence[str]) -> _Split | None:
    """Fields between blanks, two or more blanks, or at fixed places; `None` if it is no table."""
    lines = [line for line in lines if line.strip()]
    for enough in (1.0, 0.95 - 1 / len(lines)):  # names with blanks have more fields than rows
        for blanks, share in ((r"[ \t]+", 0.5), (r" {2,}|\t[ \t]*", 0.0)):
            rows = [row for _, row in _Split("\t", blanks).rows(lines)]
            width, often = Counter(map(len, rows)).most_common(1)[0]
            even = [row for row in rows if len(row) == width]
            if width > 1 and often >= enough * len(rows) and _holds_numbers(even, share):
                return _Split("\t", blanks)
    cuts = _fixed_places(lines)
    if len(cuts) > 1 and _holds_numbers([row for _, row in _Split("\t", "", cuts).rows(lines)]):
        return _Split("\t", "", cuts)
    return None


def _holds_numbers(rows: Sequence[Sequence[str]], share: float = 0) -> bool:
    """Whether a column, and a share of the fields, are numbers, but perhaps for the first rows."""
    body = rows[2:] if len(rows) > 4 else rows[1:] or rows
    numbers = [[is_number(f, ",") or is_number(f) or not f.strip() for f in row] for row in body]
    flat = [number for row in numbers for number in row]
    return (
        bool(flat) and sum(flat) >= share * len(flat) and any(map(all, zip(*numbers, strict=False)))
    )


def _fixed_places(lines: Sequence[str]) -> tuple[int, ...]:
    """Where columns begin that are blank in no line before, and in some line there."""
    longest = max(map(len, lines))
    padded = [line.ljust(longest) for line in lines]
    blank = [all(line[place] == " " for line in padded) for place in range(longest)]
    return tuple(p for p in range(longest) if not blank[p] and (p == 0 or blank[p - 1]))


# -- rows -----------------------------------------------------------------------------------------


def _lines_above(rows: list[tuple[int, list[str]]]) -> int:
    """Lines of text above the table, which have fewer fields than its rows."""
    body = rows[len(rows) // 3 :]
    width = Counter(len(row) for _, row in body).most_common(1)[0][0]
    for place, (line, row) in enumerate(rows[:_ABOVE]):
        if len(row) >= width or sum(map(is_number, row)) > len(row) / 2:
            return line
        follows = rows[place + 1][1] if place + 1 < len(rows) else []
        if len(row) == width - 1 and len(row) > 1 and len(follows) == width:
            return line  # R writes no name above the names of rows
        if width == 1:
            return line
    return 0


def _even(rows: list[list[str]]) -> list[list[str]]:
    """The rows, with a field before the first one where that has one less than the others."""
    names = _with_one_more(rows)
    return [names, *rows[1:]]


def _with_one_more(rows: list[list[str]]) -> list[str]:
    """The first row; one less than the others lacks the first name, or the last delimiter."""
    width = Counter(len(row) for row in rows[1:] or rows).most_common(1)[0][0]
    names = [name.strip() for name in rows[0]]
    if len(names) != width - 1:
        return names
    is_last = all(not row[-1].strip() for row in rows[1:] if len(row) == width)
    return [*names, ""] if is_last else ["", *names]


def _with_names_of_remarks(
    rows: list[list[str]], remarks: list[str], split: _Split, decimal: str
) -> list[list[str]]:
    """The rows, below a remark with as many names: `# time x y`, as NumPy writes it."""
    if not remarks:
        return rows
    text = _REMARK.sub("", remarks[-1], count=1).strip()
    named = split.rows([text])
    names = named[0][1] if named else []
    if len(names) != len(rows[0]) or len(names) < 2 or any(is_number(n, decimal) for n in names):
        return rows
    return [names, *rows] if not find_header(_even(rows), decimal).names else rows


def _decimal(rows: list[list[str]], delimiter: str, options: TextOptions) -> str:
    if options.decimal not in (None, ".", ","):
        raise DataError(f"decimal={options.decimal!r}; expected '.' or ','.")
    if options.decimal is not None:
        return options.decimal
    if options.thousands is not None:
        return "." if options.thousands == "," else ","
    if delimiter == ",":
        return "."
    fields = [field for row in rows for field in row]
    if delimiter != ";":
        _refuse_two_readings(rows)
    return decimal_mark(fields)


def _refuse_two_readings(rows: list[list[str]]) -> None:
    numbers = [f for row in rows for f in row if is_number(f, ",") or is_number(f)]
    if not two_readings(numbers) or any("." in number for number in numbers):
        return
    for column in zip(*rows[1:], strict=False):
        whole = [f for f in column if is_number(f) and "." not in f]
        if two_readings(column) and whole:
            text = next(field for field in column if "," in field)
            raise DataError(
                f"holds numbers such as {text!r} beside {whole[0]!r}: is the comma a decimal mark, "
                "or does it stand between thousands? Say decimal=',' or thousands=',' (on the "
                "command line --read thousands=',')."
            )


def _names(rows: list[list[str]], header: bool) -> tuple[str, ...]:
    width = Counter(len(row) for row in rows[1:] or rows).most_common(1)[0][0]
    if not header:
        return tuple(f"column {i + 1}" for i in range(width))
    names = [name or f"column {i + 1}" for i, name in enumerate(_with_one_more(rows))]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(
            f"has more than one column called {twice[0]!r}: give each a name of its own."
        )
    return tuple(names)
