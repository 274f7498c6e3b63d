"""Damaged and hostile model files and checkpoints: loaded, and asked to predict.

    python bench/fuzz.py [--count 10000] [--seed 0]

Files of twenty networks and tasks are changed: a field of their description, a tensor, some bytes;
mostly with a checksum that fits again, as somebody who means harm would write it. What may come of
it is an answer or an error of segue. Anything else is printed with the number of the case: another
error, a process that dies, two seconds without an end, or more memory than the cost that was
stated (64 MB above twice the file, and what a step of the network may take).
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import random
import select
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import segue
from segue import TrainingOptions, tensorfile
from segue.errors import SegueError
from segue.estimators import SequenceEnsemble

QUIET = TrainingOptions(progress="none", threads=1)
SECONDS, BATCH = 2.0, 500
ALLOWED = 64_000_000 + int(1.5e9)  # beside twice the file: a step may take a gigabyte
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3, 7, 64, 2**16, 2**31 - 1, 2**31, 2**40, 10**30, -(2**40),
    0.5, -0.5, 1e-300, 1e300, float("inf"), float("nan"), "", "x", "lstm", "relu", "\x1b[2J",
    "a" * 5000, "../../etc/passwd", [], [1], [[1]], ["a", "b"], {}, {"kind": "conv"},
    {"a": [1, {"b": 2}]},
]  # fmt: skip
NETWORKS = [
    "lstm(3)", "bigru(2) dense(3, relu)", "rnn(2)", "conv(3, 3) batchnorm relu pool(mean)",
    "dense(4) attention(2) layernorm pool(last)", "random_conv(6)", "maxpool(2) pool(max)",
    "residual(conv(2, 3)) parallel(pool(mean), pool(max))", "position dense(2) pool(mean)",
    "inception_time(2, depth=1, kernel_size=4)",
]  # fmt: skip


# -- what is changed ------------------------------------------------------------------------------


def models(folder: Path) -> list[tuple[Path, Any]]:
    """Files, each with what is asked of it."""
    draws = np.random.default_rng(0)
    x = draws.normal(size=(12, 16, 2)).astype(np.float32)
    tokens = draws.integers(0, 9, (12, 8, 1)).astype(np.int32)
    y = np.arange(12) % 3
    steps = [np.arange(16) % 2] * 12
    texts = ["a b c a b", "b c a"] * 6
    one, gaps = x[:, :, :1], np.where(x > 1, np.nan, x)
    plain, numbers = segue.SequenceClassifier, draws.normal(size=12)
    mel = "logmel(3, frame=8, hop=4, rate=100) standardize"
    table: list[tuple[Any, str, dict[str, Any], Any, Any]] = [
        *((plain, network, {}, x, y) for network in NETWORKS),
        (plain, "embedding(3) gru(2)", {}, tokens, y),
        (plain, "gru(2)", {"prepare": "interpolate standardize mask"}, gaps, y),
        (plain, "gru(2)", {"prepare": mel}, one, y),
        (plain, "gru(2)", {"prepare": "frame(4, hop=2)"}, x, y),
        (plain, "gru(2)", {"head": "sigmoid", "class_weight": "balanced"}, x, y),
        (segue.SequenceRegressor, "gru(2)", {}, x, numbers),
        (segue.SequenceLabeler, "gru(2)", {}, list(x), steps),
        (segue.Forecaster, "gru(2)", {"size": 4}, list(x), None),
        (segue.LanguageModel, "gru(2)", {}, texts, None),
    ]
    fitted = [
        (kind(network, epochs=1, options=QUIET, **more).fit(asked, y), asked)
        for kind, network, more, asked, y in table
    ]
    fitted.append((SequenceEnsemble([fitted[0][0], fitted[0][0]]), x))
    found = []
    for number, (model, asked) in enumerate(fitted):
        path = folder / f"{number}.safetensors"
        model.save(path)
        found.append((path, asked))
    return found


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values in JSON."""
    found = [path] if path else []
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        found += places(inner, (*path, key))
    return found


def changed(content: bytes, draws: random.Random, scratch: Path) -> bytes:
    """The content of a file with one to three changes."""
    if draws.random() < 0.15:  # bytes, with a checksum that does not fit any more
        damaged = bytearray(
            content[: draws.choice([len(content), draws.randrange(len(content) + 1)])]
        )
        for _ in range(draws.randint(1, 4)):
            if damaged:
                damaged[draws.randrange(len(damaged))] = draws.randrange(256)
        return bytes(damaged)
    scratch.write_bytes(content)
    text, tensors, _ = tensorfile.read(scratch)
    facts, tensors = json.loads(text), dict(tensors)
    for _ in range(draws.randint(1, 3)):
        if draws.random() < 0.7:
            change_field(facts, draws)
        elif tensors:
            change_tensor(tensors, draws)
    return tensorfile.to_bytes(json.dumps(facts), tensors)


