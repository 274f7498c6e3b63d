"""Data frames and binary tables are read as text tables are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

import segue
from segue.errors import DataError, OptionError
from segue.readers import read
from segue.readers.arrow import convert

LONG = {
    "id": [1, 1, 2, 2, 2],
    "time": [0.0, 0.5, 0.0, 0.5, 1.0],
    "v": [1.0, None, 3.0, 4.0, 5.0],
    "label": ["a", "a", "b", "b", "b"],
}
KINDS = {
    "pandas": lambda: pd.DataFrame(LONG),
    "pandas with an index": lambda: pd.DataFrame(LONG).set_index(["id", "time"]),
    "pandas categories": lambda: pd.DataFrame(LONG).astype({"label": "category"}),
    "polars": lambda: pl.DataFrame(LONG),
    "arrow": lambda: pa.table(LONG),
}


@pytest.mark.parametrize("kind", KINDS)
def test_frames(kind: str) -> None:
    """Whatever made the frame, the same data set comes of it."""
    data = read(KINDS[kind]())
    np.testing.assert_array_equal(data.x.values[:, 0], [1, np.nan, 3, 4, 5])
    assert data.y.tolist() == ["a", "b"]
    assert data.ids.tolist() == [1, 2]
    assert data.rate_hz == 2
    assert "one row a step: label 'label', id 'id', time 'time'" in data.notes[0]


@pytest.mark.parametrize("name", ["a.parquet", "a.feather", "a.arrow", "a.pq"])
def test_binary_files(tmp_path: Path, name: str) -> None:
    """Parquet, Feather, and Arrow files that segue did not write."""
    write = parquet.write_table if name.endswith(("parquet", "pq")) else feather.write_feather
    write(pa.table(LONG), tmp_path / name)
    data = read(tmp_path / name)
    assert data.x.lengths.tolist() == [2, 3]
    assert data.y.tolist() == ["a", "b"]


@pytest.mark.parametrize("kind", [pa.list_(pa.float64()), pa.large_list(pa.int32())])
def test_lists_in_fields(tmp_path: Path, kind: pa.DataType) -> None:
    """One row a sequence, its steps in a list; two such columns are two channels."""
    lists = pa.array([[1, 2], [3, 4, 5]], kind)
    parquet.write_table(pa.table({"x": lists, "y": lists, "label": ["a", "b"]}), tmp_path / "a.pq")
    data = read(tmp_path / "a.pq")
    assert data.x[1].tolist() == [[3, 3], [4, 4], [5, 5]]
    assert data.channels == ("x", "y")
    assert data.y.tolist() == ["a", "b"]


def test_lists_of_steps(tmp_path: Path) -> None:
    """A list of lists has the channels inside."""
    steps = pl.DataFrame({"x": [[[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]]], "kind": ["a", "b"]})
    data = read(steps)
    assert data.x[1].tolist() == [[3, 4], [5, 6]]
    assert data.y.tolist() == ["a", "b"]


def test_fit_says_how_it_reads_a_frame(capsys: pytest.CaptureFixture[str]) -> None:
    """What was guessed is said before training, and kept with the model."""
    frame = pd.DataFrame({"id": [1, 1, 2, 2] * 2, "v": range(8), "label": list("aabb") * 2})
    model = segue.SequenceClassifier("gru(2)", epochs=1, validation=None)
    with pytest.warns(UserWarning, match="Only one sequence belongs to class"):
        model.fit(frame)
    note = "one row a step: label 'label', id 'id', channels 'v'; a sequence for each 'id'"
    assert f"read as: {note}" in capsys.readouterr().err
    assert ("read as", note) in model.training_summary_


def test_options_and_parts() -> None:
    """Options and `part` work as they do for files."""
    frame = pd.DataFrame({**LONG, "split": ["train"] * 2 + ["test"] * 3, "w": range(5)})
    assert read(frame, part="test").ids.tolist() == [2]
    assert read(frame, channels=["w"], limit=1).x.values.ravel().tolist() == [0, 1, 2, 3, 4]
    assert read(frame, label="none").y is None
    with pytest.raises(OptionError, match="no option 'lable'"):
        read(frame, lable="w")
    with pytest.raises(OptionError, match="An object of Python has no format"):
        read(frame, format="dat")
    with pytest.raises(DataError, match="has no rows"):
        read(frame[:0])


def test_a_frame_goes_straight_into_fit() -> None:
    """`fit` takes a frame with everything in it; `predict` one like it, also without the label."""
    draws = np.random.default_rng(0)
    rows = [
        {"id": s, "time": t, "v": draws.normal(2 * (s % 2), 0.2), "label": "ab"[s % 2]}
        for s in range(24)
        for t in range(5)
    ]
    frame = pd.DataFrame(rows)
    options = segue.TrainingOptions(progress="none")
    model = segue.SequenceClassifier("gru(4)", epochs=15, learning_rate=0.05, options=options)
    model.fit(frame)
    assert model.score(frame) > 0.9
    answers = model.predict(frame.drop(columns="label")).tolist()
    assert answers == model.predict(pl.DataFrame(rows)).tolist()
    assert len(answers) == 24
    wide = frame.pivot(index="id", columns="time", values="v")
    assert model.fit(wide, ["a", "b"] * 12).predict(wide.to_numpy()).shape == (24,)


@pytest.mark.parametrize("kind", [pl.String, pl.Categorical, pl.Enum(["down", "up"])])
def test_files_of_polars(tmp_path: Path, kind: Any) -> None:
    """It writes text as views; labels are found in files, in frames and batch by batch."""
    frame = pl.DataFrame({"label": ["up", "down"] * 50, "t0": range(100), "t1": [0.5] * 100})
    frame = frame.with_columns(pl.col("label").cast(kind))
    frame.write_ipc(tmp_path / "a.arrow")
    frame.write_parquet(tmp_path / "a.parquet")
    for source in (frame, tmp_path / "a.arrow", tmp_path / "a.parquet"):
        assert read(source).y.tolist() == ["up", "down"] * 50
    made = convert(tmp_path / "a.arrow", tmp_path / "made.arrow", large=0)
    assert made.y.tolist() == ["up", "down"] * 50
