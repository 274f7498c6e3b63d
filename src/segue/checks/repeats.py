"""Checks of values that repeat from step to step: a sensor that hung, rows written twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from segue.checks.findings import Array, Statistics, Suspicion, channel_name, first_few
from segue.errors import counted
from segue.summary import DatasetLike

if TYPE_CHECKING:
    from segue.sequences import Sequences

LONG = 20  # steps of one value
USUAL = 0.01  # of steps that repeat the one before; where more do, values are coarse
PART = 0.5  # of all steps; where more stand still, that is what the channel is like
DIFFERENT = 20  # values; of fewer they may be codes
LEAST_RUNS, SAME = 20, 0.98  # of all runs


class _Runs:
    """Run lengths of the equal values of one channel.

    Attributes:
        counts: `[LONG]`, runs by their length; those of LONG steps or more are counted apart.
        still: the steps of those; `times`: how many they are.
        longest: the longest, and the number of its sequence.

    A long run of the smallest or the largest value of its sequence is not counted: that may be a
    floor, a limit of the range, or what a sequence was padded with.
    """

    def __init__(self) -> None:
        self.counts = np.zeros(LONG, np.int64)
        self.still, self.times, self.longest = 0, 0, (0, 0)

    def add(self, lengths: Array, sequence: Array, is_edge: Array) -> None:
        """Count runs, `[runs]`, of sequences of these numbers; and whether they are at an edge."""
        self.counts += np.bincount(lengths[lengths < LONG], minlength=LONG)
        long = np.flatnonzero((lengths >= LONG) & ~is_edge)
        if len(long):
            self.still, self.times = self.still + int(lengths[long].sum()), self.times + len(long)
            row = long[lengths[long].argmax()]
            self.longest = max(self.longest, (int(lengths[row]), -int(sequence[row])))

    @property
    def steps(self) -> int:
        return self.still + int(self.counts @ np.arange(LONG))

    @property
    def stands_still(self) -> bool:
        """Now and then, where hardly a value repeats the one before it."""
        again = int(self.counts[2:] @ np.arange(1, LONG - 1))
        return again <= USUAL * (self.steps - self.still) and self.still < PART * self.steps

    @property
    def held(self) -> int | None:
        """For how many steps each value stays, where that is more than one and always the same."""
        count, most = int(self.counts.sum()) + self.times, int(self.counts.argmax())
        return most if most > 1 and self.counts[most] >= max(LEAST_RUNS, SAME * count) else None


def repeats(data: DatasetLike, of: Statistics) -> Iterator[Suspicion]:
    """Channels that stand still for long, and those that hold each value for some steps."""
    channels = [c for c in range(data.x.channels) if _different(of.sample[:, c]) >= DIFFERENT]
    runs = {channel: _Runs() for channel in channels}
    numbers, first = np.flatnonzero(data.x.lengths > 0), 0
    for block in data.x[numbers].blocks():
        edges = of.low[first : first + len(block)], of.high[first : first + len(block)]
        for channel in list(runs):
            lengths, rows, values = _runs_of(block, channel)
            is_edge = (values == edges[0][rows, channel]) | (values == edges[1][rows, channel])
            runs[channel].add(lengths, numbers[first + rows], is_edge)
            if not runs[channel].stands_still and runs[channel].held is None:
                del runs[channel]
        first += len(block)
    still = {c: run for c, run in runs.items() if run.held is None and run.still}
    yield from (_of_still(data, channel, run) for channel, run in still.items())
    held = {c: run.held for c, run in runs.items() if run.held is not None}
    for steps in sorted(set(held.values())):
        yield _of_held(data, [c for c in held if held[c] == steps], steps)


def _different(values: Array) -> int:
    return len(np.unique(values[~np.isnan(values)]))


def _runs_of(block: Sequences, channel: int) -> tuple[Array, Array, Array]:
    """`[runs]`, for how many steps values stay the same, in which sequence, and the values."""
    values = block.values[:, channel]
    begins = np.concatenate([[True], values[1:] != values[:-1]])
    begins[block.offsets[:-1]] = True  # none reaches into the next sequence
    starts = np.flatnonzero(begins)
    rows = np.searchsorted(block.offsets, starts, side="right") - 1
    return np.diff(starts, append=len(values)), rows, values[starts]


def _of_still(data: DatasetLike, channel: int, run: _Runs) -> Suspicion:
    name, (longest, row) = channel_name(data, channel), run.longest
    whose = f"sequence {-row if data.ids is None else data.ids[-row]}"
    return Suspicion(
        "standing still",
        f"channel {name} keeps one value for {LONG} steps or more {counted(run.times, 'time')} "
        f"({run.still / run.steps:.2%} of its steps; the longest, {counted(longest, 'step')}, in "
        f"{whose}), and changes at every step else: a sensor that hung?",
        {"channel": name, "times": run.times, "steps": run.still, "longest": longest},
    )


def _of_held(data: DatasetLike, channels: list[int], steps: int) -> Suspicion:
    names = [channel_name(data, channel) for channel in channels]
    which = f"channel {names[0]} holds" if len(names) == 1 else f"channels {first_few(names)} hold"
    return Suspicion(
        "repeated",
        f"{which} each value for {steps} steps: written {steps} times as often as measured? If so, "
        f"one step in {steps} says the same",
        {"channels": names, "steps": steps},
    )
