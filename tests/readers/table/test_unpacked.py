"""Parquet and Feather files that unpack to far more than they are, in every kind of column."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from segue.errors import FileError
from segue.readers import read
from segue.readers.table.unpacked import parquet_sizes, written_out

N = 2_000_000  # values, of 16 MB
LONG = "x" * 100_000


@pytest.fixture(autouse=True)
def ten_megabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """May be unpacked from a small file."""
    monkeypatch.setenv("SEGUE_MEMORY_GB", "0.01")


POOLS: list[Any] = []  # which live as long as whatever came from them


@contextmanager
def allocating_at_most(size: int) -> Iterator[None]:
    """Check what pyarrow allocates at any moment, in bytes."""
    before = pa.default_memory_pool()
    POOLS.append(pa.proxy_memory_pool(before))
    pa.set_memory_pool(POOLS[-1])
    try:
        yield
    finally:
        pa.set_memory_pool(before)
    assert POOLS[-1].max_memory() < size


def lists(values: Any = None, kind: Any = pa.LargeListArray, rows: int = 2) -> Any:
    values = np.zeros(N) if values is None else values
    ends = np.linspace(0, len(values), rows + 1).astype(int)
    offsets = pa.array(ends, pa.int64() if kind is pa.LargeListArray else pa.int32())
    return kind.from_arrays(offsets, pa.array(values))


def views() -> Any:
    """One text that stands in a thousand places."""
    one = pa.array([LONG], pa.string_view()).buffers()
    return pa.Array.from_buffers(
        pa.string_view(), 1000, [None, pa.py_buffer(one[1].to_pybytes()[:16] * 1000), *one[2:]]
    )


def repeated() -> Any:
    """One text that is there a thousand times, 100 MB."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(1000, np.int32)), pa.array([LONG]))


def run_ends(values: list[Any], length: int) -> Any:
    return pa.RunEndEncodedArray.from_arrays(pa.array([length], pa.int64()), pa.array(values))


