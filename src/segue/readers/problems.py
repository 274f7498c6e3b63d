"""What is wrong with the files of one source, collected and said in one error."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segue.errors import FileError


class Problems:
    """Collects what is wrong with some files, until there are enough of them for one message.

    Args:
        path: the folder of the files, or the only file.
        what: what one file is called in the message.
        total: how many files there are; 0 if nobody knows yet.
        most: so many problems are shown; one who reads file after file stops there (`is_full`).

    >>> problems = Problems(Path("data"), "sound", total=3)
    >>> with problems.of(Path("data", "a.wav")):
    ...     raise FileError("is empty.", path="data/a.wav")
    >>> problems.raise_any()
    Traceback (most recent call last):
    segue.errors.FileError: data: 1 of 3 sounds cannot be used:
      a.wav: is empty.
    """

    def __init__(self, path: Path, what: str = "file", *, total: int = 0, most: int = 20) -> None:
        self._path, self._what, self._total, self._most = path, what, total, most
        self._found: list[FileError] = []

    def __len__(self) -> int:
        return len(self._found)

    @property
    def is_full(self) -> bool:
        """Whether there are as many as one message shows."""
        return len(self._found) >= self._most

    def add(self, problem: FileError | str) -> None:
        """Add a problem: an error, or a line about a file of the folder."""
        self._found.append(FileError(problem) if isinstance(problem, str) else problem)

    def collect(self, read: Callable[[Path], Any], files: Iterable[Path]) -> Iterator[Any]:
        """What comes of each file; those with a problem are left out, and the end when full."""
        for file in files:
            if self.is_full:
                return
            with self.of(file):
                yield read(file)

    @contextmanager
    def of(self, file: Path) -> Iterator[None]:
        """Collect what is raised about a file, and go on behind the block."""
        try:
            yield
        except FileError as error:
            self.add(error)
        except OSError as error:
            self.add(FileError(f"cannot be read ({error.strerror or error}).", path=file))

    def raise_any(self) -> None:
        """Raise one error that lists the problems, if there are any.

        Raises:
            FileError: that of the only file, or of the folder, with its files relative to it.
        """
        if self._found and self._path.is_file():
            raise self._found[0]
        if self._found:
            raise FileError(self._message(), path=self._path)

    def _message(self) -> str:
        count, of_all = len(self._found), f" of {self._total:,}" if self._total else ""
        name = self._what + "s" * (count > 1 or self._total > 1)
        maybe = " (and there may be more)" if count == self._most else ""
        lines = [str(error).replace(f"{self._path}{os.sep}", "") for error in self._found]
        if count > self._most:
            lines[self._most :] = [f"and {count - self._most} more such problems."]
        return "\n  ".join([f"{count}{of_all} {name} cannot be used{maybe}:", *lines])
