"""Checks of channels: constant, unequal scales, missing values, sentinel values, repeats."""

from __future__ import annotations

import functools
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from segue.data.arrays import Array, float32_loses
from segue.data.sequences import Sequences
from segue.data.summary import DatasetLike
from segue.errors import counted, first_few

CHANNELS_SHOWN = 5  # of those that are constant in a class


@dataclass(frozen=True)
class Finding:
    """The result of a check, where there is something to look at.

    Attributes:
        kind: the check, for programs: "lengths", "long", "constant", "constant in a class",
            "scales", "coarse", "missing", "groups", "classes", "labels", "spelling", "order",
            "time", "id", "first value", "marks", "standing still", "repeated".
        text: a line to print.
        numbers: the numbers that the line rests on.
    """

    kind: str
    text: str
    numbers: dict[str, Any]

    def __str__(self) -> str:
        return self.text


@functools.cache
def _texts() -> dict[str, str]:
    return tomllib.loads(Path(__file__).with_name("findings.toml").read_text("utf-8"))


def finding(kind: str, numbers: dict[str, Any], **words: Any) -> Finding:
    """A finding, with its line from `findings.toml`.

    Args:
        kind: of the check; a line of another name begins with it, "constant in a class, more".
        numbers: what the line rests on, by name.
        words: what else the line names.
    """
    return Finding(kind.partition(", ")[0], _texts()[kind].format(**{**numbers, **words}), numbers)


MAX_SAMPLED_VALUES = 2_000_000  # values


class Statistics(NamedTuple):
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


def statistics_of(data: DatasetLike) -> Statistics:
    """Compute them in one pass over the blocks of a data set that has steps."""
    every = max(1, data.x.total_steps * data.x.channels // MAX_SAMPLED_VALUES)
    rows: list[tuple[Array, ...]] = []
    for block in data.x.blocks():
        kept = block[block.lengths > 0]
        if len(kept) == 0:
            continue
        values, starts = kept.values, kept.offsets[:-1]
        there = ~np.isnan(values)
        known = np.where(there, values, 0).astype(np.float64)
        low, high = np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)
        sums = [np.add.reduceat(c, starts) for c in (known, known**2, there.astype(np.int64))]
        rows.append((low, high, *sums, values[::every]))
    names = data.channels or tuple(str(i + 1) for i in range(data.x.channels))
    return Statistics(names, *(np.concatenate(column) for column in zip(*rows, strict=True)))


def members_of(data: DatasetLike) -> Iterator[tuple[Any, Array]]:
    """The names of the classes, and the indices of their sequences among those that have steps."""
    for name in () if data.labels is None else data.classes or ():
        members = np.flatnonzero(np.asarray(data.labels)[data.x.lengths > 0] == name)
        if len(members):
            yield name, members


def check_constant(_data: DatasetLike, statistics: Statistics) -> Iterator[Finding]:
    """Channels with one value, or none."""
    low, high = np.fmin.reduce(statistics.low), np.fmax.reduce(statistics.high)
    channels = np.flatnonzero((low == high) | np.isnan(low))
    if len(channels):
        which = "channel" if len(channels) == 1 else f"{len(channels)} of {len(low)} channels"
        shown = first_few(channels, show=lambda c: f"{statistics.names[c]} ({low[c]:g})")
        shown = f"{shown} never varies" if len(channels) == 1 else f"never vary: {shown}"
        names = [statistics.names[c] for c in channels]
        yield finding("constant", {"channels": names}, which=which, shown=shown)


