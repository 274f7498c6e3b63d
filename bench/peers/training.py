"""How long segue and its peers train, by turns: first call, steady state, memory, final loss.

The cases stand in `cases.py`, what each peer does in `train_<peer>.py`. First all learn one batch
from the same weights, and their losses must agree. Then short trials choose the settings and the
number of threads of each. Then each turn has a seed of its own, and segue's process comes before
that of every peer.
"""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from cases import CASES, RAGGED, Case, data_of
from environments import FILES, HERE, ROOT, THREADS, Peer, install, last_line, used
from prediction import PEERS
from report import RESULTS, cell, made, number, row, title, write

import segue
from segue.errors import counted

NAME = "Training"
RAW = RESULTS.parent / "results" / "training.jsonl"
Job = dict[str, Any]
Found = dict[str, dict[str, Any]]  # of a case: what was found of each, by its name


@dataclass(frozen=True)
class Trainer:
    """One that trains: its name, environment (`None`: this one) and script, `train_<script>.py`.

    The trials choose from the settings, and from the numbers of threads.
    """

    name: str
    peer: Peer | None
    script: str
    settings: tuple[Job, ...] = ({},)
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, folder: Path, job: Job) -> Job:
        """Train in a process of its own: the seconds of the calls, the final loss, megabytes."""
        python = sys.executable if self.peer is None else str(self.peer.python)
        command = [python, str(HERE / f"train_{self.script}.py"), str(folder), json.dumps(job)]
        printed, _, memory = used(command, job["threads"], self.variables)
        return {**json.loads(printed.splitlines()[-1]), "memory": memory}


SEGUE = Trainer("segue", None, "segue", variables={"PYTHONPATH": str(ROOT / "src")})
KERAS_JAX = Peer("keras_jax", ("keras", "jax"), "keras", ("jax",))
JAX = Peer("jax", ("jax", "optax"), "jax", ("jax", "optax"))
MANY, FEW = {"steps_per_execution": 50}, {"steps_per_execution": 10}
TRAINERS = [
    Trainer(
        "Keras, TensorFlow", PEERS["keras"], "keras",
        ({}, MANY, {**MANY, "unroll": True}, {**MANY, "jit_compile": True}),
        {"KERAS_BACKEND": "tensorflow"},
    ),
    Trainer(
        "Keras, JAX", KERAS_JAX, "keras", ({}, FEW, {**FEW, "unroll": True}),
        {"KERAS_BACKEND": "jax"},
    ),
    Trainer("PyTorch", PEERS["pytorch"], "pytorch"),
    Trainer("PyTorch, bfloat16", PEERS["pytorch"], "pytorch", ({"bfloat16": True},)),
    Trainer("JAX, one program", JAX, "jax", ({}, {"unroll": 5})),
]  # fmt: skip

# Sequences and epochs of a trial: enough for the steady state, few enough for a minute.
TRIALS = {"sunspots": (6400, 1), "waves": (200, 30), "toy": (6, 20), "notes": (64, 1)}
TRIAL = (2560, 1)
LONGEST = 100  # steps that are unrolled
LEARNT = 1e-4  # losses below differ by nothing
SLOW = 120  # a peer whose call takes so many seconds has one turn
AGREE = 1e-3  # Adam's epsilon has another place in Keras; the others agree to 1e-5


def run(names: Sequence[str], turns: int, only: Sequence[str], *, whole: bool) -> None:
    """Measure and print; where nothing is left out, write a part of the results, too."""
    there, missing = [], []
    for trainer in TRAINERS:
        if trainer.peer is None or trainer.peer.name not in names or not suits(trainer):
            continue
        reason = install(trainer.peer)
        if reason is None:
            there.append(trainer)
        else:
            missing.append(f"- {trainer.name} could not be installed: {reason}")
    prepare(FILES, [*only, *RAGGED], turns)
    found: dict[str, Found] = {}
    for name in only:
        found[name] = measure(CASES[name], there, turns, FILES)
        say("\n".join(table({name: found[name]})))
    lines = [made(versions(there), turns), "", *table(found), "", agreement(found), *missing]
    lines += ["", vowels(turns), "", *(growth() if whole else [])]
    print("\n".join(lines))
    if whole:
        write(NAME, lines)
        keep(found)


