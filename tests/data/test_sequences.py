"""Sequences behave as the list of arrays they stand for, whatever was selected or joined."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from segue import Sequences
from segue.errors import DataError

Array = npt.NDArray[Any]
FLOATS = st.floats(-1e6, 1e6, width=32) | st.just(float("nan"))


@st.composite
def lists(draw: st.DrawFn, *, min_size: int = 0, min_length: int = 0) -> list[Array]:
    """Lists of `[time, channel]` arrays of unequal lengths, some of them empty, some with NaN."""
    channels = draw(st.integers(1, 3))
    tokens = draw(st.booleans())
    lengths = draw(st.lists(st.integers(min_length, 5), min_size=min_size, max_size=6))
    kind: Any = np.int32 if tokens else np.float32
    values = st.integers(0, 100) if tokens else FLOATS
    return [draw(hnp.arrays(kind, (length, channels), elements=values)) for length in lengths]


def assert_same(sequences: Sequences, expected: list[Array]) -> None:
    """Every way of reading gives the expected arrays."""
    assert len(sequences) == len(expected)
    assert sequences.lengths.tolist() == [len(steps) for steps in expected]
    for came, wanted in zip(sequences, expected, strict=True):
        np.testing.assert_array_equal(came, wanted)
    if expected:
        assert sequences.channels == expected[0].shape[1]
        np.testing.assert_array_equal(sequences.values, np.concatenate(expected))
        assert sequences.offsets.tolist() == [0, *np.cumsum(sequences.lengths)]


@given(lists())
def test_a_list_comes_back_from_sequences(arrays: list[Array]) -> None:
    assert_same(Sequences.from_list(arrays), arrays)
    assert Sequences.from_list(Sequences.from_list(arrays).to_list()) == Sequences.from_list(arrays)


@given(lists(min_size=1), st.data())
def test_indexing_equals_indexing_of_the_list(arrays: list[Array], data: st.DataObject) -> None:
    x, n = Sequences.from_list(arrays), len(arrays)
    number = data.draw(st.integers(-n, n - 1))
    np.testing.assert_array_equal(x[number], arrays[number])
    cut = data.draw(st.slices(n))
    assert_same(x[cut], arrays[cut])
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    assert_same(x[mask], [steps for steps, keep in zip(arrays, mask, strict=True) if keep])
    index = data.draw(st.lists(st.integers(-n, n - 1), max_size=8))
    assert_same(x[index], [arrays[i] for i in index])


@given(lists(min_size=1), st.data())
def test_a_selection_of_a_selection_is_one_selection(
    arrays: list[Array], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(arrays))))
    cut = data.draw(st.slices(len(arrays)))
    chosen = Sequences.from_list(arrays)[order][cut]
    assert_same(chosen, [arrays[i] for i in order][cut])
    values, lengths = chosen.gather(np.arange(len(chosen)))
    np.testing.assert_array_equal(values, chosen.values)
    assert lengths.tolist() == chosen.lengths.tolist()


@given(lists(min_size=1), st.data())
def test_concatenation_equals_that_of_the_lists(arrays: list[Array], data: st.DataObject) -> None:
    x = Sequences.from_list(arrays)
    first, second = data.draw(st.slices(len(arrays))), data.draw(st.slices(len(arrays)))
    joined = Sequences.concatenate([x[first], x[second], x])
    expected = [*arrays[first], *arrays[second], *arrays]
    assert_same(joined, expected)
    assert_same(joined[::-1], expected[::-1])


def test_a_selection_and_a_concatenation_share_the_values() -> None:
    x = Sequences.from_list([np.ones((3, 2), np.float32), np.zeros((4, 2), np.float32)])
    for other in (x[1:], x[[1, 0, 1]], Sequences.concatenate([x, x])):
        assert all(np.shares_memory(steps, x.values) for steps in other)


def test_values_are_read_only() -> None:
    x = Sequences.from_list([[1.0, 2.0], [3.0]])
    for array in (x[0], x.values):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 5


@given(lists(min_size=1, min_length=1), st.sampled_from(["left", "right"]))
def test_padding_is_undone_from_either_side(arrays: list[Array], side: Any) -> None:
    x = Sequences.from_list(arrays)
    padded, mask = x.to_padded(side=side, value=7)
    assert padded.shape == (len(x), max(x.lengths), x.channels)
    assert (padded[~mask] == 7).all()
    ends = mask[:, -1] if side == "left" else mask[:, 0]
    assert ends.all(), "the real steps must touch the side that is not padded"
    as_float = [steps.astype(np.float32) for steps in arrays]
    back = Sequences.from_padded(padded.astype(np.float32), mask)
    assert_same(back, as_float)
    if side == "right":
        assert Sequences.from_padded(padded.astype(np.float32), x.lengths) == back


@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=3, max_dims=3, max_side=5)))
def test_an_array_gives_sequences_of_one_length(array: Array) -> None:
    x = Sequences.from_array(array)
    assert_same(x, list(array))
    assert np.shares_memory(x.values, array)
    assert Sequences.from_array(array.transpose(0, 2, 1), layout="nct") == x
    assert Sequences.from_list([steps.T for steps in array], layout="ct") == x


def test_a_flat_array_has_one_channel() -> None:
    x = Sequences.from_array([[1.0, 2, 3], [4, 5, 6]])
    assert repr(x) == "Sequences(n=2, time=3, channels=1)"
    assert x[1].tolist() == [[4], [5], [6]]


@pytest.mark.parametrize("kind", [np.int8, np.uint16, np.int32, np.uint32, np.int64, np.uint64])
def test_whole_numbers_stay_such_whatever_type_they_have(kind: type) -> None:
    """Lists of Python's too; measurements become float32."""
    x = Sequences.from_list([np.array([1, 2], kind)])
    assert (x.kind, x.dtype, x.is_whole) == ("whole numbers", np.int32, True)
    assert repr(x) == "Sequences(n=1, time=2, channels=1, whole numbers)"
    assert Sequences.from_list([[1, 2], [3]]).is_whole
    assert Sequences.from_array(np.ones((2, 3), kind)).is_whole
    assert Sequences.from_list([np.array([1.5, 2], np.float64)]).dtype == np.float32


