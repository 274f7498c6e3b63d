"""What training needs in memory is said before it starts, where it is much."""

from __future__ import annotations

import pytest

from segue import SequenceClassifier, TrainingOptions
from segue.estimators import fitting
from segue.testing import tiny_dataset


@pytest.mark.parametrize(("free", "said"), [(1000, True), (10**12, False), (None, False)])
def test_much_memory_is_said_before_the_start(
    free: int | None,
    said: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Only more than a quarter of what is free is worth a line, and it comes before any epoch."""
    monkeypatch.setattr(fitting, "free_memory", lambda: free)
    options = TrainingOptions(progress="lines")
    SequenceClassifier("gru(4)", epochs=1, options=options).fit(tiny_dataset(20))
    lines = capsys.readouterr().err.splitlines()
    told = [number for number, line in enumerate(lines) if "Training will need about" in line]
    begun = [number for number, line in enumerate(lines) if line.startswith("epoch 1/1")]
    assert bool(told) is said
    assert not told or told[0] < begun[0]


def test_the_free_memory_is_known_here() -> None:
    """On Linux the kernel says it: between a megabyte and a hundred terabytes."""
    free = fitting.free_memory()
    assert free is None or 10**6 < free < 10**14
