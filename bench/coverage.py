"""How often sets of classes hold the true one, on random halves of the training parts of UCR sets.

    python bench/coverage.py [--splits 40] [--coverage 0.9] [SET ...]

A network with a head in closed form is fitted on one half of a training part, and asked for sets of
the other. Test parts are not read. The data are found in $SEGUE_DATA/ucr.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np

import segue

SETS = ["DistalPhalanxTW", "MiddlePhalanxTW", "Ham", "MedicalImages", "Earthquakes"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--network", default="rocket(1000)")
    parser.add_argument("--splits", type=int, default=40)
    parser.add_argument("--coverage", type=float, default=0.9)
    parser.add_argument("names", nargs="*", help="sets; five on which networks are often wrong")
    arguments = parser.parse_args()
    print("| set | accuracy | coverage, mean | least | classes in a set |\n|---|---|---|---|---|")
    for name in arguments.names or SETS:
        train = segue.read(f"ucr/{name}").part("train")
        whole = segue.Dataset(train.x, train.y)
        found = np.array([one(whole, arguments, seed) for seed in range(arguments.splits)])
        accuracy, coverage, size = found.mean(axis=0)
        least = found[:, 1].min()
        print(
            f"| {name} | {accuracy:.3f} | {coverage:.3f} | {least:.3f} | {size:.2f} |", flush=True
        )


def one(whole: segue.Dataset, asked: argparse.Namespace, seed: int) -> tuple[float, float, float]:
    """Accuracy, coverage and the mean size of a set, on a random half."""
    kept, held = whole.split(0.5, seed=seed)
    held = held[np.isin(held.y, kept.y)]
    options = segue.TrainingOptions(progress="none")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = segue.SequenceClassifier(asked.network, options=options).fit(kept)
        sets = model.predict_set(held.x, asked.coverage)
    covered = np.mean([label in own for label, own in zip(held.y, sets, strict=True)])
    return model.score(held), float(covered), float(np.mean([len(own) for own in sets]))


if __name__ == "__main__":
    main()
