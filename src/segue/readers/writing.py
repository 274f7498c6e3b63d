"""What the writers of several formats share: folders that are free, parts, refusals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from segue.dataset import Dataset
from segue.errors import DataError, FileError
from segue.readers.registry import READERS, part_named


def check_free(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that is in use.

    Args:
        folder: the folder to be made; an empty one may be there already.
        overwrite: let a folder be replaced that holds a data set, and nothing but a data set.

    Raises:
        FileError: the folder is not empty and `overwrite` is not set, or it holds other things.
    """
    if folder.exists() and not folder.is_dir():
        raise FileError("is a file; expected the folder to be written.", path=folder)
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not overwrite:
        raise FileError(
            "is not empty. Choose another folder, or replace it with --overwrite (in Python "
            "overwrite=True).",
            path=folder,
        )
    strange = [path for path in sorted(folder.rglob("*")) if not _is_data(path)]
    if strange:
        raise FileError(
            f"holds more than a data set ({strange[0].relative_to(folder)}), so it is not "
            "replaced. Choose another folder.",
            path=folder,
        )


def _is_data(path: Path) -> bool:
    if path.is_dir():
        return part_named(path.name) is not None
    # Sounds, tables and the like are never written by segue, so they are somebody's own.
    own = [reader for reader in READERS if not (reader.single_files or reader.folders)]
    return any(reader.knows(path.name) for reader in own)


def parts_of(data: Dataset) -> list[tuple[str | None, Dataset]]:
    """Return the parts with their names, or the whole with None where there are no parts."""
    if data.parts is None:
        return [(None, data)]
    return [(name, data.part(name)) for name in data.part_names]


def folders_of_parts(folder: Path, data: Dataset) -> Iterator[tuple[Path, Dataset]]:
    """Make `Train/`, `Test/`, ... and give each with its part, or the folder with the whole."""
    for name, part in parts_of(data):
        place = folder if name is None else folder / name.capitalize()
        place.mkdir(exist_ok=True)
        yield place, part


def check_plain(data: Dataset, format: str) -> None:  # noqa: A002 (its usual name)
    """Refuse what plain number formats cannot hold.

    Raises:
        DataError: texts, or sequences without steps.
    """
    if data.x.is_text:
        raise DataError(f"The format {format} holds measurements, not texts: choose npz or arrow.")
    if (data.x.lengths == 0).any():
        row = int((data.x.lengths == 0).argmax())
        raise DataError(f"Sequence {row} has no steps, which the format {format} cannot hold.")
