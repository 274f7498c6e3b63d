"""The folders that runs and studies lie in: found however deep, within bounds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from segue.atomic import LOCK
from segue.errors import DataNotFoundError, FileError, warn_user

STUDY = "study.jsonl"  # as in `segue.studies.journal`, which takes seconds to import
NOTES = "notes.json"
TRASH = ".trash"
FILES = {"run.json", "metrics.json", "model.safetensors", NOTES, STUDY, LOCK, TRASH}

DEEPEST = 12  # folders within each other
MOST_FOLDERS = 50_000  # that are looked into


def checked_run(run: str | Path) -> Path:
    """The folder, if it is that of a run or a study, whatever state that is in.

    Raises:
        DataNotFoundError: there is nothing.
        FileError: something else, or a link.
    """
    folder = Path(run)
    if folder.is_symlink():
        raise FileError(f"is a link to {folder.resolve()}: name that.", path=run)
    if not folder.is_dir():
        raise DataNotFoundError("there is no such run; `segue runs` lists them.", path=run)
    if not next(places_below(folder)).is_run:
        raise FileError("is neither a run nor a study: it has no run.json.", path=run)
    return folder


def checked_folder(folder: str | Path) -> Path:
    """The folder, if it is one.

    Raises:
        DataNotFoundError: no such folder.
        FileError: a file.
    """
    if (root := Path(folder)).is_dir():
        return root
    if root.exists():
        raise FileError("is a file; expected the folder that holds runs.", path=root)
    raise DataNotFoundError("there is no such folder.", path=root)


class Place(NamedTuple):
    """A folder that was looked into.

    Attributes:
        folder: its path.
        files: those of `FILES` that it has.
        is_run: whether it is the folder of a run or a study.
        problem: why it cannot be read; "": it can.
    """

    folder: Path
    files: frozenset[str] = frozenset()
    is_run: bool = False
    problem: str = ""


def places_below(root: Path) -> Iterator[Place]:
    """A folder and those below it, in the order of their names.

    Hidden ones, links, and what lies inside of a run or a study are not looked into.

    Args:
        root: a folder.

    Raises:
        FileError: it cannot be read.
    """
    waiting, count = [(root, 0)], 0
    while waiting:
        folder, depth = waiting.pop()
        if (count := count + 1) > MOST_FOLDERS:
            warn_user(
                f"{root} holds more than {MOST_FOLDERS:,} folders: those from {folder} on were not "
                "looked into for runs. Name a folder further down."
            )
            return
        try:
            files, below, others = _entries(folder)
        except OSError as error:
            if folder == root:
                raise FileError(f"cannot be read ({error.strerror}).", path=root) from error
            if not isinstance(error, FileNotFoundError | NotADirectoryError):  # it went just now
                yield Place(folder, problem=f"the folder cannot be read ({error.strerror})")
            continue
        is_run = bool(files & {"run.json", STUDY}) or (files == {LOCK} and not others)
        yield Place(folder, files, is_run)
        if depth < DEEPEST and not is_run:
            waiting += [(folder / name, depth + 1) for name in sorted(below, reverse=True)]


def _entries(folder: Path) -> tuple[frozenset[str], list[str], int]:
    """The files of runs in a folder, the folders to look into, and how many others there are."""
    files, below, others = set(), [], 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in FILES:
                files.add(entry.name)
                continue
            others += 1
            if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                below.append(entry.name)
    return frozenset(files), below, others
