"""Classification: one class for each sequence, or any number of labels (multilabel)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np

from segue.data.dataset import Dataset
from segue.data.labels import check_known
from segue.data.sequences import Array
from segue.data.splits import offer_windows
from segue.errors import DataError, OptionError, first_few, warn_user
from segue.prepare import Preparation
from segue.tasks.base import ROWS_ON_PAGE, Encoded, ObjectiveName, Task, weighted_mean
from segue.tasks.classes import ClassTask, class_outcome, class_table, class_weights
from segue.tasks.outcome import Baseline, Outcome, Picture, Section, Table


@dataclass(frozen=True)
class Classify(ClassTask):
    """One of several classes for each sequence.

    Attributes:
        head: "softmax", or "sigmoid" for an independent output for each class.
        sequences: how many sequences were trained on.
    """

    head: str = "softmax"
    sequences: int = 0

    name = "classify"
    data_tasks = ("classify", "multilabel")
    needs = "one label for each sequence"
    sklearn_type = "classifier"
    takes_static = True
    takes_text = True
    options = ("classes", "head", "class_weight")
    shared = ("classes", "name")
    labels_each: ClassVar[Literal["", "one", "several"]] = "one"
    usage = (
        "model.predict(data.x)        # a class for each sequence",
        "model.predict_proba(data.x)  # how sure: [n, class]",
    )
    footnote = (
        "The interval is at 95 %: a bootstrap's, or Wilson's where all are right or all wrong. The "
        "baseline answers the class most frequent in training. Macro F1 and ROC AUC are means over "
        "classes, as in scikit-learn; a dash stands where nothing is defined. The calibration "
        "error is the expected calibration error in ten bins of equal width (Guo et al. 2017); of "
        "few sequences it is above 0 by chance alone."
    )

    @classmethod
    def of(cls, part: Dataset, **options: Any) -> Self:
        """The task of a training part.

        Raises:
            DataError: fewer than two classes, or a label that is not among those given.
        """
        given = options.pop("classes")
        names = tuple(np.unique(part.y).tolist()) if given is None else tuple(given)
        check_classes(part.y, names)
        return cls(names, **options)

    @classmethod
    def for_training(
        cls, part: Dataset, data: Dataset, _x: Any, /, **options: Any
    ) -> tuple[Self, Dataset]:
        """The task, and the training part with all classes, also those that do not occur in it.

        Warns:
            UserWarning: a class occurs in other parts of the data set only.
        """
        task = cls.of(part, **options)
        unseen = [str(name) for name in data.classes or () if name not in task.classes]
        if unseen:
            warn_user(
                f"Class {', '.join(unseen)} does not occur in the training part: it cannot be "
                "learnt, and every sequence of it will count as a mistake."
            )
        return task, replace(part, classes=task.classes)

    def fitted(self, train: Dataset, preparation: Preparation) -> Self:
        """The fitted task: with the number of sequences of each class."""
        counts = np.bincount(self.encode(train).values, minlength=len(self.classes))
        return replace(self, counts=tuple(counts.tolist()), sequences=len(train))

    @property
    def objective(self) -> ObjectiveName:
        """Cross-entropy; two classes share one logit with a softmax."""
        if self.head == "softmax" and len(self.classes) == 2:
            return ObjectiveName("binary", 1)
        return ObjectiveName(self.head, len(self.classes))

    def encode(self, data: Dataset) -> Encoded:
        """`[n]` class numbers."""
        return Encoded(class_numbers(data.y, self.classes))

    def weights(self, data: Dataset, sample_weight: Any) -> Array | None:
        """`[n]` weights of mean 1, by sequence and by class; `None`: all the same."""
        if self.class_weight is None and sample_weight is None:
            return None
        codes = self.encode(data).values
        return class_weights(codes, self.classes, self.class_weight, sample_weight)

    def decode(self, probabilities: Array) -> Array:
        """`[n]`, the most probable class of `[n, class]` probabilities."""
        return np.asarray(np.asarray(self.classes)[probabilities.argmax(axis=1)])

    def correct(self, predicted: Array, data: Dataset) -> Array:
        """`[n]`, 1 where the predicted label is that of the data set."""
        return np.asarray(predicted == data.y, float)

    def score(self, outputs: Array, data: Dataset, sample_weight: Any = None) -> float:
        """The accuracy of `[n, class]` probabilities, by how much each sequence counts."""
        return weighted_mean(self.correct(self.decode(outputs), data), sample_weight)

    def to_json(self) -> dict[str, Any]:
        """Classes, and how many sequences of each were trained on."""
        return {**super().to_json(), "task": self.name, "sequences": self.sequences}

    @classmethod
    def from_json(cls, state: Mapping[str, Any], **options: Any) -> Self:
        """The reverse of `to_json`; older files do not have the number of sequences."""
        task = super().from_json(state, **options)
        return replace(task, sequences=state.get("sequences", sum(task.counts)))

    @classmethod
    def as_targets(cls, data: Dataset) -> Dataset:
        """Whole numbers of many values are classes here."""
        if data.task == "regress" and not (np.asarray(data.y) % 1).any():
            return replace(data, task="classify", classes=None)
        return data

    def scored_examples(self, estimator: Any, data: Dataset) -> Dataset:
        """The sequences as they are, since another library's classifier may be scored."""
        return data

    def outcome(self, estimator: Any, data: Dataset) -> Outcome:
        """Probabilities beside the classes; the baseline is the most frequent class.

        Args:
            estimator: anything fitted with `predict_proba` and `class_counts_`.
            data: sequences with one label each.

        Warns:
            UserWarning: a class occurs here that the model does not have.
        """
        check_labels(data, self.classes)
        unseen = tuple(label for label in np.unique(data.y).tolist() if label not in self.classes)
        if unseen:
            part, count = ", ".join(data.part_names), int(np.isin(data.y, unseen).sum())
            where = f"only in the {part} part" if part else "in these data, but not in training"
            warn_user(
                f"{'A class occurs' if len(unseen) == 1 else f'{len(unseen)} classes occur'} "
                f"{where}: {first_few(unseen, 6, repr)} (sequences: {count}). The model cannot "
                "predict what it never saw, so each of these counts as a mistake."
            )
        classes = (*self.classes, *unseen)
        return class_outcome(
            classes,
            class_numbers(data.y, classes),
            np.pad(checked_probabilities(self, estimator, data), ((0, 0), (0, len(unseen)))),
            data.groups,
            counts=estimator.class_counts_,
            what="class",
        )

    def details(self, scores: Any, at_most: int | None = None) -> Table:
        """Precision, recall, F1 and support of each class."""
        return class_table(scores.per_class, "class", "support", at_most)

    def sections(self, scores: Any) -> tuple[Section, ...]:
        """The confusion matrix, the scores by class, and what a confidence is worth."""
        confusion = Picture(
            "confusion", scores.plot_confusion(),
            "Rows are the true classes, columns the predicted ones; the colour is the share of "
            "the row", "wide",
        )  # fmt: skip
        calibration = Picture(
            "calibration", scores.plot_calibration(),
            "Accuracy over confidence, in ten bins: above the line the model is right more often "
            "than it claims, below it less often. Thin lines are 95 % intervals; at the bottom "
            "stands how many sequences each bin has",
        )  # fmt: skip
        table, sets = self.details(scores, ROWS_ON_PAGE), scores.sets
        said = (str(scores.calibration), *([] if sets is None else [str(sets)]))
        return (
            Section("confusion", "Confusion matrix", (confusion,)),
            Section("classes", table.title, (table,)),
            Section("calibration", "Calibration", (*said, calibration)),
        )

    @classmethod
    def _hint(cls, data: Dataset) -> str:
        if data.task == "label":
            return f" {offer_windows(data.x.length_range[1])}; for each step: task='label'."
        if data.task == "regress":
            return " Whole numbers are classes with Dataset(x, y, task='classify')."
        return ""


