"""Scores of labelers, regressors, forecasters and several labels, beside their baselines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, r2_score

import segue
from segue import (
    Dataset,
    Evaluation,
    Forecaster,
    SequenceClassifier,
    SequenceLabeler,
    SequenceRegressor,
    Sequences,
    TrainingOptions,
)
from segue.errors import DataError
from segue.tasks.regress import features_of

QUICK: dict[str, Any] = {"epochs": 2, "options": TrainingOptions(progress="none")}


@pytest.fixture(scope="module")
def x() -> Sequences:
    draws = np.random.default_rng(0)
    return Sequences.from_list([draws.normal(size=(n, 2)) for n in draws.integers(5, 15, 40)])


@pytest.fixture(scope="module")
def stepwise(x: Sequences) -> Dataset:
    """Three steps in four are "low"; one in ten has no label."""
    codes = np.where(x.values[:, 0] > 0.7, 1, 0).astype(np.int32)
    codes[::10] = -1
    parts = np.array(["train"] * 30 + ["test"] * 10)
    return Dataset(x, Sequences(codes, x.offsets), ("low", "high"), parts=parts, name="steps")


@pytest.fixture(scope="module")
def numbers(x: Sequences) -> Dataset:
    y = np.array([[v[:, 0].mean(), len(v)] for v in x])
    return Dataset(x, y, parts=np.array(["train"] * 30 + ["test"] * 10), name="numbers")


@pytest.fixture(scope="module")
def tags(x: Sequences) -> Dataset:
    y = np.array([[v[:, 0].mean() > 0, v[:, 1].mean() > 0.5] for v in x]).astype(int)
    parts = np.array(["train"] * 30 + ["test"] * 10)
    return Dataset(x, y, classes=("a", "b"), parts=parts, name="tags")


@pytest.fixture(scope="module")
def series() -> Dataset:
    waves = [np.sin(0.3 * np.arange(n)) for n in (200, 150, 80)]
    return Dataset(waves, parts=["train", "train", "test"], name="waves")


@pytest.fixture(scope="module")
def evaluations(stepwise: Dataset, numbers: Dataset, tags: Dataset, series: Dataset) -> Any:
    pairs: list[tuple[Any, Dataset]] = [
        (SequenceLabeler("gru(3)", **QUICK), stepwise),
        (SequenceRegressor("gru(3)", **QUICK), numbers),
        (SequenceClassifier("gru(3)", head="sigmoid", **QUICK), tags),
        (Forecaster("gru(3)", size=8, horizon=3, learning_rate=0.02, **QUICK), series),
    ]
    return {
        found.task: (model, data, found)
        for model, data in pairs
        for found in [segue.evaluate(model.fit(data), data)]
    }


TASKS = ["label", "regress", "multilabel", "forecast"]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_a_report_and_metrics(task: str, evaluations: Any, tmp_path: Path) -> None:
    """In words, as JSON without NaN, and as a page that needs nothing beside it."""
    _, data, found = evaluations[task]
    assert isinstance(found, Evaluation)
    assert found.part == "test"
    assert found.metrics()["task"] == task
    json.dumps(found.metrics(), allow_nan=False)
    assert found.verdict() in found.report()
    path = tmp_path / "report.html"
    found.to_html(path, train=data, model_path="m.safetensors", source="here")
    page = path.read_text(encoding="utf-8")
    assert data.name in page
    assert "m.safetensors" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert repr(found).startswith(type(found).__name__)


def test_steps_are_scored_where_they_have_a_label(evaluations: Any) -> None:
    """Against scikit-learn, over the labelled steps of the test part."""
    model, data, found = evaluations["label"]
    test = data.part("test")
    wanted = test.y.values[:, 0]
    predicted = np.concatenate(model.predict(test.x))[wanted >= 0]
    names = np.array(["low", "high"])[wanted[wanted >= 0]]
    assert found.accuracy == pytest.approx(accuracy_score(names, predicted))
    assert found.accuracy == pytest.approx(model.score(data))
    assert found.baseline == pytest.approx(np.mean(names == "low"))
    assert found.metrics()["f1"] == pytest.approx(f1_score(names, predicted, average="macro"))
    assert found.confusion.sum() == len(names)


def test_steps_of_a_class_that_was_never_learnt_are_mistakes(
    evaluations: Any, stepwise: Dataset
) -> None:
    model = evaluations["label"][0]
    test = stepwise.part("test")
    more = Dataset(test.x, Sequences(test.y.values * 0 + 2, test.x.offsets), ("low", "high", "odd"))
    found = segue.evaluate(model, more)
    assert found.classes == ("low", "high", "odd")
    assert found.accuracy == 0


def test_numbers_beside_mean_and_linear_regression(evaluations: Any) -> None:
    """Both in closed form, on training data; the linear one is exact where the target is linear."""
    model, data, found = evaluations["regress"]
    train, test = data.part("train"), data.part("test")
    assert found.r2 == pytest.approx(r2_score(test.y, model.predict(test.x)))
    mean = np.sqrt(np.mean((test.y - train.y.mean(axis=0)) ** 2))
    assert found.baselines["mean of training"] == pytest.approx(mean, rel=1e-6)
    assert found.baselines["linear regression"] == pytest.approx(0, abs=1e-5)
    assert "not better than" in found.verdict()


def test_features_leave_out_what_is_missing() -> None:
    x = Sequences.from_list([[[1.0, np.nan], [3.0, 4.0]], [[5.0, np.nan]]])
    assert features_of(x).tolist() == [[2, 4, 2], [5, 0, 1]]


def test_several_labels_beside_the_usual_ones(evaluations: Any) -> None:
    model, data, found = evaluations["multilabel"]
    test = data.part("test")
    predicted = model.predict(test.x)
    assert found.accuracy == pytest.approx(np.mean(predicted == test.y))
    assert found.exact == pytest.approx(accuracy_score(test.y, predicted))
    usual = data.part("train").y.mean(axis=0) > 0.5
    assert found.baseline == pytest.approx(np.mean(usual == test.y))
    assert found.per_label[0].support == test.y[:, 0].sum()


def test_forecasts_beside_yesterday_and_autoregression(evaluations: Any) -> None:
    """A sine is linear: the autoregression is exact; yesterday's error is that of differences."""
    model, data, found = evaluations["forecast"]
    test = data.part("test").x[0][:, 0].astype(float)
    assert found.baselines["linear autoregression"] < 1e-4
    for ahead in (1, 2, 3):
        last = np.arange(7, len(test) - 3)
        error = np.sqrt(np.mean((test[last + ahead] - test[last]) ** 2))
        assert found.rmse_by_step["persistence forecast"][ahead - 1] == pytest.approx(
            error, rel=1e-5
        )
    assert found.r2 == pytest.approx(model.score(data))
    assert found.metrics()["windows"] == len(test) - 10


def test_targets_of_another_task_are_refused(evaluations: Any, numbers: Dataset) -> None:
    with pytest.raises(DataError, match="A score needs a label for each step"):
        segue.evaluate(evaluations["label"][0], numbers)
