"""Which label a window has, from the labels of the steps: class numbers, -1 where there is none."""

from __future__ import annotations

import numpy as np

from segue.sequences import Array

# What a window has, by the word that users say.
WINDOW_LABELS = {
    "all": "the label that all of its steps have",
    "majority": "the label that most of its steps have",
    "last": "the label of its last step",
    "none": "no label",
}


def label_of_windows(labels: Array, first: Array, size: int, how: str) -> Array:
    """`[windows]`, the class number of each window, -1 where it has none.

    A step without a label counts as if that were a label too: where it is the one, the window has
    none.

    Args:
        labels: `[total_steps]`, the class number of each step, negative where there is none.
        first: `[windows]`, the first step of each.
        size: steps of a window.
        how: "all", "majority" (of equals the label of the last step) or "last".

    >>> steps, first = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 2])
    >>> [label_of_windows(steps, first, 4, how).tolist() for how in ("all", "majority", "last")]
    [[-1, -1], [0, 1], [1, 1]]
    """
    labels = np.maximum(labels, -1)
    last = labels[first + size - 1]
    if how == "last":
        return np.asarray(last)
    if how == "all":
        changes = np.concatenate([[0], np.cumsum(np.diff(labels) != 0)])
        return np.where(changes[first] == changes[first + size - 1], last, -1)
    return _majority(labels, first, size, last)


def _majority(labels: Array, first: Array, size: int, last: Array) -> Array:
    """One class at a time, so that memory stays small."""
    best, most = np.zeros(len(first), np.int64), np.full(len(first), -1)
    for code in range(-1, int(labels.max(initial=-1)) + 1):
        count = count_steps(labels == code, first, size)
        better = (count > best) | ((count == best) & (last == code))
        best, most = np.where(better, count, best), np.where(better, code, most)
    return most


def count_steps(there: Array, first: Array, size: int) -> Array:
    """`[windows]`, at how many steps of each window something is there.

    >>> count_steps(np.array([True, False, True]), np.array([0, 1]), 2).tolist()
    [1, 1]
    """
    before = np.concatenate([[0], np.cumsum(there)])
    return np.asarray(before[first + size] - before[first])
