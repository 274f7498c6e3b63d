"""Paired tests of numbers: as SciPy computes them, as often wrong as they say, groups as wholes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import permutation_test

from segue.metrics import paired_score_interval, sign_flip_test


def by_scipy(differences: np.ndarray, draws: int) -> float:
    found = permutation_test(
        (differences,),
        lambda x, axis: x.sum(axis=axis),
        permutation_type="samples",
        n_resamples=draws,
        vectorized=True,
        batch=1000,
        random_state=np.random.default_rng(1),
    )
    return float(found.pvalue)


@pytest.mark.parametrize("count", [2, 5, 9, 12])
def test_few_signs_are_all_tried_as_in_scipy(count: int) -> None:
    differences = np.random.default_rng(count).normal(0.5, size=count)
    assert sign_flip_test(differences) == pytest.approx(by_scipy(differences, 9_999))


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.3])
def test_of_many_signs_some_are_drawn_as_in_scipy(shift: float) -> None:
    differences = np.random.default_rng(3).normal(shift, size=80)
    assert sign_flip_test(differences) == pytest.approx(by_scipy(differences, 99_999), abs=0.02)


def test_two_that_are_equal_are_told_apart_as_seldom_as_it_says() -> None:
    """At the level of 0.05 in about 5 % of 400 draws, with groups whose members are alike."""
    draws = np.random.default_rng(0)
    groups = np.repeat(np.arange(12), 10)
    values = [sign_flip_test(np.repeat(draws.normal(size=12), 10), groups) for _ in range(400)]
    assert 0.03 < np.mean(np.array(values) <= 0.05) < 0.08
    alone = [sign_flip_test(np.repeat(draws.normal(size=12), 10), draws=199) for _ in range(50)]
    assert np.mean(np.array(alone) <= 0.05) > 0.3  # what groups are for


def test_no_difference_is_no_difference() -> None:
    assert sign_flip_test(np.zeros(7)) == 1.0
    assert sign_flip_test([3.0]) == 1.0
    assert sign_flip_test([3.0, 1.0, 2.0], np.array(["a", "a", "a"])) == 1.0
    assert sign_flip_test(np.full(40, 0.5)) == pytest.approx(1e-4)


@pytest.mark.slow
def test_the_interval_holds_as_often_as_it_says() -> None:
    """The difference of two errors, of 200 data sets."""
    draws, inside = np.random.default_rng(0), 0
    for number in range(200):
        a, b = draws.normal(0, 1.0, 150), draws.normal(0, 1.2, 150)
        low, high = paired_score_interval(a**2, b**2, np.sqrt, draws=500, seed=number)
        inside += low <= -0.2 <= high
    assert 0.90 < inside / 200 < 0.99


def test_the_same_examples_are_drawn_for_both() -> None:
    """So what both find hard widens nothing."""
    hard = np.random.default_rng(0).exponential(size=300)
    low, high = paired_score_interval(hard + 0.1, hard, np.asarray)
    assert (low, high) == (pytest.approx(0.1), pytest.approx(0.1))


def test_groups_are_drawn_whole() -> None:
    per_group = np.random.default_rng(1).normal(0.2, size=10)
    a, b = np.repeat(per_group, 50), np.zeros(500)
    alone = paired_score_interval(a, b, np.asarray)
    grouped = paired_score_interval(a, b, np.asarray, np.repeat(np.arange(10), 50))
    assert grouped[1] - grouped[0] > 4 * (alone[1] - alone[0])


def test_of_one_group_nothing_is_said() -> None:
    same = np.zeros(5, int)
    assert paired_score_interval(np.arange(5.0), np.ones(5), np.sqrt, same) == (-np.inf, np.inf)
