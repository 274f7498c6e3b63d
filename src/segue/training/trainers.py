"""Which trainer computes a training."""

from __future__ import annotations

from segue.training.native_trainer import NativeTrainer, native_program
from segue.training.setup import TrainingSetup
from segue.training.torch_trainer import TorchTrainer
from segue.training.trainer import Trainer


def make_trainer(job: TrainingSetup) -> Trainer:
    """The trainer for a network, on its device."""
    program = native_program(job)
    return TorchTrainer(job) if isinstance(program, str) else NativeTrainer(job, program)
