"""What in a data set is suspicious: hints that a score will flatter, or that a file was misread.

None of it need be wrong. Each line has the number that it rests on.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segue.errors import counted
from segue.precision import float32_loses

if TYPE_CHECKING:
    from segue.dataset import Dataset

Array = npt.NDArray[Any]

LEAST_SEQUENCES = 20  # below this, what lengths predict is chance
FOLDS = 5
CLEAR = 0.05  # of accuracy above the most frequent class
FAR_LONGER = 10  # times the median
ODDS = 3  # of a value to be missing, in one class against all others
SCALES = 1000  # between the largest and the smallest channel
FEW = 5  # names in one line


@dataclass(frozen=True)
class Suspicion:
    """One thing to look at.

    Attributes:
        kind: a word for machines: "lengths", "constant", "constant in a class", "coarse", "scales",
            "groups", "classes", "long", "missing", "labels".
        text: a line for people.
        numbers: what the line rests on.
    """

    kind: str
    text: str
    numbers: dict[str, Any]

    def __str__(self) -> str:
        return self.text


def suspicions(data: Dataset) -> list[Suspicion]:
    """Look at a data set; a mapped one is read block by block.

    Lengths, channels and missing values are looked at in the part "train", where there is one.
    """
    train = data.part("train") if "train" in data.part_names else data
    found = [*_classes(data), *_groups(data), *_labels(data), *_lengths(train), *_long(train)]
    if not data.x.is_text and len(train):
        found += _coarse(train)
        statistics = _Statistics.of(train)
        for look in (_constant, _constant_in_a_class, _scales, _missing):
            found += look(train, statistics)
    return found


# -- one pass over the values -------------------------------------------------------------------


@dataclass(frozen=True)
class _Statistics:
    """Of each sequence and channel: `[n, channel]`.

    Attributes:
        low: the smallest value; NaN where there is none.
        high: the largest.
        total: the sum of the values.
        squares: the sum of their squares.
        present: how many there are.
    """

    low: Array
    high: Array
    total: Array
    squares: Array
    present: Array

    @classmethod
    def of(cls, data: Dataset) -> _Statistics:
        rows: list[tuple[Array, ...]] = []
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
                )
            )
        joined = [np.concatenate(column) for column in zip(*rows, strict=True)]
        return cls(*joined) if joined else cls(*[np.zeros((0, data.x.channels))] * 5)


def _constant(data: Dataset, of: _Statistics) -> Iterator[Suspicion]:
    low, high = _extremes(of, slice(None))
    channels = np.flatnonzero((low == high) | np.isnan(low))
    if len(channels):
        shown = _first([f"{_channel(data, c)} ({low[c]:g})" for c in channels])
        count = f"{len(channels)} of {data.x.channels} channels never vary"
        yield Suspicion(
            "constant",
            f"{count}: {shown}" if len(channels) > 1 else f"channel {shown} never varies",
            {"channels": [_channel(data, c) for c in channels]},
        )


def _constant_in_a_class(data: Dataset, of: _Statistics) -> Iterator[Suspicion]:
    """A line for each channel and value, so that ten classes with one margin make one line."""
    low, high = _extremes(of, slice(None))
    found: dict[tuple[int, float], dict[Any, int]] = defaultdict(dict)
    for name, members in _members(data):
        lower, upper = _extremes(of, members)
        stuck = (lower == upper) & (low != high)
        for channel in np.flatnonzero(stuck).tolist() if len(members) > 1 else ():
            found[channel, float(lower[channel])][name] = len(members)
    for (channel, value), classes in sorted(found.items())[:FEW]:
        of_classes = f"class {next(iter(classes))!r}"
        if len(classes) > 1:
            of_classes = f"{len(classes)} classes ({_first([repr(name) for name in classes])})"
        yield Suspicion(
            "constant in a class",
            f"channel {_channel(data, channel)} is always {value:g} in the "
            f"{counted(sum(classes.values()), 'sequence')} of {of_classes}, and "
            f"{low[channel]:g} to {high[channel]:g} in all",
            {
                "channel": _channel(data, channel),
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


def _extremes(of: _Statistics, members: Any) -> tuple[Array, Array]:
    if len(of.low[members]) == 0:
        return np.full(of.low.shape[1], np.nan), np.full(of.low.shape[1], np.nan)
    return np.fmin.reduce(of.low[members]), np.fmax.reduce(of.high[members])


def _coarse(data: Dataset) -> Iterator[Suspicion]:
    names = [_channel(data, c) for c in np.flatnonzero(float32_loses(data.x))]
    if names:
        many = len(names) > 1
        yield Suspicion(
            "coarse",
            f"channel{'s' * many} {_first(names)} {'lie' if many else 'lies'} so far from 0 that "
            "float32, in which networks compute, loses what differs: keep "
            'prepare="standardize", or take the level off (x - x[0])',
            {"channels": names},
        )


def _scales(data: Dataset, of: _Statistics) -> Iterator[Suspicion]:
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
            f"channel {_channel(data, large)} varies {ratio:,.0f} times as much as channel "
            f"{_channel(data, small)} (standard deviations {spread[large]:.3g} and "
            f'{spread[small]:.3g}): keep prepare="standardize"',
            {"ratio": ratio, "largest": _channel(data, large), "smallest": _channel(data, small)},
        )


def _missing(data: Dataset, of: _Statistics) -> Iterator[Suspicion]:
    lengths = data.x.lengths[data.x.lengths > 0]
    gaps = (lengths[:, None] - of.present).sum(axis=1)
    steps = lengths * data.x.channels
    if gaps.sum() == 0:
        return
    for name, members in _members(data):
        inside, size = gaps[members].sum() / gaps.sum(), steps[members].sum() / steps.sum()
        rest, left = 1 - inside, 1 - size
        if inside > 0.5 and inside * left > ODDS * rest * size:
            yield Suspicion(
                "missing",
                f"{inside:.0%} of the missing values are in class {name!r}, which has {size:.0%} "
                "of all values: where values are missing tells the class",
                {"class": name, "share": float(inside), "size": float(size)},
            )


# -- lengths -------------------------------------------------------------------------------------


def _lengths(data: Dataset) -> Iterator[Suspicion]:
    found = lengths_predict(data)
    if found is None:
        return
    accuracy, majority, error = found
    if accuracy > majority + max(CLEAR, 3 * error):
        yield Suspicion(
            "lengths",
            f"lengths alone predict the class with {accuracy:.0%} (always the most frequent "
            f"class: {majority:.0%})",
            {"accuracy": accuracy, "majority": majority},
        )


def lengths_predict(data: Dataset) -> tuple[float, float, float] | None:
    """How well the lengths of sequences predict their classes, cross-validated.

    A tree of depth 3 in five folds, stratified, groups kept together.

    Args:
        data: with one label for each sequence.

    Returns:
        The accuracy, that of the most frequent class, and the standard error of the difference;
        `None` where all lengths are the same or there are too few sequences.
    """
    shortest, longest = data.x.length_range
    if data.task != "classify" or shortest == longest or len(data) < LEAST_SEQUENCES:
        return None
    names, y, counts = np.unique(data.y, return_inverse=True, return_counts=True)
    groups = None if data.groups is None else np.unique(data.groups, return_inverse=True)[1]
    folds = min(FOLDS, int(counts.min()))
    if groups is not None:
        folds = min(folds, len(np.unique(groups)))
    if len(names) < 2 or folds < 2:
        return None
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
    from sklearn.tree import DecisionTreeClassifier

    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    right, usual = np.zeros(len(y)), np.zeros(len(y))
    x = data.x.lengths[:, None]
    for train, test in kind(folds, shuffle=True, random_state=0).split(x, y, groups):
        if len(np.unique(y[train])) < 2:
            return None
        tree = DecisionTreeClassifier(max_depth=3, min_samples_leaf=3, random_state=0)
        right[test] = tree.fit(x[train], y[train]).predict(x[test]) == y[test]
        usual[test] = y[test] == np.bincount(y[train]).argmax()
    error = float((right - usual).std() / np.sqrt(len(y)))
    return float(right.mean()), float(usual.mean()), error


def _long(data: Dataset) -> Iterator[Suspicion]:
    lengths = np.sort(data.x.lengths)
    if len(lengths) < 3:
        return
    longest, second, median = lengths[-1], lengths[-2], max(1.0, float(np.median(lengths)))
    if longest > FAR_LONGER * median and longest > 3 * second:
        row = int(data.x.lengths.argmax())
        name = row if data.ids is None else data.ids[row]
        yield Suspicion(
            "long",
            f"sequence {name} has {counted(int(longest), 'step')}, {longest / median:,.0f} times "
            f"the median; the next one has {second:,}",
            {"sequence": row, "steps": int(longest), "median": median},
        )


# -- parts and labels ----------------------------------------------------------------------------


def _classes(data: Dataset) -> Iterator[Suspicion]:
    if data.task != "classify" or data.parts is None:
        return
    for part in data.part_names:
        there = set(data.y[data.parts == part].tolist())
        absent = [name for name in data.classes or () if name not in there]
        if absent:
            yield Suspicion(
                "classes",
                f"{len(absent)} of {len(data.classes or ())} classes "
                f"{'does' if len(absent) == 1 else 'do'} not occur in part {part}: "
                f"{_first([repr(name) for name in absent])}",
                {"part": part, "classes": absent},
            )


def _groups(data: Dataset) -> Iterator[Suspicion]:
    if data.groups is None or data.parts is None:
        return
    sides = defaultdict(set)
    for group, part in zip(data.groups.tolist(), data.parts.tolist(), strict=True):
        sides[group].add(part)
    both = [group for group, parts in sides.items() if len(parts) > 1]
    if both:
        yield Suspicion(
            "groups",
            f"{len(both)} of {counted(len(sides), 'group')} {_are(both)} in more than one part: "
            f"{_first([repr(name) for name in both])}; scores will flatter",
            {"groups": len(both), "of": len(sides)},
        )


def _are(things: list[Any]) -> str:
    return "is" if len(things) == 1 else "are"


def _labels(data: Dataset) -> Iterator[Suspicion]:
    """The same sequence with different labels."""
    if data.task != "classify":
        return
    seen: dict[bytes, set[Any]] = defaultdict(set)
    for steps, label in zip(data.x, data.y.tolist(), strict=True):
        seen[hashlib.blake2b(steps.tobytes(), digest_size=16).digest()].add(label)
    count = sum(len(labels) > 1 for labels in seen.values())
    if count:
        yield Suspicion(
            "labels",
            f"{counted(count, 'sequence')} {'occurs' if count == 1 else 'occur'} again with "
            "another label",
            {"sequences": count},
        )


def _members(data: Dataset) -> Iterator[tuple[Any, Array]]:
    """The names of the classes, and the places of their sequences that have steps."""
    if data.task != "classify":
        return
    labels = data.y[data.x.lengths > 0]
    for name in data.classes or ():
        members = np.flatnonzero(labels == name)
        if len(members):
            yield name, members


def _channel(data: Dataset, channel: Any) -> str:
    return data.channels[int(channel)] if data.channels else str(int(channel) + 1)


def _first(names: list[str]) -> str:
    return ", ".join(names[:FEW]) + (f", and {len(names) - FEW} more" if len(names) > FEW else "")
