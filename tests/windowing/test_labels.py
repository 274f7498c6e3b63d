"""The label of a window, against the plain definition."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.windowing import label_of_windows


def plain(window: list[int], how: str) -> int:
    """What the reference says, step by step; -1 counts as a label like the others."""
    last = window[-1]
    if how == "last":
        return last
    if how == "all":
        return last if set(window) == {last} else -1
    counts = Counter(window)
    most = max(counts.values())
    best = sorted(code for code, count in counts.items() if count == most)
    return last if last in best else best[0]


@given(
    labels=st.lists(st.integers(-1, 3), min_size=1, max_size=40),
    size=st.integers(1, 8),
    how=st.sampled_from(["all", "majority", "last"]),
)
def test_each_window_has_the_label_of_the_definition(
    labels: list[int], size: int, how: str
) -> None:
    """Whatever the labels, also where steps have none and where counts are equal."""
    first = np.arange(max(0, len(labels) - size + 1))
    found = label_of_windows(np.array(labels, np.int32), first, size, how)
    assert found.tolist() == [plain(labels[i : i + size], how) for i in first]


@pytest.mark.parametrize(
    ("how", "expected"), [("all", [-1, -1]), ("majority", [2, -1]), ("last", [-1, 0])]
)
def test_a_step_without_a_label_counts_as_one_more_label(how: str, expected: list[int]) -> None:
    """Of 2 2 -1 most are 2; of -1 -1 0 most have none."""
    labels = np.array([2, 2, -1, -1, -1, 0])
    found = label_of_windows(labels, np.array([0, 3]), 3, how)
    assert found.tolist() == expected
