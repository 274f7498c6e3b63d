"""segue beside its peers: how it starts, predicts, and what it takes of memory and disk, by turns.

    python bench/peers/run.py [--turns 5] [--only segue pytorch]

Each peer has an environment of its own, made under build/bench/ when it is not there, and a script
as its users write it, which loads the same weights: an LSTM of 64 units for one window of 128
steps, a bidirectional one of 100 for 10,000 sequences of 100 steps with 12 channels, of which five
in a CSV file are the cold prediction. The last run of each processor stands in bench/results.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from segue.errors import counted
from segue.training.setup import processor

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PLACE, RESULTS = ROOT / "build" / "bench", HERE.parent / "results.md"
FILES = PLACE / "files"
THREADS = (1, 2)
PEERS: dict[str, Peer] = {}


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

    def __post_init__(self) -> None:
        PEERS[self.name] = self

    @property
    def python(self) -> Path:
        return PLACE / self.name / "bin" / "python"

    def command(self, what: str, threads: int = 1) -> list[str]:
        return [
            str(self.python),
            str(HERE / f"{self.name}_user.py"),
            what,
            str(FILES),
            str(threads),
        ]


Peer("segue", (str(ROOT),), "segue", ("segue", "numpy"))
Peer("pytorch", ("torch==2.13.0", "numpy"), "torch", ("torch",))
Peer("keras", ("keras", "tensorflow-cpu"), "keras", ("keras", "tensorflow-cpu"))
Peer("onnxruntime", ("onnxruntime",), "onnxruntime", ("onnxruntime",), ("onnx",))
Peer("sklearn", ("scikit-learn",), "sklearn.ensemble", ("scikit-learn",))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=PEERS, default=list(PEERS))
    arguments = parser.parse_args()
    FILES.mkdir(parents=True, exist_ok=True)
    make_files()
    there, missing = [], []
    for peer in (PEERS[name] for name in arguments.only):
        reason = install(peer)
        if reason is None:
            there.append(peer)
        else:
            missing.append(f"- {peer.name} could not be installed: {reason}")
    check_answers(there)
    found = measure(there, arguments.turns)
    section = "\n".join([*heading(there, arguments.turns), *table(there, found), "", *missing])
    print(section)
    write(section)  # before what follows, which takes a minute
    write("\n".join([section, *kernels()]))


def make_files() -> None:
    """The two networks, trained a little, and data."""
    subprocess.run([sys.executable, *PEERS["segue"].command("prepare")[1:]], check=True)
    rng = np.random.default_rng(0)
    many = rng.standard_normal((10_000, 100, 12)).astype(np.float32)
    np.save(FILES / "many.npy", many)
    np.save(FILES / "window.npy", rng.standard_normal((1, 128, 1)).astype(np.float32))
    table = np.column_stack([np.repeat(np.arange(5), 100), many[:5].reshape(500, 12)])
    header = ",".join(["id", *(f"channel_{number}" for number in range(12))])
    style = ["%d", *["%.9g"] * 12]
    np.savetxt(FILES / "five.csv", table, style, ",", header=header, comments="")


def install(peer: Peer) -> str | None:
    """Make the environment of a peer, and its files; `None`, or why that cannot be."""
    size = PLACE / peer.name / "megabytes"
    pip = [str(peer.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip += ["-c", str(ROOT / "constraints.txt")]
    try:
        if not size.exists():
            subprocess.run([sys.executable, "-m", "venv", PLACE / peer.name], check=True)
            bare = disk(peer)
            subprocess.run([*pip, *peer.packages], check=True, capture_output=True, text=True)
            size.write_text(str(disk(peer) - bare))
            if peer.prepare:
                subprocess.run([*pip, *peer.prepare], check=True, capture_output=True, text=True)
        if peer.name != "segue":
            subprocess.run(peer.command("prepare"), check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        return (error.stderr or str(error)).strip().splitlines()[-1]
    return None


def disk(peer: Peer) -> int:
    """Megabytes of the packages."""
    files = (PLACE / peer.name / "lib").rglob("*")
    return sum(f.lstat().st_size for f in files if f.is_file()) // 1_000_000


def check_answers(peers: list[Peer]) -> None:
    """All LSTMs answer the same, so that what is compared is the same work."""
    answers = {peer.name: np.array(json.loads(output(peer.command("cold")))) for peer in peers}
    answers.pop("sklearn", None)  # a forest, trained on something else
    first = next(iter(answers.values()))
    for name, one in answers.items():
        difference = float(np.abs(one - first).max())
        assert difference < 1e-5, f"{name} differs by {difference}"


def output(command: list[str], threads: int = 1) -> str:
    return used(command, threads)[0]


def used(command: list[str], threads: int = 1) -> tuple[str, float, float]:
    """What a process prints, its seconds of the processor, and its largest memory in MB (Linux).

    Raises:
        CalledProcessError: it failed.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("PYTHONPATH", None)
    with (FILES / "printed").open("w+") as printed, (FILES / "errors").open("w+") as errors:
        process = subprocess.Popen(
            command, stdout=printed, stderr=errors, env=environment, cwd=HERE
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        text, error = (FILES / file for file in ("printed", "errors"))
        if process.returncode:
            raise subprocess.CalledProcessError(
                process.returncode, command, stderr=error.read_text()
            )
    said = error.read_text().split()
    memory = float(said[-1]) / 1e3 if said and said[-1].isdecimal() else 0.0
    return text.read_text(), usage.ru_utime + usage.ru_stime, memory


def measure(peers: list[Peer], turns: int) -> dict[tuple[str, str], list[float]]:
    """Each figure of each peer, a value each turn, but for the first one, which writes bytecode."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)

    def note(peer: Peer, figure: str, value: float) -> None:
        if turn > 0:
            found[peer.name, figure].append(value)

    for turn in range(turns + 1):
        for peer in peers:
            note(peer, "import", used([str(peer.python), "-c", f"import {peer.module}"])[1])
            _, seconds, memory = used(peer.command("cold"))
            note(peer, "cold", seconds)
            note(peer, "memory", memory)
            note(peer, "window", 1e6 * float(json.loads(output(peer.command("window")))))
            for threads in THREADS if turn > 0 else ():
                text, _, memory = used(peer.command("many", threads), threads)
                note(peer, f"many {threads}", float(json.loads(text)))
                note(peer, f"memory many {threads}", memory)
    for peer in peers:
        size = float((PLACE / peer.name / "megabytes").read_text())
        found[peer.name, "disk"] = [size]
    return found


COLUMNS = {
    "import": "import, s", "cold": "five rows of a CSV, cold, s", "window": "one window, µs",
    "many": "10,000 sequences, s", "memory": "memory of five rows, MB",
    "memory many": "of 10,000, MB", "disk": "on disk, MB",
}  # fmt: skip


def table(peers: list[Peer], found: dict[tuple[str, str], list[float]]) -> list[str]:
    """A row for each peer: medians, the least and the most, and how many times segue's it is."""
    rows = ["| | " + " | ".join(COLUMNS.values()) + " |", "|---" * (len(COLUMNS) + 1) + "|"]

    def values(peer: Peer, figure: str) -> tuple[list[float], str]:
        if not figure.endswith("many"):
            return found[peer.name, figure], ""
        best = min(THREADS, key=lambda n: statistics.median(found[peer.name, f"many {n}"]))
        note = f"; {counted(best, 'thread')}" if figure == "many" else ""
        return found[peer.name, f"{figure} {best}"], note

    for peer in peers:
        cells = []
        for figure in COLUMNS:
            (own, note), (base, _) = values(peer, figure), values(peers[0], figure)
            median = statistics.median(own)
            cell = number(median)
            if len(own) > 1:
                cell += f" ({number(min(own))} to {number(max(own))}{note})"
            if peer is not peers[0]:
                cell += f", {median / statistics.median(base):.2g}x"
            cells.append(cell)
        rows.append(f"| {peer.name} | " + " | ".join(cells) + " |")
    return rows


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def heading(peers: list[Peer], turns: int) -> list[str]:
    """The processor, the date and the versions."""
    shown = ", ".join(f"{one} {version(peer, one)}" for peer in peers for one in peer.shown)
    day, load = datetime.now(UTC).date(), os.getloadavg()[0]
    return [
        f"## {processor()}, {os.cpu_count()} cores",
        "",
        f"{day}, Python {platform.python_version()}; {shown}.",
        f"{turns} turns; the load of the machine at the end was {load:.1f}.",
        "",
    ]


def version(peer: Peer, package: str) -> str:
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return output([str(peer.python), "-c", code]).strip()


def kernels() -> list[str]:
    """What `bench/native.py` prints: the kernels alone."""
    command = [sys.executable, str(HERE.parent / "native.py"), "--turns", "3"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [
        "The kernels alone, `python bench/native.py --turns 3`:",
        "",
        "```",
        *done.stdout.splitlines(),
        "```",
    ]


def write(section: str) -> None:
    """Put a section in place of the one of the same processor."""
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else INTRODUCTION
    head, *others = re.split(r"(?m)^(?=## )", text)
    title = section.partition("\n")[0]
    kept = [one.strip() for one in others if one.partition("\n")[0] != title]
    RESULTS.write_text("\n\n".join([head.strip(), *kept, section.strip()]) + "\n", encoding="utf-8")


INTRODUCTION = """# segue beside its peers

What `make bench` measured last on each kind of machine (`python bench/peers/run.py`): medians, in
brackets the least and the most, and how many times segue's it is. All but the forest of 20 trees
compute the same networks with the same weights, and their answers agree. Seconds of import and of
five rows are those of the processor. One window is 128 steps through `lstm(64)` with one thread,
as a user calls it; 10,000 sequences of 100 steps and 12 channels go through `bilstm(100)` by the
clock, with one thread or two, whichever is faster. On disk is all that pip installs.
"""


if __name__ == "__main__":
    main()
