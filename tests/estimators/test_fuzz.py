"""Damaged and hostile model files and checkpoints: the short form of `bench/fuzz.py`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).resolve().parents[2] / "bench" / "fuzz.py"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read as on Linux")
@pytest.mark.parametrize("arguments", ["--seed 0", "--seed 1", "--seed 0 --checkpoints"])
def test_no_file_can_hurt(arguments: str) -> None:
    command = [sys.executable, DRIVER, "--count", "500", *arguments.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 wrong" in done.stdout
