"""Any source to one mapped file, with bounded memory where the format allows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from segue.dataset import Dataset
from segue.errors import OptionError, did_you_mean
from segue.readers import read
from segue.readers.pieces import Piece, find_pieces
from segue.sequences import Array

# Bytes from which a file that can be read in pieces is not read as a whole.
LARGE = 64_000_000
Progress = Callable[[int, float | None], None]


def convert(
    source: Any,
    path: str | Path,
    *,
    progress: Progress | None = None,
    large: int = LARGE,
    **options: Any,
) -> Dataset:
    """Write a source to an Arrow file that is mapped when it is read; it appears whole or not.

    Large tables are read batch by batch, mapped arrays row by row; other formats as a whole first.

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
    pieces = _large_tables(source, large) if _streams(options) else []
    from segue.readers.table.streaming import CannotStreamError

    if pieces:
        try:
            _write_stream(pieces, path, tell, options)
            return Dataset.open(path)
        except CannotStreamError:
            pass
    data = read(source, **options)
    data.write(path, progress=lambda done: tell(done, done / max(1, len(data))))
    return Dataset.open(path)


def _streams(options: Mapping[str, Any]) -> bool:
    return not {"limit", "part"} & {name for name, value in options.items() if value is not None}


def _large_tables(source: Any, large: int) -> list[Piece]:
    """The pieces of a source, if all are tables and one of them is large."""
    path = Path(source).expanduser() if isinstance(source, str | Path) else None
    if path is None or not path.exists():
        return []
    pieces = find_pieces(path)
    tables = all(piece.reader.name == "table" and piece.path.is_file() for piece in pieces)
    sizes = [piece.path.stat().st_size for piece in pieces]
    return pieces if tables and max(sizes) >= large else []


def _write_stream(pieces: list[Piece], path: Path, tell: Progress, options: dict[str, Any]) -> None:
    from segue import arrow
    from segue.readers import table
    from segue.readers.table.streaming import stream

    known = pieces[0].reader.options()
    strange = sorted(set(options) - known.keys())
    if strange:
        raise OptionError(
            f"The format table has no option {strange[0]!r}.{did_you_mean(strange[0], known)}"
        )
    asked = table.asked_for(options)

    def sets() -> Iterator[tuple[Dataset, float]]:
        sizes = [piece.path.stat().st_size for piece in pieces]
        for number, piece in enumerate(pieces):
            before = sum(sizes[:number])
            for data, share in stream(piece.path, asked):
                part = None if piece.part is None else [piece.part] * len(data)
                data = data if part is None else replace(data, parts=part)  # type: ignore[arg-type]
                yield data, (before + share * sizes[number]) / max(1, sum(sizes))

    coming = sets()
    first, share = next(coming)

    def rows() -> Iterator[tuple[Array, dict[str, Any]]]:
        done, data, part = 0, first, share
        while True:
            yield from data.rows()
            done += len(data)
            tell(done, part)
            following = next(coming, None)
            if following is None:
                return
            data, part = following

    # The classes are found again when the file is opened: here, not all are known yet.
    arrow.write(path, rows(), metadata={**first.metadata(), "classes": None, "name": path.stem})
