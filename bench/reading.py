"""How long reading takes and how much memory, beside another commit, by turns.

A CSV of 100 MB (a row a step: id, time, six channels, a label), MNIST as rows, and the largest of
the UCR sets are each read in a process of its own, by this source and by that of the commit in
turn; the least of several is printed, and the ratio.

    python bench/reading.py REV [--turns 3]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
MEASURE = """
import json, resource, sys, time
import segue
segue.read(sys.argv[1], limit=1)  # what must be imported is
begin = time.process_time()
data = segue.read(sys.argv[1])
seconds = time.process_time() - begin
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "MB": peak, "data": repr(data)}))
"""


def write_csv(path: Path, megabytes: int = 100) -> None:
    """Sequences of 200 steps, with times, six channels and a label, of so many megabytes."""
    draw = np.random.default_rng(0)
    number = 0
    with path.open("w", encoding="ascii") as file:
        file.write("id,time,a,b,c,d,e,f,label\n")
        while file.tell() < megabytes * 1_000_000:
            values = draw.standard_normal((200, 6))
            for step, row in enumerate(values):
                channels = ",".join(f"{value:.5f}" for value in row)
                file.write(f"s{number},{step * 0.02:.2f},{channels},{'xyz'[number % 3]}\n")
            number += 1


def measured(source: Path, what: str, folder: Path) -> dict[str, float]:
    """Seconds of processor and the peak of memory of one reading, in an empty folder."""
    environment = {**os.environ, "PYTHONPATH": str(source / "src"), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-W", "ignore", "-c", MEASURE, what]
    done = subprocess.run(
        words, env=environment, cwd=folder, capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("revision", help="the commit to be compared with")
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        csv, before, empty = Path(place, "large.csv"), Path(place, "before"), Path(place, "empty")
        empty.mkdir()
        write_csv(csv)
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "-q", "--detach", before, arguments.revision], check=True)
        print(f"{'':18}{'seconds':>20}{'ratio':>8}{'peak MB':>16}{'ratio':>8}")
        try:
            for what in (str(csv), "mnist-rows", "ucr/ECG5000", "ucr/LargeKitchenAppliances"):
                turns = [
                    (measured(before, what, empty), measured(ROOT, what, empty))
                    for _ in range(arguments.turns)
                ]
                line = f"{Path(what).name:18}"
                for name, form in (("seconds", "8.2f"), ("MB", "6.0f")):
                    old, new = (min(turn[i][name] for turn in turns) for i in (0, 1))
                    line += f"{old:{form}} -> {new:{form}}{new / old:8.2f}"
                print(line, flush=True)
        finally:
            subprocess.run([*git, "remove", "--force", before], check=True)


if __name__ == "__main__":
    main()
