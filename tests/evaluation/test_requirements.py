"""A question that an estimator cannot be asked is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from segue import (
    Dataset,
    SequenceClassifier,
    SequenceEnsemble,
    SequenceLabeler,
    SequenceRegressor,
    TrainingOptions,
    evaluate,
)
from segue.errors import DataError
from segue.evaluation import compare, embedding, reject_threshold
from segue.evaluation.explain import gates, integrated_gradients, occlusion
from segue.testing import tiny_dataset

DATA = tiny_dataset(24)
QUICK: dict[str, Any] = {"epochs": 1, "options": TrainingOptions(progress="none")}
INSIDE: list[Callable[[Any], Any]] = [
    lambda one: gates(one, DATA.x),
    lambda one: integrated_gradients(one, DATA.x),
    lambda one: occlusion(one, DATA.x),
    lambda one: embedding(one, DATA),
]
OF_CLASSES: list[Callable[[Any], Any]] = [
    *INSIDE[1:],
    lambda one: compare(one, one, DATA),
    lambda one: reject_threshold(one, DATA),
]


@pytest.fixture(scope="module")
def tags() -> tuple[SequenceClassifier, Dataset]:
    first = np.asarray(DATA.y == DATA.y[0])
    rows = np.stack([first, ~first], axis=1).astype(int)
    data = Dataset(DATA.x, rows, classes=("a", "b"), task="multilabel")
    return SequenceClassifier("gru(2)", head="sigmoid", **QUICK).fit(data), data


@pytest.mark.parametrize("ask", INSIDE)
def test_an_ensemble_has_no_inside(ask: Any) -> None:
    ensemble = SequenceEnsemble([SequenceClassifier("gru(2)", **QUICK).fit(DATA)])
    with pytest.raises(DataError, match="looks into one network, and an ensemble has 1: take one"):
        ask(ensemble)


@pytest.mark.parametrize("ask", OF_CLASSES)
def test_what_is_no_classifier_is_named(ask: Any) -> None:
    regressor = SequenceRegressor("gru(2)", **QUICK).fit(DATA.x, np.arange(24.0))
    with pytest.raises(DataError, match="needs a classifier, .* this is a SequenceRegressor"):
        ask(regressor)
    labels = [steps[:, 0] > 0 for steps in DATA.x]
    with pytest.raises(DataError, match="needs a classifier, .* this is a SequenceLabeler"):
        ask(SequenceLabeler("gru(2)", **QUICK).fit(DATA.x, labels))


def test_several_labels_are_neither_compared_nor_rejected(
    tags: tuple[SequenceClassifier, Dataset],
) -> None:
    """McNemar's test and a confidence are of one class each."""
    model, data = tags
    for ask in (lambda: compare(model, model, data), lambda: reject_threshold(model, data)):
        with pytest.raises(DataError, match="needs one class for each sequence; this model has se"):
            ask()


def test_an_ensemble_of_several_labels_is_scored(tags: tuple[SequenceClassifier, Dataset]) -> None:
    """As its only member is."""
    model, data = tags
    found = evaluate(SequenceEnsemble([model]), data)  # type: ignore[call-overload]
    assert found.metrics()["exact"] == evaluate(model, data).metrics()["exact"]
