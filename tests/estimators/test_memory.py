"""What training needs in memory is said before it starts, where it is much."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from segue import Dataset, SequenceClassifier, TrainingOptions, limits
from segue.data import sequences
from segue.data.sequences import Sequences
from segue.errors import DataError, OptionError, TrainingError
from segue.prepare import Batches, Preparation
from segue.testing import tiny_dataset
from segue.training import inference, memory, trainers
from segue.training.torch_trainer import TorchTrainer
from segue.training.trainers import check_memory


def quiet(network: str, **more: Any) -> SequenceClassifier:
    return SequenceClassifier(network, epochs=1, options=TrainingOptions(progress="lines"), **more)


@pytest.mark.parametrize(("free", "said"), [(10**12, True), (10**12, False), (None, False)])
def test_much_memory_is_said_before_the_start(
    free: int | None,
    said: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Only more than a quarter of what is free is worth a line, and it comes before any epoch."""
    monkeypatch.setattr(limits, "free_memory", lambda: free)
    monkeypatch.setattr(trainers, "WARNED", 1e-9 if said else trainers.WARNED)
    quiet("gru(4)").fit(tiny_dataset(20))
    lines = capsys.readouterr().err.splitlines()
    told = [number for number, line in enumerate(lines) if "Training needs about" in line]
    begun = [number for number, line in enumerate(lines) if line.startswith("epoch 1/1")]
    assert bool(told) is said
    assert not told or told[0] < begun[0]


@pytest.mark.parametrize(
    ("path", "network", "steps", "megabytes", "cut"),
    [
        ("torch", "lstm(64)", 300, 20, False),  # 200 steps are too many as well
        ("torch", "lstm(64)", 900, 60, True),
        ("torch", "gru(64, reset=before)", 250, 25, False),
        ("torch", "lstm(400)", 60, 15, False),  # gradients of the weights, whatever the batch
        ("", "dense(32) attention(4) pool(mean)", 500, 30, False),
        ("", "lstm(64)", 900, 10, False),  # in pieces it is PyTorch that takes the memory
        ("", "lstm(400)", 60, 24, False),
    ],
)
@pytest.mark.sampled(2)
@pytest.mark.slow
def test_what_is_said_to_fit_fits(  # noqa: PLR0917  (pytest gives them by name)
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    network: str,
    steps: int,
    megabytes: int,
    cut: bool,
) -> None:
    """A training that needs more than is free names a batch size, and `truncate` where it helps."""
    monkeypatch.setenv("SEGUE_KERNELS", path)
    x = np.random.default_rng(0).normal(size=(64, steps, 3)).astype(np.float32)
    y = np.arange(64) % 2
    monkeypatch.setattr(limits, "free_memory", lambda: megabytes * 1_000_000)
    text = r"Training needs about .* [MG]B .*batches of 64 .* batch_size=(\d+) fits\."

    def check(batch_size: int, **more: Any) -> None:
        options = TrainingOptions(progress="none", **more)
        model = SequenceClassifier(network, batch_size=batch_size, options=options)
        check_memory(model._training_job(x, y), Dataset(x, y).x)

    with pytest.raises(TrainingError, match=text) as refused:
        check(64)
    advised = re.search(text, str(refused.value))
    assert advised is not None
    check(int(advised[1]))
    assert ("So does truncate=200" in str(refused.value)) is cut
    if cut:
        check(64, truncate=200)


@pytest.mark.slow
@pytest.mark.parametrize("network", ["rnn(16)", "gru(16)", "gru(16, reset=before)"])
def test_what_each_step_adds_is_extended_to_long_sequences(network: str) -> None:
    """The nodes of the graph are there at each step, whatever the batch."""
    x = np.random.default_rng(0).normal(size=(4, 900, 3)).astype(np.float32)
    classifier = SequenceClassifier(network, validation=None)
    trainer = TorchTrainer(classifier._training_job(x, np.arange(4) % 2))
    first = trainer.job.train.gather(np.zeros(1, np.int64))
    for count in (1, 4):
        expected = pytest.approx(memory._peak(trainer, first, count, 900), rel=0.05)
        assert trainer.training_bytes(count, 900) == expected


