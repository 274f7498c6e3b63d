"""Damaged and hostile data files of every format: the short form of `bench/fuzz_readers.py`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).resolve().parents[2] / "bench" / "fuzz_readers.py"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read as on Linux")
@pytest.mark.parametrize(
    "formats",
    [
        "dat,ts,arff,tsv,npz,npy,idx,idxgz,silso,text",
        "csv,csvgz,parquet,feather,arrow,mat,mat73,wav",
    ],
)
def test_no_data_file_can_hurt(formats: str) -> None:
    for package in ("soundfile", "h5py", "scipy"):
        pytest.importorskip(package)
    command = [sys.executable, DRIVER, "--count", "200", "--seed", "5", "--formats", formats]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("\n0 wrong\n")
