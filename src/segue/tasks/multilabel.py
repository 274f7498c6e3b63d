"""Multilabel classification: any number of labels for each sequence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np

from segue.data.dataset import Dataset
from segue.data.sequences import Array
from segue.errors import DataError, OptionError
from segue.tasks.base import Encoded, ObjectiveName, Task
from segue.tasks.classify import Classify
from segue.tasks.outcome import Baseline, Outcome, Section, Table, class_table
from segue.tasks.weights import normalized


@dataclass(frozen=True)
class Multilabel(Classify):
    """Each label present or absent, by an independent output of its own.

    Attributes:
        classes: the labels, in the order of the probabilities.
        counts: sequences with each label in what was trained on.
        sequences: how many sequences were trained on.
    """

    name: ClassVar[str] = "multilabel"
    labels_each: ClassVar[Literal["", "one", "several"]] = "several"
    arguments: ClassVar[Mapping[str, Any]] = {"head": "sigmoid"}
    usage: ClassVar[tuple[str, ...]] = (
        "model.predict(data.x)        # [n, label] of 0 and 1",
        "model.predict_proba(data.x)  # how sure of each: [n, label]",
    )
    footnote: ClassVar[str] = ""

    @classmethod
    def of(cls, part: Dataset, **options: Any) -> Self:
        """The task of a training part with `[n, label]` targets of 0 and 1.

        Raises:
            OptionError: another head than "sigmoid".
            DataError: as many names as there are labels are expected.
        """
        if options["head"] != "sigmoid":
            raise OptionError(
                f"`y` has shape {part.y.shape}, several labels at once: take head='sigmoid', an "
                "independent output for each."
            )
        given = options.pop("classes")
        names = tuple(part.classes or ()) if given is None else tuple(given)
        if len(names) != part.y.shape[1] or len(set(names)) < len(names):
            raise DataError(
                f"`y` has {part.y.shape[1]} labels for each sequence; `classes` are {list(names)}."
            )
        return cls(names, **options)

    @property
    def objective(self) -> ObjectiveName:
        """Binary cross-entropy, averaged over the labels."""
        return ObjectiveName("multilabel", len(self.classes))

    def encode(self, data: Dataset) -> Encoded:
        """`[n, label]` of 0 and 1, in the order of `classes`."""
        if data.task == "classify":  # one of the labels for each sequence
            numbers = Classify(self.classes).encode(data).values
            return Encoded(np.eye(len(self.classes), dtype=np.int64)[numbers])
        theirs = list(data.classes or self.classes)
        if set(theirs) != set(self.classes):
            known = list(self.classes)
            raise DataError(f"The labels are {theirs}; those that are trained are {known}.")
        places = [theirs.index(name) for name in self.classes]
        return Encoded(np.asarray(data.y[:, places], np.int64))

    def weights(self, data: Dataset, sample_weight: Any) -> Array | None:
        """`[n]` weights of mean 1; `None`: all the same."""
        if self.class_weight is not None:
            raise OptionError(
                "`class_weight` is for one class a sequence, and these have several labels at "
                "once: weigh the sequences with `sample_weight`."
            )
        return normalized(sample_weight, len(data))

    def decode(self, probabilities: Array) -> Array:
        """`[n, label]`, 1 where a label is more probable than not."""
        return (probabilities > 0.5).astype(np.int64)

    def correct(self, predicted: Array, data: Dataset) -> Array:
        """`[n]`, 1 where all labels are right, as scikit-learn counts."""
        return np.asarray((predicted == self.encode(data).values).all(axis=1), float)

    def as_scored(self, data: Dataset, *, is_dataset: bool) -> Dataset:
        """The data set with 0 and 1 for each label; labels without names are in order."""
        if data.task == "classify":
            values = self.encode(data).values
            return replace(data, y=values, task="multilabel", classes=self.classes)
        return data if is_dataset else replace(data, classes=self.classes)

    def scored_examples(self, estimator: Any, data: Dataset) -> Dataset:
        """The sequences with 0 and 1 for each label."""
        return Task.scored_examples(self, estimator, data)

    def outcome(self, estimator: Any, data: Dataset) -> Outcome:
        """The labels of each sequence; the baseline has those that most of training has."""
        probabilities = estimator.predict_proba(data)
        usual = np.asarray(np.array(self.counts) > self.sequences / 2, np.int64)
        return Outcome(
            arrays={
                "classes": self.classes,
                "targets": self.encode(data).values,
                "probabilities": probabilities,
                "predictions": self.decode(probabilities),
            },
            baselines=(
                Baseline(
                    "usual labels", "always what most of training has", {"predictions": usual}
                ),
            ),
            saved={"classes": list(self.classes)},
        )

    def details(self, scores: Any, at_most: int | None = None) -> Table:
        """Precision, recall, F1 and support of each label."""
        return class_table(scores.per_label, "label", "support", at_most)

    def sections(self, scores: Any) -> tuple[Section, ...]:
        """The scores by label."""
        return Task.sections(self, scores)
