"""Reading iterables and memory-mapped arrays sequence by sequence, with bounded memory.

They are written to a file as they come, and mapped from there; a small data set is taken into
memory after all. The file has no name once it is mapped, so that it is gone when nobody uses it any
more.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segue.data.arrays import as_array, float32_loses
from segue.data.dataset import Dataset
from segue.data.encoding import as_step_labels
from segue.data.labels import is_missing
from segue.data.sequences import Array, Sequences
from segue.errors import DataError, counted
from segue.readers.fetching import cache_folder

# Bytes below which a data set is taken into memory, where it is trained on a little faster.
SMALL = 256_000_000


def from_pairs(items: Iterable[Any], *, labelled: bool = True, small: int = SMALL) -> Dataset:
    """Take pairs of a sequence and its label from any iterable, a generator too.

    Args:
        items: pairs `(x, y)`: x is `(time, channel)` or `(time,)`; y is a label (text or a whole
            number), a number to be predicted, `(time,)` labels, one for each step, or `(label,)` of
            0 and 1, several labels at once. Where all are None, there are no labels.
        labelled: pairs are expected; otherwise sequences alone will do, and labels are left out.
        small: bytes up to which everything is taken into memory.

    Raises:
        DataError: no items, or one that is no pair, with its number.
        WriteError: the disk is full; what was written is removed.

    >>> data = from_pairs((np.arange(n), "odd" if n % 2 else "even") for n in (3, 4, 5))
    >>> data
    Dataset(n=3, time=3 to 5, channels=1, whole numbers, classes=2)
    """
    labels: list[Any] = []

    def sequences() -> Iterator[Any]:
        for number, item in enumerate(items):
            x, y = _pair(item, number, labelled=labelled)
            labels.append(y)
            yield x

    x = written(sequences(), small=small)
    y, classes = as_targets(labels, x) if labelled else (None, None)
    return Dataset(x, y, classes=classes)


def _pair(item: Any, number: int, *, labelled: bool) -> tuple[Any, Any]:
    if isinstance(item, tuple | list) and len(item) == 2 and (labelled or isinstance(item, tuple)):
        return item[0], item[1]
    if not labelled:
        return item, None
    kind = type(item).__name__
    kind += f" of {len(item)}" if isinstance(item, tuple | list | dict) else ""
    raise DataError(f"Item {number} is a {kind}; expected a pair (sequence, label).")


def as_targets(labels: list[Any], x: Sequences) -> tuple[Any, tuple[Any, ...] | None]:
    """Convert the collected labels to the `y` of a `Dataset`.

    Returns:
        `y`, and the classes if there is a label for each step; `None` for `y`: no labels.

    Raises:
        DataError: several labels for a sequence, and not as many as it has steps.
    """
    plain = [as_array(label) if hasattr(label, "detach") else label for label in labels]
    if all(is_missing(label) for label in plain):
        return None, None
    if all(np.ndim(label) == 0 for label in plain):
        return plain, None
    rows = [np.asarray(label).reshape(-1) for label in plain]
    wrong = [i for i, row in enumerate(rows) if len(row) != x.lengths[i]]
    if not wrong:
        codes, classes, _ = as_step_labels(rows)
        return codes, classes
    if len({len(row) for row in rows}) == 1:
        return np.stack(rows), None
    raise DataError(
        f"Item {wrong[0]} has {counted(x.lengths[wrong[0]], 'step')} and "
        f"{counted(len(rows[wrong[0]]), 'label')}; expected one label, or one for each step."
    )


def classes_of_steps(
    rows: Iterable[Any], order: Sequence[Any] | None, *, none: Any = None
) -> tuple[Sequences, tuple[Any, ...]]:
    """Labels of each step as class numbers, -1 where there is none, and the classes.

    Args:
        rows: `[time]` labels of each sequence.
        order: the classes in their order; `None`: those that occur, sorted.
        none: a label that means "none", beside those that are missing.

    Raises:
        DataError: labels that are not among the classes, or real numbers.
    """
    codes, names, _ = as_step_labels(rows, ignore=none)
    if order is None:
        return codes, names
    strange = [name for name in names if name not in order]
    if strange:
        raise DataError(f"The steps have labels {strange}, which are not among {list(order)}.")
    numbers = np.array([*map(order.index, names), -1], np.int32)
    return Sequences(numbers[codes.values[:, 0]], codes.offsets), tuple(order)


def sequences_from_mapped(
    values: Array, lengths: npt.NDArray[np.int64] | None, *, joined: bool
) -> Sequences | None:
    """Sequences from a memory-mapped array whose layout must be converted, row by row.

    Args:
        values: `(n, time[, channel])`; or `(steps[, channel])` of all, one after the other.
        lengths: `[n]`, or a mask `[n, time]`; `None`: each has all of its steps.
        joined: whether it is the latter.

    Returns:
        `None` for an array in memory, and for one that can be used as it is.
    """
    if not isinstance(values, np.memmap) or values.dtype.kind not in "fiub" or values.ndim > 3:
        return None
    joined = joined and lengths is not None
    steps = values if values.ndim == 3 or (joined and values.ndim == 2) else values[..., None]
    if (lengths is None or joined) and (
        values.ndim == 1
        or values.dtype in (np.float32, np.int32)
        or (values.dtype == np.float64 and float32_loses(steps).any())
    ):
        return None
    if lengths is None:
        return written(values)
    if joined:
        return written(values[a:b] for a, b in pairwise([0, *np.cumsum(lengths).tolist()]))
    there = lengths if lengths.ndim == 2 else map(slice, lengths.tolist())
    return written(row[some] for row, some in zip(values, there, strict=True))


def written(sequences: Iterable[Any], *, small: int = SMALL) -> Sequences:
    """Write sequences as they come to a temporary file, and map it.

    Args:
        sequences: `(time, channel)` or `(time,)` arrays.
        small: bytes up to which everything is taken into memory.
    """
    with passing_folder() as folder:
        Sequences.write(folder / "x.arrow", sequences)
        x = Sequences.open(folder / "x.arrow")
        if x.total_steps * x.channels * x.dtype.itemsize <= small:
            x = Sequences(np.array(x.values), x.offsets)
    return x


@contextmanager
def passing_folder() -> Iterator[Path]:
    """A folder for files that are mapped and then have no name any more."""
    place = cache_folder() / "streams"
    place.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=place))
    try:
        yield folder
    finally:
        try:
            shutil.rmtree(folder)  # what is mapped stays readable
        except OSError:  # but not on every system
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