COLUMNS: dict[str, Callable[[], Any]] = {
    "list": lambda: lists(kind=pa.ListArray),
    "large_list": lists,
    "fixed_list": lambda: pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(N)), N // 2),
    "list_of_lists": lambda: lists(lists(rows=4)),
    "truth": lambda: lists(np.zeros(N, bool)),
    "struct": lambda: pa.StructArray.from_arrays([lists()], ["inside"]),
    "map": lambda: pa.MapArray.from_arrays(
        pa.array([0, N // 2, N], pa.int32()), pa.array(np.arange(N) % 2), pa.array(np.zeros(N))
    ),
    "dictionary": lambda: pa.array([LONG] * 1000).dictionary_encode(),
    "null": lambda: pa.nulls(N),
}
IN_ARROW: dict[str, Callable[[], Any]] = {
    "list_view": lambda: pa.ListViewArray.from_arrays(
        pa.array([0] * 200, pa.int32()), pa.array([N // 100] * 200, pa.int32()), np.zeros(N // 100)
    ),
    "views": views,
    "run_ends": lambda: run_ends([0.5], N),
    "texts_in_run_ends": lambda: run_ends([LONG], 1000),
    "long_dictionary": lambda: pa.array([LONG * 200] * 2).dictionary_encode(),
    "in_struct": lambda: pa.StructArray.from_arrays([views()], ["inside"]),
    "in_list": lambda: pa.LargeListArray.from_arrays(pa.array([0, 500, 1000]), views()),
}


def write(data: Any, path: Path) -> None:
    if path.suffix == ".parquet":
        parquet.write_table(data, path, dictionary_pagesize_limit=1 << 24)
        return
    how = pa.ipc.IpcWriteOptions(compression=path.stem.rpartition("_")[2])
    with pa.ipc.new_file(str(path), data.schema, options=how) as file:
        file.write_table(data)


@pytest.mark.sampled(7)
@pytest.mark.parametrize(
    "name",
    [f"{name}.parquet" for name in COLUMNS]
    + [f"{name}_{how}.feather" for name in COLUMNS | IN_ARROW for how in ("zstd", "lz4")],
)
def test_refused_before_it_is_unpacked(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    column = (COLUMNS | IN_ARROW)[path.stem.removesuffix("_zstd").removesuffix("_lz4")]()
    write(pa.table({"series": column}), path)
    said = r"unpacks to \d[\d,]* MB or more .*SEGUE_MEMORY_GB="
    with allocating_at_most(4_000_000), pytest.raises(FileError, match=said):
        read(path)


def test_a_data_set_of_segue_that_was_packed(tmp_path: Path) -> None:
    """Segue maps what it writes; a file that must be unpacked in memory is held to the limit."""
    steps = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(2 * N, np.float32)), 2)
    x = pa.LargeListArray.from_arrays(pa.array([0, N]), steps)
    write(pa.table({"x": x}), tmp_path / "a_zstd.arrow")
    said = "unpacks to .* MB or more"
    with allocating_at_most(4_000_000), pytest.raises(FileError, match=said):
        read(tmp_path / "a_zstd.arrow")


def test_a_single_batch_of_numbers(tmp_path: Path) -> None:
    flat = pa.table({"label": np.arange(N) % 2, "x": np.zeros(N)})
    feather.write_feather(flat, tmp_path / "a.feather", compression="zstd", chunksize=N)
    with pytest.raises(FileError, match="unpacks to 32 MB or more"):
        read(tmp_path / "a.feather")


WITH_TEXTS: dict[str, Callable[[], Any]] = {
    "list": lambda: lists(repeated(), pa.ListArray, 100),
    "struct": lambda: pa.StructArray.from_arrays([repeated().slice(0, 100)], ["inside"]),
    "map": lambda: pa.MapArray.from_arrays(
        pa.array(range(0, 1010, 10), pa.int32()), pa.array(np.arange(1000)), repeated()
    ),
    "list_of_structs": lambda: lists(
        pa.StructArray.from_arrays([repeated()], ["inside"]), pa.ListArray, 100
    ),
}


@pytest.mark.parametrize("name", WITH_TEXTS)
@pytest.mark.parametrize("stored", [False, True])  # the type, with which it is read again
@pytest.mark.parametrize("rows", [100, 30])
def test_texts_within_are_not_unpacked(name: str, stored: bool, rows: int, tmp_path: Path) -> None:
    """Texts in lists might be numbers; nothing is done with structures, so they are not read."""
    look: Any = {"row_group_size": rows, "store_schema": stored}
    data = {"x": np.arange(100.0), "y": np.arange(100) % 2, "within": WITH_TEXTS[name]()}
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table(data), path, dictionary_pagesize_limit=1 << 24, **look)
    with allocating_at_most(4_000_000):
        if name == "list":
            with pytest.raises(FileError, match="unpacks to .* MB or more"):
                read(path, channels=["x"], label="y")
        else:
            assert read(path, channels=["x"], label="y").x.channels == 1


def test_structures_are_named_as_what_they_are(tmp_path: Path) -> None:
    steps = pa.array([[{"t": 0.0, "note": "a"}]] * 6)
    parquet.write_table(pa.table({"y": [0, 1] * 3, "steps": steps}), tmp_path / "a.parquet")
    with pytest.raises(FileError, match="'steps' holds lists of struct<t: double, note: string>"):
        read(tmp_path / "a.parquet")


@pytest.mark.parametrize("rows", [100, 30])
def test_numbers_that_are_texts_in_lists(
    rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where there are too many for a dictionary, and several groups of rows."""
    monkeypatch.delenv("SEGUE_MEMORY_GB")
    steps = pa.array([[f"{i}.{j:09}" for j in range(900)] for i in range(100)])
    data = pa.table({"y": [0, 1] * 50, "steps": steps})
    parquet.write_table(data, tmp_path / "a.parquet", row_group_size=rows)
    found = read(tmp_path / "a.parquet").x
    assert found.values[900:902].tolist() == [[1.0], [np.float32(1.000000001)]]


@pytest.mark.parametrize("ending", [".parquet", "_zstd.feather", "_lz4.feather"])
def test_honest_files_are_read_as_before(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Texts of Parquet are read by their dictionaries, and come as the texts that they are."""
    monkeypatch.delenv("SEGUE_MEMORY_GB")
    texts = ["a", None, "c" * 300, "a"] * 50
    data = pa.table(
        {
            "label": pa.array(["x", "y"] * 100),
            "note": pa.array(texts),
            "kind": pa.array(texts).dictionary_encode(),
            "large": pa.array(texts, pa.large_string()),
            "series": lists(np.arange(2000.0), rows=200),
        }
    )
    write(data, tmp_path / f"a{ending}")
    found = read(tmp_path / f"a{ending}")
    assert [len(steps) for steps in found.x] == [10] * 200
    assert found.classes == ("x", "y")
    assert found.notes == read(data).notes


def varint(number: int, length: int = 0) -> bytes:
    """A whole number of Thrift, with zeros behind it where it is to be longer."""
    digits = []
    while 2 * number >= 1 << (7 * len(digits)) or len(digits) < length:
        digits.append((2 * number >> (7 * len(digits)) & 127) | 128)
    return bytes([*digits[:-1], digits[-1] & 127])


def test_pages_that_are_larger_than_the_footer_says(tmp_path: Path) -> None:
    """Pyarrow unpacks what the header of a page says."""
    path = tmp_path / "a.parquet"
    look: Any = {"use_dictionary": False, "data_page_size": 1 << 30}
    parquet.write_table(pa.table({"x": np.zeros(N)}), path, compression="zstd", **look)
    content = path.read_bytes()
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    footer, group = content[start:], parquet.read_metadata(path).row_group(0)
    for number in {N, group.total_byte_size, group.column(0).total_uncompressed_size}:
        assert varint(number) in footer
        footer = footer.replace(varint(number), varint(8, len(varint(number))))
    path.write_bytes(content[:start] + footer)
    assert parquet.read_metadata(path).num_rows == 8
    said = "unpacks to 16 MB or more"
    with allocating_at_most(4_000_000), pytest.raises(FileError, match=said):
        read(path)


def test_values_of_a_footer(tmp_path: Path) -> None:
    """The sum over groups and columns, as pyarrow has it where the file is whole."""
    data = pa.table({"a": range(50), "b": lists(range(500), rows=50), "c": [{"d": 1.5}] * 50})
    parquet.write_table(data, tmp_path / "a.parquet", row_group_size=7)
    metadata = parquet.read_metadata(tmp_path / "a.parquet")
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    values = sum(group.column(i).num_values for group in groups for i in range(3))
    assert parquet_sizes(str(tmp_path / "a.parquet"))[0] == values == 600


def test_written_out() -> None:
    texts = pa.array(["aa", None, "bbbb"])
    nested = pa.LargeListArray.from_arrays(pa.array([0, 2, 3]), texts.dictionary_encode())
    assert written_out(texts) == written_out(texts.cast(pa.string_view())) == 3 * 8 + 6
    assert written_out(texts.dictionary_encode()) == 10 + 0 + 12
    assert written_out(nested) == written_out(nested.slice(0, 1)) + written_out(nested.slice(1, 1))
    assert written_out(run_ends(["aaa"], 4)) == 4 * 11
    assert written_out(run_ends(["aaa"], 4).slice(1, 2)) == 2 * 11
