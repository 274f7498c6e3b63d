"""Channels that never vary, whose scales differ, whose gaps tell the class."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from segue.checks.statistics import Statistics
from segue.checks.suspicion import FEW, Array, Suspicion, channel_name, first_few, members_of
from segue.errors import counted
from segue.precision import float32_loses

if TYPE_CHECKING:
    from segue.dataset import Dataset

ODDS = 3  # of a value to be missing, in one class against all others
SCALES = 1000  # between the largest and the smallest channel


def constant(data: Dataset, of: Statistics) -> Iterator[Suspicion]:
    """Channels that have one value, or none."""
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


def constant_in_a_class(data: Dataset, of: Statistics) -> Iterator[Suspicion]:
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


def scales(data: Dataset, of: Statistics) -> Iterator[Suspicion]:
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


def missing(data: Dataset, of: Statistics) -> Iterator[Suspicion]:
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


def coarse(data: Dataset, _of: Statistics) -> Iterator[Suspicion]:
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
