"""A million steps through `segue stream` by a pipe: steps a second, and memory on the way.

    python bench/stream.py [--steps 1000000] [--network "gru(32)"] [--streams 1] [--state]

Prints the memory (RSS) of the process after a tenth and after all of the steps, beside the time of
the steps. With several streams, each step is of the next one by turns.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

import numpy as np

import segue


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--network", default="gru(32)")
    parser.add_argument("--streams", type=int, default=1)
    parser.add_argument("--state", action="store_true", help="keep the states in a file")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.safetensors"
        data = segue.synth.waves(40, length=32)
        options = segue.TrainingOptions(progress="none")
        segue.SequenceClassifier(asked.network, epochs=1, options=options).fit(data).save(model)
        words = ["--state", str(Path(folder) / "state")] if asked.state else []
        _measure(model, asked.steps, asked.streams, words)


def _measure(model: Path, steps: int, streams: int, words: list[str]) -> None:
    """Feed one thread's lines to the command, and read its answers here."""
    command = [sys.executable, "-m", "segue", "stream", str(model), *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as process:
        assert process.stdin
        assert process.stdout
        threading.Thread(target=_feed, args=(process.stdin, steps, streams), daemon=True).start()
        process.stdout.readline()  # the header
        began, memory = time.perf_counter(), {}
        for number in range(1, steps + 1):
            assert process.stdout.readline()
            if number in (max(1, steps // 10), steps):
                memory[number] = _memory(process.pid)
                seconds = time.perf_counter() - began
                print(
                    f"{number:>9,} steps  {number / seconds:8,.0f} a second  "
                    f"{memory[number]:6.1f} MB",
                    flush=True,
                )


def _feed(lines: IO[bytes], steps: int, streams: int) -> None:
    block = np.random.default_rng(0).normal(size=1000).round(4).tolist()
    lines.write(b"id,x\n" if streams > 1 else b"x\n")
    for first in range(0, steps, len(block)):
        rows = enumerate(block[: steps - first], first)
        named = (f"{n % streams},{x}\n" if streams > 1 else f"{x}\n" for n, x in rows)
        lines.write("".join(named).encode())
    lines.close()


def _memory(pid: int) -> float:
    """RSS in MB."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in text.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1000


if __name__ == "__main__":
    main()
