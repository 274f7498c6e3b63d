"""Labels for each step: scores over labelled steps, beside the most frequent label."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from segue.evaluation import metrics, text
from segue.evaluation.background import Background
from segue.evaluation.scores import ScoreRow, Scores, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from segue.dataset import Dataset
    from segue.estimators import SequenceLabeler


@dataclass(frozen=True, eq=False, repr=False)
class StepScores(Scores):
    """The scores of a labeler over the steps that have a label.

    Attributes:
        classes: the classes of the model, then those that only `dataset` has.
        targets: `[step]`, the class number of each labelled step.
        probabilities: `[step, class]`.
        groups: `[step]`, the group (or else the sequence) of each: the interval draws whole ones.
        baseline_class: the label most frequent in training.
    """

    classes: tuple[Any, ...]
    targets: metrics.Codes
    probabilities: metrics.Floats
    groups: npt.NDArray[Any]
    baseline_class: Any

    task: ClassVar[str] = "label"
    calls: ClassVar[tuple[str, ...]] = (
        "model.predict(data.x)        # a list of (time,) arrays of labels",
        "model.predict_proba(data.x)  # how sure: Sequences [time, class]",
    )

    @cached_property
    def predictions(self) -> metrics.Codes:
        """`[step]`, the predicted class numbers."""
        return np.asarray(self.probabilities.argmax(axis=1), np.int64)

    @cached_property
    def accuracy(self) -> float:
        """The share of labelled steps that were given their label."""
        return metrics.accuracy(self.targets, self.predictions)

    @cached_property
    def interval(self) -> tuple[float, float]:
        """The 95 % bootstrap interval of the accuracy; whole sequences or groups are drawn."""
        return metrics.bootstrap_interval(self.targets == self.predictions, self.groups)

    @cached_property
    def baseline(self) -> float:
        """The accuracy of answering `baseline_class` at every step."""
        return float(np.mean(self.targets == self.classes.index(self.baseline_class)))

    @cached_property
    def confusion(self) -> npt.NDArray[np.int64]:
        """`[class, class]` steps: rows are the true classes, columns the predicted ones."""
        return metrics.confusion_matrix(self.targets, self.predictions, len(self.classes))

    @cached_property
    def per_class(self) -> tuple[metrics.ClassScore, ...]:
        """Precision, recall, F1 and support of each class, counted in steps."""
        return metrics.f1_per_class(self.targets, self.predictions, self.classes)

    def plot_confusion(self, axes: Axes | None = None) -> Axes:
        """Draw the confusion matrix, in steps."""
        from segue import plots

        return plots.plot_confusion(self.confusion, self.classes, axes=axes)

    def heading(self) -> str:
        return f"{super().heading()}, {text.counted(len(self.targets), 'labelled step')}"

    def metrics(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "part": self.part,
            "sequences": len(self.dataset),
            "trained_on": self.trained_on.metrics(),
            "steps": len(self.targets),
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.interval),
            "baseline": {"class": self.baseline_class, "accuracy": self.baseline},
            "balanced_accuracy": metrics.balanced_accuracy(self.confusion),
            "f1": metrics.macro_f1(self.per_class),
            "log_loss": metrics.log_loss(self.targets, self.probabilities),
            "classes": list(self.classes),
            "per_class": [row._asdict() for row in self.per_class],
            "confusion": self.confusion.tolist(),
        }

    def score_rows(self) -> list[ScoreRow]:
        low, high = self.interval
        found = self.metrics()
        return [
            ("accuracy", text.number(self.accuracy), f"95 % interval {low:.4f} to {high:.4f}"),
            (
                "majority baseline",
                text.number(self.baseline),
                f"always {self.baseline_class!r}, the most frequent label in training",
            ),
            ("balanced accuracy", text.number(found["balanced_accuracy"]), "mean recall"),
            ("macro F1", text.number(found["f1"]), "mean F1 of the classes"),
            ("log loss", text.number(found["log_loss"]), "mean -log(probability of the label)"),
        ]

    def comparison(self) -> str:
        return text.verdict_on(self.interval, self.baseline)

    def details(self) -> Table:
        rows = tuple(
            (
                str(row.name),
                *map(text.number, (row.precision, row.recall, row.f1)),
                f"{row.support:,}",
            )
            for row in self.per_class
        )
        return Table("Scores by class", ("class", "precision", "recall", "F1", "steps"), rows)

    def pictures(self) -> list[tuple[Axes, str]]:
        said = "Steps: rows are the true classes, columns the predicted ones"
        return [(self.plot_confusion(), said)]


def score_steps(estimator: SequenceLabeler, data: Dataset, part: str) -> StepScores:
    """Ask a fitted labeler about every labelled step."""
    from segue.errors import DataError
    from segue.tasks.label import UNKNOWN, codes_for, occurring

    known = tuple(estimator.classes_.tolist())
    unseen_classes = tuple(name for name in occurring(data, estimator.ignore) if name not in known)
    codes = codes_for(data, (*known, *unseen_classes), estimator.ignore)
    assert not (codes == UNKNOWN).any()
    labelled = codes >= 0
    if not labelled.any():
        raise DataError("No step of these sequences has a label; expected some to be scored.")
    groups = np.arange(len(data)) if data.groups is None else data.groups
    found = estimator.predict_proba(data.x).values[labelled].astype(np.float64)
    return StepScores(
        data,
        part,
        Background.of(estimator),
        classes=(*known, *unseen_classes),
        targets=codes[labelled],
        probabilities=np.pad(found, ((0, 0), (0, len(unseen_classes)))),
        groups=np.repeat(groups, data.x.lengths)[labelled],
        baseline_class=metrics.majority(estimator.class_counts_),
    )
