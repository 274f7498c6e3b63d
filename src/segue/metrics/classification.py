"""Scores of predicted classes and labels, and coverage: pure functions of arrays.

`targets` and `predictions` are `[n]` class numbers (0 to classes - 1), `probabilities` is
`[n, class]`. A class that does not occur, a single class or a single sequence are ordinary input:
what is then undefined is `None`, and nothing warns. The numbers are scikit-learn's to the bit (by
test); its import alone would take longer than a whole report.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from segue.errors import renamed_arguments
from segue.metrics.intervals import wilson_interval
from segue.randomness import numpy_generator

Array = npt.NDArray[Any]
Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def accuracy(targets: Array, predictions: Array) -> float:
    """Return the share of right predictions: `[n]` classes, or `[n, label]` of 0 and 1.

    >>> accuracy(np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0]))
    0.75
    """
    return float(np.mean(targets == predictions))


def exact_match(targets: Array, predictions: Array) -> float:
    """Return the share of sequences of which all labels are right, both `[n, label]`.

    >>> exact_match(np.array([[0, 1], [1, 1]]), np.array([[0, 1], [0, 1]]))
    0.5
    """
    return float(np.mean((predictions == targets).all(axis=1)))


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
    """The scores of one class; `None` where nothing is there to divide by.

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
    right, predicted, support = (
        np.bincount(codes, minlength=len(classes)).tolist()
        for codes in (targets[targets == predictions], predictions, targets)
    )
    return tuple(
        ClassScore(name, _ratio(hits, given), _ratio(hits, has), _ratio(2 * hits, has + given), has)
        for name, hits, given, has in zip(classes, right, predicted, support, strict=True)
    )


def f1_per_label(
    targets: Array, predictions: Array, classes: tuple[Any, ...]
) -> tuple[ClassScore, ...]:
    """Return the same for each label of `[n, label]` of 0 and 1, in the order of `classes`.

    >>> f1_per_label(np.array([[1, 0], [1, 1]]), np.array([[1, 0], [0, 0]]), ("a", "b"))[0].recall
    0.5
    """
    columns = (array.T.astype(np.int64) for array in (targets, predictions))
    rows = zip(classes, *columns, strict=True)
    return tuple(f1_per_class(wanted, found, ("", name))[1] for name, wanted, found in rows)


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
    occurring = np.unique(targets)
    if len(occurring) < 2:
        return None
    ranked = occurring[1:] if probabilities.shape[1] == 2 else occurring
    return float(np.mean([_area(targets == code, probabilities[:, code]) for code in ranked]))


def _area(is_class: npt.NDArray[np.bool_], scores: Floats) -> float:
    """The area under the ROC curve, from the ranks of a class (Mann & Whitney 1947); ties share."""
    ordered, own = np.sort(scores), scores[is_class]
    ranks = np.searchsorted(ordered, own) + np.searchsorted(ordered, own, side="right") + 1
    count = len(own)
    return float((ranks.sum() - count * (count + 1)) / (2 * count * (len(scores) - count)))


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

    def __str__(self) -> str:
        sure, right = (
            np.nansum(self.counts * values) / self.counts.sum()
            for values in (self.confidence, self.accuracy)
        )
        return (
            f"Expected calibration error {self.error:.3f}: so far the confidence is from the share "
            f"that is right, on average over the bins. Mean confidence {sure:.3f}, right "
            f"{right:.3f}."
        )


def calibration(correct: Flags, confidence: Array, *, bins: int = 10) -> Calibration:
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
    bin_of = _bins(confidence, bins)
    counts = np.bincount(bin_of, minlength=bins)
    filled = np.where(counts > 0, counts, np.nan)
    sure = np.bincount(bin_of, weights=confidence, minlength=bins) / filled
    right = np.bincount(bin_of, weights=correct, minlength=bins) / filled
    error = float(np.nansum(counts * np.abs(right - sure)) / len(correct))
    return Calibration(error, edges, sure, right, counts)


