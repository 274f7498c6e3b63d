"""Random series and the best accuracy that noise leaves, against other ways to compute it."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import scipy.stats

from segue import synth
from segue.errors import OptionError
from segue.randomness import numpy_generator


def test_series_are_a_softmax_of_three_numbers() -> None:
    """SciPy's softmax of i a b + c gives the same, and without c too: c cancels."""
    clean = synth.clean_series(classes=3, length=15, seed=4)
    for number, series in enumerate(clean, start=1):
        a, b, c = numpy_generator(4, "random-series", "class", number).standard_normal(3)
        steps = np.arange(15)
        np.testing.assert_allclose(series, scipy.special.softmax(steps * a * b + c), rtol=1e-12)
        np.testing.assert_allclose(series, scipy.special.softmax(steps * a * b), rtol=1e-9)


def test_examples_are_series_with_noise() -> None:
    """Without noise an example is its series; with noise the difference has that deviation."""
    clean = synth.clean_series(classes=3, seed=1)
    for noise in (0.0, 0.1):
        data = synth.random_series(count=600, test=0, classes=3, noise=noise, seed=1)
        assert data.classes == (1, 2, 3)
        difference = np.stack([steps[:, 0] for steps in data.x]) - clean[data.y - 1]
        assert abs(difference.std() - noise) < 0.005
        assert abs(difference.mean()) < 0.005


def test_the_first_of_many_are_those_of_few() -> None:
    """A longer generation begins with the shorter one, and more classes keep the first series."""
    few, many = (synth.random_series(count=n, test=0, seed=9) for n in (20, 100))
    assert many.x[:20] == few.x
    np.testing.assert_array_equal(
        synth.clean_series(classes=6, seed=9)[:4], synth.clean_series(classes=4, seed=9)
    )


def test_two_series_in_closed_form() -> None:
    """For two series the accuracy is Phi(d / (2 noise)), and the estimate agrees with it."""
    clean = synth.clean_series(classes=2, seed=3)
    noise = 0.2
    exact = synth.bayes_accuracy(clean, noise)
    distance = np.linalg.norm(clean[0] - clean[1])
    assert exact == pytest.approx(scipy.stats.norm.cdf(distance / (2 * noise)), abs=1e-12)
    far = np.vstack([clean, clean[0] + 1e3])  # a third series that is never mistaken
    estimate = synth.bayes_accuracy(far, noise, draws=100_000)
    assert estimate == pytest.approx((2 * exact + 1) / 3, abs=0.005)


def test_more_series_against_the_integral() -> None:
    """Three series on a line: only neighbours are mistaken, which has a closed form as well."""
    clean = np.array([[0.0], [1.0], [2.0]])
    side = scipy.stats.norm.cdf(0.5 / 0.4)
    expected = (side + (2 * side - 1) + side) / 3
    assert synth.bayes_accuracy(clean, 0.4) == pytest.approx(expected, abs=0.005)


def test_no_classifier_is_better() -> None:
    """The likelihood of each series, written out with SciPy, reaches that accuracy and no more."""
    noise = 0.1
    clean = synth.clean_series(classes=4, seed=0)
    data = synth.random_series(count=4000, test=0, classes=4, noise=noise, seed=0)
    x = np.stack([steps[:, 0] for steps in data.x])
    likelihood = np.stack(
        [scipy.stats.norm.logpdf(x, series, noise).sum(axis=1) for series in clean], axis=1
    )
    accuracy = (likelihood.argmax(axis=1) + 1 == data.y).mean()
    assert accuracy == pytest.approx(synth.bayes_accuracy(clean, noise), abs=0.02)


def test_without_noise() -> None:
    """Without noise everything is told apart, except series that are the same."""
    assert synth.bayes_accuracy(np.array([[0.0], [1.0], [2.0]]), 0.0) == 1
    assert synth.bayes_accuracy(np.array([[0.0], [1.0], [1.0]]), 0.0) == pytest.approx(2 / 3)
    assert synth.bayes_accuracy(np.array([[1.0], [1.0]]), 0.3) == 0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: synth.clean_series(classes=0), "classes=0 and length=10; expected at least 1"),
        (lambda: synth.random_series(noise=-0.1), "noise=-0.1"),
        (lambda: synth.bayes_accuracy(np.zeros(3), 0.1), r"clean has shape \(3,\)"),
        (lambda: synth.bayes_accuracy(np.zeros((3, 2)), 0.1, draws=0), "draws=0"),
        (lambda: synth.generate("wavs"), "no generated data named 'wavs'. Did you mean \"waves\""),
        (lambda: synth.generate("waves", cont=3), "waves has no option 'cont'. Did you mean \"co"),
        (lambda: synth.generate("toy", count=3), "toy has no option 'count'. It has none."),
    ],
)
def test_values_that_mean_nothing(call, message: str) -> None:
    """Each is refused by name."""
    with pytest.raises(OptionError, match=message):
        call()


@pytest.mark.parametrize("family", synth.FAMILIES)
def test_every_family_by_name(family: str) -> None:
    """`generate` gives what the function of that name gives, twice the same."""
    first, second = synth.generate(family), synth.FAMILIES[family]()
    assert first.x == second.x
    assert first.y.tolist() == second.y.tolist()
    assert first.name == family


def test_toy() -> None:
    """The class is the number that shows up in the sequence."""
    data = synth.toy()
    assert len(data) == 6
    assert data.x.length_range == (6, 6)
    for steps, label in zip(data.x, data.y, strict=True):
        assert set(steps[:, 0]) == {0, label}
        assert (steps[:, 0] == label).sum() == 2
