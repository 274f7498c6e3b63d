"""Long sequences for a screen: of the steps behind each of its columns, the extremes."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np

from segue.data.arrays import Array
from segue.errors import OptionError

BLOCK = 256  # steps whose extremes are kept, once a sequence was looked at from afar
_SHOWN = 2  # points in a column of the screen


class Stretch(NamedTuple):
    """Some steps of a sequence as points of a curve.

    Attributes:
        steps: `[point]` float64, the step of each point, rising.
        values: `[point, channel]`, NaN where all that a point stands for is missing.
        is_thinned: whether a point stands for several steps.
    """

    steps: Array
    values: Array
    is_thinned: bool


class Pyramid:
    """A sequence that can be looked at from any distance.

    From afar the extremes of each `BLOCK` steps are looked at in place of the steps; they are
    computed once, when they are first needed.

    Args:
        values: `[time, channel]` numbers, which may be mapped from a file.

    >>> values = np.zeros((100_000, 1), np.float32)
    >>> values[54_321] = 7
    >>> stretch = Pyramid(values).stretch(0, 100_000, width=100)
    >>> len(stretch.steps), stretch.values.max(), stretch.is_thinned
    (200, np.float32(7.0), True)
    """

    def __init__(self, values: Array) -> None:
        self.values = values

    def stretch(self, start: int, stop: int, width: int) -> Stretch:
        """The steps from `start` up to `stop` on a screen of so many columns.

        Where a column has no more than two steps, each step is a point. Where it has more, the
        smallest and the largest value of each column are two points, for each channel alone.

        Args:
            start: the first step; one before the sequence counts as its first.
            stop: the step behind the last; likewise.
            width: columns of the screen.

        Raises:
            OptionError: no columns.
        """
        if width < 1:
            raise OptionError(f"`width` is {width}; expected a whole number from 1 on.")
        start = min(max(0, start), len(self.values))
        stop = min(max(start, stop), len(self.values))
        if stop - start <= _SHOWN * width:
            steps = np.arange(start, stop, dtype=np.float64)
            return Stretch(steps, np.asarray(self.values[start:stop]), is_thinned=False)
        edges = np.linspace(start, stop, width + 1)[:-1].astype(np.int64)
        low, high = self._extremes(edges, stop)
        half = (stop - start) / width / 2
        steps = (edges[:, None] + [0, half]).ravel()
        values = np.stack([low, high], axis=1).reshape(-1, low.shape[1])
        return Stretch(steps, values, is_thinned=True)

    def _extremes(self, edges: Array, stop: int) -> tuple[Array, Array]:
        """The smallest and the largest values `[column, channel]`, from each edge to the next."""
        start = int(edges[0])
        if (stop - start) // len(edges) < 2 * BLOCK:
            piece = self.values[start:stop]
            return _reduced(np.fmin, piece, edges - start), _reduced(np.fmax, piece, edges - start)
        # Whole blocks, and the steps before the first and behind the last of them.
        first, last = -(-start // BLOCK), stop // BLOCK
        inner = np.maximum(edges // BLOCK, first) - first + 1
        inner[0] = 0
        head, tail = self.values[start : first * BLOCK], self.values[last * BLOCK : stop]
        found = []
        for reduce, blocks in zip((np.fmin, np.fmax), self._blocks, strict=True):
            ends = [_whole(reduce, piece, self.values) for piece in (head, tail)]
            joined = np.concatenate([ends[0], blocks[first:last], ends[1]])
            found.append(_reduced(reduce, joined, inner))
        return found[0], found[1]

    @cached_property
    def _blocks(self) -> tuple[Array, Array]:
        """The extremes `[block, channel]` of each whole block."""
        count, channels = len(self.values) // BLOCK, self.values.shape[1]
        low = np.empty((count, channels), self.values.dtype)
        high = np.empty_like(low)
        some = max(1, (1 << 22) // (BLOCK * channels))  # of a mapped file, a part at a time
        for at in range(0, count, some):
            end = min(count, at + some)
            piece = np.asarray(self.values[at * BLOCK : end * BLOCK])
            for channel in range(channels):
                alone = np.ascontiguousarray(piece[:, channel]).reshape(-1, BLOCK)
                np.fmin.reduce(alone, axis=1, out=low[at:end, channel])
                np.fmax.reduce(alone, axis=1, out=high[at:end, channel])
        return low, high


def _reduced(reduce: np.ufunc, values: Array, edges: Array) -> Array:
    """Reduce `[time, channel]` from each edge to the next: each channel alone is much faster."""
    alone = (np.ascontiguousarray(values[:, channel]) for channel in range(values.shape[1]))
    return np.stack([reduce.reduceat(column, edges) for column in alone], axis=1)


def _whole(reduce: np.ufunc, piece: Array, like: Array) -> Array:
    """Reduce all steps to one `[1, channel]`; of none it is missing."""
    if len(piece):
        return np.asarray(reduce.reduce(piece, axis=0))[None]
    return np.full((1, like.shape[1]), np.nan, np.result_type(like.dtype, np.float32))
