"""Subsets are nested, keep the share of each class, and are made of whole groups."""

from __future__ import annotations

import numpy as np
import pytest

import segue
from segue.errors import DataError
from segue.studies.running import choose_sizes, stratified_order


def _data(labels: object, groups: object = None) -> segue.Dataset:
    count = len(np.asarray(labels))
    x = segue.Sequences.from_array(np.zeros((count, 2, 1), np.float32))
    return segue.Dataset(x, np.asarray(labels), groups=groups)


def test_each_beginning_has_each_class_by_its_share() -> None:
    labels = np.repeat(["a", "b", "c"], [60, 30, 10])
    order = stratified_order(_data(labels), seed=1)
    assert sorted(order) == list(range(100))
    for size in range(3, 101):
        _, counts = np.unique(labels[order[:size]], return_counts=True)
        assert np.abs(counts - size * np.array([0.6, 0.3, 0.1])).max() <= 2


def test_another_seed_is_another_order_and_the_same_the_same() -> None:
    data = _data(np.repeat(["a", "b"], 20))
    assert (stratified_order(data, 0) == stratified_order(data, 0)).all()
    assert (stratified_order(data, 0) != stratified_order(data, 1)).any()


def test_groups_come_one_after_the_other() -> None:
    groups = np.repeat(np.arange(8), 5)
    labels = np.where(groups % 2, "a", "b")
    order = stratified_order(_data(labels, groups), seed=0)
    named = groups[order]
    assert (np.diff(named) != 0).sum() == 7
    for size in (10, 20, 30):  # two groups each bring both classes
        assert (labels[order[:size]] == "a").mean() == 0.5


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        ([], "expected different whole numbers"),
        ([10, 10], "expected different whole numbers"),
        ([1], "from 2 on"),
        ([2.5], "expected different whole numbers"),
        ([True, 4], "expected different whole numbers"),
        ("20", "expected different whole numbers"),
        ([500], "has 500, and there are 40 training sequences"),
    ],
)
def test_sizes_that_mean_nothing_are_refused(sizes: object, text: str) -> None:
    with pytest.raises(DataError, match=text):
        choose_sizes(sizes, 40)
