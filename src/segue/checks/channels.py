"""Checks of channels: constant, of very different scales, with missing values or marks of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from segue.checks.findings import (
    FEW,
    Array,
    Statistics,
    Suspicion,
    channel_name,
    first_few,
    members_of,
)
from segue.errors import counted
from segue.precision import float32_loses
from segue.summary import DatasetLike

ODDS = 3  # of a value to be missing, in one class against all others
SCALES = 1000  # between the largest and the smallest channel


def constant(data: DatasetLike, of: Statistics) -> Iterator[Suspicion]:
    """Channels with one value, or none."""
    low, high = _extremes(of, slice(None))
    channels = np.flatnonzero((low == high) | np.isnan(low))
    if len(channels):
        shown = first_few([f"{channel_name(data, c)} ({low[c]:g})" for c in channels])
        count = f"{len(channels)} of {data.x.channels} channels never vary"
        yield Suspicion(
            "constant",
            f"{count}: {shown}" if len(channels) > 1 else f"channel {shown} never varies",
            {"channels": [channel_name(data, c) for c in channels]},
        )


def constant_in_a_class(data: DatasetLike, of: Statistics) -> Iterator[Suspicion]:
    """A line for each channel and value, so that ten classes with one margin make one line."""
    low, high = _extremes(of, slice(None))
    found: dict[tuple[int, float], dict[Any, int]] = defaultdict(dict)
    for name, members in members_of(data):
        lower, upper = _extremes(of, members)
        stuck = (lower == upper) & (low != high)
        for channel in np.flatnonzero(stuck).tolist() if len(members) > 1 else ():
            found[channel, float(lower[channel])][name] = len(members)
    for (channel, value), classes in sorted(found.items())[:FEW]:
        of_classes = f"class {next(iter(classes))!r}"
        if len(classes) > 1:
            of_classes = f"{len(classes)} classes ({first_few([repr(name) for name in classes])})"
        yield Suspicion(
            "constant in a class",
            f"channel {channel_name(data, channel)} is always {value:g} in the "
            f"{counted(sum(classes.values()), 'sequence')} of {of_classes}, and "
            f"{low[channel]:g} to {high[channel]:g} in all",
            {
                "channel": channel_name(data, channel),
                "classes": list(classes),
                "sequences": sum(classes.values()),
            },
        )
    if len(found) > FEW:
        yield Suspicion(
            "constant in a class",
            f"{len(found) - FEW} more channels never vary in some class",
            {"more": len(found) - FEW},
        )


def _extremes(of: Statistics, members: Any) -> tuple[Array, Array]:
    if len(of.low[members]) == 0:
        return np.full(of.low.shape[1], np.nan), np.full(of.low.shape[1], np.nan)
    return np.fmin.reduce(of.low[members]), np.fmax.reduce(of.high[members])


def scales(data: DatasetLike, of: Statistics) -> Iterator[Suspicion]:
    """One channel that varies far more than another."""
    count = np.maximum(of.present.sum(axis=0), 1)
    mean = of.total.sum(axis=0) / count
    spread = np.sqrt(np.maximum(of.squares.sum(axis=0) / count - mean**2, 0))
    varying = np.flatnonzero(spread > 1e-6 * np.abs(mean))
    if len(varying) < 2:
        return
    small, large = varying[spread[varying].argmin()], varying[spread[varying].argmax()]
    ratio = float(spread[large] / spread[small])
    if ratio > SCALES:
        yield Suspicion(
            "scales",
            f"channel {channel_name(data, large)} varies {ratio:,.0f} times as much as channel "
            f"{channel_name(data, small)} (standard deviations {spread[large]:.3g} and "
            f'{spread[small]:.3g}): keep prepare="standardize"',
            {
                "ratio": ratio,
                "largest": channel_name(data, large),
                "smallest": channel_name(data, small),
            },
        )


def missing(data: DatasetLike, of: Statistics) -> Iterator[Suspicion]:
    """Missing values that are in one class above all."""
    lengths = data.x.lengths[data.x.lengths > 0]
    gaps = (lengths[:, None] - of.present).sum(axis=1)
    steps = lengths * data.x.channels
    if gaps.sum() == 0:
        return
    for name, members in members_of(data):
        inside, size = gaps[members].sum() / gaps.sum(), steps[members].sum() / steps.sum()
        rest, left = 1 - inside, 1 - size
        if inside > 0.5 and inside * left > ODDS * rest * size:
            yield Suspicion(
                "missing",
                f"{inside:.0%} of the missing values are in class {name!r}, which has {size:.0%} "
                "of all values: where values are missing tells the class",
                {"class": name, "share": float(inside), "size": float(size)},
            )


def coarse(data: DatasetLike, _of: Statistics) -> Iterator[Suspicion]:
    """Channels whose values float32 cannot tell apart."""
    names = [channel_name(data, c) for c in np.flatnonzero(float32_loses(data.x))]
    if names:
        many = len(names) > 1
        yield Suspicion(
            "coarse",
            f"channel{'s' * many} {first_few(names)} {'lie' if many else 'lies'} so far from 0 "
            "that float32, in which networks compute, loses what differs: keep "
            'prepare="standardize", or take the level off (x - x[0])',
            {"channels": names},
        )


# Marks of missing values by instruments and data bases; with a sign, and with decimals.
_NINES = [int("9" * digits) / 10**behind for digits in range(2, 8) for behind in range(3)]
_LIMITS = [32767, 32768, 65535, 2147483647, 2147483648, 4294967295]
MARKS = np.unique(np.array([n for n in _NINES if n >= 90] + _LIMITS, np.float32))
HUGE = 1e19
FAR, VERY_FAR = 1, 5  # times the range of the other values, for a mark and for any other number
DIFFERENT = 10  # other values; of fewer, the numbers may be codes
LEAST, LEAST_OF_OTHERS = 2, 3  # times that it occurs
AT_MOST = 20  # lines


def marks(data: DatasetLike, of: Statistics) -> Iterator[Suspicion]:
    """Values far outside all others that occur again and again."""
    found = [(c, v) for c in range(data.x.channels) for v in _candidates(of, c)]
    for channel, value in found[:AT_MOST]:
        count, sequences, low, high = _count(data, channel, value)
        least = LEAST if _is_mark(np.array([value], np.float32))[0] else LEAST_OF_OTHERS
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
    """The extremes, and the marks among them, that lie far outside the rest of a sample."""
    sample = of.sample[:, channel]
    sample = sample[~np.isnan(sample)]
    edges = np.concatenate([of.low[:, channel], of.high[:, channel]])
    edges = np.unique(edges[~np.isnan(edges)])
    if len(edges) < 2:
        return []
    outer = {float(edges[0]), float(edges[-1]), *edges[_is_mark(edges)].tolist()}
    rest = sample[~_is_mark(sample) & ~np.isin(sample, list(outer))]
    if len(np.unique(rest[:10_000])) < DIFFERENT:
        return []
    low, high = float(rest.min()), float(rest.max())
    return sorted(value for value in outer if _is_far(value, low, high))


def _is_mark(values: Array) -> Array:
    size = np.abs(values)
    return np.isin(size, MARKS) | (size > HUGE)


def _is_far(value: float, low: float, high: float) -> bool:
    far = FAR if _is_mark(np.array([value], np.float32))[0] else VERY_FAR
    return max(low - value, value - high) > far * (high - low)


def _count(data: DatasetLike, channel: int, value: float) -> tuple[int, int, float, float]:
    """How often a value occurs, in how many sequences, and the range of all others."""
    count = sequences = 0
    low, high = np.inf, -np.inf
    for block in data.x.blocks():
        values = block.values[:, channel]
        there = values == np.float32(value)
        count += int(there.sum())
        where = np.searchsorted(block.offsets, np.flatnonzero(there), side="right")
        sequences += len(np.unique(where))
        others = values[~there & ~np.isnan(values) & ~_is_mark(values)]
        low, high = min(low, others.min(initial=np.inf)), max(high, others.max(initial=-np.inf))
    return count, sequences, float(low), float(high)
