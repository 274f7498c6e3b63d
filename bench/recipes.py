"""What the recipes take, by turns beside those of another commit.

    nice python bench/recipes.py COMMIT [RECIPE ...]

The other commit is checked out and its native library built in a folder that is taken away
afterwards; both run with this Python, one recipe at a time, with one thread, as `make recipes` runs
two at a time. Seconds of the processor count: they say the same while others use this machine.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from command import ROOT, tree_of

from segue.training.setup import processor


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("commit")
    parser.add_argument("recipes", nargs="*", help="their names; all if left out")
    asked = parser.parse_args()
    names = asked.recipes or sorted(path.stem for path in (ROOT / "recipes").glob("*.py"))
    print(f"{processor()}; seconds of the processor (by the clock)", flush=True)
    totals = [0.0, 0.0]
    with tempfile.TemporaryDirectory() as place, tree_of(asked.commit, Path(place)) as other:
        for name in names:
            taken = [timed(tree, name) for tree in (ROOT, other)]
            totals = [total + own for total, (own, _) in zip(totals, taken, strict=True)]
            words = [f"{own:.0f} ({clock:.0f})" for own, clock in taken]
            ratio = taken[1][0] / taken[0][0]
            print(f"{name}: {words[0]} here, {words[1]} there: {ratio:.2f}", flush=True)
    here, there = totals
    print(f"all: {here:.0f} here, {there:.0f} there: {there / here:.2f} times as fast")


def timed(tree: Path, name: str) -> tuple[float, float]:
    """Seconds of the processor, and by the clock, of a recipe with the code of a tree."""
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, tree / "recipes" / f"{name}.py", "--out", "out"]
        began, before = time.perf_counter(), _used()
        ended = subprocess.run(
            command, cwd=folder, env=environment, check=False, capture_output=True, text=True
        )
        taken = _used() - before, time.perf_counter() - began
    if ended.returncode:
        sys.exit(f"{name} of {tree} ended with {ended.returncode}:\n{ended.stderr[-2000:]}")
    print("\n".join(ended.stdout.splitlines()[-8:]), file=sys.stderr, flush=True)
    return taken


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
