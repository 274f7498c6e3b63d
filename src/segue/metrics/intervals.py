"""Intervals of an accuracy and of a difference of two, and McNemar's test."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from segue.errors import renamed_arguments
from segue.extras import require
from segue.randomness import numpy_generator

Floats = npt.NDArray[np.float64]

_BLOCK = 1_000_000  # numbers drawn at once


def wilson_interval(correct: int, count: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return the interval in which the accuracy on such sequences lies at this level.

    In closed form, for independent sequences. Unlike a bootstrap it does not shrink to a point when
    everything was right (a bootstrap of 20 right predictions in 20 gives 100 % to 100 %).

    Args:
        correct: how many predictions were right.
        count: how many there were, at least 1.
        level: how often such intervals hold the true accuracy.

    Source: E. B. Wilson, "Probable inference", JASA 22 (1927); recommended by L. D. Brown,
    T. T. Cai and A. DasGupta, "Interval estimation for a binomial proportion" (2001).

    >>> [round(bound, 3) for bound in wilson_interval(20, 20)]
    [0.839, 1.0]
    """
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share = correct / count
    centre = share + z * z / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    low = 0.0 if correct == 0 else (centre - half) / scale  # exact where rounding is not
    high = 1.0 if correct == count else (centre + half) / scale
    return low, high


@renamed_arguments(right="correct")
def bootstrap_interval(
    correct: npt.NDArray[np.bool_],
    groups: npt.NDArray[Any] | None = None,
    *,
    level: float = 0.95,
    draws: int = 10_000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the accuracy.

    Where there are groups, whole groups are drawn: the sequences of one person or machine tell
    less than as many of different ones. Few groups may be alike by chance, so the interval is never
    narrower than that of independent sequences. Where all answers are right, or all wrong, or there
    is one group only, a bootstrap knows no spread, and Wilson's interval is returned instead.

    Args:
        correct: `[n]`, which predictions were right.
        groups: `[n]`, who or what each sequence comes from.
        level: how often such intervals hold the true accuracy.
        draws: how many data sets are drawn.
        seed: of the draws.

    Source: B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7
    (1979).

    >>> right = np.repeat([True, False], [90, 10])
    >>> [round(bound, 2) for bound in bootstrap_interval(right)]
    [0.84, 0.95]
    """
    right = np.asarray(correct, bool)
    if right.all() or not right.any() or _is_one_group(groups):
        return wilson_interval(int(right.sum()), len(right), level=level)
    generator = numpy_generator(seed, "bootstrap")
    if groups is None:  # how many of n independent draws are right is binomial
        means = generator.binomial(len(right), right.mean(), draws) / len(right)
    else:
        means = means_of_draws(generator, groups, right, draws)
        alone = wilson_interval(int(right.sum()), len(right), level=level)
        return _around(_quantiles(means, level), alone)
    return _quantiles(means, level)


def paired_interval(
    differences: npt.NDArray[np.int64],
    groups: npt.NDArray[Any] | None = None,
    *,
    level: float = 0.95,
    draws: int = 10_000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the mean of paired differences.

    Where there are groups, whole groups are drawn, and the interval is never narrower than that of
    independent sequences. Where all differences are the same, or there is one group only, a
    bootstrap knows no spread: then the bounds come from Wilson's interval of the share of sequences
    that the two do not share.

    Args:
        differences: `[n]`, 1 where only the first was right, -1 where only the second, else 0.
        groups: `[n]`, who or what each sequence comes from.
        level: how often such intervals hold the true difference.
        draws: how many data sets are drawn.
        seed: of the draws.

    Source: B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7
    (1979).

    >>> low, high = paired_interval(np.repeat([1, 0, -1], [12, 80, 8]))
    >>> round(low, 2), round(high, 2)
    (-0.05, 0.13)
    """
    if (differences == differences[0]).all() or _is_one_group(groups):
        gain, loss = (
            wilson_interval(int((sign * differences > 0).sum()), len(differences), level=level)
            for sign in (1, -1)
        )
        return gain[0] - loss[1], gain[1] - loss[0]
    generator = numpy_generator(seed, "paired bootstrap")
    if groups is None:  # how many of n independent draws are of each kind is multinomial
        kinds, counts = np.unique(differences, return_counts=True)
        chosen = generator.multinomial(len(differences), counts / len(differences), draws)
        means = chosen @ kinds / len(differences)
    else:
        means = means_of_draws(generator, groups, differences, draws)
        alone = paired_interval(differences, level=level, draws=draws, seed=seed)
        return _around(_quantiles(means, level), alone)
    return _quantiles(means, level)


def mcnemar(only_a: int, only_b: int) -> float:
    """Return the p-value of McNemar's exact test, two-sided.

    Args:
        only_a: sequences on which only the first classifier was right.
        only_b: those on which only the second was.

    >>> mcnemar(1, 5)
    0.21875
    """
    binomtest = require("scipy.stats").binomtest
    if only_a + only_b == 0:
        return 1.0
    return float(binomtest(only_a, only_a + only_b).pvalue)


def standard_error(
    values: npt.NDArray[Any], groups: npt.NDArray[Any] | None = None
) -> float | None:
    """Return the standard error of a mean of values that come in groups; `None`: of one group.

    Args:
        values: `[n]`.
        groups: `[n]`, who or what each value comes from; `None`: each from something of its own.

    Source: K.-Y. Liang & S. Zeger, "Longitudinal data analysis using generalized linear models",
    Biometrika 73 (1986): the robust variance, of a mean.

    >>> values = np.array([1.0, 1.0, 0.0, 0.0])
    >>> round(standard_error(values), 3), round(standard_error(values, np.array([0, 0, 1, 1])), 3)
    (0.289, 0.5)
    """
    names = np.arange(len(values)) if groups is None else np.unique(groups, return_inverse=True)[1]
    totals = np.bincount(names, values - values.mean())
    if len(totals) < 2:
        return None
    count = len(totals)
    return math.sqrt(count / (count - 1) * float((totals**2).sum())) / len(values)


def _is_one_group(groups: npt.NDArray[Any] | None) -> bool:
    return groups is not None and len(np.unique(groups)) == 1


def _around(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """The narrowest interval that holds both."""
    return min(one[0], other[0]), max(one[1], other[1])


def _quantiles(means: Floats, level: float) -> tuple[float, float]:
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def means_of_draws(
    generator: np.random.Generator,
    groups: npt.NDArray[Any],
    values: npt.NDArray[Any],
    draws: int,
) -> Floats:
    """Means of values where whole groups are drawn; block by block.

    Args:
        generator: of the draws.
        groups: `[n]`, who or what each value comes from.
        values: `[n]`, or `[n, column]`: each column has the same draws.
        draws: how many data sets are drawn.

    Returns:
        `[draws]`, or `[draws, column]`.
    """
    names = np.unique(groups, return_inverse=True)[1]
    columns = values.reshape(len(values), -1).T
    sizes = np.bincount(names)
    totals = np.stack([np.bincount(names, column) for column in columns], axis=1)
    even = np.full(len(sizes), 1 / len(sizes))
    at_once = max(1, _BLOCK // len(sizes))
    means = []
    for first in range(0, draws, at_once):
        chosen = generator.multinomial(len(sizes), even, min(at_once, draws - first))
        means.append(chosen @ totals / (chosen @ sizes)[:, None])
    return np.concatenate(means).reshape(draws, *values.shape[1:])
