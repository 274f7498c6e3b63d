"""What training needs in memory is said before it starts, where it is much."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from segue import SequenceClassifier, TrainingOptions
from segue.data import sequences
from segue.data.sequences import Sequences
from segue.prepare import Batches, Preparation
from segue.testing import tiny_dataset
from segue.training import setup


@pytest.mark.parametrize(("free", "said"), [(1000, True), (10**12, False), (None, False)])
def test_much_memory_is_said_before_the_start(
    free: int | None,
    said: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Only more than a quarter of what is free is worth a line, and it comes before any epoch."""
    monkeypatch.setattr(setup, "free_memory", lambda: free)
    options = TrainingOptions(progress="lines")
    SequenceClassifier("gru(4)", epochs=1, options=options).fit(tiny_dataset(20))
    lines = capsys.readouterr().err.splitlines()
    told = [number for number, line in enumerate(lines) if "Training will need about" in line]
    begun = [number for number, line in enumerate(lines) if line.startswith("epoch 1/1")]
    assert bool(told) is said
    assert not told or told[0] < begun[0]


def test_the_free_memory_is_known_here() -> None:
    """On Linux the kernel says it: between a megabyte and a hundred terabytes."""
    free = setup.free_memory()
    assert free is None or 10**6 < free < 10**14


@pytest.mark.parametrize("prepare", ["none", "standardize", "interpolate standardize"])
def test_preparing_holds_the_data_once_more_and_not_several_times(
    prepare: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of a part of the data, whose values do not stand side by side."""
    monkeypatch.setattr(sequences, "BLOCK_VALUES", 100_000)
    x = Sequences.from_array(np.zeros((4_000, 100, 10), np.float32))[np.arange(0, 4_000, 2)]
    preparation = Preparation.fit(prepare, x)
    size = 4 * x.total_steps * x.channels
    tracemalloc.start()
    try:
        batches = Batches(x, preparation)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert batches.gather(np.array([3])).values.shape == (1, 100, 10)
    assert peak < 1.6 * size
