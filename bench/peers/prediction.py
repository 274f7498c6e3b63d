"""How segue and its peers start and predict, and what that takes of memory and disk.

Each script `<name>_user.py` loads the same weights: an LSTM of 64 units for one window of 128
steps, a bidirectional one of 100 for 10,000 sequences of 100 steps with 12 channels, of which five
in a CSV file are the cold prediction.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections import defaultdict

import numpy as np
from environments import FILES, HERE, ROOT, THREADS, Peer, install, last_line, output, used
from report import cell, made, row, write

from segue.errors import counted

NAME = "Start, predictions, memory, disk"
Found = dict[tuple[str, str], list[float]]
PEERS = {
    peer.name: peer
    for peer in (
        Peer("segue", (str(ROOT),), "segue", ("segue", "numpy")),
        Peer("pytorch", ("torch==2.13.0", "numpy"), "torch", ("torch",)),
        Peer("keras", ("keras", "tensorflow-cpu"), "keras", ("keras", "tensorflow-cpu")),
        Peer("onnxruntime", ("onnxruntime",), "onnxruntime", ("onnxruntime",), ("onnx",)),
        Peer("sklearn", ("scikit-learn",), "sklearn.ensemble", ("scikit-learn",)),
    )
}


def run(names: list[str], turns: int) -> None:
    """Measure, print, and write a part of the results."""
    make_files()
    there, missing = [], []
    for peer in (PEERS[name] for name in names if name in PEERS):
        reason = install(peer) or prepare(peer)
        if reason is None:
            there.append(peer)
        else:
            missing.append(f"- {peer.name} could not be installed: {reason}")
    check_answers(there)
    versions = (f"{one} {peer.version(one)}" for peer in there for one in peer.shown)
    lines = [made(versions, turns), "", *table(there, measure(there, turns)), "", *missing]
    print("\n".join(lines))
    write(NAME, lines)  # before what follows, which takes a minute
    write(NAME, [*lines, *kernels()])


def command(peer: Peer, what: str, threads: int = 1) -> list[str]:
    script = HERE / f"{peer.name}_user.py"
    return [str(peer.python), str(script), what, str(FILES), str(threads)]


def prepare(peer: Peer) -> str | None:
    """Let a peer write its own files; `None`, or why it cannot."""
    try:
        if peer.name != "segue":
            subprocess.run(command(peer, "prepare"), check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        return last_line(error)
    return None


def make_files() -> None:
    """The two networks, trained a little, and data."""
    subprocess.run([sys.executable, *command(PEERS["segue"], "prepare")[1:]], check=True)
    rng = np.random.default_rng(0)
    many = rng.standard_normal((10_000, 100, 12)).astype(np.float32)
    np.save(FILES / "many.npy", many)
    np.save(FILES / "window.npy", rng.standard_normal((1, 128, 1)).astype(np.float32))
    table = np.column_stack([np.repeat(np.arange(5), 100), many[:5].reshape(500, 12)])
    header = ",".join(["id", *(f"channel_{number}" for number in range(12))])
    style = ["%d", *["%.9g"] * 12]
    np.savetxt(FILES / "five.csv", table, style, ",", header=header, comments="")


def check_answers(peers: list[Peer]) -> None:
    """All LSTMs answer the same, so that what is compared is the same work."""
    answers = {peer.name: np.array(json.loads(output(command(peer, "cold")))) for peer in peers}
    answers.pop("sklearn", None)  # a forest, trained on something else
    first = next(iter(answers.values()))
    for name, one in answers.items():
        difference = float(np.abs(one - first).max())
        assert difference < 1e-5, f"{name} differs by {difference}"


def measure(peers: list[Peer], turns: int) -> Found:
    """Each figure of each peer, a value each turn, but for the first one, which writes bytecode."""
    found: Found = defaultdict(list)

    def note(peer: Peer, figure: str, value: float) -> None:
        if turn > 0:
            found[peer.name, figure].append(value)

    for turn in range(turns + 1):
        for peer in peers:
            note(peer, "import", used([str(peer.python), "-c", f"import {peer.module}"])[1])
            _, seconds, memory = used(command(peer, "cold"))
            note(peer, "cold", seconds)
            note(peer, "memory", memory)
            note(peer, "window", 1e6 * float(json.loads(output(command(peer, "window")))))
            for threads in THREADS if turn > 0 else ():
                text, _, memory = used(command(peer, "many", threads), threads)
                note(peer, f"many {threads}", float(json.loads(text)))
                note(peer, f"memory many {threads}", memory)
    for peer in peers:
        size = float(peer.size.read_text())
        found[peer.name, "disk"] = [size]
    return found


COLUMNS = {
    "import": "import, s", "cold": "five rows of a CSV, cold, s", "window": "one window, µs",
    "many": "10,000 sequences, s", "memory": "memory of five rows, MB",
    "memory many": "of 10,000, MB", "disk": "on disk, MB",
}  # fmt: skip


def table(peers: list[Peer], found: Found) -> list[str]:
    """A row for each peer: medians, the least and the most, and how many times segue's it is."""
    rows = [row("", *COLUMNS.values()), "|---" * (len(COLUMNS) + 1) + "|"]

    def values(peer: Peer, figure: str) -> tuple[list[float], str]:
        if not figure.endswith("many"):
            return found[peer.name, figure], ""
        best = min(THREADS, key=lambda n: statistics.median(found[peer.name, f"many {n}"]))
        note = counted(best, "thread") if figure == "many" else ""
        return found[peer.name, f"{figure} {best}"], note

    for peer in peers:
        cells = []
        for figure in COLUMNS:
            (own, note), (base, _) = values(peer, figure), values(peers[0], figure)
            ratio = statistics.median(own) / statistics.median(base)
            cells.append(cell(own, note) + ("" if peer is peers[0] else f", {ratio:.2g}x"))
        rows.append(row(peer.name, *cells))
    return rows


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
