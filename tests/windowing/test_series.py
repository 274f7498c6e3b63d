"""Windows remember where they were cut, and no split lets one step come to both sides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import segue
from segue import Dataset, Sequences
from segue.data.splits import overlapping, split_in_time
from segue.errors import DataError, OptionError
from segue.windowing import cut_in_time


def steps_of(data: Dataset) -> set[tuple[int, int]]:
    """Every step of every series that a window or its target holds."""
    return {(s, t) for s, start, stop in data.spans.tolist() for t in range(start, stop)}


def test_windows_and_targets_are_where_they_say() -> None:
    series = [np.arange(10.0), 100 + np.arange(7.0)]
    data = segue.windows(series, size=3, horizon=2, stride=2)
    for x, y, (number, start, stop) in zip(data.x, data.y, data.spans, strict=True):
        whole = series[number][start:stop]
        assert np.array_equal(np.r_[x[:, 0], y], whole)
    assert data.spans[:, 0].tolist() == [0, 0, 0, 1, 1]


def test_several_channels_follow_step_by_step() -> None:
    series = np.arange(12.0).reshape(6, 2)
    data = segue.windows(series, size=2, horizon=2)
    assert data.x.channels == 2
    assert data.y[0].tolist() == [4, 5, 6, 7]


def test_values_are_not_copied() -> None:
    values = np.arange(1000, dtype=np.float32)[:, None]
    data = segue.windows(Sequences(values, [0, 1000]), size=50)
    assert all(np.shares_memory(window, values) for window in (data.x[0], data.x[-1]))


def test_windows_before_a_missing_value_are_left_out() -> None:
    series = np.arange(8.0)
    series[5] = np.nan
    assert segue.windows(series, size=2).spans[:, 1].tolist() == [0, 1, 2, 4, 5]


def test_windows_of_labelled_series_keep_the_labels() -> None:
    labelled = Dataset([[1.0] * 4, [2.0] * 5], ["a", "b"], groups=["ann", "bob"], ids=["x", "y"])
    cut = segue.windows(labelled, size=2, stride=2)
    assert cut.y.tolist() == ["a", "a", "b", "b"]
    assert cut.groups.tolist() == ["ann", "ann", "bob", "bob"]
    assert cut.ids.tolist() == ["x:0-2", "x:2-4", "y:0-2", "y:2-4"]
    codes = Sequences(np.arange(9, dtype=np.int32), [0, 4, 9])
    stepwise = Dataset(labelled.x, codes, tuple("abcdefghi"))
    assert segue.windows(stepwise, size=2, stride=2).y.values[:, 0].tolist() == [*range(8)]


def test_windows_of_windows_keep_their_series() -> None:
    first = segue.windows(np.arange(20.0), size=10, horizon=0, stride=10)
    assert segue.windows(first, size=4, horizon=0, stride=4).spans.tolist() == [
        [0, 0, 4],
        [0, 4, 8],
        [0, 10, 14],
        [0, 14, 18],
    ]


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    size=st.integers(1, 6),
    horizon=st.integers(0, 3),
    stride=st.integers(1, 4),
    share=st.floats(0.05, 0.6),
)
@pytest.mark.filterwarnings("ignore:.*shorter than a window")
def test_no_split_in_time_shares_a_step(
    lengths: list[int], size: int, horizon: int, stride: int, share: float
) -> None:
    """Whatever the windows are, the two sides have no step in common; first before second."""
    try:
        data = segue.windows([np.zeros(n) for n in lengths], size, horizon, stride)
        first, second = data.split(share)
    except DataError:
        return
    assert not steps_of(first) & steps_of(second)
    assert len(second)
    for number in np.unique(second.spans[:, 0]):
        before = first.spans[first.spans[:, 0] == number, 2]
        assert before.max() <= second.spans[second.spans[:, 0] == number, 1].min()


@given(seed=st.integers(0, 1000))
def test_overlaps_are_counted(seed: int) -> None:
    """Against the plain definition, pair by pair."""
    draws = np.random.default_rng(seed)

    def spans(n: int) -> Any:
        start = draws.integers(0, 20, n)
        return np.column_stack([draws.integers(0, 2, n), start, start + draws.integers(1, 6, n)])

    a, b = spans(draws.integers(0, 8)), spans(draws.integers(1, 8))
    plain = sum(any(s == t and u < y and x < v for s, u, v in a) for t, x, y in b.tolist())
    assert overlapping(a, b).sum() == plain


def test_parts_leave_out_what_reaches_across() -> None:
    data = segue.windows(np.arange(100.0), size=10)
    parted = data.with_parts(0.2)
    assert len(parted) < len(data)
    assert parted.part_names == ("train", "test")
    assert not steps_of(parted.part("train")) & steps_of(parted.part("test"))


def test_whoever_insists_is_told_how_much_overlaps() -> None:
    data = segue.windows(np.arange(100.0), size=10)
    with pytest.warns(UserWarning, match="18 of 18 windows overlap with windows of the other side"):
        first, second = data.split(0.2, by="sequence")
    assert len(first) + len(second) == len(data)


def test_groups_stay_together_before_time() -> None:
    people = Dataset([np.arange(20.0)] * 4, groups=["ann", "ann", "bob", "cid"])
    first, second = segue.windows(people, size=5).split(0.3)
    assert not set(first.groups) & set(second.groups)
    one = Dataset([np.arange(20.0)], groups=["ann"])
    assert len(segue.windows(one, size=5).split(0.3)[1]) == 4
    with pytest.warns(UserWarning, match="1 of 1 group is on both sides"):
        Dataset([[1.0]] * 4, groups=["ann"] * 4).split(0.5, by="sequence")


def test_a_way_to_split_that_there_is_not() -> None:
    with pytest.raises(DataError, match="by='time' needs windows of series"):
        Dataset([[1.0], [2.0]]).split(0.5, by="time")
    with pytest.raises(DataError, match="expected auto, group, time or sequence"):
        Dataset([[1.0], [2.0]]).split(0.5, by="chance")  # type: ignore[arg-type]


def test_spans_and_static_features_go_to_a_file_and_back(tmp_path: Path) -> None:
    data = segue.windows(Dataset([np.arange(9.0), np.arange(5.0)], static=[[1, 2], [3, 4]]), 3)
    data.write(tmp_path / "windows.arrow")
    again = Dataset.open(tmp_path / "windows.arrow")
    assert np.array_equal(again.spans, data.spans)
    assert np.array_equal(again.static, data.static)
    assert again.static.dtype == np.float32


def test_series_are_cut_in_time() -> None:
    data = cut_in_time(Dataset([np.arange(10.0), np.arange(4.0)]), 0.25)
    assert data.part("train").x.lengths.tolist() == [8, 3]
    assert data.part("test").x[0][:, 0].tolist() == [8, 9]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"size": 0}, "`size` is 0; expected a whole number from 1 on"),
        ({"size": 2.0}, "`size` is 2.0"),
        ({"size": 2, "horizon": -1}, "`horizon` is -1; expected a whole number from 0 on"),
        ({"size": 2, "stride": 0}, "`stride` is 0"),
    ],
)
def test_sizes_that_mean_nothing(more: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        segue.windows([1.0, 2.0, 3.0], **more)


def test_series_that_are_too_short() -> None:
    with pytest.raises(DataError, match="takes 6 steps, and the longest of 1 series has 3"):
        segue.windows([1.0, 2.0, 3.0], size=5)
    with pytest.warns(UserWarning, match="1 of 2 series are shorter than a window"):
        segue.windows([np.arange(9.0), np.arange(3.0)], size=5)
    with pytest.raises(DataError, match="No series can be cut in time"):
        split_in_time(np.array([[0, 0, 5], [0, 1, 6]]), 0.5)
