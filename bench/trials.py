"""Trials on the training parts of UCR sets: the common part of `defaults.py` and `networks.py`.

A trial is one network on one set with some options: a third of the training part is held back
(stratified; of sets with fewer than `FEW` sequences three times, each third once), the rest is
learnt from, and the accuracy on what was held back is kept. The test parts are not read.
"""

from __future__ import annotations

import json
import math
import os
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedKFold

FEW = 60

Trial = dict[str, Any]  # "network", "set", "options"


class Trials:
    """What was measured, one line a trial in a file; what is missing is run, a core each."""

    def __init__(self, path: Path, workers: int | None) -> None:
        self.path, self.workers = path, workers or os.cpu_count()
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self.rows = {key(json.loads(line)["trial"]): json.loads(line) for line in lines}

    def run(self, wanted: list[Trial]) -> None:
        missing = [trial for trial in wanted if key(trial) not in self.rows]
        with ProcessPoolExecutor(self.workers, get_context("spawn")) as pool:
            for future in as_completed(pool.submit(run_trial, trial) for trial in missing):
                row = future.result()
                self.rows[key(row["trial"])] = row
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")

    def has(self, wanted: list[Trial]) -> bool:
        return all(key(trial) in self.rows for trial in wanted)

    def column(self, wanted: list[Trial], name: str = "accuracy") -> np.ndarray:
        """One number for each trial."""
        return np.array([self.rows[key(trial)][name] for trial in wanted])


def key(trial: Trial) -> str:
    return json.dumps(trial, sort_keys=True)


def run_trial(trial: Trial) -> dict[str, Any]:
    import segue

    began = time.process_time()
    data = segue.read(f"ucr/{trial['set']}", part="train")
    folds = StratifiedKFold(3, shuffle=True, random_state=0).split(data.y, data.y)
    right: list[bool] = []
    for seed, (learnt, held) in enumerate(folds):
        if seed and len(data) >= FEW:
            break
        classifier = make(trial["network"], len(learnt), seed, trial["options"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of so many trainings some end on a plateau
            classifier.fit(data[learnt])
        right.extend(classifier.predict(data[held].x) == data.y[held])
    seconds = time.process_time() - began
    return {"trial": trial, "accuracy": float(np.mean(right)), "seconds": seconds}


def make(network: str, count: int, seed: int, options: dict[str, Any]) -> Any:
    """A classifier. Of the options, those below are the classifier's own; the rest is training's.

    Args:
        network: the layers.
        count: sequences that are learnt from.
        seed: of everything.
        options: `updates`, if given, replaces the number at which `epochs="auto"` aims.
    """
    import segue

    rest = {"threads": 1, "progress": "none", **options}
    own = {
        name: rest.pop(name)
        for name in ("learning_rate", "batch_size", "validation")
        if name in rest
    }
    if "updates" in rest:
        batches = math.ceil(count / own.get("batch_size", 32))
        own["epochs"] = min(300, max(10, round(rest.pop("updates") / batches)))
    return segue.SequenceClassifier(
        network, seed=seed, options=segue.TrainingOptions(**rest), **own
    )
