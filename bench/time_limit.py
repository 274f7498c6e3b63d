"""Seconds that a training takes with a time limit that its first update passes.

python bench/time_limit.py [--limit 1] [--steps 40000]
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np

import segue


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--limit", type=float, default=1.0, help="seconds")
    parser.add_argument("--steps", type=int, default=40_000)
    given = parser.parse_args()
    x = np.random.default_rng(0).normal(size=(16, given.steps, 2)).astype(np.float32)
    y = list((x[:, :, 0] > 0).astype(int))  # a label at each step
    warnings.simplefilter("ignore")
    for batch_size, truncate in [(16, None), (1, None), (16, 200)]:
        options = segue.TrainingOptions(
            time_limit_seconds=given.limit, truncate=truncate, progress="none", threads=1
        )
        model = segue.SequenceLabeler(
            "lstm(32)", epochs=1, batch_size=batch_size, validation=None, options=options
        )
        began = time.perf_counter()
        model.fit(x, y)
        took = time.perf_counter() - began
        print(f"batches of {batch_size:2}, truncate={truncate}: {took:5.1f} s", flush=True)


if __name__ == "__main__":
    main()
