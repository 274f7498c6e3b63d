"""Checks of a data set: hints that a score will be optimistic, or that a file was misread.

None of them need be wrong. Each line has the numbers that it rests on. A check is a function that
yields its findings; a mapped data set is read block by block. Here: labels, groups, parts, lengths,
and columns that look like times, ids or users; `channel_checks` has those of the values.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from segue.data import channel_checks
from segue.data.arrays import Array
from segue.data.channel_checks import Finding, Statistics, finding, statistics_of
from segue.data.summary import DatasetLike, equal_ones, groups_across_parts
from segue.errors import counted, first_few
from segue.extras import require

__all__ = ["Finding", "lengths_predict", "run_checks"]


MIN_SEQUENCES = 20  # below this, what lengths predict is chance
FOLDS = 5
MIN_ACCURACY_GAIN = 0.05  # of accuracy above the most frequent class
MIN_LENGTH_RATIO = 10  # times the median


def check_absent_classes(data: DatasetLike) -> Iterator[Finding]:
    """Classes that do not occur in a part."""
    for part in () if data.labels is None else data.part_names:
        there = set(data.labels[data.parts == part].tolist())
        absent = [name for name in data.classes or () if name not in there]
        if absent:
            count, every = len(absent), len(data.classes or ())
            do, shown = "does" if count == 1 else "do", first_few(absent, show=repr)
            numbers = {"part": part, "classes": absent}
            yield finding("classes", numbers, count=count, all=every, do=do, shown=shown)


def check_spellings(data: DatasetLike) -> Iterator[Finding]:
    """Classes that are the same but for capital letters and blanks."""
    alike = defaultdict(list)
    for name in data.classes or ():
        if isinstance(name, str):
            alike["".join(name.split()).casefold()].append(name)
    twins = [names for names in alike.values() if len(names) > 1]
    if twins:
        shown = first_few(twins, show=lambda names: " and ".join(map(repr, names)))
        count, every = sum(map(len, twins)), len(data.classes or ())
        yield finding("spelling", {"classes": twins}, count=count, all=every, shown=shown)


def check_time_order(data: DatasetLike) -> Iterator[Finding]:
    """Times that were not sorted, as the reader of a table noted."""
    for note in data.notes:
        if " sorted by " in note:
            yield finding("order", {"note": note})


def check_split_groups(data: DatasetLike) -> Iterator[Finding]:
    """Groups that occur in more than one part."""
    both = groups_across_parts(data)
    if both:
        of = len(np.unique(data.groups))
        are, shown = "is" if len(both) == 1 else "are", first_few(both, show=repr)
        numbers = {"groups": len(both), "of": of}
        yield finding("groups", numbers, every=counted(of, "group"), are=are, shown=shown)


def check_conflicting_labels(data: DatasetLike) -> Iterator[Finding]:
    """Equal sequences with different labels."""
    if data.labels is None:
        return
    pairs = set(zip(equal_ones(data.x).tolist(), data.labels.tolist(), strict=True))
    count = sum(labels > 1 for labels in Counter(equal for equal, _ in pairs).values())
    if count:
        sequences, occur = counted(count, "sequence"), "occurs" if count == 1 else "occur"
        yield finding("labels", {"sequences": count}, count=sequences, occur=occur)


def check_lengths(data: DatasetLike) -> Iterator[Finding]:
    """Lengths that predict the class."""
    accuracy, majority, error = lengths_predict(data) or (0.0, 0.0, 0.0)
    if accuracy > majority + max(MIN_ACCURACY_GAIN, 3 * error):
        yield finding("lengths", {"accuracy": accuracy, "majority": majority})


def lengths_predict(data: DatasetLike) -> tuple[float, float, float] | None:
    """How well the lengths of sequences predict their classes, cross-validated.

    A tree of depth 3 in five folds, stratified, groups kept together.

    Args:
        data: with one label for each sequence.

    Returns:
        The accuracy, that of the most frequent class, and the standard error of the difference;
        `None` where all lengths are the same or there are too few sequences.
    """
    shortest, longest = data.x.length_range
    if data.labels is None or shortest == longest or len(data) < MIN_SEQUENCES:
        return None
    names, y, counts = np.unique(data.labels, return_inverse=True, return_counts=True)
    groups = None if data.groups is None else np.unique(data.groups, return_inverse=True)[1]
    folds = min(FOLDS, int(counts.min()), len(y) if groups is None else 1 + int(groups.max()))
    if len(names) < 2 or folds < 2:
        return None
    selection, trees = require("sklearn.model_selection"), require("sklearn.tree")
    kind = selection.StratifiedKFold if groups is None else selection.StratifiedGroupKFold
    correct, usual = np.zeros(len(y)), np.zeros(len(y))
    x = data.x.lengths[:, None]
    for train, test in kind(folds, shuffle=True, random_state=0).split(x, y, groups):
        if len(np.unique(y[train])) < 2:
            return None
        tree = trees.DecisionTreeClassifier(max_depth=3, min_samples_leaf=3, random_state=0)
        correct[test] = tree.fit(x[train], y[train]).predict(x[test]) == y[test]
        usual[test] = y[test] == np.bincount(y[train]).argmax()
    error = float((correct - usual).std() / np.sqrt(len(y)))
    return float(correct.mean()), float(usual.mean()), error


def check_outlying_length(data: DatasetLike) -> Iterator[Finding]:
    """One sequence that is far longer than all others."""
    if len(data) < 3:
        return
    second, longest = np.sort(data.x.lengths)[-2:]
    median = max(1.0, float(np.median(data.x.lengths)))
    if longest > MIN_LENGTH_RATIO * median and longest > 3 * second:
        row = int(data.x.lengths.argmax())
        name, steps = row if data.ids is None else data.ids[row], counted(int(longest), "step")
        numbers = {"sequence": row, "steps": int(longest), "median": median}
        ratio = longest / median
        yield finding("long", numbers, name=name, longest=steps, ratio=ratio, second=second)


MIN_STEPS = 20  # below this, what values rise by may be chance
MIN_ROWS = 10
INCREMENT_TOLERANCE = 0.01  # of a step that values rise by
MAX_RESTART_SHARE = 0.1  # of the steps; where a series falls more often, it is no counter


def check_times(data: DatasetLike, statistics: Statistics) -> Iterator[Finding]:
    """Channels that rise by the same number from step to step in every sequence."""
    rising = _rising(data, statistics) if data.x.channels > 1 else {}
    count = len(statistics.low)
    every = "the sequence" if count == 1 else f"all {counted(count, 'sequence')}"
    for channel, step in rising.items():
        numbers = {"channel": statistics.names[channel], "step": step}
        yield finding("time", numbers, every=every)


def check_ids(data: DatasetLike, statistics: Statistics) -> Iterator[Finding]:
    """Channels of whole numbers that stay the same for a sequence, or for one stretch of steps."""
    if data.x.channels < 2:
        return
    low, count = statistics.low, len(statistics.low)
    whole = (low == np.rint(low)).all(axis=0)
    fixed = (low == statistics.high).all(axis=0)
    same = whole & fixed & (low.min(axis=0) < low.max(axis=0)) & (count >= MIN_ROWS)
    within = f"stays the same within each of {counted(count, 'sequence')}"
    found = [(c, len(np.unique(low[:, c])), within) for c in np.flatnonzero(same).tolist()]
    stretches = _stretches(data, np.flatnonzero(whole & ~fixed).tolist())
    within = "has each of its values in one stretch of steps"
    found += [(channel, count, within) for channel, count in stretches.items()]
    for channel, count, within in found:
        numbers = {"channel": statistics.names[channel], "values": count}
        yield finding("id", numbers, within=within)


def check_first_values(data: DatasetLike, statistics: Statistics) -> Iterator[Finding]:
    """A row number, or an id, that a table of one row a sequence has before its values."""
    is_table = data.x.channels == 1 and len(data) >= MIN_ROWS and data.spans is None
    if not is_table or data.x.length_range[0] < 3:
        return
    sample = statistics.sample[np.isfinite(statistics.sample)]
    fractions = float((sample != np.rint(sample)).mean()) if len(sample) else 0.0
    for index, word in ((0, "first"), (-1, "last")):
        values = np.array([steps[index, 0] for steps in data.x], np.float64)
        if not np.isfinite(values).all():
            continue
        step, different = _constant_increment(values), len(np.unique(values))
        if step is not None:
            what = f"rises by {step:.6g} from one to the next: a row number?"
        elif fractions > 0.5 and different > 1 and (values == np.rint(values)).all():
            what = (
                f"is a whole number ({different} different), and others are not: a label, a user "
                "or an id?"
            )
        else:
            continue
        numbers = {"place": word, "step": step}
        yield finding("first value", numbers, count=len(values), what=what)


def _rising(data: DatasetLike, statistics: Statistics) -> dict[int, float]:
    """The channels and what they rise by; a channel is given up at the first block that differs."""
    varies = (statistics.low < statistics.high).any(axis=0)
    alive = np.flatnonzero(varies & (statistics.present > 0).all(axis=0))
    seen, steps = 0, {channel: list[Any]() for channel in alive.tolist()}
    for block in data.x.blocks():
        long = block[block.lengths >= 3]
        for piece in (long[:5], long[5:]):  # most are given up after a few sequences
            for channel in list(steps):
                rises = [_constant_increment(sequence[:, channel]) for sequence in piece]
                if None in rises or not _are_equal([*steps[channel][:1], *rises]):
                    del steps[channel]
                else:
                    steps[channel] += rises[:1]
            if not steps:
                return {}
        seen += int(long.lengths.sum())
    return {c: float(rises[0]) for c, rises in steps.items() if rises and seen >= MIN_STEPS}


def _constant_increment(values: Array) -> float | None:
    """The constant increment of values, up to the precision of float32; `None`: it varies.

    Now and then the values may restart, as a counter does where a table's sequences were joined.
    """
    values = values.astype(np.float64)
    begins = np.concatenate([[0], np.flatnonzero(np.diff(values) < 0) + 1])
    lengths = np.diff(begins, append=len(values))
    if len(begins) > 1 + MAX_RESTART_SHARE * len(values) or len(begins) == len(values):
        return None
    ends = begins + lengths - 1
    rise = float((values[ends] - values[begins]).sum()) / (len(values) - len(begins))
    fine = float(np.abs(values).max()) * 2.0**-22
    if not rise > 0 or lengths.max() * rise < 10 * fine:
        return None
    line = values[begins].repeat(lengths)
    line += rise * (np.arange(len(values)) - begins.repeat(lengths))
    return rise if float(np.abs(values - line).max()) <= INCREMENT_TOLERANCE * rise + fine else None


def _are_equal(rises: list[Any]) -> bool:
    return len(rises) == 0 or max(rises) - min(rises) <= INCREMENT_TOLERANCE * max(rises)


def _stretches(data: DatasetLike, channels: list[int]) -> dict[int, int]:
    """How many values each of these channels has, where none comes again later."""
    seen: dict[int, list[float]] = {channel: [] for channel in channels}
    for block in data.x.blocks():
        for channel, known in list(seen.items()):
            values = block.values[:, channel]
            runs = values[np.concatenate([[0], np.flatnonzero(np.diff(values) != 0) + 1])]
            few = len(runs) < 0.1 * len(values) and bool((runs == np.rint(runs)).all())
            known += runs[1 if known and runs[0] == known[-1] else 0 :].tolist()
            if not few or len(set(known)) < len(known):
                del seen[channel]
    return {c: len(values) for c, values in seen.items() if len(values) > 2}


_OF_ALL = (
    check_absent_classes,
    check_spellings,
    check_split_groups,
    check_conflicting_labels,
    check_time_order,
)
_OF_LENGTHS = (check_lengths, check_outlying_length)
_OF_VALUES = (
    channel_checks.check_constant,
    channel_checks.check_constant_in_class,
    channel_checks.check_float32_precision,
    channel_checks.check_scales,
    channel_checks.check_missing,
    check_times,
    check_ids,
    check_first_values,
    channel_checks.check_sentinels,
    channel_checks.check_repeats,
)


def run_checks(data: DatasetLike) -> list[Finding]:
    """Run all checks on a data set.

    Lengths, channels and values are checked in the part "train", where there is one.
    """
    train = data.part("train") if "train" in data.part_names else data
    found = [one for check in _OF_ALL for one in check(data)]
    found += [one for check in _OF_LENGTHS for one in check(train)]
    if not data.x.is_text and train.x.total_steps:
        statistics = statistics_of(train)
        found += [one for check in _OF_VALUES for one in check(train, statistics)]
    return found
