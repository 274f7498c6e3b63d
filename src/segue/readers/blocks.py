"""Shared parts of the readers: reading block by block, collected errors, joining parts.

A reader yields blocks, data sets that follow each other, so that the whole is never in memory;
reading everything is the one block that has it all.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from segue.data.dataset import Dataset
from segue.data.sequences import Array, Sequences
from segue.errors import DataError, FileError, WriteError, refuse_pointer

Blocks = Iterator[tuple[Dataset, float]]  # with the share of the whole that has been read


def runs(sizes: Array, most: int | None) -> list[slice]:
    """Cut a row of things into runs of about so much in all; `None`: one run of everything.

    >>> import numpy as np
    >>> runs(np.array([3, 3, 3, 10, 1]), 6)
    [slice(0, 2, None), slice(2, 3, None), slice(3, 4, None), slice(4, 5, None)]
    """
    if most is None:
        return [slice(0, len(sizes))]
    starts, total = [0], 0
    for number, size in enumerate(sizes.tolist()):
        if total and total + size > most:
            starts, total = [*starts, number], 0
        total += size
    return [slice(a, b) for a, b in pairwise([*starts, len(sizes)])]


def collected(items: Iterable[Any], most: int | None) -> Iterator[list[Any]]:
    """Items as they come, in lists of about so many values (`size`); `None`: one list of all.

    >>> import numpy as np
    >>> [len(some) for some in collected([np.zeros(3)] * 5, 6)]
    [2, 2, 1]
    """
    waiting, values = list[Any](), 0
    for item in items:
        waiting.append(item)
        values += item.size
        if most is not None and values >= most:
            yield waiting
            waiting, values = [], 0
    if waiting or most is None:
        yield waiting


@dataclass(frozen=True)
class LabelledFiles:
    """Files that are one sequence each, in order, and what is known of each.

    Attributes:
        files: their paths.
        ids: the names of the files, below the folder.
        labels: `[n]`, from the folders' names or a table; `None` where there are none.
        groups: `[n]`, from the table, where it has them.
        parts: `[n]`, from the table, where it has them.
        notes: the roles of the table's columns.
    """

    files: tuple[Path, ...]
    ids: tuple[str, ...]
    labels: Array | None = None
    groups: Array | None = None
    parts: Array | None = None
    notes: tuple[str, ...] = ()

    def __getitem__(self, index: slice | list[int] | Array) -> LabelledFiles:
        """Some of them."""
        chosen = np.arange(len(self.files))[index]
        files, ids = (tuple(values[i] for i in chosen) for values in (self.files, self.ids))
        labels, groups, parts = (
            None if column is None else column[chosen]
            for column in (self.labels, self.groups, self.parts)
        )
        return LabelledFiles(files, ids, labels, groups, parts, self.notes)

    def dataset(self, x: Sequences, **known: Any) -> Dataset:
        """The data set of the files, whose sequences are `x`; what is `known` comes first."""
        known = {"groups": self.groups, "ids": np.array(self.ids), **known}
        return Dataset(x, self.labels, parts=self.parts, notes=self.notes, task="classify", **known)


# -- problems -------------------------------------------------------------------------------------


class Problems:
    """Collects what is wrong with some files, until there are enough of them for one message.

    Args:
        path: the folder of the files, or the only file.
        what: what one file is called in the message.
        total: how many files there are; 0 if nobody knows yet.
        most: so many problems are shown; one who reads file after file stops there (`is_full`).

    >>> problems = Problems(Path("data"), "sound", total=3)
    >>> with problems.of(Path("data", "a.wav")):
    ...     raise DataError("is empty.")
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

    @contextmanager
    def of(self, file: Path) -> Iterator[None]:
        """Collect what is raised about a file, and go on behind the block."""
        try:
            with errors_of(file):
                yield
        except FileError as error:
            self.add(error)

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


