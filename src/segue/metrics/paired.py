"""Two models on the same examples: is one better, or is the difference luck?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from segue.metrics.intervals import means_of_draws
from segue.randomness import numpy_generator

Floats = npt.NDArray[np.float64]

_BLOCK = 1_000_000  # numbers drawn at once


def sign_flip_test(
    differences: npt.ArrayLike,
    groups: npt.NDArray[Any] | None = None,
    *,
    draws: int = 9_999,
    seed: int = 0,
) -> float:
    """Return the p-value of the paired permutation test, two-sided.

    Were the two equally good, each difference might as well have the other sign. So the signs are
    flipped, of all differences of a group together: in every combination where these are no more
    than `draws`, else in so many random ones.

    Args:
        differences: `[n]`, of the two losses of each example.
        groups: `[n]`, who or what each comes from; `None`: they are independent.
        draws: combinations at most.
        seed: of the random ones.

    Source: R. A. Fisher, "The design of experiments" (1935), section 21; of random combinations
    the observed one is counted too: B. Phipson and G. K. Smyth, "Permutation p-values should never
    be zero", Statistical Applications in Genetics and Molecular Biology 9 (2010).

    >>> sign_flip_test([0.5, 0.2, 0.4, 0.1, 0.3])
    0.0625
    """
    values = np.asarray(differences, np.float64)
    if groups is not None:
        names = np.unique(groups, return_inverse=True)[1]
        values = np.bincount(names, values).astype(np.float64)
    values = values[values != 0]
    count, least = len(values), abs(values.sum()) - 1e-12 * np.abs(values).sum()
    if 2**count <= draws + 1:
        codes = np.arange(2**count)[:, None] >> np.arange(count)
        return float(np.mean(np.abs((1 - 2 * (codes & 1)) @ values) >= least))
    generator, at_once, reached = numpy_generator(seed, "sign flips"), max(1, _BLOCK // count), 0
    for first in range(0, draws, at_once):
        size = (min(at_once, draws - first), count)
        signs = 1.0 - 2.0 * generator.integers(0, 2, size, np.int8)
        reached += int(np.count_nonzero(np.abs(signs @ values) >= least))
    return (1 + reached) / (1 + draws)


def paired_score_interval(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    score: Callable[[Floats], Floats],
    groups: npt.NDArray[Any] | None = None,
    *,
    level: float = 0.95,
    draws: int = 2_000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the difference of two scores of means.

    The same examples are drawn for both. Of one group nothing can be said: then all numbers are in
    the interval.

    Args:
        first: `[n]`, the loss of the first model on each example.
        second: `[n]`, that of the second.
        score: of mean losses, such as `np.sqrt` of squared errors.
        groups: `[n]`, who or what each example comes from: whole groups are drawn.
        level: how often such intervals hold the true difference.
        draws: how many data sets are drawn.
        seed: of the draws.

    Source: B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7
    (1979).

    >>> errors = np.array([1.0, 2.0, 3.0, 4.0])
    >>> low, high = paired_score_interval(errors**2, (2 * errors) ** 2, np.sqrt)
    >>> -3.9 < low < high < -1.1
    True
    """
    losses = np.stack([np.asarray(first, np.float64), np.asarray(second, np.float64)], axis=1)
    owners = np.arange(len(losses)) if groups is None else groups
    if len(np.unique(owners)) < 2:
        return -np.inf, np.inf
    means = means_of_draws(numpy_generator(seed, "paired bootstrap"), owners, losses, draws)
    a, b = score(means).T
    low, high = np.quantile(a - b, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
