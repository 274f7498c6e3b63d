"""Files that are one sequence each, block by block: what readers of sounds, images, texts share."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError, FileError
from segue.readers.blocks import Blocks, runs
from segue.readers.labels import LabelledFiles
from segue.readers.problems import Problems
from segue.sequences import Array, Sequences

Header = TypeVar("Header")
Read = Callable[[Path], Any]


def read_headers(
    found: LabelledFiles, problems: Problems, look: Callable[[Path], Header], read: Read
) -> list[Header]:
    """Look at the beginning of every file, before the first is read.

    Args:
        found: the files.
        problems: collects the `DataError`s about them.
        look: reads what a file's beginning says.
        read: reads the whole; so what else is wrong is found too, where a beginning is.

    Raises:
        FileError: all of the problems, if there are any.
    """
    headers: dict[Path, Header] = {}
    for file in found.files:
        if not problems.is_full:
            with problems.of(file):
                headers[file] = _with_path(look, file)
    if problems:
        for _ in problems.collect(lambda file: _with_path(read, file), headers):
            pass
    problems.raise_any()
    return list(headers.values())


def read_files(
    found: LabelledFiles,
    problems: Problems,
    read: Read,
    lengths: Array,
    *,
    channels: int,
    values: int | None,
    **known: Any,
) -> Blocks:
    """Read files into arrays that are allocated once, with one file beside them in memory.

    Args:
        found: the files.
        problems: collects the `DataError`s about them.
        read: reads one, `[time, channel]`.
        lengths: `[n]`, the steps of each.
        channels: of all of them.
        values: about so many values at a time; `None`: everything at once.
        known: what else is known of the data set.

    Raises:
        FileError: all of the problems, if there are any.
    """
    for block in runs(lengths * channels, values):
        offsets = np.concatenate([[0], np.cumsum(lengths[block])])
        steps = np.empty((offsets[-1], channels), np.float32)
        for file, (start, end) in zip(found.files[block], pairwise(offsets), strict=True):
            if not problems.is_full:
                with problems.of(file):
                    steps[start:end] = _with_path(read, file)
        if not problems:  # else the rest is looked through for more of them
            data = labelled(Sequences(steps, offsets), found, block, **known)
            yield data, block.stop / len(found.files)
    problems.raise_any()


def _with_path(read: Callable[[Path], Header], file: Path) -> Header:
    """What is read of a file, whose errors get its path."""
    try:
        return read(file)
    except DataError as error:
        raise FileError(str(error), path=file) from error


def labelled(x: Sequences, found: LabelledFiles, rows: slice | Array, **known: Any) -> Dataset:
    """The data set of some files: sequences with the labels, groups, parts and ids of `rows`."""

    def some(column: Array | None) -> Array | None:
        return None if column is None else column[rows]

    known = {"groups": some(found.groups), "ids": np.array(found.ids)[rows], **known}
    parts, notes = some(found.parts), found.notes
    return Dataset(x, some(found.labels), parts=parts, notes=notes, task="classify", **known)
