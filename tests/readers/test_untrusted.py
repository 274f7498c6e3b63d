"""Files of which nobody knows where they come from: read apart, unpacked within limits, checked."""

from __future__ import annotations

import gzip
import io
import os
import re
import signal
import sys
import time
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

import segue
from segue import Dataset, Sequences
from segue.errors import (
    DataError,
    DataNotFoundError,
    FileError,
    ModelFileError,
    OptionError,
)
from segue.readers import read, untrusted

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:ab12\nsize 12345\n"
STEPS = "id,time,x,y,label\n" + "".join(
    f"{i // 3},{i},{i / 2},{i % 5},{'ab'[i // 3 % 2]}\n" for i in range(12)
)


# -- read apart -----------------------------------------------------------------------------------


def texts(path: Path) -> None:
    lines = [f"one two three é{i},{'ab'[i % 2]}\n" for i in range(6)]
    path.write_text("text,label\n" + "".join(lines), encoding="utf-8")


def several(path: Path) -> None:
    draws = np.random.default_rng(0)
    known = {"static": np.ones((6, 2)), "groups": np.arange(6), "channels": np.array(["u", "v"])}
    y = np.tile([[1, 0, 1], [0, 1, 1]], (3, 1))
    x = draws.normal(size=(6, 5, 2))
    np.savez(path, x=x, y=y, task=np.array("multilabel"), rate_hz=np.array(5.0), **known)


def steps(path: Path) -> None:
    values = np.arange(20, dtype=np.int32)[:, None]
    np.savez(path, values=values, lengths=np.array([10, 10]), y=np.array(list("abcab" * 4)))


def far(path: Path) -> None:
    """Numbers that float32 cannot tell apart."""
    values = 1e9 + np.arange(20.0)[:, None]
    np.savez(path, values=values, lengths=np.array([10, 10]), y=np.array([0.5, 0.25]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "put", "options"),
    [
        ("a.csv", lambda path: path.write_text(STEPS), {}),
        ("b.csv", lambda path: path.write_text(STEPS), {"limit": 2, "label": "none"}),
        ("c.csv", texts, {}),
        ("d.npz", several, {"window": 2}),
        ("e.npz", steps, {}),
        ("f.npz", far, {}),
    ],
)
def test_what_is_read_apart_is_what_is_read_plainly(
    tmp_path: Path, name: str, put: Callable[[Path], Any], options: dict[str, Any]
) -> None:
    put(tmp_path / name)
    plain = read(tmp_path / name, **options)
    apart = read(tmp_path / name, untrusted=True, **options)
    for field in Dataset.__dataclass_fields__:
        known, found = (getattr(data, field) for data in (plain, apart))
        if isinstance(known, Sequences):
            assert found.kind == known.kind
            np.testing.assert_array_equal(found.offsets, known.offsets)
            known, found = known.values, found.values
        if isinstance(known, np.ndarray):
            assert found.dtype == known.dtype, field
        np.testing.assert_array_equal(found, known, err_msg=field)


def test_errors_come_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.ts").write_text("@problemName A\n1\n")
    with pytest.raises(FileError, match="a.ts, line 2: '1' stands before @data") as raised:
        read(tmp_path / "a.ts", untrusted=True)
    assert (raised.value.path, raised.value.line) == (tmp_path / "a.ts", 2)
    with pytest.raises(DataNotFoundError, match="no such file"):
        read(tmp_path / "b.ts", untrusted=True)
    with pytest.raises(OptionError, match="has no option 'no'"):
        read(tmp_path / "a.ts", untrusted=True, no=1)
    with pytest.raises(OptionError, match="takes options of text and numbers"):
        read(tmp_path / "a.ts", untrusted=True, no=np.ones(2))


def test_nothing_is_an_error(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((0, 5, 2)))
    with pytest.raises(FileError, match=r"a\.npz: holds no sequences"):
        read(tmp_path / "a.npz", untrusted=True)


