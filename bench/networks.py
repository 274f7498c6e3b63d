"""Choose networks by trials on the training parts of UCR sets, with default options.

    python bench/networks.py --out trials.jsonl              goes on where it stopped
    python bench/networks.py --out trials.jsonl --table      what was found so far

The candidates are `NETWORKS`. Two are chosen, by the highest mean accuracy over `SETS`: the best
whose convolutions are random, and the best that trains some. How a trial goes is said in
`trials.py`. The test parts of the sets are not read.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from trials import Trial, Trials

SETS = (
    "Adiac ArrowHead Beef BME CricketX DistalPhalanxTW ECG200 FaceFour Ham InsectWingbeatSound "
    "Lightning7 Meat MedicalImages OliveOil OSULeaf PowerCons"
).split()
WIDE = "parallel(conv(32, 40, bias=false), conv(32, 20, bias=false), conv(32, 10, bias=false))"
DILATED = (
    f"{WIDE} batchnorm relu conv(32, 1, bias=false) conv(64, 9, bias=false, dilation=2) batchnorm "
    "relu conv(32, 1, bias=false) conv(64, 9, bias=false, dilation=4) batchnorm relu"
)
POOLS = "parallel(pool(mean), pool(max), pool(mean, 4))"
ROCKET = "random_conv(2000) batchnorm(epsilon=1e-6, gamma=0.16) dropout(0.5)"
NETWORKS = (
    "rocket(2000)",
    "rocket(5000)",
    "rocket(10000)",
    "rocket(5000, dropout=0.2)",
    "rocket(5000, dropout=0.8)",
    f"{DILATED} {POOLS}",
    f"parallel({ROCKET}, {DILATED} {POOLS})",
)


def main() -> None:
    arguments = parse_arguments()
    trials = Trials(arguments.out, arguments.workers)
    if not arguments.table:
        for network in NETWORKS:
            trials.run(trials_of(network))
            show(trials, network)
        return
    done = [network for network in NETWORKS if trials.has(trials_of(network))]
    for network in sorted(done, key=lambda n: -trials.column(trials_of(n)).mean()):
        show(trials, network)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--table", action="store_true", help="train nothing; show what there is")
    return parser.parse_args()


def trials_of(network: str) -> list[Trial]:
    return [{"network": network, "set": name, "options": {}} for name in SETS]


def show(trials: Trials, network: str) -> None:
    wanted = trials_of(network)
    mean, seconds = trials.column(wanted).mean(), trials.column(wanted, "seconds").sum()
    print(f"{mean:.4f}  {seconds:6.0f} s  {network}", flush=True)


if __name__ == "__main__":
    main()
