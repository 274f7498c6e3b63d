"""Readers that give a data set in blocks, so that the whole is never in memory: what they share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from segue.dataset import Dataset
from segue.sequences import Array

Blocks = Iterator[tuple[Dataset, float]]  # with the share of the whole that has been read


def runs(sizes: Array, most: int | None) -> list[slice]:
    """Cut a row of things into runs of about so much in all; `None`: one run of everything.

    >>> import numpy as np
    >>> runs(np.array([3, 3, 3, 10, 1]), 6)
    [slice(0, 2, None), slice(2, 3, None), slice(3, 4, None), slice(4, 5, None)]
    """
    starts, total = [0], 0
    for place, size in enumerate(sizes.tolist()):
        if most is not None and total and total + size > most:
            starts.append(place)
            total = 0
        total += size
    return [slice(a, b) for a, b in pairwise([*starts, len(sizes)])]


def collected(arrays: Iterable[Any], most: int | None) -> Iterator[list[Any]]:
    """Arrays as they come, in lists of about so many values; `None`: one list of all.

    >>> import numpy as np
    >>> [len(some) for some in collected([np.zeros(3)] * 5, 6)]
    [2, 2, 1]
    """
    waiting, values = list[Any](), 0
    for array in arrays:
        waiting.append(array)
        values += array.size
        if most is not None and values >= most:
            yield waiting
            waiting, values = [], 0
    if waiting or most is None:
        yield waiting
