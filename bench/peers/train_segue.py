"""segue: an estimator, fitted. It also makes the data and the initial weights of all.

python bench/peers/train_segue.py FOLDER prepare CASE ... SEEDS
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from cases import CASES, RAGGED, RATE, Case, Weights
from train_shared import Train, run

import segue
from segue.layers import Shape
from segue.networks import Network, as_specs


def build(case: Case, data: dict[str, Any], weights: Weights, job: dict[str, Any]) -> Train:
    """Its own seed gives the initial weights, and each call begins with them."""
    kind, more = segue.SequenceClassifier, {}
    x, y = data["x"], data["y"]
    if case.loss == "squared":
        kind, more = segue.SequenceRegressor, {"scale_target": False}
    if y.ndim == 2:  # one of several independent outputs
        more = {"head": "sigmoid", "classes": list(range(case.outputs))}
        y = y.argmax(axis=1)
    if "lengths" in data:
        x = segue.Sequences.from_padded(x, data["lengths"])
    options = segue.TrainingOptions(
        optimizer=case.optimizer, schedule="constant", clip_norm=None, progress="none"
    )

    def train() -> list[float]:
        estimator = kind(
            case.network,
            prepare="none",
            epochs=case.epochs,
            batch_size=case.batch,
            learning_rate=RATE,
            validation=None,
            seed=job["seed"],
            device=job.get("device", "cpu"),
            options=options,
            **more,
        )
        return list(estimator.fit(x, y).history_["loss"])

    return train


# -- the files that all learn from ----------------------------------------------------------------


def prepare(folder: Path, names: list[str], seeds: int) -> None:
    """Write data and initial weights of the cases into a folder; what is there stays."""
    for name in names:
        case = (CASES | RAGGED)[name]
        path = folder / case.file
        if not path.exists():
            np.savez_compressed(path, **read(path.stem))
        with np.load(path) as file:
            _, steps, channels = file["x"].shape
        for seed in range(seeds):
            shape = Shape(channels, length=steps)
            network = Network(as_specs(case.network), shape, case.outputs, seed=seed)
            np.savez(folder / f"{name}-{seed}.npz", **network.get_weights())


def read(name: str) -> dict[str, Any]:
    """The training part of a case, in arrays."""
    if name == "sunspots":
        return sunspots()
    if name == "waves":
        data = segue.synth.waves(200, phase="random", seed=0).part("train")
    elif name == "toy":
        data = segue.synth.toy()
    else:
        known = {"notes": "instruments", "vowels": "japanese-vowels"}
        source = known.get(name.removesuffix("-equal"), "mnist-rows")
        data = segue.read(source, part="train")
    x, mask = data.x.to_padded()
    if name == "toy":  # four outputs, for 0 to 3
        return {"x": x, "y": np.eye(4, dtype=np.float32)[np.asarray(data.y)]}
    y = np.unique(data.y, return_inverse=True)[1]
    if name == "vowels":
        return {"x": x, "y": y, "lengths": mask.sum(axis=1)}
    if name == "vowels-equal":
        steps = round(mask.sum() / len(x))
        return {"x": np.resize(x[mask], (len(x), steps, x.shape[2])), "y": y}
    return {"x": x, "y": y}


def sunspots() -> dict[str, Any]:
    """Windows of ten days before 2000 with the day that follows; no day before 1849."""
    spots = segue.read("sunspots", observations=True)
    day = np.datetime64(spots.ids[0]) + np.arange(spots.x.total_steps)
    number, observations = spots.x[0].T
    first = int(np.flatnonzero(observations == 0).max()) + 1
    there = (np.arange(len(day)) >= first) & (day < np.datetime64("2000-01-01"))
    data = segue.windows(number[there], size=10)
    return {"x": np.stack(list(data.x)), "y": np.asarray(data.y, np.float32)}


if __name__ == "__main__":
    if sys.argv[2] == "prepare":
        prepare(Path(sys.argv[1]), sys.argv[3:-1], int(sys.argv[-1]))
    else:
        run(build)
