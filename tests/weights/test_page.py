"""The examples of Keras and PyTorch on the page "Where your model can go", one after the other."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "where-your-model-can-go.md"


@pytest.mark.slow
@pytest.mark.parametrize("framework", ["Keras", "PyTorch"])
def test_the_examples_of_the_page(tmp_path: Path, framework: str) -> None:
    if find_spec(framework.lower().removeprefix("py")) is None:
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
    assert len(scripts) == 2
    assert any(tmp_path.glob("ours.*"))
