"""Orders of sequences of which every beginning is a fair, smaller data set.

A learning curve learns from the first 20, then the first 50 of the same order: its subsets are
nested, so that the difference between two sizes is what the further sequences brought.
"""

from __future__ import annotations

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError
from segue.randomness import numpy_generator
from segue.sequences import Array


def fair_order(data: Dataset, seed: int) -> Array:
    """`[n]`, an order in which each beginning has each class by its share, as nearly as can be.

    Every class occurs once before any occurs twice. Where there are groups they come one after the
    other, each time the one that brings the classes nearest to their shares, so that few sequences
    are those of few groups, as they would be in a smaller collection.

    Args:
        data: the sequences.
        seed: another seed, another order.

    >>> data = Dataset([[0.0]] * 6, ["a", "a", "a", "a", "b", "b"])
    >>> order = fair_order(data, seed=0)
    >>> sorted(data.y[order[:2]].tolist()), sorted(data.y[order[:3]].tolist())
    (['a', 'b'], ['a', 'a', 'b'])
    """
    draws = numpy_generator(seed, "study", "subset")
    is_grouped = data.splits_by == "group"
    labels = data.y if data.task == "classify" else np.zeros(len(data), np.int64)
    _, codes = np.unique(labels, return_inverse=True)
    if not is_grouped or data.groups is None:
        return _stratified(codes, draws)
    _, members = np.unique(data.groups, return_inverse=True)
    place = np.empty(members.max() + 1, np.int64)
    place[_groups_in_order(codes, members, draws)] = np.arange(len(place))
    return np.lexsort((draws.random(len(data)), place[members]))


def _stratified(codes: Array, draws: np.random.Generator) -> Array:
    """The k-th of m sequences of a class stands at k / m of the way."""
    position = np.empty(len(codes))
    for code in range(codes.max() + 1):
        members = draws.permutation(np.flatnonzero(codes == code))
        position[members] = np.arange(len(members)) / len(members)
    return np.lexsort((draws.random(len(codes)), position))


def _groups_in_order(codes: Array, members: Array, draws: np.random.Generator) -> Array:
    table = np.zeros((members.max() + 1, codes.max() + 1))
    np.add.at(table, (members, codes), 1)
    shares = table.sum(axis=0) / table.sum()
    left = draws.permutation(len(table))
    order, taken = [], np.zeros(table.shape[1])
    while len(left):
        sums = taken + table[left]
        distance = np.abs(sums / sums.sum(axis=1, keepdims=True) - shares).sum(axis=1)
        best = int(np.argmin(distance))
        order.append(int(left[best]))
        taken = sums[best]
        left = np.delete(left, best)
    return np.asarray(order, np.int64)


def choose_sizes(sizes: object, count: int) -> tuple[int, ...]:
    """Check the sizes of a learning curve, or choose six, each twice the one before.

    Raises:
        DataError: more than there are, fewer than 2, not whole numbers, or none.

    >>> choose_sizes(None, 400)
    (12, 25, 50, 100, 200, 400)
    """
    if sizes is None:
        found = sorted({count >> power for power in range(6)} - {0, 1, 2, 3})
        return tuple(found) or (count,)
    listed = list(sizes) if isinstance(sizes, list | tuple | np.ndarray) else None
    whole = listed and all(
        isinstance(n, int | np.integer) and not isinstance(n, bool) and n >= 2 for n in listed
    )
    if not listed or not whole or len(set(listed)) < len(listed):
        raise DataError(
            f"`sizes` is {sizes!r}; expected different whole numbers of sequences from 2 on, such "
            "as [20, 50, 100]."
        )
    if max(listed) > count:
        raise DataError(
            f"`sizes` has {max(listed)}, and there are {count} sequences to learn from."
        )
    return tuple(sorted(int(n) for n in listed))
