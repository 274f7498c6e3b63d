"""Stratified, grouped and temporal splits: they keep class shares and never split a group.

Pure functions over labels, groups and spans; `Dataset.split` and the estimators' validation use
them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from segue.data.arrays import Array
from segue.errors import DataError, counted
from segue.randomness import numpy_generator

Index = npt.NDArray[np.int64]


def split(
    count: int,
    share: float,
    *,
    labels: Array | None = None,
    groups: Array | None = None,
    seed: int = 0,
) -> tuple[Index, Index]:
    """Return the indices of the larger and the smaller part, each rising.

    Args:
        count: how many there are.
        share: the size of the second part, between 0 and 1.
        labels: `[count]`; each class keeps its share as nearly as whole sequences allow. A class
            that occurs once stays in the first part.
        groups: `[count]`; all of a group come to the same side.
        seed: another seed draws another split.

    Raises:
        DataError: no class occurs twice, or there is only one group.

    >>> first, second = split(10, 0.2, labels=np.repeat(["a", "b"], 5), seed=0)
    >>> len(first), len(second)
    (8, 2)
    """
    _check_share(share)
    if count < 2:
        raise DataError(
            f"{counted(count, 'sequence')} cannot be split in two. Of one long recording the "
            "windows can: window=128. Where rows are of several sequences, name the column that "
            "tells them apart: id='NAME'."
        )
    draws = numpy_generator(seed, "split")
    labels = np.zeros(count, np.int64) if labels is None else np.asarray(labels)
    if groups is None:
        chosen = _stratified(labels, share, draws)
    else:
        chosen = _grouped(labels, np.asarray(groups), share, draws)
    if len(chosen) == 0:
        raise DataError(
            f"Each of the {count} classes occurs only once, so no sequence can be set aside "
            "without losing its class. Give more sequences of each class."
        )
    mask = np.zeros(count, bool)
    mask[chosen] = True
    return np.flatnonzero(~mask), np.flatnonzero(mask)


def _check_share(share: float) -> None:
    if not 0 < share < 1:
        raise DataError(f"A split's share is {share}; expected a number between 0 and 1.")


def _stratified(labels: Array, share: float, draws: np.random.Generator) -> Index:
    """From each class its share; the rounding is made good so that the whole has its share too."""
    _, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    wanted = counts * share
    take = np.floor(wanted).astype(np.int64)
    missing = max(1, round(len(labels) * share)) - int(take.sum())
    # What is missing is taken where the rounding lost most; equal losses are drawn.
    order = np.lexsort((draws.random(len(counts)), -(wanted - take)))
    take[order[take[order] + 1 < counts[order]][: max(0, missing)]] += 1
    chosen = [draws.permutation(np.flatnonzero(codes == c))[:k] for c, k in enumerate(take)]
    return np.concatenate(chosen)


def _grouped(labels: Array, groups: Array, share: float, draws: np.random.Generator) -> Index:
    """Take whole groups, each time the one that brings the class counts nearest to the share."""
    names, members = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        raise DataError(
            f"All sequences belong to one group ({str(names[0])!r}), so no split keeps it on one "
            "side. Leave out `groups` to split inside it."
        )
    _, codes = np.unique(labels, return_inverse=True)
    table = np.zeros((len(names), int(codes.max()) + 1))
    np.add.at(table, (members, codes), 1)
    wanted = table.sum(axis=0) * share
    left = list(draws.permutation(len(names)))
    taken = np.zeros(table.shape[1])
    chosen: list[int] = []
    while len(left) > 1:
        distances = [float(((wanted - taken - table[g]) ** 2).sum()) for g in left]
        best = int(np.argmin(distances))
        if chosen and distances[best] >= float(((wanted - taken) ** 2).sum()):
            break
        chosen.append(int(left.pop(best)))
        taken += table[chosen[-1]]
    return np.flatnonzero(np.isin(members, chosen))


def offer_windows(steps: int) -> str:
    """Say how recordings with a label at each step become windows with one label each.

    Args:
        steps: of the longest recording; of a short one the windows are shorter.

    >>> offer_windows(5000).split(" (")[0]
    "For one label a window: window=128, stride=64, window_label='majority'"
    """
    size = max(2, min(128, 2 ** max(1, steps // 8).bit_length() // 2))
    stride = size // 2
    return (
        f"For one label a window: window={size}, stride={stride}, window_label='majority' (in "
        f"Python segue.windows(data, {size}, stride={stride}, label='majority'))"
    )


# -- windows of series ----------------------------------------------------------------------------


def split_in_time(spans: Index, share: float) -> tuple[Index, Index]:
    """Of each series put the last windows on the second side, so that no step is on both.

    Windows that reach across the cut are on neither side. A series with windows too few to be cut
    is on the first.

    Args:
        spans: `[n, 3]`: the series of each window, its first step, and the step behind its last.
        share: the size of the second part, between 0 and 1.

    Raises:
        DataError: no series can be cut.

    >>> first, second = split_in_time(np.array([[0, t, t + 3] for t in range(10)]), 0.3)
    >>> first.tolist(), second.tolist()
    ([0, 1, 2, 3, 4], [7, 8, 9])
    """
    _check_share(share)
    sides = np.zeros(len(spans), np.int8)
    for name in np.unique(spans[:, 0]):
        members = np.flatnonzero(spans[:, 0] == name)
        starts, stops = spans[members, 1], spans[members, 2]
        wanted = max(1, round(len(members) * share))
        cut = np.sort(starts)[-wanted]
        if (stops <= cut).any():
            sides[members] = np.where(starts >= cut, 2, np.where(stops <= cut, 0, 1))
    if not (sides == 2).any():
        raise DataError(
            f"No series can be cut in time: all of its windows overlap. There are {len(spans)} "
            f"windows of {len(np.unique(spans[:, 0]))} series; give longer series or shorter "
            "windows."
        )
    return np.flatnonzero(sides == 0), np.flatnonzero(sides == 2)


def overlapping(first: Index, second: Index) -> npt.NDArray[np.bool_]:
    """`[m]`, whether each window of the second side shares a step with one of the first.

    Args:
        first: `[n, 3]` spans, as in `split_in_time`.
        second: `[m, 3]` spans.

    >>> overlapping(np.array([[0, 0, 5]]), np.array([[0, 4, 9], [0, 5, 9], [1, 0, 9]])).tolist()
    [True, False, False]
    """
    found = np.zeros(len(second), bool)
    for name in np.unique(second[:, 0]):
        mine = first[first[:, 0] == name]
        if len(mine) == 0:
            continue
        members = np.flatnonzero(second[:, 0] == name)
        mine = mine[np.argsort(mine[:, 1])]
        reach = np.maximum.accumulate(mine[:, 2])  # how far the windows up to each one reach
        theirs = second[members]
        before = np.searchsorted(mine[:, 1], theirs[:, 2])  # those that begin before its end
        found[members] = (before > 0) & (reach[before - 1] > theirs[:, 1])
    return found


def leaks(
    first: Index, second: Index, *, groups: Array | None = None, spans: Index | None = None
) -> str:
    """Say how many windows overlap and groups are parted between two sides; nothing if none.

    >>> leaks(np.array([0]), np.array([1]), groups=np.array(["ann", "ann"]))
    '1 of 1 group is on both sides of the split.'
    """
    sentences = []
    if spans is not None and (count := int(overlapping(spans[first], spans[second]).sum())):
        windows = counted(len(second), "window")
        sentences.append(
            f"{count:,} of {windows} {'overlaps' if count == 1 else 'overlap'} with windows of the "
            "other side."
        )
    if groups is not None and len(both := np.intersect1d(groups[first], groups[second])):
        every = counted(len(np.unique(groups)), "group")
        are = "is" if len(both) == 1 else "are"
        sentences.append(f"{len(both)} of {every} {are} on both sides of the split.")
    return " ".join(sentences)
