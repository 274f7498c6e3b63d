"""What a study costs beside its trainings: `python bench/overhead.py [--trials N]`.

So many trainings of one epoch run in this process, with a folder, so that each row is flushed to
the disk. Printed: the seconds of a trial, and what a trial takes beside them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time

import segue
from segue import studies


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--trials", type=int, default=200)
    count = parser.parse_args().trials
    waves = segue.synth.waves(40, test=20, length=16)
    estimator, space = segue.SequenceClassifier("rnn(2)", epochs=1), {"batch_size": [8]}
    studies.grid(estimator, waves, space, seeds=1, workers=1, progress="none")  # imports
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        study = studies.grid(
            estimator, waves, space, seeds=count, workers=1, folder=folder, progress="none"
        )
        ended = time.perf_counter()
        began_pictures = time.perf_counter()
        study.save(folder)
        pictures = time.perf_counter() - began_pictures
    seconds = sum(row["seconds"] for row in study.rows)
    beside = (ended - began - pictures - seconds) / count
    print(
        f"{count} trials: {1000 * seconds / count:.1f} ms each, and {1000 * beside:.1f} ms beside"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
