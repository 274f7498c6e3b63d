"""Arrays of any library are taken, and what is missing in them is NaN."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

import segue
from segue import Dataset, Sequences
from segue.data.arrays import as_array
from segue.estimators.inputs import as_sequences

X = np.arange(24, dtype=np.float32).reshape(4, 3, 2)


class OnlyArray:
    """Has `__array__` and nothing else."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return X


class OnlyDLPack:
    """Has `__dlpack__` and nothing else."""

    def __dlpack__(self, **more: Any) -> Any:
        return X.__dlpack__(**more)

    def __dlpack_device__(self) -> Any:
        return X.__dlpack_device__()


class OnlyItems:
    """Can be counted and indexed, and nothing else."""

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, index: int) -> Any:
        return X[index]


def objects(rows: list[Any]) -> Any:
    array = np.empty(len(rows), object)
    array[:] = rows
    return array


def cells() -> Any:
    """`[n, channel]` of series, as sktime once had them."""
    array = np.empty((4, 2), object)
    for row in range(4):
        for channel in range(2):
            array[row, channel] = X[row, :, channel]
    return array


FORMS = {
    "masked": np.ma.masked_array(X, False),
    "gradient": torch.tensor(X, requires_grad=True),
    "bfloat16": torch.tensor(X, dtype=torch.bfloat16),
    "list of tensors": [torch.tensor(row, requires_grad=True) for row in X],
    "__array__": OnlyArray(),
    "__dlpack__": OnlyDLPack(),
    "__getitem__": OnlyItems(),
    "objects": objects([row[:3] for row in X]),
    "cells": cells(),
    "list of frames": [pd.DataFrame(row) for row in X],
    "list of masked": [np.ma.masked_array(row) for row in X],
}


@pytest.mark.parametrize("form", FORMS)
def test_sequences_of_any_form(form: str) -> None:
    """They hold the same values."""
    assert as_sequences(FORMS[form]).to_list()[1].tolist() == X[1].tolist()


def test_objects_of_unequal_length() -> None:
    """An array of arrays is a list of them, and cells of several channels stay together."""
    ragged = objects([np.ones((n, 2)) for n in (2, 3, 4)])
    assert as_sequences(ragged).lengths.tolist() == [2, 3, 4]
    assert Dataset(ragged, [0, 1, 0]).x.lengths.tolist() == [2, 3, 4]
    wide = np.empty((2, 2), object)
    for row, steps in enumerate((3, 5)):
        wide[row] = [np.zeros(steps), np.ones(steps)]
    assert [steps.shape for steps in as_sequences(wide)] == [(3, 2), (5, 2)]
    assert as_sequences(wide)[1][0].tolist() == [0, 1]
    assert Dataset(wide).x.lengths.tolist() == [3, 5]


@pytest.mark.parametrize(
    "value",
    [
        np.ma.masked_array([1.0, 9.97e36], [False, True]),
        np.ma.masked_array([1, 7], [False, True]),
        pd.Series([1, None], dtype="Int64"),
        pd.Series([1, None], dtype="Float64"),
        pl.Series([1.0, None]),
        [1.0, None],
        np.array([1, pd.NA], object),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_missing_is_nan(value: Any) -> None:
    """The number behind a mask, and every sign of nothing, never becomes a value."""
    np.testing.assert_array_equal(as_array(value), [1, np.nan])


def test_masked_sequences() -> None:
    """In arrays, in lists, padded, and in a data set."""
    masked = np.ma.masked_array(np.full((4, 3, 1), 9.97e36, np.float32), True)
    masked[:, 0] = 1
    for x in (Dataset(masked).x, as_sequences(masked), as_sequences(list(masked))):
        np.testing.assert_array_equal(x[0].ravel(), [1, np.nan, np.nan])
    padded = Sequences.from_padded(masked, [2, 2, 2, 2])
    np.testing.assert_array_equal(padded[0].ravel(), [1, np.nan])


def test_nullable_frames_and_lists_of_polars() -> None:
    """A frame of numbers of pandas' nullable types, and a column of lists."""
    frame = pd.DataFrame(X[:, :, 0]).astype("Float64").mask(pd.DataFrame(X[:, :, 0]) > 10)
    found = as_sequences(frame).values
    assert np.isnan(found).any() == (X[:, :, 0] > 10).any()
    column = pl.Series([row[:, 0].tolist() for row in X])
    assert as_sequences(column)[2].ravel().tolist() == X[2, :, 0].tolist()
    ragged = pl.Series([[1.0], [2.0, 3.0]])
    assert as_sequences(ragged).lengths.tolist() == [1, 2]


def test_text_stays_text() -> None:
    """What is no number is not made one, and lists of unequal length are no array."""
    assert as_array(["a", None]).dtype == object
    with pytest.raises(ValueError, match="inhomogeneous"):
        as_array([[1.0], [1.0, 2.0]])


def test_straight_into_read() -> None:
    """A mapping from id to sequence is a data set with ids."""
    data = segue.read({"b": [1.0, 2.0], "a": [3.0]})
    assert data.ids is not None
    assert data.ids.tolist() == ["b", "a"]
    assert Dataset({"b": [1.0], "a": [3.0]}, {"a": "x", "b": "y"}).y.tolist() == ["y", "x"]
