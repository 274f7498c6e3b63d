"""Values that stand for a missing one, such as -9999, and were read as measurements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from segue.checks.statistics import Statistics
from segue.checks.suspicion import Array, Suspicion, channel_name
from segue.errors import counted

if TYPE_CHECKING:
    from segue.dataset import Dataset

# What instruments and data bases write; with a sign, and with a point before the last digits.
_NINES = [int("9" * digits) / 10**behind for digits in range(2, 8) for behind in range(3)]
_LIMITS = [32767, 32768, 65535, 2147483647, 2147483648, 4294967295]
USUAL = np.unique(np.array([n for n in _NINES if n >= 90] + _LIMITS, np.float32))
HUGE = 1e19
FAR, VERY_FAR = 1, 5  # times the range of all others, for a usual mark and for any other value
DIFFERENT = 10  # other values; of fewer, the numbers may be codes
LEAST, LEAST_OF_OTHERS = 2, 3  # times that it occurs
AT_MOST = 20  # lines


def marks(data: Dataset, of: Statistics) -> Iterator[Suspicion]:
    """Values far outside all others that occur again and again."""
    found = [(c, v) for c in range(data.x.channels) for v in _candidates(of, c)]
    for channel, value in found[:AT_MOST]:
        count, sequences, low, high = _count(data, channel, value)
        least = LEAST if _is_usual(np.array([value], np.float32))[0] else LEAST_OF_OTHERS
        if count < least or not _is_far(value, low, high):
            continue
        name = channel_name(data, channel)
        yield Suspicion(
            "marks",
            f"channel {name} is {value:.9g} at {counted(count, 'step')} of "
            f"{counted(sequences, 'sequence')}, and else {low:.6g} to {high:.6g}: a mark for what "
            "is missing? If so, leave such cells empty",
            {"channel": name, "value": value, "steps": count, "sequences": sequences},
        )


def _candidates(of: Statistics, channel: int) -> list[float]:
    """The extremes, and the usual marks among them, that lie far outside the rest of a sample."""
    sample = of.sample[:, channel]
    sample = sample[~np.isnan(sample)]
    edges = np.concatenate([of.low[:, channel], of.high[:, channel]])
    edges = np.unique(edges[~np.isnan(edges)])
    if len(edges) < 2:
        return []
    outer = {float(edges[0]), float(edges[-1]), *edges[_is_usual(edges)].tolist()}
    rest = sample[~_is_usual(sample) & ~np.isin(sample, list(outer))]
    if len(np.unique(rest[:10_000])) < DIFFERENT:
        return []
    low, high = float(rest.min()), float(rest.max())
    return sorted(value for value in outer if _is_far(value, low, high))


def _is_usual(values: Array) -> Array:
    size = np.abs(values)
    return np.isin(size, USUAL) | (size > HUGE)


def _is_far(value: float, low: float, high: float) -> bool:
    far = FAR if _is_usual(np.array([value], np.float32))[0] else VERY_FAR
    return max(low - value, value - high) > far * (high - low)


def _count(data: Dataset, channel: int, value: float) -> tuple[int, int, float, float]:
    """How often a value occurs, in how many sequences, and what all others lie between."""
    count = sequences = 0
    low, high = np.inf, -np.inf
    for block in data.x.blocks():
        values = block.values[:, channel]
        there = values == np.float32(value)
        count += int(there.sum())
        where = np.searchsorted(block.offsets, np.flatnonzero(there), side="right")
        sequences += len(np.unique(where))
        others = values[~there & ~np.isnan(values) & ~_is_usual(values)]
        low, high = min(low, others.min(initial=np.inf)), max(high, others.max(initial=-np.inf))
    return count, sequences, float(low), float(high)
