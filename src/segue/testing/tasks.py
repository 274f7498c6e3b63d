"""What a check must know of each task: data to learn from, and how a fitted one is asked."""

from __future__ import annotations

import abc
from typing import Any, ClassVar

import numpy as np

from segue.dataset import Dataset
from segue.sequences import Array, Sequences
from segue.testing.data import tiny_dataset


class Task(abc.ABC):
    """One kind of target. Without a state.

    Attributes:
        name: as in `Dataset.task`; "forecast" or "language" where the targets are in what comes.
        data_task: of the data sets that are learnt from.
        left_out: sequences that `fit` leaves out with a warning, where others refuse them.
    """

    name: ClassVar[str]
    data_task: ClassVar[str]
    left_out: ClassVar[tuple[str, ...]] = ()

    def data(self, estimator: Any) -> Dataset:
        """A tiny data set that the estimator can learn from."""
        return tiny_dataset(42, task=self.data_task)

    def targets(self, data: Dataset) -> Any:
        """What `fit(X, y)` takes as `y`."""
        return data.y

    def answers(self, fitted: Any, x: Any) -> list[Array]:
        """One array for each sequence: probabilities, or else what is predicted, as numbers."""
        ask = getattr(fitted, "predict_proba", None) or fitted.predict
        rows = [np.asarray(answer) for answer in ask(x)]
        if not rows or rows[0].dtype.kind in "fiub":
            return rows
        classes = np.asarray(fitted.classes_)
        return [(row[..., None] == classes).astype(float) for row in rows]

    @abc.abstractmethod
    def expected_score(self, fitted: Any, data: Dataset) -> float:
        """What `score` must give, by scikit-learn's metrics."""

    def bad_targets(self, data: Dataset, estimator: Any) -> list[tuple[str, Any]]:
        """Targets for `fit(X, y)` that must be refused, each with what is wrong."""
        return [("one target too few", self.targets(data)[:-1]), ("no targets", None)]


class Classify(Task):
    """A class for each sequence."""

    name = data_task = "classify"

    def expected_score(self, fitted: Any, data: Dataset) -> float:
        from sklearn.metrics import accuracy_score

        return float(accuracy_score(data.y, fitted.predict(items_of(data.x))))

    def bad_targets(self, data: Dataset, estimator: Any) -> list[tuple[str, Any]]:
        absent = np.array([*data.y[:-1], None], object)
        bad = [*super().bad_targets(data, estimator), ("a label that is None", absent)]
        if getattr(estimator, "classes", None) is None:
            bad.append(("one class", np.repeat(data.y[:1], len(data))))
        return bad


class Tag(Task):
    """Several labels at once."""

    name = data_task = "multilabel"

    def expected_score(self, fitted: Any, data: Dataset) -> float:
        return float((fitted.predict(items_of(data.x)) == data.y).all(axis=1).mean())


class Label(Task):
    """A class for each step."""

    name = data_task = "label"

    def targets(self, data: Dataset) -> Any:
        names = np.asarray(data.classes)
        return [names[codes[:, 0]] for codes in data.y]

    def expected_score(self, fitted: Any, data: Dataset) -> float:
        from sklearn.metrics import accuracy_score

        found = np.concatenate(fitted.predict(items_of(data.x)))
        return float(accuracy_score(np.concatenate(self.targets(data)), found))

    def bad_targets(self, data: Dataset, estimator: Any) -> list[tuple[str, Any]]:
        first, *others = self.targets(data)
        longer = [np.append(first, first[:1]), *others]
        return [
            *super().bad_targets(data, estimator),
            ("a label more than there are steps", longer),
        ]


class Regress(Task):
    """Numbers for each sequence."""

    name = data_task = "regress"

    def expected_score(self, fitted: Any, data: Dataset) -> float:
        from sklearn.metrics import r2_score

        return float(r2_score(data.y, fitted.predict(items_of(data.x))))

    def bad_targets(self, data: Dataset, estimator: Any) -> list[tuple[str, Any]]:
        text, missing = ["high"] * len(data), data.y.copy()
        missing[1] = np.nan
        return [
            *super().bad_targets(data, estimator),
            ("text", text),
            ("a target that is NaN", missing),
        ]


