"""What the scripts that train share: the command line, the calls, the clock.

    python bench/peers/train_<peer>.py FOLDER '{"case": "toy", "seed": 0, "threads": 1}'

Each script has `build(case, data, weights, job)`, which gives a function that trains for all epochs
of the case, from where the last call ended, and returns the mean loss of each epoch.
"""

from __future__ import annotations

import atexit
import json
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from cases import CASES, RAGGED, Case, Weights, data_of, weights_of
from shared import print_memory

Train = Callable[[], list[float]]
Build = Callable[[Case, dict[str, Any], Weights, dict[str, Any]], Train]

LONG = 60.0  # a first call of more seconds is the only one: what starts up is a small part of it
ENOUGH, MOST = 3.0, 5  # further calls are made until they took so many seconds, at most so many


def run(build: Build) -> None:
    """Train as the command line says, and print the seconds of the calls and the final loss.

    A job has the case, the seed, the threads, and what else a script knows of; `rows`, `epochs` and
    `dropout` stand in place of the case's. The final loss is the mean of the last tenth of the
    epochs of the first call. The last line on standard error is the most memory, in kilobytes.
    """
    folder, job = Path(sys.argv[1]), json.loads(sys.argv[2])
    given = {name: job[name] for name in ("epochs", "dropout") if name in job}
    case = replace((CASES | RAGGED)[job["case"]], **given)
    data = data_of(folder, case)
    if "rows" in job:  # spread over all of them, for the sake of the classes
        some = np.linspace(0, len(data["x"]) - 1, min(job["rows"], len(data["x"]))).astype(int)
        data = {name: values[some] for name, values in data.items()}
    atexit.register(print_memory)
    began = time.perf_counter()
    train = build(case, data, weights_of(folder, case, job["seed"]), job)
    losses = train()
    first, steady = time.perf_counter() - began, []
    while first < LONG and len(steady) < MOST and sum(steady) < ENOUGH:
        began = time.perf_counter()
        train()
        steady.append(time.perf_counter() - began)
    loss = float(np.mean(losses[-math.ceil(len(losses) / 10) :]))
    print(json.dumps({"first": first, "steady": steady or [first], "loss": loss}))


def use_processors(count: int) -> None:
    """Keep this process on so many processors: for peers whose threads cannot be counted."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
