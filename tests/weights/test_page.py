"""The examples of the page "Where your model can go" that bring models, one after the other."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "where-your-model-can-go.md"


@pytest.mark.slow
@pytest.mark.parametrize("framework", ["Keras", "PyTorch", "MATLAB"])
def test_the_examples_of_the_page(tmp_path: Path, framework: str) -> None:
    if framework == "MATLAB":
        layers_of_matlab(tmp_path / "layers.mat")
    elif find_spec(framework.lower().removeprefix("py")) is None:
        pytest.skip(f"{framework} is not installed")
    text = PAGE.read_text(encoding="utf-8")
    section = re.split(r"^## ", text, flags=re.MULTILINE)
    own = next(part for part in section if part.startswith(framework))
    scripts = re.findall(r"```python\n(.*?)```", own, re.DOTALL)
    home = {"KERAS_BACKEND": "torch", "KERAS_HOME": str(tmp_path / "keras")}
    for number, script in enumerate(scripts):
        (tmp_path / f"step_{number}.py").write_text(script, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, f"step_{number}.py"],
            cwd=tmp_path, capture_output=True, text=True, env={**os.environ, **home},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert len(scripts) == (1 if framework == "MATLAB" else 2)
    assert any(tmp_path.glob("ours.*")) or framework == "MATLAB"


def layers_of_matlab(path: Path) -> None:
    """What the lines for MATLAB write: structs in a cell array."""
    draws = np.random.default_rng(0)
    lstm = {"Type": "nnet.cnn.layer.LSTMLayer", "Name": "lstm", "OutputMode": "last"}
    lstm |= {"InputWeights": draws.normal(size=(16, 3)), "Bias": draws.normal(size=(16, 1))}
    lstm["RecurrentWeights"] = draws.normal(size=(16, 4))
    dense = {"Type": "nnet.cnn.layer.FullyConnectedLayer", "Name": "fc"}
    dense |= {"Weights": draws.normal(size=(3, 4)), "Bias": draws.normal(size=(3, 1))}
    cells = np.empty((1, 3), object)
    cells[0, :] = [lstm, dense, {"Type": "nnet.cnn.layer.SoftmaxLayer", "Name": "softmax"}]
    savemat(path, {"layers": cells})
