"""The dialect of a text table: encoding, delimiter, decimal mark, names and units.

Told from the beginning of the file, as a careful person would; the rest is read by pyarrow.
"""

from __future__ import annotations

import csv
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import IO

from segue.errors import DataError, FileError
from segue.readers.blocks import errors_of
from segue.readers.decoding import find_encoding, open_for_a_look, open_text
from segue.readers.table.cells import decimal_mark, is_number
from segue.readers.table.names import distinct_names, find_header
from segue.readers.table.words import TableOptions, say

Rows = Sequence[Sequence[str]]

_HEAD = 1 << 18  # characters that are looked at
_LONGEST_FIELD = 2**31 - 1
_ROWS = 200
_ABOVE = 60  # lines that may stand above a table, at most
_DELIMITERS = "\t;|,"  # a file that has one of the first in every line seldom means the last
_REMARK = re.compile(r"\s*(?:#|%|//)")
_TWO_READINGS = re.compile(r"\s*(?:[^,]*|[+-]?[1-9]\d{0,2},\d{3})\s*")  # 1.234 or 1234
_SEPARATOR = re.compile(r"""["']?sep=(.)["']?\s*""", re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """The dialect of a text table.

    Attributes:
        encoding: as Python calls it; empty where the table is no text.
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

    encoding: str = ""
    delimiter: str = ","
    decimal: str = "."
    names: tuple[str, ...] = ()
    header: bool = True
    skip: int = 0
    thousands: str = ""
    units: tuple[str, ...] = ()
    blanks: str = ""
    cuts: tuple[int, ...] = ()
    first: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()

    def as_tabs(self, text: str) -> str:
        r"""Put tabs between the fields of lines that blanks, or the widths of columns, separate.

        >>> Dialect(blanks="[ \\t]+").as_tabs(" 1   2.5  a"), Dialect(cuts=(0, 3)).as_tabs("ab cd")
        ('1\t2.5\ta', 'ab\tcd')
        """
        if self.cuts:
            places = [slice(*ends) for ends in zip(self.cuts, [*self.cuts[1:], None], strict=True)]
            rows = ("\t".join(line[place].strip() for place in places) for line in text.split("\n"))
            return "\n".join(rows)
        if not self.blanks:
            return text
        # Blanks between quotes stay, as a character that no text has.
        text = re.sub(r'"[^"\n]*"', lambda match: match[0].replace(" ", "\x1f"), text)
        text = re.sub(r"(?m)^[ \t]+|[ \t\r]+$", "", text)
        return re.sub(self.blanks, "\t", text).replace("\x1f", " ")

    def rows(self, lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
        """The fields of each row, with the number of lines before it."""
        reader = csv.reader(map(self.as_tabs, lines), delimiter=self.delimiter)
        before = 0
        while True:
            try:
                with unlimited_fields():
                    row = next(reader, None)
            except csv.Error:
                row = ["a field without an end"]
            if row is None:
                return
            if any(map(str.strip, row)):
                yield before, row
            before = reader.line_num


@contextmanager
def unlimited_fields() -> Iterator[None]:
    """Let Python's reader of CSV take fields of any length, which it does not otherwise."""
    usual = csv.field_size_limit(_LONGEST_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(usual)


NO_TEXT = Dialect()


def sniff(path: Path, options: TableOptions | None = None, *, head: bool = False) -> Dialect:
    """Look at the beginning of a file; at all of it to tell its encoding, unless `head` is set.

    Raises:
        FileError: an empty or binary file, two columns of one name, or what can be read in two
            ways.
    """
    options = options or TableOptions()
    try:
        with errors_of(path):
            encoding = find_encoding(path, options.encoding, head=head)
            with open_text(path, encoding.name, newline="") as file:
                lines = _first_lines(file)
    except FileError as error:
        if "zero byte" not in str(error):
            raise
        raise FileError(f"is not a text table: it holds binary data: {error}", path=path) from None
    notes = [encoding.note] if encoding.note else []
    remarks = list(takewhile(lambda line: not line.strip() or _REMARK.match(line), lines))
    before = len(remarks)
    given = _SEPARATOR.fullmatch(lines[before]) if before < len(lines) else None
    before += given is not None
    lines = lines[before:]
    if not any(line.strip('\t ;|,"') for line in lines):
        raise FileError("is empty; expected a table.", path=path)
    split = Dialect(delimiter=given[1]) if given else _find_split(lines)
    rows = _rows(split, lines)
    above = _lines_above(rows)
    if above:
        notes.append(f"left out above the table: {above} lines, from {lines[0].strip()[:40]!r} on")
        rows = [(line, row) for line, row in rows if line >= above]
    fields = [row for _, row in rows]
    try:
        decimal = _decimal(fields, split.delimiter, options)
        fields = _with_names_of_remark(fields, remarks, split)
        fields[0] = _with_one_more(fields)
        header, units = find_header(fields, decimal, given=options.header)
    except DataError as error:
        raise FileError(str(error), path=path) from None
    width, _ = _usual_width(fields[1:] or fields)
    names = fields[0] if header else [""] * width
    with errors_of(path, before + above + 1):
        names = distinct_names(names)
    if units is not None:
        notes.append(f"the second line names units: {', '.join(filter(None, units))}")
    values = fields[header + (units is not None) :]
    first_line = rows[-len(values)][0] if values else len(lines)
    return replace(
        split,
        encoding=encoding.name,
        decimal=decimal,
        names=tuple(names),
        header=header,
        skip=before + first_line,
        thousands=options.thousands or "",
        units=units or (),
        first=tuple(map(tuple, values)),
        notes=tuple(notes),
    )


def is_table_of_numbers(path: Path) -> bool:
    """Whether a text without an ending of tables is one: most lines hold numbers, and as many."""
    try:
        with open_for_a_look(path) as file:
            lines = _first_lines(file)
    except (OSError, EOFError, UnicodeError, DataError, zlib.error):  # reading it raises the error
        return False
    lines = [line for line in lines if line.strip() and not _REMARK.match(line)]
    lines = (lines[:-1] if len(lines) > 2 else lines)[:30]  # the last may be cut off
    if any("\0" in line for line in lines) or not any(map(re.compile("[0-9]").search, lines)):
        return False
    return any(
        _holds_lines_of_numbers([re.split(separator, line.strip()) for line in lines])
        for separator in (r"[\s,;|]+", r"[\t,;|]|\s{2,}")
    )


def _holds_lines_of_numbers(rows: Rows) -> bool:
    body = _below_names(rows)
    some = [row[:: 1 + len(row) // 1000] for row in body]  # a text may be one long line
    numbers = [sum(map(is_number, row)) >= 0.5 * len(row) for row in some]
    return sum(numbers) >= 0.8 * len(body) and _usual_width(body)[1] >= 0.8


def _first_lines(file: IO[str]) -> list[str]:
    """The first lines, whole ones."""
    return (file.read(_HEAD) + file.readline(_LONGEST_FIELD)).splitlines()[:_ROWS]


# -- what separates fields ------------------------------------------------------------------------


def _rows(split: Dialect, lines: Iterable[str]) -> list[tuple[int, list[str]]]:
    """The rows that hold anything, with the number of lines before each."""
    return [(line, row) for line, row in split.rows(lines) if any(f.strip() for f in row)]


def _usual_width(rows: Rows) -> tuple[int, float]:
    """The fields that most rows have, and the share of rows that have so many."""
    [(width, often)] = Counter(map(len, rows)).most_common(1) or [(0, 0)]
    return width, often / max(1, len(rows))


def _below_names(rows: Rows) -> Rows:
    return rows[2:] if len(rows) > 4 else rows[1:] or rows


def _find_split(lines: Sequence[str]) -> Dialect:
    shares = {}
    for delimiter in _DELIMITERS:
        rows = [row for _, row in _rows(Dialect(delimiter=delimiter), lines)]
        width, share = _usual_width(rows)
        if width > 1 and any(any(row[1:]) for row in rows):  # it does more than end the lines
            shares[delimiter] = share
    # R's line of names has a field less than the rows; a mark that divides every line comes first.
    enough = 0.99 - 1 / len(lines)
    best = max(shares, key=lambda d: (min(shares[d], enough), shares[d] == 1), default=",")
    if best not in "\t|" and (shares.get(best, 0) < 0.5 or _holds_blanks(lines, best)):
        return _blank_split(lines) or Dialect(delimiter=best)
    return Dialect(delimiter=best)


def _holds_blanks(lines: Sequence[str], delimiter: str) -> bool:
    """Whether fields hold several numbers: then the delimiter is a decimal comma, if no names."""
    if delimiter in lines[0] and not any(character.isdigit() for character in lines[0]):
        return False
    fields = [f for _, row in _rows(Dialect(delimiter=delimiter), lines[1:]) for f in row]
    inside = [re.search(r"\d\s+[+-]?\d", field) is not None for field in fields]
    return delimiter == "," and sum(inside) > 0.3 * len(inside)


def _blank_split(lines: Sequence[str]) -> Dialect | None:
    """Fields between blanks, two or more blanks, or at fixed places; `None` if it is no table."""
    lines = [line for line in lines if line.strip()]
    for enough in (1.0, 0.95 - 1 / len(lines)):  # names with blanks have more fields than rows
        for blanks, share in ((r"[ \t]+", 0.5), (r" {2,}|\t[ \t]*", 0.0)):
            split = Dialect(delimiter="\t", blanks=blanks)
            rows = [row for _, row in _rows(split, lines)]
            width, often = _usual_width(rows)
            even = [row for row in rows if len(row) == width]
            if width > 1 and often >= enough and _holds_numbers(even, share):
                return split
    split = Dialect(delimiter="\t", cuts=_fixed_places(lines))
    if len(split.cuts) > 1 and _holds_numbers([row for _, row in _rows(split, lines)]):
        return split
    return None


def _holds_numbers(rows: Rows, share: float = 0) -> bool:
    """Whether a column, and a share of the fields, are numbers, but perhaps for the first rows."""
    numbers = [
        [is_number(f, ",") or is_number(f) or not f.strip() for f in row]
        for row in _below_names(rows)
    ]
    flat = [number for row in numbers for number in row]
    a_column = any(all(column) for column in zip(*numbers, strict=False))
    return bool(flat) and a_column and sum(flat) >= share * len(flat)


def _fixed_places(lines: Sequence[str]) -> tuple[int, ...]:
    """Where columns begin that are blank in no line before, and in some line there."""
    longest = max(map(len, lines))
    padded = [line.ljust(longest) for line in lines]
    blank = [set(column) == {" "} for column in zip(*padded, strict=True)]
    return tuple(p for p in range(longest) if not blank[p] and (p == 0 or blank[p - 1]))


# -- rows -----------------------------------------------------------------------------------------


def _lines_above(rows: list[tuple[int, list[str]]]) -> int:
    """Lines of text above the table, which have fewer fields than its rows."""
    width, _ = _usual_width([row for _, row in rows[len(rows) // 3 :]])
    following = [*(row for _, row in rows[1:]), []]
    for (line, row), follows in zip(rows[:_ABOVE], following, strict=False):
        if len(row) >= width or sum(map(is_number, row)) > len(row) / 2:
            return line
        if 1 < len(row) == width - 1 and len(follows) == width:
            return line  # R writes no name above the names of rows
    return 0


def _with_one_more(rows: list[list[str]]) -> list[str]:
    """The first row; one less than the others lacks the first name, or the last delimiter."""
    width, _ = _usual_width(rows[1:] or rows)
    names = [name.strip() for name in rows[0]]
    if len(names) != width - 1:
        return names
    is_last = all(not row[-1].strip() for row in rows[1:] if len(row) == width)
    return [*names, ""] if is_last else ["", *names]


def _with_names_of_remark(
    rows: list[list[str]], remarks: list[str], split: Dialect
) -> list[list[str]]:
    """The rows, below a remark with as many names: `# time x y`, as NumPy writes it."""
    last = next((line for line in reversed(remarks) if line.strip()), "")
    for _, names in split.rows([_REMARK.sub("", last, count=1).strip()]):
        numbers = [any(is_number(f) or is_number(f, ",") for f in row) for row in (names, rows[0])]
        if 1 < len(names) == len(rows[0]) and numbers == [False, True]:
            return [names, *rows]
    return rows


def _decimal(rows: list[list[str]], delimiter: str, options: TableOptions) -> str:
    if options.decimal is not None:
        return options.decimal
    if options.thousands is not None:
        return "." if options.thousands == "," else ","
    if delimiter == ",":
        return "."
    if delimiter != ";":
        _refuse_two_readings(rows)
    return decimal_mark(field for row in rows for field in row)


def _refuse_two_readings(rows: list[list[str]]) -> None:
    """Refuse `1,234` as all that has a comma, beside whole numbers."""
    numbers = [f for row in rows for f in row if is_number(f, ",") or is_number(f)]
    if any("." in number or not _TWO_READINGS.fullmatch(number) for number in numbers):
        return
    for column in zip(*rows[1:], strict=False):
        whole = [field for field in column if is_number(field)]
        others = [field for field in column if "," in field and is_number(field, ",")]
        if whole and others:
            raise DataError(
                f"holds numbers such as {others[0]!r} beside {whole[0]!r}: is the comma a decimal "
                "mark, or does it stand between thousands? " + say("decimal=','", "thousands=','")
            )
