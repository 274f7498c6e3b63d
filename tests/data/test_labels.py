"""What is a label, which labels are missing, and what is a class: the same for every door."""

from __future__ import annotations

import datetime as dt
import enum
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from segue.data.labels import as_labels, classes_or_numbers, is_missing, is_one_hot
from segue.errors import DataError


class Move(enum.Enum):
    WALK = 1
    SIT = 2


@pytest.mark.parametrize(
    "label",
    [
        None,
        float("nan"),
        np.float32("nan"),
        np.datetime64("NaT"),
        pd.NaT,
        pd.NA,
        Decimal("NaN"),
        Decimal("sNaN"),
        np.ma.masked,
        "",
        " \t",
        b"",
        torch.tensor(float("nan")),
    ],
    ids=repr,
)
def test_every_form_of_nothing_is_missing(label: Any) -> None:
    """Whatever a library calls a missing value, it is missing here too, alone and in a list."""
    assert is_missing(label)
    assert as_labels([label])[1].tolist() == [True]


@pytest.mark.parametrize("label", ["nan", "NA", 0, 0.0, False, -1, [], np.zeros(2), Move.SIT])
def test_what_looks_empty_is_not_missing(label: Any) -> None:
    """Zero, False and text that says "NA" are labels: nobody has marked them as missing."""
    assert not is_missing(label)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([b"a", b"b"], ["a", "b"]),
        (np.array([b"a", b"b"]), ["a", "b"]),
        ([1.0, 2.0], [1, 2]),
        (np.array([1.0, 2.0], np.float32), [1, 2]),
        ([0.5, 2.0], [0.5, 2.0]),
        ([2**70, 1], [str(2**70), "1"]),
        (np.array([2**64 - 1], np.uint64), [str(2**64 - 1)]),
        ([2**60 + 1], [2**60 + 1]),
        ([Decimal(1), Decimal("2.0")], [1, 2]),
        ([True, False], [True, False]),
        ([Move.WALK, Move.SIT], ["WALK", "SIT"]),
        ([np.str_("a"), "b"], ["a", "b"]),
        ([np.array(1), np.int8(2)], [1, 2]),
        (["007", "7"], ["007", "7"]),
        ([dt.date(2024, 3, 9)], ["2024-03-09"]),
        ([dt.datetime(2024, 3, 9, 8)], ["2024-03-09T08:00:00"]),
        (np.array(["2024-03"], "M8[M]"), ["2024-03"]),
        (np.array(["2024-03-09T08"], "M8[ns]"), ["2024-03-09T08:00:00"]),
        (pd.Series(pd.to_datetime(["2024-03-09"])), ["2024-03-09"]),
        (pd.Series(pd.to_datetime(["2024-03-09"])).dt.tz_localize("UTC"), ["2024-03-09"]),
        (pd.Series(pd.period_range("2024-03", periods=2, freq="M")), ["2024-03", "2024-04"]),
        (pd.Series(["b", "a"], dtype="category"), ["b", "a"]),
        (pd.Series([1, 2], dtype="Int64"), [1, 2]),
        (pl.Series(["b", "a"], dtype=pl.Categorical), ["b", "a"]),
        (pa.array(["b", "a"]).dictionary_encode(), ["b", "a"]),
        ([pa.scalar(1), pa.scalar(2)], [1, 2]),
        (torch.tensor([1, 2]), [1, 2]),
        (torch.tensor([1.0, 2.0], dtype=torch.bfloat16, requires_grad=True), [1, 2]),
        ((n for n in (1, 2)), [1, 2]),
    ],
    ids=lambda value: str(value)[:30],
)
def test_labels_have_one_form(values: Any, expected: list[Any]) -> None:
    """Bytes, dates, scalars of NumPy, pandas, Arrow and PyTorch become plain labels."""
    labels, missing = as_labels(values)
    assert labels.tolist() == expected
    assert list(map(type, labels.tolist())) == list(map(type, expected))
    assert not missing.any()


@pytest.mark.parametrize(
    "values",
    [
        ["a", None, "b"],
        ["a", float("nan"), "b"],
        np.array(["a", "", "b"]),
        np.array(["a", None, "b"], object),
        pd.Series(["a", None, "b"]),
        pd.Series(["a", None, "b"], dtype="string"),
        pd.Series(["a", None, "b"], dtype="category"),
        pl.Series(["a", None, "b"]),
        pa.array(["a", None, "b"]),
        [1, None, 3],
        pd.Series([1, None, 3]),
        pd.Series([1, None, 3], dtype="Int64"),
        pl.Series([2**60 + 1, None, 3]),
        np.ma.masked_array([1, 2, 3], [False, True, False]),
        np.ma.masked_array(["a", "x", "b"], [False, True, False]),
        pd.Series([True, None, False], dtype="boolean"),
        pd.Series(pd.to_datetime(["2024-01-01", None, "2024-01-02"])),
    ],
    ids=lambda value: str(value)[:30].replace("\n", " "),
)
def test_the_missing_one_is_found(values: Any) -> None:
    """The label in the middle is missing, and no class is made of it."""
    labels, missing = as_labels(values)
    assert missing.tolist() == [False, True, False]
    assert len(set(labels[~missing].tolist())) == 2
    assert labels.dtype.kind in "Uib"  # whole numbers beside a missing one stay whole


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["a", 1], r"several kinds, a number \(1\) and text \('a'\)"),
        ([True, 3], r"a number \(3\) and a truth value \(True\)"),
        ([b"gr\xfcn"], r"no UTF-8 at 0: b'gr\\xfcn'"),
        ([("a", 1)], r"\('a', 1\) \(tuple\) at 0"),
        ([1j], r"1j \(complex\) at 0"),
        (["a", object()], r"\(object\) at 1"),
        (np.array([1j]), r"\(complex\) at 0"),
        (np.zeros((2, 2)), r"shape \(2, 2\)"),
    ],
)
def test_what_no_file_can_hold_is_refused(values: Any, message: str) -> None:
    """Labels of several kinds, undecodable bytes and objects are refused, with an example."""
    with pytest.raises(DataError, match=message):
        as_labels(values)


@pytest.mark.parametrize(
    ("labels", "kind", "note"),
    [
        (["a", "b"], "U", ""),
        ([True, False], "b", "truth values: taken as the classes False and True"),
        ([1, 2, 1], "i", "numbers with 2 values: taken as classes"),
        ([1, 1], "i", "numbers with 1 value: taken as classes"),
        ([1.0, 2.0], "i", "numbers with 2 values: taken as classes"),
        ([0.5, 2.0], "f", "numbers with fractions"),
        (range(101), "f", "whole numbers with 101 values: to be predicted"),
        (range(100), "i", "numbers with 100 values: taken as classes"),
        ([n % 101 for n in range(1000)], "i", "numbers with 101 values: taken as classes"),
    ],
    ids=str,
)
def test_one_rule_says_what_is_a_class(labels: Any, kind: str, note: str) -> None:
    """Text, truth values and whole numbers of few values are classes; others are numbers."""
    decided, said = classes_or_numbers(as_labels(labels)[0])
    assert decided.dtype.kind == kind
    assert said.startswith(note)
    assert bool(said) == bool(note)


def test_one_hot() -> None:
    """One-hot has one 1 in each of its rows, and at least two columns."""
    assert is_one_hot(np.eye(3))
    assert is_one_hot(np.eye(3, dtype=bool))
    assert not is_one_hot(np.ones((3, 1)))
    assert not is_one_hot(np.eye(3)[:, :2])
