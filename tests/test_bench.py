"""`make bench`, on little: all peers at hand do the same work, and what was measured is written."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

PEERS = Path(__file__).resolve().parents[1] / "bench" / "peers"
SCRIPTS = {path.stem for path in PEERS.glob("*.py")}
CASES = ("sunspots", "mnist-rows", "mnist-rows-gru", "waves", "toy", "notes")


@pytest.fixture(scope="module", autouse=True)
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The scripts of the peers can be imported by their names, as where they run; with Keras on
    PyTorch, since its other backends are not at hand.
    """
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(PEERS)
        patch.setenv("KERAS_BACKEND", "torch")
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        yield
    torch.set_num_threads(threads)
    for name in SCRIPTS & set(sys.modules):
        del sys.modules[name]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Little data of each case, and the initial weights that segue draws."""
    import cases
    import train_segue

    place, draws = tmp_path_factory.mktemp("bench"), np.random.default_rng(0)
    for case in cases.CASES.values():
        x = draws.standard_normal((20, 5, 2)).astype(np.float32)
        y: Any = np.arange(20) % max(2, case.outputs)
        if case.loss == "squared":
            y = draws.standard_normal(20).astype(np.float32)
        if case.name == "toy":
            y = np.eye(4, dtype=np.float32)[y]
        np.savez(place / case.file, x=x, y=y)
    train_segue.prepare(place, list(CASES), 1)
    return place


def script(name: str) -> ModuleType:
    """The script of a peer; skips where the peer is not installed."""
    if name == "keras":
        keras = pytest.importorskip("keras", reason="keras is not installed")
        if keras.config.backend() != "torch":
            pytest.skip("keras was imported with another backend before")
    if name == "jax":
        pytest.importorskip("optax", reason="JAX and Optax are not installed")
    return __import__(f"train_{name}")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("peer", ["pytorch", "keras", "jax"])
@pytest.mark.slow
def test_a_peer_does_the_same_updates(peer: str, case: str, folder: Path) -> None:
    """From the same weights on one batch, so that the order does not matter; without dropout."""
    import cases
    import train_segue

    short = replace(cases.CASES[case], epochs=4, dropout=0.0)
    job = {"seed": 0, "threads": 1}
    weights = cases.weights_of(folder, short, 0)
    losses = [
        module.build(short, cases.data_of(folder, short), weights, job)()
        for module in (train_segue, script(peer))
    ]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3 if peer == "keras" else 1e-5)


@pytest.mark.slow
def test_a_script_trains_in_a_process_of_its_own(folder: Path) -> None:
    import training

    job = {"case": "waves", "epochs": 2, "rows": 10, "seed": 0, "threads": 1}
    result = training.SEGUE.run(folder, job)
    assert result["loss"] > 0
    assert min(result["first"], *result["steady"]) > 0
    assert result["memory"] > 50 or sys.platform != "linux"


def test_a_comparison_is_measured_and_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import cases
    import report
    import training

    def run(trainer: Any, folder: Path, job: dict[str, Any]) -> dict[str, Any]:
        seconds = job["threads"] * (1.0 if trainer.name == "segue" else 4.0 - ("unroll" in job))
        return {"first": 9.0, "steady": [seconds] * 2, "loss": 0.5, "memory": 200.0}

    monkeypatch.setattr(training.Trainer, "run", run)
    peer = training.Trainer("Peer", None, "none", ({}, {"unroll": True}))
    found = {"toy": training.measure(cases.CASES["toy"], [peer], 2, folder)}
    rows = training.table(found)
    assert rows[-1].startswith("|  | Peer | 3 (3 to 3; 1 thread, unroll) | 3x | 9 (9 to 9) | 200 |")
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results.md")
    for part in ("Training", "Other", "Training"):
        report.write(part, [*training.table(found), "", training.agreement(found)])
    text = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert text.count(f"## {report.title()}\n") == 1
    assert text.count("### Training\n") == text.count("### Other\n") == 1
    assert text.count("| Peer |") == 2
    assert text.startswith(report.INTRODUCTION)


def test_a_worse_loss_is_told() -> None:
    import training

    own = {"steady": [1.0], "loss": [0.5, 0.6]}
    assert training.compared({"steady": [3.0], "loss": [0.3, 0.4]}, own) == "3x, at a lower loss"
    assert training.compared({"steady": [3.0], "loss": [0.3, 0.6]}, own) == "3x"
