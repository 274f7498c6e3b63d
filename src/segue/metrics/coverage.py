"""Selective prediction: how many sequences are answered above a confidence, and how many right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segue.metrics.intervals import wilson_interval

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


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


def count_answers(right: Flags, confidence: npt.NDArray[Any], threshold: float) -> Answered:
    """Count predictions of at least some confidence, and the right ones among them.

    Args:
        right: `[n]`, whether the prediction is right.
        confidence: `[n]`, the probability of the predicted class.
        threshold: the lowest confidence that is kept.

    >>> print(count_answers(np.array([True, False]), np.array([0.9, 0.4]), 0.5))
    confidence 0.5000 or more: 1 of 2 answered (50.0%), accuracy 1.0000 [0.2065, 1.0000]
    """
    sure = confidence >= threshold
    return Answered(threshold, int(sure.sum()), int((sure & right).sum()), len(sure))


def coverage_curve(right: Flags, confidence: npt.NDArray[Any]) -> Floats:
    """Return `[point, 3]`: threshold, coverage, accuracy, for each confidence that occurs.

    The surest come first; sequences of the same confidence are answered together or not at all.

    >>> coverage_curve(np.array([True, False]), np.array([0.75, 0.5])).tolist()
    [[0.75, 0.5, 1.0], [0.5, 1.0, 0.5]]
    """
    order = np.argsort(-confidence, kind="stable")
    sure, hits = confidence[order], np.cumsum(right[order])
    last = np.flatnonzero(np.append(sure[1:] != sure[:-1], True))
    count = last + 1.0
    return np.stack([sure[last], count / len(sure), hits[last] / count], axis=1)
