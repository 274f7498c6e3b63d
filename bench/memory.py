"""The memory of one update: what is estimated before a training, and what it really takes.

    python bench/memory.py [--steps 500] [--batch 64]

For each network three processes measure by how much their memory grows, at most, while the
gradients of one batch are computed: what the C library can use again differs from one to the next
(it depends on addresses), so the middle one counts. Half of the batches are of unequal lengths.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

import segue
from segue.training.objectives import RunningMetrics
from segue.training.torch_trainer import TorchTrainer

NETWORKS = [
    "lstm(64)", "bilstm(100)", "gru(64)", "gru(64, reset=before)", "rnn(64)",
    "conv(64, 9) relu pool(mean)", "inception_time", "lstm_fcn", "rocket",
    "dense(32) attention(4) pool(mean)", "conv(32, 5) batchnorm relu maxpool(2) gru(32)",
    "residual(conv(64, 3) batchnorm relu) pool(mean)", "dense(64, relu) pool(mean)",
]  # fmt: skip


def setup(network: str, steps: int, batch: int, *, ragged: bool) -> TorchTrainer:
    """One batch of random sequences."""
    draws = np.random.default_rng(0)
    lengths = np.full(batch, steps)
    if ragged:
        lengths[1::2] = draws.integers(steps * 2 // 3, steps, batch // 2)
    x = [draws.normal(size=(length, 4)).astype(np.float32) for length in lengths]
    options = segue.TrainingOptions(progress="none", threads=1)
    more: dict[str, Any] = {"validation": None, "epochs": 1, "options": options}
    estimator = segue.SequenceClassifier(network, batch_size=batch, **more)
    return TorchTrainer(estimator._training_job(x, np.arange(batch) % 4))


def update(trainer: TorchTrainer) -> None:
    job = trainer.job
    trainer.compute_gradients(job.updates(1)[0], 1, RunningMetrics(job.objective))


def status(name: str) -> int:
    """A field of the kernel's status of this process, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def measured(network: str, steps: int, batch: int, *, ragged: bool) -> int:
    """By how much the memory of this process grows, at most, in one update."""
    torch.set_num_threads(1)
    update(setup(network, 8, 2, ragged=False))  # what is allocated once
    trainer = setup(network, steps, batch, ragged=ragged)
    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    update(trainer)
    return status("VmHWM") - before


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--one", help="measure this network, in this process")
    parser.add_argument("--ragged", action="store_true")
    given = parser.parse_args()
    if given.one:
        print(measured(given.one, given.steps, given.batch, ragged=given.ragged))
        return
    print(f"{'network':50}  estimated   measured  ratio   (MB)")
    for number, network in enumerate(NETWORKS):
        ragged = number % 2 == 1
        trainer = setup(network, given.steps, given.batch, ragged=ragged)
        estimated = trainer.training_bytes(given.batch, given.steps)
        command = [sys.executable, __file__, "--one", network, *sys.argv[1:]]
        command += ["--ragged"] if ragged else []
        runs = [subprocess.run(command, capture_output=True, check=True) for _ in range(3)]
        low, real, high = sorted(int(run.stdout) for run in runs)
        print(
            f"{network:50}  {estimated / 1e6:9.1f}  {real / 1e6:9.1f}  {estimated / real:5.2f}"
            f"  ({low / 1e6:.1f} to {high / 1e6:.1f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
