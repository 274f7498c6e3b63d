"""Models as source of plain PyTorch: from raw values to what the model gives, by PyTorch alone."""

from __future__ import annotations

import logging
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import segue
from segue.cli import main
from segue.data.dataset import Dataset
from segue.errors import OptionError, SpecError
from segue.networks import Network, as_specs
from segue.prepare.pipeline import STEPS
from segue.prepare.steps import StepSpec
from segue.testing.data import tiny_dataset
from segue.testing.network_checks import NetworkSubject
from segue.training import TrainingOptions
from segue.weights import to_keras, to_python, to_torch

OPTIONS: Any = {"epochs": 1, "validation": None, "options": TrainingOptions(progress="none")}


def waves(missing: float = 0.0, channels: int = 2) -> Dataset:
    """Twenty sequences of up to 200 samples, 100 a second."""
    draws = np.random.default_rng(0)
    rows = [10 + 3 * draws.normal(size=(n, channels)) for n in draws.integers(20, 200, 20)]
    for row in rows:
        row[draws.random(row.shape) < missing] = np.nan
    x = segue.Sequences.from_list(rows)
    return Dataset(x, np.array(["up", "down"] * 10), rate_hz=100.0)


def fitted(data: Dataset, network: str = "gru(3)", **more: Any) -> Any:
    return segue.SequenceClassifier(network, **{**OPTIONS, **more}).fit(data)


def module_of(path: Path) -> Any:
    """Written source, run without a file of bytecode: the next one may have the same time."""
    return SimpleNamespace(**runpy.run_path(str(path)))


def loaded(path: Path) -> Any:
    """The module `Model` of written source, with its weights."""
    return module_of(path).load()


# Preparations as they are written, with the share of values that are missing.
PREPARATIONS = [
    ("none", 0.0),
    ("standardize", 0.0),
    ("standardize", 0.3),
    ("interpolate standardize", 0.3),
    ("standardize mask", 0.1),
    ("frame(7) standardize", 0.0),
    ("frame(8, hop=5, end=pad)", 0.0),
    ("frame(3, hop=5, end=pad)", 0.2),
    ("spectrogram(16, hop=8) standardize", 0.0),
    ("spectrogram(9, hop=4, window=blackman, scale=magnitude, centred=true)", 0.0),
    ("spectrogram(16, hop=8, scale=power)", 0.0),
    ("logmel(4, frame=32, hop=16) standardize", 0.0),
    ("logmel(5, frame=32, hop=16, mel=htk, centred=true) cepstrum(3)", 0.0),
    ("logfrequency(6, per_octave=2, low=5, frame=32, frames=3) standardize", 0.0),
    ("standardize jitter(0.1) scale(0.1) timemask(0.1) timewarp(0.1) crop(0.9)", 0.0),
]


@pytest.mark.parametrize(("prepare", "missing"), PREPARATIONS)
def test_every_preparation_is_in_the_source(prepare: str, missing: float, tmp_path: Path) -> None:
    """On the training data, and on sequences shorter than a frame."""
    data = waves(missing)
    model = fitted(data, prepare=prepare)
    report = to_python(model, tmp_path / "model.py", data=data)
    assert report.comparisons[0].sequences == 20
    to_python(model, tmp_path / "other.py")


def test_every_preparation_step_is_in_some_case() -> None:
    """A new one must have `write_torch`; texts are cut into tokens outside."""
    there = {word.partition("(")[0] for text, _ in PREPARATIONS for word in text.split()}
    for kind, spec in STEPS.items():
        if spec.takes != "text":
            assert spec.write_torch is not StepSpec.write_torch
            assert kind in there, kind