def suits(trainer: Trainer) -> bool:
    """Whether the processor has what it needs: bfloat16 elsewhere is slower than float32."""
    info = Path("/proc/cpuinfo")
    has_amx = info.exists() and "amx_bf16" in info.read_text(encoding="utf-8")
    return has_amx or "bfloat16" not in trainer.name


def prepare(folder: Path, names: Sequence[str], seeds: int) -> None:
    """Let segue write the data and the initial weights."""
    script = str(HERE / "train_segue.py")
    command = [sys.executable, script, str(folder), "prepare", *names, str(seeds)]
    used(command, variables=SEGUE.variables)


def versions(trainers: Sequence[Trainer]) -> list[str]:
    own = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(own, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    own = [f"segue {segue.__version__} ({commit})", f"numpy {np.__version__}"]
    peers = [trainer.peer for trainer in trainers if trainer.peer]
    return own + [f"{one} {peer.version(one)}" for peer in peers for one in peer.shown]


# -- one case -------------------------------------------------------------------------------------


def measure(
    case: Case,
    trainers: Sequence[Trainer],
    turns: int,
    folder: Path,
    threads: Sequence[int] = THREADS,
) -> Found:
    """What each needs, a value a turn: first and steady seconds, megabytes, final loss."""
    found: Found = {}
    for trainer in (SEGUE, *trainers):
        say(f"{case.name}, {trainer.name}: trials")
        try:
            loss = first_losses(trainer, case, folder)
            found[trainer.name] = {"check": loss, **choose(trainer, case, folder, threads)}
        except subprocess.CalledProcessError as error:
            say(f"{case.name}, {trainer.name}: {last_line(error)}")
    for one in found.values():
        one["difference"] = abs(one["check"] / found["segue"]["check"] - 1)
        assert one["difference"] < AGREE, f"{case.name}: {found}"
        one |= {"first": [], "steady": [], "memory": [], "loss": []}
    peers = [trainer for trainer in trainers if trainer.name in found]
    for seed in range(turns):
        peers = [peer for peer in peers if max(found[peer.name]["first"], default=0) < SLOW]
        for trainer in [both for peer in peers for both in (SEGUE, peer)] or [SEGUE]:
            one = found[trainer.name]
            job = {"case": case.name, "epochs": case.epochs, "seed": seed}
            result = trainer.run(folder, {**job, "threads": one["threads"], **one["settings"]})
            result["steady"] = statistics.median(result["steady"])
            say(f"{case.name}, {trainer.name}: turn {seed + 1}, {result['steady']:.3g} s")
            for figure, value in result.items():
                one[figure].append(float(f"{value:.5g}"))
    return found


def first_losses(trainer: Trainer, case: Case, folder: Path) -> float:
    """The loss after some updates with one and the same batch, without dropout."""
    rows, epochs = (8, 3) if case.name == "notes" else (case.batch, 10)
    job = {"case": case.name, "seed": 0, "threads": 1, "rows": rows, "epochs": epochs}
    more = trainer.settings[0] if "bfloat16" not in trainer.name else {}
    return float(trainer.run(folder, {**job, **more, "dropout": 0})["loss"])


def choose(trainer: Trainer, case: Case, folder: Path, threads: Sequence[int]) -> Job:
    """The settings and the number of threads with which a short training takes least.

    The settings are chosen first, with all processors, and then the number of threads.
    """
    rows, epochs = TRIALS.get(case.name, TRIAL)
    unrolled = bool(case.units) and data_of(folder, case)["x"].shape[1] <= LONGEST
    settings = [s for s in trainer.settings if unrolled or "unroll" not in s]
    short = {"case": case.name, "seed": 0, "rows": rows, "epochs": epochs}

    def least(jobs: Sequence[Job]) -> Job:
        if len(jobs) == 1:
            return jobs[0]
        seconds = [statistics.median(trainer.run(folder, {**short, **j})["steady"]) for j in jobs]
        return jobs[int(np.argmin(seconds))]

    best = least([{**one, "threads": threads[-1]} for one in settings])
    best = least([{**best, "threads": count} for count in threads])
    return {"threads": best.pop("threads"), "settings": best}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# -- what is written ------------------------------------------------------------------------------


def table(found: dict[str, Found]) -> list[str]:
    """A row for each case and peer."""
    heads = ("", "", "steady state, s", "times segue's", "first call, s", "memory, MB", "loss")
    rows = [row(*heads), "|---" * len(heads) + "|"]
    for name, runs in found.items():
        for who, one in runs.items():
            ratio = "" if who == "segue" else compared(one, runs["segue"])
            how = [counted(one["threads"], "thread"), *settings_text(one["settings"])]
            rows.append(
                row(
                    what(CASES[name]) if who == "segue" else "",
                    who,
                    cell(one["steady"], ", ".join(how)),
                    ratio,
                    cell(one["first"]),
                    number(statistics.median(one["memory"])),
                    cell(one["loss"]),
                )
            )
    return rows


def what(case: Case) -> str:
    return f"{case.name}: `{case.network}`, {counted(case.epochs, 'epoch')}"


def settings_text(settings: Job) -> list[str]:
    return [key if value is True else f"{key} {value}" for key, value in settings.items()]


def compared(peer: Job, own: Job) -> str:
    """How many times segue's time; and whether segue's loss is above the spread of the peer's."""
    ratio = statistics.median(peer["steady"]) / statistics.median(own["steady"])
    spread = max(peer["loss"]) - min(peer["loss"])
    worse = np.mean(own["loss"]) > np.mean(peer["loss"]) + max(spread, LEARNT)
    return f"{ratio:.2g}x" + (", at a lower loss" if worse else "")


def agreement(found: dict[str, Found]) -> str:
    """How far the losses differ when all do the same updates."""
    largest: dict[str, float] = defaultdict(float)
    for runs in found.values():
        for who, one in runs.items():
            largest[who] = max(largest[who], one["difference"])
    shown = "; ".join(f"{who} {largest[who]:.0e}" for who in largest if who != "segue")
    return (
        "All learnt one batch again and again, from the same weights, without dropout: their "
        f"losses differ from segue's by at most these shares: {shown}."
    )


def keep(found: dict[str, Found]) -> None:
    """The numbers themselves, in place of those of the same kind of machine."""
    text = RAW.read_text(encoding="utf-8") if RAW.exists() else ""
    rows = [one for one in map(json.loads, text.splitlines()) if one["machine"] != title()]
    for case, runs in found.items():
        rows += [{"machine": title(), "case": case, "who": who, **one} for who, one in runs.items()]
    RAW.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")


# -- segue alone ----------------------------------------------------------------------------------


def vowels(turns: int) -> str:
    """What a real step costs in a ragged batch, beside one without padding."""
    cost: dict[str, list[float]] = defaultdict(list)
    for seed, case in product(range(turns), RAGGED.values()):
        data = data_of(FILES, case)
        steps = data["lengths"].sum() if "lengths" in data else math.prod(data["x"].shape[:2])
        best = min(
            statistics.median(
                SEGUE.run(FILES, {"case": case.name, "seed": seed, "threads": count})["steady"]
            )
            for count in THREADS
        )
        cost[case.name].append(1e6 * best / case.epochs / float(steps))
    ragged, equal = (cost[name] for name in RAGGED)
    ratio = statistics.median(ragged) / statistics.median(equal)
    return (
        f"Japanese Vowels, `bilstm(100)`: a real step costs {cell(ragged)} µs in sequences of 7 to "
        f"29 steps and {cell(equal)} µs in sequences of equal length, {ratio:.2f} times as much."
    )


def growth() -> list[str]:
    """What `bench/growth.py` prints, and its picture."""
    command = [sys.executable, str(HERE.parent / "growth.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    picture = "![seconds of an epoch](../docs/images/growth.png)"
    return ["`python bench/growth.py`:", "", "```", *done.stdout.splitlines(), "```", "", picture]
