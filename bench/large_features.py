"""Features of many long series: how long each layer takes, and how much memory.

    python bench/large_features.py [--series 10000] [--steps 1000] [LAYER ...]

Each layer computes the features of all series in a process of its own, with the threads that a fit
would have; the seconds are of fitting the layer and of the features, the memory is the most that
the process held, imports, series and features with it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np

import segue
from segue.estimators.fitting import prepare_training
from segue.estimators.splitting import split_data
from segue.kernels import forward
from segue.training.closed_form import features

LAYERS = ("rocket", "multirocket", "hydra", "rdst", "quant")
SECONDS, GIGABYTES = 600, 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=1_000)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("layers", nargs="*", default=LAYERS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measure(asked.layers[0], asked.series, asked.steps)))
        return
    print("| layer | features | seconds | GB | within 600 s and 4 GB |\n|---|---|---|---|---|")
    for layer in asked.layers:
        command = [sys.executable, __file__, "--one", layer]
        command += ["--series", str(asked.series), "--steps", str(asked.steps)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        width, seconds, size = json.loads(done.stdout.splitlines()[-1])
        is_within = "yes" if seconds <= SECONDS and size <= GIGABYTES else "no"
        print(f"| `{layer}` | {width:,} | {seconds:.0f} | {size:.2f} | {is_within} |", flush=True)


def measure(layer: str, series: int, steps: int) -> tuple[int, float, float]:
    """Features, seconds and gigabytes."""
    rng = np.random.default_rng(0)
    y = np.arange(series) % 2
    x = np.cumsum(rng.standard_normal((series, steps, 1), np.float32), axis=1)
    x += np.sin(np.arange(steps) * 0.3)[None, :, None] * y[:, None, None]
    data = segue.Dataset(x, y)
    options = segue.TrainingOptions(progress="none")
    estimator = segue.SequenceClassifier(layer, options=options)
    began = time.perf_counter()
    setup = prepare_training(estimator, split_data(estimator, data)).setup
    with forward.threads(options.threads):
        width = features(setup.network, setup.train).shape[1]
    seconds = time.perf_counter() - began
    return width, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


if __name__ == "__main__":
    main()
