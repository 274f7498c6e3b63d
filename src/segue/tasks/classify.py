"""One class for each sequence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError, warn_user
from segue.prepare import Preparation
from segue.sequences import Array
from segue.splits import offer_windows
from segue.tasks.base import Encoded, ObjectiveName, Task, counts_of, weighted_mean
from segue.tasks.weights import weighted_by_class


@dataclass(frozen=True)
class Classify(Task):
    """One of several classes for each sequence.

    Attributes:
        classes: their names, in the order of the probabilities.
        head: "softmax", or "sigmoid" for an independent output for each class.
        class_weight: `None`, "balanced", or a weight by class name.
        counts: sequences of each class in what was trained on.
        sequences: how many sequences were trained on.
    """

    classes: tuple[Any, ...]
    head: str = "softmax"
    class_weight: Any = None
    counts: tuple[int, ...] = ()
    sequences: int = 0

    name: ClassVar[str] = "classify"
    data_tasks: ClassVar[tuple[str, ...]] = ("classify", "multilabel")
    needs: ClassVar[str] = "one label for each sequence"

    @classmethod
    def of(cls, train: Dataset, *, classes: Any, head: str, class_weight: Any) -> Self:
        """The task of a training part.

        Args:
            train: the training part.
            classes: the names that are given; `None`: those that occur.
            head: as in the attributes.
            class_weight: as in the attributes.

        Raises:
            DataError: fewer than two classes, or a label that is not among those given.
        """
        names = tuple(np.unique(train.y).tolist()) if classes is None else tuple(classes)
        check_classes(train.y, names)
        return cls(names, head, class_weight)

    def fitted(self, train: Dataset, preparation: Preparation) -> Self:
        """The same with the number of sequences of each class."""
        counts = tuple(self._counts(self.encode(train).values))
        return replace(self, counts=counts, sequences=len(train))

    def _counts(self, codes: Array) -> list[int]:
        counts: list[int] = np.bincount(codes, minlength=len(self.classes)).tolist()
        return counts

    @property
    def objective(self) -> ObjectiveName:
        """Cross-entropy; two classes share one logit with a softmax."""
        if self.head == "softmax" and len(self.classes) == 2:
            return ObjectiveName("binary", 1)
        return ObjectiveName(self.head, len(self.classes))

    def encode(self, data: Dataset) -> Encoded:
        """`[n]` class numbers."""
        numbers = {name: code for code, name in enumerate(self.classes)}
        unseen = sorted({str(label) for label in data.y.tolist() if label not in numbers})
        if unseen:
            raise DataError(
                f"Labels {', '.join(unseen)} are not among the classes {list(self.classes)} that "
                "are trained."
            )
        return Encoded(np.array([numbers[label] for label in data.y.tolist()], np.int64))

    def of_training(self, part: Dataset) -> Dataset:
        """The training part with all classes, also those that do not occur in it."""
        return replace(part, classes=self.classes)

    def as_scored(self, data: Dataset, *, is_dataset: bool) -> Dataset:
        """The data set with the targets in the form of the training part's.

        Args:
            data: to be scored.
            is_dataset: whether it was a `Dataset`, whose classes have names of their own.
        """
        return data

    def weights(self, data: Dataset, sample_weight: Any) -> Array | None:
        """`[n]` weights of mean 1, by sequence and by class; `None`: all the same."""
        return weighted_by_class(
            self.encode(data).values, self.classes, self.class_weight, sample_weight
        )

    def decode(self, probabilities: Array) -> Array:
        """`[n]`, the most probable class of `[n, class]` probabilities."""
        return np.asarray(np.asarray(self.classes)[probabilities.argmax(axis=1)])

    def correct(self, predicted: Array, data: Dataset) -> Array:
        """`[n]`, 1 where the predicted label is that of the data set."""
        return np.asarray(predicted == data.y, float)

    def score(self, predicted: Array, data: Dataset, sample_weight: Any = None) -> float:
        """The accuracy, by how much each sequence counts."""
        return weighted_mean(self.correct(predicted, data), sample_weight)

    def to_json(self) -> dict[str, Any]:
        """Classes, and how many sequences of each were trained on."""
        return {
            "classes": list(self.classes),
            "class_counts": list(self.counts),
            "task": self.name,
            "sequences": self.sequences,
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any], **options: Any) -> Self:
        """The reverse of `to_json`; older files do not have the number of sequences."""
        counts = counts_of(state)
        return cls(
            tuple(state["classes"]), **options, counts=counts,
            sequences=state.get("sequences", sum(counts)),
        )  # fmt: skip

    @classmethod
    def _hint(cls, data: Dataset) -> str:
        if data.task == "label":
            return f" {offer_windows(data.x.length_range[1])}; for each step: --task label."
        if data.task == "regress":
            return " Whole numbers are classes with Dataset(x, y, task='classify')."
        return ""


def check_classes(labels: Array, classes: tuple[Any, ...]) -> None:
    """Raise for fewer than two classes or a label outside them, warn of one that occurs once."""
    unseen = sorted({str(label) for label in np.unique(labels).tolist() if label not in classes})
    if unseen:
        raise DataError(
            f"Labels {', '.join(unseen)} are not among the classes {list(classes)}. Leave out "
            "`classes` to find them from the labels."
        )
    if len(set(classes)) < len(classes):
        raise DataError(f"`classes` names a class twice: {list(classes)}.")
    if len(classes) < 2:
        raise DataError(
            f"All {len(labels)} sequences belong to one class ({classes[0]!r}); a classifier needs "
            "at least two."
        )
    names, counts = np.unique(labels, return_counts=True)
    once = [str(name) for name in names[counts == 1]]
    fractions = labels.dtype.kind == "f" and bool((labels % 1 != 0).any())
    if fractions and len(once) > len(labels) / 2:
        raise DataError(
            f"`y` has {len(names)} different numbers for {len(labels)} sequences: these are no "
            "classes. A SequenceRegressor learns numbers."
        )
    if once:
        warn_user(
            f"Only one sequence belongs to class {_first(once)}: it stays in the training part, "
            "and nothing can be said about how well the class is learnt."
        )


def _first(names: list[str], at_most: int = 10) -> str:
    more = f" and {len(names) - at_most} more" if len(names) > at_most else ""
    return ", ".join(names[:at_most]) + more
