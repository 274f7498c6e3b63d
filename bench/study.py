"""A study that is killed goes on to the same bits: the learning curve of `recipes/waves.py`.

    python bench/study.py [--seeds N] [--epochs N] [--random N] [--out FOLDER]

The curve (10 sizes, 10 seeds) is made (a) without a stop, by two processes; (b) by two processes
that are killed twice (SIGKILL, the whole process group) at random moments, and continued; (c) by
one process. Tables, summaries and pictures are compared byte for byte, and the rows of
`study.jsonl` without the seconds that stand in them. Exit code 1: something differs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import runpy
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FILES = ("trials.csv", "summary.csv", "study.json", "learning-curve.png", "epochs.png")


def make(folder: Path, asked: argparse.Namespace) -> None:
    """Make the curve in this process and its workers."""
    import segue

    recipe = runpy.run_path(str(ROOT / "recipes" / "waves.py"), run_name="waves")
    more = segue.synth.waves(2000, test=1000, phase="random", seed=0)
    how = {"folder": folder, "workers": asked.workers, "progress": "none"}
    recipe["files_curve"](more, recipe["SIZES"], asked.seeds, asked.epochs, **how)


def start(folder: Path, asked: argparse.Namespace, workers: int) -> subprocess.Popen[bytes]:
    """Start this script once more, in a process group of its own."""
    words = [sys.executable, __file__, "--once", folder, "--workers", workers]
    words += ["--seeds", asked.seeds, "--epochs", asked.epochs]
    return subprocess.Popen([str(word) for word in words], start_new_session=True)


def finish(folder: Path, asked: argparse.Namespace, workers: int) -> float:
    """Run it to its end; return the seconds it took."""
    began = time.monotonic()
    if start(folder, asked, workers).wait() != 0:
        sys.exit(f"the study in {folder} failed")
    return time.monotonic() - began


def kill(folder: Path, asked: argparse.Namespace, seconds: float) -> None:
    """Start it and kill it, workers and all, after so many seconds."""
    process = start(folder, asked, 2)
    time.sleep(seconds)
    assert process.poll() is None, "it was finished before it could be killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    size = (folder / "study.jsonl").stat().st_size if (folder / "study.jsonl").exists() else 0
    print(f"  killed after {seconds:.1f} s: {trials(folder)} trials, {size:,} bytes", flush=True)


def trials(folder: Path) -> int:
    """How many trials are finished."""
    path = folder / "study.jsonl"
    return max(0, path.read_bytes().count(b"\n") - 1) if path.exists() else 0


def rows(folder: Path) -> list[Any]:
    """What the trials came to, in the order of their names, without seconds."""
    lines = (folder / "study.jsonl").read_text(encoding="utf-8").splitlines()[1:]
    found = [json.loads(line) for line in lines]
    for row in found:
        for part in (row, *row["history"]):
            part.pop("seconds")
    return sorted(found, key=lambda row: json.dumps(row["trial"], sort_keys=True))


def compare(one: Path, other: Path) -> list[str]:
    """What differs between two folders."""
    names = [name for name in FILES if (one / name).read_bytes() != (other / name).read_bytes()]
    return names if rows(one) == rows(other) else [*names, "study.jsonl (without seconds)"]


def main() -> None:
    """Run all three, and compare."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--seeds", type=int, default=10)
    arguments.add_argument("--epochs", type=int, default=200)
    arguments.add_argument(
        "--random", type=int, help="of the moments; another each time if left out"
    )
    arguments.add_argument("--out", type=Path, default=Path("runs/bench/study"))
    arguments.add_argument("--once", type=Path, help=argparse.SUPPRESS)
    arguments.add_argument("--workers", type=int, default=2, help=argparse.SUPPRESS)
    asked = arguments.parse_args()
    if asked.once is not None:
        make(asked.once, asked)
        return
    shutil.rmtree(asked.out, ignore_errors=True)
    whole, killed, alone = (asked.out / name for name in ("whole", "killed", "alone"))
    seed = random.SystemRandom().randrange(10**6) if asked.random is None else asked.random
    moments = random.Random(seed)
    seconds = finish(whole, asked, 2)
    print(f"(a) two processes: {seconds:.1f} s, {trials(whole)} trials", flush=True)
    print(f"(b) two processes, killed twice (--random {seed})")
    for _ in range(2):
        kill(killed, asked, moments.uniform(0.1, 0.45) * seconds)
    print(f"  continued: {finish(killed, asked, 2):.1f} s, {trials(killed)} trials", flush=True)
    print(f"(c) one process: {finish(alone, asked, 1):.1f} s, {trials(alone)} trials")
    differs = {name: compare(whole, asked.out / name) for name in ("killed", "alone")}
    for name, found in differs.items():
        print(f"whole and {name}: {'the same, to the byte' if not found else f'differ in {found}'}")
    sys.exit(1 if any(differs.values()) else 0)


if __name__ == "__main__":
    main()
