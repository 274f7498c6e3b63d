"""Pairs of files `X_<i>.dat` and `Y_<i>.dat`: raw little-endian float64 without any header.

`X_<i>.dat` holds the values of one sequence (with several channels step by step: all channels of
the first step, then of the second), `Y_<i>.dat` its class as one number. The files are numbered
from 1, without leading zeros. This is the layout of the waves in a Keras tutorial, written there
by NumPy's `tofile` and read by `fromfile`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from segue.data.dataset import Dataset
from segue.data.encoding import Task
from segue.data.labels import as_labels, classes_or_numbers
from segue.data.sequences import Sequences
from segue.errors import DataError, counted, refuse_pointer
from segue.readers.blocks import Blocks, Problems, check_plain, parts_of, runs

_FLOAT = np.dtype("<f8")


def blocks(
    path: Path, *, values: int | None = None, limit: int | None = None, channels: int = 1
) -> Blocks:
    """Read the pairs of one folder, in the order of their numbers.

    Args:
        path: the folder.
        values: about so many values at a time; `None`: everything at once.
        limit: read only the first so many pairs; the others are not opened.
        channels: values at each step.

    Yields:
        Data sets with the files' numbers as `ids`. Whole numbers in `Y` become classes; if any
        is not whole, all are taken as numbers to be predicted.

    Raises:
        DataError: files that do not fit; all of them are counted, the first five are named.
    """
    if channels < 1:
        raise DataError(f"channels={channels}; expected at least 1.")
    problems = Problems(path, most=5)
    xs, ys = (_numbered(path, letter, problems) for letter in "XY")
    numbers = sorted(xs.keys() | ys.keys())[:limit]
    if not numbers:
        raise DataError("no X_<i>.dat and Y_<i>.dat are there.")
    for number in numbers:
        if number not in xs or number not in ys:
            there, missing = "XY" if number in xs else "YX"
            problems.add(f"{there}_{number}.dat has no {missing}_{number}.dat")
            continue
        for problem in _pair_problems(xs[number], ys[number], channels):
            problems.add(problem)
    problems.raise_any()
    given = np.array([np.fromfile(ys[number], _FLOAT)[0] for number in numbers])
    targets, note = classes_or_numbers(as_labels(given)[0])
    task: Task = "regress" if targets.dtype.kind == "f" else "classify"
    sizes = np.array([xs[number].stat().st_size // _FLOAT.itemsize for number in numbers])
    for block in runs(sizes, values):
        arrays = [np.fromfile(xs[number], _FLOAT) for number in numbers[block]]
        x = Sequences.from_list([steps.reshape(-1, channels) for steps in arrays])
        ids = np.array(numbers[block])
        data = Dataset(x, targets[block], ids=ids, task=task, notes=(note,))
        yield data, block.stop / len(numbers)


def _numbered(folder: Path, letter: str, problems: Problems) -> dict[int, Path]:
    """The X or the Y files by number."""
    files: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        match = re.fullmatch(rf"{letter}_(\d+)\.dat", path.name, re.IGNORECASE)
        if match and int(match[1]) in files:
            known = files[int(match[1])].name
            problems.add(f"{known} and {path.name} have the same number")
        if match:
            files[int(match[1])] = path
    return files


def _pair_problems(x: Path, y: Path, channels: int) -> Iterator[str]:
    for file in (x, y):
        refuse_pointer(file)
    size, step = x.stat().st_size, _FLOAT.itemsize * channels
    if size == 0:
        yield f"{x.name} is empty"
    elif size % step:
        unit = f"{counted(channels, 'channel')} of float64 a step"
        yield f"{x.name} has {size} bytes, not a multiple of {step} ({unit})"
    size = y.stat().st_size
    if size != _FLOAT.itemsize:
        yield f"{y.name} has {size} bytes; expected 8, one float64"
    elif not np.isfinite(np.fromfile(y, _FLOAT)).all():
        yield f"{y.name} holds no finite number"


def write(folder: Path, data: Dataset) -> None:
    """Write the pairs, numbered from 1, into `Train/`, `Test/`, ..., or into the folder itself.

    Raises:
        DataError: classes that are not numbers, or sequences without steps.
    """
    if not isinstance(data.y, np.ndarray) or data.y.ndim != 1 or data.y.dtype.kind not in "iuf":
        raise DataError(
            "A .dat file holds the class as one number; this data set's targets are "
            f"{data.task if data.labels is None else 'text'}. "
            "Choose another format, such as npz."
        )
    check_plain(data, "dat")
    for name, part in parts_of(data):
        place = folder if name is None else folder / name.capitalize()
        place.mkdir(exist_ok=True)
        for number, (steps, target) in enumerate(zip(part.x, part.y, strict=True), start=1):
            # not by `tofile`, which does not say that the disk is full
            (place / f"X_{number}.dat").write_bytes(steps.astype(_FLOAT).tobytes())
            (place / f"Y_{number}.dat").write_bytes(np.array([target], _FLOAT).tobytes())
