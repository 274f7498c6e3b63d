"""What a classifier's labels are: one of several classes, or several labels at once."""

from __future__ import annotations

import abc
import warnings
from typing import Any, ClassVar

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError, OptionError
from segue.estimators.weighting import normalized, weighted_by_class
from segue.sequences import Array


class Labels(abc.ABC):
    """How labels become numbers, and probabilities labels again. Without a state."""

    task: ClassVar[str]

    @abc.abstractmethod
    def head(self, wanted: str, count: int) -> str:
        """The head of `segue.training.objectives.OBJECTIVES` for so many classes."""

    @abc.abstractmethod
    def names(self, part: Dataset, given: Any) -> tuple[Any, ...]:
        """The classes, found in the training part or checked against those that are given."""

    @abc.abstractmethod
    def codes(self, data: Dataset, names: list[Any]) -> Array:
        """The targets as numbers, in the order of `names`."""

    @abc.abstractmethod
    def counts(self, codes: Array, count: int) -> list[int]:
        """How many sequences have each class."""

    @abc.abstractmethod
    def weights(
        self, codes: Array, names: tuple[Any, ...], class_weight: Any, sample_weight: Array | None
    ) -> Array | None:
        """`[n]`, how much each sequence counts; `None`: all the same."""

    @abc.abstractmethod
    def decide(self, probabilities: Array, names: Array) -> Array:
        """The labels that `[n, class]` probabilities speak for."""

    @abc.abstractmethod
    def right(self, predicted: Array, data: Dataset, names: list[Any]) -> Array:
        """`[n]`, whether the sequence was given its label, or all of its labels."""

    def accuracy(
        self, predicted: Array, data: Dataset, names: list[Any], sample_weight: Any
    ) -> float:
        """The share of sequences that are right, by how much each counts."""
        right = self.right(predicted, data, names)
        return float(np.average(right, weights=normalized(sample_weight, len(right))))


class OneLabel(Labels):
    """One of several classes. Targets: `[n]` class numbers."""

    task: ClassVar[str] = "classify"

    def head(self, wanted: str, count: int) -> str:
        return "one-logit" if wanted == "softmax" and count == 2 else wanted

    def names(self, part: Dataset, given: Any) -> tuple[Any, ...]:
        names = tuple(np.unique(part.y).tolist()) if given is None else tuple(given)
        check_classes(part.y, names)
        return names

    def codes(self, data: Dataset, names: list[Any]) -> Array:
        numbers = {name: code for code, name in enumerate(names)}
        strange = sorted({str(label) for label in data.y.tolist() if label not in numbers})
        if strange:
            raise DataError(
                f"Labels {', '.join(strange)} are not among the classes {names} that are trained."
            )
        return np.array([numbers[label] for label in data.y.tolist()], np.int64)

    def counts(self, codes: Array, count: int) -> list[int]:
        counts: list[int] = np.bincount(codes, minlength=count).tolist()
        return counts

    def weights(
        self, codes: Array, names: tuple[Any, ...], class_weight: Any, sample_weight: Array | None
    ) -> Array | None:
        return weighted_by_class(codes, names, class_weight, sample_weight)

    def decide(self, probabilities: Array, names: Array) -> Array:
        return np.asarray(names[probabilities.argmax(axis=1)])

    def right(self, predicted: Array, data: Dataset, names: list[Any]) -> Array:
        return np.asarray(predicted == data.y, float)


class SeveralLabels(Labels):
    """Any number of labels at once. Targets: `[n, label]` of 0 and 1."""

    task: ClassVar[str] = "multilabel"

    def head(self, wanted: str, count: int) -> str:
        return "tags"

    def names(self, part: Dataset, given: Any) -> tuple[Any, ...]:
        names = tuple(part.classes or ()) if given is None else tuple(given)
        if len(names) != part.y.shape[1] or len(set(names)) < len(names):
            raise DataError(
                f"`y` has {part.y.shape[1]} labels for each sequence; `classes` are {list(names)}."
            )
        return names

    def codes(self, data: Dataset, names: list[Any]) -> Array:
        if data.task == "classify":  # one of the labels for each sequence
            return np.eye(len(names), dtype=np.int64)[OneLabel().codes(data, names)]
        theirs = list(data.classes or names)
        if set(theirs) != set(names):
            raise DataError(f"The labels are {theirs}; those that are trained are {names}.")
        return np.asarray(data.y[:, [theirs.index(name) for name in names]], np.int64)

    def counts(self, codes: Array, count: int) -> list[int]:
        counts: list[int] = codes.sum(axis=0).tolist()
        return counts

    def weights(
        self, codes: Array, names: tuple[Any, ...], class_weight: Any, sample_weight: Array | None
    ) -> Array | None:
        if class_weight is not None:
            raise OptionError(
                "`class_weight` is for one class a sequence, and these have several labels at "
                "once: weigh the sequences with `sample_weight`."
            )
        return normalized(sample_weight, len(codes))

    def decide(self, probabilities: Array, names: Array) -> Array:
        return (probabilities > 0.5).astype(np.int64)

    def right(self, predicted: Array, data: Dataset, names: list[Any]) -> Array:
        return np.asarray((predicted == self.codes(data, names)).all(axis=1), float)


LABELS: dict[str, Labels] = {kind.task: kind for kind in (OneLabel(), SeveralLabels())}


def check_classes(labels: Array, classes: tuple[Any, ...]) -> None:
    """Raise for fewer than two classes or a label outside them, warn of one that occurs once."""
    strange = sorted({str(label) for label in np.unique(labels).tolist() if label not in classes})
    if strange:
        raise DataError(
            f"Labels {', '.join(strange)} are not among the classes {list(classes)}. Leave out "
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
        warnings.warn(
            f"Only one sequence belongs to class {_first(once)}: it stays in the training part, "
            "and nothing can be said about how well the class is learnt.",
            stacklevel=6,
        )


def _first(names: list[str], at_most: int = 10) -> str:
    more = f" and {len(names) - at_most} more" if len(names) > at_most else ""
    return ", ".join(names[:at_most]) + more
