"""Training with products in float32 beside bfloat16: seconds and losses over several seeds.

    python bench/precision.py [--threads 2] [--seeds 3] [--limit 240] [CASE=ROWSxEPOCHS ...]

The cases are those of bench/peers/cases.py, from build/bench/files, where `make bench` (or
`python bench/peers/train_segue.py build/bench/files prepare CASE ... 5`) puts them. Each precision
trains by turns; every tenth sequence is left out, and loss and score are measured on them. Nothing
but NumPy and the native library is needed. What has not begun after the limit, in seconds, is left
out.
"""

from __future__ import annotations

import argparse
import functools
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent / "peers"))
from cases import CASES, RATE, Case, data_of, weights_of

from segue.kernels import native
from segue.kernels.training import (
    Batches,
    Examples,
    LossForm,
    NativeNetwork,
    OptimizerForm,
    Program,
)

FILES = Path(__file__).parents[1] / "build/bench/files"
SIZES = ["sunspots=60000x1", "mnist-rows=12800x3", "mnist-rows-gru=12800x3", "notes=128x1"]
FORMS = {"float32": 0, "bfloat16": native.BFLOAT16}
LOSSES = {"classes": "softmax", "squared": "squared"}


class Relu:
    kind = "relu"


class Linear:
    kind = "linear"


def network_of(case: Case, channels: int, weights: dict[str, Any], form: int) -> NativeNetwork:
    """A network with these weights, whose recurrent layer multiplies in a form."""
    program = Program({name: value.shape for name, value in weights.items()})
    first, merge = f"{case.cell}_1", "concat" if case.cell == "bilstm" else ""
    cell, inputs = case.cell.removeprefix("bi"), case.units * (2 if merge else 1)
    program.recurrent(first, cell, channels, case.units, keeps_sequence=False, merge=merge)
    for number, units in enumerate(case.dense, 1):
        program.dense(f"dense_{number}", inputs, units, Relu())
        inputs = units
    program.dense("head", inputs, case.outputs, Linear())
    loss = LossForm(LOSSES[case.loss], scores_losses=case.loss == "squared")
    network = NativeNetwork(program, loss, OptimizerForm(case.optimizer))
    for name, value in weights.items():
        program.places[name].of(network.weights)[...] = value
    network.use_bfloat16(form)
    return network


@functools.cache
def data_of_case(name: str) -> dict[str, Any]:
    return data_of(FILES, CASES[name])


def examples_of(case: Case, x: Any, y: Any) -> Examples:
    offsets = np.arange(len(x) + 1, dtype=np.int64) * x.shape[1]
    targets = y.astype(np.int64) if case.loss == "classes" else np.float32(y).reshape(len(y), -1)
    return Examples(np.float32(x).reshape(-1, x.shape[2]), offsets, targets)


def train(case: Case, rows: int, *, seed: int, form: int, threads: int) -> list[float]:
    """Seconds of an epoch, the last loss, and loss and score of what was left out."""
    data = data_of_case(case.name)
    some = np.linspace(0, len(data["x"]) - 1, min(rows, len(data["x"]))).astype(int)
    x, y, last = data["x"][some], data["y"][some], np.arange(len(some)) % 10 == 9
    network = network_of(case, x.shape[2], weights_of(FILES, case, seed % 3), form)
    kernels = native.load(None, threads)
    learnt, left = (examples_of(case, x[part], y[part]) for part in (~last, last))
    draws, seconds, loss = np.random.default_rng(seed), [], 0.0
    for _ in range(case.epochs):
        order = draws.permutation(np.count_nonzero(~last))
        pieces = np.split(order, range(case.batch, len(order), case.batch))
        updates = Batches.of([[(number, piece)] for number, piece in enumerate(pieces)])
        began = time.perf_counter()
        outcome = network.run(kernels, learnt, updates, rates=[RATE] * len(pieces))
        seconds.append(time.perf_counter() - began)
        loss = outcome.sums[0] / outcome.sums[2]
    whole = Batches.of([[(0, np.flatnonzero(np.ones(len(left.targets))))]])
    found = network.run(kernels, left, whole)
    return [min(seconds), loss, found.sums[0] / found.sums[2], found.sums[1] / found.sums[2]]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=240.0)
    parser.add_argument("--plain", action="store_true", help="bfloat16 in plain C++")
    parser.add_argument("cases", nargs="*", default=SIZES)
    given = parser.parse_args()
    end = time.monotonic() + given.limit
    forms = {**FORMS, "bfloat16": native.PLAIN_BFLOAT16} if given.plain else FORMS
    if not native.has_precision(forms["bfloat16"]):
        raise SystemExit("There is no bfloat16: this processor has no AMX, or the system keeps it.")
    print(f"{native.load().path}, {given.threads} threads; left out: loss and score")
    print(f"{'case':16}{'seed':>5} {'':9}{'s an epoch':>11} {'loss':>12} {'left out':>12}")
    for text in given.cases:
        name, _, size = text.partition("=")
        rows, epochs = map(int, size.split("x"))
        case = replace(CASES[name], epochs=epochs)
        for seed in range(given.seeds):
            for precision, form in forms.items():
                if time.monotonic() > end:
                    return
                row = train(case, rows, seed=seed, form=form, threads=given.threads)
                print(
                    f"{name:16}{seed:5} {precision:9}{row[0]:11.3f} {row[1]:12.5g}"
                    f" {row[2]:12.5g} {row[3]:12.5g}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
