"""`segue export`: what it never writes over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import segue
from segue import SequenceClassifier, TrainingOptions
from segue.cli import main
from segue.testing import tiny_dataset

QUIET = TrainingOptions(progress="none")


@pytest.mark.parametrize(
    "words", [("model.py", "--to", "python"), ("model.safetensors", "--to", "torch")]
)
def test_the_model_itself_is_not_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    """Also where a file beside the one that is named would have its name."""
    model = tmp_path / "model.safetensors"
    SequenceClassifier("gru(3)", epochs=1, options=QUIET).fit(tiny_dataset(12)).save(model)
    before = model.read_bytes()
    assert main(["export", str(model), str(tmp_path / words[0]), *words[1:], "--overwrite"]) == 2
    assert "the model itself" in capsys.readouterr().err
    assert model.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]
    segue.load(model)


def test_a_file_beside_the_named_one_is_not_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, theirs = tmp_path / "run.safetensors", tmp_path / "net.py"
    SequenceClassifier("gru(3)", epochs=1, options=QUIET).fit(tiny_dataset(12)).save(model)
    theirs.write_text("work of a week")
    out = str(tmp_path / "net.safetensors")
    assert main(["export", str(model), out, "--to", "torch"]) == 1
    assert "net.py: exists already" in capsys.readouterr().err
    assert theirs.read_text() == "work of a week"
    assert main(["export", str(model), out, "--to", "torch", "--overwrite"]) == 0
    kept = json.loads((tmp_path / "net.safetensors.json").read_text())
    assert all(largest < 1e-5 for largest in kept["largest_differences"].values())


@pytest.mark.filterwarnings("ignore:.*implementation doesn't accept a copy:DeprecationWarning")
def test_the_ending_says_the_kind_of_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And without a mask it is said that Keras counts padding as data, and how to mask it."""
    monkeypatch.setattr("segue.weights.keras_run.has_keras", lambda: False)
    model = tmp_path / "model.safetensors"
    SequenceClassifier("gru(3)", epochs=1, options=QUIET).fit(tiny_dataset(12)).save(model)
    out = tmp_path / "m.keras"
    assert main(["export", str(model), str(out)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "padding Keras counts it as data; with --mask-value -999.0, and padded with that" in said
    assert main(["export", str(model), str(out), "--overwrite", "--mask-value", "0"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "mask Masking: pad with 0" in said
    assert "counts it as data" not in said
    assert main(["export", str(model), str(tmp_path / "m.py")]) == 0
    assert main(["export", str(model), str(tmp_path / "m.bin")]) == 2
    assert "one of .onnx, .keras, .safetensors, .py, or --to" in capsys.readouterr().err
    assert main(["export", str(model), str(tmp_path / "a.py"), "--mask-value", "0"]) == 2
    assert "--mask-value is not for --to python" in capsys.readouterr().err
