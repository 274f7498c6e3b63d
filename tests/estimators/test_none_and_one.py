"""No sequences have an empty answer of the right shape; a single one is asked for as a list."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from segue import (
    Dataset,
    Forecaster,
    SequenceClassifier,
    SequenceEnsemble,
    SequenceLabeler,
    SequenceRegressor,
    TrainingOptions,
)
from segue.errors import DataError

X = np.random.default_rng(0).normal(size=(12, 6, 3)).astype(np.float32)
AB = ["a", "b"] * 6
QUICK: dict[str, Any] = {"epochs": 1, "options": TrainingOptions(progress="none")}
NETWORKS = ["gru(2)", "bilstm(2)", "conv(4, 3) flatten dense(3)", "bigru(3, merge=none) bigru(2)"]
NOTHING = [[], (), np.zeros(0), np.zeros((0, 6, 3)), Dataset([]), {}]


def shape(answer: Any) -> tuple[int, int]:
    return (len(answer), answer.channels) if hasattr(answer, "channels") else answer.shape


@pytest.mark.parametrize("network", NETWORKS)
def test_a_classifier_of_nothing(network: str) -> None:
    """Whatever is asked; with as many columns as for something."""
    model = SequenceClassifier(network, **QUICK).fit(X, AB)
    for one in (model, SequenceEnsemble([model])):
        assert one.predict([]).shape == (0,)
        assert one.predict_proba([]).shape == (0, 2)
        assert shape(one.anytime([])) == (0, 2)
    for layer in ("head", f"{network.partition('(')[0]}_1"):
        assert model.embed([], layer).shape == (0, model.embed(X, layer).shape[1])


@pytest.mark.parametrize("nothing", NOTHING, ids=str)
def test_nothing_in_any_form(nothing: Any) -> None:
    """A list, an array of no rows, a data set, a mapping."""
    model = SequenceClassifier("gru(2)", **QUICK).fit(X, AB)
    assert model.predict(nothing).shape == (0,)


def test_the_other_estimators_of_nothing() -> None:
    """Numbers, labels of steps, forecasts, texts, with static features."""
    numbers = np.random.default_rng(0).normal(size=(12, 2))
    assert SequenceRegressor("gru(2)", **QUICK).fit(X, numbers).predict([]).shape == (0, 2)
    assert SequenceRegressor("gru(2)", **QUICK).fit(X, numbers[:, 0]).predict([]).shape == (0,)
    labeler = SequenceLabeler("gru(2)", **QUICK).fit(X, [["a", "b", "c"] * 2] * 12)
    assert labeler.predict([]) == []
    assert shape(labeler.predict_proba([])) == (0, 3)
    with pytest.warns(UserWarning, match="not clearly better"):
        forecaster = Forecaster("gru(2)", size=4, **QUICK).fit(list(X))
    assert forecaster.predict([], 5).shape == (0, 5, 3)
    texts = SequenceClassifier("gru(2)", **QUICK).fit(["one two", "three"] * 6, AB)
    assert texts.predict([]).shape == (0,)
    static = SequenceClassifier("gru(2)", **QUICK).fit(X, AB, static=numbers)
    assert static.predict_proba([]).shape == (0, 2)
    assert shape(static.anytime([])) == (0, 2)


def test_nothing_is_not_scored_and_not_learnt() -> None:
    """There a number would mean nothing."""
    model = SequenceClassifier("gru(2)", **QUICK).fit(X, AB)
    with pytest.raises(DataError, match="no sequences to be scored"):
        model.score([], [])
    with pytest.raises(DataError, match="There are no sequences"):
        model.fit([], [])


SINGLE = [np.asarray, np.ndarray.tolist, torch.tensor, pd.DataFrame]


@pytest.mark.parametrize("kind", SINGLE)
@pytest.mark.parametrize("channels", [2, 3])
def test_a_single_sequence_of_channels(channels: int, kind: Any) -> None:
    """Its rows would be sequences of one channel: the message says how to pass one."""
    model = SequenceClassifier("gru(2)", **QUICK).fit(X[:, :, :channels], AB)
    with pytest.raises(DataError, match=r"one sequence of 6 steps\? Then pass .* predict\(\[x\]\)"):
        model.predict(kind(X[0, :, :channels]))
    assert len(model.predict([X[0, :, :channels]])) == 1
    whole = (X * 100).astype(np.int16)[:, :, :channels]  # a recording
    model = model.fit(whole, AB)
    with pytest.raises(DataError, match=r"one sequence of 6 steps\? Then pass .* predict\(\[x\]\)"):
        model.predict(kind(whole[0]))


@pytest.mark.parametrize("kind", [np.asarray, torch.tensor, pd.DataFrame])
@pytest.mark.parametrize("make", [SequenceClassifier, SequenceRegressor])
def test_a_single_sequence_of_one_channel(make: Any, kind: Any) -> None:
    """(time, 1) would be sequences of one step each, and (time,) is no list."""
    model = make("gru(2)", **QUICK).fit(X[:, :, :1], [0, 1] * 6)
    with pytest.raises(DataError, match=r"Is `X` one sequence of 6 steps\?.*x\[:, :, None\]"):
        model.predict(kind(X[0, :, :1]))
    with pytest.raises(DataError, match=r"A single sequence is passed as a list of one, \[x\]"):
        model.predict(X[0, :, 0])
    with pytest.raises(DataError, match=r"A single sequence is passed as a list of one, \[x\]"):
        model.predict(X[0, :, 0].tolist())
    assert len(model.predict(X[0, :, :1][:, :, None])) == 6
    assert len(model.predict(X[:, :, 0])) == 12


def test_a_model_of_one_step_takes_rows_of_one_value() -> None:
    """There they can mean nothing else."""
    model = SequenceClassifier("dense(3) pool(mean)", **QUICK).fit(X[:, 0, :1], AB)
    assert model.predict(X[:, 0, :1]).shape == (12,)


def test_a_single_text() -> None:
    """It is a list of one, too."""
    model = SequenceClassifier("gru(2)", **QUICK).fit(["one two", "three"] * 6, AB)
    with pytest.raises(DataError, match=r"a single text is a list of one: \[text\]"):
        model.predict("one two")
