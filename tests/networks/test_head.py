"""A head that is written out at the end of a network, as in Keras and MATLAB, is the head."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue
from segue.errors import ModelFileError, SpecError
from segue.layers import LSTM, Dense, Softmax
from segue.networks import as_specs, split_head
from segue.spec import to_text

X = [np.random.default_rng(i).normal(size=(5, 2)) + i % 3 for i in range(12)]
THREE = [i % 3 for i in range(12)]
TWO = [i % 2 for i in range(12)]
SEVERAL = np.array([[i % 2, i % 3 == 0, 1] for i in range(12)])


def fit(kind: str, network: Any, y: Any, **more: Any) -> Any:
    options = segue.TrainingOptions(progress="none")
    return getattr(segue, kind)(network, epochs=1, options=options, **more).fit(X, y)


@pytest.mark.parametrize(
    ("network", "y", "head"),
    [
        ("lstm(4) dense(3)", THREE, "dense(3)"),
        ("lstm(4) dense(3) softmax", THREE, "dense(3) softmax"),
        ("lstm(4) dense(3, softmax)", THREE, "dense(3, softmax)"),
        ("lstm(4) dense(2) softmax", TWO, "dense(2) softmax"),
        ("lstm(4) dense(1, sigmoid)", TWO, "dense(1, sigmoid)"),
        ("lstm(4) dense(3) sigmoid", SEVERAL, "dense(3) sigmoid"),
    ],
)
def test_a_written_head_is_the_head(network: str, y: Any, head: str) -> None:
    """The network is that without it, to the bit, and the summary of the training has a line."""
    more = {"head": "sigmoid"} if y is SEVERAL else {}
    written = fit("SequenceClassifier", network, y, **more)
    implied = fit("SequenceClassifier", "lstm(4)", y, **more)
    assert ("head", f"{head}, as the network ends") in written.training_summary_
    assert written.network_.names == ["lstm_1", "head"]
    np.testing.assert_array_equal(written.predict_proba(X), implied.predict_proba(X))


def test_other_tasks_have_their_own_forms() -> None:
    """Linear outputs of numbers; a class at every step."""
    numbers = fit("SequenceRegressor", "lstm(4) dense(1)", [float(y) for y in THREE])
    steps = fit("SequenceLabeler", "lstm(4) dense(3) softmax", [[y] * 5 for y in THREE])
    assert numbers.network_.names == steps.network_.names == ["lstm_1", "head"]
    hidden = fit("SequenceRegressor", "lstm(4) dense(1, tanh)", [float(y) for y in THREE])
    assert hidden.network_.names == ["lstm_1", "dense_1", "head"]


@pytest.mark.parametrize(
    "network", ["lstm(4) dense(3, relu)", "lstm(4) dense(4)", "lstm(4) dense(3) tanh", "lstm(3)"]
)
def test_what_is_no_head_is_a_layer(network: str) -> None:
    """The head is implied behind it."""
    layers, head = split_head(as_specs(network), [(3, "linear"), (3, "softmax")])
    assert (to_text(layers), head) == (network, ())


@pytest.mark.parametrize("end", ["dense(4) softmax", "dense(4, softmax)"])
def test_a_softmax_before_a_head_of_another_size_is_refused(end: str) -> None:
    """With the size that is expected."""
    with pytest.raises(SpecError, match=r"ends with dense\(4.*its head has 3 outputs: write 3"):
        fit("SequenceClassifier", f"lstm(4) {end}", THREE)


@pytest.mark.parametrize("network", ["lstm(4) dense(3) dense(3) softmax", "lstm(4) dense(3)"])
def test_a_saved_model_is_the_same_network(network: str, tmp_path: Path) -> None:
    """Without the head in its description; what is left is not taken for one again."""
    fitted = fit("SequenceClassifier", network, THREE)
    fitted.save(tmp_path / "model.safetensors")
    loaded = segue.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    assert loaded.network_.names == fitted.network_.names


def test_the_layers_of_a_saved_model_may_be_given_with_the_head(tmp_path: Path) -> None:
    """As they were given to the constructor; others are refused."""
    layers = [LSTM(4), Dense(3), Softmax()]
    fitted = fit("SequenceClassifier", layers, THREE)
    fitted.save(tmp_path / "model.safetensors")
    for given in (layers, layers[:1]):
        loaded = segue.load(tmp_path / "model.safetensors", network=given)
        np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    with pytest.raises(ModelFileError, match="another was given"):
        segue.load(tmp_path / "model.safetensors", network=[LSTM(5)])


def test_a_model_of_before_keeps_its_layer_before_the_head(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file has a dense layer of the size of the head, and the weights of both."""
    with monkeypatch.context() as older:
        older.setattr("segue.estimators.fitting.split_head", lambda specs, _: (specs, ()))
        fitted = fit("SequenceClassifier", "lstm(4) dense(3)", THREE)
        fitted.save(tmp_path / "model.safetensors")
    loaded = segue.load(tmp_path / "model.safetensors")
    assert loaded.network_.names == ["lstm_1", "dense_1", "head"]
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
