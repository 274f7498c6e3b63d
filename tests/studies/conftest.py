"""A small data set and an estimator that is trained in a moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import segue


@pytest.fixture(scope="session")
def waves() -> segue.Dataset:
    """40 training and 20 test waves of 8 steps."""
    return segue.synth.waves(40, test=20, length=8, phase="random")


@pytest.fixture
def classifier() -> segue.SequenceClassifier:
    return segue.SequenceClassifier("rnn(3)", epochs=2)


@pytest.fixture
def bits() -> Callable[[Any], list[dict[str, Any]]]:
    """Give all of some rows that must be the same to the bit."""
    return _without_seconds


def _without_seconds(rows: Any) -> list[dict[str, Any]]:
    return [
        {
            **{k: v for k, v in row.items() if k not in ("seconds", "history")},
            "history": [
                {k: v for k, v in e.items() if k != "seconds"} for e in row.get("history", [])
            ],
        }
        for row in rows
    ]
