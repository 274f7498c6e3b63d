"""Train on a data set larger than the memory it may use, and watch that memory.

    python bench/mapped.py --gigabytes 3

Sequences come from a generator, go to a mapped file as they come, and are trained on from there.
Printed: the time of each step, and the peak of anonymous memory (RssAnon of /proc/self/status),
which is what the process itself holds; pages of the mapped file are the system's to drop.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import segue

CHANNELS = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--gigabytes", type=float, default=3.0)
    parser.add_argument("--network", default="lstm(16)")
    parser.add_argument("--folder", type=Path, default=None, help="where the file is written")
    arguments = parser.parse_args()
    watch = AnonymousMemory()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder) / "large.arrow"
        labels: list[int] = []
        began = time.perf_counter()
        count = segue.Sequences.write(path, make(arguments.gigabytes * 1e9, labels))
        size = path.stat().st_size / 1e9
        print(f"wrote {count:,} sequences, {size:.2f} GB, {time.perf_counter() - began:.0f} s")
        x = segue.Sequences.open(path)
        began = time.perf_counter()
        classifier = segue.SequenceClassifier(arguments.network, epochs=1)
        classifier.fit(x, np.array(labels))
        print(f"trained one epoch, {x.total_steps:,} steps, {time.perf_counter() - began:.0f} s")
        began = time.perf_counter()
        share = classifier.score(x[:1000], np.array(labels[:1000]))
        print(f"scored 1,000 sequences: {share:.3f}, {time.perf_counter() - began:.0f} s")
    print(f"peak anonymous memory: {watch.stop() / 1e9:.2f} GB")


def make(size: float, labels: list[int]) -> Iterator[np.ndarray]:
    """Noise whose class is the sign of a drift in its first channel, 500 to 1,500 steps long."""
    written = 0
    for number in range(10**9):
        if written >= size:
            return
        draws = np.random.default_rng(number)
        steps = int(draws.integers(500, 1500))
        label = int(draws.integers(2))
        values = draws.standard_normal((steps, CHANNELS), dtype=np.float32)
        values[:, 0] += (2 * label - 1) * 0.5
        labels.append(label)
        written += values.nbytes
        yield values


class AnonymousMemory:
    """Looks at RssAnon ten times a second and remembers the peak, in bytes."""

    def __init__(self) -> None:
        self.peak = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        while not self.ended.wait(0.1):
            for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
                if line.startswith("RssAnon:"):
                    self.peak = max(self.peak, int(line.split()[1]) * 1024)

    def stop(self) -> int:
        self.ended.set()
        self.thread.join()
        return self.peak


if __name__ == "__main__":
    main()