def class_numbers(labels: Array, classes: tuple[Any, ...]) -> Array:
    """`[n]` class numbers of labels, which must be among the classes."""
    check_known(set(labels.tolist()), classes, " that are trained.")
    numbers = {name: code for code, name in enumerate(classes)}
    return np.array([numbers[label] for label in labels.tolist()], np.int64)


def check_classes(labels: Array, classes: tuple[Any, ...]) -> None:
    """Raise for fewer than two classes or a label outside them, warn of one that occurs once."""
    hint = ". Leave out `classes` to find them from the labels."
    check_known(np.unique(labels).tolist(), classes, hint)
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
            f"`y` has {len(names)} different numbers for {len(labels)} sequences: these are "
            "continuous, and no classes. A SequenceRegressor learns numbers."
        )
    if once:
        warn_user(
            f"Only one sequence belongs to class {first_few(once, 10)}: it stays in the training "
            "part, and how well the class is learnt is not known."
        )


def check_labels(data: Dataset, known: tuple[Any, ...]) -> None:
    """Raise `DataError` unless there are sequences with one label each, one of them known."""
    if data.labels is None:
        came = {
            "none": "These sequences have no labels",
            "multilabel": "These sequences have several labels each",
            "label": "These sequences have a label at each step",
            "regress": "These sequences have numbers as targets",
        }[data.task]
        raise DataError(
            f"{came}; expected one label for each sequence. Give a Dataset with `y`, as in "
            "segue.Dataset(x, labels), or take `predict` where there is nothing to compare with."
        )
    if len(data) == 0:
        raise DataError("There are no sequences to be scored; expected at least one.")
    labels = np.unique(data.y).tolist()
    if set(labels).isdisjoint(known):
        raise DataError(
            f"None of the labels {first_few(labels, 6, repr)} ({_kind(labels)}) is a class of the "
            f"model: {first_few(sorted(known, key=str), 6, repr)} ({_kind(known)}). Is this the "
            "data for another model, or are the same labels text in one place and numbers in the "
            "other?"
        )


