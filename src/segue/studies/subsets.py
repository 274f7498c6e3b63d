"""Data of a study's trials: parts, training sizes, seeds and stratified subsets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from segue.data.dataset import Dataset
from segue.data.sequences import Array
from segue.errors import DataError, OptionError
from segue.estimators.parameters import is_whole
from segue.randomness import numpy_generator


def split_parts(data: Any, part: str, share: float) -> tuple[Dataset, Dataset]:
    """The training part of a data set, and another one; both without parts.

    Args:
        data: a data set.
        part: "test" or "validation", which is taken where the data set has it.
        share: of the training part that is split off where it has not.

    Raises:
        DataError: something else than a data set, or one with parts of which none is "train".
    """
    if not isinstance(data, Dataset):
        raise DataError(
            f"`data` is a {type(data).__name__}; expected a Dataset, such as segue.Dataset(x, y)."
        )
    if data.parts is not None and "train" not in data.part_names:
        raise DataError(f"The data set has the parts {', '.join(data.part_names)}; no 'train'.")
    train = data if data.parts is None else data.part("train")
    if part in data.part_names:
        other = data.part(part)
    else:
        train, other = train.split(share, seed=0)
    return replace(train, parts=None), replace(other, parts=None)


def as_seeds(seeds: Any) -> tuple[int, ...]:
    """Seeds from their number, or the seeds themselves.

    Raises:
        OptionError: no seed, one twice, or something else than whole numbers.

    >>> as_seeds(3), as_seeds([7, 8])
    ((0, 1, 2), (7, 8))
    """
    listed = _whole_numbers(list(range(seeds)) if is_whole(seeds) else seeds)
    if not listed:
        raise OptionError(
            f"`seeds` is {seeds!r}; expected how many from 1 on, or different whole numbers."
        )
    return listed


def _whole_numbers(values: Any, least: float = -np.inf) -> tuple[int, ...]:
    """The values, if they are different whole numbers from `least` on; else none."""
    listed = list(values) if isinstance(values, list | tuple | np.ndarray) else []
    if not all(is_whole(one, least) for one in listed) or len(set(listed)) < len(listed):
        return ()
    return tuple(map(int, listed))


def stratified_order(data: Dataset, seed: int) -> Array:
    """`[n]`, an order of which every beginning is a stratified subset, as nearly as possible.

    Every class occurs once before any occurs twice. Groups follow one another, each time the one
    that brings the class shares nearest to those of all data: few sequences are then those of few
    groups, as in a smaller collection.

    Args:
        data: the sequences.
        seed: another seed gives another order.

    >>> data = Dataset([[0.0]] * 6, ["a", "a", "a", "a", "b", "b"])
    >>> order = stratified_order(data, seed=0)
    >>> sorted(data.y[order[:2]].tolist()), sorted(data.y[order[:3]].tolist())
    (['a', 'b'], ['a', 'a', 'b'])
    """
    draws = numpy_generator(seed, "study", "subset")
    has_classes = data.classes is not None and np.ndim(data.y) == 1
    _, codes = np.unique(data.y if has_classes else np.zeros(len(data)), return_inverse=True)
    if data.splits_by != "group" or data.groups is None:
        return _stratified(codes, draws)
    _, members = np.unique(data.groups, return_inverse=True)
    rank = np.empty(members.max() + 1, np.int64)
    rank[_groups_in_order(codes, members, draws)] = np.arange(len(rank))
    return np.lexsort((draws.random(len(data)), rank[members]))


def _stratified(codes: Array, draws: np.random.Generator) -> Array:
    """The k-th of m sequences of a class stands at k / m of the order."""
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
    """Validate the sizes of a learning curve; by default up to six, each twice the one before.

    Raises:
        DataError: more than there are, fewer than 2, not whole numbers, or none.

    >>> choose_sizes(None, 400)
    (12, 25, 50, 100, 200, 400)
    """
    if sizes is None:
        halved = sorted({count >> power for power in range(6)} - {0, 1, 2, 3})
        return tuple(halved) or (count,)
    listed = _whole_numbers(sizes, least=2)
    if not listed:
        raise DataError(
            f"`sizes` is {sizes!r}; expected different whole numbers of sequences from 2 on, such "
            "as [20, 50, 100]."
        )
    if max(listed) > count:
        raise DataError(f"`sizes` has {max(listed)}, and there are {count} training sequences.")
    return tuple(sorted(listed))
