"""Labelling: a class for each step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from segue.data.dataset import Dataset
from segue.data.encoding import NO_LABEL
from segue.data.labels import check_known
from segue.data.sequences import Array, Sequences
from segue.data.splits import offer_windows
from segue.errors import DataError, counted
from segue.prepare import Preparation
from segue.tasks.base import Encoded, ObjectiveName, spread, weighted_mean
from segue.tasks.classes import ClassTask, class_outcome, class_table, class_weights
from segue.tasks.outcome import Outcome, Picture, Table

UNKNOWN = -2  # a label that is not among the classes


@dataclass(frozen=True)
class Label(ClassTask):
    """One of several classes for each step; steps may have none.

    Attributes:
        ignore: a label that means "none".
    """

    ignore: Any = None

    name = "label"
    data_tasks = ("label",)
    needs = "a label for each step"
    per_step = True
    options = ("classes", "class_weight", "ignore")
    shared = ("classes",)
    usage = (
        "model.predict(data.x)        # a list of (time,) arrays of labels",
        "model.predict_proba(data.x)  # how sure: Sequences [time, class]",
    )

    @classmethod
    def of(cls, part: Dataset, **options: Any) -> Self:
        """The task of a training part.

        Raises:
            DataError: fewer than two classes, or a label that is not among those given.
        """
        given, present = options.pop("classes"), occurring(part, options["ignore"])
        names = present if given is None else tuple(given)
        hint = (
            ". Leave out `classes` to find them from the labels, or name the one that means none: "
            "ignore=."
        )
        check_known(present, names, hint)
        if len(names) < 2:
            raise DataError(
                f"All labelled steps belong to {len(names)} class {list(names)}; a labeler needs "
                "at least two."
            )
        return cls(names, **options)

    def fitted(self, train: Dataset, preparation: Preparation) -> Self:
        """The fitted task: with the number of steps of each class."""
        codes = self.encode(train).values
        counts = np.bincount(codes[codes != NO_LABEL], minlength=len(self.classes)).tolist()
        return replace(self, counts=tuple(counts))

    @property
    def objective(self) -> ObjectiveName:
        """Cross-entropy of a softmax at every labelled step."""
        return ObjectiveName("steps", len(self.classes))

    def encode(self, data: Dataset) -> Encoded:
        """`[total_steps]` class numbers, `NO_LABEL` where there is none."""
        codes = encode_labels(data, self.classes, self.ignore)
        if (codes == UNKNOWN).any():
            check_known(occurring(data, self.ignore), self.classes, " that are trained.")
        return Encoded(codes, per_step=True)

    def weights(self, data: Dataset, sample_weight: Any) -> Array | None:
        """`[total_steps]`, by the weights of the step, its sequence and its class."""
        if sample_weight is None and self.class_weight is None:
            return None
        codes = self.encode(data).values
        labelled = codes != NO_LABEL
        given = None if sample_weight is None else spread(sample_weight, data.x)[labelled]
        weights = np.zeros(len(codes))
        weights[labelled] = class_weights(codes[labelled], self.classes, self.class_weight, given)
        return weights

    def decode(self, outputs: Sequences) -> list[Array]:
        """The most probable class of each step: a `(time,)` array for each sequence."""
        names = np.asarray(self.classes)
        return [names[steps.argmax(axis=1)] for steps in outputs]

    def score(self, outputs: Sequences, data: Dataset, sample_weight: Any = None) -> float:
        """The share of labelled steps whose most probable class is the right one.

        Args:
            outputs: `[time, class]` probabilities of each sequence.
            data: the sequences with their labels.
            sample_weight: `[n]`, or `Sequences` of one for each step.

        Raises:
            DataError: no step has a label, or weights of other lengths.
        """
        codes = encode_labels(data, self.classes, self.ignore)
        labelled = codes != NO_LABEL
        if not labelled.any():
            raise DataError("No step has a label, so there is nothing to be scored.")
        right = outputs.values.argmax(axis=1) == codes
        given = None if sample_weight is None else spread(sample_weight, data.x)[labelled]
        return weighted_mean(right[labelled], given)

    @classmethod
    def is_cut_in_time(cls, data: Dataset, *, named: bool) -> bool:
        """One recording cannot be split by sequences."""
        return named and len(data) == 1

    @classmethod
    def choice_note(cls, data: Dataset) -> str:
        """Windows with a label each are the other way to learn from such targets."""
        return f"a class for each step is learnt. {offer_windows(data.x.length_range[1])}"

    def outcome(self, estimator: Any, data: Dataset) -> Outcome:
        """Probabilities at every labelled step; the baseline is the most frequent label."""
        unseen = tuple(n for n in occurring(data, self.ignore) if n not in self.classes)
        codes = encode_labels(data, (*self.classes, *unseen), self.ignore)
        labelled = codes >= 0
        if not labelled.any():
            raise DataError("No step of these sequences has a label; expected some to be scored.")
        groups = np.arange(len(data)) if data.groups is None else data.groups
        found = estimator.predict_proba(data.x).values[labelled].astype(np.float64)
        steps = int(labelled.sum())
        return class_outcome(
            (*self.classes, *unseen),
            codes[labelled],
            np.pad(found, ((0, 0), (0, len(unseen)))),
            np.repeat(groups, data.x.lengths)[labelled],
            counts=dict(zip(self.classes, self.counts, strict=True)),
            what="label",
            size=counted(steps, "labelled step"),
            steps=steps,
        )

    def details(self, scores: Any, at_most: int | None = None) -> Table:
        """Precision, recall, F1 and steps of each class."""
        return class_table(scores.per_class, "class", "steps", at_most)

    def pictures(self, scores: Any) -> tuple[Picture, ...]:
        """The confusion matrix, in steps."""
        caption = (
            "Steps: rows are the true classes, columns the predicted ones; the colour is the share "
            "of the row"
        )
        return (Picture("confusion", scores.plot_confusion(), caption, "wide"),)


def class_names(data: Dataset) -> tuple[Any, ...]:
    """Class names of a data set with a label for each step; class numbers where it has no names."""
    if data.classes is not None:
        return data.classes
    return tuple(range(int(data.y.values.max(initial=-1)) + 1))


def occurring(data: Dataset, ignore: Any = None) -> tuple[Any, ...]:
    """The classes of at least one step, in the order of the data set."""
    there = set(np.unique(data.y.values).tolist())
    return tuple(
        name
        for code, name in enumerate(class_names(data))
        if code in there - {NO_LABEL} and name != ignore
    )


def encode_labels(
    data: Dataset, classes: tuple[Any, ...], ignore: Any = None
) -> npt.NDArray[np.int64]:
    """`[total_steps]` class numbers in the order of a model's `classes`, which may be another.

    `NO_LABEL` stands where there is none, -2 where the model does not have the class.
    """
    numbers = {name: code for code, name in enumerate(classes)}
    if ignore is not None:
        numbers[ignore] = NO_LABEL
    table = np.array(
        [*(numbers.get(name, UNKNOWN) for name in class_names(data)), NO_LABEL], np.int64
    )
    return np.asarray(table[data.y.values[:, 0]])  # -1, no label, takes the last entry
