"""Mappings of Python: columns of a table where the names say so, else sequences by id."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import segue
from segue.errors import DataError
from segue.readers import read

TIME, X = [0, 1, 2, 0, 1, 2], [0.5, 1.0, 2.0, 3.0, 4.0, 5.0]
LONG = {"id": [7, 7, 7, 8, 8, 8], "time": TIME, "x": X, "label": list("aaabbb")}


def same(values: list[Any], kind: Any) -> Any:
    is_text = isinstance(values[0], str)
    return kind(values) if not is_text or kind is not torch.tensor else values


@pytest.mark.parametrize("kind", [list, tuple, np.array, pd.Series, torch.tensor])
def test_columns_by_name(kind: Any) -> None:
    """Time, label and the like are no sequences, of whatever type the columns are."""
    data = read({name: same(values, kind) for name, values in LONG.items()})
    assert data.x.lengths.tolist() == [3, 3]
    assert data.ids.tolist() == [7, 8]
    assert data.y.tolist() == ["a", "b"]


def test_one_recording() -> None:
    data = read({"time": list(range(6)), "x": X, "label": list("aabbab")})
    assert data.x.lengths.tolist() == [6]
    assert data.task == "label"


def test_texts_and_their_labels() -> None:
    texts = [f"this is message number {i}" for i in range(8)]
    data = read({"text": texts, "label": ["x", "y"] * 4})
    assert data.x.texts() == texts
    assert data.classes == ("x", "y")


def test_arrays_of_steps() -> None:
    """A row a sequence, with its steps in lists."""
    steps = np.arange(24.0).reshape(4, 6)
    data = read({"signal": steps, "label": list("abab")})
    np.testing.assert_array_equal(np.stack(list(data.x))[..., 0], steps)


def test_fit_and_predict() -> None:
    """Straight into `fit`, with the labels inside or apart, and `predict`."""
    rng = np.random.default_rng(0)
    names = np.repeat(np.arange(12), 5)
    columns = {"id": names, "time": np.tile(np.arange(5), 12), "x": rng.normal(size=60)}
    options = segue.TrainingOptions(progress="none")
    inside = segue.SequenceClassifier("gru(2)", epochs=1, options=options)
    inside.fit({**columns, "label": np.array(["a", "b"])[names % 2]})
    assert inside.predict(columns).tolist() == inside.predict(pd.DataFrame(columns)).tolist()
    apart = segue.SequenceClassifier("gru(2)", epochs=1, options=options)
    apart.fit(columns, np.array(["a", "b"])[np.arange(12) % 2])
    assert len(apart.predict(columns)) == 12


@pytest.mark.parametrize(
    ("mapping", "ids"),
    [
        ({"p1": [1.0, 2.0, 3.0], "p2": [4.0, 5.0]}, ["p1", "p2"]),
        ({"p1": np.zeros((3, 2)), "p2": np.zeros((5, 2))}, ["p1", "p2"]),
        ({1: [1.0, 2.0], 2: [4.0, 5.0]}, [1, 2]),
        ({"run": [1.0, 2.0], "rest": [4.0, 5.0]}, ["run", "rest"]),
        ({"d1": "a b", "time": "c d"}, ["d1", "time"]),
    ],
)
def test_sequences_by_id(mapping: dict[Any, Any], ids: list[Any]) -> None:
    """As documented; a note says so."""
    data = read(mapping)
    assert data.ids.tolist() == ids
    assert data.notes == (f"a mapping: each key is the id of a sequence, such as {ids[0]!r}",)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"x": X, "y": X}, "has 'y': is it a column, or an id"),
        ({"t": TIME, "load": X}, "has 't': is it a column, or an id"),
        ({"time": TIME, "x": X[:5]}, "has 'time', .* columns of 5 to 6 values"),
    ],
)
def test_what_may_be_either_is_asked(mapping: dict[str, Any], message: str) -> None:
    """And what the message says reads it as the one or the other."""
    with pytest.raises(DataError, match=message) as caught:
        read(mapping)
    assert "pandas.DataFrame(data)" in str(caught.value)
    by_id = segue.Dataset(list(mapping.values()), ids=list(mapping))
    assert by_id.ids.tolist() == list(mapping)


def test_options_of_a_table() -> None:
    """With them it is one, whatever its names are."""
    data = read({"t": TIME, "load": X, "who": LONG["id"]}, id="who", time="t")
    assert data.ids.tolist() == [7, 8]


def test_what_other_readers_return_is_refused_with_what_to_pass() -> None:
    """As `scipy.io.loadmat`, `numpy.load` and `h5py` give it: several arrays, by their names."""
    array = np.zeros((4, 5, 2))
    for found in ({"__header__": b"MATLAB", "X": [[1.0]]}, {"X": array, "y": np.arange(4)}):
        with pytest.raises(DataError, match=r"such as fit\(found\['X'\], found\['Y'\]\), or read"):
            segue.SequenceClassifier().fit(found)
        with pytest.raises(DataError, match="expected one sequence for each id"):
            read(found)
