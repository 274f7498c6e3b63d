"""Every task, every head and every kind of output keeps every promise that applies to it.

A new estimator, head or task is one row in `ROWS`; a test fails while it is missing. What does not
apply stands in the row too: nothing is passed over in silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch

from segue import (
    Dataset,
    Forecaster,
    LanguageModel,
    SequenceClassifier,
    SequenceLabeler,
    SequenceRegressor,
    Sequences,
    TrainingOptions,
)
from segue.errors import NotFittedError
from segue.estimators import SequenceEnsemble, fit_seeds
from segue.estimators.loading import KNOWN
from segue.testing import check_estimator, tiny_dataset
from segue.testing.estimators import CONTRACTS
from segue.testing.subject import TASKS
from segue.training.objectives import OBJECTIVES

SILENT = TrainingOptions(progress="none")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclass(frozen=True)
class Row:
    """An estimator, its data, what its outputs mean, and which promises do not apply to it."""

    kind: type
    network: str
    head: str
    more: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    quick: bool = True

    @property
    def estimator(self) -> Any:
        return self.kind(self.network, **{"epochs": 2, "options": SILENT, **self.more})


AHEAD = ("stream",)
LABELER = ("anytime", "embed")
NUMBERS = (*LABELER, "stream", "refuses to stream", "probabilities", "decisions", "baseline")
LANGUAGE = (*LABELER, "stream", "refuses to stream", "baseline")
THREE = {"classes": ("a", "b", "c")}

ROWS = {
    # one of several classes
    "softmax": Row(SequenceClassifier, "gru(4)", "softmax", data=THREE),
    "softmax, both directions": Row(
        SequenceClassifier, "bilstm(3)", "softmax", data=THREE, skipped=AHEAD, quick=False
    ),
    "one logit": Row(SequenceClassifier, "lstm(4)", "binary", quick=False),
    "one logit, both directions": Row(
        SequenceClassifier, "bigru(3, merge=none) birnn(2)", "binary", skipped=AHEAD, quick=False
    ),
    "sigmoid": Row(
        SequenceClassifier,
        "lstm(3, output=every) pool(max) dense(4, relu)",
        "sigmoid",
        {"head": "sigmoid", "batch_size": 7},
        THREE,
        quick=False,
    ),
    "a class that does not occur": Row(
        SequenceClassifier,
        "bigru(3) dropout(0.3)",
        "softmax",
        {"class_weight": "balanced", "classes": ["up", "down", "left"]},
        skipped=AHEAD,
        quick=False,
    ),
    "missing values": Row(
        SequenceClassifier, "gru(3) batchnorm", "binary", data={"missing": 0.2}, quick=False
    ),
    "tokens": Row(
        SequenceClassifier,
        "embedding(3) bigru(2)",
        "binary",
        {},
        {"tokens": 9},
        AHEAD,
        quick=False,
    ),
    "one length": Row(
        SequenceClassifier,
        "flatten dense(4, tanh)",
        "binary",
        data={"lengths": (4, 4)},
        skipped=("stream", "anytime"),
        quick=False,
    ),
    "a preparation that looks ahead": Row(
        SequenceClassifier,
        "rnn(3, initial_state=learnt)",
        "binary",
        {"prepare": "interpolate standardize"},
        skipped=AHEAD,
        quick=False,
    ),
    "trained in pieces": Row(
        SequenceClassifier,
        "gru(3)",
        "binary",
        {"options": replace(SILENT, truncate=3)},
        quick=False,
    ),
    "trained twice": Row(
        SequenceClassifier,
        "gru(3)",
        "binary",
        {"options": replace(SILENT, refit=True), "validation": 0.3},
        skipped=("preparation of training data only", "baseline"),
        quick=False,
    ),
    "inception_time": Row(
        SequenceClassifier, "inception_time(2, 3, 4)", "binary", skipped=AHEAD, quick=False
    ),
    "lstm_fcn": Row(SequenceClassifier, "lstm_fcn(3)", "binary", skipped=AHEAD, quick=False),
    # several labels at once
    "tags": Row(
        SequenceClassifier, "gru(4)", "multilabel", {"head": "sigmoid"}, {"task": "multilabel"}
    ),
    "tags, both directions": Row(
        SequenceClassifier,
        "conv(3, 3) bilstm(2)",
        "multilabel",
        {"head": "sigmoid"},
        {"task": "multilabel"},
        AHEAD,
        quick=False,
    ),
    # a class for each step
    "labels": Row(SequenceLabeler, "gru(4)", "steps", skipped=LABELER),
    "labels, both directions": Row(
        SequenceLabeler, "bilstm(3)", "steps", skipped=(*LABELER, "stream"), quick=False
    ),
    "labels, convolutions": Row(
        SequenceLabeler,
        "conv(4, 3, causal=true) batchnorm relu",
        "steps",
        {"class_weight": "balanced"},
        skipped=LABELER,
        quick=False,
    ),
    # numbers
    "a number": Row(SequenceRegressor, "gru(4)", "squared", skipped=NUMBERS),
    "a number, both directions": Row(
        SequenceRegressor,
        "bilstm(3) pool(mean)",
        "squared",
        data={"missing": 0.2},
        skipped=NUMBERS,
        quick=False,
    ),
    # the steps that follow
    "a forecast": Row(Forecaster, "gru(4)", "squared", {"size": 5, "horizon": 2}, skipped=NUMBERS),
    "a forecast at once": Row(
        Forecaster,
        "lstm(3)",
        "squared",
        {"size": 4, "horizon": 3, "strategy": "direct"},
        skipped=NUMBERS,
        quick=False,
    ),
    "a forecast by a perceptron": Row(
        Forecaster, "flatten dense(8, relu)", "squared", {"size": 6}, skipped=NUMBERS, quick=False
    ),
    # the word that follows
    "the next word": Row(LanguageModel, "gru(4)", "next-token", skipped=LANGUAGE),
    "the next character, in pieces": Row(
        LanguageModel,
        "embedding(3) conv(4, 2, causal=true) lstm(3)",
        "next-token",
        {"size": 7, "prepare": "characters", "options": replace(SILENT, truncate=3)},
        skipped=LANGUAGE,
        quick=False,
    ),
}
CASES = [
    pytest.param(row, id=name, marks=[] if row.quick else [pytest.mark.slow])
    for name, row in ROWS.items()
]


def data_of(row: Row) -> Dataset:
    purpose = row.kind.task  # type: ignore[attr-defined]
    if not row.data:
        return TASKS[purpose].data(row.estimator)
    return tiny_dataset(42, **{"task": purpose, **row.data})


@pytest.mark.sampled(3)
@pytest.mark.parametrize("row", CASES)
def test_an_estimator_keeps_every_promise(row: Row) -> None:
    """Each promise is kept, or stands in the row as one that does not apply."""
    report = check_estimator(row.estimator, data_of(row))
    assert report.largest() <= 1
    kept = {*report.passed, *(f.contract for f in report.findings)}
    assert kept | report.skipped.keys() == set(CONTRACTS)
    assert report.skipped.keys() == set(row.skipped)
    assert not kept & report.skipped.keys()


@pytest.mark.parametrize("name", ["softmax", "one logit", "sigmoid", "tags"])
def test_the_head_is_the_one_of_the_row(name: str) -> None:
    """So that the table covers what it says."""
    row = ROWS[name]
    assert row.estimator.fit(data_of(row)).task_.objective.kind == row.head


def test_every_estimator_task_and_head_is_in_the_table() -> None:
    """A new one without a row is one without promises."""
    kinds = {row.kind for row in ROWS.values()}
    assert kinds | {SequenceEnsemble} == set(KNOWN.values())
    assert {ROWS[name].kind for name in TOGETHER} == kinds
    assert {row.head for row in ROWS.values()} >= set(OBJECTIVES)
    purposes = {row.kind.task for row in ROWS.values()} | {"multilabel"}  # type: ignore[attr-defined]
    assert purposes == set(TASKS)


@pytest.mark.slow
def test_several_numbers_keep_every_promise() -> None:
    """A row of numbers for each sequence."""
    data = tiny_dataset(42, task="regress")
    data = replace(data, y=np.column_stack([data.y, 100 - 3 * data.y, data.x.lengths]))
    row = ROWS["a number"]
    report = check_estimator(row.estimator, data)
    assert report.skipped.keys() == set(row.skipped)


@pytest.mark.parametrize(
    "network", ["gru(3)", pytest.param("embedding(4) bilstm(2)", marks=pytest.mark.slow)]
)
def test_texts_keep_every_promise(network: str) -> None:
    """What a belief after each word and a stream of words are, `test_texts.py` has."""
    data = tiny_dataset(42)
    words = "red sea and salt, a cold night; the rose of".split()
    texts = [
        " ".join([str(label), *(words[(7 * i + k) % len(words)] for k in range(1 + i % 4))])
        for i, label in enumerate(data.y)
    ]
    data = replace(data, x=Sequences.from_texts(texts))
    report = check_estimator(Row(SequenceClassifier, network, "binary").estimator, data)
    assert report.largest() <= 1
    assert report.skipped.keys() == {"stream", "refuses to stream", "anytime"}


# -- ensembles ----------------------------------------------------------------------------------


class Seeds:
    """`fit_seeds` and its ensemble, as an estimator of one's own."""

    def __init__(self, classifier: SequenceClassifier, seed: int = 0) -> None:
        self.classifier = classifier
        self.seed = seed

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {"classifier": self.classifier, "seed": self.seed}

    def set_params(self, **given: Any) -> Seeds:
        vars(self).update(given)
        return self

    def fit(self, X: Any, y: Any) -> Seeds:  # noqa: N803
        seeds = (self.seed, self.seed + 1)
        self.ensemble_ = fit_seeds(self.classifier, X, y, seeds=seeds).ensemble()
        self.members, self.classes_ = self.ensemble_.members, self.ensemble_.classes_
        return self

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        return self._fitted().predict_proba(X)

    def predict(self, X: Any) -> Any:  # noqa: N803
        return self._fitted().predict(X)

    def score(self, X: Any, y: Any) -> float:  # noqa: N803
        return self._fitted().score(X, y)

    def _fitted(self) -> SequenceEnsemble:
        if not hasattr(self, "ensemble_"):
            raise NotFittedError("Call `fit` first.")
        return self.ensemble_


