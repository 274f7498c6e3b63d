"""How often sets of classes hold the true one, where a model has `predict_set`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from segue.tasks.outcome import Outcome

WANTED = 0.9


class SetScores(NamedTuple):
    """What sets of classes are worth on the scored sequences.

    Attributes:
        wanted: the share of sequences that was asked for.
        coverage: the share whose class is in their set.
        size: classes in a set, on average.

    >>> str(SetScores(0.9, 0.9281, 1.5))
    'Sets that are to hold the true class of 90 % hold that of 92.8 %, with 1.50 classes each.'
    """

    wanted: float
    coverage: float
    size: float

    def __str__(self) -> str:
        return (
            f"Sets that are to hold the true class of {100 * self.wanted:g} % hold that of "
            f"{100 * self.coverage:.1f} %, with {self.size:.2f} classes each."
        )


def score_sets(estimator: Any, outcome: Outcome, wanted: float = WANTED) -> SetScores | None:
    """Score the sets of a classifier; `None`: it has none, or too few cases for them.

    Args:
        estimator: fitted.
        outcome: its predictions.
        wanted: the coverage of the sets.
    """
    from segue.estimators.prediction_sets import least_cases, prediction_sets

    held_out = getattr(estimator, "held_out_", None)
    if held_out is None or not hasattr(estimator, "predict_set") or held_out.targets.ndim > 1:
        return None
    classes, codes = estimator.classes_, outcome.arrays["target_codes"]
    if len(held_out.targets) < least_cases(wanted):
        return None
    shares = outcome.arrays["probabilities"][:, : len(classes)]
    sets = prediction_sets(shares, held_out, classes, coverage=wanted)
    is_known = codes < len(classes)  # a class that the model never saw is in no set
    holds = is_known & sets[np.arange(len(codes)), np.where(is_known, codes, 0)]
    return SetScores(wanted, float(holds.mean()), float(sets.sum(axis=1).mean()))
