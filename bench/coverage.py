"""How often sets of classes hold the true one, on random halves of the training parts of UCR sets.

    python bench/coverage.py [--splits 200] [--coverage 0.9] [SET ...]

A network with a head in closed form is fitted on one half of a training part, and asked for sets of
the other. Test parts are not read. The data are found in $SEGUE_DATA/ucr.

Few cases say little: of sets that are right, a share of splits has less than 0.85 by chance alone.
It stands beside the share that has it here. With n held-out scores, m cases, and the score of rank
k as limit, the cases that are covered have a beta-binomial distribution (V. Vovk, "Conditional
validity of inductive conformal predictors", ACML 2012), `betabinom(m, k, n + 1 - k)`.
"""

from __future__ import annotations

import argparse
import math
import warnings
from typing import NamedTuple

import numpy as np
from scipy.stats import betabinom

import segue

SETS = ["DistalPhalanxTW", "MiddlePhalanxTW", "Ham", "MedicalImages", "Earthquakes"]
LEAST = 0.85
HEADINGS = [
    "set", "cases", "accuracy", "coverage, mean", "least", f"below {LEAST}", "by chance",
    "classes in a set", "empty",
]  # fmt: skip


class Half(NamedTuple):
    """What was seen on a random half: how many were fitted on and scored, and the scores."""

    fitted: int
    scored: int
    accuracy: float
    coverage: float
    size: float
    empty: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--network", default="rocket(1000)")
    parser.add_argument("--splits", type=int, default=200)
    parser.add_argument("--coverage", type=float, default=0.9)
    parser.add_argument("names", nargs="*", help="sets; five on which networks are often wrong")
    arguments = parser.parse_args()
    print(f"| {' | '.join(HEADINGS)} |\n|{'---|' * len(HEADINGS)}")
    for name in arguments.names or SETS:
        train = segue.read(f"ucr/{name}").part("train")
        whole = segue.Dataset(train.x, train.y)
        halves = [one(whole, arguments, seed) for seed in range(arguments.splits)]
        print(row(name, halves, arguments.coverage), flush=True)


def one(whole: segue.Dataset, asked: argparse.Namespace, seed: int) -> Half:
    """Fit on a random half, score the other."""
    kept, held = whole.split(0.5, seed=seed)
    held = held[np.isin(held.y, kept.y)]
    options = segue.TrainingOptions(progress="none")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = segue.SequenceClassifier(asked.network, options=options).fit(kept)
        sets = model.predict_set(held.x, asked.coverage)
    sizes = np.array([len(own) for own in sets])
    covered = np.mean([label in own for label, own in zip(held.y, sets, strict=True)])
    return Half(
        len(kept), len(held), model.score(held), float(covered), float(sizes.mean()),
        int((sizes == 0).sum()),
    )  # fmt: skip


def row(name: str, halves: list[Half], wanted: float) -> str:
    """A line of the table."""
    found = np.array(halves)
    accuracy, coverage, size = found[:, 2:5].mean(axis=0)
    cases = f"{found[:, 1].min():.0f}"
    by_chance = np.mean([chance(half, wanted) for half in halves])
    cells = [
        name, cases, f"{accuracy:.3f}", f"{coverage:.3f}", f"{found[:, 3].min():.3f}",
        f"{np.mean(found[:, 3] < LEAST):.1%}", f"{by_chance:.1%}", f"{size:.2f}",
        f"{found[:, 5].sum():.0f}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def chance(half: Half, wanted: float) -> float:
    """How probable it is that sets which are right cover less than `LEAST` of a half."""
    rank = math.ceil((half.fitted + 1) * wanted - 1e-9)
    most = math.ceil(LEAST * half.scored) - 1
    return float(betabinom(half.scored, rank, half.fitted + 1 - rank).cdf(most))


if __name__ == "__main__":
    main()
