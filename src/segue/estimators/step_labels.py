"""Labels for each step as the numbers of a model's classes, and back; how many are right."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from segue.dataset import Dataset
from segue.encoding import NO_LABEL
from segue.errors import DataError
from segue.estimators.weighting import normalized, spread
from segue.sequences import Array, Sequences

UNKNOWN = -2  # a label that the model does not have


def names_of(data: Dataset) -> tuple[Any, ...]:
    """The classes of a data set with a label for each step; their numbers where it names none."""
    if data.classes is not None:
        return data.classes
    return tuple(range(int(data.y.values.max(initial=-1)) + 1))


def occurring(data: Dataset, ignore: Any = None) -> tuple[Any, ...]:
    """The classes that some step has, in the order of the data set."""
    there = set(np.unique(data.y.values).tolist())
    return tuple(
        name
        for code, name in enumerate(names_of(data))
        if code in there - {NO_LABEL} and name != ignore
    )


def codes_for(data: Dataset, classes: Iterable[Any], ignore: Any = None) -> npt.NDArray[np.int64]:
    """`[total_steps]` class numbers in the order of a model's `classes`, which may be another.

    `NO_LABEL` stands where there is none, `UNKNOWN` where the model does not have the class.
    """
    place = {name: code for code, name in enumerate(classes)}
    if ignore is not None:
        place[ignore] = NO_LABEL
    table = np.array([*(place.get(name, UNKNOWN) for name in names_of(data)), NO_LABEL], np.int64)
    return np.asarray(table[data.y.values[:, 0]])  # -1, no label, takes the last entry


def decide(shares: Sequences, classes: Array) -> list[Array]:
    """The most probable class of each step: a `(time,)` array for each sequence.

    >>> decide(Sequences.from_list([[[0.9, 0.1], [0.2, 0.8]]]), np.array(["low", "high"]))
    [array(['low', 'high'], dtype='<U4')]
    """
    return [classes[steps.argmax(axis=1)] for steps in shares]


def accuracy(
    shares: Sequences, data: Dataset, classes: Array, ignore: Any = None, weights: Any = None
) -> float:
    """The share of labelled steps whose most probable class is the right one.

    Args:
        shares: `[time, class]` probabilities of each sequence.
        data: the sequences with their labels.
        classes: `[class]`, the names in the order of the probabilities.
        ignore: a label that means "none".
        weights: `[n]`, or `Sequences` of one for each step, as `SequenceLabeler.as_weights` gives.

    Raises:
        DataError: no step has a label, or weights of other lengths.
    """
    codes = codes_for(data, classes.tolist(), ignore)
    labelled = codes != NO_LABEL
    if not labelled.any():
        raise DataError("No step has a label, so there is nothing to be scored.")
    right = shares.values.argmax(axis=1) == codes
    given = None if weights is None else spread(weights, data.x)[labelled]
    own = normalized(given, int(labelled.sum()))
    return float(np.average(right[labelled], weights=own))
