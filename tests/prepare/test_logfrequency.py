"""Sounds over frequency: the bands by hand, what another pitch does, what has no time."""

from __future__ import annotations

import numpy as np
import pytest

from segue import Dataset, SequenceClassifier, TrainingOptions, load
from segue.data.sequences import Sequences
from segue.errors import DataError, NotCausalError, SpecError
from segue.prepare import LogFrequency, Preparation
from segue.prepare.spectra import triangles
from segue.testing import check_estimator

RATE = 8000.0
QUIET = TrainingOptions(progress="none")
SMALL = "logfrequency(36, per_octave=12, low=200, frame=256, frames=2) standardize"


def note(hertz: float, n: int = 3000, harmonics: tuple[float, ...] = (1.0, 0.5, 0.3)) -> np.ndarray:
    time = np.arange(n) / RATE
    return np.sum(
        [a * np.sin(2 * np.pi * k * hertz * time) for k, a in enumerate(harmonics, 1)], axis=0
    )


def prepared(text: str, *sounds: np.ndarray, rate: float | None = RATE) -> Sequences:
    x = Sequences.from_list(sounds)
    return Preparation.fit(text, x, rate_hz=rate).apply(x)


def test_against_a_transform_written_out() -> None:
    """Frame by frame and frequency by frequency, as the definition has it."""
    bands, per_octave, low, frame, frames = 30, 12, 300.0, 200, 3
    y = note(440.0, 1000) + 0.01 * np.random.default_rng(0).normal(size=1000)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame) / frame)
    there = np.arange(2 * frame + 1) * RATE / (4 * frame)
    waves = np.exp(-2j * np.pi * np.outer(there / RATE, np.arange(frame)))
    power = np.empty((bands, frames))
    for f, start in enumerate((0, 400, 800)):
        spectrum = np.abs(waves @ (window * y[start : start + frame])) ** 2
        for b in range(bands):
            centre = low * 2 ** (b / per_octave)
            reach = max(centre * (2 ** (1 / per_octave) - 1), RATE / (4 * frame))
            weights = np.maximum(1 - np.abs(there - centre) / reach, 0)
            power[b, f] = (weights @ spectrum) / weights.sum()
    wanted = np.log(np.maximum(power, power.max() * 1e-5))
    text = f"logfrequency({bands}, {per_octave}, {low}, {frame}, {frames}, floor=50)"
    np.testing.assert_allclose(prepared(text, y)[0], wanted, rtol=1e-5, atol=1e-4)


def test_an_octave_higher_is_the_same_pattern_an_octave_of_steps_on() -> None:
    """The fundamental and its harmonics lie 24 steps further up, and nothing else does."""
    low, high = prepared("logfrequency(120, 24, low=110, frames=1)", note(220.0), note(440.0))
    assert np.argmax(low) == 24
    assert np.argmax(high) == 48
    alike = [np.corrcoef(low[: 120 - k, 0], high[k:, 0])[0, 1] for k in range(60)]
    assert np.argmax(alike) == 24
    assert alike[24] > 0.9


def test_louder_is_the_same_but_for_a_constant() -> None:
    """The floor lies under the strongest band, so silence between harmonics moves along."""
    soft, loud = prepared("logfrequency", note(220.0), 10 * note(220.0))
    np.testing.assert_allclose(loud - soft, np.log(100), atol=1e-3)


def test_steps_and_channels_follow_from_the_arguments_alone() -> None:
    """Whatever the length, shorter than one frame too; channels are frames by data's channels."""
    stereo = [np.stack([note(300.0, n), note(500.0, n)], axis=1) for n in (50, 1024, 1025, 4000)]
    x = prepared("logfrequency(40, 12, frames=3)", *stereo)
    assert x.lengths.tolist() == [40] * 4
    assert x.channels == 6
    alone = prepared("logfrequency(40, 12, frames=3)", *[s[:, :1] for s in stereo])
    np.testing.assert_allclose(x.values[:, ::2], alone.values, atol=1e-4)


def test_no_band_is_empty() -> None:
    """Low ones are narrower than the distance of two frequencies."""
    weights = triangles(RATE, 64, 60, 24, 20.0)
    np.testing.assert_allclose(weights.sum(axis=0), 1.0)


def test_silence_is_no_infinity() -> None:
    assert np.isfinite(prepared("logfrequency", np.zeros(2000))[0]).all()


@pytest.mark.parametrize(
    ("text", "rate", "error", "message"),
    [
        ("logfrequency", None, DataError, r"as in logfrequency\(rate=8000\)"),
        ("logfrequency(rate=4000)", RATE, DataError, "is for 4000 samples per second"),
        ("logfrequency(200)", RATE, SpecError, "goes up to 31336 Hz.*is 4000 Hz at most"),
        ("logfrequency(low=0)", RATE, SpecError, "low"),
    ],
)
def test_what_cannot_be(
    text: str, rate: float | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        prepared(text, note(300.0), rate=rate)


# -- a classifier of it ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def classifier() -> SequenceClassifier:
    sounds = [
        note(f, n, h)
        for f, n in ((220, 600), (300, 800), (350, 700), (415, 500), (260, 900))
        for h in ((1.0, 0.5), (0.2, 1.0, 0.9))
    ]
    data = Dataset(sounds, np.array(["flute", "reed"] * 5), rate_hz=RATE)
    network = "conv(4, 9, relu) pool(max)"
    return SequenceClassifier(network, prepare=SMALL, epochs=20, options=QUIET).fit(data)


def test_it_needs_the_whole_sound(classifier: SequenceClassifier) -> None:
    with pytest.raises(NotCausalError, match="logfrequency.*looks ahead.*logmel"):
        classifier.stream()


def test_belief_along_it_counts_the_samples(classifier: SequenceClassifier) -> None:
    """Its own steps are no times: every 250th sample, and the last."""
    sound = note(330.0, 600).astype(np.float32)
    (beliefs,) = classifier.anytime([sound], every=250)
    parts = [sound[:250], sound[:500], sound]
    np.testing.assert_allclose(beliefs, classifier.predict_proba(parts), atol=1e-6)


def test_it_is_saved_with_its_rate(classifier: SequenceClassifier, tmp_path) -> None:  # type: ignore[no-untyped-def]
    classifier.save(tmp_path / "model.safetensors")
    again = load(tmp_path / "model.safetensors")
    assert isinstance(again.preparation_.steps[0], LogFrequency)
    assert again.preparation_.steps[0].rate == RATE
    assert again.preparation_.rate_after(RATE) is None
    sounds = [note(330.0, 700)]
    np.testing.assert_array_equal(again.predict_proba(sounds), classifier.predict_proba(sounds))


@pytest.mark.slow
def test_every_promise() -> None:
    """Padding, parts, files, belief along the samples: as for any classifier."""
    prepare = "logfrequency(8, per_octave=4, low=5, frame=16, frames=2, rate=100)"
    network = "conv(3, 3, relu) pool(max)"
    check_estimator(SequenceClassifier(network, prepare=prepare, epochs=1, options=QUIET))