def check_constant_in_class(data: DatasetLike, statistics: Statistics) -> Iterator[Finding]:
    """Channels that are constant within a class; one finding for each channel and value."""
    low, high = np.fmin.reduce(statistics.low), np.fmax.reduce(statistics.high)
    found: dict[tuple[int, float], dict[Any, int]] = defaultdict(dict)
    for name, members in members_of(data):
        lower = np.fmin.reduce(statistics.low[members])
        stuck = (lower == np.fmax.reduce(statistics.high[members])) & (low != high)
        for channel in np.flatnonzero(stuck).tolist() if len(members) > 1 else ():
            found[channel, float(lower[channel])][name] = len(members)
    for (channel, value), classes in sorted(found.items())[:CHANNELS_SHOWN]:
        name, count, names = statistics.names[channel], sum(classes.values()), list(classes)
        of = f"class {names[0]!r}"
        if len(names) > 1:
            of = f"{len(names)} classes ({first_few(names, show=repr)})"
        numbers: dict[str, Any] = {"channel": name, "classes": names, "sequences": count}
        words = {"value": value, "low": low[channel], "high": high[channel]}
        sequences = counted(count, "sequence")
        yield finding("constant in a class", numbers, count=sequences, of=of, **words)
    if (more := len(found) - CHANNELS_SHOWN) > 0:
        yield finding("constant in a class, more", {"more": more})


def check_scales(_data: DatasetLike, statistics: Statistics) -> Iterator[Finding]:
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
        names = {"largest": statistics.names[large], "smallest": statistics.names[small]}
        numbers = {"ratio": ratio, **names}
        yield finding("scales", numbers, large=spread[large], small=spread[small])


MIN_MISSING_ODDS = 3  # of a value to be missing, in one class against all others
MAX_SCALE_RATIO = 1000  # between the largest and the smallest channel


def check_missing(data: DatasetLike, statistics: Statistics) -> Iterator[Finding]:
    """Missing values that are concentrated in one class."""
    lengths = data.x.lengths[data.x.lengths > 0]
    missing = (lengths[:, None] - statistics.present).sum(axis=1)
    for name, members in members_of(data) if missing.any() else ():
        inside = missing[members].sum() / missing.sum()
        size = lengths[members].sum() / lengths.sum()
        if inside > 0.5 and inside * (1 - size) > MIN_MISSING_ODDS * (1 - inside) * size:
            numbers = {"share": float(inside), "size": float(size), "class": name}
            yield finding("missing", numbers)


def check_float32_precision(data: DatasetLike, statistics: Statistics) -> Iterator[Finding]:
    """Channels whose values float32 cannot tell apart."""
    names = [statistics.names[c] for c in np.flatnonzero(float32_loses(data.x))]
    if names:
        lie = f"channels {first_few(names)} lie" if len(names) > 1 else f"channel {names[0]} lies"
        yield finding("coarse", {"channels": names}, lie=lie)


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


def check_sentinels(data: DatasetLike, statistics: Statistics) -> Iterator[Finding]:
    """Sentinels for missing values: values far outside all others that occur repeatedly."""
    found = [(c, v) for c in range(data.x.channels) for v in _candidates(statistics, c)]
    for channel, value in found[:MAX_FINDINGS]:
        count, sequences, low, high = _count(data, channel, value)
        least = MIN_SENTINEL_COUNT if _is_sentinel(np.float32(value)) else MIN_COUNT
        if count >= least and _is_far(value, low, high):
            numbers = {"channel": statistics.names[channel], "value": value}
            numbers |= {"steps": count, "sequences": sequences}
            steps, within = counted(count, "step"), counted(sequences, "sequence")
            yield finding("marks", numbers, count=steps, within=within, low=low, high=high)


def _candidates(statistics: Statistics, channel: int) -> list[float]:
    """The extremes and sentinels that lie far outside the rest of a sample."""
    edges = np.concatenate([statistics.low[:, channel], statistics.high[:, channel]])
    edges = np.unique(edges[~np.isnan(edges)])
    if len(edges) < 2:
        return []
    outer = {float(edges[0]), float(edges[-1]), *edges[_is_sentinel(edges)].tolist()}
    sample = statistics.sample[:, channel]
    rest = sample[~(np.isnan(sample) | _is_sentinel(sample) | np.isin(sample, list(outer)))]
    if len(np.unique(rest[:10_000])) < MIN_OTHER_VALUES:
        return []
    low, high = float(rest.min()), float(rest.max())
    return sorted(value for value in outer if _is_far(value, low, high))


def _is_sentinel(values: Any) -> Array:
    size = np.abs(values)
    return np.asarray(np.isin(size, SENTINELS) | (size > MIN_HUGE))


