"""The numbers of an evaluation, as pure functions over class indices and probabilities.

Everywhere: `targets` and `predictions` are `[n]` class indices (0 to classes - 1), `probabilities`
is `[n, class]`. A class that does not occur, a single class or a single sequence are ordinary
input: what is then undefined is `None`, and nothing warns. What scikit-learn has and defines for
these cases comes from there, imported when it is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from segue.randomness import numpy_generator

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_BLOCK = 1_000_000  # numbers drawn at once


def accuracy(targets: Codes, predictions: Codes) -> float:
    """Return the share of sequences whose class was predicted.

    >>> accuracy(np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0]))
    0.75
    """
    return float(np.mean(targets == predictions))


def wilson_interval(correct: int, count: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return the interval in which the accuracy on such sequences lies at this level.

    In closed form, for independent sequences. Unlike a bootstrap it does not shrink to a point when
    everything was right (a bootstrap of 20 correct answers in 20 says 100 % to 100 %).

    Args:
        correct: how many predictions were right.
        count: how many there were, at least 1.
        level: how often such intervals hold the true accuracy.

    Source: E. B. Wilson, "Probable inference", JASA 22 (1927); recommended by L. D. Brown,
    T. T. Cai and A. DasGupta, "Interval estimation for a binomial proportion" (2001).

    >>> [round(bound, 3) for bound in wilson_interval(20, 20)]
    [0.839, 1.0]
    """
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share = correct / count
    centre = share + z * z / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    low = 0.0 if correct == 0 else (centre - half) / scale  # exact where rounding is not
    high = 1.0 if correct == count else (centre + half) / scale
    return low, high


