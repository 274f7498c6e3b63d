"""The file of an ONNX model: damage is noticed, and nothing is written on the user's machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue
from segue.cli import main
from segue.errors import ModelFileError
from segue.weights import OnnxModel, to_onnx
from segue.weights.onnx_digest import KEY

ROOT = Path(__file__).parents[2]
OPTIONS = segue.TrainingOptions(progress="none")
X = [np.random.default_rng(n).normal(size=(5, 2)) for n in range(20)]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    onnx = pytest.importorskip("onnx")
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    model = segue.SequenceClassifier("gru(4)", epochs=1, options=OPTIONS)
    to_onnx(model.fit(X, ["high", "low"] * 10), path, step=True)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    return path


def test_damage_of_any_byte_is_noticed(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of the entry's own key alone make it a file without a digest, and are no harm."""
    whole = exported.read_bytes()
    path = tmp_path / "model.onnx"
    own = range(whole.rindex(KEY.encode()) - 2, whole.rindex(KEY.encode()) + len(KEY) + 2)
    for place in {*range(0, len(whole), 499), own[-1] + 1, len(whole) - 1} - {*own}:
        damaged = bytearray(whole)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(ModelFileError, match=r"model\.onnx.*is damaged, or was changed"):
            OnnxModel(path)
    path.write_bytes(whole[:-1])
    assert main(["predict", str(path), "-"]) == 1
    assert "Copy it again, or export the model again" in capsys.readouterr().err


def test_files_without_a_digest_are_still_read(exported: Path, tmp_path: Path) -> None:
    """As older versions wrote them."""
    onnx: Any = pytest.importorskip("onnx")
    model = onnx.load(exported)
    (entry,) = [one for one in model.metadata_props if one.key == KEY]
    model.metadata_props.remove(entry)
    onnx.save(model, tmp_path / "model.onnx")
    again, first = OnnxModel(tmp_path / "model.onnx"), OnnxModel(exported)
    np.testing.assert_array_equal(again.predict_proba(X), first.predict_proba(X))


@pytest.mark.slow
def test_onnx_runtime_writes_nothing_at_home(exported: Path, tmp_path: Path) -> None:
    """Its telemetry queues events on import, unless the environment says otherwise before."""
    script = (
        "import sys\nfrom segue.weights import OnnxModel\n"
        "OnnxModel(sys.argv[1])\nassert 'onnx' not in sys.modules"
    )
    env = {name: text for name, text in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    subprocess.run(
        [sys.executable, "-c", script, exported],
        env={**env, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}, check=True,
    )  # fmt: skip
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_onnx_runtime_is_imported_in_one_place() -> None:
    pattern = re.compile(r"(import|from) onnxruntime|(require|import_module)\(.onnxruntime")
    paths = (ROOT / "src").rglob("*.py")
    found = [path.name for path in paths if pattern.search(path.read_text(encoding="utf-8"))]
    assert found == ["onnx_runtime.py"]


def test_every_script_of_the_page_says_that_nothing_is_sent() -> None:
    page = (ROOT / "docs" / "how-to" / "where-your-model-can-go.md").read_text(encoding="utf-8")
    scripts = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    scripts = [text for text in scripts if "import onnxruntime" in text]
    assert len(scripts) == 2
    for text in scripts:
        before, _, _ = text.partition("import onnxruntime")
        assert "ORT_DISABLE_TELEMETRY" in before
