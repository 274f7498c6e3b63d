"""What the scripts of the peers share: which file is which, and the clock.

Each script has `prepare(weights, folder)`, which saves the two networks as its users do, and
`load(folder, name, threads)`, which gives a function from `[n, time, channel]` to probabilities.
"""

from __future__ import annotations

import atexit
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

CLASSES, BATCH = 9, 256
NETWORKS = {"window": ("lstm(64)", 1), "many": ("bilstm(100)", 12)}  # and channels
Predict = Callable[[Any], Any]


def weights_of(folder: Path, name: str) -> dict[str, Any]:
    """The arrays of a network in the layout of Keras, by the names that segue gives them."""
    with np.load(folder / f"{name}.npz") as file:
        return dict(file)


def read_csv(path: Path) -> Any:
    """`[n, time, channel]` of a table with a row for each step: id, channels."""
    table = np.loadtxt(path, delimiter=",", skiprows=1, dtype=np.float32)
    return np.stack([table[table[:, 0] == one, 1:] for one in np.unique(table[:, 0])])


def in_batches(predict: Predict, x: Any) -> Any:
    return np.concatenate([predict(x[at : at + BATCH]) for at in range(0, len(x), BATCH)])


def print_memory() -> None:
    """Of this program alone: what `getrusage` says counts the process that started it, too."""
    status = Path("/proc/self/status").read_text()
    print(status.partition("VmHWM:")[2].split()[0], file=sys.stderr)


def run(
    prepare: Callable[[Path], None],
    load: Callable[[Path, str, int], Predict],
    read: Callable[[Path], Any] = read_csv,
) -> None:
    """Do what the command line says, SCRIPT WHAT FOLDER THREADS, and print what came of it.

    The last line on standard error is the most memory, in kilobytes.
    """
    atexit.register(print_memory)
    what, folder, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if what == "prepare":
        prepare(folder)
        return
    if what == "cold":
        print(
            json.dumps(
                np.asarray(load(folder, "many", threads)(read(folder / "five.csv"))).tolist()
            )
        )
        return
    predict, x = load(folder, what, threads), np.load(folder / f"{what}.npy")
    seconds = []
    for _ in range(220 if what == "window" else 2):  # the first ones are for caches and compilers
        start = time.perf_counter()
        predict(x)
        seconds.append(time.perf_counter() - start)
    print(json.dumps(statistics.median(seconds[20:]) if what == "window" else seconds[-1]))
