"""Train on a data set larger than the memory it may use, and watch that memory.

    python bench/mapped.py --gigabytes 10 --folder /a/large/disk

The data are made on the fly into an `.npy` file, so twice the size is needed on the disk;
`segue data convert` makes a mapped file of it; a small network learns from that for one epoch, and
is asked about all of it. Printed:

- the time of each step, and steps a second in training and in prediction;
- the peak of anonymous memory (RssAnon of /proc/self/status) in each, which is what the process
  itself holds; pages of the mapped file are the system's to drop. Above `--most` gigabytes the exit
  code is 1;
- the share of the training time that passes until a batch is there, and the same for the first
  `--compare` gigabytes, mapped and in memory.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import segue
from segue.prepare.batches import Batches
from segue.readers.arrow import convert

CHANNELS, STEPS = 32, 1000
BYTES = 4 * CHANNELS * STEPS  # of one sequence


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--gigabytes", type=float, default=10.0)
    parser.add_argument("--compare", type=float, default=0.3, help="gigabytes, also in memory")
    parser.add_argument("--most", type=float, default=1.5, help="gigabytes of anonymous memory")
    parser.add_argument("--network", default="gru(16)")
    parser.add_argument("--folder", type=Path, default=None, help="where the files are written")
    arguments = parser.parse_args()
    watch = AnonymousMemory()
    print(f"at the start: {watch.peak_since() / 1e9:.2f} GB of anonymous memory")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        source, path = Path(folder) / "x.npy", Path(folder) / "x.arrow"
        count = int(arguments.gigabytes * 1e9 / BYTES)
        with told(f"made {count:,} sequences", watch):
            make(source, count)
        with told("converted", watch):
            data = convert(source, path)
        assert data.x.is_mapped
        source.unlink()
        size = path.stat().st_size
        print(f"the file has {size / 1e9:.2f} GB, {data.x.total_steps:,} steps")
        model, _ = train(data, arguments.network, watch, "mapped, all of it")
        with told("predicted", watch) as took:
            answers = model.predict(data.x)
        print(
            f"  {data.x.total_steps / took():,.0f} steps a second, "
            f"right {(answers == data.y).mean():.3f}"
        )
        peak = watch.peak
        part = data[: max(64, int(arguments.compare * 1e9 / BYTES))]
        train(part, arguments.network, watch, f"mapped, {len(part):,} sequences")
        loaded = segue.Sequences(np.array(part.x.values), part.x.offsets)
        train(segue.Dataset(loaded, part.y), arguments.network, watch, "the same in memory")
    watch.stop()
    print(f"peak of anonymous memory, all but the last two: {peak / 1e9:.2f} GB")
    return int(peak > arguments.most * 1e9)


def make(path: Path, count: int) -> None:
    """Noise whose class is the sign of a drift in its first channel."""
    shape = (count, STEPS, CHANNELS)
    labels = np.random.default_rng(0).integers(2, size=count)
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for number, label in enumerate(labels):
            draws = np.random.default_rng(number + 1)
            values = draws.standard_normal((STEPS, CHANNELS), dtype=np.float32)
            values[:, 0] += (2 * label - 1) * 0.1
            file.write(values.tobytes())
    np.save(path.with_name("x_y.npy"), labels)


def train(data: Any, network: str, watch: AnonymousMemory, what: str) -> tuple[Any, float]:
    """One epoch; the share of its time in which the training waits for a batch."""
    options = segue.TrainingOptions(progress="none")
    model = segue.SequenceClassifier(network, epochs=1, validation=None, options=options)
    with waiting() as waited, told(f"trained one epoch ({what})", watch) as took:
        model.fit(data)
    steps, share = data.x.total_steps / took(), waited() / took()
    print(f"  {steps:,.0f} steps a second, {share:.1%} of the time waiting for data")
    return model, share


@contextmanager
def waiting() -> Iterator[Callable[[], float]]:
    """Count the seconds until batches are there."""
    seconds = 0.0
    gather = Batches.gather

    def timed(self: Batches, index: Any) -> Any:
        nonlocal seconds
        began = time.perf_counter()
        found = gather(self, index)
        seconds += time.perf_counter() - began
        return found

    Batches.gather = timed  # type: ignore[method-assign]
    try:
        yield lambda: seconds
    finally:
        Batches.gather = gather  # type: ignore[method-assign]


@contextmanager
def told(what: str, watch: AnonymousMemory) -> Iterator[Callable[[], float]]:
    """Print what was done, its seconds, and the peak of memory meanwhile."""
    watch.peak_since()
    began, ended = time.perf_counter(), 0.0
    yield lambda: ended
    ended = time.perf_counter() - began
    print(f"{what}: {ended:.0f} s, {watch.peak_since() / 1e9:.2f} GB anonymous", flush=True)


class AnonymousMemory:
    """Looks at RssAnon ten times a second and remembers the peak, in bytes."""

    def __init__(self) -> None:
        self.peak = self._since = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        while not self.ended.wait(0.1):
            self._look()

    def _look(self) -> None:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("RssAnon:"):
                now = int(line.split()[1]) * 1024
                self.peak, self._since = max(self.peak, now), max(self._since, now)

    def peak_since(self) -> int:
        """The peak since this was asked last."""
        self._look()
        peak, self._since = self._since, 0
        return peak

    def stop(self) -> None:
        self.ended.set()
        self.thread.join()


if __name__ == "__main__":
    sys.exit(main())