def change_field(facts: Any, draws: random.Random) -> None:
    path = draws.choice(places(facts))
    target = facts
    for key in path[:-1]:
        target = target[key]
    last, kind = path[-1], draws.random()
    if kind < 0.15:
        del target[last]
    elif kind < 0.25 and isinstance(target, dict):
        target[draws.choice(["strange", "kind", "dilation", "name"])] = draws.choice(VALUES)
    elif kind < 0.35 and isinstance(target, list):
        target.insert(last, copy.deepcopy(draws.choice(target)))
    elif kind < 0.55 and isinstance(target[last], int | float):
        target[last] = target[last] * draws.choice([-1, 0, 2, 10, 1000, 2**20, 2**31])
    else:
        target[last] = copy.deepcopy(draws.choice(VALUES))


def change_tensor(tensors: dict[str, torch.Tensor], draws: random.Random) -> None:
    name = draws.choice(sorted(tensors))
    tensor, kind = tensors[name], draws.randrange(7)
    if kind == 0:
        del tensors[name]
    elif kind == 1:
        tensors[draws.choice(["strange", "head/kernel", ".seen/0/train"])] = tensor.clone()
    elif kind == 2 and tensor.is_floating_point():
        value = draws.choice([float("nan"), float("inf"), 1e38, -1e38])
        tensors[name] = torch.full(tensor.shape, value)
    elif kind == 3:
        tensors[name] = tensor.to(
            draws.choice([torch.float64, torch.float16, torch.int64, torch.uint8])
        )
    elif kind == 4:
        tensors[name] = tensor.reshape(-1)[: draws.randrange(tensor.numel() + 1)].clone()
    elif kind == 5:
        tensors[name] = tensor[None].clone()
    else:
        tensors[name] = torch.zeros(
            draws.choice([(0,), (1,), (3, 5), (1, 1, 1), ()]), dtype=tensor.dtype
        )


# -- what comes of it -----------------------------------------------------------------------------


# Of the number of a case: what is tried, and how many bytes it may take.
Attempt = Callable[[int], tuple[Callable[[], object], int]]


def peak() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def work(cases: range, attempt: Attempt, pipe: int) -> None:
    """Try cases, and tell of each: its number, what came of it."""
    warnings.simplefilter("ignore")
    for case in cases:
        os.write(pipe, f"{case} begun\n".encode())
        tried, allowed = attempt(case)
        Path("/proc/self/clear_refs").write_text("5")
        before, began = peak(), time.monotonic()
        try:
            tried()
            outcome = "answered"
        except SegueError:
            outcome = "refused"
        except BaseException:
            outcome = traceback.format_exc()
        grown, took = peak() - before, time.monotonic() - began
        if grown > allowed:
            outcome = f"it took {grown / 1e6:.0f} MB"
        if took > SECONDS:
            outcome = f"it took {took:.1f} s"
        os.write(pipe, f"{case} {json.dumps(outcome)}\n".encode())


def run(count: int, attempt: Attempt) -> tuple[Counter[str], list[tuple[int, str]]]:
    """Try so many cases in processes that may die: how often what came of them, and the faults."""
    counts, faults, first = Counter[str](), list[tuple[int, str]](), 0
    while first < count:
        first, found = watched(range(first, min(first + BATCH, count)), attempt, counts)
        faults += found
    return counts, faults


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "changed.safetensors")
        originals = models(Path(name))

        def attempt(case: int) -> tuple[Callable[[], object], int]:
            draws = random.Random(given.seed * 10**9 + case)
            source, asked = draws.choice(originals)
            content = changed(source.read_bytes(), draws, path.with_stem("scratch"))
            path.write_bytes(content)

            def load_and_ask() -> None:
                model = segue.load(path)
                getattr(model, "predict_proba", model.predict)(asked)

            return load_and_ask, ALLOWED + 2 * len(content)

        counts, faults = run(given.count, attempt)
    for case, fault in faults:
        print(f"WRONG case {case} of seed {given.seed}: {fault}", flush=True)
    print(f"{given.count} files: {dict(counts)}, {len(faults)} wrong")
    return 1 if faults else 0


def watched(
    cases: range, attempt: Attempt, counts: Counter[str]
) -> tuple[int, list[tuple[int, str]]]:
    """Let a process try cases; the number of the next one, and what went wrong."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            work(cases, attempt, writer)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writer)
    faults, running, done = [], cases.start, cases.start
    with os.fdopen(reader) as pipe:
        while True:
            ready, _, _ = select.select([pipe], [], [], 10 * SECONDS)
            line = pipe.readline() if ready else ""
            if not line:
                break
            number, _, text = line.strip().partition(" ")
            running = int(number)
            if text == "begun":
                continue
            outcome, done = json.loads(text), running + 1
            if outcome in ("answered", "refused"):
                counts[outcome] += 1
            else:
                faults.append((running, outcome))
    if done < cases.stop:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if done < cases.stop:
        why = "it never ended" if not ready else f"the process died ({status})"
        faults.append((running, why))
        done = running + 1
    return done, faults


if __name__ == "__main__":
    sys.exit(main())
