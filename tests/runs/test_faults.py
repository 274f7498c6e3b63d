"""A run that is stopped before any of its file operations, or whose disk fails, is not lost.

The short form of `bench/faults.py`: some of the operations of each command.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).resolve().parents[2] / "bench" / "faults.py"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="files are watched as on Linux"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler"),
]


@pytest.mark.parametrize(
    "arguments",
    [
        "kill --commands plain,resumed --every 23",
        "kill --commands seeds,refit --every 71",
        "kill --commands study,convert,npz,csv --every 19",
        "errors --commands plain,seeds --every 97",
        "moments --count 5",
        "full --commands plain,study,convert --every 7",
        "full --commands csv,picture,sound,mapped,save,dat,npz --every 100",
    ],
)
def test_a_run_is_never_lost(arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, DRIVER, *arguments.split()],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    if "no small disk can be mounted" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 wrong" in done.stdout
