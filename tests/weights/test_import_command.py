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
from segue.errors import DataError, OptionError
from segue.testing import tiny_dataset
from segue.weights import from_keras, from_torch, to_keras

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


def test_names_are_read_as_a_column_of_labels(weights: Path, tmp_path: Path, capsys: Any) -> None:
    """So that classes that are numbers are those of a table that is to be scored."""
    out = tmp_path / "model.safetensors"
    words = ["import", str(weights), "--out", str(out), "--network", NETWORK, "--overwrite"]
    table = tmp_path / "new.csv"
    for given, wanted in {"1, 2,9": [1, 2, 9], "1,2,x": ["1", "2", "x"]}.items():
        assert main([*words, "--classes", given]) == 0
        assert segue.load(out).classes_.tolist() == wanted
        said = " ".join(capsys.readouterr().out.split())
        assert f"classes {', '.join(map(repr, wanted))}" in said
        assert "numbered" not in said
        labels = given.replace(" ", "").split(",")
        rows = (f"{n},0.1,0.2,{label}" for n, label in enumerate(labels) for _ in range(3))
        table.write_text("\n".join(["id,a,b,label", *rows]))
        assert main(["evaluate", str(out), str(table), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["sequences"] == 3


def test_classes_without_names_are_said_to_be_numbered(
    weights: Path, tmp_path: Path, capsys: Any
) -> None:
    words = ["import", str(weights), "--out", str(tmp_path / "m.safetensors")]
    assert main([*words, "--network", NETWORK]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "classes 0, 1, 2; numbered: name them in this order, --classes sit,walk" in said
    for wrong in (3, "abc", ["a", None, "b"], ["a", "a", "b"], {"a": 1, "b": 2, "c": 3}):
        with pytest.raises(OptionError, match="expected 3 different names, in the order"):
            from_torch(weights, NETWORK, classes=wrong)  # type: ignore[arg-type]


def test_a_linear_last_layer_does_not_say_what_it_gives(
    weights: Path, tmp_path: Path, capsys: Any
) -> None:
    """It is asked, unless it is one number without names of classes; that is said."""
    network, out = "dense(4, tanh) pool(mean) dense(3)", tmp_path / "m.safetensors"
    words = ["import", str(weights), "--out", str(out), "--network", network]
    for more in ([], ["--classes", "a,b,c"]):
        assert main([*words, *more]) == 2
        error = " ".join(capsys.readouterr().err.split())
        assert "the last layer is linear, which does not say what its 3 outputs mean" in error
        assert "--task classify (logits, one class is right)" in error
    assert not out.exists()
    assert main([*words, "--task", "classify", "--classes", "a,b,c"]) == 0
    assert main([*words, "--task", "regress", "--overwrite"]) == 0
    assert "3 numbers for each sequence" in capsys.readouterr().out
    one = {"weight": np.ones((1, 2), np.float32)}
    with pytest.raises(OptionError, match="what its 1 output means"):
        from_torch(one, "pool(mean) dense(1, bias=false)", classes=["no", "yes"])
    model = from_torch(one, "pool(mean) dense(1, bias=false)")
    assert model.training_summary_[-1][1].startswith("1 number for each sequence, as the last")
    named = from_torch(one, "pool(mean) dense(1, bias=false)", task="classify", classes=[5, 6])
    assert named.classes_.tolist() == [5, 6]


def test_numbers_are_not_scored_on_classes(weights: Path, tmp_path: Path, capsys: Any) -> None:
    """A model of three numbers, and one label for each sequence: no score means anything."""
    model = from_torch(weights, "dense(4, tanh) pool(mean) dense(3)", task="regress")
    model.save(tmp_path / "m.safetensors")
    rows = (f"{n},0.1,0.2,{1 + n % 3}" for n in range(6) for _ in range(3))
    (tmp_path / "new.csv").write_text("\n".join(["id,a,b,label", *rows]))
    assert main(["evaluate", str(tmp_path / "m.safetensors"), str(tmp_path / "new.csv")]) == 1
    error = " ".join(capsys.readouterr().err.split())
    assert "`y` has shape (6,)" in error
    assert "the model predicts 3 numbers for each sequence" in error
    x = [np.zeros((3, 2), np.float32)] * 6
    data = segue.Dataset(segue.Sequences.from_list(x), np.arange(6.0), task="regress")
    with pytest.raises(DataError, match="the model predicts 3 numbers"):
        segue.evaluate(model, data)


@pytest.mark.parametrize("name", ["a.keras", "a.weights.h5", "a.mat", "a.pt", "a.pth"])
def test_files_of_others_are_to_be_imported_first(tmp_path: Path, capsys: Any, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK" + bytes(100))
    rows = (f"{n},0.1,{n % 2}" for n in range(20) for _ in range(3))
    (tmp_path / "new.csv").write_text("\n".join(["id,a,label", *rows]))
    model, table = str(tmp_path / name), str(tmp_path / "new.csv")
    for words in (["predict", model, table], ["fit", table, "--initial", model]):
        assert main(words) == 1
        error = " ".join(capsys.readouterr().err.split())
        assert f"`segue import {model} --out model.safetensors` makes one of it" in error


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*implementation doesn't accept a copy:DeprecationWarning")
def test_padding_without_a_mask_is_data_here_too(keras: Any, tmp_path: Path) -> None:
    """So a model that was trained on padded batches answers an array that is padded alike."""
    layers = keras.layers
    ends = [layers.GRU(4), layers.Dense(3, activation="softmax")]
    model = keras.Sequential([layers.Input((None, 2)), layers.Conv1D(3, 2), *ends])
    model.save(tmp_path / "m.keras")
    padded = np.random.default_rng(0).normal(size=(4, 9, 2)).astype(np.float32)
    padded[1:3, 5:] = 0.0
    wanted = keras.ops.convert_to_numpy(model(padded, training=False))
    assert np.abs(from_keras(tmp_path / "m.keras").predict_proba(padded) - wanted).max() < 1e-6


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*implementation doesn't accept a copy:DeprecationWarning")
def test_a_model_of_keras(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, options = tiny_dataset(30), TrainingOptions(progress="none")
    estimator = SequenceClassifier("gru(3)", epochs=1, options=options).fit(data)
    to_keras(estimator, tmp_path / "m.keras")
    out = tmp_path / "back.safetensors"
    assert main(["import", str(tmp_path / "m.keras"), "--out", str(out), "--json"]) == 0
    compared = json.loads(capsys.readouterr().out)["layers"]["compared"]
    assert "each alone, without padding" in compared or "not with" in compared
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