def test_gaps_that_training_did_not_have_are_filled(tmp_path: Path) -> None:
    model = fitted(waves())
    to_python(model, tmp_path / "model.py")
    x = np.array([[1.0, 2.0], [np.nan, 3.0], [4.0, np.nan]])
    with pytest.warns(UserWarning, match="they are interpolated"):
        wanted = model.predict_proba([x])
    with torch.no_grad():
        found = loaded(tmp_path / "model.py")(torch.tensor(x)[None], torch.tensor([3]))
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_every_task_with_one_answer_is_written(tmp_path: Path) -> None:
    """Heads of two and more classes, several labels, labels of steps, numbers, static features."""
    x = [np.random.default_rng(n).normal(size=(3 + n % 4, 1)) for n in range(24)]
    classes = np.array(["a", "b", "c"] * 8)
    static = np.random.default_rng(0).normal(size=(24, 2))
    models = [
        segue.SequenceClassifier("gru(3)", **OPTIONS).fit(x, classes),
        segue.SequenceClassifier("gru(3)", head="sigmoid", **OPTIONS).fit(x, classes),
        segue.SequenceClassifier("gru(3)", head="sigmoid", **OPTIONS).fit(
            x, np.eye(3, dtype=int)[np.arange(24) % 3]
        ),
        segue.SequenceClassifier("gru(3)", **OPTIONS).fit(
            Dataset(segue.Sequences.from_list(x), classes, static=static)
        ),
        segue.SequenceLabeler("bigru(3)", **OPTIONS).fit(
            x, [np.where(row[:, 0] > 0, "high", "low") for row in x]
        ),
        segue.SequenceRegressor("gru(3)", **OPTIONS).fit(x, 100 + static),
        segue.SequenceClassifier("embedding(3) gru(2)", **OPTIONS).fit(tiny_dataset(24, tokens=6)),
        segue.SequenceClassifier("embedding(3) gru(2)", **OPTIONS).fit(
            ["so good", "so bad", "good"] * 8, classes
        ),
    ]
    for number, model in enumerate(models):
        report = to_python(model, tmp_path / f"model{number}.py")
        assert report.comparisons[0].largest <= 1e-5
    assert "TOKENS = [" in (tmp_path / "model7.py").read_text()


@pytest.mark.slow
def test_the_source_needs_pytorch_alone(tmp_path: Path) -> None:
    """In a process where segue cannot be imported; with what is behind the ends left alone."""
    data = waves(0.1)
    model = fitted(data, "conv(4, 3, relu) bilstm(3)")
    to_python(model, tmp_path / "model.py")
    x = data.x[:3]
    np.savez(tmp_path / "x.npz", values=x.to_padded()[0], lengths=x.lengths)
    script = """
import sys
sys.modules["segue"] = None
import numpy, torch
from model import CLASSES, load
given = numpy.load("x.npz")
with torch.no_grad():
    found = load()(*(torch.from_numpy(given[name]) for name in ("values", "lengths")))
numpy.save("found.npy", found.numpy())
assert CLASSES == ["down", "up"]
"""
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    wanted = model.predict_proba(data.x[:3])
    np.testing.assert_allclose(np.load(tmp_path / "found.npy"), wanted, atol=1e-5)


def exported(module: Any, path: Path, x: torch.Tensor, lengths: torch.Tensor) -> Any:
    """A session of ONNX Runtime with what `torch.onnx.export` makes of a module."""
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    axes = {"x": {0: "batch", 1: "time"}, "lengths": {0: "batch"}}
    names: Any = {"input_names": list(axes), "dynamic_axes": axes, "opset_version": 17}
    torch.onnx.export(module, (x, lengths), path, dynamo=False, **names)
    return runtime.InferenceSession(path, providers=["CPUExecutionProvider"])


def run(session: Any, x: Any, lengths: Any) -> Any:
    """The first output; a network of one length does not look at the lengths."""
    given = {"x": np.asarray(x), "lengths": np.asarray(lengths)}
    return session.run(None, {one.name: given[one.name] for one in session.get_inputs()})[0]


@pytest.mark.parametrize(
    ("network", "prepare"),
    [
        ("conv(4, 3, stride=2) residual(bilstm(3)) pool(max, 2)", "standardize"),
        ("gru(3, reset=before, initial_state=learnt)", "frame(8, hop=5, end=pad) standardize"),
        ("dense(4) position attention(2) pool(attention)", "spectrogram(16, hop=8) standardize"),
        ("rocket(20)", "logmel(4, frame=32, hop=16) standardize"),
        ("quant(2, 9, 20) trees(5)", "standardize"),
    ],
)
@pytest.mark.filterwarnings("ignore")  # the exporter has many
@pytest.mark.slow
def test_the_exporter_of_pytorch_takes_it(network: str, prepare: str, tmp_path: Path) -> None:
    """ONNX Runtime answers on other sizes and lengths than those of the export."""
    data = waves(0.1 if prepare == "standardize" else 0.0)
    model = fitted(data, network, prepare=prepare)
    to_python(model, tmp_path / "model.py")
    few, rest = data.x[:2], data.x[5:]
    x, lengths = torch.from_numpy(few.to_padded()[0]), torch.from_numpy(few.lengths)
    session = exported(loaded(tmp_path / "model.py"), tmp_path / "model.onnx", x, lengths)
    found = run(session, rest.to_padded()[0], rest.lengths)
    np.testing.assert_allclose(found, model.predict_proba(rest), atol=1e-5)


