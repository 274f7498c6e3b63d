"""`segue import`: what it prints and writes, and its mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import segue
from segue import SequenceClassifier, TrainingOptions
from segue.cli import main
from segue.testing import tiny_dataset
from segue.weights import to_keras

NETWORK = "dense(4, tanh) pool(mean) dense(3, softmax)"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    draws = np.random.default_rng(0)
    shapes = {"body.weight": (4, 2), "body.bias": (4,), "out.weight": (3, 4), "out.bias": (3,)}
    state = {name: draws.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    save_file(state, tmp_path / "theirs.safetensors")
    return tmp_path / "theirs.safetensors"


def test_a_state_dict(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "model.safetensors"
    words = ["import", str(weights), "--out", str(out), "--network", NETWORK, "--classes", "a, b,c"]
    assert main([*words, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["estimator"] == "SequenceClassifier"
    assert "dense_1: dense(4, tanh)" in facts["layers"]["body (dense)"]
    model = segue.load(out)
    assert model.classes_.tolist() == ["a", "b", "c"]
    state = model.network_.get_weights()
    x = np.random.default_rng(1).normal(size=(1, 5, 2)).astype(np.float32)
    hidden = np.tanh(x[0] @ state["dense_1/kernel"] + state["dense_1/bias"]).mean(axis=0)
    logits = hidden @ state["head/kernel"] + state["head/bias"]
    shares = np.exp(logits) / np.exp(logits).sum()
    assert np.abs(model.predict_proba(x)[0] - shares).max() < 1e-6
    assert main(words) == 1  # the file is there
    assert "exists already" in capsys.readouterr().err
    assert main([*words, "--overwrite"]) == 0
    assert "written" in capsys.readouterr().out
    assert main([*words, "--overwrite", "--names", "dense_1=body,head=out"]) == 0
    assert main([*words, "--overwrite", "--names", "dense_7=body"]) == 2
    assert "names 'dense_7'; the layers are dense_1, pool_1, head" in capsys.readouterr().err


def test_mistakes(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(weights)]) == 2
    assert "--out is missing" in capsys.readouterr().err
    out = ["--out", str(tmp_path / "m.safetensors")]
    cases = {
        ("theirs.onnx",): "of no kind that is read",
        (str(weights),): "name these with --network",
        (str(weights), "--network", "lstm(4) dense(3)"): "no weights fit lstm_1",
        (str(weights), "--network", NETWORK, "--classes", "a,b"): "expected 3 different names",
        (str(weights), "--network", NETWORK, "--task", "regress"): "that is no regress",
    }
    for words, message in cases.items():
        assert main(["import", *words, *out]) in (1, 2)
        assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "m.safetensors").exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*implementation doesn't accept a copy:DeprecationWarning")
def test_a_model_of_keras(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, options = tiny_dataset(30), TrainingOptions(progress="none")
    estimator = SequenceClassifier("gru(3)", epochs=1, options=options).fit(data)
    to_keras(estimator, tmp_path / "m.keras")
    out = tmp_path / "back.safetensors"
    assert main(["import", str(tmp_path / "m.keras"), "--out", str(out), "--json"]) == 0
    json.loads(capsys.readouterr().out)
    difference = segue.load(out).predict_proba(data.x) - estimator.predict_proba(data.x)
    assert np.abs(difference).max() < 1e-5


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*implementation doesn't accept a copy:DeprecationWarning")
@pytest.mark.parametrize(
    ("units", "task", "kind"),
    [
        (3, "classify", "SequenceClassifier"),
        (1, "classify", "SequenceClassifier"),
        (2, "multilabel", "SequenceClassifier"),
        (2, "regress", "SequenceRegressor"),
    ],
)
def test_outputs_that_keras_says_nothing_of_are_compared(  # noqa: PLR0917
    keras: Any, units: int, task: str, kind: str, tmp_path: Path, capsys: Any
) -> None:
    """The last layer is linear; `--task` says what it gives. Weights come with a description."""
    layers = [keras.layers.Input((None, 2)), keras.layers.GRU(4), keras.layers.Dense(units)]
    model = keras.Sequential(layers)
    model.save(tmp_path / "m.keras")
    model.save_weights(tmp_path / "m.weights.h5")
    (tmp_path / "m.json").write_text(model.to_json())
    described = ["--network", str(tmp_path / "m.json")]
    for name, more in (("m.keras", []), ("m.weights.h5", described)):
        words = ["import", str(tmp_path / name), "--out", str(tmp_path / f"{name}.safetensors")]
        assert main([*words, "--task", task, "--json", *more]) == 0
        facts = json.loads(capsys.readouterr().out)
        assert facts["estimator"] == kind
        assert facts["largest_difference"] <= 1e-5
