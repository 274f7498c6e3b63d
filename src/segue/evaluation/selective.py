"""Selective classification: predictions only where a model is confident enough.

`reject_threshold` chooses the confidence on validation data; `segue.metrics.count_answers` counts
how many sequences are then answered, and how many of the answers are right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segue.data.dataset import Dataset
from segue.errors import DataError, OptionError
from segue.evaluation.evaluation import FittedClassifier, evaluate
from segue.evaluation.model_info import require_classes
from segue.metrics import Answered

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Evaluation = Any  # segue.Evaluation, which loads this file


Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rejection:
    """A threshold on the confidence, and what it was chosen from. Made by `reject_threshold`.

    Attributes:
        wanted: the wanted accuracy.
        threshold: the lowest confidence of a prediction that is kept.
        validation: what that gives on the validation data.
        curve: `[point, 3]` threshold, coverage and accuracy for every possible threshold of the
            validation data, from the surest on.
    """

    wanted: float
    threshold: float
    validation: Answered
    curve: Floats = field(repr=False)

    def accepts(self, probabilities: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether to keep each prediction, `[n]`, for probabilities `[n, class]`."""
        return np.asarray(np.max(probabilities, axis=1) >= self.threshold)

    def apply(self, evaluation: Evaluation) -> Answered:
        """Coverage and accuracy at the threshold on other data, such as the test part."""
        answered: Answered = evaluation.answered(self.threshold)
        return answered

    def plot(self, axes: Axes | None = None, *, test: Evaluation | None = None) -> Axes:
        """Draw accuracy over coverage with the chosen point, and `test` beside it where given."""
        from segue import plots

        return plots.plot_coverage(
            self.curve[:, 1:],
            wanted=self.wanted,
            chosen=(self.validation.coverage, self.validation.accuracy or math.nan),
            test=None if test is None else test.coverage_curve[:, 1:],
            axes=axes,
        )


def reject_threshold(
    estimator: FittedClassifier, validation_data: Dataset, *, accuracy: float = 0.99
) -> Rejection:
    """Choose the confidence above which predictions are right often enough.

    Of all thresholds that give the wanted accuracy on the validation data, the one that leaves the
    most predictions is taken. What it keeps on other data is an estimate; `Rejection.apply` with an
    evaluation of the test part counts it there.

    Args:
        estimator: a fitted classifier.
        validation_data: labelled sequences that were not trained on. Of a data set with parts,
            "validation" is taken; a test part is refused, because nothing is chosen on it.
        accuracy: the wanted accuracy of what is kept, up to 1.

    Returns:
        A `Rejection`: `.threshold`, `.validation.coverage`, `.accepts(probabilities)`, `.plot()`.

    Raises:
        OptionError: an accuracy outside of 0 to 1.
        DataError: a test part, or no threshold reaches this accuracy; the best is named.

    Source: C. K. Chow, "On optimum recognition error and reject tradeoff", IEEE Transactions on
    Information Theory 16 (1970); Y. Geifman and R. El-Yaniv, "Selective classification for deep
    neural networks", NeurIPS 2017.

    >>> class Level:
    ...     classes_, class_counts_ = np.array(["low", "high"]), {"low": 2, "high": 2}
    ...     def predict_proba(self, x):
    ...         return np.array([[1 - s[0, 0], s[0, 0]] for s in x])
    >>> data = Dataset([[0.1], [0.2], [0.9], [0.6], [0.4]], ["low", "low", "high", "low", "low"])
    >>> chosen = reject_threshold(Level(), data, accuracy=0.99)
    >>> round(chosen.threshold, 2), chosen.validation.coverage
    (0.8, 0.6)
    """
    if not 0 < accuracy <= 1:
        raise OptionError(f"`accuracy` is {accuracy!r}; expected a share from above 0 to 1.")
    require_classes(estimator, "`reject_threshold`", one_each=True)
    names = validation_data.part_names
    if "test" in names and "validation" not in names:
        raise DataError(
            "A threshold is not chosen on test data, which would then be too well thought of. Give "
            "a validation part: `rest, validation = train.split(0.2)` before `fit`."
        )
    part = "validation" if "validation" in names else None
    found = evaluate(estimator, validation_data, part=part, own=False)
    curve = found.coverage_curve
    good = np.flatnonzero(curve[:, 2] >= accuracy)
    if len(good) == 0:
        threshold, coverage, best = curve[np.argmax(curve[:, 2])]
        raise DataError(
            f"No threshold gives an accuracy of {accuracy:g} on these {len(found.dataset):,} "
            f"sequences; the best is {best:.4f}, for the surest {coverage:.1%} (confidence "
            f"{threshold:.4f} or more). Ask for less, or train a better model."
        )
    threshold = float(curve[good[-1], 0])
    return Rejection(accuracy, threshold, found.answered(threshold), curve)
