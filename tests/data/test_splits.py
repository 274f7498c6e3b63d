"""Splits keep the share of each class within one sequence, and never part a group."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from segue.data.splits import split
from segue.errors import DataError

LABELS = st.lists(st.integers(0, 4), min_size=2, max_size=80)
SHARES = st.floats(0.05, 0.95)
SEEDS = st.integers(0, 2**32)


@given(LABELS, SHARES, SEEDS)
def test_both_sides_hold_everything_once(labels: list[int], share: float, seed: int) -> None:
    assume(len(set(labels)) < len(labels))
    first, second = split(len(labels), share, labels=np.array(labels), seed=seed)
    assert len(first)
    assert len(second)
    assert sorted([*first, *second]) == list(range(len(labels)))
    assert (np.diff(first) > 0).all()
    assert (np.diff(second) > 0).all()


@given(st.lists(st.integers(2, 30), min_size=1, max_size=5), SHARES, SEEDS)
def test_each_class_keeps_its_share_within_one(counts: list[int], share: float, seed: int) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    _, second = split(len(labels), share, labels=labels, seed=seed)
    taken = Counter(labels[second].tolist())
    for code, count in enumerate(counts):
        assert abs(taken[code] - count * share) <= 1
        assert taken[code] < count, "every class stays in the first part"
    if all(count * (1 - share) >= 1 for count in counts):
        assert len(second) == max(1, round(len(labels) * share))


@given(st.integers(2, 20), SHARES, SEEDS)
def test_a_class_that_occurs_once_stays_in_the_first_part(
    count: int, share: float, seed: int
) -> None:
    labels = np.array(["usual"] * count + ["rare"])
    first, _ = split(len(labels), share, labels=labels, seed=seed)
    assert "rare" in labels[first]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), min_size=2, max_size=60),
    st.floats(0.1, 0.6),
    SEEDS,
)
def test_a_group_is_never_parted(rows: list[tuple[int, int]], share: float, seed: int) -> None:
    groups, labels = np.array(rows).T
    assume(len(set(groups.tolist())) > 1)
    first, second = split(len(rows), share, labels=labels, groups=groups, seed=seed)
    assert len(first)
    assert len(second)
    assert not set(groups[first].tolist()) & set(groups[second].tolist())


def test_groups_of_one_size_meet_the_share() -> None:
    groups = np.repeat(np.arange(20), 5)
    _, second = split(100, 0.2, groups=groups, seed=0)
    assert len(second) == 20


def test_groups_are_chosen_so_that_classes_keep_their_share() -> None:
    """Ten groups of each of two classes: a fifth of each, not four groups of the same class."""
    groups = np.repeat(np.arange(20), 3)
    labels = np.repeat(np.arange(20) % 2, 3)
    for seed in range(10):
        _, second = split(60, 0.2, labels=labels, groups=groups, seed=seed)
        assert Counter(labels[second].tolist()) == {0: 6, 1: 6}


def test_the_same_seed_draws_the_same_and_another_draws_another() -> None:
    once, again, other = (split(200, 0.3, seed=seed)[1].tolist() for seed in (5, 5, 6))
    assert once == again
    assert once != other


def test_a_split_is_not_the_beginning_or_the_end() -> None:
    _, second = split(1000, 0.5, seed=0)
    assert 200 < np.count_nonzero(second < 500) < 300


@pytest.mark.parametrize("share", [0, 1, -0.5, 2, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(DataError, match="expected a number between 0 and 1"):
        split(10, share)


def test_what_cannot_be_split_is_refused() -> None:
    with pytest.raises(DataError, match="1 sequence cannot be split"):
        split(1, 0.5)
    with pytest.raises(DataError, match="Each of the 3 classes occurs only once"):
        split(3, 0.5, labels=np.array(["a", "b", "c"]))
    with pytest.raises(DataError, match="belong to one group .'ann'.*Leave out `groups`"):
        split(3, 0.5, groups=np.array(["ann"] * 3))
