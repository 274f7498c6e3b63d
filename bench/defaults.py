"""Choose the default options of training, by trials on the training parts of UCR sets.

    python bench/defaults.py --out trials.jsonl              the search; goes on where it stopped
    python bench/defaults.py --out trials.jsonl --table      what was found so far

The space is `SPACE`; how a trial goes is said in `trials.py`; the rule is this. Options are tried
one after the other, in the order of the space, each with every value while all others are as chosen
so far. A value replaces the one it is compared with if the mean over trials of the paired
differences in accuracy is more than one standard error of that mean above 0; of several such values
the one with the largest mean. The test parts of the sets are not read.

The networks are small relatives of the two families that people use: recurrent and convolutional.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from trials import Trial, Trials

SETS = (
    "BME DistalPhalanxTW ECG200 InsectWingbeatSound ItalyPowerDemand Lightning7 MedicalImages "
    "MiddlePhalanxTW Plane PowerCons ProximalPhalanxOutlineCorrect"
).split()
NETWORKS = (
    "bilstm(32)",
    "conv(32, 8, bias=false) batchnorm relu conv(64, 5, bias=false) batchnorm relu "
    "conv(32, 3, bias=false) batchnorm relu pool(mean)",
)

Options = dict[str, Any]
# What a search starts from, and what it tries instead, in this order. `updates` is the number at
# which `epochs="auto"` aims; adamw without decay is adam.
START: Options = {
    "learning_rate": 0.004,
    "monitor": "loss",
    "updates": 1000,
    "optimizer": "adamw",
    "weight_decay": 0.0,
    "batch_size": 32,
    "clip_norm": 1.0,
    "schedule": "one-cycle",
}
SPACE: dict[str, tuple[Any, ...]] = {
    "learning_rate": (0.002, 0.008),
    "monitor": ("accuracy",),
    "updates": (2000,),
    "weight_decay": (0.01,),
    "batch_size": (16,),
    "clip_norm": (None,),
    "schedule": ("cosine",),
}


def main() -> None:
    arguments = parse_arguments()
    trials = Trials(arguments.out, arguments.workers)
    chosen = dict(START)
    for name, others in SPACE.items():
        candidates = [chosen | {name: value} for value in (chosen[name], *others)]
        if not arguments.table:
            trials.run([trial for options in candidates for trial in trials_of(options)])
        if not all(trials.has(trials_of(options)) for options in candidates):
            print(f"{name}: not finished")
            return
        chosen[name] = best_value(trials, name, candidates)
    print("chosen:", json.dumps(chosen))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--table", action="store_true", help="train nothing; show what there is")
    return parser.parse_args()


def best_value(trials: Trials, name: str, candidates: list[Options]) -> Any:
    """The rule of the search; prints a line for each value."""
    best, best_mean = candidates[0][name], 0.0
    reference = trials.column(trials_of(candidates[0]))
    print(f"\n{name}")
    for options in candidates:
        accuracies = trials.column(trials_of(options))
        differences = accuracies - reference
        mean, error = differences.mean(), standard_error(differences)
        each = ", ".join(f"{part.mean():.4f}" for part in np.split(accuracies, len(NETWORKS)))
        print(
            f"  {options[name]!s:10} {accuracies.mean():.4f} ({each})  {mean:+.4f} +- {error:.4f}"
        )
        if mean > error and mean > best_mean:
            best, best_mean = options[name], mean
    print(f"  -> {best}", flush=True)
    return best


def standard_error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values)))


def trials_of(options: Options) -> list[Trial]:
    """Those of the first network, then those of the second."""
    return [
        {"network": network, "set": name, "options": options}
        for network in NETWORKS
        for name in SETS
    ]


if __name__ == "__main__":
    main()
