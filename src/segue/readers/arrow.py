"""Arrow IPC files that `Dataset.write` made: mapped, not read into memory."""

from __future__ import annotations

from pathlib import Path

from segue.dataset import Dataset
from segue.readers.blocks import Blocks


def blocks(path: Path) -> Blocks:
    """Map one file; the sequences stay on disk until they are asked for.

    Raises:
        FileError: not an Arrow file, or not one of a data set.
    """
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
