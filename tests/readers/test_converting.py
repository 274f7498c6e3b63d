"""Any source becomes one mapped file; large ones without ever being in memory as a whole."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import segue
from segue.data.dataset import Dataset
from segue.errors import DataError, FileError, OptionError
from segue.prepare.batches import Batches, length_buckets
from segue.readers import npzfiles, read, table
from segue.readers.arrow import convert


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """So that a small file has many batches, and a small array counts as large."""
    monkeypatch.setattr(table, "_BLOCK", 700)
    monkeypatch.setattr(npzfiles, "LARGE", 1000)
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


def in_gzip(folder: Path) -> Path:
    packed = folder / "long.csv.gz"
    packed.write_bytes(gzip.compress(long(folder).read_bytes()))
    return packed


def in_feather(folder: Path) -> Path:
    from pyarrow import csv, feather

    table = csv.read_csv(long(folder))
    feather.write_feather(table, folder / "long.feather", chunksize=50)
    return folder / "long.feather"


@pytest.mark.parametrize("make", [wide, long, parts, in_parquet, in_gzip, in_feather])
def test_tables_batch_by_batch(tmp_path: Path, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same data set comes as from reading the whole, without doing so."""
    source = make(tmp_path)
    expected = read(source)
    shares: list[float] = []
    with monkeypatch.context() as patch:
        patch.setattr("segue.readers.arrow.read", None)  # the whole is never read
        data = convert(
            source, tmp_path / "a.arrow", large=0, progress=lambda n, s: shares.append(s)
        )
    assert same(data, expected)
    assert data.x.is_mapped
    assert len(shares) > 3
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)


