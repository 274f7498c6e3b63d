"""Files that are dropped into the studio: kept in the project's folder `uploads`.

What a browser says of a file is not trusted: of its name only the ending counts, if a reader knows
it, and it decides nothing about where the file lies.
"""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path

from segue.atomic import replacing
from segue.errors import FileError
from segue.limits import size_text
from segue.readers import READERS

FOLDER = "uploads"
LARGEST = 500_000_000  # bytes of a file


def ending_of(name: str) -> str:
    """The ending of a file's name, in small letters, that a reader knows it by.

    Raises:
        FileError: no reader knows it.

    >>> ending_of("my trips.CSV"), ending_of("../../a.csv.gz")
    ('.csv', '.csv.gz')
    """
    found = re.search(r"(\.[a-z0-9]{1,10})?(\.[a-z0-9]{1,10})$", name.lower(), re.ASCII)
    both = [] if found is None else [found.group(), found.group(2)]
    for ending in both:
        if any(reader.matches(f"1{ending}") for reader in READERS):
            return ending
    raise FileError(
        "is of no kind that can be dropped here. Put it into the project's folder: there whole "
        "folders and files that belong together can be opened.",
        path=repr(name[-80:]),
    )


def keep(root: Path, name: str, content: bytes) -> str:
    """Write a file into `uploads`, whole or not at all, under a number that is free.

    Args:
        root: the project's folder, resolved.
        name: what the file was called where it came from.
        content: of the file.

    Returns:
        Where it lies, below the project's folder.

    Raises:
        FileError: no reader knows its ending, it is too large, or `uploads` leads elsewhere.
        WriteError: the disk is full or read-only.
    """
    ending = ending_of(name)
    if len(content) > LARGEST:
        raise FileError(
            f"has {size_text(len(content))}, and at most {size_text(LARGEST)} can be dropped. Copy "
            "it into the project's folder.",
            path=repr(name[-80:]),
        )
    folder = root / FOLDER
    if folder.resolve() != folder:
        raise FileError("is a link: nothing is written through it.", path=folder)
    taken = {path.name.partition(".")[0] for path in folder.glob("*")}
    place = next(f"{number}{ending}" for number in count(1) if str(number) not in taken)
    with replacing(folder / place) as temporary:
        temporary.write_bytes(content)
    return f"{FOLDER}/{place}"
