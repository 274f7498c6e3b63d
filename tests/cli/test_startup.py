"""What a command imports: what it does not need would make it slow to start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from segue import SequenceClassifier, synth
from segue.kernels import forward

TRAINING = {"torch", "segue.modules", "segue.training.loop"}
OTHERS = {"sklearn", "scipy", "pandas", "matplotlib", "jinja2", "plotext"}
AROUND = {"pyarrow.parquet", "pyarrow.dataset", "ssl", "multiprocessing", "segue.executors"}
# What PyTorch imports for a compiler that segue never calls, and with it scikit-learn.
COMPILER = {"torch._dynamo", "torch._inductor", "sympy"}


def imported(code: str, *arguments: object, cwd: Path) -> set[str]:
    """All modules of a process that ran this code."""
    code += "\nimport sys; print('MODULES', *sys.modules)"
    words = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("MODULES ")[2].split())


def command(*words: str, cwd: Path) -> set[str]:
    """All modules of a process that ran this command."""
    code = f"from segue.cli import main; assert main({list(words)!r}) == 0"
    return imported(code, cwd=cwd)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model and a table of labelled series."""
    place = tmp_path_factory.mktemp("startup")
    data = synth.waves(40, length=12)
    SequenceClassifier("bilstm(4)", epochs=1).fit(data).save(place / "model.safetensors")
    lines = [
        ",".join([str(label), *(f"{value:.4f}" for value in steps[:, 0])])
        for steps, label in zip(data.x, data.labels, strict=True)
    ]
    header = ",".join(["label", *(f"t{step}" for step in range(12))])
    (place / "five.csv").write_text("\n".join([header, *lines[:5]]) + "\n")
    return place


@pytest.mark.slow
def test_predict_imports_what_it_needs(place: Path) -> None:
    modules = command("predict", "model.safetensors", "five.csv", cwd=place)
    assert "segue.kernels.forward" in modules
    assert not modules & (TRAINING | OTHERS | AROUND)


@pytest.mark.slow
def test_evaluate_imports_what_it_needs(place: Path) -> None:
    modules = command("evaluate", "model.safetensors", "five.csv", "--all", cwd=place)
    assert "segue.evaluation" in modules
    assert not modules & (TRAINING | OTHERS | AROUND)


@pytest.mark.slow
def test_help_imports_what_it_needs(place: Path) -> None:
    modules = command("--help", cwd=place)
    assert not modules & (TRAINING | OTHERS | AROUND | {"numpy", "pydantic", "pyarrow"})


@pytest.mark.slow
def test_a_list_of_runs_imports_what_it_needs(place: Path) -> None:
    (place / "study").mkdir()
    (place / "study" / "study.jsonl").write_text(
        '{"format": 1, "fingerprint": {"study": "grid"}}\n'
    )
    modules = command("runs", cwd=place)
    assert not modules & (TRAINING | OTHERS | AROUND | {"segue.studies", "segue.evaluation"})


@pytest.mark.slow
def test_a_stream_imports_what_it_needs(place: Path) -> None:
    code = """
import segue
stream = segue.load("causal.safetensors").stream()
stream.push([0.1])
"""
    data = synth.waves(40, length=12)
    SequenceClassifier("gru(4)", epochs=1).fit(data).save(place / "causal.safetensors")
    assert not imported(code, cwd=place) & (TRAINING | OTHERS | AROUND)


def is_native() -> bool:
    """Whether the native library trains here."""
    return forward.path()[0] in forward.NATIVE


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop", "sgd"])
def test_a_training_imports_no_compiler(tmp_path: Path, optimizer: str) -> None:
    """Neither when it begins, nor when it goes on from a checkpoint; PyTorch where it is needed."""
    for network, is_torch in (("conv(4, 3) lstm(4)", True), ("lstm(4)", not is_native())):
        code = f"""
import segue
options = segue.TrainingOptions(optimizer={optimizer!r}, progress="none")
data = segue.synth.waves(40, length=12)
for epochs in (1, 2):
    fresh = segue.SequenceClassifier("{network}", epochs=epochs, options=options)
    fresh.fit(data, folder="folder{is_torch}", resume=epochs == 2)
"""
        modules = imported(code, cwd=tmp_path)
        assert ("torch" in modules) == is_torch
        assert not modules & (COMPILER | OTHERS)


@pytest.mark.slow
def test_a_run_imports_no_compiler(place: Path) -> None:
    """Also with its scores and its report."""
    words = ["fit", "five.csv", "--network", "lstm(4)", "--epochs", "1", "--test", "none"]
    modules = command(*words, "--out", "run", cwd=place)
    assert "matplotlib" in modules
    assert not modules & (COMPILER | {"sklearn", "scipy", "pandas", "matplotlib.pyplot"})
