"""Columns that look like times, ids or users, and were read as channels.

It is what happens to a table without names: nothing there tells what a column is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from segue.data.checks.findings import Array, Statistics, Suspicion, finding
from segue.data.summary import DatasetLike
from segue.errors import counted

LEAST_STEPS = 20  # below this, what values rise by may be chance
LEAST_SEQUENCES = 10
EQUAL = 0.01  # of a step that values rise by
RESTARTS = 0.1  # of the steps; where a series falls more often, it is no counter


def times(data: DatasetLike, of: Statistics) -> Iterator[Suspicion]:
    """Channels that rise by the same number from step to step in every sequence."""
    found = _rising(data, of) if data.x.channels > 1 else {}
    for channel, step in found.items():
        count = len(of.low)
        every = "the sequence" if count == 1 else f"all {counted(count, 'sequence')}"
        text = (
            f"channel {of.names[channel]} rises by {step:.6g} from step to step in {every}: a time "
            "or a counter? If so, name the column with --column-time, or the others with "
            "--column-channels"
        )
        yield finding("time", text, channel=of.names[channel], step=step)


def ids(data: DatasetLike, of: Statistics) -> Iterator[Suspicion]:
    """Channels of whole numbers that stay the same for a sequence, or for one stretch of steps."""
    if data.x.channels < 2:
        return
    whole = np.flatnonzero((of.low == np.rint(of.low)).all(axis=0))
    columns = zip(whole.tolist(), of.low[:, whole].T, of.high[:, whole].T, strict=True)
    same = [
        channel
        for channel, low, high in columns
        if len(low) >= LEAST_SEQUENCES and (low == high).all() and low.min() < low.max()
    ]
    for channel in same:
        count = len(np.unique(of.low[:, channel]))
        within = f"stays the same within each of {counted(len(of.low), 'sequence')}"
        yield _an_id(of.names[channel], count, within)
    others = [c for c in whole.tolist() if c not in same and (of.low != of.high)[:, c].any()]
    for channel, count in _stretches(data, others).items():
        yield _an_id(of.names[channel], count, "has each of its values in one stretch of steps")


def first_values(data: DatasetLike, of: Statistics) -> Iterator[Suspicion]:
    """A row number, or an id, that a table of one row a sequence has before its values."""
    if data.x.channels > 1 or len(data) < LEAST_SEQUENCES or data.spans is not None:
        return
    if data.x.lengths.min() < 3:
        return
    sample = of.sample[np.isfinite(of.sample)]
    fractions = float((sample != np.rint(sample)).mean()) if len(sample) else 0.0
    for place, word in ((0, "first"), (-1, "last")):
        values = np.array([steps[place, 0] for steps in data.x], np.float64)
        if not np.isfinite(values).all():
            continue
        step = _step(values)
        if step is not None:
            text = f"rises by {step:.6g} from one to the next: a row number?"
        elif fractions > 0.5 and len(np.unique(values)) > 1 and (values == np.rint(values)).all():
            text = f"is a whole number ({len(np.unique(values))} different), and others are not: "
            text += "a label, a user or an id?"
        else:
            continue
        text = f"the {word} value of each of {len(values):,} sequences {text}"
        yield finding("first value", text, place=word, step=step)


def _rising(data: DatasetLike, of: Statistics) -> dict[int, float]:
    """The channels and what they rise by; a channel is given up at the first block that differs."""
    alive = np.flatnonzero((of.low < of.high).any(axis=0) & (of.present > 0).all(axis=0))
    seen, steps = 0, {channel: list[Any]() for channel in alive.tolist()}
    for block in data.x.blocks():
        long = block[block.lengths >= 3]
        for piece in (long[:5], long[5:]):  # most are given up after a few sequences
            for channel in list(steps):
                rises = [_step(sequence[:, channel]) for sequence in piece]
                if None in rises or not _equal([*steps[channel][:1], *rises]):
                    del steps[channel]
                else:
                    steps[channel] += rises[:1]
            if not steps:
                return {}
        seen += int(long.lengths.sum())
    return {c: float(rises[0]) for c, rises in steps.items() if rises and seen >= LEAST_STEPS}


def _step(values: Array) -> float | None:
    """What values rise by, if it is always the same, up to what float32 can tell apart.

    Now and then they may begin anew, as a counter does where the sequences of a table were joined.
    """
    values = values.astype(np.float64)
    begins = np.concatenate([[0], np.flatnonzero(np.diff(values) < 0) + 1])
    lengths = np.diff(begins, append=len(values))
    if len(begins) > 1 + RESTARTS * len(values) or len(begins) == len(values):
        return None
    ends = begins + lengths - 1
    rise = float((values[ends] - values[begins]).sum()) / (len(values) - len(begins))
    fine = float(np.abs(values).max()) * 2.0**-22
    if not rise > 0 or lengths.max() * rise < 10 * fine:
        return None
    line = values[begins].repeat(lengths)
    line += rise * (np.arange(len(values)) - begins.repeat(lengths))
    return rise if float(np.abs(values - line).max()) <= EQUAL * rise + fine else None


def _equal(rises: list[Any]) -> bool:
    return len(rises) == 0 or max(rises) - min(rises) <= EQUAL * max(rises)


def _stretches(data: DatasetLike, channels: list[int]) -> dict[int, int]:
    """How many values each of these channels has, where none comes again later."""
    seen: dict[int, list[float]] = {channel: [] for channel in channels}
    for block in data.x.blocks():
        for channel in list(seen):
            values = block.values[:, channel]
            changes = np.concatenate([[0], np.flatnonzero(np.diff(values) != 0) + 1])
            runs = values[changes]
            known = seen[channel]
            if known and len(runs) and runs[0] == known[-1]:
                runs = runs[1:]
            known += runs.tolist()
            is_id = len(changes) < 0.1 * len(values) and len(set(known)) == len(known)
            if not is_id or not (runs == np.rint(runs)).all():
                del seen[channel]
    return {c: len(values) for c, values in seen.items() if len(values) > 2}


def _an_id(name: str, count: int, text: str) -> Suspicion:
    text = (
        f"channel {name} {text}, and has {count:,} whole numbers in all: a label, a user or an id? "
        "If so, name the column with --column-group, or the others with --column-channels"
    )
    return finding("id", text, channel=name, values=count)