def _is_far(value: float, low: float, high: float) -> bool:
    far = SENTINEL_FAR_FACTOR if _is_sentinel(np.float32(value)) else FAR_FACTOR
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
        counts: `[MIN_LONG_RUN]`, runs by their length; longer ones are kept apart.
        long: the length of each of those, and the number of its sequence, negative.

    A long run of the smallest or the largest value of its sequence is not counted: that may be a
    floor, a limit of the range, or what a sequence was padded with.
    """

    def __init__(self) -> None:
        self.counts = np.zeros(MIN_LONG_RUN, np.int64)
        self.long: list[tuple[int, int]] = []

    @property
    def steps(self) -> tuple[int, int]:
        """The steps of all runs, and of the long ones."""
        still = sum(length for length, _ in self.long)
        return still + int(self.counts @ np.arange(MIN_LONG_RUN)), still

    @property
    def stands_still(self) -> bool:
        """Now and then, where hardly a value repeats the one before it."""
        again = int(self.counts[2:] @ np.arange(1, MIN_LONG_RUN - 1))
        steps, still = self.steps
        return again <= MAX_REPEATED_SHARE * (steps - still) and still < MAX_STILL_SHARE * steps

    @property
    def held(self) -> int:
        """For how many steps each value stays, where that is nearly always the same; else 0."""
        count, most = int(self.counts.sum()) + len(self.long), int(self.counts.argmax())
        return most if self.counts[most] >= max(MIN_RUNS, MIN_SAME_LENGTH_SHARE * count) else 0


def check_repeats(data: DatasetLike, statistics: Statistics) -> Iterator[Finding]:
    """Channels with long runs of one value, and those that hold each value for some steps."""
    known = (column[~np.isnan(column)] for column in statistics.sample.T)
    varying = [len(np.unique(column)) >= MIN_DISTINCT_VALUES for column in known]
    runs = {channel: _Runs() for channel in np.flatnonzero(varying).tolist()}
    numbers, first = np.flatnonzero(data.x.lengths > 0), 0
    for block in data.x[numbers].blocks():
        for channel, found in list(runs.items()):
            lengths, rows, values = _runs_of(block, channel)
            short = lengths < MIN_LONG_RUN
            found.counts += np.bincount(lengths[short], minlength=MIN_LONG_RUN)
            low, high = (s[first + rows, channel] for s in (statistics.low, statistics.high))
            long = np.flatnonzero(~short & (values != low) & (values != high))
            pairs = zip(lengths[long], -numbers[first + rows[long]], strict=True)
            found.long += [(int(length), int(number)) for length, number in pairs]
            if not found.stands_still and found.held < 2:
                del runs[channel]
        first += len(block)
    held: dict[int, list[str]] = defaultdict(list)
    for channel, found in runs.items():
        if found.held > 1:
            held[found.held].append(statistics.names[channel])
        elif found.long:
            yield _still_finding(data, statistics.names[channel], found)
    for steps, names in sorted(held.items()):
        hold = f"channel {names[0]} holds"
        if len(names) > 1:
            hold = f"channels {first_few(names)} hold"
        yield finding("repeated", {"channels": names, "steps": steps}, hold=hold)


def _runs_of(block: Sequences, channel: int) -> tuple[Array, Array, Array]:
    """`[runs]`, for how many steps values stay the same, in which sequence, and the values."""
    values = block.values[:, channel]
    begins = np.concatenate([[True], values[1:] != values[:-1]])
    begins[block.offsets[:-1]] = True  # none reaches into the next sequence
    starts = np.flatnonzero(begins)
    rows = np.searchsorted(block.offsets, starts, side="right") - 1
    return np.diff(starts, append=len(values)), rows, values[starts]


def _still_finding(data: DatasetLike, name: str, runs: _Runs) -> Finding:
    times, (steps, still), (longest, row) = len(runs.long), runs.steps, max(runs.long)
    numbers = {"channel": name, "times": times, "steps": still, "longest": longest}
    words = {"least": MIN_LONG_RUN, "count": counted(times, "time"), "share": still / steps}
    sequence = -row if data.ids is None else data.ids[-row]
    return finding(
        "standing still", numbers, length=counted(longest, "step"), name=sequence, **words
    )
