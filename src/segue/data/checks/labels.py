"""Checks of labels, groups, parts and lengths."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from segue.data.checks.findings import Suspicion, finding, first_few
from segue.data.summary import DatasetLike
from segue.errors import counted

LEAST_SEQUENCES = 20  # below this, what lengths predict is chance
FOLDS = 5
CLEAR = 0.05  # of accuracy above the most frequent class
FAR_LONGER = 10  # times the median


def absent_classes(data: DatasetLike) -> Iterator[Suspicion]:
    """Classes that do not occur in a part."""
    if data.labels is None or data.parts is None:
        return
    for part in data.part_names:
        there = set(data.labels[data.parts == part].tolist())
        absent = [name for name in data.classes or () if name not in there]
        if absent:
            text = (
                f"{len(absent)} of {len(data.classes or ())} classes "
                f"{'does' if len(absent) == 1 else 'do'} not occur in part {part}: "
                f"{first_few(absent, repr)}"
            )
            yield finding("classes", text, part=part, classes=absent)


def spellings(data: DatasetLike) -> Iterator[Suspicion]:
    """Classes that are the same but for capital letters and blanks."""
    alike = defaultdict(list)
    for name in data.classes or ():
        if isinstance(name, str):
            alike["".join(name.split()).casefold()].append(name)
    twins = [names for names in alike.values() if len(names) > 1]
    if twins:
        shown = first_few(twins, lambda names: " and ".join(map(repr, names)))
        text = (
            f"{sum(map(len, twins))} of {len(data.classes or ())} classes differ by capital "
            f"letters or blanks only: {shown}"
        )
        yield finding("spelling", text, classes=twins)


def times_out_of_order(data: DatasetLike) -> Iterator[Suspicion]:
    """Times that were not sorted, as the reader of a table noted."""
    for note in data.notes:
        if re.search(r"\bsorted by\b", note):
            yield finding("order", f"times out of order: {note}", note=note)


def parted_groups(data: DatasetLike) -> Iterator[Suspicion]:
    """Groups that occur in more than one part."""
    if data.groups is None or data.parts is None:
        return
    sides = defaultdict(set)
    for group, part in zip(data.groups.tolist(), data.parts.tolist(), strict=True):
        sides[group].add(part)
    both = [group for group, parts in sides.items() if len(parts) > 1]
    if both:
        text = (
            f"{len(both)} of {counted(len(sides), 'group')} {'is' if len(both) == 1 else 'are'} in "
            f"more than one part: {first_few(both, repr)}; scores will flatter"
        )
        yield finding("groups", text, groups=len(both), of=len(sides))


def other_labels(data: DatasetLike) -> Iterator[Suspicion]:
    """The same sequence with different labels."""
    if data.labels is None:
        return
    seen: dict[bytes, set[Any]] = defaultdict(set)
    for steps, label in zip(data.x, data.labels.tolist(), strict=True):
        seen[hashlib.blake2b(steps.tobytes(), digest_size=16).digest()].add(label)
    count = sum(len(labels) > 1 for labels in seen.values())
    if count:
        occurs = "occurs" if count == 1 else "occur"
        text = f"{counted(count, 'sequence')} {occurs} again with another label"
        yield finding("labels", text, sequences=count)


def lengths(data: DatasetLike) -> Iterator[Suspicion]:
    """Lengths that predict the class."""
    found = lengths_predict(data)
    if found is None:
        return
    accuracy, majority, error = found
    if accuracy > majority + max(CLEAR, 3 * error):
        text = (
            f"lengths alone predict the class with {accuracy:.0%} (always the most frequent "
            f"class: {majority:.0%})"
        )
        yield finding("lengths", text, accuracy=accuracy, majority=majority)


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
    if data.labels is None or shortest == longest or len(data) < LEAST_SEQUENCES:
        return None
    names, y, counts = np.unique(data.labels, return_inverse=True, return_counts=True)
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


def far_longer(data: DatasetLike) -> Iterator[Suspicion]:
    """One sequence that is far longer than all others."""
    lengths = np.sort(data.x.lengths)
    if len(lengths) < 3:
        return
    longest, second, median = lengths[-1], lengths[-2], max(1.0, float(np.median(lengths)))
    if longest > FAR_LONGER * median and longest > 3 * second:
        row = int(data.x.lengths.argmax())
        name = row if data.ids is None else data.ids[row]
        text = (
            f"sequence {name} has {counted(int(longest), 'step')}, {longest / median:,.0f} times "
            f"the median; the next one has {second:,}"
        )
        yield finding("long", text, sequence=row, steps=int(longest), median=median)