@contextmanager
def errors_of(path: Path, line: int | None = None) -> Iterator[None]:
    """Errors of data and of the system become `FileError`s with the path, if they have none yet.

    A pointer of Git LFS in place of the file is refused, whatever came of it.

    >>> with errors_of(Path("a.ts"), line=2):
    ...     raise DataError("has no label.")
    Traceback (most recent call last):
    segue.errors.FileError: a.ts, line 2: has no label.
    """
    try:
        try:
            yield
        finally:
            refuse_pointer(path)
    except (FileError, WriteError):
        raise
    except DataError as error:
        raise FileError(str(error), path=path, line=line) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        said = f"is not a whole gzip file: it is damaged or cut off ({error}). Fetch it again."
        raise FileError(said, path=path) from error
    except UnicodeDecodeError as error:
        raise FileError(
            f"is no text in {error.encoding} ({error.reason}): say `encoding`.", path=path
        ) from error
    except MemoryError as error:
        said = f"needs more memory than there is ({str(error) or 'none is left'})"
        raise FileError(f"{said}: it is too large, or damaged.", path=path) from error
    except OSError as error:
        raise FileError(f"cannot be read ({error.strerror or error}).", path=path) from error


def join_names(names: Iterable[Any], at_most: int, *, shown: Any = str) -> str:
    """The first names of several, and how many there are beyond them.

    >>> join_names(["a", "b", "c"], 2, shown=repr)
    "'a', 'b' and 1 more"
    """
    names = list(names)
    first = ", ".join(shown(name) for name in names[:at_most])
    return first + (f" and {len(names) - at_most} more" if len(names) > at_most else "")


# -- parts ----------------------------------------------------------------------------------------


def limited(data: Dataset, limit: int | None) -> Dataset:
    """Return the first `limit` sequences of each part."""
    if limit is None:
        return data
    if data.parts is None:
        return data[:limit]
    chosen = [np.flatnonzero(data.parts == name)[:limit] for name in data.part_names]
    return data[np.sort(np.concatenate(chosen))]


def join_parts(sets: dict[str, Dataset]) -> Dataset:
    """Join the parts of one data set, without those that alone have no labels.

    Raises:
        DataError: parts that cannot be of one data set.
    """
    labelled = {part: data for part, data in sets.items() if data.y is not None} or sets
    check_parts(labelled)
    data = replace(Dataset.concatenate(labelled), notes=_notes(labelled))
    without = [part for part in sets if part not in labelled]
    if not without:
        return data
    note = (
        f"left out the part {without[0]!r}, which has no labels: it cannot be scored, and a model "
        "answers it with `segue predict`"
    )
    return replace(data, notes=(*data.notes, note))


def _notes(sets: dict[str, Dataset]) -> tuple[str, ...]:
    """The notes of all parts; with the part where not all have it, as they may contradict."""
    notes: dict[str, None] = {}
    for part, data in sets.items():
        for note in data.notes:
            in_all = all(note in other.notes for other in sets.values())
            notes[note if in_all else f"{part}: {note}"] = None
    return tuple(notes)


def check_parts(sets: dict[str, Dataset]) -> None:
    """Refuse parts that cannot be of one data set.

    Raises:
        DataError: they differ in their channels, kind of labels, or rate.
    """
    for what, values in {
        "channels": {name: str(data.x.channels) for name, data in sets.items()},
        "labels": {name: _kind_of_labels(data) for name, data in sets.items()},
        "sampling rates": {
            name: f"{data.rate_hz:g} Hz" for name, data in sets.items() if data.rate_hz
        },
    }.items():
        if len(set(values.values())) > 1:
            found = ", ".join(f"{value} in part {name!r}" for name, value in values.items())
            raise DataError(f"The parts do not agree in their {what}: {found}.")


def _kind_of_labels(data: Dataset) -> str:
    if isinstance(data.y, np.ndarray):
        return {"U": "text", "f": "real numbers"}.get(data.y.dtype.kind, "whole numbers")
    return "none" if data.y is None else "one at each step"


def parts_of(data: Dataset) -> list[tuple[str | None, Dataset]]:
    """Return the parts with their names, or the whole with None where there are no parts."""
    if data.parts is None:
        return [(None, data)]
    return [(name, data.part(name)) for name in data.part_names]


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
