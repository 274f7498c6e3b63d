"""Ragged batches: the steps of sequences of unequal length, one behind the other, in NumPy."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple, Self

import numpy as np

from segue.data.arrays import Array

# What overflows becomes infinite, as in any float32 arithmetic, and is refused with a message where
# the answers are looked at.
quiet = np.errstate(over="ignore", invalid="ignore", divide="ignore")


class Ragged(NamedTuple):
    """A batch of sequences without padding: what layers without torch take and give.

    >>> x = Ragged(np.ones((4, 2), np.float32), np.array([0, 3, 4]))
    >>> x.lengths
    array([3, 1])
    """

    values: Array  # [steps, feature] float32, or [steps, 1] int32 tokens
    offsets: Array  # [n + 1] int64, where each sequence begins
    static: Array | None = None  # [n, feature], joined before the head

    @property
    def lengths(self) -> Array:
        """`[n]`, the number of steps of each sequence."""
        return self.offsets[1:] - self.offsets[:-1]

    @classmethod
    def from_padded(cls, values: Array, lengths: Array, static: Array | None = None) -> Self:
        """The real steps of `[n, time, feature]`, right-padded, with `lengths` `[n]`.

        >>> Ragged.from_padded(np.arange(4).reshape(2, 2, 1), np.array([1, 2])).values[:, 0]
        array([0, 2, 3])
        """
        lengths = np.asarray(lengths, np.int64)
        real = np.arange(values.shape[1]) < lengths[:, None]
        return cls(np.ascontiguousarray(values[real]), offsets_of(lengths), static)

    def to_padded(self) -> tuple[Array, Array]:
        """`[n, time, feature]` with zeros behind each end, and the lengths `[n]`."""
        lengths = self.lengths
        real = np.arange(lengths.max(initial=0)) < lengths[:, None]
        values = np.zeros((*real.shape, self.values.shape[1]), self.values.dtype)
        values[real] = self.values
        return values, lengths


class Directions(NamedTuple):
    """The output of a bidirectional layer with `merge="none"`: its two directions, separately."""

    forward: Any  # a batch of sequences, or [n, feature]
    backward: Any


def offsets_of(lengths: Array) -> Array:
    """Where each sequence begins, and where the last one ends: `[n]` to `[n + 1]`.

    >>> offsets_of(np.array([3, 1]))
    array([0, 3, 4])
    """
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


@functools.lru_cache(maxsize=64)
def one_step_each(count: int) -> Array:
    """The offsets of so many sequences of one step."""
    offsets = np.arange(count + 1, dtype=np.int64)
    offsets.flags.writeable = False
    return offsets


def steps_within(offsets: Array) -> Array:
    """`[steps]`, the number of each step in its sequence, counted from 0.

    >>> steps_within(np.array([0, 3, 4]))
    array([0, 1, 2, 0])
    """
    begin: Array = np.repeat(offsets[:-1], offsets[1:] - offsets[:-1])
    return np.arange(offsets[-1]) - begin


def append(first: Ragged, second: Ragged) -> Ragged:
    """Each sequence of the second batch behind that of the first.

    >>> a, b = np.array([[1.0], [2.0]]), np.array([[3.0], [4.0], [5.0]])
    >>> append(Ragged(a, np.array([0, 1, 2])), Ragged(b, np.array([0, 2, 3]))).values[:, 0]
    array([1., 3., 4., 2., 5.])
    """
    if len(first.offsets) == 2:
        values = np.concatenate([first.values, second.values])
        return Ragged(values, first.offsets + second.offsets)
    values = np.empty(
        (len(first.values) + len(second.values), first.values.shape[1]), first.values.dtype
    )
    values[np.arange(len(first.values)) + np.repeat(second.offsets[:-1], first.lengths)] = (
        first.values
    )
    values[np.arange(len(second.values)) + np.repeat(first.offsets[1:], second.lengths)] = (
        second.values
    )
    return Ragged(values, first.offsets + second.offsets)


def last_steps(x: Ragged, count: int = 1) -> Array:
    """The last `count` steps of each sequence: `[n * count, feature]`."""
    if len(x.offsets) == 2:
        return x.values[len(x.values) - count :]
    rows = x.offsets[1:, None] - count + np.arange(count)
    found: Array = x.values[rows.ravel()]
    return found


def differences(x: Ragged) -> Ragged:
    """What each step is more than the one before it; of a sequence of one step, one zero.

    >>> values = np.array([[1.0], [4.0], [9.0], [5.0]])
    >>> differences(Ragged(values, np.array([0, 3, 4]))).values[:, 0]
    array([3., 5., 0.])
    """
    lengths = np.maximum(x.lengths - 1, 1)
    offsets = offsets_of(lengths)
    before = np.arange(offsets[-1]) + np.repeat(x.offsets[:-1] - offsets[:-1], lengths)
    after = np.minimum(before + 1, np.repeat(x.offsets[1:] - 1, lengths))
    return Ragged(x.values[after] - x.values[before], offsets)


def reduce_steps(function: np.ufunc, values: Array, offsets: Array, empty: float) -> Array:
    """The sum or the maximum over the steps of each sequence, in float64: `[n, feature]`.

    Args:
        function: `np.add` or `np.maximum`.
        values: `[steps, feature]`.
        offsets: `[n + 1]`.
        empty: what a sequence without steps gives.
    """
    full = offsets[1:] > offsets[:-1]
    found = np.full((len(full), values.shape[1]), empty)
    if full.any():
        found[full] = function.reduceat(values, offsets[:-1][full], axis=0, dtype=np.float64)
    return found
