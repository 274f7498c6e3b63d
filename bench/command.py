"""What a whole training by the command line takes, by turns beside another commit.

    python bench/command.py COMMIT [--turns 3] [--words "fit mnist-rows --epochs 5 ..."]

The other commit is checked out and its native library built in a folder that is taken away
afterwards; both run with this Python. Seconds by the clock, with one thread and with two.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segue.training.setup import processor

ROOT = Path(__file__).resolve().parents[1]
WORDS = 'fit mnist-rows --network "lstm(128)" --epochs 5'
THREADS = (1, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("commit")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--words", default=WORDS, help="of the command, behind `segue`")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, tree_of(asked.commit, Path(place)) as other:
        compare({"here": ROOT, asked.commit: other}, asked.words, asked.turns, Path(place))


@contextmanager
def tree_of(commit: str, place: Path) -> Iterator[Path]:
    """A commit, checked out within a folder and with its native library, as long as the block."""
    other = place / "other"
    subprocess.run(
        ["git", "worktree", "add", "-q", "--detach", other, commit], cwd=ROOT, check=True
    )
    try:
        subprocess.run(["make", "-s", "native"], cwd=other, check=True, stdout=sys.stderr)
        yield other
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", other], cwd=ROOT, check=True)


def compare(trees: dict[str, Path], words: str, turns: int, place: Path) -> None:
    """Print the seconds of each, with the number of threads that is best for it."""
    seconds: dict[tuple[str, int], list[float]] = {}
    for _ in range(turns):
        for threads in THREADS:
            for name, tree in trees.items():
                taken = timed(tree, shlex.split(words), threads, place)
                seconds.setdefault((name, threads), []).append(taken)
    print(
        f"segue {words}\n{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    medians = {}
    for name in trees:
        best = min(THREADS, key=lambda n: statistics.median(seconds[name, n]))
        own = seconds[name, best]
        medians[name] = statistics.median(own)
        spread = f"{min(own):.2f} to {max(own):.2f} s"
        print(f"{name}: {medians[name]:.2f} s ({spread}; threads: {best})")
    here, other = medians.values()
    print(f"{other / here:.2f} times as fast")


def timed(tree: Path, words: list[str], threads: int, place: Path) -> float:
    """Seconds of a command with the code of a tree."""
    count = str(threads)
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "OMP_NUM_THREADS": count}
    with tempfile.TemporaryDirectory(dir=place) as folder:
        command = [sys.executable, "-m", "segue", *words, "--out", "run"]
        began = time.perf_counter()
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
