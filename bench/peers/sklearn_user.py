"""scikit-learn, for the feel: a forest of 20 trees on the values of all steps, joblib's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import numpy as np
from shared import CLASSES, NETWORKS, run
from sklearn.ensemble import RandomForestClassifier

STEPS = {"window": 128, "many": 100}


def prepare(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for name, (_, channels) in NETWORKS.items():
        x = rng.standard_normal((90, STEPS[name] * channels)).astype(np.float32)
        forest = RandomForestClassifier(20, random_state=0).fit(x, np.arange(90) % CLASSES)
        joblib.dump(forest, folder / f"{name}.joblib")


def load(folder: Path, name: str, threads: int) -> Any:
    forest = joblib.load(folder / f"{name}.joblib").set_params(n_jobs=threads)
    return lambda x: forest.predict_proba(x.reshape(len(x), -1))


if __name__ == "__main__":
    run(prepare, load)
