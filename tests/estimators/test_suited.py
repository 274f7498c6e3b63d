"""An automatic choice prepares the data as it suits them, unless a preparation is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import segue
from segue.estimators.fitting import fit_split
from segue.estimators.splitting import split_data
from segue.estimators.suited import is_sound, suited

QUIET = segue.TrainingOptions(progress="none")


def prepared(data: segue.Dataset, **more: Any) -> str:
    estimator = segue.SequenceClassifier("auto", options=QUIET, **more)
    return str(suited(estimator, split_data(estimator, data), fit_split).prepare)


def tones(rate: float | None, seconds: float = 0.3) -> segue.Dataset:
    """Two sounds of many pitches each, which differ in the strength of a harmonic."""
    rng = np.random.default_rng(0)
    time = np.arange(int(seconds * 8000)) / 8000
    pitches = 200 * 2 ** rng.uniform(0, 1.5, 24)
    x = [
        np.sin(2 * np.pi * pitch * time) + (n % 2) * np.sin(6 * np.pi * pitch * time)
        for n, pitch in enumerate(pitches)
    ]
    y = ["dull", "bright"] * 12
    return segue.Dataset(x, y, rate_hz=rate)


@pytest.mark.slow
def test_sounds_become_the_spectrum_that_answers_best() -> None:
    assert is_sound(tones(8000.0))
    assert prepared(tones(8000.0)).startswith(("logfrequency(frame=1024)", "logmel(32"))
    assert prepared(tones(8000.0), prepare="frame(32)") == "frame(32)"


def test_other_series_stay_as_they_are() -> None:
    assert prepared(tones(None)) == prepared(tones(100.0)) == "standardize"
    assert prepared(tones(8000.0, seconds=0.05)) == "standardize"  # too short for a spectrum


def test_texts_become_runs() -> None:
    data = segue.Dataset(segue.Sequences.from_texts(["good", "bad"] * 5), ["a", "b"] * 5)
    assert prepared(data) == "ngrams"
    assert prepared(data, prepare="words") == "words"