class Forecast(Task):
    """The steps that follow a series; the sequences are the series."""

    name: ClassVar[str] = "forecast"
    data_task: ClassVar[str] = "none"
    left_out: ClassVar[tuple[str, ...]] = ("a sequence without steps",)

    def data(self, estimator: Any) -> Dataset:
        window = getattr(estimator, "size", 16) + getattr(estimator, "horizon", 1)
        return tiny_dataset(18, lengths=(window + 8, window + 24), task="none")

    def expected_score(self, fitted: Any, data: Dataset) -> float:
        from sklearn.metrics import r2_score

        known, wanted = [], []
        for series in data.x:
            for end in range(fitted.size, len(series) - fitted.horizon + 1):
                known.append(series[:end])
                wanted.append(series[end : end + fitted.horizon].ravel())
        found = fitted.predict(known, fitted.horizon)
        return float(r2_score(np.stack(wanted), found.reshape(len(known), -1)))

    def bad_targets(self, data: Dataset, estimator: Any) -> list[tuple[str, Any]]:
        return [("targets that it has no use for", np.zeros(len(data)))]


class Language(Task):
    """The token that comes next in a text."""

    name: ClassVar[str] = "language"
    data_task: ClassVar[str] = "none"

    def data(self, estimator: Any) -> Dataset:
        words = "the cat sat on a mat and saw two dogs, who ran.".split()
        texts = [" ".join(words[(5 * n + k) % 11] for k in range(1 + n % 9)) for n in range(42)]
        return Dataset(Sequences.from_texts(texts))

    def expected_score(self, fitted: Any, data: Dataset) -> float:
        from sklearn.metrics import log_loss

        shares = np.concatenate([np.asarray(row, float) for row in fitted.predict_proba(data.x)])
        ends = [fitted.preparation_.tokens(text) for text in data.x.texts()]
        wanted = [number for tokens in ends for number in (*(t.number for t in tokens), 0)]
        return -float(log_loss(wanted, shares, labels=range(shares.shape[1])))

    def bad_targets(self, data: Dataset, estimator: Any) -> list[tuple[str, Any]]:
        return [("targets that it has no use for", np.zeros(len(data)))]


TASKS: dict[str, Task] = {
    task.name: task for task in (Classify(), Tag(), Label(), Regress(), Forecast(), Language())
}


def task_of(estimator: Any, data: Dataset | None) -> Task:
    """The task by the data, or else by what the estimator says of itself."""
    purpose = getattr(estimator, "task", "classify")
    if purpose in ("forecast", "language") or data is None:
        return TASKS[purpose]
    return TASKS["forecast" if data.task == "none" else data.task]


def changed(data: Dataset, part: str) -> tuple[Sequences, Any]:
    """The sequences and targets of a data set, with other values in one part."""
    items, y = items_of(data.x), data.y
    rows = [] if y is None else y.to_list() if isinstance(y, Sequences) else list(y)
    members = np.flatnonzero(data.parts == part)
    for i in members:
        items[i] = items[i] * 100 + 7 if data.x.kind == "numbers" else items[i][::-1]
    for i, other in zip(members, members[::-1] if rows else (), strict=bool(rows)):
        if isinstance(y, Sequences):
            rows[i] = rows[i].max() - rows[i][::-1]
        else:
            rows[i] = y[i] * 100 + 7 if y.dtype.kind == "f" else y[other]
    if isinstance(y, Sequences):
        return Sequences.from_list(items), Sequences.from_list(rows)
    x = Sequences.from_texts(items) if data.x.is_text else Sequences.from_list(items)
    return x, None if y is None else np.array(rows, y.dtype)


def items_of(x: Sequences) -> list[Any]:
    """What a user would have: `[time, channel]` arrays, or texts."""
    return x.texts() if x.is_text else x.to_list()