def test_whole_numbers_beside_others_are_numbers() -> None:
    """In one list, and where parts are joined; none of them changes."""
    whole = Sequences.from_list([[1], [16_777_217]])
    x = Sequences.concatenate([whole, Sequences.from_list([[1.5]])])
    assert (x.kind, x.values.ravel().tolist()) == ("numbers", [1, 16_777_217, 1.5])
    assert [steps.dtype for steps in x] == [x.dtype] * 3
    assert Sequences.from_list([[1], [1.5]]).kind == "numbers"
    with pytest.raises(DataError, match=r"1 \(numbers\), 1 \(text\)"):
        Sequences.concatenate([x, Sequences.from_texts(["a"])])


def test_equality_looks_at_values_and_lengths() -> None:
    x = Sequences.from_list([[1.0, np.nan], [3.0]])
    assert x == Sequences.from_list([[1.0, np.nan], [3.0]])
    assert x != Sequences.from_list([[1.0], [np.nan, 3.0]])
    assert x != Sequences.from_list([[1.0, 2.0], [3.0]])
    assert x != [[1.0, np.nan], [3.0]]


@given(lists(min_size=1), st.integers(1, 12))
def test_blocks_hold_every_sequence_once(arrays: list[Array], steps: int) -> None:
    blocks = list(Sequences.from_list(arrays).blocks(steps))
    assert all(len(block) for block in blocks)
    assert_same(Sequences.concatenate(blocks), arrays)


def test_an_empty_list_is_no_sequences() -> None:
    x = Sequences.from_list([])
    assert (len(x), x.length_range, x.total_steps, list(x.blocks())) == (0, (0, 0), 0, [])
    assert x.to_padded()[0].shape == (0, 0, 1)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ([np.ones((5, 2)), np.ones((5, 3))], r"sequence 1 has 3.*pass layout='ct'"),
        ([np.ones((4, 2)), np.ones((5, 3))], "Sequence 0 has 2 channels and sequence 1 has 3"),
        ([np.ones(3), np.ones((2, 2, 2))], r"Sequence 1 is \(2, 2, 2\); expected a \(time, chan"),
        ([["a", "b"]], "Sequence 0 is list; expected a .* array of numbers"),
        ([[[1, 2], [3]]], "Sequence 0 is list; expected a"),
        ([np.ones((3, 0))], "Sequence 0 is"),
    ],
)
def test_lists_that_are_no_sequences_are_refused(arrays: list[Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Sequences.from_list(arrays)


@pytest.mark.parametrize(
    ("values", "offsets", "message"),
    [
        (np.ones((3, 1)), [], "expected .n . 1. numbers beginning with 0"),
        (np.ones((3, 1)), [1, 3], "beginning with 0"),
        (np.ones((3, 1)), [0, 2], r"number of steps \(3\); it ends at 2"),
        (np.ones((3, 1)), [0, 4, 3], "its smallest step is -1"),
        (np.ones((3, 1, 1)), [0, 3], r"shape \(3, 1, 1\); expected \[total_steps, channel\]"),
        (["a", "b"], [0, 2], "expected numbers"),
    ],
)
def test_offsets_that_do_not_fit_are_refused(values: Any, offsets: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Sequences(values, offsets)


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([3, 5], "Lengths from 3 to 5 for an array padded to 4 steps"),
        ([-1, 2], "Lengths from -1 to 2"),
        ([1, 2, 3], r"its lengths or mask \(3,\); expected"),
        ([[1, 0, 1, 0], [1, 1, 1, 1]], "mask of sequence 0 has a gap"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(lengths: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Sequences.from_padded(np.ones((2, 4)), lengths)


def test_indices_that_do_not_fit_are_refused() -> None:
    x = Sequences.from_list([[1.0], [2.0]])
    with pytest.raises(IndexError, match="sequence 2 of 2"):
        x[2]
    with pytest.raises(IndexError, match=r"a mask of shape \(3,\) for 2 sequences"):
        x[[True, False, True]]
    with pytest.raises(IndexError):
        x[[0, 5]]


def test_an_array_of_coloured_images_names_what_takes_it() -> None:
    with pytest.raises(DataError, match=r"images_to_sequences\(images, 'rows'\)"):
        Sequences.from_array(np.zeros((2, 5, 4, 3)))


def test_lengths_instead_of_offsets() -> None:
    """The joined form that hmmlearn and others use: all steps, and the length of each sequence."""
    x = Sequences(np.arange(8.0).reshape(4, 2), lengths=[3, 1])
    assert [len(steps) for steps in x] == [3, 1]
    assert x == Sequences(np.arange(8.0).reshape(4, 2), [0, 3, 4])
    with pytest.raises(DataError, match="must rise from 0 to the number of steps"):
        Sequences(np.zeros((4, 2)), lengths=[3, 2])
    with pytest.raises(DataError, match="expected .n . 1. numbers beginning with 0"):
        Sequences(np.zeros((4, 2)))
