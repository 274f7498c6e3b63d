"""Sources of runs, and an empty folder for each test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from segue import Dataset, synth
from segue.readers import write


@pytest.fixture(autouse=True)
def in_an_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short_reports: object
) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def whole() -> Path:
    """A source without parts: 50 sequences of 10 people, whose class is theirs."""
    made = synth.waves(50, test=0, length=12, phase="random")
    people = np.array([f"p{number}" for number in made.y * 5 + np.arange(50) % 5])
    return write(replace(made, groups=people), "whole", format="arrow")


@pytest.fixture
def noise() -> Path:
    """A source without parts or groups: 50 sequences, no two of them equal."""
    x = np.random.default_rng(0).normal(size=(50, 12, 1))
    ids = [f"s{number}" for number in range(50)]
    return write(Dataset(x, np.arange(50) % 2, ids=ids), "noise", format="arrow")


@pytest.fixture
def parted() -> Path:
    """A source with 40 training and 20 test sequences."""
    return write(synth.waves(40, test=20, length=12), "parted", format="dat")
