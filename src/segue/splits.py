"""Splits that keep the share of each class and never part a group.

Pure functions over labels and groups; `Dataset.split` and the estimators' validation use them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from segue.errors import DataError
from segue.randomness import numpy_generator

Array = npt.NDArray[Any]
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
    if not 0 < share < 1:
        raise DataError(f"A split's share is {share}; expected a number between 0 and 1.")
    if count < 2:
        raise DataError(f"{count} sequence cannot be split in two.")
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


def _stratified(labels: Array, share: float, draws: np.random.Generator) -> Index:
    """From each class its share; the rounding is made good so that the whole has its share too."""
    _, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    wanted = counts * share
    take = np.floor(wanted).astype(np.int64)
    missing = max(1, round(len(labels) * share)) - int(take.sum())
    # What is missing is taken where the rounding lost most; equal losses are drawn.
    order = np.lexsort((draws.random(len(counts)), -(wanted - take)))
    for code in order:
        if missing <= 0:
            break
        if take[code] + 1 < counts[code]:
            take[code] += 1
            missing -= 1
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
