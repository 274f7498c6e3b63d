"""Which trainer computes a training."""

from __future__ import annotations

from segue.extras import require
from segue.training.native_trainer import NativeTrainer, native_program, refuse_bfloat16
from segue.training.setup import TrainingSetup
from segue.training.trainer import Trainer


def make_trainer(job: TrainingSetup) -> Trainer:
    """The trainer for a network, on its device: the native library where it can.

    Raises:
        MissingPackageError: it needs PyTorch, which is not installed.
        OptionError: the options ask for bfloat16, which cannot be had.
    """
    program = native_program(job)
    if not isinstance(program, str):
        return NativeTrainer(job, program)
    refuse_bfloat16(job, program)
    require("torch")
    from segue.training.torch_trainer import TorchTrainer

    return TorchTrainer(job)