def test_warnings_come_too(tmp_path: Path) -> None:
    """Of sounds with two rates."""
    soundfile = pytest.importorskip("soundfile")
    for number, rate in enumerate((8000, 16000)):
        soundfile.write(str(tmp_path / f"{number}.wav"), np.ones(800) / 2, rate)
    with pytest.warns(UserWarning, match="several sampling rates"):
        assert len(read(tmp_path, untrusted=True)) == 2


# What a file does to the process that reads it, in place of reading it.
HOSTILE: dict[str, tuple[str, str]] = {
    "dies": (f"os.kill(os.getpid(), {int(signal.SIGSEGV)})", "ended the process .*egmentation"),
    "stops": ("os._exit(3)", r"ended the process that read it \(code 3\)"),
    "hangs": ("time.sleep(60)", "could not be read within 3 s"),
    "grows": ("b'a' * 8_000_000_000", "needs more memory than there is"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited as on Linux")
@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.slow
def test_a_process_that_dies_hangs_or_grows_is_an_error(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that does what a hostile file may lead it to, found before segue's own."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys, time\n"
        "if '-m' in sys.orig_argv:\n"
        "    import segue.readers.tsv as tsv\n"
        f"    tsv.blocks = lambda path, **_: {HOSTILE[what][0]}\n"
    )
    (tmp_path / "A_TRAIN.tsv").write_text("1\t1\t2\n")
    monkeypatch.setattr(untrusted, "SECONDS", 3.0)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setenv("SEGUE_CACHE", str(tmp_path / "cache"))
    began = time.monotonic()
    with pytest.raises(FileError, match=HOSTILE[what][1]):
        read(tmp_path / "A_TRAIN.tsv", untrusted=True)
    assert time.monotonic() - began < 20
    assert not list((tmp_path / "cache").rglob("*.*")), "nothing is left"


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited as on Linux")
@pytest.mark.slow
def test_the_environment_sets_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "a.npy", np.zeros((1000, 30_000), np.float32))
    assert len(read(tmp_path / "a.npy", untrusted=True)) == 1000
    monkeypatch.setenv("SEGUE_MEMORY_GB", "0.1")
    with pytest.raises(FileError, match="memory"):
        read(tmp_path / "a.npy", untrusted=True)


@pytest.mark.parametrize(
    "answer", [b"", b"[]", b"{}", b'{"warnings": 1}', b"[" * 99_999, b"a" * 2_000_000]
)
def test_an_answer_is_not_believed(answer: bytes, tmp_path: Path) -> None:
    (tmp_path / "answer.json").write_bytes(answer)
    assert untrusted._answer(tmp_path / "answer.json") is None


def test_an_error_that_segue_does_not_have_is_one_about_the_file() -> None:
    for name in ("Path", "__doc__", "no", 3):
        assert type(untrusted._error({"error": name, "message": "m", "warnings": []})) is FileError


# -- what is unpacked -----------------------------------------------------------------------------


def zip_of_zeros(path: Path, method: int = zipfile.ZIP_DEFLATED) -> None:
    """300 MB of zeros in half a megabyte, written without having them."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "<f4", "fortran_order": False, "shape": (75, 1_000_000)}
    )
    with zipfile.ZipFile(path, "w", method) as archive, archive.open("x.npy", "w") as member:
        member.write(head.getvalue())
        for _ in range(300):
            member.write(bytes(1_000_000))


def gzip_of_lines(path: Path, line: str = "0,0,0,0,0,0,0,0\n") -> None:
    with gzip.open(path, "wb") as file:
        file.write(b"label,t0,t1,t2,t3,t4,t5,t6\n" if path.name.endswith("csv.gz") else b"")
        for _ in range(260):
            file.write(line.encode() * (1_000_000 // len(line)))


def gzip_of_images(path: Path) -> None:
    with gzip.open(path, "wb") as file:
        file.write(bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in (400, 1000, 1000)))
        for _ in range(400):
            file.write(bytes(1_000_000))


BOMBS: dict[str, Callable[[Path], None]] = {
    "a.npz": zip_of_zeros,
    "b.npz": lambda path: zip_of_zeros(path, zipfile.ZIP_BZIP2),
    "c.csv.gz": gzip_of_lines,
    "d.txt.gz": gzip_of_lines,
    "e-images-idx3-ubyte.gz": gzip_of_images,
    "f.parquet": lambda path: parquet.write_table(
        pa.table({"x": pa.array(np.zeros(40_000_000))}), path
    ),
    "g.feather": lambda path: feather.write_feather(
        pa.table({"x": pa.array(np.zeros(40_000_000))}), path, compression="zstd"
    ),
}


def zeros_in_matlab(path: Path) -> None:
    from scipy.io import savemat

    savemat(path, {"XTrain": np.zeros((100, 400_000))}, do_compression=True)


BOMBS["h.mat"] = zeros_in_matlab


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
def test_what_is_meant_to_fill_the_memory_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    BOMBS[name](tmp_path / name)
    options: dict[str, Any] = {"labels": False} if "idx" in name else {}
    tracemalloc.start()
    with pytest.raises(FileError, match=r"unpacks to \d+ MB or more .*SEGUE_MEMORY_GB="):
        read(tmp_path / name, **options)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64_000_000
    if name == "a.npz":  # an honest one
        monkeypatch.setenv("SEGUE_MEMORY_GB", "1")
        assert len(read(tmp_path / name)) == 75


@pytest.mark.slow
@pytest.mark.parametrize("name", ["c.csv.gz", "d.txt.gz"])
def test_a_limit_unpacks_no_more_than_is_needed(name: str, tmp_path: Path) -> None:
    """So that of a file whose end is damaged nobody notices, who does not want it."""
    lines = b"".join(b"%d,%d,1,2,%d\n" % (n % 2, n, n * n % 9973) for n in range(10_000))
    with gzip.open(tmp_path / name, "wb", compresslevel=1) as file:
        file.write(b"label,t0,t1,t2,t3\n" if name == "c.csv.gz" else b"")
        for _ in range(300):
            file.write(lines)
    os.truncate(tmp_path / name, (tmp_path / name).stat().st_size - 100)
    assert len(read(tmp_path / name, limit=10)) == 10
    with pytest.raises(FileError, match="is not a whole gzip file"):
        read(tmp_path / name)


def test_a_limit_reads_the_beginning_of_a_large_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands behind it is not looked at, also if it is wrong; without a limit it is."""
    from segue.readers import table

    monkeypatch.setattr(table, "_BLOCK", 4000)
    lines = [f"{'ab'[i % 2]},{i},{i / 4},{i % 7},{i * i}\n" for i in range(3000)]
    (tmp_path / "a.csv").write_text("label,t0,t1,t2,t3\n" + "".join(lines))
    whole = read(tmp_path / "a.csv")
    some = read(tmp_path / "a.csv", limit=100)
    np.testing.assert_array_equal(some.x.values, whole[:100].x.values)
    np.testing.assert_array_equal(some.y, whole[:100].y)
    assert some.notes == whole.notes
    (tmp_path / "b.csv").write_text("label,t0,t1,t2,t3\n" + "".join(lines) + "b,1,2\n")
    assert len(read(tmp_path / "b.csv", limit=100)) == 100
    with pytest.raises(FileError, match="line 3002: has 3 fields"):
        read(tmp_path / "b.csv")


def test_a_limit_with_parts_takes_of_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from segue.readers import table

    monkeypatch.setattr(table, "_BLOCK", 4000)
    lines = [
        f"{'train' if i < 2500 else 'test'},{'ab'[i % 2]},{i},1,{i % 7},2\n" for i in range(3000)
    ]
    (tmp_path / "a.csv").write_text("part,label,t0,t1,t2,t3\n" + "".join(lines))
    assert len(read(tmp_path / "a.csv", limit=4)) == 8


def test_a_limit_of_sequences_in_steps_gives_whole_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from segue.readers import table

    monkeypatch.setattr(table, "_BLOCK", 4000)
    rows = "".join(f"{i // 30},{i % 30},{i / 2},{i % 5}\n" for i in range(6000))
    (tmp_path / "a.csv").write_text("id,time,x,y\n" + rows)
    some = read(tmp_path / "a.csv", limit=3)
    assert some.x.lengths.tolist() == [30, 30, 30]
    assert "rows of these sequences further down are not in them" in some.notes[-1]
    assert read(tmp_path / "a.csv").notes == some.notes[:-1]
    assert len(read(tmp_path / "a.csv", limit=150)) == 150


def test_a_limit_takes_the_first_rows_of_arrays(tmp_path: Path) -> None:
    x, y = np.arange(60.0).reshape(10, 3, 2), np.arange(10) % 3
    np.savez_compressed(tmp_path / "a.npz", x=x, y=y, classes=np.arange(3), ids=np.arange(10))
    some = read(tmp_path / "a.npz", limit=2)
    np.testing.assert_array_equal(some.x.values.reshape(2, 3, 2), x[:2])
    assert some.classes == (0, 1, 2)
    np.savez(tmp_path / "b.npz", values=np.arange(30.0)[:, None], lengths=np.array([5, 5, 20]))
    assert read(tmp_path / "b.npz", limit=2).x.lengths.tolist() == [5, 5]
    np.savez(tmp_path / "c.npz", x=x, y=np.arange(30) % 2)  # a label for each step
    with pytest.raises(DataError, match="The labels have shape"):
        read(tmp_path / "c.npz", limit=2, layout="nct")
    assert len(read(tmp_path / "c.npz", limit=2)) == 2
    np.save(tmp_path / "d.npy", x)
    np.save(tmp_path / "d_y.npy", y)
    assert read(tmp_path / "d.npy", limit=2).y.tolist() == [0, 1]


# -- pointers in place of files -------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["a.ts", "a.arff", "A_TRAIN.tsv", "a.npz", "a.npy", "a-images-idx3-ubyte.gz", "a.mat",
     "a.arrow", "a.wav", "a.flac", "SN_d_tot_V2.0.csv", "a.csv", "a.csv.gz", "a.txt", "a.dat",
     "a.parquet", "a.feather", "a.png", "a.jpg"],
)  # fmt: skip
def test_a_pointer_of_git_lfs_is_known(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(POINTER)
    with pytest.raises(FileError, match=r"is a pointer of Git LFS .*`git lfs pull`"):
        read(tmp_path / name)


@pytest.mark.parametrize("name", ["a.wav", "a.txt", "a.png", "X_1.dat", "Y_1.dat"])
def test_a_pointer_among_files_is_named(name: str, tmp_path: Path) -> None:
    """Of a folder; 128 bytes are sixteen numbers too."""
    for other in ("X_1.dat", "Y_1.dat") if name.endswith("dat") else ("b" + name[1:], name):
        np.ones(1).tofile(tmp_path / other)
    (tmp_path / name).write_bytes(POINTER.ljust(128, b"0"))
    with pytest.raises(FileError, match=rf"{name}: is a pointer of Git LFS"):
        read(tmp_path)


def test_a_pointer_in_place_of_a_model_is_known(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(POINTER)
    for path in (tmp_path, tmp_path / "model.safetensors"):
        with pytest.raises(ModelFileError, match="is a pointer of Git LFS"):
            segue.load(path)
    with pytest.raises(FileError, match="is a pointer of Git LFS"):
        Dataset.open(tmp_path / "model.safetensors")


# -- what is in files -----------------------------------------------------------------------------


def zip_with(*members: tuple[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive, warnings.catch_warnings(action="ignore"):
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def with_header(text: str) -> bytes:
    head = text.encode().ljust(118)
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + bytes(64)


X = npy(np.ones((4, 5, 2)))
PLAIN = zip_with(("x.npy", X))
DIRECTORY = PLAIN.index(b"PK\x01\x02")
SHAPES = {
    "open": "(2, ",
    "negative": "(-1, 2)}",
    "power": "(9**99,)}",
    "huge": "(99999999999, 9999999999)}",
    "nothing": "None}",
}
TYPES = {"object": "'|O'", "fields": "[('a', '<f4')]", "none": "None", "void": "'|V8'"}


def with_field(offset: int, value: int) -> bytes:
    """The archive with another method (at 8) or flag (at 6), in both places where it stands."""
    made = bytearray(PLAIN)
    made[offset] = made[DIRECTORY + offset + 2] = value
    return bytes(made)


REFUSED: dict[str, bytes] = {
    **{f"method{n}.npz": with_field(8, n) for n in (1, 9, 14, 93, 97, 99)},
    "encrypted.npz": with_field(6, 1),
    "twice.npz": zip_with(("x.npy", X), ("x.npy", X)),
    "both.npz": zip_with(("x.npy", X), ("x", X)),
    "letters.npz": zip_with(
        ("x.npy", X),
        ("y.npy", npy(np.array(list("abab"))).replace(b"b\0\0\0", b"\xff\xff\xff\x7f")),
    ),
    "rate.npz": zip_with(("x.npy", X), ("rate_hz.npy", npy(np.ones(3)))),
    "single.npz": zip_with(("x.npy", npy(np.array(3.0))), ("offsets.npy", npy(np.array([0, 1])))),
    "lengths.npz": zip_with(("x.npy", X), ("lengths.npy", npy(np.array(list("abab"))))),
    **{
        f"{name}.npy": with_header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}")
        for name, shape in SHAPES.items()
    },
    **{
        f"{name}.npy": with_header(f"{{'descr': {kind}, 'fortran_order': False, 'shape': (2, 2)}}")
        for name, kind in TYPES.items()
    },
}


@pytest.mark.parametrize("name", REFUSED)
def test_arrays_that_are_none_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(REFUSED[name])
    with pytest.raises(FileError, match=re.escape(str(tmp_path / name))):
        read(tmp_path / name)


def test_members_are_written_nowhere(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(zip_with(("x.npy", X), ("../../evil.txt", b"hello")))
    with pytest.raises(FileError, match="is not a whole NumPy file"):
        read(tmp_path / "a.npz")
    assert not (tmp_path.parent.parent / "evil.txt").exists()


def damaged_offsets() -> pa.Table:
    """A list whose offsets fall."""
    offsets = np.array([0, 9, 3], np.int32)
    lists = pa.Array.from_buffers(
        pa.list_(pa.float64()),
        2,
        [None, pa.py_buffer(offsets)],
        children=[pa.array([1.0, 2.0, 3.0])],
    )
    return pa.table({"series": lists, "label": ["a", "b"]})


def damaged_dictionary() -> pa.Table:
    """A number of a category that there is not."""
    codes = pa.array([0, 70], pa.int32())
    labels = pa.DictionaryArray.from_arrays(codes, pa.array(["a", "b"]), safe=False)
    return pa.table({"label": labels, "t0": [1.0, 2.0], "t1": [2.0, 1.0], "t2": [0.0, 1.0]})


def damaged_text() -> pa.Table:
    bad = pa.Array.from_buffers(
        pa.string(),
        2,
        [None, pa.py_buffer(np.array([0, 1, 2], np.int32)), pa.py_buffer(b"\xff\xfe")],
    )
    return pa.table({"label": bad, "t0": [1.0, 2.0], "t1": [2.0, 1.0], "t2": [0.0, 1.0]})


@pytest.mark.parametrize("make", [damaged_offsets, damaged_dictionary, damaged_text])
def test_columns_are_checked_before_they_are_used(
    make: Callable[[], pa.Table], tmp_path: Path
) -> None:
    table = make()
    with pa.ipc.new_file(str(tmp_path / "a.feather"), table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(FileError, match=r"a\.feather: is not a whole Feather or Arrow file"):
        read(tmp_path / "a.feather")


@pytest.mark.parametrize("make", [damaged_dictionary, damaged_text])
def test_columns_of_data_sets_are_checked(make: Callable[[], pa.Table], tmp_path: Path) -> None:
    """In a file as segue writes it, with another column of labels."""
    Dataset([[1.0], [2.0]], ["a", "b"]).write(tmp_path / "a.arrow")
    with pa.memory_map(str(tmp_path / "a.arrow")) as source:
        table = pa.ipc.open_file(source).read_all()
    place = table.schema.get_field_index("y")
    table = table.set_column(place, "y", make().column("label"))
    with pa.ipc.new_file(str(tmp_path / "b.arrow"), table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(FileError, match=r"b\.arrow: is not a whole Arrow IPC file"):
        read(tmp_path / "b.arrow")


COLUMNS = {"t0": [1.0, 2.0], "t1": [3.0, 4.0], "t2": [0.0, 5.0]}


@pytest.mark.parametrize("write", [parquet.write_table, feather.write_feather])
def test_names_of_columns(write: Callable[..., None], tmp_path: Path) -> None:
    path = tmp_path / ("a.parquet" if write is parquet.write_table else "a.feather")
    table = pa.table({"label": ["a", "b"], **COLUMNS})
    write(table.rename_columns(["label", "t0", "t1", "t1"]), path)
    with pytest.raises(FileError, match="has more than one column called 't1'"):
        read(path)
    write(table.rename_columns(["", "t0", "t1", "t2"]), path)
    assert read(path).y.tolist() == ["a", "b"]
    write(table.rename_columns(["label", "x\x1b[2J", "x\0y", "\n"]), path)
    data = read(path, layout="rows")
    assert len(data) == 2
    nested = pa.array([{"a": 1, "b": [1, 2]}, {"a": 2, "b": []}])
    write(table.append_column("inside", nested), path)
    assert any("inside" in note and "left out" in note for note in read(path).notes)
    inside_lists = pa.array([[{"a": 1}], [{"a": 2}]])
    write(pa.table({"label": ["a", "b"], "series": inside_lists}), path)
    with pytest.raises(FileError, match="'series' holds lists of struct"):
        read(path)
    write(pa.table({"label": ["a", "b"], "series": [[[]], [[], []]]}), path)
    with pytest.raises(DataError):
        read(path)


def test_feather_of_version_1_is_refused(tmp_path: Path) -> None:
    """Its reader ends the process for about half of the files that are damaged."""
    (tmp_path / "a.feather").write_bytes(b"FEA1" + bytes(100) + b"FEA1")
    with pytest.raises(FileError, match="is Feather of version 1, .* Write it anew"):
        read(tmp_path / "a.feather")


def test_a_matlab_file_that_asks_for_all_memory_is_an_error(tmp_path: Path) -> None:
    """A cell array of 2**33 cells in a file of a few hundred bytes."""
    from scipy.io import savemat

    cells = np.empty((1, 1), object)
    cells[0, 0] = np.ones((2, 3))
    savemat(tmp_path / "a.mat", {"XTrain": cells})
    content = (tmp_path / "a.mat").read_bytes()
    place = content.index((1).to_bytes(4, "little") * 2, 128 + 24)
    big = (2**31 - 1).to_bytes(4, "little") + (4).to_bytes(4, "little")
    (tmp_path / "a.mat").write_bytes(content[:place] + big + content[place + 8 :])
    with pytest.raises(FileError, match=r"a\.mat: "):
        read(tmp_path / "a.mat", untrusted=True)


def test_a_file_that_cannot_be_opened_apart_is_said(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (tmp_path / "a.csv").write_text(STEPS)
    (tmp_path / "a.csv").chmod(0)
    with pytest.raises(FileError, match="cannot be read"):
        read(tmp_path / "a.csv", untrusted=True)
