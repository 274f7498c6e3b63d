"""Pairs of files `X_<i>.dat` and `Y_<i>.dat`: raw little-endian float64 without any header.

`X_<i>.dat` holds the values of one sequence (with several channels step by step: all channels of
the first step, then of the second), `Y_<i>.dat` its class as one number. The files are numbered
from 1, without leading zeros. This is the layout of the waves in a Keras tutorial, written there
by NumPy's `tofile` and read by `fromfile`.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from segue.dataset import Dataset
from segue.encoding import Task
from segue.errors import DataError, DataNotFoundError, FileError
from segue.labels import as_labels, classes_or_numbers
from segue.readers.blocks import Blocks, runs
from segue.readers.problems import Problems
from segue.readers.writing import check_plain, folders_of_parts
from segue.sequences import Sequences

_FLOAT = np.dtype("<f8")
_NAME = re.compile(r"([XY])_(\d+)\.dat", re.IGNORECASE)


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
        FileError: files that do not fit; all of them are counted, the first five are named.
    """
    if channels < 1:
        raise DataError(f"channels={channels}; expected at least 1.")
    problems = Problems(path, most=5)
    xs, ys = _numbered(path, problems)
    numbers = sorted(xs.keys() | ys.keys())[:limit]
    if not numbers:
        raise FileError("no X_<i>.dat and Y_<i>.dat are there.", path=path)
    for number in numbers:
        for problem in _pair_problems(number, xs.get(number), ys.get(number), channels):
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


def write(folder: Path, data: Dataset) -> None:
    """Write the pairs, numbered from 1, into `Train/`, `Test/`, ..., or into the folder itself.

    Raises:
        DataError: classes that are not numbers, or sequences without steps.
    """
    if not isinstance(data.y, np.ndarray) or data.y.ndim != 1 or data.y.dtype.kind not in "iuf":
        raise DataError(
            "A .dat file holds the class as one number; this data set's targets are "
            f"{'text' if data.task == 'classify' else data.task}. "
            "Choose another format, such as npz."
        )
    check_plain(data, "dat")
    for place, part in folders_of_parts(folder, data):
        for number, (steps, target) in enumerate(zip(part.x, part.y, strict=True), start=1):
            steps.astype(_FLOAT).tofile(place / f"X_{number}.dat")
            np.array([target], _FLOAT).tofile(place / f"Y_{number}.dat")


def _numbered(folder: Path, problems: Problems) -> tuple[dict[int, Path], dict[int, Path]]:
    """The X and the Y files by number."""
    if not folder.is_dir():
        raise DataNotFoundError("there is no such folder.", path=folder)
    files: dict[str, dict[int, Path]] = {"X": {}, "Y": {}}
    for name in sorted(path.name for path in folder.iterdir()):
        match = _NAME.fullmatch(name)
        if match is None:
            continue
        known = files[match[1].upper()]
        number = int(match[2])
        if number in known:
            problems.add(f"{known[number].name} and {name} have the same number")
        known[number] = folder / name
    return files["X"], files["Y"]


def _pair_problems(number: int, x: Path | None, y: Path | None, channels: int) -> list[str]:
    if x is None:
        return [f"Y_{number}.dat has no X_{number}.dat"]
    if y is None:
        return [f"X_{number}.dat has no Y_{number}.dat"]
    problems = []
    step = _FLOAT.itemsize * channels
    size = x.stat().st_size
    if size == 0:
        problems.append(f"{x.name} is empty")
    elif size % step:
        unit = "one float64" if channels == 1 else f"{channels} channels of float64"
        problems.append(f"{x.name} has {size} bytes, not a multiple of {step} ({unit} a step)")
    size = y.stat().st_size
    if size != _FLOAT.itemsize:
        problems.append(f"{y.name} has {size} bytes; expected 8, one float64")
    elif not np.isfinite(np.fromfile(y, _FLOAT)).all():
        problems.append(f"{y.name} holds no finite number")
    return problems