# A row for each task, and which promises of answers do not apply to its ensemble.
TOGETHER: dict[str, tuple[str, ...]] = {
    "softmax": (),
    "softmax, both directions": AHEAD,
    "tags": (),
    "labels": LABELER,
    "labels, both directions": (*LABELER, *AHEAD),
    "a number": NUMBERS,
    "a forecast": NUMBERS,
    "a forecast at once": NUMBERS,
    "the next word": LANGUAGE,
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if ROWS[n].quick else [pytest.mark.slow]) for n in TOGETHER]
)
@pytest.mark.filterwarnings("ignore:The forecast is not clearly better")
def test_an_ensemble_of_seeds_keeps_every_promise(name: str) -> None:
    """Of every task: asked as it is, it answers as its members must."""
    row = ROWS[name]
    data = data_of(row)
    asked = check_estimator(fit_seeds(row.estimator, data, seeds=2).ensemble(), data)
    assert asked.largest() <= 1
    assert asked.skipped.keys() == (set(CONTRACTS) - OF_ANSWERS) | set(TOGETHER[name])


def test_an_ensemble_is_trained_as_a_whole() -> None:
    """The same seeds give the same bits."""
    row = ROWS["softmax"]
    data = data_of(row)
    trained = check_estimator(Seeds(row.estimator), data)
    assert trained.largest() <= 1
    assert trained.skipped.keys() == OF_DATA_SETS | {"stream", "refuses to stream"}


