"""A fit and a prediction go a short way through the code: `bench/calls.py` counts it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).resolve().parents[1] / "bench" / "calls.py"

# Files and functions that are entered. Of a fit more than when PyTorch had the initial weights, the
# layers of a training and the optimizer's state, which are segue's own now; and it asks whether the
# head can be had in closed form.
MOST = {"fit": (41, 224), "predict_proba": (16, 55)}


@pytest.mark.slow
def test_a_call_enters_few_files_and_functions() -> None:
    """By a straighter way where it becomes more, not by longer functions; `--list` names them."""
    done = subprocess.run([sys.executable, DRIVER], capture_output=True, text=True, check=True)
    found = re.findall(r"(\w+): (\d+) files, (\d+) functions", done.stdout)
    assert {name for name, _, _ in found} == set(MOST)
    for name, files, functions in found:
        assert int(files) <= MOST[name][0], done.stdout
        assert int(functions) <= MOST[name][1], done.stdout
