"""A small job for the loop: forty sequences, a tiny network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from segue.data.dataset import Dataset
from segue.kernels.threads import threads
from segue.layers import Shape
from segue.networks import Network, as_specs
from segue.prepare import Batches, Preparation
from segue.tasks import ObjectiveName
from segue.testing import tiny_dataset
from segue.training import TrainingOptions
from segue.training.native_trainer import NativeTrainer, native_program
from segue.training.objectives import make_objective
from segue.training.setup import SequenceTargets, TrainingData, TrainingSetup
from segue.training.torch_trainer import TorchTrainer
from segue.training.trainer import Trainer


def examples(data: Dataset, weights: Any = None) -> TrainingData:
    assert data.classes is not None
    codes = np.array([data.classes.index(label) for label in data.y.tolist()])
    return TrainingData(
        Batches(data.x, Preparation.fit("standardize", data.x)),
        SequenceTargets(codes),
        None if weights is None else SequenceTargets(np.asarray(weights, np.float32)),
    )


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """More of them only wait for each other on jobs like these."""
    with threads(1):
        yield


@pytest.fixture
def make_job() -> Callable[..., TrainingSetup]:
    """Make a job; keywords are those of `TrainingSetup`, and the text of the network."""

    def make(
        network: Any = "gru(4, dropout=0.2)", *, weights: Any = None, **more: Any
    ) -> TrainingSetup:
        learnt = tiny_dataset(40, seed=1)
        given: dict[str, Any] = {
            "network": Network(as_specs(network), Shape(2), 1, seed=0),
            "train": examples(learnt, weights),
            "validation": examples(tiny_dataset(12, seed=2)),
            "objective": make_objective(ObjectiveName("binary", 1)),
            "epochs": 6,
            "batch_size": 8,
            "learning_rate": 0.02,
            "seed": 0,
            "options": TrainingOptions(progress="none"),
        }
        return TrainingSetup(**{**given, **more})

    return make


@pytest.fixture(params=["torch", "native"])
def make_trainer(
    request: pytest.FixtureRequest, make_job: Callable[..., TrainingSetup]
) -> Callable[..., Trainer]:
    """Make a trainer of such a job, of each kind that can train it."""

    def make(*given: Any, **more: Any) -> Trainer:
        job = make_job(*given, **more)
        if request.param == "torch":
            return TorchTrainer(job)
        program = native_program(job)
        if isinstance(program, str):
            pytest.skip(f"PyTorch alone trains this: {program}")
        return NativeTrainer(job, program)

    return make
