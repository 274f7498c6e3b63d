"""What every test may count on: seeded, without network, with the data sets where they lie."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

os.environ.setdefault("MPLBACKEND", "Agg")
_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
if _SHARED.is_dir():
    os.environ.setdefault("SEGUE_DATA", str(_SHARED))

# The same examples on every run; no deadline, because a shared processor is slow now and then.
hypothesis.settings.register_profile("segue", derandomize=True, deadline=None, max_examples=60)
hypothesis.settings.load_profile("segue")


@pytest.fixture
def data_folder() -> Callable[[str], Path]:
    """Give the path of a data set below SEGUE_DATA, or skip the test when it is not there."""

    def find(name: str) -> Path:
        path = Path(os.environ.get("SEGUE_DATA", "")) / name
        if not os.environ.get("SEGUE_DATA") or not path.exists():
            pytest.skip(
                f"the data set {name} is not there; SEGUE_DATA names the folder that has it"
            )
        return path

    return find


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that leaves this machine."""
    connect = socket.socket.connect

    def only_here(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in (
            "127.0.0.1",
            "::1",
            "localhost",
        ):
            raise RuntimeError(f"a test asked for the network: {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", only_here)


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a folder on a disk of one megabyte; skipped where this user may not mount one."""
    folder = tmp_path / "full"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only the superuser can mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
