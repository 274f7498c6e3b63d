"""Positions of windows in their series, and their labels: pure functions of arrays."""

from __future__ import annotations

import numpy as np

from segue.data.sequences import Array
from segue.errors import DataError, warn_user


def window_counts(lengths: Array, steps: int, stride: int) -> Array:
    """`[series]`, how many windows of so many steps each gives.

    >>> window_counts(np.array([10, 5, 2]), 4, 3).tolist()
    [3, 1, 0]
    """
    return np.asarray(np.maximum(0, (lengths - steps) // stride + 1))


def window_starts(lengths: Array, steps: int, stride: int, *, what: str) -> tuple[Array, Array]:
    """The series and the first step of every window that has `steps` steps.

    Args:
        lengths: `[series]`.
        steps: those of a window, with its target.
        stride: steps from the beginning of one window to that of the next.
        what: is cut, in messages: "A window", or "A window with its target".

    Raises:
        DataError: no series is long enough.

    >>> number, start = window_starts(np.array([6, 4]), 4, 2, what="A window")
    >>> number.tolist(), start.tolist()
    ([0, 0, 1], [0, 2, 0])
    """
    counts = window_counts(lengths, steps, stride)
    if not counts.any():
        raise DataError(
            f"{what} takes {steps} steps, and the longest of {len(lengths)} "
            f"series has {lengths.max(initial=0)}: choose a smaller size (--window)."
        )
    if not counts.all():
        warn_user(
            f"{int((counts == 0).sum())} of {len(lengths)} series are shorter than "
            f"{what[0].lower()}{what[1:]} ({steps} steps), and give none."
        )
    number = np.repeat(np.arange(len(lengths)), counts)
    turn = np.arange(len(number)) - np.repeat(np.cumsum(counts) - counts, counts)
    return number, turn * stride


# -- labels of windows ----------------------------------------------------------------------------

# What a window has, by the value of `label`.
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
