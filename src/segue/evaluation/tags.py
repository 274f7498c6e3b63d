"""Several labels at once: how well each is found, beside saying the usual of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from segue.evaluation import metrics, text
from segue.evaluation.background import Background
from segue.evaluation.scores import ScoreRow, Scores, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from segue.dataset import Dataset
    from segue.estimators import SequenceClassifier


@dataclass(frozen=True, eq=False, repr=False)
class TagScores(Scores):
    """The scores of a classifier that gives several labels at once.

    Attributes:
        classes: the labels.
        targets: `[n, label]` of 0 and 1.
        probabilities: `[n, label]`.
        usual: `[label]` of 0 and 1, what most training sequences have.
    """

    classes: tuple[Any, ...]
    targets: metrics.Codes
    probabilities: metrics.Floats
    usual: metrics.Codes

    task: ClassVar[str] = "multilabel"
    calls: ClassVar[tuple[str, ...]] = (
        "model.predict(data.x)        # [n, label] of 0 and 1",
        "model.predict_proba(data.x)  # how sure of each: [n, label]",
    )

    @cached_property
    def predictions(self) -> metrics.Codes:
        """`[n, label]` of 0 and 1."""
        return np.asarray(self.probabilities > 0.5, np.int64)

    @cached_property
    def accuracy(self) -> float:
        """The share of right answers, each label of each sequence being one."""
        return float(np.mean(self.predictions == self.targets))

    @cached_property
    def baseline(self) -> float:
        """The same share for saying of each label what most training sequences have."""
        return float(np.mean(self.usual == self.targets))

    @cached_property
    def exact(self) -> float:
        """The share of sequences with all labels right."""
        return float(np.mean((self.predictions == self.targets).all(axis=1)))

    @cached_property
    def per_label(self) -> tuple[metrics.ClassScore, ...]:
        """Precision, recall, F1 and support of each label."""
        return tuple(
            metrics.f1_per_class(wanted, found, ("", name))[1]
            for name, wanted, found in zip(
                self.classes, self.targets.T, self.predictions.T, strict=True
            )
        )

    def metrics(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "part": self.part,
            "sequences": len(self.dataset),
            "trained_on": self.trained_on.metrics(),
            "accuracy": self.accuracy,
            "baseline": {"accuracy": self.baseline},
            "exact": self.exact,
            "f1": metrics.macro_f1(self.per_label),
            "classes": list(self.classes),
            "per_label": [row._asdict() for row in self.per_label],
        }

    def score_rows(self) -> list[ScoreRow]:
        return [
            ("accuracy", text.number(self.accuracy), "of the single labels"),
            ("usual labels", text.number(self.baseline), "always what most of training has"),
            ("all labels right", text.number(self.exact), "share of the sequences"),
            ("macro F1", text.number(metrics.macro_f1(self.per_label)), "mean F1 of the labels"),
        ]

    def comparison(self) -> str:
        better = "better" if self.accuracy > self.baseline else "not better"
        return f"The model is {better} than saying of each label what is usual."

    def details(self) -> Table:
        rows = tuple(
            (
                str(row.name),
                *map(text.number, (row.precision, row.recall, row.f1)),
                f"{row.support:,}",
            )
            for row in self.per_label
        )
        return Table("Scores by label", ("label", "precision", "recall", "F1", "support"), rows)

    def pictures(self) -> list[tuple[Axes, str]]:
        return []


def score_tags(estimator: SequenceClassifier, data: Dataset, part: str) -> TagScores:
    """Ask a fitted classifier for all labels of each sequence."""
    names = estimator.classes_.tolist()
    counts = np.array(list(estimator.class_counts_.values()))
    return TagScores(
        data,
        part,
        Background.of(estimator),
        classes=tuple(names),
        targets=estimator.task_.encode(data).values,
        probabilities=estimator.predict_proba(data),
        usual=np.asarray(counts > estimator.task_.sequences / 2, np.int64),
    )
