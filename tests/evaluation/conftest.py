"""A small classifier with everything that an evaluation may ask of one, and data for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from segue.data.dataset import Dataset
from segue.data.sequences import Sequences

ROWS = [
    {
        "epoch": epoch,
        "loss": 2.0 / epoch,
        "accuracy": 1 - 0.5 / epoch,
        "validation_loss": 2.2 / epoch,
        "validation_accuracy": 0.9 - 0.5 / epoch,
        "learning_rate": 0.001,
        "seconds": 0.5 * epoch,
    }
    for epoch in range(1, 9)
]


@dataclass
class Nearest:
    """Gives the class whose level is nearest to the mean of a sequence."""

    levels: dict[Any, float]
    class_counts_: dict[Any, int]
    history_: Any = field(default_factory=lambda: SimpleNamespace(rows=ROWS, best_epoch=6))
    training_summary_: Any = (("network", "nearest <level> & co"), ("seed", "0"))

    @property
    def classes_(self) -> Any:
        return np.array(list(self.levels))

    @property
    def network_(self) -> Any:
        row = SimpleNamespace(name="head", kind="dense", shape="3 features", parameters=1_203)
        return SimpleNamespace(summary=lambda: SimpleNamespace(rows=(row,), total=1_203))

    def predict_proba(self, x: Sequences) -> Any:
        means = np.array([steps.mean() for steps in x])
        distances = (means[:, None] - np.array(list(self.levels.values()))) ** 2
        shares = np.exp(-distances)
        return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


def make(
    names: list[Any], *, each: int = 8, channels: int = 1, noise: float = 0.6, **more: Any
) -> Dataset:
    """Sequences of 5 to 30 steps around a level: the number of their class."""
    draws = np.random.default_rng(0)
    y = np.repeat(np.array(names), each)
    levels = np.repeat(np.arange(len(names)), each) + draws.normal(0, noise, len(y))
    x = [level + draws.normal(0, 0.2, (draws.integers(5, 31), channels)) for level in levels]
    return Dataset(Sequences.from_list(x), y, name="levels", **more)


@pytest.fixture(scope="session")
def data() -> Callable[..., Dataset]:
    """Make a data set: `data(["low", "high"], each=8, channels=1)`."""
    return make


@pytest.fixture(scope="session")
def fitted() -> Callable[..., Nearest]:
    """Make a fitted classifier: `fitted(["low", "high"])`, the first class the most frequent."""

    def fit(names: list[Any], **more: Any) -> Nearest:
        levels = {name: float(i) for i, name in enumerate(names)}
        counts = {name: 20 - (i > 0) for i, name in enumerate(names)}
        return Nearest(levels, counts, **more)

    return fit
