"""An `Evaluation`: the scores of a model on a set of sequences, in numbers, words and pictures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segue.dataset import Dataset
from segue.errors import OptionError
from segue.evaluation import metrics
from segue.evaluation.answers import Answered, Rejection, count_answers, coverage_curve
from segue.evaluation.background import Background
from segue.evaluation.reading import Reading
from segue.evaluation.trained_on import TrainedOn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from segue.plots.display import Kind

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Mistake:
    """A wrong prediction.

    Attributes:
        index: the place of the sequence in `Evaluation.dataset`.
        id: what the source calls it; the index where it has no name.
        target: the true class.
        prediction: the predicted class.
        confidence: the probability of the predicted class.
    """

    index: int
    id: Any
    target: Any
    prediction: Any
    confidence: float


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """The scores of one model on one set of sequences. Made by `evaluate`.

    Attributes:
        dataset: the sequences that were scored.
        part: the part they are: "test", another part, or "" where the data set has no parts.
        classes: the classes of the model, then those that only `dataset` has.
        probabilities: `[n, class]`, 0 for classes that the model does not have.
        targets: `[n]`, the true labels.
        predictions: `[n]`, the predicted labels.
        baseline_class: the class most frequent in training, the guess of a model without input.
        background: how the model was made.
        readings: of a model of texts, how its belief goes along a few of them.
        trained_on: how many of the sequences the model was trained on.
    """

    dataset: Dataset
    part: str
    classes: tuple[Any, ...]
    probabilities: metrics.Floats
    baseline_class: Any
    background: Background = field(default_factory=Background)
    readings: tuple[Reading, ...] = ()
    trained_on: TrainedOn = field(default_factory=TrainedOn)

    @cached_property
    def _targets(self) -> metrics.Codes:
        return _codes(self.dataset.y, self.classes)

    @cached_property
    def _predictions(self) -> metrics.Codes:
        return np.asarray(np.argmax(self.probabilities, axis=1), np.int64)

    @property
    def targets(self) -> Array:
        """`[n]`, the true labels."""
        return np.asarray(self.dataset.y)

    @property
    def predictions(self) -> Array:
        """`[n]`, the predicted labels."""
        return np.asarray(self.classes)[self._predictions]

    # -- scores ---------------------------------------------------------------------------------

    @cached_property
    def accuracy(self) -> float:
        """The share of right predictions."""
        return metrics.accuracy(self._targets, self._predictions)

    @cached_property
    def interval(self) -> tuple[float, float]:
        """The 95 % bootstrap interval of the accuracy; whole groups are drawn where there are."""
        right = self._targets == self._predictions
        return metrics.bootstrap_interval(right, self.dataset.groups)

    @cached_property
    def baseline(self) -> float:
        """The accuracy of answering `baseline_class` every time."""
        return float(np.mean(self.targets == self.baseline_class))

    @cached_property
    def balanced_accuracy(self) -> float:
        """The mean recall of the classes that occur."""
        return metrics.balanced_accuracy(self.confusion)

    @cached_property
    def f1(self) -> float:
        """The mean F1 of the classes that occur or were predicted (macro)."""
        return metrics.macro_f1(self.per_class)

    @cached_property
    def log_loss(self) -> float:
        """The mean of -log(probability of the true class), in nats."""
        return metrics.log_loss(self._targets, self.probabilities)

    @cached_property
    def roc_auc(self) -> float | None:
        """The area under the ROC curve, one-vs-rest; `None` if only one class occurs."""
        return metrics.roc_auc(self._targets, self.probabilities)

    @cached_property
    def confusion(self) -> npt.NDArray[np.int64]:
        """`[class, class]` counts: rows are the true classes, columns the predicted ones."""
        return metrics.confusion_matrix(self._targets, self._predictions, len(self.classes))

    @cached_property
    def per_class(self) -> tuple[metrics.ClassScore, ...]:
        """Precision, recall, F1 and support of each class."""
        return metrics.f1_per_class(self._targets, self._predictions, self.classes)

    @cached_property
    def calibration(self) -> metrics.Calibration:
        """How often the model was right, for each tenth of its confidence."""
        confidence = self.probabilities.max(axis=1)
        return metrics.calibration(self._targets == self._predictions, confidence)

    @property
    def calibration_error(self) -> float:
        """The expected calibration error: the mean gap between confidence and accuracy."""
        return self.calibration.error

    def answered(self, threshold: float | Rejection) -> Answered:
        """Count the answers if only those of at least this confidence are given.

        Args:
            threshold: from 0 to 1, or what `segue.evaluation.reject_threshold` has chosen on
                validation data.

        Raises:
            OptionError: something else.
        """
        if isinstance(threshold, Rejection):
            threshold = threshold.threshold
        if not isinstance(threshold, float | int) or not 0 <= threshold <= 1:
            raise OptionError(f"`threshold` is {threshold!r}; expected a confidence from 0 to 1.")
        right = self._targets == self._predictions
        return count_answers(right, self.probabilities.max(axis=1), threshold)

    @cached_property
    def coverage_curve(self) -> metrics.Floats:
        """`[point, 3]`: threshold, share answered, accuracy of the answers; the surest first."""
        right = self._targets == self._predictions
        return coverage_curve(right, self.probabilities.max(axis=1))

    def mistakes(self, n: int | None = None) -> list[Mistake]:
        """Return the `n` (or all) wrong predictions, those the model was surest of first."""
        wrong = np.flatnonzero(self._targets != self._predictions)
        confidence = self.probabilities.max(axis=1)
        wrong = wrong[np.argsort(-confidence[wrong], kind="stable")][:n]
        ids = range(len(self.dataset)) if self.dataset.ids is None else self.dataset.ids.tolist()
        return [
            Mistake(
                int(i),
                ids[i],
                self.classes[self._targets[i]],
                self.classes[self._predictions[i]],
                float(confidence[i]),
            )
            for i in wrong
        ]

    # -- in words -------------------------------------------------------------------------------

    def metrics(self) -> dict[str, Any]:
        """Return every score as plain numbers, lists and text: what `metrics.json` holds."""
        return {
            "part": self.part,
            "sequences": len(self.dataset),
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.interval),
            "baseline": {"class": self.baseline_class, "accuracy": self.baseline},
            "balanced_accuracy": self.balanced_accuracy,
            "f1": self.f1,
            "roc_auc": self.roc_auc,
            "log_loss": self.log_loss,
            "calibration_error": self.calibration_error,
            "classes": list(self.classes),
            "per_class": [row._asdict() for row in self.per_class],
            "confusion": self.confusion.tolist(),
            "trained_on": self.trained_on.metrics(),
        }

    def report(self) -> str:
        """Return a table: the scores beside the baseline, then precision and recall by class."""
        from segue.evaluation.text import report

        return report(self)

    def __repr__(self) -> str:
        low, high = self.interval
        return (
            f"Evaluation(n={len(self.dataset)}, accuracy={self.accuracy:.4f} "
            f"[{low:.4f}, {high:.4f}], baseline={self.baseline:.4f}"
            f"{self.trained_on.note and f', {self.trained_on.note}'})"
        )

    def to_html(
        self,
        path: str | Path,
        *,
        train: Dataset | None = None,
        model_path: str | Path | None = None,
        source: str | None = None,
        facts: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Write everything to one HTML file that needs nothing beside it.

        Args:
            path: the file.
            train: the training data, for the pictures of the data; else the scored data are drawn.
            model_path: where the model lies, for the lines that show how to use it.
            source: what `segue.read` was given, for the same lines.
            facts: what else is known of the training, as pairs of a heading and a text.

        Raises:
            WriteError: the disk is full or read-only. No half-written file is left.
        """
        from segue.atomic import write_text
        from segue.evaluation.report import render

        page = render(self, train=train, model_path=model_path, source=source, facts=facts)
        write_text(path, page)

    # -- in pictures: each returns matplotlib axes, whose `.figure` a notebook shows --------------

    def plot_confusion(self, axes: Axes | None = None) -> Axes:
        """Draw the confusion matrix, coloured by the share of each true class."""
        from segue import plots

        return plots.plot_confusion(self.confusion, self.classes, axes=axes)

    def plot_calibration(self, axes: Axes | None = None) -> Axes:
        """Draw accuracy over confidence: on the diagonal the model is as right as it is sure."""
        from segue import plots

        return plots.plot_calibration(self.calibration, axes=axes)

    def plot_history(self, axes: Axes | None = None) -> Axes:
        """Draw loss and accuracy over the epochs (the loss alone into `axes`).

        Raises:
            DataError: the model has no history.
        """
        from segue import plots

        return plots.plot_history(self.background, axes=axes)

    def plot_mistakes(
        self, n: int = 9, axes: Array | None = None, *, kind: Kind | None = None
    ) -> Array:
        """Draw the `n` mistakes that the model was surest of: one of the axes for each.

        `kind` says how, as in `segue.plots.plot_sequences`.
        """
        from segue import plots

        return plots.plot_mistakes(self.dataset, self.mistakes(n), kind=kind, axes=axes)

    def plot_answers(self, n: int = 9, axes: Array | None = None) -> Array:
        """Draw the first `n` sequences with what was said of them: one of the axes for each."""
        from segue import plots

        sure = self.probabilities.max(axis=1)
        pairs = zip(self.targets[:n], self.predictions[:n], strict=True)
        answers = [(i, true, said, sure[i]) for i, (true, said) in enumerate(pairs)]
        return plots.plot_answers(self.dataset, answers, axes=axes)

    def plot_examples(self, samples: int = 3, axes: Array | None = None) -> Array:
        """Draw some sequences of each class: axes `[class, sample]`."""
        from segue import plots

        return plots.plot_sequences(self.dataset, samples=samples, axes=axes)

    def plot_lengths(self, axes: Axes | None = None) -> Axes:
        """Draw how long the sequences are."""
        from segue import plots

        return plots.plot_lengths(self.dataset, axes=axes)

    def plot_classes(self, axes: Axes | None = None) -> Axes:
        """Draw how many sequences there are of each class."""
        from segue import plots

        return plots.plot_class_balance(self.dataset, axes=axes)


def _codes(labels: Array, classes: tuple[Any, ...]) -> metrics.Codes:
    place = {label: code for code, label in enumerate(classes)}
    return np.array([place[label] for label in np.asarray(labels).tolist()], np.int64)
