"""Arrow IPC files of a data set: mapped, not read into memory; any source is converted to one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from segue.data.dataset import Dataset
from segue.data.sequences import Array
from segue.errors import OptionError, SegueError
from segue.readers import read
from segue.readers.blocks import Blocks, check_parts
from segue.readers.sources import Source, find_sources, select_part
from segue.readers.table.binary import check_arrow, not_whole
from segue.readers.table.loading import CannotStreamError

# Bytes from which a file that can be read in blocks is not read as a whole.
LARGE = 64_000_000
Progress = Callable[[int, float | None], None]


def blocks(path: Path) -> Blocks:
    """Map one file; the sequences stay on disk until they are used.

    Files that segue writes are not packed, and others are held to the usual limit.

    Raises:
        FileError: not an Arrow file, or not one of a data set.
    """
    import pyarrow as pa

    try:
        with pa.memory_map(str(path)) as source:
            check_arrow(source)
    except SegueError:
        raise
    except Exception as error:  # whatever the bytes lead to
        raise not_whole("Arrow IPC file", error, path) from error
    yield Dataset.open(path), 1.0


def accepts(path: Path) -> bool:
    """Whether a file has sequences as segue writes them, or is damaged; else it is a table."""
    import pyarrow as pa

    try:
        with pa.memory_map(str(path)) as source:
            return "x" in (names := pa.ipc.open_file(source).schema.names) or not names
    except (pa.ArrowException, OSError):
        return True


def write(folder: Path, data: Dataset) -> None:
    """Write `data.arrow`, which holds all parts."""
    data.write(folder / "data.arrow")


# -- converting -----------------------------------------------------------------------------------


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
    sources = _with_blocks(source, given, large)
    try:
        if sources:
            _write_blocks(_blocks_of(sources, given), path, tell)
            return Dataset.open(path)
    except CannotStreamError:
        pass
    data = read(source, **options)
    data.write(path, progress=lambda done: tell(done, done / max(1, len(data))))
    return Dataset.open(path)


def _with_blocks(source: Any, options: dict[str, Any], large: int) -> list[Source]:
    """The sources that can be read in blocks, without the options that select them; else none."""
    path = Path(source).expanduser() if isinstance(source, str | Path) else None
    if path is None or not path.exists() or {"limit", "like", "untrusted"} & options.keys():
        return []
    sources = find_sources(path, format=options.pop("format", None))
    if sources[0].part is None and "part" in options:  # a file, or a table of labels, has the parts
        return []
    sources = select_part(sources, options.pop("part", None))
    tables = [source.path for source in sources if source.reader.name == "table"]
    if not all(source.reader.has_blocks for source in sources) or any(map(Path.is_dir, tables)):
        return []
    packed = {".gz": 8}  # to about an eighth
    sizes = [path.stat().st_size * packed.get(path.suffix.lower(), 1) for path in tables]
    return [] if tables and max(sizes) < large else sources


def _blocks_of(sources: list[Source], options: dict[str, Any]) -> Blocks:
    """The data sets of the sources, one after the other."""
    first: dict[str, Dataset] = {}
    for number, source in enumerate(sources):
        for data, share in source.reader.blocks(source.path, **options):
            if source.part is not None and source.part not in first:
                first[source.part] = data
                check_parts(first)
            parts = data.parts if source.part is None else np.full(len(data), source.part)
            yield replace(data, parts=parts), (number + share) / len(sources)


def _write_blocks(blocks: Blocks, path: Path, tell: Progress) -> None:
    from segue.data import storage as arrow

    first, share = next(blocks)

    def rows() -> Iterator[tuple[Array, dict[str, Any]]]:
        done = 0
        for data, part in chain([(first, share)], blocks):
            yield from data.rows()
            done += len(data)
            tell(done, part)

    # The classes are those of the labels when the file is opened: here, not all are known yet.
    arrow.write(path, rows(), metadata={**first.metadata(), "classes": None, "name": path.stem})
