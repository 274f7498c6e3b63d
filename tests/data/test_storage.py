"""Sequences and data sets go to an Arrow file and come back, also in several batches."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue import Sequences
from segue.data import storage as arrow
from segue.errors import DataError, DataNotFoundError, FileError, WriteError


@given(
    lengths=st.lists(st.integers(0, 9), min_size=1, max_size=9),
    channels=st.integers(1, 3),
    batch_steps=st.integers(1, 20),
    tokens=st.booleans(),
)
def test_what_was_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    lengths: list[int],
    channels: int,
    batch_steps: int,
    tokens: bool,
) -> None:
    draws = np.random.default_rng(0)
    kind = np.int32 if tokens else np.float32
    arrays = [draws.normal(0, 100, (length, channels)).astype(kind) for length in lengths]
    path = tmp_path_factory.mktemp("arrow") / "x.arrow"
    assert Sequences.write(path, arrays, batch_steps=batch_steps) == len(arrays)
    assert Sequences.open(path) == Sequences.from_list(arrays)


def test_a_generator_is_written_as_it_comes_in_several_batches(tmp_path: Path) -> None:
    path = tmp_path / "x.arrow"
    Sequences.write(path, (np.full((10, 1), n, np.float32) for n in range(7)), batch_steps=20)
    with pa.memory_map(str(path)) as source:
        assert pa.ipc.open_file(source).num_record_batches == 4
    x = Sequences.open(path)
    assert [float(steps[0, 0]) for steps in x] == list(range(7))
    assert [float(steps[0, 0]) for steps in x[[6, 0, 3]]] == [6, 0, 3]


def test_what_is_opened_lies_in_the_file_and_a_selection_too(tmp_path: Path) -> None:
    path = tmp_path / "x.arrow"
    Sequences.write(path, [np.ones((4, 2)), np.zeros((3, 2))])
    x = Sequences.open(path)
    assert x.is_mapped
    assert x[1:].is_mapped
    assert not Sequences.from_list(x.to_list()).is_mapped


def test_appending_keeps_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "x.arrow"
    Sequences.write(path, [[1.0], [2.0, 3.0]])
    assert Sequences.write(path, [[4.0]], append=True) == 3
    assert Sequences.open(path) == Sequences.from_list([[1.0], [2.0, 3.0], [4.0]])


def test_a_sequence_of_other_channels_is_refused_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "x.arrow"
    Sequences.write(path, [[1.0]])
    before = path.read_bytes()
    with pytest.raises(DataError, match="From row 1 on the rows are of another kind"):
        Sequences.write(path, [np.ones((2, 2))], append=True)
    with pytest.raises(
        DataError, match="Sequence 1 has 3 channels; the sequences before it have 2"
    ):
        Sequences.write(path, [np.ones((2, 2)), np.ones((2, 3))])
    with pytest.raises(DataError, match="another kind"):
        Sequences.write(path, [np.ones((2, 2)), np.ones((2, 3))], batch_steps=1)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_generator_that_raises_leaves_nothing(tmp_path: Path) -> None:
    def broken():
        yield [1.0, 2.0]
        raise RuntimeError("the sensor went away")

    with pytest.raises(RuntimeError, match="sensor"):
        Sequences.write(tmp_path / "x.arrow", broken(), batch_steps=1)
    assert not list(tmp_path.iterdir())


def test_no_sequences_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No sequences came"):
        Sequences.write(tmp_path / "x.arrow", [])
    assert not list(tmp_path.iterdir())


def test_columns_and_metadata_come_back(tmp_path: Path) -> None:
    rows = [
        (np.full((2, 1), n, np.float32), {"name": f"n{n}", "number": n, "tags": np.array([n, 0.5])})
        for n in range(3)
    ]
    arrow.write(tmp_path / "x.arrow", rows, metadata={"rate_hz": 50}, batch_steps=2)
    came = arrow.read(tmp_path / "x.arrow")
    assert came.metadata == {"rate_hz": 50}
    assert came.columns["name"].tolist() == ["n0", "n1", "n2"]
    assert came.columns["number"].tolist() == [0, 1, 2]
    assert [entry.tolist() for entry in came.columns["tags"]] == [[0, 0.5], [1, 0.5], [2, 0.5]]


def test_a_file_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"x\.arrow: there is no such file"):
        Sequences.open(tmp_path / "x.arrow")
    (tmp_path / "x.arrow").write_bytes(b"not an Arrow file at all")
    with pytest.raises(FileError, match=r"x\.arrow: is not a whole Arrow IPC file"):
        Sequences.open(tmp_path / "x.arrow")


@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "x.arrow"
    Sequences.write(path, [np.ones((50, 1))] * 20, batch_steps=100)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(FileError, match="is not a whole Arrow IPC file"):
        Sequences.open(path)


def test_an_arrow_file_of_something_else_is_refused(tmp_path: Path) -> None:
    table = pa.table({"colour": ["red"], "size": [3]})
    with pa.ipc.new_file(str(tmp_path / "x.arrow"), table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(FileError, match="has no column `x` of sequences.*colour, size"):
        Sequences.open(tmp_path / "x.arrow")


def test_a_full_disk_leaves_nothing_and_says_so(tmp_path: Path, full_disk: Path) -> None:
    rows = (np.ones((100_000, 1), np.float32) for _ in range(100))
    with pytest.raises(WriteError, match=r"x\.arrow could not be written .*Free some space"):
        Sequences.write(full_disk / "x.arrow", rows, batch_steps=100_000)
    assert not list(full_disk.iterdir())


def test_metadata_that_is_no_mapping_of_ours_is_ignored(tmp_path: Path) -> None:
    """A file of another program with a right column `x` can be read."""
    steps = pa.FixedSizeListArray.from_arrays(pa.array(np.arange(6, dtype=np.float32)), 2)
    x = pa.LargeListArray.from_arrays(pa.array([0, 1, 3]), steps)
    batch = pa.RecordBatch.from_pydict({"x": x})
    with pa.ipc.new_file(str(tmp_path / "x.arrow"), batch.schema) as writer:
        writer.write_batch(batch)
    assert json.dumps(arrow.read(tmp_path / "x.arrow").metadata) == "{}"
    assert Sequences.open(tmp_path / "x.arrow").lengths.tolist() == [1, 2]


# -- types of values ------------------------------------------------------------------------------


def test_the_type_of_the_file_is_what_the_values_need(tmp_path: Path) -> None:
    """float32 as ever, float64 where float32 is too coarse, int32 for whole numbers."""
    path = tmp_path / "x.arrow"
    near = np.random.default_rng(0).normal(size=(40, 2))
    for items, kind in (
        ([near, near], np.float32),
        ([near + 1e9, near], np.float64),
        ([near, near + 1e9], np.float64),
        ([[1, 2], [3]], np.int32),
        ([[1, 2], [3.5]], np.float32),
        ([[1.5], [2**31 - 1], [7]], np.float32),
        ([[2**31 - 1], [2**31 - 2], [0.5 + 2**31]], np.float64),
    ):
        for batch_steps in (1, None):
            Sequences.write(path, iter(items), batch_steps=batch_steps)
            x = Sequences.open(path)
            assert x.dtype == kind
            assert x == Sequences.from_list(items)
    assert list(tmp_path.iterdir()) == [path]


def test_appending_widens_the_type(tmp_path: Path) -> None:
    """What was there keeps its values, and its metadata; texts take texts only."""
    path = tmp_path / "x.arrow"
    arrow.write(path, [(np.ones((2, 1), np.int32), {})], metadata={"rate_hz": 50})
    for more, kind in (
        ([[2]], "int32"),
        ([[0.5]], "float32"),
        ([[1e9, 1e9 + 1, 1e9 + 2, 1e9 + 3]], "float64"),
    ):
        Sequences.write(path, more, append=True)
        assert Sequences.open(path).dtype == kind
    assert Sequences.open(path).values.ravel()[:-2].tolist() == [1, 1, 2, 0.5, 1e9, 1e9 + 1]
    assert arrow.read(path).metadata == {"rate_hz": 50}
    texts = tmp_path / "t.arrow"
    Sequences.write(texts, Sequences.from_texts(["a", "bc"]))
    Sequences.write(texts, Sequences.from_texts(["d"]), append=True)
    assert Sequences.open(texts).texts() == ["a", "bc", "d"]
    for file, other in ((texts, [[1]]), (path, Sequences.from_texts(["a"]))):
        with pytest.raises(DataError, match="rows are of another kind"):
            Sequences.write(file, other, append=True)


def test_a_generator_that_raises_while_the_type_widens_leaves_nothing(tmp_path: Path) -> None:
    def broken():
        yield [1]
        yield [1.5]
        raise RuntimeError("the sensor went away")

    with pytest.raises(RuntimeError, match="sensor"):
        Sequences.write(tmp_path / "x.arrow", broken(), batch_steps=1)
    assert not list(tmp_path.iterdir())
