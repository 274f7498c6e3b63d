"""Any source becomes one mapped file; large ones without ever being in memory as a whole."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import segue
from segue.dataset import Dataset
from segue.errors import FileError, OptionError
from segue.prepare.batches import Batches, length_buckets
from segue.readers import mapping, read
from segue.readers.converting import convert
from segue.readers.table import streaming


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """So that a small file has many batches, and a small array counts as large."""
    monkeypatch.setattr(streaming, "_BLOCK", 700)
    monkeypatch.setattr(mapping, "LARGE", 1000)
    monkeypatch.setenv("SEGUE_CACHE", str(tmp_path / "cache"))


def same(a: Dataset, b: Dataset) -> bool:
    return (
        a.x == b.x
        and a.classes == b.classes
        and a.channels == b.channels
        and all(
            np.array_equal(getattr(a, name), getattr(b, name))
            for name in ("y", "groups", "parts", "ids")
            if getattr(a, name) is not None or getattr(b, name) is not None
        )
    )


def wide(folder: Path) -> Path:
    rows = [f"{'ab'[i % 2]},{i},{i / 4},{i % 5}" for i in range(300)]
    (folder / "wide.csv").write_text("\n".join(["label,t0,t1,t2", *rows]))
    return folder / "wide.csv"


def long(folder: Path, order: Any = None) -> Path:
    draws = np.random.default_rng(0)
    rows = [
        f"s{i},{t},{draws.normal():.4f},person {i % 3},{i % 2}"
        for i in range(30)
        for t in range(int(draws.integers(1, 30)))
    ]
    rows = rows if order is None else order(rows)
    (folder / "long.csv").write_text("\n".join(["id,step,v,subject,label", *rows]) + "\n")
    return folder / "long.csv"


def parts(folder: Path) -> Path:
    (folder / "parts").mkdir()
    for name in ("train", "test"):
        wide(folder).rename(folder / "parts" / f"{name}.csv")
    return folder / "parts"


def in_parquet(folder: Path) -> Path:
    from pyarrow import csv

    parquet.write_table(csv.read_csv(long(folder)), folder / "long.parquet", row_group_size=50)
    return folder / "long.parquet"


@pytest.mark.parametrize("make", [wide, long, parts, in_parquet])
def test_tables_batch_by_batch(tmp_path: Path, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same data set comes as from reading the whole, without doing so."""
    source = make(tmp_path)
    expected = read(source)
    shares: list[float] = []
    with monkeypatch.context() as patch:
        patch.setattr("segue.readers.converting.read", None)  # the whole is never read
        data = convert(
            source, tmp_path / "a.arrow", large=0, progress=lambda n, s: shares.append(s)
        )
    assert same(data, expected)
    assert data.x.is_mapped
    assert len(shares) > 3
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)


@pytest.mark.parametrize(
    "order", [lambda rows: rows[::-1][::2] + rows[::2], lambda rows: sorted(rows, key=len)]
)
def test_rows_that_do_not_stand_together(tmp_path: Path, order: Any) -> None:
    """A sequence that goes on later cannot be told in time: then the whole is read after all."""
    source = long(tmp_path, order)
    assert same(convert(source, tmp_path / "a.arrow", large=0), read(source))


def test_a_type_that_changes_later(tmp_path: Path) -> None:
    """Whole numbers with decimals later on, and labels that become text."""
    rows = [f"{i % 3},{i},1" for i in range(200)] + ["1,0.5,2", "x,1,2.5"]
    (tmp_path / "a.csv").write_text("\n".join(["label,t0,t1", *rows]))
    data = convert(tmp_path / "a.csv", tmp_path / "a.arrow", large=0)
    assert same(data, read(tmp_path / "a.csv"))
    assert data.classes == ("0", "1", "2", "x")


