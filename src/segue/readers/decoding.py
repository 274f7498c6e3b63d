"""Text files: how their bytes are encoded, and labels as they are written in them.

A file is what its mark says, else UTF-8. Files with tables and labels (`find_encoding`) may also be
cp1252, the usual encoding of older Windows programs in Western countries, if they look like it, and
a note says so; a text that is itself the data (`text_blocks`) is in no other encoding than what is
given. Nothing is ever replaced.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from segue.data.sequences import Array
from segue.errors import FileError, OptionError, did_you_mean
from segue.readers.packed import open_bytes
from segue.readers.western import is_western

BLOCK_BYTES = 1 << 18
_HEAD = 4  # blocks

# A byte order mark gives the encoding of a file. UTF-32's begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_USUAL = ("utf-8", "utf-16", "latin-1", "cp1252", "iso8859-15", "cp1251", "koi8-r", "shift_jis")
# Control characters, and what is no character of cp1252.
_NOT_CP1252 = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f\x81\x8d\x8f\x90\x9d]")
# 3, -1, 3.0 and 3e0; not 007, whose zeros may mean something, and not 1_000, which only Python
# takes for a number.
_WHOLE = re.compile(r"[+-]?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?")
_LARGEST = 2**53  # the largest number up to which float64, and JSON, know all whole numbers apart
_LINE_BEYOND_ASCII = re.compile(rb"[^\n]*[\x80-\xff][^\n]*")
_LETTER_OF_UTF8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}")


def check_encoding(encoding: str | None) -> None:
    """Check that Python knows a text encoding of this name.

    Raises:
        OptionError: an unknown name, or no encoding of text; similar names are suggested.
    """
    if encoding is None:
        return
    try:
        "".encode(encoding)  # refuses what is no encoding of text, such as hex
    except (LookupError, TypeError, ValueError) as error:
        near = did_you_mean(str(encoding), _USUAL)
        raise OptionError(f"encoding={encoding!r}: there is no such encoding.{near}") from error


class Encoding(NamedTuple):
    """The encoding of a file by Python's name, and a note for the user (or "")."""

    name: str
    note: str


def find_encoding(path: Path, encoding: str | None = None, *, head: bool = False) -> Encoding:
    r"""Tell how a text file is encoded, after a look at all of it; `.gz` files are unpacked.

    Args:
        path: the file.
        head: look at its first megabyte only, where no more of it may be read.
        encoding: what its bytes are; `None`: what its mark says, else UTF-8; else cp1252, if each
            byte is a printed character there, none of them form a letter of UTF-8, and the letters
            stand where Western languages have them.

    Raises:
        OptionError: no such encoding.
        FileError: bytes that are no text of this encoding, with byte and line; a binary file.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "labels.csv")
    >>> _ = path.write_bytes("kind\ngr\xfcn\n".encode("latin-1"))
    >>> find_encoding(path)
    Encoding(name='cp1252', note='read as cp1252 (not UTF-8: byte 0xfc in line 2)')
    """
    check_encoding(encoding)
    with _opened(path) as file:
        name = _named(file, encoding)
    try:
        for _ in islice(text_blocks(path, encoding), _HEAD if head else None):
            pass
    except FileError as error:
        wrong = error.__cause__
        if not isinstance(wrong, UnicodeDecodeError) or _is_cut_off(wrong):
            raise
        if encoding is not None or name != "utf-8" or not _may_be_cp1252(path, head):
            raise
        where = f"byte 0x{wrong.object[wrong.start]:02x} in line {error.line}"
        return Encoding("cp1252", f"read as cp1252 (not UTF-8: {where})")
    return Encoding(name, "")


def open_text(path: Path, encoding: str, *, newline: str | None = None) -> io.TextIOWrapper:
    """Open a text file, packed or not, behind its mark.

    Args:
        path: the file.
        encoding: as `find_encoding` returns it; with another one, reading raises `ValueError`.
        newline: as for Python's `open`.
    """
    file = _opened(path)
    return io.TextIOWrapper(file, encoding=_named(file, encoding), newline=newline)


def open_for_a_look(path: Path) -> IO[str]:
    """Open a text file to tell what is in it: letters beyond ASCII may come out as others."""
    with _opened(path) as file:
        name = _named(file, None)
    return open_text(path, "latin-1" if name == "utf-8" else name)


