"""Sets of classes that hold the true one as often as is asked for: conformal prediction.

The scores are those of training sequences that were held out (`HeldOut`). Vovk, Gammerman & Shafer,
"Algorithmic learning in a random world", Springer 2005; with one minus the probability of the true
class as score, Sadinle, Lei & Wasserman, "Least ambiguous set-valued classifiers with bounded error
levels", Journal of the American Statistical Association 114, 2019; of cases that are held out,
Barber, Candès, Ramdas & Tibshirani, "Predictive inference with the jackknife+", Annals of
Statistics 49, 2021.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from segue.data.arrays import Array
from segue.errors import DataError, OptionError, counted, first_few, warn_user
from segue.training.closed_form import HeldOut
from segue.training.options import is_number

Mask = npt.NDArray[np.bool_]

# Of probabilities in float32: a class that is as probable as the limit is in the set, also where
# all sequences get the same answer.
_ROUNDING = 1e-6


def prediction_sets(
    probabilities: Array,
    held_out: HeldOut,
    classes: Any,
    *,
    coverage: float = 0.9,
    per_class: bool = False,
) -> Mask:
    """`[n, class]`, which classes are in the set of each sequence: never none.

    Args:
        probabilities: `[n, class]`.
        held_out: what was predicted for training sequences without them.
        classes: the names, for messages.
        coverage: the share of sequences whose class is to be in their set.
        per_class: whether it is to be so among the sequences of each class.

    Raises:
        OptionError: a coverage that is no share.

    Warns:
        UserWarning: too few sequences were held out, so that sets have all classes.

    >>> held_out = HeldOut(np.tile([[0.75, 0.25]], (9, 1)), np.zeros(9, int))
    >>> found = prediction_sets(np.array([[0.8, 0.2], [0.7, 0.3]]), held_out, ["a", "b"])
    >>> found.tolist()
    [[True, False], [True, False]]
    """
    if not is_number(coverage) or not 0 < coverage < 1:
        raise OptionError(f"`coverage` is {coverage!r}; expected a share such as 0.9.")
    targets = np.asarray(held_out.targets)
    scores = 1 - held_out.outputs[np.arange(len(targets)), targets]
    parts = [targets == number for number in range(len(classes))] if per_class else [targets >= 0]
    limits = np.array([_limit(scores[part], coverage) for part in parts])
    if few := [str(c) for c, limit in zip(classes, limits, strict=False) if math.isinf(limit)]:
        needed = counted(least_cases(coverage), "training sequence")
        of_class = f" of class {first_few(few)}" if per_class else ""
        warn_user(
            f"Sets that hold the class of {100 * coverage:g} % of the sequences need "
            f"{needed}{of_class} at least, and there are fewer: "
            + ("that class is in every set." if per_class else "they have all classes.")
        )
    found = 1 - probabilities <= limits + _ROUNDING
    found[np.arange(len(found)), probabilities.argmax(1)] = True
    return np.asarray(found)


def least_cases(coverage: float) -> int:
    """Of how many training sequences, at least, sets can be smaller than all classes.

    >>> least_cases(0.9)
    9
    """
    return math.ceil(coverage / (1 - coverage) - 1e-9)


def require_held_out(estimator: Any) -> HeldOut:
    """What was predicted for training sequences without them.

    Raises:
        DataError: nothing was, or it was for other than one class each.
    """
    held_out: HeldOut | None = estimator.held_out_
    if held_out is None or held_out.targets.ndim > 1:
        raise DataError(
            "Sets of classes need predictions for training sequences by a model without them, and "
            "this model has none: fit 'auto', or a network in closed form, with one class for each "
            "sequence, such as 'parallel(multirocket, hydra)'."
        )
    return held_out


def _limit(scores: Array, coverage: float) -> float:
    """The largest score of a class in a set; infinite where too few sequences were held out."""
    rank = max(1, math.ceil((len(scores) + 1) * coverage - 1e-9))
    return math.inf if rank > len(scores) else float(np.sort(scores)[rank - 1])
