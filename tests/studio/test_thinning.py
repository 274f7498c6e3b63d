"""From any distance a sequence keeps its extremes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.errors import OptionError
from segue.studio.thinning import BLOCK, Pyramid

LONG = np.random.default_rng(0).normal(size=(300_000, 2)).astype(np.float32)
PYRAMID = Pyramid(LONG)


@given(
    start=st.integers(0, len(LONG)),
    length=st.integers(0, len(LONG)),
    width=st.integers(1, 300),
)
def test_the_smallest_and_the_largest_value_are_kept(start: int, length: int, width: int) -> None:
    """Of any stretch, for each channel, near and far; and there are two points a column at most."""
    stretch = PYRAMID.stretch(start, start + length, width)
    piece = LONG[start : start + length]
    assert len(stretch.steps) <= 2 * width
    if len(piece):
        np.testing.assert_array_equal(stretch.values.min(axis=0), piece.min(axis=0))
        np.testing.assert_array_equal(stretch.values.max(axis=0), piece.max(axis=0))
        assert (np.diff(stretch.steps) > 0).all()
        assert stretch.steps[0] == start
        assert stretch.steps[-1] < start + len(piece)


def test_each_column_has_the_extremes_of_its_own_steps() -> None:
    """Far away they may be those of the blocks that its edges cut."""
    width = 100
    stretch = PYRAMID.stretch(0, len(LONG), width)
    edges = np.linspace(0, len(LONG), width + 1).astype(int)
    for column in range(1, width - 1):
        low, high = stretch.values[2 * column : 2 * column + 2]
        wide = LONG[edges[column] - BLOCK : edges[column + 1]]
        narrow = LONG[edges[column] : edges[column + 1] - BLOCK]
        assert (wide.min(axis=0) <= low).all()
        assert (low <= narrow.min(axis=0)).all()
        assert (wide.max(axis=0) >= high).all()
        assert (high >= narrow.max(axis=0)).all()


def test_near_by_each_step_is_a_point() -> None:
    stretch = PYRAMID.stretch(10, 20, 5)
    np.testing.assert_array_equal(stretch.values, LONG[10:20])
    assert not stretch.is_thinned


def test_missing_values_hide_no_others() -> None:
    values = np.full((100_000, 1), np.nan, np.float32)
    values[60_000:60_010] = [[3.0], [1.0], [2.0], [5.0], [4.0]] * 2
    stretch = Pyramid(values).stretch(0, 100_000, 50)
    assert np.nanmin(stretch.values) == 1
    assert np.nanmax(stretch.values) == 5
    assert np.isnan(stretch.values).sum() == len(stretch.values) - 2


def test_whole_numbers_are_thinned_too() -> None:
    values = np.arange(10_000, dtype=np.int32)[:, None]
    stretch = Pyramid(values).stretch(0, 10_000, 4)
    assert stretch.values.ravel()[[0, -1]].tolist() == [0, 9999]


@pytest.mark.parametrize("bounds", [(-5, 10**9), (10**9, 2 * 10**9), (7, 3)])
def test_bounds_outside_of_the_sequence_are_its_ends(bounds: tuple[int, int]) -> None:
    stretch = PYRAMID.stretch(*bounds, 10)
    assert len(stretch.values) in (0, 20)


def test_a_screen_without_columns_is_refused() -> None:
    with pytest.raises(OptionError, match=r"`width` is 0; expected a whole number from 1 on"):
        PYRAMID.stretch(0, 10, 0)


def test_of_a_mapped_file_a_part_is_read_at_a_time(tmp_path) -> None:
    path = tmp_path / "long.npy"
    np.save(path, np.linspace(0, 1, 3_000_000, dtype=np.float32)[:, None])
    mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    stretch = Pyramid(mapped).stretch(1, 2_999_999, 1000)
    assert stretch.values.max() == mapped[2_999_998, 0]
