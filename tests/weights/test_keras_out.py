"""Estimators that are written as `.keras` files: Keras opens them, and answers as segue does."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import segue
from segue import SequenceClassifier, SequenceLabeler, SequenceRegressor, TrainingOptions
from segue.errors import (
    MissingPackageError,
    ModelFileError,
    NotFittedError,
    OptionError,
    SpecError,
)
from segue.layers.activations import ACTIVATIONS
from segue.testing import tiny_dataset
from segue.weights import from_keras, to_keras
from segue.weights.keras_run import KerasModel
from segue.weights.parity import answers

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*implementation doesn't accept a copy:DeprecationWarning"),
]

units = st.integers(1, 6)
FUNCTIONS = sorted(set(ACTIVATIONS) - {"exponential", "sparsemax"})
functions = st.sampled_from(FUNCTIONS)
LENGTHS = (6, 2, 9, 1, 4)


@st.composite
def recurrent(draw: Any, *, merge: bool = True) -> str:
    kind, size = draw(st.sampled_from(["lstm", "gru", "rnn"])), draw(units)
    more = f", dropout={draw(st.sampled_from([0.0, 0.2]))}"
    more += draw(st.sampled_from(["", ", reset=before"])) if kind == "gru" else ""
    more += draw(st.sampled_from(["", ", activation=relu"])) if kind == "rnn" else ""
    if draw(st.booleans()):
        more += (
            f", merge={draw(st.sampled_from(['concat', 'sum', 'mean', 'product']))}"
            if merge
            else ""
        )
        kind = f"bi{kind}"
    return f"{kind}({size}{more})"


@st.composite
def kept(draw: Any, *, strides: bool) -> str:
    """A layer that keeps the sequence."""
    kinds = (
        "recurrent recurrent conv conv maxpool avgpool dense norm function prelu dropout".split()
    )
    kind = draw(st.sampled_from(kinds))
    if kind == "recurrent":
        return str(draw(recurrent()))
    if kind == "conv":
        more = draw(st.sampled_from(["", ", causal=true", ", dilation=2", ", bias=false"]))
        if strides:
            others = [", causal=true, stride=2", ", padding=valid", ", stride=2, padding=valid"]
            more = draw(st.sampled_from([more, *others]))
        return f"conv({draw(units)}, {draw(st.integers(1, 4))}, relu{more})"
    return {
        "maxpool": "maxpool(2)" if strides else "maxpool(3, stride=1)",
        "avgpool": "avgpool(2, padding=valid)" if strides else "avgpool(3, stride=1)",
        "dense": f"dense({draw(units)}, {draw(functions)})",
        "norm": draw(st.sampled_from(["batchnorm", "layernorm", "batchnorm(epsilon=0.01)"])),
        "function": draw(functions), "prelu": "prelu",
        "dropout": "dropout(0.3) leaky_relu(0.1)",
    }[kind]  # fmt: skip


@st.composite
def plans(draw: Any) -> dict[str, Any]:
    task = draw(st.sampled_from(["two", "three", "sigmoid", "label", "regress", "tokens"]))
    layers = draw(st.lists(kept(strides=task != "label"), max_size=3))
    if task != "label":
        layers.append(draw(st.one_of(recurrent(), st.sampled_from(["pool(mean)", "pool(max)"]))))
        layers += draw(st.lists(st.builds("dense({}, {})".format, units, functions), max_size=1))
    elif not layers:
        layers = ["gru(3)"]
    if task == "tokens":
        layers.insert(0, "embedding(4)")
    return {"task": task, "network": " ".join(layers), "seed": draw(st.integers(0, 99))}


def fitted(plan: dict[str, Any]) -> Any:
    """An estimator of random weights, whose statistics are those of some data."""
    draws, task = np.random.default_rng(plan["seed"]), plan["task"]
    lengths = [n + 24 * ("valid" in plan["network"]) for n in (*LENGTHS, 3, 5, 8)]
    x: list[Any] = [draws.normal(3.0, 2.0, (n, 3)).astype(np.float32) for n in lengths]
    y: Any = np.arange(len(x)) % (2 if task in ("two", "tokens") else 3)
    make: Any = SequenceClassifier
    more: dict[str, Any] = {"head": "sigmoid"} if task == "sigmoid" else {}
    if task == "tokens":
        x = [np.append(draws.integers(0, 7, n - 1), 6) for n in lengths]
    if task == "label":
        make, y = SequenceLabeler, [draws.integers(0, 3, n) for n in lengths]
    if task == "regress":
        make, y = SequenceRegressor, draws.normal(50.0, 9.0, (len(x), 2))
    options = TrainingOptions(progress="none")
    estimator = make(plan["network"], epochs=1, validation=None, options=options, **more)
    job = estimator._training_job(x, y)
    with np.errstate(all="ignore"):
        estimator.fit(x, y)
    assert job.network.names == estimator.network_.names
    weights = estimator.network_.get_weights()
    estimator.network_.set_weights(
        {n: w + np.abs(0.3 * draws.normal(size=w.shape)) for n, w in weights.items()}
    )
    return estimator


@pytest.mark.slow
@settings(
    max_examples=60, deadline=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(plan=plans())
def test_keras_opens_it_and_agrees(keras: Any, tmp_path: Path, plan: Any) -> None:
    estimator, path = fitted(plan), tmp_path / "model.keras"
    with torch.no_grad():
        report = to_keras(estimator, path, with_keras=True)
    assert [one.what for one in report.comparisons] == ["read back by segue", "answered by Keras"]
    assert max(one.largest for one in report.comparisons) <= 1e-5


@pytest.mark.slow
def test_padded_batches_with_a_mask(keras: Any, tmp_path: Path) -> None:
    estimator = fitted({"task": "three", "network": "bilstm(3) dense(2) lstm(4)", "seed": 1})
    to_keras(estimator, tmp_path / "m.keras", mask_value=-99.0)
    model = keras.models.load_model(tmp_path / "m.keras")
    draws = np.random.default_rng(0)
    x = [draws.normal(size=(n, 3)).astype(np.float32) for n in LENGTHS]
    padded = np.full((len(x), 9, 3), -99.0, np.float32)
    for row, sequence in enumerate(x):
        padded[row, : len(sequence)] = sequence
    with torch.no_grad():
        got = model(padded).numpy()
    assert np.abs(got - estimator.predict_proba(x)).max() <= 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("task", ["three", "label", "regress", "tokens"])
def test_a_padded_batch_is_compared(keras: Any, tmp_path: Path, task: str) -> None:
    """Where a mask is asked for; what loses it unseen would differ there."""
    network = "embedding(4) gru(3)" if task == "tokens" else "gru(3)"
    network += " batchnorm prelu layernorm dense(4, relu)"
    estimator = fitted({"task": task, "network": network, "seed": 1})
    path = tmp_path / "m.keras"
    with torch.no_grad():
        report = to_keras(estimator, path, mask_value=-99.0, with_keras=True)
    names = [one.what for one in report.comparisons]
    assert names == ["read back by segue", "answered by Keras", "answered by Keras, padded"]
    assert max(one.largest for one in report.comparisons) <= 1e-5
    assert "mask" in dict(report.lines)


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ("conv(3, 2) gru(3)", "conv_1 (Conv1D): Keras loses the mask"),
        ("maxpool(3, stride=1) avgpool(3, stride=1) gru(3)",
         "maxpool_1 (MaxPooling1D), avgpool_1 (AveragePooling1D): Keras loses the mask"),
        ("gru(3, output=every) pool(max)", "pool_1 (GlobalMaxPooling1D): Keras loses the mask"),
    ],
)  # fmt: skip
def test_a_mask_that_would_be_lost_is_not_promised(tmp_path: Path, network: str, said: str) -> None:
    estimator = fitted({"task": "three", "network": network, "seed": 0})
    with pytest.raises(SpecError) as caught:
        to_keras(estimator, tmp_path / "m.keras", mask_value=-99.0)
    assert said in str(caught.value)
    with pytest.raises(OptionError, match="expected a finite number"):
        to_keras(estimator, tmp_path / "m.keras", mask_value=float("nan"))
    assert not list(tmp_path.iterdir())
    report = to_keras(estimator, tmp_path / "m.keras")
    assert dict(report.lines)["padding"].endswith("give sequences of one length at a time")


@pytest.mark.slow
def test_there_and_back_and_there(keras: Any, tmp_path: Path) -> None:
    """A Keras user brings a model, goes on training it here, and takes it back."""
    layers = keras.layers
    model = keras.Sequential(
        [layers.Input((None, 2)), layers.GRU(6), layers.Dense(2, activation="softmax")]
    )
    model.save(tmp_path / "theirs.keras")
    data = tiny_dataset(40)
    imported = from_keras(tmp_path / "theirs.keras", classes=data.classes)
    assert imported.n_features_in_ == data.x.channels
    before = imported.predict_proba(data.x)
    own = SequenceClassifier(
        imported.network, prepare="none", classes=data.classes, epochs=3,
        options=TrainingOptions(progress="none"),
    )  # fmt: skip
    own.fit(data, initial=imported)
    assert ("initial weights", "gru_1, head taken") in own.training_summary_
    assert not np.allclose(own.predict_proba(data.x), before)
    to_keras(own, tmp_path / "ours.keras")
    with torch.no_grad():
        theirs = KerasModel(tmp_path / "ours.keras")
        got = np.array([theirs(sequence) for sequence in data.x[:5]])
    assert np.abs(got[:, 0] - own.predict_proba(data.x[:5])[:, 1]).max() <= 1e-5


def test_the_report_and_the_bytes(tmp_path: Path) -> None:
    """It says what became of each layer; the same model gives the same file."""
    estimator = fitted({"task": "three", "network": "gru(3)", "seed": 0})
    report = str(to_keras(estimator, tmp_path / "a.keras"))
    assert all(word in report for word in ("gru_1", "GRU", "Normalization", "read back by segue"))
    to_keras(estimator, tmp_path / "b.keras")
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()
    assert zipfile.ZipFile(tmp_path / "a.keras").testzip() is None
    back = from_keras(tmp_path / "a.keras")
    x = tiny_x()
    assert np.abs(answers(back, x)[0] - answers(estimator, x)[0]).max() <= 1e-6
    assert str(back.preparation_) == "standardize"


def tiny_x() -> Any:
    draws = np.random.default_rng(4)
    return segue.Sequences.from_list([draws.normal(3, 2, (n, 3)) for n in LENGTHS])


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ("attention(3) pool(mean)", "attention_1 is of the kind attention"),
        ("bilstm(3, merge=none) bilstm(3)", "bilstm_1 keeps its two directions apart"),
        ("lstm(3, initial_state=learnt)", "initial states of its own"),
        ("conv(4, 5, stride=2) pool(max)", "conv_1 has a stride of 2"),
        ("dense(4) glu gru(2)", "glu_1 is of the kind glu"),  # Keras's own loses track of its shape
        ("pool(last)", "pool_1 is pool(last)"),
    ],
)
def test_what_keras_does_not_have(tmp_path: Path, network: str, said: str) -> None:
    estimator = fitted({"task": "three", "network": network, "seed": 0})
    with pytest.raises(SpecError) as caught:
        to_keras(estimator, tmp_path / "m.keras")
    assert said in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_preparations_that_keras_does_not_have(tmp_path: Path) -> None:
    options = TrainingOptions(progress="none")
    estimator = SequenceClassifier("gru(3)", prepare="frame(2)", epochs=1, options=options)
    estimator.fit(tiny_dataset(30))
    with pytest.raises(SpecError, match="the preparation `frame.*no layer in Keras; with prepared"):
        to_keras(estimator, tmp_path / "m.keras")
    report = to_keras(estimator, tmp_path / "m.keras", prepared=True)
    assert "left out" in str(report)


def test_keras_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    estimator = fitted({"task": "three", "network": "gru(3)", "seed": 0})
    monkeypatch.setattr("segue.weights.keras_run.find_spec", lambda _: None)
    with pytest.raises(MissingPackageError, match="pip install keras"):
        to_keras(estimator, tmp_path / "m.keras", with_keras=True)
    assert not list(tmp_path.iterdir())


def test_what_is_not_right_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    estimator = fitted({"task": "three", "network": "gru(3)", "seed": 0})
    with pytest.raises(SpecError, match=r"name it so"):
        to_keras(estimator, tmp_path / "m.h5")
    with pytest.raises(NotFittedError):
        to_keras(SequenceClassifier(), tmp_path / "m.keras")
    monkeypatch.setattr("segue.weights.parity.TOLERANCE", -1.0)
    with pytest.raises(ModelFileError, match="differs by .* nothing was written"):
        to_keras(estimator, tmp_path / "m.keras")
    assert not list(tmp_path.iterdir())
