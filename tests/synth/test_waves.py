"""Generated waves: the shapes, the draws, and what the original's first sample gives away."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from segue import synth
from segue.errors import OptionError
from segue.synth import KINDS

ANGLES = np.concatenate([np.linspace(-30, 30, 1001), np.arange(1, 129) * 0.25])


@pytest.mark.parametrize(
    ("kind", "reference"),
    [
        ("sine", np.sin),
        ("square", scipy.signal.square),
        ("sawtooth", scipy.signal.sawtooth),
        ("triangle", lambda angle: scipy.signal.sawtooth(angle, 0.5)),
    ],
)
def test_shapes_are_those_of_scipy(kind: str, reference) -> None:
    """Each shape equals SciPy's of the same name at any angle."""
    np.testing.assert_allclose(KINDS[kind](ANGLES), reference(ANGLES), atol=1e-12)


def test_the_square_at_its_edges() -> None:
    """+1 on [0, pi) and -1 on [pi, 2 pi)."""
    edges = np.array([0, np.nextafter(np.pi, 0), np.pi, np.nextafter(2 * np.pi, 0), 2 * np.pi])
    assert KINDS["square"](edges).tolist() == [1, 1, -1, -1, 1]


def test_waves_are_those_of_the_tutorial() -> None:
    """Each wave is sin(f x) or square(f x) for x = 1..128 and one f between 0.1 and 0.4."""
    data = synth.waves(count=40, test=0, seed=3)
    x = np.arange(1, 129)
    for steps, label in zip(data.x, data.y, strict=True):
        wave = steps[:, 0].astype(float)
        if label == 0:
            f = float(np.arcsin(wave[0]))  # the first angle is below a quarter turn
            assert 0.1 <= f <= 0.4
            np.testing.assert_allclose(wave, np.sin(f * x), atol=1e-4)
        else:
            assert set(wave) == {-1.0, 1.0}
            assert 1 / 0.4 < (128 / np.count_nonzero(np.diff(wave))) / np.pi < 1 / 0.09


def test_draws_are_even() -> None:
    """Each class has probability one half, and the frequencies fill their range."""
    data = synth.waves(count=2000, test=0, seed=1)
    assert abs(data.y.mean() - 0.5) < 0.04
    frequencies = np.arcsin([steps[0, 0] for steps in data.x[data.y == 0]])
    counts, _ = np.histogram(frequencies, bins=5, range=(0.1, 0.4))
    assert counts.sum() == (data.y == 0).sum()
    assert counts.min() > 0.8 * counts.mean()


def test_the_first_of_many_are_those_of_few() -> None:
    """200 of 1,000 equal a generation of 200, in each part; other seeds give others."""
    few = synth.waves(count=20, test=10, phase="random", noise=0.1, seed=5)
    many = synth.waves(count=100, test=50, validation=9, phase="random", noise=0.1, seed=5)
    for part, count in [("train", 20), ("test", 10)]:
        assert many.part(part)[:count].x == few.part(part).x
        assert many.part(part).y[:count].tolist() == few.part(part).y.tolist()
    assert synth.waves(count=20, test=10, seed=6).x != few.x
    assert few.part("train")[:10].x != few.part("test").x


def test_options_share_the_other_draws() -> None:
    """Waves with and without noise or a random phase have the same class and frequency."""
    plain = synth.waves(count=30, test=0, seed=2)
    noisy = synth.waves(count=30, test=0, seed=2, noise=0.5)
    assert plain.y.tolist() == noisy.y.tolist()
    assert abs((noisy.x.values - plain.x.values).std() - 0.5) < 0.02
    turned = synth.waves(count=30, test=0, seed=2, phase="random")
    assert plain.y.tolist() == turned.y.tolist()
    power = [np.abs(np.fft.rfft(data.x[0][:, 0])).argmax() for data in (plain, turned)]
    assert power[0] == power[1]


@pytest.mark.parametrize(("phase", "separable"), [("fixed", True), ("random", False)])
def test_what_the_first_sample_tells(phase: str, separable: bool) -> None:
    """With a fixed phase the first sample alone separates the classes; with a random one not."""
    data = synth.waves(count=400, test=0, phase=phase, seed=0)
    first = np.array([steps[0, 0] for steps in data.x])
    best = max(((first > cut) == data.y).mean() for cut in np.linspace(-1, 1, 201))
    assert (best == 1.0) == separable


def test_more_kinds() -> None:
    """Any kinds in any order are the classes 0, 1, 2, ..."""
    kinds = ("sawtooth", "sine", "triangle", "square")
    data = synth.waves(count=40, test=0, kinds=kinds, length=50)
    assert data.classes == (0, 1, 2, 3)
    assert set(data.y.tolist()) == {0, 1, 2, 3}
    assert data.x.length_range == (50, 50)
    assert all(set(np.unique(steps)) == {-1, 1} for steps in data.x[data.y == 3])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": ("sine", "squre")}, "no kind of wave 'squre'. Did you mean \"square\""),
        ({"kinds": ("sine",)}, "expected at least two different ones"),
        ({"kinds": ("sine", "sine", "square")}, "expected at least two different ones"),
        ({"length": 0}, "length=0; expected at least 1 step"),
        ({"frequency": (0.4, 0.1)}, "expected two rising numbers above 0"),
        ({"phase": "any"}, "phase='any'; expected 'fixed' or 'random'"),
        ({"noise": -1.0}, "noise=-1.0; expected a standard deviation of 0 or more"),
        ({"noise": float("nan")}, "noise=nan"),
        ({"count": -1}, "expected at least one"),
        ({"count": 0, "test": 0}, "expected at least one"),
    ],
)
def test_options_that_mean_nothing(options: dict[str, object], message: str) -> None:
    """Each is refused by name."""
    with pytest.raises(OptionError, match=message):
        synth.waves(**options)
