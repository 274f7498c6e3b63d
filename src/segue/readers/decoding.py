"""Bytes of a file into text, block by block; what cannot be read is named by byte and line."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from segue.errors import FileError, OptionError, did_you_mean

BLOCK_BYTES = 1 << 20

# A mark at the beginning says how a file is encoded. UTF-32's begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_USUAL = ("utf-8", "utf-16", "latin-1", "cp1252", "iso8859-15", "cp1251", "koi8-r", "shift_jis")
_KINDS = {b"\x89PNG": "PNG image", b"%PDF": "PDF", b"PK\x03\x04": "zip file", b"\x1f\x8b": "gzip"}


def check_encoding(encoding: str | None) -> None:
    """Raise for an encoding that Python does not know, or that is none of text.

    Raises:
        OptionError: near ones are suggested.
    """
    if encoding is None:
        return
    try:
        "".encode(encoding)  # refuses what is no encoding of text, such as hex
    except (LookupError, TypeError, ValueError) as error:
        near = did_you_mean(str(encoding), _USUAL)
        raise OptionError(f"encoding={encoding!r}: there is no such encoding.{near}") from error


def text_blocks(path: Path, encoding: str | None = None) -> Iterator[str]:
    """Read a text file block by block; its line ends become one newline character.

    Args:
        path: the file.
        encoding: what its bytes are; `None`: what its mark says, else UTF-8.

    Raises:
        FileError: bytes that are no text of this encoding, with their place; a binary file.
    """
    with path.open("rb") as file:
        begin = file.read(4)
        mark, marked = next(((m, e) for m, e in _MARKS if begin.startswith(m)), (b"", None))
        chosen = encoding or marked or "utf-8"
        own_mark = marked is not None and codecs.lookup(chosen).name in (
            codecs.lookup(marked).name,
            codecs.lookup(marked).name.removesuffix("-le").removesuffix("-be"),
        )
        file.seek(len(mark) if own_mark else 0)
        name = marked if own_mark and marked else chosen
        yield from _decoded(file, path, name, is_given=encoding is not None)


def lines(path: Path, encoding: str | None = None) -> Iterator[str]:
    """The lines of a text file, without their ends."""
    rest = ""
    for block in text_blocks(path, encoding):
        *whole, rest = (rest + block).split("\n")
        yield from whole
    if rest:
        yield rest


def _decoded(file: IO[bytes], path: Path, encoding: str, *, is_given: bool) -> Iterator[str]:
    plain = codecs.getincrementaldecoder(encoding)()
    decoder = io.IncrementalNewlineDecoder(plain, translate=True)
    line, first = 1, file.tell()
    while True:
        raw = file.read(BLOCK_BYTES)
        if b"\0" in raw and not encoding.startswith("utf-"):
            raise _binary(path, raw, first)
        waiting = len(plain.getstate()[0])
        try:
            text = decoder.decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(encoding, "replace")
            at = first - waiting + error.start
            raise _undecodable(path, error, at, line + before.count("\n"), is_given) from error
        if "\0" in text:
            raise _binary(path, raw, first)
        line += text.count("\n")
        first += len(raw)
        if text:
            yield text
        if not raw:
            return


def _undecodable(
    path: Path, error: UnicodeDecodeError, at: int, line: int, is_given: bool
) -> FileError:
    byte = error.object[error.start : error.end][:4].hex(" ")
    what = "ends inside a character" if error.end == len(error.object) and not is_given else ""
    message = f"is not {error.encoding.upper()} at byte {at:,} ({byte}: {error.reason})"
    if is_given:
        return FileError(f"{message}. Is it in another encoding?", path=path, line=line)
    cut = ", or the file is cut off" if what and "unexpected end" in error.reason else ""
    return FileError(
        f"{message}. It may be in another encoding, such as encoding='cp1252'{cut}.",
        path=path,
        line=line,
    )


def _binary(path: Path, raw: bytes, first: int) -> FileError:
    kind = next((name for mark, name in _KINDS.items() if first == 0 and raw.startswith(mark)), "")
    at = first + max(raw.find(b"\0"), 0)
    told = f"It looks like a {kind}." if kind else "If it is UTF-16 without a mark, say so: "
    return FileError(
        f"has a zero byte at {at:,}, which no text has. {told}"
        + ("" if kind else "encoding='utf-16-le'."),
        path=path,
    )
