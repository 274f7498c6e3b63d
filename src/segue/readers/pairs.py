"""Sequences with their labels as they come, one pair at a time, with bounded memory.

They are written to a file as they come, and mapped from there; a small data set is taken into
memory after all. The file has no name once it is mapped, so that it is gone when nobody uses it any
more.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from segue.arrays import as_array
from segue.dataset import Dataset
from segue.encoding import as_step_labels
from segue.errors import DataError, counted
from segue.labels import is_missing
from segue.readers.fetching import cache_folder
from segue.sequences import Array, Sequences

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
        DataError: nothing came, or something that is no pair; its number is said.
        WriteError: the disk is full; what was written is removed.

    >>> data = from_pairs((np.arange(n), "odd" if n % 2 else "even") for n in (3, 4, 5))
    >>> data
    Dataset(n=3, time=3 to 5, channels=1, whole numbers, classes=2)
    """
    labels: list[Any] = []

    def sequences() -> Iterator[Array]:
        for number, item in enumerate(items):
            x, y = _pair(item, number, labelled=labelled)
            labels.append(y)
            yield _as_array(x)

    x = written(sequences(), small=small)
    y, classes = _targets(labels, x) if labelled else (None, None)
    return Dataset(x, y, classes=classes)


def written(sequences: Iterable[Array], *, small: int = SMALL) -> Sequences:
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


def _pair(item: Any, number: int, *, labelled: bool) -> tuple[Any, Any]:
    if isinstance(item, tuple | list) and len(item) == 2 and (labelled or isinstance(item, tuple)):
        return item[0], item[1]
    if not labelled:
        return item, None
    kind = type(item).__name__
    kind += f" of {len(item)}" if isinstance(item, tuple | list | dict) else ""
    raise DataError(f"Item {number} is a {kind}; expected a pair (sequence, label).")


def _as_array(x: Any) -> Any:
    """A tensor as an array; whatever else is left to be checked where it is written."""
    return as_array(x) if hasattr(x, "detach") else x


def _targets(labels: list[Any], x: Sequences) -> tuple[Any, tuple[Any, ...] | None]:
    plain = [_as_array(label) for label in labels]
    if all(is_missing(label) for label in plain):
        return None, None
    if all(np.ndim(label) == 0 for label in plain):
        return plain, None
    rows = [np.asarray(label).reshape(-1) for label in plain]
    if [len(row) for row in rows] == x.lengths.tolist():
        codes, classes, _ = as_step_labels(rows)
        return codes, classes
    if len({len(row) for row in rows}) == 1:
        return np.stack(rows), None
    wrong = next(i for i, row in enumerate(rows) if len(row) != x.lengths[i])
    raise DataError(
        f"Item {wrong} has {counted(x.lengths[wrong], 'step')} and "
        f"{counted(len(rows[wrong]), 'label')}; expected one label, or one for each step."
    )
