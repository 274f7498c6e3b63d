"""Damaged and hostile model files and checkpoints: loaded and asked to predict, or resumed.

    python bench/fuzz.py [--count 10000] [--seed 0] [--checkpoints]

Files of twenty networks and tasks are changed: a field of their description or of their header, a
tensor, some bytes; mostly with a checksum that fits again, as somebody who means harm would write
it. What may come of a model is an answer or an error of segue. What may come of a checkpoint, or
of another file of a run that was stopped, is the training that it would have been, or an error of
segue that names the file; where tensors were given other numbers, another training. Anything else
is printed with the number of the case: another error, a process that dies, two seconds without an
end, or more memory than 64 MB above twice the file; where a model is asked, than 64 MB above what
its network says that the sequences take.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import ctypes
import functools
import json
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import segue
from segue import TrainingOptions, runs, tensorfile
from segue.atomic import write_text
from segue.data.sequences import Array
from segue.errors import SegueError
from segue.estimators import SequenceEnsemble
from segue.estimators.splitting import fits_in_closed_form
from segue.readers import write
from segue.training import loop
from segue.training.checkpoint import Checkpointer

QUIET = TrainingOptions(progress="none", threads=1)
SECONDS, BATCH = 2.0, 500  # of the processor; ten times as many on the clock
MARGIN = 64_000_000  # bytes
FINE = ("answered", "refused", "resumed", "resumed with other weights")
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


@dataclass(frozen=True)
class Original:
    """A file that is whole, and what is done with a changed one: it returns what came of it."""

    path: Path
    attempt: Callable[[Path], str]


def table() -> list[tuple[Any, str, dict[str, Any], Any, Any]]:
    """Estimators: class, network, arguments, sequences, targets."""
    draws = np.random.default_rng(0)
    x = draws.normal(size=(12, 16, 2)).astype(np.float32)
    tokens = draws.integers(0, 9, (12, 8, 1)).astype(np.int32)
    y = np.arange(12) % 3
    steps = [np.arange(16) % 2] * 12
    texts = ["a b c a b", "b c a"] * 6
    one, gaps = x[:, :, :1], np.where(x > 1, np.nan, x)
    plain, numbers = segue.SequenceClassifier, draws.normal(size=12)
    mel = "logmel(3, frame=8, hop=4, rate=100) standardize"
    return [
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


def models(folder: Path) -> list[Original]:
    """Model files, which are loaded and asked."""
    fitted = [
        (kind(network, epochs=1, options=QUIET, **more).fit(x, y), x)
        for kind, network, more, x, y in table()
    ]
    fitted.append((SequenceEnsemble([fitted[0][0], fitted[0][0]]), fitted[0][1]))
    found = []
    for number, (model, x) in enumerate(fitted):
        path = folder / f"{number}.safetensors"
        model.save(path)
        found.append(Original(path, functools.partial(answered, x)))
    return found


# Options of trainings that are stopped, in turn.
OPTIONS: list[dict[str, Any]] = [
    {}, {"schedule": "plateau", "plateau_patience": 1, "optimizer": "rmsprop"},
    {"optimizer": "sgd", "schedule": "constant"}, {"optimizer": "sgd", "momentum": 0.9},
    {"optimizer": "adamw", "refit": True, "schedule": "plateau"}, {"accumulate": 2},
]  # fmt: skip


def trainings(folder: Path) -> list[Original]:
    """The files of trainings that were stopped within an epoch or after one, and of whole runs."""
    loop._needs_every_update = lambda _: True  # so that checkpoints come behind each
    found, more = [], {"batch_size": 2, "epochs": 4}
    for number, (kind, network, given, x, y) in enumerate(table()):
        options = OPTIONS[number % len(OPTIONS)]
        options = TrainingOptions(**{**vars(QUIET), "checkpoint_every": 0, **options})
        arguments = {"validation": 0.34, "options": options, **more, **given}
        estimator = kind(network, **arguments)
        if fits_in_closed_form(estimator):  # at once, without a checkpoint
            continue
        again = functools.partial(fit_again, estimator, x, y)
        found += stopped(folder / f"{number}", again, at=3 + number % 6)
    source = write(segue.synth.waves(24, test=6, length=12), folder / "data", format="npz")
    for name, at, refit, seeds in (
        ("plain", 31, 0, None),
        ("seeds", 45, 0, 2),
        ("refit", 40, 1, None),
    ):
        options = TrainingOptions(**{**vars(QUIET), "checkpoint_every": 0, "refit": bool(refit)})
        given = {"network": "gru(2)", "validation": 0.3, "options": options, "seeds": seeds, **more}
        begin = functools.partial(runs.fit_run, source, **given)
        found += stopped(folder / name, run_again, at=at, begin=lambda out, f=begin: f(out=out))
    return found


class Stopped(BaseException):
    """Nothing catches it, as if the process died."""


def stopped(
    run: Path, again: Callable[[Path], Any], *, at: int, begin: Callable[[Path], Any] | None = None
) -> list[Original]:
    """Stop a training when it writes its checkpoint for the `at`-th time; the files in its folder.

    Args:
        run: the folder.
        again: goes on with the training in a folder, and returns its model.
        begin: begins it; `None`: as `again` does.
    """
    real, written = Checkpointer._write, 0

    def counting(self: Checkpointer, content: bytes) -> None:
        nonlocal written
        real(self, content)
        written += 1
        if written == at:
            raise Stopped

    Checkpointer._write = counting  # type: ignore[method-assign]
    try:
        (begin or again)(run)
    except Stopped:
        pass
    else:
        raise AssertionError(f"{run} was never stopped")
    finally:
        Checkpointer._write = real  # type: ignore[method-assign]
    whole = run.with_name(f"{run.name}-whole")
    shutil.copytree(run, whole)
    expected = outcome_of(again(whole))
    files = [path for path in sorted(run.rglob("*")) if path.is_file() and path.name != ".lock"]
    files = [path for path in files if path != run.with_name("seeds") / "run.json"]  # for hours
    return [
        Original(path, functools.partial(resumed, run, path.relative_to(run), again, expected))
        for path in files
        if path.stat().st_size
    ]


def fit_again(estimator: Any, x: Any, y: Any, folder: Path) -> Any:
    model = type(estimator)(**estimator.get_params(deep=False))
    return model.fit(x, y, folder=folder, resume=True)


def run_again(folder: Path) -> Any:
    return segue.load(runs.resume_run(folder).model)


def outcome_of(model: Any) -> Any:
    """What must be the same however often a training was stopped.

    The loss of an epoch that was stopped within it is not: its sums are numbers like any others.
    """
    members = getattr(model, "members", (model,))
    return [
        (
            {name: one.tobytes() for name, one in m.network_.get_weights().items()},
            m.stopped_,
            m.history_.best_epoch,
            [{k: v for k, v in row.items() if "validation" in k} for row in m.history_],
        )
        for m in members
    ]


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
    if content[:1] == b"{":  # JSON, or lines of it
        lines = [json.loads(line) for line in content.splitlines()] if b"}\n{" in content else []
        facts = lines or json.loads(content)
        for _ in range(draws.randint(1, 3)):
            change_field(facts, draws)
        return "\n".join(json.dumps(one) for one in facts if lines).encode() or (
            json.dumps(facts).encode()
        )
    if draws.random() < 0.1:
        size = int.from_bytes(content[:8], "little")
        facts = json.loads(content[8 : 8 + size])
        change_field(facts, draws)
        header = json.dumps(facts).encode()
        return len(header).to_bytes(8, "little") + header + content[8 + size :]
    scratch.write_bytes(content)
    text, tensors, _ = tensorfile.read(scratch)
    facts, tensors = json.loads(text), dict(tensors)
    for _ in range(draws.randint(1, 3)):
        if (kind := draws.random()) < 0.02:
            count = draws.choice([10_000, 100_000, 500_000])
            bloated: list[Any] = [
                [{}] * count,
                [[]] * count,
                ["a"] * count,
                ["a" * count],
                [1] * count,
            ]
            change_field(facts, draws, bloated)
        elif kind < 0.03:
            count = draws.choice([1000, 10_000, 50_000])
            tensors |= {f"strange/{number}": np.zeros(0, np.float32) for number in range(count)}
        elif kind < 0.7:
            change_field(facts, draws)
        elif tensors:
            change_tensor(tensors, draws)
    return tensorfile.to_bytes(json.dumps(facts), tensors)


def change_field(facts: Any, draws: random.Random, values: list[Any] = VALUES) -> None:
    path = draws.choice(places(facts))
    target = facts
    for key in path[:-1]:
        target = target[key]
    last, kind = path[-1], draws.random()
    if kind < 0.15:
        del target[last]
    elif kind < 0.25 and isinstance(target, dict):
        target[draws.choice(["strange", "kind", "dilation", "name"])] = draws.choice(values)
    elif kind < 0.35 and isinstance(target, list):
        target.insert(last, copy.deepcopy(draws.choice(target)))
    elif kind < 0.55 and isinstance(target[last], int | float):
        target[last] = target[last] * draws.choice([-1, 0, 2, 10, 1000, 2**20, 2**31])
    else:
        target[last] = copy.deepcopy(draws.choice(values))


def change_tensor(tensors: dict[str, Array], draws: random.Random) -> None:
    name = draws.choice(sorted(tensors))
    tensor, kind = tensors[name], draws.randrange(8)
    if kind == 0:
        del tensors[name]
    elif kind == 1:
        tensors[draws.choice(["strange", "head/kernel", ".seen/0/train"])] = tensor.copy()
    elif kind == 2 and tensor.dtype.kind == "f":
        value = draws.choice([float("nan"), float("inf"), 1e38, -1e38])
        tensors[name] = np.full(tensor.shape, value, np.float32)
    elif kind == 3:
        tensors[name] = tensor.astype(draws.choice([np.float64, np.float16, np.int64, np.uint8]))
    elif kind == 4:
        tensors[name] = tensor.reshape(-1)[: draws.randrange(tensor.size + 1)].copy()
    elif kind == 5:
        tensors[name] = tensor[None].copy()
    elif kind == 6:
        tensors[name] = tensor * draws.choice([-1, 2, 1000])
    else:
        tensors[name] = np.zeros(draws.choice([(0,), (1,), (3, 5), (1, 1, 1), ()]), tensor.dtype)


# -- what comes of it -----------------------------------------------------------------------------


def answered(x: Any, path: Path) -> str:
    """Load a model and ask it."""
    with bounded("loading", 2 * path.stat().st_size):
        model = segue.load(path)
    longest = max(map(len, x))
    members = getattr(model, "members", [model])
    steps = [int(m.preparation_.lengths(np.array([longest]))[0]) for m in members]
    networks = zip([m.network_ for m in members], steps, strict=True)
    needed = [sum(network.numbers_at_once(n).values()) for network, n in networks]
    with bounded("asking", 4 * len(x) * max(needed)):
        getattr(model, "predict_proba", model.predict)(x)
    return "answered"


class TooMuchError(BaseException):
    """More memory than was stated."""


@contextlib.contextmanager
def bounded(what: str, stated: int) -> Iterator[None]:
    """Raise where more memory is taken than is stated, also where it is another error."""
    ctypes.CDLL(None).malloc_trim(0)  # what earlier cases left would not be counted
    Path("/proc/self/clear_refs").write_text("5")
    before = peak()
    try:
        yield
    finally:
        grown = peak() - before
        if grown > MARGIN + stated:
            text = f"{what} took {grown / 1e6:.0f} MB; {stated / 1e6:.0f} are stated"
            raise TooMuchError(text)


def resumed(
    run: Path, name: Path, again: Callable[[Path], Any], expected: Any, changed: Path
) -> str:
    """Go on with a training of which one file was changed."""
    folder = changed.parent / "run"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(run, folder)
    shutil.copyfile(changed, folder / name)
    # A run's description says what is to be trained; the model of a seed that is done is a model.
    is_free = name.name in ("run.json", "model.safetensors")
    other = is_free or has_other_numbers(run / name, changed)
    try:
        with bounded("resuming", 2 * changed.stat().st_size):
            found = outcome_of(again(folder))
    except SegueError as error:
        is_named = name.name in str(error) or name.suffix != ".safetensors"
        return "refused" if is_named or other else f"the file is not named: {error}"
    if found == expected:
        return "resumed"
    return "resumed with other weights" if other else "another training came of it"


def has_other_numbers(one: Path, other: Path) -> bool:
    """Whether the tensors of two files are the same but for their numbers."""
    if one.suffix != ".safetensors":
        return False
    try:
        before, after = tensorfile.read(one).tensors, tensorfile.read(other).tensors
    except ValueError:
        return False
    same = before.keys() == after.keys() and all(
        (before[n].shape, before[n].dtype) == (after[n].shape, after[n].dtype) for n in before
    )
    return same and not all(np.array_equal(before[n], after[n]) for n in before)


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
        if case == cases[0]:  # a forked process maps the pages of its libraries when it needs them
            with contextlib.suppress(BaseException):
                tried()
            tried, allowed = attempt(case)
        Path("/proc/self/clear_refs").write_text("5")
        before, began = peak(), time.process_time()
        try:
            came = tried()
            outcome = came if isinstance(came, str) else "answered"
        except SegueError:
            outcome = "refused"
        except BaseException:
            outcome = traceback.format_exc()
        grown, took = peak() - before, time.process_time() - began
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
    parser.add_argument("--checkpoints", action="store_true", help="of trainings, not models")
    given = parser.parse_args()
    segue.Evaluation.to_html = lambda self, path, **_: write_text(path, "a report")  # type: ignore[method-assign]
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "changed.safetensors")
        originals = trainings(Path(name)) if given.checkpoints else models(Path(name))

        def attempt(case: int) -> tuple[Callable[[], object], int]:
            draws = random.Random(given.seed * 10**9 + case)
            original = draws.choice(originals)
            content = original.path.read_bytes()
            path.write_bytes(changed(content, draws, path.with_stem("scratch")))
            return functools.partial(original.attempt, path), 2**60  # they look themselves

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
            if outcome in FINE:
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
