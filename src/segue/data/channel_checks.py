"""Checks of channels: constant, unequal scales, missing values, sentinel values, repeats."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segue.data.precision import float32_loses
from segue.data.sequences import Sequences
from segue.data.summary import DatasetLike
from segue.errors import counted

Array = npt.NDArray[Any]

NAMES_SHOWN = 5  # names in one line


@dataclass(frozen=True)
class Suspicion:
    """One finding of a check.

    Attributes:
        kind: the check, for programs: "lengths", "long", "constant", "constant in a class",
            "scales", "missing", "groups", "classes", "labels", "spelling", "order", "time", "id",
            "first value", "marks", "standing still", "repeated".
        text: a line to print.
        numbers: the numbers that the line rests on.
    """

    kind: str
    text: str
    numbers: dict[str, Any]

    def __str__(self) -> str:
        return self.text


def members_of(data: DatasetLike) -> Iterator[tuple[Any, Array]]:
    """The names of the classes, and the indices of their sequences among those that have steps."""
    labels = data.labels
    for name in () if labels is None else data.classes or ():
        members = np.flatnonzero(np.asarray(labels)[data.x.lengths > 0] == name)
        if len(members):
            yield name, members


def finding(kind: str, text: str, **numbers: Any) -> Suspicion:
    """A finding, with the numbers by name."""
    return Suspicion(kind, text, numbers)


def first_few(things: Iterable[Any], show: Callable[[Any], str] = str) -> str:
    """Names in one line, the rest of them counted."""
    names = [show(thing) for thing in things]
    return ", ".join(names[:NAMES_SHOWN]) + (
        f", and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    )


MAX_SAMPLED_VALUES = 2_000_000  # values


@dataclass(frozen=True)
class Statistics:
    """Of each sequence that has steps and each channel: `[n, channel]`.

    Attributes:
        names: of the channels; their numbers from 1 on where they have none.
        low: the smallest value; NaN without any.
        high: the largest value.
        total: the sum of the values.
        squares: the sum of their squares.
        present: the number of values that are not missing.
        sample: `[steps, channel]`, evenly spaced.
    """

    names: tuple[str, ...]
    low: Array
    high: Array
    total: Array
    squares: Array
    present: Array
    sample: Array

    @classmethod
    def of(cls, data: DatasetLike) -> Statistics:
        """Compute them in one pass over the blocks of a data set."""
        rows: list[tuple[Array, ...]] = []
        every = max(1, data.x.total_steps * data.x.channels // MAX_SAMPLED_VALUES)
        for block in data.x.blocks():
            kept = block[block.lengths > 0]
            if len(kept) == 0:
                continue
            values, starts = kept.values, kept.offsets[:-1]
            there = ~np.isnan(values)
            known = np.where(there, values, 0).astype(np.float64)
            extremes = [np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)]
            summands = (known, known**2, there.astype(np.int64))
            sums = [np.add.reduceat(column, starts) for column in summands]
            rows.append((*extremes, *sums, values[::every]))
        joined = [np.concatenate(column) for column in zip(*rows, strict=True)]
        names = data.channels or tuple(str(i + 1) for i in range(data.x.channels))
        return cls(names, *(joined or [np.zeros((0, data.x.channels))] * 6))


MIN_MISSING_ODDS = 3  # of a value to be missing, in one class against all others
MAX_SCALE_RATIO = 1000  # between the largest and the smallest channel


def check_constant(data: DatasetLike, statistics: Statistics) -> Iterator[Suspicion]:
    """Channels with one value, or none."""
    low, high = _extremes(statistics, slice(None))
    channels = np.flatnonzero((low == high) | np.isnan(low))
    if len(channels):
        shown = first_few(channels, lambda c: f"{statistics.names[c]} ({low[c]:g})")
        text = f"channel {shown} never varies"
        if len(channels) > 1:
            text = f"{len(channels)} of {data.x.channels} channels never vary: {shown}"
        yield finding("constant", text, channels=[statistics.names[c] for c in channels])


def check_constant_in_class(data: DatasetLike, statistics: Statistics) -> Iterator[Suspicion]:
    """Channels that are constant within a class; one finding for each channel and value."""
    low, high = _extremes(statistics, slice(None))
    found: dict[tuple[int, float], dict[Any, int]] = defaultdict(dict)
    for name, members in members_of(data):
        lower, upper = _extremes(statistics, members)
        stuck = (lower == upper) & (low != high)
        for channel in np.flatnonzero(stuck).tolist() if len(members) > 1 else ():
            found[channel, float(lower[channel])][name] = len(members)
    for (channel, value), classes in sorted(found.items())[:NAMES_SHOWN]:
        name, count = statistics.names[channel], sum(classes.values())
        of_classes = f"class {next(iter(classes))!r}"
        if len(classes) > 1:
            of_classes = f"{len(classes)} classes ({first_few(list(classes), repr)})"
        text = (
            f"channel {name} is always {value:g} in the {counted(count, 'sequence')} of "
            f"{of_classes}, and {low[channel]:g} to {high[channel]:g} in all"
        )
        numbers: dict[str, Any] = {"classes": list(classes), "sequences": count}
        yield finding("constant in a class", text, channel=name, **numbers)
    if (more := len(found) - NAMES_SHOWN) > 0:
        text = f"{more} more channels never vary in some class"
        yield finding("constant in a class", text, more=more)


def _extremes(statistics: Statistics, members: Any) -> tuple[Array, Array]:
    if len(statistics.low[members]) == 0:
        return np.full(statistics.low.shape[1], np.nan), np.full(statistics.low.shape[1], np.nan)
    return np.fmin.reduce(statistics.low[members]), np.fmax.reduce(statistics.high[members])


def check_scales(_data: DatasetLike, statistics: Statistics) -> Iterator[Suspicion]:
    """Channels of very unequal scale: one varies far more than another."""
    count = np.maximum(statistics.present.sum(axis=0), 1)
    mean = statistics.total.sum(axis=0) / count
    spread = np.sqrt(np.maximum(statistics.squares.sum(axis=0) / count - mean**2, 0))
    varying = np.flatnonzero(spread > 1e-6 * np.abs(mean))
    if len(varying) < 2:
        return
    small, large = varying[spread[varying].argmin()], varying[spread[varying].argmax()]
    ratio = float(spread[large] / spread[small])
    if ratio > MAX_SCALE_RATIO:
        text = (
            f"channel {statistics.names[large]} varies {ratio:,.0f} times as much as channel "
            f"{statistics.names[small]} (standard deviations {spread[large]:.3g} and "
            f'{spread[small]:.3g}): keep prepare="standardize"'
        )
        names = {"largest": statistics.names[large], "smallest": statistics.names[small]}
        yield finding("scales", text, ratio=ratio, **names)


def check_missing(data: DatasetLike, statistics: Statistics) -> Iterator[Suspicion]:
    """Missing values that are concentrated in one class."""
    lengths = data.x.lengths[data.x.lengths > 0]
    missing_count = (lengths[:, None] - statistics.present).sum(axis=1)
    steps = lengths * data.x.channels
    if missing_count.sum() == 0:
        return
    for name, members in members_of(data):
        inside = missing_count[members].sum() / missing_count.sum()
        size = steps[members].sum() / steps.sum()
        rest, left = 1 - inside, 1 - size
        if inside > 0.5 and inside * left > MIN_MISSING_ODDS * rest * size:
            text = (
                f"{inside:.0%} of the missing values are in class {name!r}, which has {size:.0%} "
                "of all values: missingness predicts the class"
            )
            yield finding("missing", text, share=float(inside), size=float(size), **{"class": name})


def check_float32_precision(data: DatasetLike, statistics: Statistics) -> Iterator[Suspicion]:
    """Channels whose values float32 cannot tell apart."""
    names = [statistics.names[c] for c in np.flatnonzero(float32_loses(data.x))]
    if names:
        lie = f"channels {first_few(names)} lie" if len(names) > 1 else f"channel {names[0]} lies"
        text = (
            f"{lie} so far from 0 that float32, in which networks compute, loses what differs: "
            'keep prepare="standardize", or subtract the offset (x - x[0])'
        )
        yield finding("coarse", text, channels=names)


# Sentinel values of instruments and databases for missing values, by their absolute value.
_NINES = [int("9" * digits) / 10**behind for digits in range(2, 8) for behind in range(3)]
_LIMITS = [32767, 32768, 65535, 2147483647, 2147483648, 4294967295]
SENTINELS = np.unique(np.array([n for n in _NINES if n >= 90] + _LIMITS, np.float32))
MIN_HUGE = 1e19  # from here on every value counts as a sentinel
# Distance from the other values, in ranges of these: of a sentinel, and of any other number.
SENTINEL_FAR_FACTOR, FAR_FACTOR = 1, 5
MIN_OTHER_VALUES = 10  # other values; of fewer, the numbers may be codes
MIN_SENTINEL_COUNT, MIN_COUNT = 2, 3  # occurrences of a sentinel, and of any other number
MAX_FINDINGS = 20  # lines


def check_sentinels(data: DatasetLike, statistics: Statistics) -> Iterator[Suspicion]:
    """Sentinels for missing values: values far outside all others that occur repeatedly."""
    found = [(c, v) for c in range(data.x.channels) for v in _candidates(statistics, c)]
    for channel, value in found[:MAX_FINDINGS]:
        count, sequences, low, high = _count(data, channel, value)
        least = MIN_SENTINEL_COUNT if _is_sentinel(np.array([value], np.float32))[0] else MIN_COUNT
        if count < least or not _is_far(value, low, high):
            continue
        text = (
            f"channel {statistics.names[channel]} is {value:.9g} at {counted(count, 'step')} of "
            f"{counted(sequences, 'sequence')}, and else {low:.6g} to {high:.6g}: is this "
            "a placeholder for missing values? If so, leave such cells empty (NaN)"
        )
        numbers = {"value": value, "steps": count, "sequences": sequences}
        yield finding("marks", text, channel=statistics.names[channel], **numbers)


def _candidates(statistics: Statistics, channel: int) -> list[float]:
    """The extremes and sentinels that lie far outside the rest of a sample."""
    sample = statistics.sample[:, channel]
    sample = sample[~np.isnan(sample)]
    edges = np.concatenate([statistics.low[:, channel], statistics.high[:, channel]])
    edges = np.unique(edges[~np.isnan(edges)])
    if len(edges) < 2:
        return []
    outer = {float(edges[0]), float(edges[-1]), *edges[_is_sentinel(edges)].tolist()}
    rest = sample[~_is_sentinel(sample) & ~np.isin(sample, list(outer))]
    if len(np.unique(rest[:10_000])) < MIN_OTHER_VALUES:
        return []
    low, high = float(rest.min()), float(rest.max())
    return sorted(value for value in outer if _is_far(value, low, high))


def _is_sentinel(values: Array) -> Array:
    size = np.abs(values)
    return np.isin(size, SENTINELS) | (size > MIN_HUGE)


def _is_far(value: float, low: float, high: float) -> bool:
    far = SENTINEL_FAR_FACTOR if _is_sentinel(np.array([value], np.float32))[0] else FAR_FACTOR
    return max(low - value, value - high) > far * (high - low)


def _count(data: DatasetLike, channel: int, value: float) -> tuple[int, int, float, float]:
    """Count a value: its steps, its sequences, and the range of all other values."""
    count = sequences = 0
    low, high = np.inf, -np.inf
    for block in data.x.blocks():
        values = block.values[:, channel]
        there = values == np.float32(value)
        count += int(there.sum())
        where = np.searchsorted(block.offsets, np.flatnonzero(there), side="right")
        sequences += len(np.unique(where))
        others = values[~there & ~np.isnan(values) & ~_is_sentinel(values)]
        low, high = min(low, others.min(initial=np.inf)), max(high, others.max(initial=-np.inf))
    return count, sequences, float(low), float(high)


# -- values that repeat from step to step: a sensor that hung, rows written twice ------------------

MIN_LONG_RUN = 20  # steps of one value
MAX_REPEATED_SHARE = 0.01  # of steps that repeat the one before; where more do, values are coarse
MAX_STILL_SHARE = 0.5  # of all steps; where more stand still, that is what the channel is like
MIN_DISTINCT_VALUES = 20  # different ones; of fewer they may be codes
MIN_RUNS, MIN_SAME_LENGTH_SHARE = 20, 0.98  # of all runs


class _Runs:
    """Run lengths of the equal values of one channel.

    Attributes:
        counts: `[MIN_LONG_RUN]`, runs by their length; longer ones are counted apart.
        still: the steps of those; `times`: how many they are.
        longest: the longest, and the number of its sequence.

    A long run of the smallest or the largest value of its sequence is not counted: that may be a
    floor, a limit of the range, or what a sequence was padded with.
    """

    def __init__(self) -> None:
        self.counts = np.zeros(MIN_LONG_RUN, np.int64)
        self.still, self.times, self.longest = 0, 0, (0, 0)

    def add(self, lengths: Array, sequence: Array, is_edge: Array) -> None:
        """Count runs, `[runs]`, of sequences of these numbers; and whether they are at an edge."""
        self.counts += np.bincount(lengths[lengths < MIN_LONG_RUN], minlength=MIN_LONG_RUN)
        long = np.flatnonzero((lengths >= MIN_LONG_RUN) & ~is_edge)
        if len(long):
            self.still, self.times = self.still + int(lengths[long].sum()), self.times + len(long)
            row = long[lengths[long].argmax()]
            self.longest = max(self.longest, (int(lengths[row]), -int(sequence[row])))

    @property
    def steps(self) -> int:
        return self.still + int(self.counts @ np.arange(MIN_LONG_RUN))

    @property
    def stands_still(self) -> bool:
        """Now and then, where hardly a value repeats the one before it."""
        again = int(self.counts[2:] @ np.arange(1, MIN_LONG_RUN - 1))
        return (
            again <= MAX_REPEATED_SHARE * (self.steps - self.still)
            and self.still < MAX_STILL_SHARE * self.steps
        )

    @property
    def held(self) -> int | None:
        """For how many steps each value stays, where that is more than one and always the same."""
        count, most = int(self.counts.sum()) + self.times, int(self.counts.argmax())
        return (
            most
            if most > 1 and self.counts[most] >= max(MIN_RUNS, MIN_SAME_LENGTH_SHARE * count)
            else None
        )


def check_repeats(data: DatasetLike, statistics: Statistics) -> Iterator[Suspicion]:
    """Channels with long runs of one value, and those that hold each value for some steps."""
    known = (column[~np.isnan(column)] for column in statistics.sample.T)
    runs = {
        c: _Runs()
        for c, column in enumerate(known)
        if len(np.unique(column)) >= MIN_DISTINCT_VALUES
    }
    numbers, first = np.flatnonzero(data.x.lengths > 0), 0
    for block in data.x[numbers].blocks():
        edges = (
            statistics.low[first : first + len(block)],
            statistics.high[first : first + len(block)],
        )
        for channel in list(runs):
            lengths, rows, values = _runs_of(block, channel)
            is_edge = (values == edges[0][rows, channel]) | (values == edges[1][rows, channel])
            runs[channel].add(lengths, numbers[first + rows], is_edge)
            if not runs[channel].stands_still and runs[channel].held is None:
                del runs[channel]
        first += len(block)
    held: dict[int, list[str]] = defaultdict(list)
    for channel, run in runs.items():
        if run.held is not None:
            held[run.held].append(statistics.names[channel])
        elif run.still:
            yield _still_finding(data, statistics.names[channel], run)
    for steps in sorted(held):
        yield _held_finding(held[steps], steps)


def _runs_of(block: Sequences, channel: int) -> tuple[Array, Array, Array]:
    """`[runs]`, for how many steps values stay the same, in which sequence, and the values."""
    values = block.values[:, channel]
    begins = np.concatenate([[True], values[1:] != values[:-1]])
    begins[block.offsets[:-1]] = True  # none reaches into the next sequence
    starts = np.flatnonzero(begins)
    rows = np.searchsorted(block.offsets, starts, side="right") - 1
    return np.diff(starts, append=len(values)), rows, values[starts]


def _still_finding(data: DatasetLike, name: str, run: _Runs) -> Suspicion:
    longest, row = run.longest
    whose = f"sequence {-row if data.ids is None else data.ids[-row]}"
    text = (
        f"channel {name} keeps one value for {MIN_LONG_RUN} steps or more "
        f"{counted(run.times, 'time')} ({run.still / run.steps:.2%} of its steps; the longest, "
        f"{counted(longest, 'step')}, in {whose}), and changes at every step "
        "else: a sensor that hung?"
    )
    numbers = {"times": run.times, "steps": run.still, "longest": longest}
    return finding("standing still", text, channel=name, **numbers)


def _held_finding(names: list[str], steps: int) -> Suspicion:
    which = f"channel {names[0]} holds" if len(names) == 1 else f"channels {first_few(names)} hold"
    text = (
        f"{which} each value for {steps} steps: written {steps} times as often as measured? If so, "
        f"one step in {steps} says the same"
    )
    return finding("repeated", text, channels=names, steps=steps)
