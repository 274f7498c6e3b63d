"""How much memory one update takes, with whole sequences and in pieces.

    python bench/truncated.py [--steps 20000] [--pieces 200] [--network "lstm(64)"]

One sequence with a label at every step, one update. Each way runs in a process of its own; what is
printed is the peak of its anonymous memory (RssAnon) above what it has before training, and the
time of the update.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np


def anonymous_bytes() -> int:
    """What this process holds that is not a file; Linux only."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status has no RssAnon")


class Peak:
    """Looks at the memory every millisecond."""

    def __enter__(self) -> Peak:
        self.before = self.highest = anonymous_bytes()
        self.running = True
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def _watch(self) -> None:
        while self.running:
            self.highest = max(self.highest, anonymous_bytes())
            time.sleep(0.001)

    def __exit__(self, *_: object) -> None:
        self.running = False
        self.thread.join()

    @property
    def megabytes(self) -> float:
        return (self.highest - self.before) / 1e6


def measure(network: str, steps: int, pieces: int | None) -> None:
    """Print megabytes and seconds of one update; a small one goes before, to load everything."""
    from segue import SequenceLabeler, TrainingOptions

    rng = np.random.default_rng(0)
    options = TrainingOptions(progress="none", truncate=pieces, threads=1)

    def train(length: int) -> float:
        x = [rng.normal(size=(length, 6)).astype(np.float32)]
        y = [(x[0][:, 0] > 0).astype(int)]
        labeler = SequenceLabeler(network, epochs=1, validation=None, options=options)
        return labeler.fit(x, y).history_["seconds"][0]

    train(2 * (pieces or 200))
    with Peak() as peak:
        seconds = train(steps)
    print(f"{peak.megabytes:.1f} {seconds:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--pieces", type=int, default=200)
    parser.add_argument("--network", default="lstm(64)")
    parser.add_argument("--way", choices=["whole", "pieces"], help="measure this one and end")
    given = parser.parse_args()
    if given.way:
        measure(given.network, given.steps, given.pieces if given.way == "pieces" else None)
        return
    print(f"{given.network}, one sequence of {given.steps:,} steps, pieces of {given.pieces}")
    for way in ("whole", "pieces"):
        command = [sys.executable, __file__, *sys.argv[1:], "--way", way]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        megabytes, seconds = done.stdout.split()
        print(f"{way:<8}{megabytes:>10} MB{seconds:>10} s")


if __name__ == "__main__":
    main()