OF_ANSWERS = {
    "padding",
    "predicting changes nothing",
    "probabilities",
    "decisions",
    "score",
    "stream",
    "refuses to stream",
    "anytime",
    "no hidden randomness",
    "copies",
    "save and load",
    "clear errors",
}
OF_DATA_SETS = {
    "anytime",
    "embed",
    "X and y as in a data set",
    "the test part is not looked at",
    "preparation of training data only",
    "baseline",
    "groups stay on one side",
    "resumes to the same bits",
    "save and load",
    "arguments",
    "a failed fit changes nothing",
}


# -- estimators of one's own --------------------------------------------------------------------


class NearestLevel:
    """The class whose mean level is nearest: a few lines of NumPy, without parameters."""

    def fit(self, X: Any, y: Any) -> NearestLevel:  # noqa: N803
        levels = self._levels(X)
        if y is None or len(y) != len(levels) or any(label is None for label in y):
            raise ValueError("There must be one label for each sequence.")
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError("There must be two classes at least.")
        self.channels_ = np.shape(X[0])[1]
        self.levels_ = np.array([levels[np.asarray(y) == c].mean() for c in self.classes_])
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        if not hasattr(self, "levels_"):
            raise NotFittedError("Call `fit` first.")
        if any(np.shape(steps)[1:] != (self.channels_,) for steps in X):
            raise ValueError(f"Each sequence must have {self.channels_} channels.")
        distances = np.abs(self._levels(X)[:, None] - self.levels_)
        return self.classes_[distances.argmin(axis=1)]

    def _levels(self, X: Any) -> Any:  # noqa: N803
        if len(X) == 0 or any(len(steps) == 0 for steps in X):
            raise ValueError("There must be sequences, with steps.")
        levels = np.array([np.asarray(steps, float).mean() for steps in X])
        if not np.isfinite(levels).all():
            raise ValueError("The values of all sequences must be finite.")
        return levels


def test_an_estimator_of_ones_own_can_be_checked() -> None:
    """With `fit` and `predict` alone; what it does not have is said."""
    report = check_estimator(NearestLevel(), task="classify")
    assert set(report.passed) == {
        "refuses before fit",
        "predicting changes nothing",
        "same seed, same bits",
        "no hidden randomness",
        "input stays as it is",
        "copies",
        "clear errors",
        "clear errors of fit",
    }
    assert report.difference("padding", "float32") == 0
    assert report.skipped["save and load"] == "it has no `save`"
    assert "stream: does not apply, it has no `stream`" in str(report)
