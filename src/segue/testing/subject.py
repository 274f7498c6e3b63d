"""An estimator under examination: its clones, their fits, and their answers bit by bit."""

from __future__ import annotations

import copy
import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from segue.dataset import Dataset
from segue.sequences import Array
from segue.testing.tasks import Task, items_of


class DoesNotApplyError(Exception):
    """A promise that this estimator cannot make; the text says why."""


@dataclass(frozen=True)
class Subject:
    """What is examined.

    Attributes:
        estimator: not fitted, unless it has no `fit`.
        task: what it learns.
        data: what it learns from; without parts.
    """

    estimator: Any
    task: Task
    data: Dataset

    @property
    def takes_datasets(self) -> bool:
        """Whether there is a `fit` that takes a `Dataset`: then it says of which `tasks`."""
        return hasattr(self.estimator, "fit") and hasattr(self.estimator, "tasks")

    @functools.cached_property
    def fitted(self) -> Any:
        """A clone that has learnt from the data; the estimator itself, if it has no `fit`."""
        return self.fit() if hasattr(self.estimator, "fit") else self.estimator

    def clone(self, **parameters: Any) -> Any:
        """One that is not fitted, with some parameters changed."""
        self.needs("fit", "it is made of fitted ones and has no `fit`")
        if not hasattr(self.estimator, "get_params"):
            return copy.deepcopy(self.estimator)
        from sklearn.base import clone

        other = clone(self.estimator)
        return other.set_params(**parameters) if parameters else other

    def fit(self, data: Dataset | None = None, **parameters: Any) -> Any:
        """A clone that has learnt from the data, or from others."""
        return self.teach(self.clone(**parameters), self.data if data is None else data)

    def teach(self, estimator: Any, data: Dataset, **more: Any) -> Any:
        """Let any estimator learn from data, as it takes them."""
        if self.takes_datasets:
            return estimator.fit(data, **more)
        return estimator.fit(*self.pair(data), **more)

    def pair(self, data: Dataset) -> tuple[Any, ...]:
        """X and y, as scikit-learn has them; series have no y."""
        y = self.task.targets(data)
        x = items_of(data.x)
        return (x,) if y is None else (x, y)

    def answers(self, fitted: Any, x: Any = None) -> list[Array]:
        """One array for each sequence, of the data if none are given."""
        return self.task.answers(fitted, items_of(self.data.x) if x is None else x)

    def same(self, a: Any, b: Any) -> bool:
        """The same bits: classes, weights and answers."""
        first, second = self._bits(a), self._bits(b)
        return len(first) == len(second) and all(map(identical, first, second))

    def _bits(self, fitted: Any) -> list[Array]:
        named = weights_of(fitted)
        classes = [np.asarray(fitted.classes_)] if hasattr(fitted, "classes_") else []
        return [*classes, np.array(list(named)), *named.values(), *self.answers(fitted)]

    def in_parts(self) -> tuple[Dataset, Array]:
        """The data in parts, runs of two, so that two classes in turn are everywhere."""
        if not self.takes_datasets:
            raise DoesNotApplyError("its `fit` takes X and y, and no data set with parts")
        turn = np.arange(len(self.data)) // 2 % 6
        parts = np.array(["train"] * 4 + ["validation", "test"])[turn]
        return replace(self.data, parts=parts), parts

    def needs(self, name: str, otherwise: str) -> None:
        """Raise `DoesNotApplyError` unless the estimator has such a method."""
        if not hasattr(self.estimator, name):
            raise DoesNotApplyError(otherwise)


def weights_of(fitted: Any) -> dict[str, Array]:
    """Copies of all weights by name, of an ensemble those of its members; none of one's own."""
    if hasattr(fitted, "network_"):
        return {name: np.copy(array) for name, array in fitted.network_.get_weights().items()}
    members = enumerate(getattr(fitted, "members", ()))
    return {f"{n}/{name}": w for n, member in members for name, w in weights_of(member).items()}


def identical(a: Array, b: Array) -> bool:
    """The same type and the same values; NaN equals NaN."""
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
