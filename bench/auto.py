"""Automatic choice beside its members and `bilstm(100)`, on the training parts of the UCR sets.

    python bench/auto.py --out results/auto.jsonl [--limit 10] [--splits 3] [SET ...]  fits, scores
    python bench/auto.py --out results/quant.jsonl --networks "quant trees"             of these
    python bench/auto.py --table results/auto.jsonl                          a table of means

A third of each training part is held (stratified, seeds 0, 1, ...) and scored; test parts are not
read. What is in the output file already is not scored again. The data are found in $SEGUE_DATA/ucr.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
import warnings
from pathlib import Path

import numpy as np
from ucr import Row, read_rows, set_names

import segue
from segue.search.candidates import CANDIDATES

NETWORKS = ["auto", *(candidate.network for candidate in CANDIDATES), "bilstm(100)"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--limit", type=float, default=10.0, help="seconds of each training")
    parser.add_argument("--splits", type=int, default=1, help="of each training part")
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument("--table", type=Path, help="print a table of means")
    parser.add_argument("names", nargs="*", help="sets, all if none is given")
    arguments = parser.parse_args()
    if (arguments.out is None) == (arguments.table is None):
        parser.error("give one of --out FILE, --table RESULTS")
    if arguments.table is not None:
        print_table(read_rows(arguments.table))
        return
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    done = {(row["set"], row["network"], row["split"]) for row in read_rows(arguments.out)}
    for name in arguments.names or set_names():
        for network, split in itertools.product(arguments.networks, range(arguments.splits)):
            if (name, network, split) not in done:
                row = score(name, network, arguments.limit, split)
                with arguments.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                print(row, flush=True)


def score(name: str, network: str, limit: float, split: int) -> Row:
    """One network on a split of a set, for so many seconds."""
    train = segue.read(f"ucr/{name}").part("train")
    kept, held = segue.Dataset(train.x, train.y).split(1 / 3, seed=split)
    held = held[np.isin(held.y, kept.y)]
    options = segue.TrainingOptions(progress="none", time_limit_seconds=limit)
    model = segue.SequenceClassifier(network, options=options)
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(kept)
        seconds = time.perf_counter() - began
        scores = segue.evaluate(model, held)
    return {
        "set": name,
        "network": network,
        "split": split,
        "accuracy": scores.accuracy,
        "log_loss": scores.log_loss,
        "seconds": seconds,
        "held_out": model.history_.kept.get("validation_accuracy"),
        "summary": model.training_summary_ if network == "auto" else None,
        "sequences": len(kept),
    }


def print_table(rows: list[Row]) -> None:
    networks = list(dict.fromkeys(row["network"] for row in rows))
    each = [{(row["set"], row["split"]) for row in rows if row["network"] == n} for n in networks]
    shared = set.intersection(*each)
    sets = len({name for name, _ in shared})
    print(f"means of {len(shared)} splits of {sets} sets, on a third of each training part\n")
    print("| network | accuracy | log loss | seconds, mean and most |\n|---|---|---|---|")
    for network in networks:
        rows_of = (row for row in rows if row["network"] == network)
        own = [row for row in rows_of if (row["set"], row["split"]) in shared]
        means = [
            np.mean([row[name] for row in own]) for name in ("accuracy", "log_loss", "seconds")
        ]
        longest = max(row["seconds"] for row in own)
        print(f"| {network} | {means[0]:.4f} | {means[1]:.4f} | {means[2]:.1f}, {longest:.1f} |")


if __name__ == "__main__":
    main()