def text_blocks(path: Path, encoding: str | None = None) -> Iterator[str]:
    """Read a text file block by block; its line ends become one newline character.

    Args:
        path: the file.
        encoding: what its bytes are; `None`: that of its byte order mark, else UTF-8.

    Raises:
        FileError: bytes that are no text of this encoding, with byte and line; a binary file.
    """
    with _opened(path) as file:
        plain = codecs.getincrementaldecoder(_named(file, encoding))()
        decoder = io.IncrementalNewlineDecoder(plain, translate=True)
        while True:
            first = file.tell() - len(plain.getstate()[0])
            raw = file.read(BLOCK_BYTES)
            try:
                text = decoder.decode(raw, final=not raw)
            except UnicodeDecodeError as error:
                at = first + error.start
                message = _undecodable(error, at, is_given=encoding is not None)
                raise FileError(message, path=path, line=_line_at(path, at)) from error
            if "\0" in text:
                at = file.tell() - len(raw) + raw.find(b"\0")
                message = f"has a zero byte at {at:,}, which no text has. If it is UTF-16 without "
                message += "a mark, say so: encoding='utf-16-le'."
                raise FileError(message, path=path, line=_line_at(path, at))
            if text:
                yield text
            if not raw:
                return


def lines(path: Path, encoding: str | None = None) -> Iterator[str]:
    """The lines of a text file, without their ends."""
    rest = ""
    for block in text_blocks(path, encoding):
        *whole, rest = (rest + block).split("\n")
        yield from whole
    if rest:
        yield rest


def ends_inside(path: Path, line: int) -> bool:
    """Whether a file ends in this line, which has no end."""
    count, last = 0, b"\n"
    with _opened(path) as file:
        for raw in iter(partial(file.read, BLOCK_BYTES), b""):
            count, last = count + raw.count(b"\n"), raw
    return count + 1 == line and not last.endswith((b"\n", b"\n\0"))


def _opened(path: Path) -> IO[bytes]:
    return open_bytes(path, packed=path.suffix.lower() == ".gz")


def _named(file: IO[bytes], encoding: str | None) -> str:
    """The encoding of a file; reading goes on behind its byte order mark, where it has one."""
    begin = file.read(4)
    mark, marked = next(((m, e) for m, e in _MARKS if begin.startswith(m)), (b"", "utf-8"))
    plain = marked.removesuffix("-le").removesuffix("-be")
    name = marked
    if encoding is not None and codecs.lookup(encoding).name not in (marked, plain):
        name, mark = encoding, b""
    file.seek(len(mark))
    return name


def _may_be_cp1252(path: Path, head: bool) -> bool:
    seen = b""
    with _opened(path) as file:
        blocks = iter(lambda: file.read(BLOCK_BYTES) + file.readline(BLOCK_BYTES), b"")
        for raw in islice(blocks, _HEAD if head else None):
            if _NOT_CP1252.search(raw) or _LETTER_OF_UTF8.search(raw):
                return False
            if len(seen) < BLOCK_BYTES:
                seen += b"\n".join(_LINE_BEYOND_ASCII.findall(raw))
    return is_western(seen.decode("cp1252"))


def _line_at(path: Path, byte: int) -> int:
    """The line in which a byte is, by the bytes of line ends before it."""
    with _opened(path) as file:
        whole = sum(file.read(BLOCK_BYTES).count(b"\n") for _ in range(byte // BLOCK_BYTES))
        return 1 + whole + file.read(byte % BLOCK_BYTES).count(b"\n")


def _is_cut_off(error: UnicodeDecodeError) -> bool:
    return error.end == len(error.object) and "unexpected end" in error.reason


def _undecodable(error: UnicodeDecodeError, byte: int, *, is_given: bool) -> str:
    found = error.object[error.start : error.end][:4].hex(" ")
    hint = "Is it in another encoding?"
    if not is_given:
        end = ", or the file is cut off." if _is_cut_off(error) else "."
        hint = "It may be in another encoding (cp1251, gbk, big5, shift_jis, ...): say "
        hint += f"encoding='cp1252'{end}"
    return f"is not {error.encoding.upper()} at byte {byte:,} ({found}: {error.reason}). {hint}"


# -- labels ---------------------------------------------------------------------------------------


def labels_of_texts(texts: Sequence[str]) -> Array:
    """Return `[n]` int64 if every label is a whole number (`3`, `3.0`, `3e0`), else text.

    Text stays text where a number would not give it back: where two labels would become the same
    number (`1` and `1.0`), with leading zeros (`007`), and beyond 2**53.

    >>> labels_of_texts(["2", "-1", "2"])
    array([ 2, -1,  2])
    >>> labels_of_texts(["2", "two"]), labels_of_texts(["7", "007"])
    (array(['2', 'two'], dtype='<U3'), array(['7', '007'], dtype='<U3'))
    """
    numbers = {text: _whole(text) for text in dict.fromkeys(texts)}
    found = set(numbers.values())
    if None in found or len(found) < len(numbers):
        return np.array(texts, dtype=str)
    return np.array([numbers[text] for text in texts], dtype=np.int64)


def _whole(text: str) -> int | None:
    text = text.strip()
    number = float(text) if _WHOLE.fullmatch(text) else 0.5
    return int(number) if number.is_integer() and abs(number) <= _LARGEST else None