def sounds(folder: Path) -> Path:
    import soundfile

    draws = np.random.default_rng(0)
    for number in range(24):
        place = folder / "sounds" / ("train" if number % 3 else "test") / "ab"[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        soundfile.write(place / f"{number}.wav", draws.uniform(-1, 1, 300 + number), 8000)
    return folder / "sounds"


def sounds_with_table(folder: Path) -> Path:
    import soundfile

    lines = ["filename,label,group,part"]
    for number in range(12):
        soundfile.write(folder / f"{number}.wav", np.sin(np.arange(200 + number)) / 2, 8000)
        lines.append(f"{number}.wav,{number % 2},p{number % 3},{('train', 'test')[number % 2]}")
    (folder / "labels.csv").write_text("\n".join(lines))
    return folder


def texts(folder: Path) -> Path:
    for number in range(20):
        place = folder / "texts" / "ab"[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.txt").write_text(f"Text {number} is here. " * (number + 1))
    return folder / "texts"


def images(folder: Path) -> Path:
    from PIL import Image

    for number in range(20):
        place = folder / "images" / "ab"[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        size = (9, 7) if number < 19 else (9, 7, 3)  # the last has colours: then all have
        pixels = np.full(size, number * 10, np.uint8)
        Image.fromarray(pixels).save(place / f"{number:02}.png")
    return folder / "images"


def pairs_of_files(folder: Path) -> Path:
    data = Dataset([np.arange(50.0 + n) for n in range(9)], [n % 2 for n in range(9)])
    return segue.write(data, folder / "pairs", format="dat")


def ts(folder: Path) -> Path:
    data = Dataset([np.arange(50.0 + n) for n in range(9)], ["ab"[n % 2] for n in range(9)])
    return segue.write(data, folder / "ts", format="ts")


def tsv(folder: Path) -> Path:
    lines = [f"{n % 3}\t" + "\t".join(map(str, range(60))) for n in range(12)]
    (folder / "Name_TRAIN.tsv").write_text("\n".join(lines))
    (folder / "Name_TEST.tsv").write_text("\n".join(lines[:5]))
    return folder


def idx(folder: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 9, 7), np.uint8)
    head = struct.pack(">4B3I", 0, 0, 8, 3, *pixels.shape)
    (folder / "images-idx3-ubyte.gz").write_bytes(gzip.compress(head + pixels.tobytes()))
    labels = struct.pack(">4BI", 0, 0, 8, 1, 20) + bytes(range(20))
    (folder / "labels-idx1-ubyte").write_bytes(labels)
    return folder


FOLDERS = [sounds, sounds_with_table, texts, images, pairs_of_files, ts, tsv, idx]


@pytest.mark.parametrize("make", FOLDERS)
def test_files_one_after_the_other(
    tmp_path: Path, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sounds, texts, images and the like come as from reading the whole, without doing so."""
    (tmp_path / "data").mkdir()
    (tmp_path / "made").mkdir()
    source = make(tmp_path / "data")
    expected = read(source)
    shares: list[float] = []
    with monkeypatch.context() as patch:
        patch.setattr("segue.readers.registry.BLOCK_VALUES", 200)
        patch.setattr("segue.readers.arrow.read", None)  # the whole is never read
        tell = lambda n, s: shares.append(s)  # noqa: E731
        data = convert(source, tmp_path / "made" / "a.arrow", progress=tell)
    assert same(data, expected)
    assert data.reading == expected.reading
    assert data.rate_hz == expected.rate_hz
    assert len(shares) > 2
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    if expected.parts is not None:
        test = convert(source, tmp_path / "made" / "b.arrow", part="test")
        assert same(test, expected.part("test"))


def test_a_text_in_sentences(tmp_path: Path) -> None:
    """The options of a format hold, and unknown ones are refused."""
    source = texts(tmp_path)
    data = convert(source, tmp_path / "a.arrow", unit="sentence")
    assert same(data, read(source, unit="sentence"))
    assert len(data) == 210
    with pytest.raises(OptionError, match="The format text has no option 'unitt'"):
        convert(source, tmp_path / "a.arrow", unitt="sentence")


@pytest.mark.parametrize("make", [sounds, texts, images])
def test_damaged_files_are_named_together(
    tmp_path: Path, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when everything is read, also where some were written already; no file is left."""
    source = make(tmp_path)
    files = sorted(file for file in source.rglob("*") if file.is_file())
    for file in (files[7], files[-1]):
        file.write_bytes(file.read_bytes()[:45] if make is not texts else b"\xff\xfe\xff")
    monkeypatch.setattr("segue.readers.registry.BLOCK_VALUES", 200)
    with pytest.raises(FileError) as whole:
        read(source)
    with pytest.raises(FileError) as in_blocks:
        convert(source, tmp_path / "a.arrow")
    assert str(in_blocks.value) == str(whole.value)
    assert not (tmp_path / "a.arrow").exists()


def test_parts_that_do_not_fit(tmp_path: Path) -> None:
    """A test folder at another rate is refused as `read` refuses it."""
    import soundfile

    source = sounds(tmp_path)
    for file in (source / "test").rglob("*.wav"):
        soundfile.write(file, np.zeros(100), 16000)
    for function in (read, lambda path: convert(path, tmp_path / "a.arrow")):
        with pytest.raises(DataError, match="do not agree in their sampling rates: 16000 Hz|8000"):
            function(source)


@pytest.mark.parametrize(
    "kind",
    [
        "sounds",
        pytest.param("texts", marks=pytest.mark.slow),
        "images",
        pytest.param("packed table", marks=pytest.mark.slow),
    ],
)
@pytest.mark.slow
def test_memory_is_bounded_for_folders(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """20 to 40 MB of values: less than a quarter of it at a time."""
    import soundfile
    from PIL import Image

    place = tmp_path / "data" / "a"
    place.mkdir(parents=True)
    draws = np.random.default_rng(0)
    for number in range(50):
        if kind == "sounds":
            soundfile.write(place / f"{number}.wav", draws.uniform(-1, 1, 200_000), 8000)
        elif kind == "texts":
            (place / f"{number}.txt").write_text("a few words " * 16_000)
        elif kind == "images":
            Image.fromarray(draws.integers(0, 256, (400, 500), np.uint8)).save(
                place / f"{number}.png"
            )
    source = place.parent
    if kind == "packed table":
        source = place / "a.csv.gz"
        row = ",".join(f"{i / 7:.6f}" for i in range(100))
        with gzip.open(source, "wt", compresslevel=1) as file:
            file.write("label," + ",".join(f"t{i}" for i in range(100)) + "\n")
            for number in range(50_000):
                file.write(f"{'ab'[number % 2]},{row}\n")
        monkeypatch.setattr(table, "_BLOCK", 1 << 16)
    monkeypatch.setattr("segue.readers.registry.BLOCK_VALUES", 200_000)
    monkeypatch.setattr("segue.data.storage.BATCH_VALUES", 100_000)
    convert(texts(tmp_path), tmp_path / "warm.arrow", large=0)
    before = pa.total_allocated_bytes()
    peaks: list[int] = []
    tracemalloc.start()
    data = convert(
        source,
        tmp_path / "a.arrow",
        progress=lambda *_: peaks.append(pa.total_allocated_bytes() - before),
        large=0,
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    size = data.x.total_steps * data.x.channels * 4
    assert size >= 20_000_000
    assert len(peaks) > 10
    assert peak < size / 4
    assert max(peaks) < size / 4


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


@pytest.mark.slow
def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """19 MB of text, 8 MB of values: 5 MB of arrays at a time, and 11 MB of Arrow's."""
    monkeypatch.setattr(table, "_BLOCK", 1 << 18)
    monkeypatch.setattr("segue.data.storage.BATCH_VALUES", 100_000)
    row = "a," + ",".join(f"{i / 7:.6f}" for i in range(100)) + "\n"
    with (tmp_path / "a.csv").open("w") as file:
        file.write("label," + ",".join(f"t{i}" for i in range(100)) + "\n")
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
    assert data.x.total_steps == 2_000_000
    assert peak < 5_000_000
    assert max(peaks) < 11_000_000  # 32 blocks of text are read ahead


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int16])
def test_arrays_row_by_row(tmp_path: Path, kind: Any) -> None:
    """Large .npy and .npz are mapped; other numbers than float32 are turned."""
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
    for name in ("a.npz", "b.npz"):
        assert read(tmp_path / name).x.is_mapped == (kind == np.float32)
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


@pytest.mark.parametrize("path", ["torch", ""])
def test_shuffling_a_mapped_file_is_exact(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every epoch takes each sequence once, in the order that it would have in memory."""
    monkeypatch.setenv("SEGUE_KERNELS", path)
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
    if path == "torch":  # each batch is taken by itself
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