def calibration_interval(
    correct: Flags,
    confidence: Array,
    groups: Array | None = None,
    *,
    level: float = 0.95,
    draws: int = 10_000,
    seed: int = 0,
) -> tuple[float, float] | None:
    """Return a bootstrap interval of the expected calibration error; `None` of one sequence alone.

    Few sequences give an error to a model without one, and drawing from them adds more. So the
    lower bound is that of the basic interval, which takes that off, and 0 where draws around a
    perfect calibration reach the error that was found; the upper one is as far from the error as
    that of the draws is from their mean. The gaps of the bins are drawn from the normal
    distribution that those of a bootstrap approach.

    Args:
        correct: `[n]`, whether the prediction was right.
        confidence: `[n]`, the probability of the predicted class.
        groups: `[n]`, who or what each sequence comes from: whole groups are drawn.
        level: how often such intervals hold the error; of simulated ones at 95 %, 95 to 98 % do.
        draws: how many gaps are drawn.
        seed: of the draws.

    Source: A. C. Davison, D. V. Hinkley, "Bootstrap methods and their application", 1997, 5.2; J.
    Bröcker, L. A. Smith, "Increasing the reliability of reliability diagrams", Weather and
    Forecasting 22 (2007), for draws around a perfect calibration.

    >>> calibration_interval(np.tile([True, True, True, False], 50), np.full(200, 0.75))[0]
    0.0
    """
    count, names = len(correct), np.arange(len(correct)) if groups is None else groups
    members = np.unique(names, return_inverse=True)[1]
    sizes = np.bincount(members)
    if len(sizes) == 1:
        return None
    bin_of = _bins(confidence, 10)
    gaps = np.zeros((len(sizes), 10))
    np.add.at(gaps, (members, bin_of), (correct - confidence) / count)
    found = gaps.sum(0)
    apart = gaps - found * (sizes / count)[:, None]
    drawn = numpy_generator(seed, "calibration").multivariate_normal(
        np.zeros(10), apart.T @ apart, draws, method="eigh"
    )
    error, tail = float(np.abs(found).sum()), (1 - level) / 2
    others = np.abs(found + drawn).sum(1)
    most = float(np.quantile(others, 1 - tail))
    is_perfect = error <= np.quantile(np.abs(drawn).sum(1), 1 - tail)
    low = 0.0 if is_perfect else max(0.0, 2 * error - most)
    return low, error + most - float(others.mean())


def _bins(confidence: Array, bins: int) -> Codes:
    """The bin of each confidence, of equal width; the upper edge of a bin belongs to it."""
    edges = np.linspace(0.0, 1.0, bins + 1)
    return np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)


def _ratio(count: int, total: int) -> float | None:
    return count / total if total else None


@dataclass(frozen=True)
class Answered:
    """Predictions of at least some confidence, and how many of them are right.

    Attributes:
        threshold: the lowest confidence that is kept.
        answered: sequences with an answer.
        right: those of them with the right one.
        count: all sequences.
    """

    threshold: float
    answered: int
    right: int
    count: int

    @property
    def coverage(self) -> float:
        """The share of sequences with an answer."""
        return self.answered / self.count

    @property
    def accuracy(self) -> float | None:
        """The share of right answers; `None` without any answer."""
        return self.right / self.answered if self.answered else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval of this accuracy."""
        return wilson_interval(self.right, self.answered) if self.answered else None

    def __str__(self) -> str:
        if self.accuracy is None or self.interval is None:
            return f"confidence {self.threshold:.4f} or more: none of {self.count:,} answered"
        low, high = self.interval
        return (
            f"confidence {self.threshold:.4f} or more: {self.answered:,} of {self.count:,} "
            f"answered ({self.coverage:.1%}), accuracy {self.accuracy:.4f} [{low:.4f}, {high:.4f}]"
        )


@renamed_arguments(right="correct")
def count_answers(correct: Flags, confidence: Array, threshold: float) -> Answered:
    """Count predictions of at least some confidence, and the right ones among them.

    Args:
        correct: `[n]`, whether the prediction is right.
        confidence: `[n]`, the probability of the predicted class.
        threshold: the lowest confidence that is kept.

    >>> print(count_answers(np.array([True, False]), np.array([0.9, 0.4]), 0.5))
    confidence 0.5000 or more: 1 of 2 answered (50.0%), accuracy 1.0000 [0.2065, 1.0000]
    """
    sure = confidence >= threshold
    return Answered(threshold, int(sure.sum()), int((sure & correct).sum()), len(sure))


@renamed_arguments(right="correct")
def coverage_curve(correct: Flags, confidence: Array) -> Floats:
    """Return `[point, 3]`: threshold, coverage, accuracy, for each confidence that occurs.

    In order of decreasing confidence; sequences of the same confidence are answered together or
    not at all.

    >>> coverage_curve(np.array([True, False]), np.array([0.75, 0.5])).tolist()
    [[0.75, 0.5, 1.0], [0.5, 1.0, 0.5]]
    """
    order = np.argsort(-confidence, kind="stable")
    sure, hits = confidence[order], np.cumsum(correct[order])
    last = np.flatnonzero(np.append(sure[1:] != sure[:-1], True))
    count = last + 1.0
    return np.stack([sure[last], count / len(sure), hits[last] / count], axis=1)
