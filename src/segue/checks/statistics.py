"""One pass over the values: the extremes and sums of each sequence, and a sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from segue.checks.suspicion import Array

if TYPE_CHECKING:
    from segue.dataset import Dataset


SAMPLED = 2_000_000  # values


@dataclass(frozen=True)
class Statistics:
    """Of each sequence that has steps and each channel: `[n, channel]`.

    Attributes:
        low: the smallest value; NaN where there is none.
        high: the largest.
        total: the sum of the values.
        squares: the sum of their squares.
        present: how many there are.
        sample: `[steps, channel]`, evenly from all of them.
    """

    low: Array
    high: Array
    total: Array
    squares: Array
    present: Array
    sample: Array

    @classmethod
    def of(cls, data: Dataset) -> Statistics:
        rows: list[tuple[Array, ...]] = []
        every = max(1, data.x.total_steps * data.x.channels // SAMPLED)
        for block in data.x.blocks():
            kept = block[block.lengths > 0]
            if len(kept) == 0:
                continue
            values, starts = kept.values, kept.offsets[:-1]
            there = ~np.isnan(values)
            known = np.where(there, values, 0).astype(np.float64)
            rows.append(
                (
                    np.fmin.reduceat(values, starts),
                    np.fmax.reduceat(values, starts),
                    np.add.reduceat(known, starts),
                    np.add.reduceat(known**2, starts),
                    np.add.reduceat(there.astype(np.int64), starts),
                    values[::every],
                )
            )
        joined = [np.concatenate(column) for column in zip(*rows, strict=True)]
        return cls(*joined) if joined else cls(*[np.zeros((0, data.x.channels))] * 6)
