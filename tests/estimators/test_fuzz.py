"""Damaged and hostile model files: the short form of `bench/fuzz.py`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).resolve().parents[2] / "bench" / "fuzz.py"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read as on Linux")
@pytest.mark.parametrize("seed", [0, 1])
def test_no_file_can_hurt(seed: int) -> None:
    command = [sys.executable, DRIVER, "--count", "1500", "--seed", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 wrong" in done.stdout
