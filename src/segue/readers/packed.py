"""Packed files: how much they may unpack to, so that a small one cannot fill the memory."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import IO, cast

from segue.errors import DataError
from segue.limits import VARIABLE, memory_limit

# Honest data seldom become a hundred times smaller, and where they do, they are small.
_RATIO = 100
_USUAL = 256_000_000  # bytes that every file may unpack to


def check_unpacked(unpacked: int, packed: int) -> None:
    """Refuse what unpacks to far more than it is, as what is meant to fill the memory does.

    Args:
        unpacked: bytes, as far as they are known.
        packed: bytes of the file.

    Raises:
        DataError: it is more than a hundred times as much, and more than 256 MB, or than
            `SEGUE_MEMORY_GB`.

    >>> check_unpacked(10**10, 10**9), check_unpacked(10**8, 10**3)
    (None, None)
    """
    limit = memory_limit(_USUAL) or _USUAL
    if unpacked > max(limit, _RATIO * packed):
        raise DataError(
            f"unpacks to {unpacked / 1e6:,.0f} MB or more from {packed / 1e6:,.3f} MB: files that "
            f"are meant to fill the memory do so. If it is honest, allow more, such as "
            f"{VARIABLE}={unpacked / 1e9 + 1:.0f} in the environment."
        )


class _Gzip(gzip.GzipFile):
    """A gzip file that is unpacked no further than `check_unpacked` allows."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._packed = path.stat().st_size

    def read(self, size: int | None = -1) -> bytes:
        return self._checked(super().read(size))

    def read1(self, size: int = -1) -> bytes:
        return self._checked(super().read1(size))

    def _checked(self, content: bytes) -> bytes:
        check_unpacked(self.tell(), self._packed)
        return content


def open_bytes(path: Path, *, packed: bool) -> IO[bytes]:
    """Open a file, packed with gzip or not."""
    return cast("IO[bytes]", _Gzip(path)) if packed else path.open("rb")