def checked_probabilities(task: Classify, estimator: Any, data: Dataset) -> Array:
    """`[n, class]` of a model that may be another library's.

    Raises:
        DataError: another shape, or what is no finite number.
    """
    found = np.asarray(estimator.predict_proba(data.x if data.static is None else data), np.float64)
    expected = (len(data), len(task.classes))
    if found.shape != expected:
        raise DataError(
            f"`predict_proba` gave shape {found.shape}; expected {expected}: "
            "a row for each sequence, a column for each class."
        )
    wrong = np.flatnonzero(~np.isfinite(found).all(axis=1))
    if len(wrong):
        raise DataError(
            f"`predict_proba` gave no finite numbers for {len(wrong)} of {len(data)} sequences, "
            f"first for sequence {wrong[0]}. Does it hold infinite values, or did training "
            "end with a loss that is not a number?"
        )
    return found


def _kind(labels: Any) -> str:
    return "text" if all(isinstance(label, str) for label in labels) else "numbers"


@dataclass(frozen=True)
class Multilabel(Classify):
    """Each label present or absent, by an independent output of its own.

    Attributes:
        classes: the labels, in the order of the probabilities.
        counts: sequences with each label in what was trained on.
    """

    name = "multilabel"
    labels_each = "several"
    arguments: ClassVar[Mapping[str, Any]] = {"head": "sigmoid"}
    usage = (
        "model.predict(data.x)        # [n, label] of 0 and 1",
        "model.predict_proba(data.x)  # how sure of each: [n, label]",
    )
    footnote = ""

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

    def fitted(self, train: Dataset, preparation: Preparation) -> Self:
        """The fitted task: with the number of sequences with each label."""
        counts = self.encode(train).values.sum(axis=0)
        return replace(self, counts=tuple(counts.tolist()), sequences=len(train))

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
        columns = [theirs.index(name) for name in self.classes]
        return Encoded(np.asarray(data.y[:, columns], np.int64))

    def weights(self, data: Dataset, sample_weight: Any) -> Array | None:
        """`[n]` weights of mean 1; `None`: all the same."""
        if self.class_weight is not None:
            raise OptionError(
                "`class_weight` is for one class a sequence, and these have several labels at "
                "once: weigh the sequences with `sample_weight`."
            )
        return Task.weights(self, data, sample_weight)

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
        about = "always what most of training has"
        usual = np.asarray(np.array(self.counts) > self.sequences / 2, np.int64)
        return Outcome(
            arrays={
                "classes": self.classes,
                "targets": self.encode(data).values,
                "probabilities": probabilities,
                "predictions": self.decode(probabilities),
            },
            baselines=(Baseline("usual labels", about, {"predictions": usual}),),
            saved={"classes": list(self.classes)},
        )

    def details(self, scores: Any, at_most: int | None = None) -> Table:
        """Precision, recall, F1 and support of each label."""
        return class_table(scores.per_label, "label", "support", at_most)

    def sections(self, scores: Any) -> tuple[Section, ...]:
        """The scores by label."""
        return Task.sections(self, scores)
