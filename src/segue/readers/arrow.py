"""Arrow IPC files that `Dataset.write` made: mapped, not read into memory."""

from __future__ import annotations

from pathlib import Path

from segue.dataset import Dataset


def read(path: Path) -> Dataset:
    """Map one file; the sequences stay on disk until they are asked for.

    Raises:
        FileError: not an Arrow file, or not one of a data set.
    """
    return Dataset.open(path)


def write(folder: Path, data: Dataset) -> None:
    """Write `data.arrow`, which holds all parts."""
    data.write(folder / "data.arrow")