def bootstrap_interval(
    right: npt.NDArray[np.bool_],
    groups: npt.NDArray[Any] | None = None,
    *,
    level: float = 0.95,
    draws: int = 10_000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the accuracy.

    Where there are groups, whole groups are drawn: the sequences of one person or machine tell
    less than as many of different ones. Where all answers are right, or all wrong, or there is one
    group only, a bootstrap knows no spread, and Wilson's interval is returned instead.

    Args:
        right: `[n]`, which predictions were right.
        groups: `[n]`, who or what each sequence comes from.
        level: how often such intervals hold the true accuracy.
        draws: how many data sets are drawn.
        seed: of the draws.

    Source: B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7
    (1979).

    >>> right = np.repeat([True, False], [90, 10])
    >>> [round(bound, 2) for bound in bootstrap_interval(right)]
    [0.84, 0.95]
    """
    right = np.asarray(right, bool)
    names = np.arange(len(right)) if groups is None else np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(names)
    if right.all() or not right.any() or len(sizes) == 1:
        return wilson_interval(int(right.sum()), len(right), level=level)
    generator = numpy_generator(seed, "bootstrap")
    if groups is None:  # how many of n independent draws are right is binomial
        shares = generator.binomial(len(right), right.mean(), draws) / len(right)
    else:
        shares = _shares_of_groups(generator, sizes, np.bincount(names, right), draws)
    low, high = np.quantile(shares, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _shares_of_groups(
    generator: np.random.Generator, sizes: Codes, right: Codes | Floats, draws: int
) -> Floats:
    """`[draws]`, the share of right answers where whole groups are drawn; block by block.

    Args:
        generator: of the draws.
        sizes: `[groups]`, sequences in each.
        right: `[groups]`, right answers in each.
        draws: how many data sets are drawn.
    """
    even = np.full(len(sizes), 1 / len(sizes))
    at_once = max(1, _BLOCK // len(sizes))
    shares = []
    for first in range(0, draws, at_once):
        chosen = generator.multinomial(len(sizes), even, min(at_once, draws - first))
        shares.append(chosen @ right / (chosen @ sizes))
    return np.concatenate(shares)


def majority(counts: Mapping[Any, int]) -> Any:
    """Return the class that training saw most often; of equals the first.

    >>> majority({"walk": 30, "run": 50, "sit": 50})
    'run'
    """
    return max(counts, key=lambda name: counts[name])


def confusion_matrix(targets: Codes, predictions: Codes, classes: int) -> npt.NDArray[np.int64]:
    """Count the pairs: rows are the true classes, columns the predicted ones.

    >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 1, 0]), classes=2).tolist()
    [[1, 0], [1, 1]]
    """
    pairs = np.bincount(targets * classes + predictions, minlength=classes * classes)
    return pairs.reshape(classes, classes)


def balanced_accuracy(confusion: npt.NDArray[np.int64]) -> float:
    """Return the mean over the classes that occur of the share found (the mean recall).

    >>> balanced_accuracy(np.array([[8, 2], [0, 1]]))
    0.9
    """
    support = confusion.sum(axis=1)
    occurs = support > 0
    return float(np.mean(np.diag(confusion)[occurs] / support[occurs]))


class ClassScore(NamedTuple):
    """How one class fared; `None` where a share of nothing would be asked for.

    Attributes:
        name: the class.
        precision: of the sequences that were given this class, the share that has it.
        recall: of the sequences that have this class, the share that was given it.
        f1: the harmonic mean of the two.
        support: the sequences that have this class.
    """

    name: Any
    precision: float | None
    recall: float | None
    f1: float | None
    support: int


def f1_per_class(
    targets: Codes, predictions: Codes, classes: tuple[Any, ...]
) -> tuple[ClassScore, ...]:
    """Return precision, recall, F1 and support of every class, in the order of `classes`.

    >>> f1_per_class(np.array([0, 0, 1]), np.array([0, 0, 0]), ("a", "b"))[1]
    ClassScore(name='b', precision=None, recall=0.0, f1=0.0, support=1)
    """
    from sklearn.metrics import precision_recall_fscore_support

    columns = precision_recall_fscore_support(
        targets, predictions, labels=np.arange(len(classes)), zero_division=np.nan
    )
    return tuple(
        ClassScore(name, _defined(precision), _defined(recall), _defined(f1), int(support))
        for name, precision, recall, f1, support in zip(classes, *columns, strict=True)
    )


def macro_f1(rows: tuple[ClassScore, ...]) -> float:
    """Return the mean F1 of the classes that occur or were predicted, as scikit-learn does."""
    return float(np.mean([row.f1 for row in rows if row.f1 is not None]))


def log_loss(targets: Codes, probabilities: Floats) -> float:
    """Return the mean of -log(probability of the true class), in nats.

    A probability counts as at least the smallest step of a float64 (2.2e-16), so a class that the
    model was sure to be impossible costs 36 nats and not infinitely many.

    >>> round(log_loss(np.array([0, 1]), np.array([[0.5, 0.5], [0.0, 1.0]])), 4)
    0.3466
    """
    chosen = probabilities[np.arange(len(targets)), targets]
    loss = -float(np.mean(np.log(np.clip(chosen, np.finfo(np.float64).eps, 1.0))))
    return loss + 0.0  # -0.0 reads oddly


def roc_auc(targets: Codes, probabilities: Floats) -> float | None:
    """Return the area under the ROC curve: of the second of two classes, else one-vs-rest.

    One-vs-rest is the plain mean over the classes that occur. `None` if only one class occurs.

    >>> roc_auc(np.array([0, 0, 1]), np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7]]))
    1.0
    >>> roc_auc(np.array([0, 0]), np.array([[0.9, 0.1], [0.4, 0.6]])) is None
    True
    """
    from sklearn.metrics import roc_auc_score

    occurring = np.unique(targets)
    if len(occurring) < 2:
        return None
    ranked = occurring[1:] if probabilities.shape[1] == 2 else occurring
    areas = [roc_auc_score(targets == code, probabilities[:, code]) for code in ranked]
    return float(np.mean(areas))


@dataclass(frozen=True)
class Calibration:
    """What a confidence is worth: mean confidence and accuracy in bins of equal width.

    Attributes:
        error: expected calibration error, the mean gap between the two, weighted by sequences.
        edges: `[bins + 1]`, from 0 to 1.
        confidence: `[bins]`, mean probability of the predicted class; NaN where a bin is empty.
        accuracy: `[bins]`, share of right predictions; NaN where a bin is empty.
        counts: `[bins]`, sequences in each bin.
    """

    error: float
    edges: Floats
    confidence: Floats
    accuracy: Floats
    counts: npt.NDArray[np.int64]


def calibration(
    correct: npt.NDArray[np.bool_], confidence: npt.NDArray[Any], *, bins: int = 10
) -> Calibration:
    """Compare how sure the model was with how often it was right.

    Args:
        correct: `[n]`, whether the prediction was right.
        confidence: `[n]`, the probability of the predicted class, 0 to 1.
        bins: how many bins of equal width; the upper edge of a bin belongs to it.

    Source: C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural
    networks", ICML 2017.

    >>> found = calibration(np.array([True, False]), np.array([0.9, 0.9]))
    >>> round(found.error, 3)
    0.4
    """
    edges = np.linspace(0.0, 1.0, bins + 1)
    bin_of = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    counts = np.bincount(bin_of, minlength=bins)
    filled = np.where(counts > 0, counts, np.nan)
    sure = np.bincount(bin_of, weights=confidence, minlength=bins) / filled
    right = np.bincount(bin_of, weights=correct, minlength=bins) / filled
    error = float(np.nansum(counts * np.abs(right - sure)) / len(correct))
    return Calibration(error, edges, sure, right, counts)


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
