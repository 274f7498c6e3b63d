"""An environment for each peer, made under build/bench/ when it is not there; processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PLACE = ROOT / "build" / "bench"
FILES = PLACE / "files"
THREADS = (1, 2)


@dataclass(frozen=True)
class Peer:
    """Its name, what pip installs, what is imported, what makes its files besides.

    The versions of `shown` go into the table.
    """

    name: str
    packages: tuple[str, ...]
    module: str
    shown: tuple[str, ...]
    prepare: tuple[str, ...] = ()

    @property
    def python(self) -> Path:
        return PLACE / self.name / "bin" / "python"

    @property
    def size(self) -> Path:
        """The file with the megabytes of its packages."""
        return PLACE / self.name / "megabytes"

    def version(self, package: str) -> str:
        code = f"import importlib.metadata as m; print(m.version({package!r}))"
        return output([str(self.python), "-c", code]).strip()


def install(peer: Peer) -> str | None:
    """Make the environment of a peer; `None`, or why that cannot be. This tree is always built."""
    pip = [str(peer.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip += ["-c", str(ROOT / "constraints.txt")]
    try:
        if not peer.size.exists():
            making = [sys.executable, "-m", "venv", "--clear", PLACE / peer.name]
            subprocess.run(making, check=True)
            bare = disk(peer)
            subprocess.run([*pip, *peer.packages], check=True, capture_output=True, text=True)
            peer.size.write_text(str(disk(peer) - bare))
            if peer.prepare:
                subprocess.run([*pip, *peer.prepare], check=True, capture_output=True, text=True)
        elif str(ROOT) in peer.packages:
            subprocess.run([*pip, str(ROOT)], check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        return last_line(error)
    return None


def last_line(error: subprocess.CalledProcessError) -> str:
    return [str(error), *(error.stderr or "").strip().splitlines()][-1]


def disk(peer: Peer) -> int:
    """Megabytes of the packages."""
    files = (PLACE / peer.name / "lib").rglob("*")
    return sum(f.lstat().st_size for f in files if f.is_file()) // 1_000_000


def output(command: list[str], threads: int = 1) -> str:
    return used(command, threads)[0]


def used(
    command: list[str], threads: int = 1, variables: Mapping[str, str] | None = None
) -> tuple[str, float, float]:
    """What a process prints, its seconds of the processor, and its largest memory in MB (Linux).

    Raises:
        CalledProcessError: it failed.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("PYTHONPATH", None)
    environment |= variables or {}
    with TemporaryFile("w+") as printed, TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, stdout=printed, stderr=errors, env=environment, cwd=HERE
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        text, said = (file.seek(0) or file.read() for file in (printed, errors))
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=said)
    last = ["", *said.split()][-1]
    memory = float(last) / 1e3 if last.isdecimal() else 0.0
    return text, usage.ru_utime + usage.ru_stime, memory
