"""Labels for each step: what users pass, as class numbers, and back; how many are right."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from segue.dataset import Dataset
from segue.errors import DataError
from segue.estimators.weighting import normalized, spread
from segue.sequences import Array, Sequences
from segue.training.targets import NO_LABEL

UNKNOWN = -2  # a label that the model does not have


def encode(y: Iterable[Any], *, ignore: Any = None) -> tuple[Sequences, tuple[Any, ...]]:
    """Turn lists of labels into class numbers; `None`, NaN and `ignore` mean that there is none.

    Args:
        y: `(time,)` labels of each sequence, text or numbers.
        ignore: another label that means "none", such as -1.

    Returns:
        Class numbers, `Sequences` of int32 with -1 where there is no label; and the class names.

    Raises:
        DataError: labels of another shape, or none at all.

    >>> codes, classes = encode([["sit", "walk"], ["walk", "?"]], ignore="?")
    >>> classes, codes.values[:, 0].tolist()
    (('sit', 'walk'), [0, 1, 1, -1])
    """
    rows = [_row(labels, number) for number, labels in enumerate(y)]
    flat = np.concatenate(rows) if rows else np.empty(0)
    known = ~_is_none(flat, ignore)
    if not known.any():
        raise DataError(f"`y` has no label at any of its {len(flat):,} steps.")
    names, found = np.unique(np.asarray(flat[known].tolist()), return_inverse=True)
    codes = np.full(len(flat), NO_LABEL, np.int32)
    codes[known] = found
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    return Sequences(codes, offsets), tuple(names.tolist())


def _row(labels: Any, number: int) -> Array:
    row = np.asarray(labels)
    if row.ndim == 2 and row.shape[1] == 1:
        row = row[:, 0]
    if row.ndim != 1:
        raise DataError(
            f"The labels of sequence {number} have shape {row.shape}; expected (time,), a label "
            "for each step."
        )
    return row


def _is_none(labels: Array, ignore: Any) -> npt.NDArray[np.bool_]:
    if labels.dtype == object:
        return np.array([is_absent(label) or label == ignore for label in labels.tolist()], bool)
    none = np.zeros(len(labels), bool)
    if labels.dtype.kind == "f":
        none |= np.isnan(labels)
    return none if ignore is None else none | np.asarray(labels == ignore)


def is_absent(label: Any) -> bool:
    """Whether what a user passes as a label says that there is none: `None` or NaN."""
    return label is None or (isinstance(label, float) and math.isnan(label))


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