def test_a_mistake_far_down_has_its_line(tmp_path: Path) -> None:
    """Lines are counted over all batches, and no file is left."""
    path = long(tmp_path)
    lines = path.read_text().splitlines()
    lines[300] = lines[300].replace(",person", "inf,person").replace(",", ",", 1)
    lines[300] = ",".join([*lines[300].split(",")[:2], "inf", *lines[300].split(",")[3:]])
    path.write_text("\n".join(lines))
    with pytest.raises(FileError, match=r"long\.csv, line 301: column 'v' has an infinite value"):
        convert(path, tmp_path / "a.arrow", large=0)
    lines[300] = "s1,2"
    path.write_text("\n".join(lines))
    with pytest.raises(FileError, match=r"long\.csv, line 301: has 2 fields; expected 5"):
        convert(path, tmp_path / "a.arrow", large=0)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["long.csv"]


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """50 MB of text: less than 10 MB of arrays at a time, and less than 20 MB of Arrow's."""
    monkeypatch.setattr(streaming, "_BLOCK", 1 << 18)
    monkeypatch.setattr("segue.arrow.BATCH_VALUES", 100_000)
    row = "a," + ",".join(f"{i / 7:.6f}" for i in range(300)) + "\n"
    with (tmp_path / "a.csv").open("w") as file:
        file.write("label," + ",".join(f"t{i}" for i in range(300)) + "\n")
        for number in range(20_000):
            file.write(row if number % 2 else "b" + row[1:])
    convert(wide(tmp_path), tmp_path / "warm.arrow", large=0)
    before = pa.total_allocated_bytes()
    peaks: list[int] = []
    tracemalloc.start()
    data = convert(
        tmp_path / "a.csv",
        tmp_path / "a.arrow",
        progress=lambda *_: peaks.append(pa.total_allocated_bytes() - before),
        large=0,
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert data.x.total_steps == 6_000_000
    assert peak < 10_000_000
    assert max(peaks) < 20_000_000  # 32 blocks of text are read ahead


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int16])
def test_arrays_row_by_row(tmp_path: Path, kind: Any) -> None:
    """Large .npy and uncompressed .npz are mapped; other numbers than float32 are turned."""
    array = (np.random.default_rng(0).standard_normal((50, 20, 3)) * 100).astype(kind)
    y = np.arange(50) % 3
    np.save(tmp_path / "X_train.npy", array)
    np.save(tmp_path / "y_train.npy", y)
    np.savez(tmp_path / "a.npz", x=array, y=y)
    np.savez_compressed(tmp_path / "b.npz", x=array, y=y)
    np.savez(tmp_path / "c.npz", values=array.reshape(-1, 3), lengths=np.full(50, 20), y=y)
    np.savez(tmp_path / "d.npz", x=array, lengths=np.arange(50) % 20 + 1, y=y)
    for name in ("X_train.npy", "a.npz", "b.npz", "c.npz"):
        data = read(tmp_path / name)
        np.testing.assert_array_equal(data.x.values, array.reshape(-1, 3).astype(np.float32))
        assert data.y.tolist() == y.tolist()
        made = convert(tmp_path / name, tmp_path / "made.arrow")
        assert same(made, data)
    assert read(tmp_path / "a.npz").x.is_mapped == (kind == np.float32)
    padded = read(tmp_path / "d.npz")
    assert padded.x.lengths.tolist() == (np.arange(50) % 20 + 1).tolist()
    np.testing.assert_array_equal(padded.x[7], array[7, :8].astype(np.float32))


def test_named_data_sets_and_options(tmp_path: Path) -> None:
    """Whatever `read` takes; what it does not take is refused."""
    data = convert("japanese-vowels", tmp_path / "a.arrow", part="test", limit=7)
    assert same(data, read("japanese-vowels", part="test", limit=7))
    made = convert(wide(tmp_path), tmp_path / "b.arrow", large=0, label="none", channels="t1,t2")
    assert same(made, read(tmp_path / "wide.csv", label="none", channels="t1,t2"))
    with pytest.raises(OptionError, match="The file is 'a.npz'; expected one that ends in .arrow"):
        convert("japanese-vowels", tmp_path / "a.npz")
    for large in (0, 10**9):
        with pytest.raises(OptionError, match="no option 'lable'"):
            convert(wide(tmp_path), tmp_path / "c.arrow", large=large, lable="x")


# -- training on what was made --------------------------------------------------------------------


def test_shuffling_a_mapped_file_is_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every epoch takes each sequence once, in the order that it would have in memory."""
    data = read(long(tmp_path))
    mapped = convert(tmp_path / "long.csv", tmp_path / "a.arrow", large=0)
    taken: list[list[int]] = []
    gather = Batches.gather

    def spy(self: Batches, index: Any) -> Any:
        taken.append(np.asarray(index).tolist())
        return gather(self, index)

    monkeypatch.setattr(Batches, "gather", spy)
    options = segue.TrainingOptions(progress="none")
    runs = []
    for part in (data, mapped):
        taken.clear()
        model = segue.SequenceClassifier(
            "gru(3)", epochs=3, batch_size=4, validation=None, options=options
        ).fit(part)
        runs.append(([list(batch) for batch in taken], model.network_.get_weights()))
    (order, weights), (mapped_order, mapped_weights) = runs
    assert mapped_order == order
    batches = len(order) // 3
    for epoch in range(3):
        seen = [i for batch in order[epoch * batches : (epoch + 1) * batches] for i in batch]
        assert sorted(seen) == list(range(30))
    assert order[:batches] != order[batches : 2 * batches]
    for name, values in weights.items():
        np.testing.assert_array_equal(mapped_weights[name], values)


def test_the_order_of_an_epoch_is_any_order() -> None:
    """Each sequence comes to each place of an epoch equally often: no block of the file stays."""
    first = [
        np.concatenate(length_buckets(np.full(200, 5), 10, np.random.default_rng(seed)))[:10]
        for seed in range(400)
    ]
    counts = np.bincount(np.concatenate(first), minlength=200)
    assert counts.sum() == 4000
    assert abs(counts - 20).max() < 6 * np.sqrt(20)
