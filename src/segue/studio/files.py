"""The folder of a project: what lies in it, and nothing outside of it."""

from __future__ import annotations

import glob
import os
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

from segue.errors import DataNotFoundError, FileError, did_you_mean
from segue.readers import READERS, names

MOST_ENTRIES = 1000  # that are listed of a folder
_LOOKED_AT = 200_000  # that are looked at, to count them


class Entry(NamedTuple):
    """A file or a folder that may be data.

    Attributes:
        path: below the project's folder, with slashes.
        kind: "folder", "data" where a reader knows the name, "run", or "other".
        size: bytes, of a file.
    """

    path: str
    name: str
    kind: Literal["folder", "data", "run", "other"]
    size: int


class Listing(NamedTuple):
    """What lies in a folder: folders first, then files, by name.

    Attributes:
        path: the folder, below the project's; "" is the project's own.
        entries: at most `MOST_ENTRIES` of those that contain the text that was looked for.
        matches: how many do.
    """

    path: str
    entries: tuple[Entry, ...]
    matches: int


def inside(root: Path, path: str) -> Path:
    """The whole path of what lies in a folder.

    Args:
        root: the folder, resolved.
        path: below it.

    Raises:
        FileError: it leads out of the folder, by `..`, by a link or as a whole path.

    >>> inside(Path("/data"), "trips/a.csv").as_posix()
    '/data/trips/a.csv'
    """
    try:
        found = (root / path).resolve()
    except (OSError, ValueError, RuntimeError) as error:  # a NUL in it, links in a circle
        raise FileError(f"is no path ({error}).", path=repr(path)) from error
    if not found.is_relative_to(root):
        raise FileError(
            f"lies outside of {root}, the folder of this project. Copy it there, or start "
            "`segue studio` with a folder that holds both.",
            path=path,
        )
    return found


def readable(root: Path, path: str) -> Path:
    """`inside`, of what is read as a whole: no link in the folder leads out of the project either.

    Raises:
        FileError: as of `inside`; the link is named.
    """
    found = inside(root, path)
    for folder, folders, files in os.walk(found):
        for name in (*folders, *files):
            one = Path(folder, name)
            if one.is_symlink():
                inside(root, str(one.relative_to(root)))
    return found


def path_of(root: Path, source: str) -> str:
    """What is read for a source: the whole path, or the name of a data set.

    Args:
        root: of the project, resolved.
        source: a path below it, what the names of several files begin with, or a data set's name.

    Raises:
        FileError: as of `readable`.
        DataNotFoundError: there is nothing of this name.
    """
    path = readable(root, source)
    if path.exists() or path.suffix or source in (".", ""):
        return str(path)
    if any(path.parent.glob(f"{glob.escape(path.name)}*")):
        return str(path)
    if source in names():
        return source
    raise DataNotFoundError(
        f"there is no such file or folder in {root}, and no data set of this name."
        f"{did_you_mean(source, names())}",
        path=source,
    )


def listing(root: Path, path: str = "", contains: str = "") -> Listing:
    """List a folder of a project; hidden files are left out.

    Args:
        root: of the project, resolved.
        path: of the folder, below it.
        contains: a text that a name must contain, whatever its case.

    Raises:
        FileError: the path leads out of the project.
        DataNotFoundError: there is no such folder.
    """
    folder, wanted = inside(root, path), contains.casefold()
    if not folder.is_dir():
        raise DataNotFoundError("there is no such folder in this project.", path=path)
    with os.scandir(folder) as found:
        names = [
            (not entry.is_dir(), entry.name)
            for entry in islice(found, _LOOKED_AT)
            if not entry.name.startswith(".") and wanted in entry.name.casefold()
        ]
    names.sort(key=lambda each: (each[0], each[1].casefold(), each[1]))
    below = folder.relative_to(root)
    entries = [_entry(root, below / name) for _, name in names[:MOST_ENTRIES]]
    return Listing("" if below == Path() else below.as_posix(), tuple(entries), len(names))


def _entry(root: Path, path: Path) -> Entry:
    whole, size = root / path, 0
    kind: Literal["folder", "data", "run", "other"] = "other"
    if whole.is_dir():
        kind = "run" if (whole / "run.json").is_file() else "folder"
    else:
        kind = "data" if any(reader.matches(path.name) for reader in READERS) else "other"
        size = whole.stat().st_size if whole.exists() else 0  # a link may lead nowhere
    return Entry(path.as_posix(), path.name, kind, size)
