"""Any source to one mapped file, with bounded memory where the format allows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from segue.dataset import Dataset
from segue.errors import OptionError, did_you_mean
from segue.readers import read
from segue.readers.pieces import Piece, check_parts, find_pieces, of_part
from segue.readers.table.loading import CannotStreamError
from segue.sequences import Array

# Bytes from which a file that can be read in pieces is not read as a whole.
LARGE = 64_000_000
Progress = Callable[[int, float | None], None]
Blocks = Iterator[tuple[Dataset, float]]  # with the share of the source that is read


def convert(
    source: Any,
    path: str | Path,
    *,
    progress: Progress | None = None,
    large: int = LARGE,
    **options: Any,
) -> Dataset:
    """Write a source to an Arrow file that is mapped when it is read; it appears whole or not.

    Sounds, texts, images and pairs of `.dat` are read file by file; `.ts`, `.tsv` and IDX files and
    large tables batch by batch, mapped arrays row by row; other formats, and a source with a
    `limit`, as a whole first.

    Args:
        source: what `segue.read` takes.
        path: the file, `*.arrow`.
        progress: called now and then with the sequences written, and the share that is done.
        large: bytes from which tables are read batch by batch.
        options: as for `segue.read`.

    Returns:
        The data set, mapped.

    Raises:
        OptionError: a file with another ending.
        FileError: a source that cannot be read.
        WriteError: the disk is full or read-only; nothing is left of the file then.

    >>> import tempfile
    >>> data = convert("japanese-vowels", Path(tempfile.mkdtemp(), "vowels.arrow"), limit=5)
    >>> data, data.x.is_mapped
    (Dataset(n=10, time=17 to 26, channels=12, classes=9, parts=train/test), True)
    """
    path = Path(path)
    if path.suffix.lower() != ".arrow":
        raise OptionError(f"The file is {path.name!r}; expected one that ends in .arrow.")
    tell = progress or (lambda _done, _share: None)
    given = {name: value for name, value in options.items() if value is not None}
    pieces = _pieces(source, given)
    blocks: Blocks | None = None
    if pieces and all(piece.reader.has_blocks for piece in pieces):
        blocks = _blocks_of_files(pieces, given)
    elif pieces and _are_large_tables(pieces, large):
        blocks = _blocks_of_tables(pieces, given)
    try:
        if blocks is not None:
            _write(blocks, path, tell)
            return Dataset.open(path)
    except CannotStreamError:
        pass
    data = read(source, **options)
    data.write(path, progress=lambda done: tell(done, done / max(1, len(data))))
    return Dataset.open(path)


def _pieces(source: Any, options: dict[str, Any]) -> list[Piece]:
    """What can be read piece by piece, without the options that say which; nothing if it cannot."""
    path = Path(source).expanduser() if isinstance(source, str | Path) else None
    if path is None or not path.exists() or {"limit", "like"} & options.keys():
        return []
    pieces = find_pieces(path, format=options.pop("format", None))
    if pieces[0].part is None and "part" in options:  # a file, or a table of labels, has the parts
        return []
    return of_part(pieces, options.pop("part", None))


def _are_large_tables(pieces: list[Piece], large: int) -> bool:
    def size(path: Path) -> int:
        packed = path.suffix.lower() == ".gz"  # to about an eighth
        return path.stat().st_size * (8 if packed else 1)

    tables = all(piece.reader.name == "table" and piece.path.is_file() for piece in pieces)
    return tables and max(size(piece.path) for piece in pieces) >= large


def _blocks_of_files(pieces: list[Piece], options: dict[str, Any]) -> Blocks:
    """The data sets of sounds, texts or images, folder by folder."""
    first: dict[str, Dataset] = {}
    for number, piece in enumerate(pieces):
        for data, share in piece.reader.blocks(piece.path, **options):
            if piece.part is not None and piece.part not in first:
                first[piece.part] = data
                check_parts(first)
            yield _in_part(data, piece.part), (number + share) / len(pieces)


def _blocks_of_tables(pieces: list[Piece], options: dict[str, Any]) -> Blocks:
    from segue.readers import table
    from segue.readers.table.streaming import stream

    known = pieces[0].reader.options()
    strange = sorted(set(options) - known.keys())
    if strange:
        raise OptionError(
            f"The format table has no option {strange[0]!r}.{did_you_mean(strange[0], known)}"
        )
    given = table.options_of(options)
    sizes = [piece.path.stat().st_size for piece in pieces]
    for number, piece in enumerate(pieces):
        before = sum(sizes[:number])
        for data, share in stream(piece.path, given):
            yield _in_part(data, piece.part), (before + share * sizes[number]) / max(1, sum(sizes))


def _in_part(data: Dataset, part: str | None) -> Dataset:
    return data if part is None else replace(data, parts=np.full(len(data), part))


def _write(blocks: Blocks, path: Path, tell: Progress) -> None:
    from segue import arrow

    first, share = next(blocks)

    def rows() -> Iterator[tuple[Array, dict[str, Any]]]:
        done, data, part = 0, first, share
        while True:
            yield from data.rows()
            done += len(data)
            tell(done, part)
            following = next(blocks, None)
            if following is None:
                return
            data, part = following

    # The classes are found again when the file is opened: here, not all are known yet.
    arrow.write(path, rows(), metadata={**first.metadata(), "classes": None, "name": path.stem})
