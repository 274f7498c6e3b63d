"""The pitch of notes that are known."""

from __future__ import annotations

import numpy as np
import pytest

import segue
from segue.errors import DataError
from segue.sonify import pitch

RATE = 8000.0


def note(hertz: float, harmonics: list[float], n: int = 3528) -> np.ndarray:
    """With a little noise, softer and softer."""
    time = np.arange(n) / RATE
    waves = [a * np.sin(2 * np.pi * k * hertz * time + k) for k, a in enumerate(harmonics, 1)]
    noise = 0.02 * np.random.default_rng(0).normal(size=n)
    return np.sum(waves, axis=0) * np.exp(-2 * time) + noise


@pytest.mark.parametrize("hertz", [65.4, 110.0, 196.0, 440.0, 523.25, 880.0, 1318.5, 1975.5])
@pytest.mark.parametrize("harmonics", [[1.0], [1.0, 0.6, 0.3], [0.2, 1.0, 0.8, 0.5]])
def test_a_note_is_found_to_a_tenth_of_a_semitone(hertz: float, harmonics: list[float]) -> None:
    """Also where the fundamental is the weakest of its harmonics."""
    cents = 1200 * np.log2(pitch(note(hertz, harmonics), RATE) / hertz)
    assert abs(cents) < 15


def test_louder_or_moved_is_the_same_note() -> None:
    y = note(330.0, [1.0, 0.5])
    assert pitch(7 * y + 3, RATE) == pytest.approx(pitch(y, RATE), rel=1e-3)


def test_too_few_samples_are_named() -> None:
    with pytest.raises(
        DataError, match="100 samples are too few for a pitch from 40 Hz on: .* 600"
    ):
        pitch(np.zeros(100), RATE)


def test_the_former_module_warns_and_works() -> None:
    with pytest.warns(
        DeprecationWarning, match=r"listening.pitch is now called segue.sonify.pitch"
    ):
        assert segue.listening.pitch is pitch
    with pytest.raises(AttributeError, match="has no attribute 'hear'"):
        segue.listening.hear  # noqa: B018
