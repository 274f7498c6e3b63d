"""Sample weights and class weights: checked, combined, and scaled to a mean of 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from segue.data.dataset import Dataset
from segue.data.sequences import Array, Sequences
from segue.errors import DataError, OptionError


def normalized(weights: Any, count: int) -> Array | None:
    """Check `[n]` weights and scale them to a mean of 1; `None`, all the same, stays.

    Raises:
        DataError: weights of another number, negative, not finite, or all zero.

    >>> normalized([1.0, 3.0], 2)
    array([0.5, 1.5])
    """
    return None if weights is None else _scaled_to_mean_one(weights, count)


def _scaled_to_mean_one(weights: Any, count: int) -> Array:
    weights = np.asarray(weights, float)
    good = np.isfinite(weights).all() and (weights >= 0).all() and weights.any()
    if weights.shape != (count,) or not good:
        raise DataError(
            f"`sample_weight` has shape {weights.shape}; expected {count} finite weights, "
            "none negative and not all zero."
        )
    return np.asarray(weights / weights.mean())


def weighted_by_class(
    codes: Array, classes: tuple[Any, ...], class_weight: Any, sample_weight: Array | None
) -> Array | None:
    """Combine sample weights and class weights, scaled to a mean of 1; `None` without either.

    Args:
        codes: `[n]` class numbers.
        classes: their names.
        class_weight: `None`, "balanced" (each class the same in all), or a weight by class name.
        sample_weight: `[n]`, or `None`.

    Raises:
        OptionError: a `class_weight` that means nothing.
        DataError: a `sample_weight` that means nothing.

    >>> weighted_by_class(np.array([0, 0, 0, 1]), ("often", "rare"), "balanced", None).round(3)
    array([0.667, 0.667, 0.667, 2.   ])
    """
    if class_weight is None and sample_weight is None:
        return None
    weights = np.ones(len(codes)) if sample_weight is None else sample_weight
    weights = _scaled_to_mean_one(weights, len(codes))
    if class_weight == "balanced":
        totals = np.bincount(codes, weights, minlength=len(classes))
        weights = weights / np.maximum(totals, 1e-12)[codes]
    elif isinstance(class_weight, Mapping):
        strange = sorted(str(name) for name in class_weight if name not in classes)
        if strange:
            raise OptionError(
                f"`class_weight` names {', '.join(strange)}; the classes are {list(classes)}."
            )
        given = np.array([class_weight.get(name, 1.0) for name in classes], float)
        weights = weights * given[codes]
        if not np.isfinite(given).all() or (given < 0).any() or not weights.any():
            raise OptionError(
                f"`class_weight` is {dict(class_weight)}; expected finite weights, none negative "
                "and not all zero."
            )
    elif class_weight is not None:
        raise OptionError(
            f"`class_weight` is {class_weight!r}; expected 'balanced', None, or a weight for each "
            "class such as {'rare': 5.0}."
        )
    return np.asarray(weights / weights.mean())


def spread(weights: Any, x: Sequences) -> Array:
    """`[total_steps]` weights: those of the steps, or each sequence's own at all of its steps.

    Raises:
        DataError: weights of other lengths than the sequences.

    >>> spread(np.array([1.0, 3.0]), Sequences.from_list([[5.0, 6.0], [7.0]])).tolist()
    [1.0, 1.0, 3.0]
    """
    if not isinstance(weights, Sequences):
        if len(weights) != len(x):
            raise DataError(
                f"`sample_weight` has {len(weights)} entries; expected {len(x)}, one for each "
                "sequence or a list of one for each step."
            )
        return np.repeat(np.asarray(weights, float), x.lengths)
    if not np.array_equal(weights.lengths, x.lengths):
        row = int(np.argmax(weights.lengths != x.lengths))
        raise DataError(
            f"Sequence {row} has {x.lengths[row]} steps and {weights.lengths[row]} weights in "
            "`sample_weight`; expected one for each step, or one for each sequence."
        )
    return weights.values[:, 0].astype(float)


def of_part(weights: Any, data: Dataset, part: Dataset) -> Any:
    """The training part's weights, of those of all sequences or of it alone.

    Raises:
        DataError: weights of another number.
    """
    if len(weights) not in (len(data), len(part)):
        raise DataError(
            f"`sample_weight` has {len(weights)} entries; expected {len(data)}, one for each "
            "sequence."
        )
    if len(weights) != len(part) and data.parts is not None:
        weights = weights[data.parts == "train"]
    return weights
