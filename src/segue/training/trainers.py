"""Which trainer computes a training."""

from __future__ import annotations

from segue.training.setup import TrainingSetup
from segue.training.torch_trainer import TorchTrainer
from segue.training.trainer import Trainer


def make_trainer(job: TrainingSetup) -> Trainer:
    """The trainer for a network, on its device."""
    return TorchTrainer(job)
