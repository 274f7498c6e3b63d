"""Layers of features that are not trained, before classifiers in closed form, on UCR sets.

    python bench/features.py --out results/features.jsonl [--seeds 1] [SET ...]   trains and scores
    python bench/features.py --table ../published.csv results/features.jsonl      a table of means
    python bench/features.py --beside               features and seconds beside those of aeon

A classifier is a ridge regression, whose penalty is chosen by leaving one training case out, or
extremely randomised trees, as in the papers of the layers. Nothing is chosen by the test parts. A
set that is in the output file already is not scored again. The data are found in $SEGUE_DATA/ucr.

`--beside` needs aeon, numba and PyTorch, which are no part of segue.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import RidgeClassifierCV
from sklearn.preprocessing import StandardScaler
from ucr import Row, read_rows, set_names

import segue
from segue.estimators.fitting import shape_of
from segue.kernels import forward
from segue.kernels.ragged import Ragged, offsets_of
from segue.networks import Network, as_specs
from segue.prepare import Preparation

# A name, the layers whose features are joined, and the classifier.
METHODS = {
    "quant-trees": (("quant",), "trees"),
    "quant-ridge": (("quant",), "ridge"),
    "hydra": (("hydra",), "ridge"),
    "multirocket": (("multirocket",), "ridge"),
    "multirocket-hydra": (("multirocket", "hydra"), "ridge"),
    "multirocket-hydra-quant": (("multirocket", "hydra", "quant"), "ridge"),
    "rdst": (("rdst",), "ridge"),
}


def main() -> None:
    arguments = parse_arguments()
    if arguments.beside:
        beside()
    elif arguments.table is not None:
        print_table(arguments.table, [Path(name) for name in arguments.names])
    else:
        score_all(arguments)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--table", type=Path, help="print means, with published accuracies")
    parser.add_argument("--beside", action="store_true", help="compare with aeon")
    parser.add_argument("names", nargs="*", help="sets, all if none is given; of --table: results")
    arguments = parser.parse_args()
    if (arguments.out is None) == (arguments.table is None and not arguments.beside):
        parser.error("give one of --out FILE, --table PUBLISHED RESULTS..., --beside")
    return arguments


def score_all(arguments: argparse.Namespace) -> None:
    done = read_rows(arguments.out)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or set_names():
        for seed in range(arguments.seeds):
            if any((row["set"], row["seed"]) == (name, seed) for row in done):
                continue
            for row in score(name, seed):
                with arguments.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                print(
                    f"{name:30} {row['method']:24} {row['accuracy']:.4f}  features "
                    f"{row['feature_seconds']:6.2f} s  classifier {row['seconds']:6.2f} s",
                    flush=True,
                )


def prepared(data: segue.Dataset, preparation: Preparation) -> Ragged:
    values, lengths = preparation.apply_ragged(data.x.gather(np.arange(len(data))))
    return Ragged(values, offsets_of(lengths))


def score(name: str, seed: int) -> Iterator[Row]:
    """Every method on a set: its layers are computed once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = segue.read(f"ucr/{name}")
        train, test = data.part("train"), data.part("test")
        preparation = Preparation.fit(segue.SequenceClassifier().prepare, train.x)
        parts = [prepared(part, preparation) for part in (train, test)]
        blocks: dict[str, Any] = {}
        for layer in ("quant", "hydra", "multirocket", "rdst"):
            began = time.perf_counter()
            network = Network(as_specs(layer), shape_of(train.x, preparation), 2, seed=seed)
            network.fit_weights(parts[0], np.unique(train.y, return_inverse=True)[1])
            found = [network.chain[0](part) for part in parts]
            scaled = sparsely_scaled if layer == "hydra" else standardized
            seconds = time.perf_counter() - began
            blocks[layer] = (found, scaled(*found, parts[0].lengths.mean()), seconds)
        for method, (layers, kind) in METHODS.items():
            began = time.perf_counter()
            which = 0 if kind == "trees" else 1
            x = [np.concatenate([blocks[one][which][part] for one in layers], 1) for part in (0, 1)]
            classifier = trees(seed) if kind == "trees" else ridge()
            accuracy = classifier.fit(x[0], train.y).score(x[1], test.y)
            yield {
                "set": name,
                "seed": seed,
                "method": method,
                "accuracy": accuracy,
                "features": x[0].shape[1],
                "feature_seconds": sum(blocks[one][2] for one in layers),
                "seconds": time.perf_counter() - began,
            }


def ridge() -> RidgeClassifierCV:
    return RidgeClassifierCV(alphas=np.logspace(-3, 3, 10))


def trees(seed: int) -> ExtraTreesClassifier:
    """As in the paper of QUANT: 200 trees by entropy, a tenth of the features at each split."""
    return ExtraTreesClassifier(200, criterion="entropy", max_features=0.1, random_state=seed)


def standardized(train: Any, test: Any, _: float) -> list[Any]:
    scaler = StandardScaler().fit(train)
    return [scaler.transform(part) for part in (train, test)]


def sparsely_scaled(train: Any, test: Any, steps: float) -> list[Any]:
    """As in the paper of Hydra, of counts: zeros stay zeros, and rare ones weigh little."""
    train, test = (part * np.sqrt(steps) for part in (train, test))
    mean = train.mean(0)
    deviation = train.std(0, ddof=1) + (train == 0).mean(0) ** 4 + 1e-8
    return [(part - mean) * (part != 0) / deviation for part in (train, test)]


# -- the table ------------------------------------------------------------------------------------


