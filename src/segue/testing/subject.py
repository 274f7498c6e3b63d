"""The estimator under test: its task, its clones, their fits and their predictions."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.metrics import accuracy_score, log_loss, r2_score

from segue import tasks
from segue.data.dataset import Dataset
from segue.data.sequences import Array, Sequences
from segue.testing.data import tiny_dataset

BadTargets = list[tuple[str, Any]]  # what is wrong, and targets for `fit(X, y)` to be refused


def _given_targets(data: Dataset) -> Any:
    """The targets of a data set as they are."""
    return data.y


def _no_bad_targets(_data: Dataset, _estimator: Any) -> BadTargets:
    """None besides those of every task."""
    return []


@dataclass(frozen=True)
class Task:
    """A task as the checks need it: data, targets and score.

    Attributes:
        kind: the task itself.
        score: what `score` must give for a fitted estimator and data, by scikit-learn's metrics.
        data: a tiny data set that an estimator can be fitted on.
        targets: what `fit(X, y)` takes as `y`.
        bad_targets: for data and an estimator, besides one too few and none.
        left_out: sequences that `fit` leaves out with a warning, where others refuse them.
    """

    kind: type[tasks.Task]
    score: Callable[[Any, Dataset], float]
    data: Callable[[Any], Dataset]
    targets: Callable[[Dataset], Any] = _given_targets
    bad_targets: Callable[[Dataset, Any], BadTargets] = _no_bad_targets
    left_out: tuple[str, ...] = ()


def _accuracy(fitted: Any, data: Dataset) -> float:
    return float(accuracy_score(data.y, fitted.predict(items_of(data.x))))


def _invalid_class_targets(data: Dataset, estimator: Any) -> BadTargets:
    bad: BadTargets = [("a label that is None", np.array([*data.y[:-1], None], object))]
    if getattr(estimator, "classes", None) is None:
        bad.append(("one class", np.repeat(data.y[:1], len(data))))
    return bad


def _exact_matches(fitted: Any, data: Dataset) -> float:
    return float((fitted.predict(items_of(data.x)) == data.y).all(axis=1).mean())


def _step_labels(data: Dataset) -> list[Array]:
    names = np.asarray(data.classes)
    return [names[codes[:, 0]] for codes in data.y]


def _accuracy_of_steps(fitted: Any, data: Dataset) -> float:
    predicted = np.concatenate(fitted.predict(items_of(data.x)))
    return float(accuracy_score(np.concatenate(_step_labels(data)), predicted))


def _bad_step_labels(data: Dataset, _: Any) -> BadTargets:
    first, *others = _step_labels(data)
    return [("a label more than there are steps", [np.append(first, first[:1]), *others])]


def _r2(fitted: Any, data: Dataset) -> float:
    return float(r2_score(data.y, fitted.predict(items_of(data.x))))


def _bad_numbers(data: Dataset, _: Any) -> BadTargets:
    missing = data.y.copy()
    missing[1] = np.nan
    return [("text", ["high"] * len(data)), ("a target that is NaN", missing)]


def _series(estimator: Any) -> Dataset:
    window = getattr(estimator, "size", 16) + getattr(estimator, "horizon", 1)
    return tiny_dataset(18, lengths=(window + 8, window + 24), task="none")


def _r2_of_forecasts(fitted: Any, data: Dataset) -> float:
    known, wanted = [], []
    for series in data.x:
        for end in range(fitted.size, len(series) - fitted.horizon + 1):
            known.append(series[:end])
            wanted.append(series[end : end + fitted.horizon].ravel())
    forecasts = fitted.predict(known, fitted.horizon)
    return float(r2_score(np.stack(wanted), forecasts.reshape(len(known), -1)))


def _texts(_: Any) -> Dataset:
    words = "the cat sat on a mat and saw two dogs, who ran.".split()
    texts = [" ".join(words[(5 * n + k) % 11] for k in range(1 + n % 9)) for n in range(42)]
    return Dataset(Sequences.from_texts(texts))


def _log_probability(fitted: Any, data: Dataset) -> float:
    rows = [np.asarray(row, float) for row in fitted.predict_proba(data.x)]
    tokens = [fitted.preparation_.tokens(text) for text in data.x.texts()]
    wanted = [number for text in tokens for number in (*(t.number for t in text), 0)]
    return -float(log_loss(wanted, np.concatenate(rows), labels=range(rows[0].shape[1])))


def _no_targets(_: Dataset) -> None:
    """Series and texts are their own targets."""


def _useless_targets(data: Dataset, _: Any) -> BadTargets:
    return [("targets that it has no use for", np.zeros(len(data)))]


def _tiny(task: str) -> Callable[[Any], Dataset]:
    return lambda _: tiny_dataset(42, task=task)


_OWN: Any = {"targets": _no_targets, "bad_targets": _useless_targets}
_NO_STEPS = ("a sequence without steps",)
TASKS: dict[str, Task] = {
    task.kind.name: task
    for task in (
        Task(tasks.Classify, _accuracy, _tiny("classify"), bad_targets=_invalid_class_targets),
        Task(tasks.Multilabel, _exact_matches, _tiny("multilabel")),
        Task(tasks.Label, _accuracy_of_steps, _tiny("label"), _step_labels, _bad_step_labels),
        Task(tasks.Regress, _r2, _tiny("regress"), bad_targets=_bad_numbers),
        Task(tasks.Forecast, _r2_of_forecasts, _series, left_out=_NO_STEPS, **_OWN),
        Task(tasks.Language, _log_probability, _texts, **_OWN),
    )
}


def task_of(estimator: Any, data: Dataset | None) -> Task:
    """The task by the data, or else by the estimator."""
    name = getattr(estimator, "task", "classify")
    if data is None or (name in TASKS and TASKS[name].kind.targets_inside):
        return TASKS[name]
    return TASKS["forecast" if data.y is None else data.task]


def items_of(x: Sequences) -> list[Any]:
    """The sequences as a user has them: `[time, channel]` arrays, or texts."""
    return x.texts() if x.is_text else x.to_list()


@dataclass(frozen=True)
class EstimatorSubject:
    """The estimator under test, with its data.

    Attributes:
        estimator: not fitted, unless it has no `fit`.
        task: its kind of target.
        data: what it is fitted on; without parts.
    """

    estimator: Any
    task: Task
    data: Dataset

    def lacks(self, need: str) -> str:
        """Why it does not have something: a method, or one of the needs that are named here.

        "data sets" is a `fit` that takes a `Dataset`; "segue" an estimator that is made of its
        parts; "numbers" are sequences of numbers; "one fit" is one that learns from the training
        part alone, in the end too.
        """
        from segue.estimators.base import BaseSequenceEstimator

        options = getattr(self.estimator, "options", None)
        needs = {
            "fit": (hasattr(self.estimator, "fit"), "it is made of fitted ones and has no `fit`"),
            "data sets": (self.takes_datasets, "its `fit` takes X and y only"),
            "segue": (isinstance(self.estimator, BaseSequenceEstimator), "it is no part of segue"),
            "numbers": (not self.data.x.is_text, "the steps of a text are words, once prepared"),
            "one fit": (
                not getattr(options, "refit", False),
                "refit=True is fitted on the validation part too, in the end",
            ),
        }
        has, reason = needs.get(need, (hasattr(self.estimator, need), f"it has no `{need}`"))
        return "" if has else reason

    @property
    def takes_datasets(self) -> bool:
        """Whether there is a `fit` that takes a `Dataset`: then it has `tasks`."""
        return hasattr(self.estimator, "fit") and hasattr(self.estimator, "tasks")

    @functools.cached_property
    def fitted(self) -> Any:
        """A clone that is fitted on the data; the estimator itself, if it has no `fit`."""
        return self.fit() if hasattr(self.estimator, "fit") else self.estimator

    def clone(self, **parameters: Any) -> Any:
        """One that is not fitted, with some parameters changed."""
        if not hasattr(self.estimator, "get_params"):
            return copy.deepcopy(self.estimator)
        other = clone(self.estimator)
        return other.set_params(**parameters) if parameters else other

    def fit(self, data: Dataset | None = None, **parameters: Any) -> Any:
        """A clone that is fitted on the data, or on others."""
        return self.refit(self.clone(**parameters), self.data if data is None else data)

    def refit(self, estimator: Any, data: Dataset, **more: Any) -> Any:
        """Fit any estimator on data, as it takes them."""
        given = (data,) if self.takes_datasets else self.pair(data)
        return estimator.fit(*given, **more)

    def pair(self, data: Dataset) -> tuple[Any, ...]:
        """X and y, as scikit-learn has them; series have no y."""
        y = self.task.targets(data)
        return (items_of(data.x),) if y is None else (items_of(data.x), y)

    def outputs(self, fitted: Any, x: Any = None) -> list[Array]:
        """One array for each sequence: probabilities, or else predictions, as numbers."""
        predict = getattr(fitted, "predict_proba", None) or fitted.predict
        rows = [np.asarray(row) for row in predict(items_of(self.data.x) if x is None else x)]
        if not rows or rows[0].dtype.kind in "fiub":
            return rows
        classes = np.asarray(fitted.classes_)
        return [(row[..., None] == classes).astype(float) for row in rows]

    def same(self, a: Any, b: Any) -> bool:
        """The same bits: classes, weights and outputs."""
        first, second = self._bits(a), self._bits(b)
        return len(first) == len(second) and all(map(identical, first, second))

    def _bits(self, fitted: Any) -> list[Array]:
        weights = weights_of(fitted)
        classes = [np.asarray(fitted.classes_)] if hasattr(fitted, "classes_") else []
        return [*classes, np.array(list(weights)), *weights.values(), *self.outputs(fitted)]

    def in_parts(self) -> Dataset:
        """The data in parts, runs of two, so that two classes in turn are everywhere."""
        turn = np.arange(len(self.data)) // 2 % 6
        return replace(self.data, parts=np.array(["train"] * 4 + ["validation", "test"])[turn])


def weights_of(fitted: Any) -> dict[str, Array]:
    """Copies of all weights of a fitted estimator by name.

    Those of an ensemble's members have the member's number before the name; an estimator without a
    network of segue has none.
    """
    if hasattr(fitted, "network_"):
        return {name: np.copy(array) for name, array in fitted.network_.get_weights().items()}
    members = enumerate(getattr(fitted, "members", ()))
    return {f"{n}/{name}": w for n, member in members for name, w in weights_of(member).items()}


def identical(a: Any, b: Any) -> bool:
    """The same type and the same values; NaN equals NaN."""
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