def test_the_limit_of_memory_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).normal(size=(64, 300, 3)).astype(np.float32)
    y = np.arange(64) % 2
    monkeypatch.setattr(limits, "free_memory", lambda: 20_000_000)
    monkeypatch.setenv("SEGUE_MEMORY_GB", "8")
    quiet("lstm(64)", batch_size=64).fit(x, y)
    monkeypatch.setenv("SEGUE_MEMORY_GB", "much")
    with pytest.raises(OptionError, match="SEGUE_MEMORY_GB is 'much'; expected gigabytes"):
        quiet("lstm(64)", batch_size=64).fit(x, y)


def test_a_prediction_that_does_not_fit_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).normal(size=(8, 300, 3)).astype(np.float32)
    model = quiet("dense(4) attention(2) pool(mean)").fit(x, np.arange(8) % 2)
    monkeypatch.setattr(limits, "free_memory", lambda: 1_000_000)
    monkeypatch.setattr(inference, "UNCHECKED", 1000)
    said = r"A sequence of 4,000 steps needs about 1\.\d MB of memory in .*, and 1 MB are free"
    with pytest.raises(DataError, match=said):
        model.predict(np.zeros((1, 4000, 3), np.float32))
    monkeypatch.setenv("SEGUE_MEMORY_GB", "1")
    assert len(model.predict(np.zeros((1, 4000, 3), np.float32))) == 1


NETWORKS = [
    "lstm(16)", "bilstm(8)", "gru(8)", "gru(8, reset=before)", "rnn(8)",
    "conv(8, 5) batchnorm relu pool(mean)", "dense(8) attention(2) pool(mean)", "rocket(50)",
    "residual(conv(8, 3)) pool(mean)", "lstm_fcn", "conv(4, 3, stride=2) flatten",
]  # fmt: skip


@pytest.mark.sampled(3)
@pytest.mark.parametrize("network", NETWORKS)
def test_a_measurement_changes_nothing(network: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither weights nor draws; and what is estimated grows with the batch and the lengths."""
    x = np.random.default_rng(0).normal(size=(30, 20, 3)).astype(np.float32)
    y = np.arange(30) % 2
    straight = quiet(network).fit(x, y)
    monkeypatch.setattr(trainers, "WARNED", 0.0)
    measured = quiet(network).fit(x, y)
    for name, weight in straight.network_.get_weights().items():
        np.testing.assert_array_equal(measured.network_.get_weights()[name], weight)
    trainer = TorchTrainer(straight._training_job(x, y))
    small = trainer.training_bytes(8, 20)
    assert 0 < small < trainer.training_bytes(64, 20)


def test_the_free_memory_is_known_here() -> None:
    """On Linux the kernel says it: between a megabyte and a hundred terabytes."""
    free = limits.free_memory()
    assert free is None or 10**6 < free < 10**14


@pytest.mark.parametrize("prepare", ["none", "standardize", "interpolate standardize"])
def test_preparing_holds_the_data_once_more_and_not_several_times(
    prepare: str,
    monkeypatch: pytest.MonkeyPatch,
    holds_less: Callable[[int, Callable[[], Any]], bool],
) -> None:
    """Also of a part of the data, whose values do not stand side by side."""
    monkeypatch.setattr(sequences, "BLOCK_VALUES", 100_000)
    x = Sequences.from_array(np.zeros((4_000, 100, 10), np.float32))[np.arange(0, 4_000, 2)]
    preparation = Preparation.fit(prepare, x)
    size = 4 * x.total_steps * x.channels
    assert holds_less(int(1.6 * size), lambda: Batches(x, preparation))
    batches = Batches(x, preparation)
    assert batches.gather(np.array([3])).values.shape == (1, 100, 10)