CONTRACT = runpy.run_path(str(Path(__file__).parents[1] / "contract" / "test_networks.py"))


@pytest.mark.sampled(10)
@pytest.mark.parametrize(("text", "shape", "every"), CONTRACT["NETWORKS"])
@pytest.mark.filterwarnings("ignore")
@torch.no_grad()
def test_the_exporter_of_pytorch_takes_every_network(
    text: str, shape: Any, every: bool, tmp_path: Path
) -> None:
    """All networks of the contract tests, on another batch and another time than at the export."""
    original = NetworkSubject(as_specs(text), shape, outputs=4, every=every).trained("float32")
    path = tmp_path / "network.py"
    path.write_text(Network.from_torch(original).to_python("torch"))
    names = module_of(path)
    written = names.Network().eval()
    names.copy_weights(written, original.get_weights())
    x = CONTRACT["ragged"](shape)
    few, ends = x.values[:3, :9], x.lengths[:3].clamp(max=9)
    session = exported(written, tmp_path / "network.onnx", few, ends)
    found = torch.from_numpy(run(session, x.values, x.lengths))
    wanted = original(x)
    if every:
        wanted, found = wanted.values[x.mask()], found[x.mask()]
    assert (wanted - found).abs().max() <= 1e-5 * max(1, wanted.abs().max())


def test_the_command_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a report; and refuses another ending."""
    fitted(waves()).save(tmp_path / "model.safetensors")
    words = ["export", str(tmp_path / "model.safetensors"), str(tmp_path / "source.py")]
    assert main([*words, "--to", "python"]) == 0
    assert "run by PyTorch" in capsys.readouterr().out
    assert {"source.py", "source.safetensors"} <= {path.name for path in tmp_path.iterdir()}
    assert main([*words[:2], str(tmp_path / "source.txt"), "--to", "python"]) != 0
    assert "expected a file ending in .py" in capsys.readouterr().err


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    model = fitted(waves())
    ensemble = segue.SequenceEnsemble([model, model])
    with pytest.raises(SpecError, match="write each of its `members`"):
        to_python(ensemble, tmp_path / "model.py")
    with pytest.raises(SpecError, match="write each of its `members`"):
        to_torch(ensemble, tmp_path / "model.safetensors")
    with pytest.raises(SpecError, match="write each of its `members`"):
        to_keras(ensemble, tmp_path / "model.keras")
    with pytest.raises(OptionError, match=r"does not end in \.py"):
        to_python(model, tmp_path / "model.txt")
    forecaster = segue.Forecaster("gru(2)", size=4, epochs=1, options=OPTIONS["options"])
    with pytest.raises(SpecError, match="the task forecast"):
        to_python(forecaster.fit(np.arange(40.0)), tmp_path / "model.py")
    assert list(tmp_path.iterdir()) == []


def test_a_difference_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = fitted(waves())
    monkeypatch.setattr("segue.weights.python.TOLERANCE", -1.0)
    with pytest.raises(segue.errors.DataError, match="answers otherwise than the model"):
        to_python(model, tmp_path / "model.py")
    assert list(tmp_path.iterdir()) == []


def test_what_lies_beside_gets_its_name_first(tmp_path: Path) -> None:
    """So that a source never stands beside other weights, or none."""
    (tmp_path / "model.safetensors").mkdir()
    with pytest.raises(segue.errors.WriteError):
        to_python(fitted(waves()), tmp_path / "model.py")
    assert [one.name for one in tmp_path.iterdir()] == ["model.safetensors"]


def test_more_steps_than_learnt_positions_are_refused(tmp_path: Path) -> None:
    """Where PyTorch runs it; what is behind the ends may go beyond."""
    x = [np.ones((n, 2)) for n in (5, 20)] * 4
    arguments: Any = OPTIONS
    model = segue.SequenceClassifier("position(learnt, longest=20) gru(3)", **arguments)
    to_python(model.fit(x, ["a", "b"] * 4), tmp_path / "model.py")
    module, values = loaded(tmp_path / "model.py"), torch.ones(1, 30, 2)
    module(values, torch.tensor([20]))
    with pytest.raises(ValueError, match="30 steps; the model learnt 20 positions"):
        module(values, torch.tensor([30]))
