"""Precision of float32, in which networks compute: channels whose values it is too coarse for.

float32 has 24 binary digits. Of a channel that lies far from 0 for how little it varies (seconds
since 1970, a pressure in pascal) they are used up by its level, and what it does is lost. Such
values stay float64 until a preparation has taken the level off.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

ROWS, RUN = 4096, 16  # rows that are looked at, in runs of neighbours
MAX_VALUES = 500_000  # that are looked at, at most; of very many channels there are fewer rows
TOLERANCE = 1e-4  # of the standard deviation, for the error that rounding makes
KEPT = 0.75  # of the values that differ must still differ
NOISE = 2.0**-48  # of the largest value: less of a difference is rounding in float64 already
END = (2 - 2.0**-24) * 2.0**127  # from here on float32 is infinite
LARGEST_WHOLE = 2.0**24  # up to here float32 has every whole number


def float32_loses(items: Any) -> Array:
    """`[channel]`, whether a channel would lose what it says if it were rounded to float32.

    It would where the error of rounding is more than 1e-4 of the standard deviation, or where more
    than a quarter of the values that differ would be the same. A channel that never varies loses
    something where it is changed beyond 2**24: its level may vary elsewhere.

    Args:
        items: `Sequences` or a list of arrays `[time, channel]`, or one array of all of them,
            `[total_steps, channel]` or `[n, time, channel]`.

    >>> x = np.array([[0.0, 0.0], [0.5, 0.5], [2.0, 2.0]]) + [0, 1e9]
    >>> float32_loses(x), float32_loses(x.astype(np.float32))
    (array([False,  True]), array([False, False]))
    """
    rows = sample(items)
    if rows.dtype == np.float32:
        return np.zeros(rows.shape[1], bool)
    exact = rows.astype(np.float64, copy=False)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        rounded = exact.astype(np.float32)
        if not len(exact) or bool(((rounded == exact) | np.isnan(exact)).all()):
            return np.zeros(exact.shape[1], bool)
        return _is_coarse(exact, rounded)


def is_infinite(values: Array) -> Array:
    """Whether numbers are infinite, or too large for float32, which comes to the same."""
    if values.dtype == np.float64:
        return np.asarray(np.abs(values) >= END)
    return np.isinf(values)


def _is_coarse(exact: Array, rounded: Array) -> Array:
    known = np.isfinite(rounded)
    low = np.fmin.reduce(np.where(known, exact, np.inf))
    above = np.where(known, exact - low, 0)  # taken off before anything is summed
    largest = np.abs(np.where(known, exact, 0)).max(axis=0)
    count = np.maximum(known.sum(axis=0), 1)
    mean = above.sum(axis=0) / count
    deviation = np.sqrt((np.where(known, above - mean, 0) ** 2).sum(axis=0) / count)
    error = np.sqrt((np.where(known, exact - rounded, 0) ** 2).sum(axis=0) / count)
    noise = NOISE * largest
    different = distinct(exact, noise)
    merges = (different > 1) & (distinct(rounded, noise) <= KEPT * different)
    coarse = (error > TOLERANCE * deviation) | merges
    return np.asarray(np.where(deviation > noise, coarse, (error > 0) & (largest > LARGEST_WHOLE)))


def distinct(rows: Array, noise: Array | float = 0.0) -> Array:
    """`[channel]`, how many values there are that are further than `noise` from the next one."""
    return np.asarray(1 + (np.diff(np.sort(rows, axis=0), axis=0) > noise).sum(axis=0))


def sample(items: Any) -> Array:
    """`[rows, channel]` from all over the items of `float32_loses`; all rows of a few."""
    if isinstance(items, np.ndarray) and items.ndim == 2:
        items = [items]
    if isinstance(items, np.ndarray):
        lengths = np.full(len(items), items.shape[1], np.int64)
    else:  # `Sequences` have theirs
        known = getattr(items, "lengths", None)
        lengths = np.array([len(item) for item in items], np.int64) if known is None else known
    ends, total = np.cumsum(lengths), int(lengths.sum())
    rows = min(ROWS, max(RUN, MAX_VALUES // items[0].shape[1]))
    if total <= rows:
        return np.concatenate(list(items))
    # Multiples of the golden ratio lie evenly, and in no step with the lengths of sequences.
    places = np.sort(np.arange(rows // RUN) * 0.6180339887498949 % 1)
    starts = (places * (total - RUN)).astype(np.int64)
    which = np.searchsorted(ends, starts, side="right")
    begins = starts - (ends - lengths)[which]
    pairs = zip(which.tolist(), begins.tolist(), strict=True)
    return np.concatenate([items[i][begin : begin + RUN] for i, begin in pairs])