def print_table(published: Path, results: list[Path]) -> None:
    with published.open(encoding="utf-8") as file:
        known = list(csv.DictReader(file))
    rows = [row for path in results for row in read_rows(path)]
    complete = [row["dataset"] for row in known if all(row.values())]
    sets = sorted({row["set"] for row in rows} & set(complete))
    print(f"mean accuracy on {len(sets)} sets with all published values\n")
    print("| method | mean | seconds of features | of the classifier |\n|---|---|---|---|")
    for method in METHODS:
        own = [row for row in rows if row["method"] == method and row["set"] in sets]
        mean = np.mean([np.mean([r["accuracy"] for r in own if r["set"] == s]) for s in sets])
        seconds = [sum(row[which] for row in own) for which in ("feature_seconds", "seconds")]
        print(f"| {method} | {mean:.4f} | {seconds[0]:.0f} | {seconds[1]:.0f} |")
    for column in [name for name in known[0] if name != "dataset"]:
        mean = np.mean([float(row[column]) for row in known if row["dataset"] in sets])
        print(f"| {column}, published | {mean:.4f} | | |")


# -- beside aeon ----------------------------------------------------------------------------------


def beside() -> None:
    """Features of random walks of one length with aeon's kernels, and seconds of many, by turns."""
    from aeon.transformations.collection.convolution_based import HydraTransformer, MultiRocket
    from aeon.transformations.collection.interval_based import QUANTTransformer
    from aeon.transformations.collection.shapelet_based import RandomDilatedShapeletTransform

    rng = np.random.default_rng(0)
    for length, count in ((150, 1000), (1000, 200)):
        x = rng.standard_normal((count, 1, length)).cumsum(2)
        x = ((x - x.mean(2, keepdims=True)) / x.std(2, keepdims=True)).astype(np.float32)
        ragged = Ragged(x.reshape(-1, 1), length * np.arange(count + 1))
        others = {
            "quant": QUANTTransformer(),
            "hydra": HydraTransformer(random_state=0),
            "multirocket": MultiRocket(random_state=0, normalise=False),
            "rdst": RandomDilatedShapeletTransform(random_state=0),
        }
        for name, other in others.items():
            network = Network(as_specs(name), segue.layers.Shape(1, length=length), 2)
            network.fit_weights(ragged)
            other.fit(x, np.arange(count) % 2)
            network.set_weights(THEIR_WEIGHTS.get(name, lambda _: {})(other))
            layer = network.chain[0]
            theirs = np.asarray(other.transform(x[:50]), np.float64)
            own = layer(first(ragged, 50)).astype(np.float64)
            if name in COMPARED:
                parts = [np.abs(a - b) for a, b in COMPARED[name](own, theirs, length, other)]
                found = ", ".join(f"{d.max():.1e} ({(d > 1e-4).mean():.1e})" for d in parts)
                print(f"{name}, {length} steps: largest differences (share above 1e-4) {found}")
            with forward.threads(1):
                calls = partial(layer, ragged), partial(other.transform, x)
                times = [seconds_of(call) for call in calls]
            print(
                f"{name}, {count} series of {length} steps, {own.shape[1]} features beside "
                f"{theirs.shape[1]}: {times[0]:.2f} s beside {times[1]:.2f} s, "
                f"{own.shape[1] * count / times[0]:.3g} features a second beside "
                f"{theirs.shape[1] * count / times[1]:.3g}",
                flush=True,
            )


Pairs = list[tuple[Any, Any]]


def hydra_weights(other: Any) -> dict[str, Any]:
    own = other._hydra
    kernels = own.W.reshape(own.num_dilations, 2, own.h, own.k, 9).numpy()
    kernels = kernels.transpose(4, 0, 1, 2, 3)
    return {"hydra_1/kernel": kernels.reshape(9, own.num_dilations, 2 * own.h, own.k)}


def multirocket_weights(other: Any) -> dict[str, Any]:
    return {"multirocket_1/bias": np.concatenate([other.parameter[-1], other.parameter1[-1]])}


def compare_quant(own: Any, theirs: Any, *_: Any) -> Pairs:
    return [(own, theirs)]


def compare_hydra(own: Any, theirs: Any, length: int, _: Any) -> Pairs:
    """Counts of the series and of its differences; theirs are ordered by dilation first."""
    own = own.reshape(len(own), 2, -1, 2, 256) ** 2
    theirs = np.maximum(theirs, 0).reshape(len(own), -1, 2, 2, 256).transpose(0, 2, 1, 3, 4)
    return [(own[:, part], theirs[:, part] / (length - part)) for part in (0, 1)]


def compare_multirocket(own: Any, theirs: Any, _: int, other: Any) -> Pairs:
    """Shares above the biases and means above them, of the series, then of the differences.

    Of these aeon's kernels see their first four taps one step later, as in the authors' program.
    """
    biases = np.concatenate([other.parameter[-1], other.parameter1[-1]]).astype(np.float64)
    own = own.reshape(len(own), 4, -1)
    both = theirs.reshape(len(own), 2, 4, -1).transpose(0, 2, 1, 3).reshape(len(own), 4, -1)
    some = own[:, 0] > 0
    mean = np.where(some, both[:, 2] - 2 * biases, 0)  # theirs is of C + b
    pairs = [(own[:, 0], both[:, 0]), (own[:, 2], mean)]
    half = len(biases) // 2
    parts = slice(0, half), slice(half, None)
    return [(a[:, part], b[:, part]) for part in parts for a, b in pairs]


THEIR_WEIGHTS = {"hydra": hydra_weights, "multirocket": multirocket_weights}
COMPARED = {"quant": compare_quant, "hydra": compare_hydra, "multirocket": compare_multirocket}


def first(x: Ragged, count: int) -> Ragged:
    return Ragged(x.values[: x.offsets[count]], x.offsets[: count + 1])


def seconds_of(function: Callable[[], Any]) -> float:
    times = []
    for _ in range(3):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return min(times)


if __name__ == "__main__":
    main()
