"""Series of three random numbers each, and the best accuracy that noise leaves possible."""

from __future__ import annotations

import math

import numpy as np

from segue.data.dataset import Dataset
from segue.data.sequences import Array
from segue.errors import OptionError
from segue.randomness import numpy_generator
from segue.synth.examples import check_noise, examples

_FAMILY = "random-series"


def random_series(
    count: int = 200,
    *,
    test: int = 100,
    validation: int = 0,
    classes: int = 4,
    length: int = 10,
    noise: float = 0.02,
    seed: int = 0,
) -> Dataset:
    """Make noisy copies of the series of `clean_series`; the class is which series it was.

    Args:
        count: sequences in the part "train"; without `test` and `validation` there are no parts.
        test: sequences in the part "test".
        validation: sequences in the part "validation".
        classes: how many series; the classes are 1, 2, ..., equally likely.
        length: steps of a sequence.
        noise: standard deviation of the normal noise added to each value; the values of a clean
            series lie between 0 and 1 and sum to one.
        seed: another seed gives other series and other noise.

    Raises:
        OptionError: a value that means nothing.

    >>> data = random_series(count=50, test=0, classes=3, length=15)
    >>> data
    Dataset(n=50, time=15, channels=1, classes=3)
    """
    check_noise(noise)
    clean = clean_series(classes, length, seed=seed)

    def series(draws: np.random.Generator) -> tuple[Array, int]:
        label = int(draws.integers(classes))
        return clean[label] + noise * draws.standard_normal(length), label + 1

    counts = {"train": count, "validation": validation, "test": test}
    names = tuple(range(1, classes + 1))
    return examples(_FAMILY, series, counts=counts, classes=names, seed=seed)


def clean_series(classes: int = 4, length: int = 10, *, seed: int = 0) -> Array:
    """Return `[class, length]` float64: the series before any noise.

    Each comes from three normal numbers a, b, c: softmax over i of `i * a * b + c`, with
    i = 0..length - 1. c cancels in the softmax and only the product of a and b counts, so two
    series can nearly coincide; `bayes_accuracy` gives the accuracy that remains possible.

    Raises:
        OptionError: less than one class or step.

    >>> series = clean_series(classes=2, length=10, seed=0)
    >>> series.shape, series.sum(axis=1).round(12).tolist()
    ((2, 10), [1.0, 1.0])
    """
    from scipy.special import softmax

    if classes < 1 or length < 1:
        raise OptionError(f"classes={classes} and length={length}; expected at least 1 of each.")
    steps = np.arange(length)
    series = []
    for number in range(1, classes + 1):
        a, b, c = numpy_generator(seed, _FAMILY, "class", number).standard_normal(3)
        series.append(softmax(steps * a * b + c))
    return np.stack(series)


def bayes_accuracy(clean: Array, noise: float, *, draws: int = 100_000, seed: int = 0) -> float:
    """Return the best accuracy that any classifier can reach on noisy copies of known series.

    The classes are equally likely and the noise is normal, so the nearest series is the most
    likely one. For two series at distance d that is right with probability Phi(d / (2 noise)),
    exactly; for more it is estimated with a standard error of at most `0.5 / sqrt(draws)`.

    Args:
        clean: `[class, length]`, such as `clean_series` gives.
        noise: standard deviation of the noise on each value.
        draws: noisy copies to be classified, where there are more than two series.
        seed: of these copies.

    Raises:
        OptionError: a shape or value that means nothing.

    Source: Duda, Hart, Stork, "Pattern classification", 2nd edition, sections 2.6 and 2.7.

    >>> bayes_accuracy(np.array([[0.0, 0.0], [0.0, 0.2]]), noise=0.1)
    0.841344746...
    """
    clean = np.asarray(clean, dtype=np.float64)
    check_noise(noise)
    if clean.ndim != 2 or len(clean) == 0 or draws < 1:
        raise OptionError(
            f"clean has shape {clean.shape} and draws={draws}; expected (class, length) and 1 or "
            "more."
        )
    if noise == 0:
        return len(np.unique(clean, axis=0)) / len(clean)  # of equal ones only one can be right
    if len(clean) == 2:
        distance = float(np.linalg.norm(clean[0] - clean[1]))
        return 0.5 * (1 + math.erf(distance / (2 * noise) / math.sqrt(2)))
    return _share_nearest(clean, noise, draws, seed)


def _share_nearest(clean: Array, noise: float, draws: int, seed: int) -> float:
    """The share of noisy copies that lie nearest to their own series."""
    right = 0
    block = 10_000
    for first in range(0, draws, block):
        generator = numpy_generator(seed, _FAMILY, "bayes", first)
        labels = np.arange(first, min(first + block, draws)) % len(clean)
        noisy = clean[labels] + noise * generator.standard_normal((len(labels), clean.shape[1]))
        # |x - s|^2 without |x|^2, which is the same for every series s
        distances = (clean**2).sum(axis=1) - 2 * noisy @ clean.T
        right += int((distances.argmin(axis=1) == labels).sum())
    return right / draws
