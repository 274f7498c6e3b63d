"""Ten ways and more in which a file of each format can be wrong: one message each, at once."""

from __future__ import annotations

import gzip
import io
import struct
import time
import tracemalloc
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from segue.data.dataset import Dataset
from segue.errors import DataError, OptionError
from segue.readers import READERS, read

# What a file is called, what is in it (or what puts it there), and what is said about it.
Content = bytes | str | Callable[[Path], Any]
Row = tuple[str, Content, str]


def doubles(*numbers: float) -> bytes:
    return struct.pack(f"<{len(numbers)}d", *numbers)


def pair(x: bytes | None, y: bytes | None, name: str = "X_1.dat") -> Callable[[Path], None]:
    def put(path: Path) -> None:
        path.mkdir()
        for file, content in ((name, x), ("Y_1.dat", y)):
            if content is not None:
                (path / file).write_bytes(content)

    return put


def twice(path: Path) -> None:
    pair(doubles(1), doubles(0))(path)
    (path / "X_01.dat").write_bytes(doubles(1))


DAT: list[Row] = [
    ("p", pair(b"", doubles(0)), "X_1.dat is empty"),
    ("p", pair(b"12345", doubles(0)), "X_1.dat has 5 bytes, not a multiple of 8"),
    ("p", pair(doubles(1)[:-1], doubles(0)), "X_1.dat has 7 bytes"),
    ("p", pair(doubles(1), None), "X_1.dat has no Y_1.dat"),
    ("p", pair(None, doubles(1)), "Y_1.dat has no X_1.dat"),
    ("p", pair(doubles(1), b""), "Y_1.dat has 0 bytes; expected 8"),
    ("p", pair(doubles(1), doubles(1, 2)), "Y_1.dat has 16 bytes; expected 8"),
    ("p", pair(doubles(1), doubles(float("nan"))), "Y_1.dat holds no finite number"),
    ("p", pair(doubles(1), doubles(float("inf"))), "Y_1.dat holds no finite number"),
    ("p", pair(doubles(1), doubles(0), "X_2.dat"), "X_2.dat has no Y_2.dat"),
    ("p", twice, r"X_01\.dat and X_1\.dat have the same number"),
    (
        "p",
        pair(doubles(1, float("inf")), doubles(0)),
        r"p: record 1 \(1\) has a value at step 1 that is infinite",
    ),
]

HEAD = "@problemName A\n@timeStamps false\n@univariate false\n@classLabel true a b\n@data\n"
TS: list[Row] = [
    ("a.ts", "", "has no line @data"),
    ("a.ts", HEAD, "has no cases after @data"),
    ("a.ts", HEAD + "1,2:3,4:c\n", "line 6: has the class 'c'"),
    ("a.ts", HEAD + "1,2:3:a\n", "line 6: channel 1 has 2 values and channel 2 has 1"),
    ("a.ts", HEAD + "1,2:3,4:a\n1,2:a\n", "line 7: has 1 channel; expected 2 channels"),
    ("a.ts", HEAD + "1,x:3,4:a\n", "line 6: value 2 of channel 1 is 'x'"),
    ("a.ts", HEAD + "1,:3,4:a\n", "line 6: value 2 of channel 1 is empty"),
    ("a.ts", HEAD + "1,1e999:3,4:a\n", "line 6: value 2 .* is '1e999'; expected a finite"),
    ("a.ts", HEAD + "1,2:3,4", "line 6: has the class '3,4'"),
    ("a.ts", HEAD.replace("false", "true", 1) + "1:a\n", "line 6: channel 1 has '1' where"),
    ("a.ts", HEAD.replace(" a b", "") + "1:a\n", "line 4: @classLabel is followed by 'true'"),
    ("a.ts", "1,2:3,4:a\n" * 3, "line 1: '1,2:3,4:a' stands before @data"),
    ("a.ts", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, "line 1: is not UTF-8 at byte 0"),
    ("a.ts", b"\xff" * 100_000, "line 1: is not UTF-8 at byte 0"),
]  # fmt: skip

TSV: list[Row] = [
    ("A_TRAIN.tsv", "", "is empty; expected a label and values"),
    ("A_TRAIN.tsv", "1\n", "line 1: expected a label, a tab and then values"),
    ("A_TRAIN.tsv", "\t1\t2\n", "line 1: expected a label, a tab and then values"),
    ("A_TRAIN.tsv", "1\t1\t2\n2\t1\n", "line 2: has 1 values; the lines before have 2"),
    ("A_TRAIN.tsv", "1\t1\t2\n2\t1\t2\t3\n", "line 2: has 3 values; the lines before have 2"),
    ("A_TRAIN.tsv", "1\t1\t2\n2\t1\tx\n", "line 2: value 2 is 'x'; expected a number"),
    ("A_TRAIN.tsv", "1\t1\t2\n2\t1\t\n", "line 2: value 2 is empty; expected a number"),
    ("A_TRAIN.tsv", "1\t1\t2\n\n2\t1\t3\n", "line 2: expected a label, a tab"),
    ("A_TRAIN.tsv", "1\t1\t2\n2\t1\t1,5\n", "line 2: value 2 is '1,5'"),
    ("A_TRAIN.tsv", "1\t1\t2\n2\t1\t1e999\n", "line 2: value 2 is '1e999'; expected a finite"),
    ("A_TRAIN.tsv", b"1\t1\t2\n" + b"\0" * 1000, "line 2: has a zero byte at 6"),
]


WEKA = (
    "@relation w\n@attribute outlook {sunny,rainy}\n@attribute heat real\n@attribute play {y,n}\n"
)
IRIS = "@relation i\n@attribute length real\n@attribute width real\n@attribute class {a,b}\n"
FLAT = "@relation W\n@attribute att0 numeric\n@attribute att1 REAL\n@attribute target {a,b}\n"
NESTED = (
    "@relation N\n@attribute bag relational\n@attribute t0 numeric\n@attribute t1 numeric\n"
    "@end bag\n@attribute class {a,b}\n"
)
ARFF: list[Row] = [
    ("a.arff", "", "has no line @data"),
    ("a.arff", FLAT, "has no line @data"),
    ("a.arff", FLAT + "@data\n", "has no cases after @data"),
    ("a.arff", FLAT + "1,2,a\n", "line 5: '1,2,a' stands before @data; expected @attribute"),
    ("a.arff", WEKA + "@data\nsunny,1,y\n", r"line 5: has attributes of nominal \(outlook\); exp"),
    ("a.arff", IRIS + "@data\n1,2,a\n", "line 5: has the attributes 'length', 'width', which do"),
    ("a.arff", FLAT.replace("REAL", "date 'y'") + "@data\n", r"has attributes of date \(att1\)"),
    ("a.arff", FLAT + "@data\n{0 1, 2 a}\n", "line 6: '{0 1, 2 a}' is a sparse row, which is"),
    ("a.arff", FLAT + "@data\n1,2\n", "line 6: has 2 values; expected 3, one for each attribute"),
    ("a.arff", FLAT + "@data\n1,2,c\n", "line 6: has the class 'c'; those of target are a, b"),
    ("a.arff", FLAT + "@data\n1,2,?\n", r"line 6: has no target \('\?'\)"),
    ("a.arff", FLAT + "@data\n1,x,a\n", "line 6: value 2 of channel 1 is 'x'; expected a number"),
    ("a.arff", FLAT + "@data\n1,1e99,a\n", "line 6: value 2 .* is '1e99'; expected a finite"),
    ("a.arff", FLAT + "@data\n1,2,'a\n", "line 6: has a quote without an end"),
    ("a.arff", FLAT.replace("att0 numeric", "att0"), "line 2: is '@attribute att0'; expected @att"),
    ("a.arff", NESTED + '@data\n"1,2\\n3",a\n', "line 8: row 2 of the relation has 1 value; exp"),
    (
        "a.arff",
        NESTED + '@data\n"1,2\\n3,4",a\n"1,2",a\n',
        "line 9: has 1 row in its relation and the first case has 2.*layout='tc'",
    ),
    ("a.arff", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "line 1: is not UTF-8 at byte 0"),
]


def arrays(**values: Any) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **values)
    return stream.getvalue()


def one_array(array: Any, **how: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **how)
    return stream.getvalue()


def with_head(text: str) -> bytes:
    head = text.encode().ljust(118)
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + b"\0" * 64


def packed(content: bytes, name: str = "x.npy") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, content)
    return stream.getvalue()


X = np.zeros((2, 3, 1), np.float32)
HUGE = "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 9), }"
NPZ: list[Row] = [
    ("a.npz", b"", "is not a whole NumPy file"),
    ("a.npz", b"PK\x03\x04 and then nothing", "is not a whole NumPy file"),
    ("a.npz", arrays(x=X)[:-30], "is not a whole NumPy file"),
    ("a.npz", arrays(x=X).replace(b"\x93NUMPY", b"\x93NUMPX"), "is not a whole NumPy file|pickled"),
    ("a.npz", arrays(z=X), "The arrays are z; expected `x`"),
    ("a.npz", arrays(x=X, y=[1, 2, 3]), r"The labels have shape \(3,\)"),
    ("a.npz", arrays(x=X, y=np.array([{}, {}], object)), "holds pickled Python objects"),
    ("a.npz", arrays(x=np.array([["a", "b"]])), "numbers"),
    ("a.npz", arrays(x=np.array([[1.0, 2.0], [1e99, 1.0]])), "record 2 has a value at step 0"),
    ("a.npz", arrays(values=X[0], lengths=[2, 2]), "must rise from 0 to the number of steps"),
    ("a.npz", arrays(values=X[0], lengths=[-1, 4]), "must rise from 0|its smallest step is -1"),
    ("a.npz", packed(with_head(HUGE.replace("99999999999", "9**9"))),
     "is not a whole NumPy file"),
    ("a.npz", packed(with_head(HUGE)),
     "is not a whole NumPy file"),
    ("a.npy", one_array(X)[:-5], "is not a whole NumPy file"),
    ("a.npy", with_head(HUGE),
     "is not a whole NumPy file"),
    ("a.npy", with_head("__import__('os').abort()"), "is not a whole NumPy file"),
]  # fmt: skip


def idx(sizes: tuple[int, ...], content: bytes, code: int = 8) -> bytes:
    return struct.pack(f">4B{len(sizes)}I", 0, 0, code, len(sizes), *sizes) + content


def with_labels(images: bytes, labels: bytes | None) -> Callable[[Path], None]:
    def put(path: Path) -> None:
        path.write_bytes(images)
        if labels is not None:
            (path.parent / "labels-idx1-ubyte").write_bytes(labels)

    return put


GOOD, TWO = idx((2, 1, 2), bytes(4)), idx((2,), bytes(2))
IMAGES = "images-idx3-ubyte"
IDX: list[Row] = [
    (IMAGES, with_labels(b"", TWO), "begins with nothing; an IDX file begins with"),
    (IMAGES, with_labels(b"\x89PNG....", TWO), "begins with 89 50 4e 47"),
    (IMAGES, with_labels(idx((2, 1, 2), bytes(4), 10), TWO), "begins with 00 00 0a 03"),
    (IMAGES, with_labels(GOOD[:10], TWO), "is cut off inside its header"),
    (IMAGES, with_labels(GOOD[:-1], TWO), "is cut off: its header says"),
    (IMAGES, with_labels(GOOD + b"\0", TWO), "is longer than the"),
    (IMAGES, with_labels(gzip.compress(GOOD)[:-4], TWO), "is damaged or cut off"),
    (IMAGES, with_labels(gzip.compress(GOOD)[:-9] + b"123456789", TWO), "is damaged or cut off"),
    (IMAGES, with_labels(idx((2,), bytes(2)), TWO), r"has an array of shape \(2,\)"),
    (IMAGES, with_labels(GOOD, None), "has no labels-idx1-ubyte beside it"),
    (IMAGES, with_labels(GOOD, idx((3,), bytes(3))), "has 2 images, but there are labels of"),
    (IMAGES, with_labels(GOOD, TWO[:-1]), "labels-idx1-ubyte: is cut off"),
    (IMAGES, with_labels(idx((2**31, 2**31, 2**31), b""), TWO), "is cut off: its header says"),
    (IMAGES, with_labels(idx((2**31, 4000, 2), bytes(9)), TWO), "is cut off: its header says"),
    (
        IMAGES,
        with_labels(gzip.compress(idx((2**20, 500, 9), bytes(9))), TWO),
        "unpacks to 4,719 MB or more",
    ),
    (IMAGES, with_labels(idx((0, 28, 28), b""), idx((0,), b"")), "holds nothing: its header says"),
    (IMAGES, with_labels(idx((2, 0, 2), b""), TWO), "holds nothing: its header says"),
]


def opened(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """A good file, changed."""

    def put(path: Path) -> None:
        Dataset([[1.0, 2.0], [3.0]], ["a", "b"], groups=np.array([1, 2])).write(path)
        path.write_bytes(change(path.read_bytes()))

    return put


def table_file(table: pa.Table, text: str | None = None) -> Callable[[Path], None]:
    def put(path: Path) -> None:
        made = table if text is None else table.replace_schema_metadata({"segue": text})
        with pa.ipc.new_file(str(path), made.schema) as writer:
            writer.write_table(made)

    return put


STEPS = pa.FixedSizeListArray.from_arrays(pa.array([1.0, 2, 3], pa.float32()), 1)
ROWS = pa.LargeListArray.from_arrays(pa.array([0, 2, 3]), STEPS)
GAP = pa.LargeListArray.from_arrays(pa.array([0, None, 3]), STEPS)
HOLES = pa.LargeListArray.from_arrays(
    pa.array([0, 2, 3]),
    pa.FixedSizeListArray.from_arrays(pa.array([1.0, None, 3], pa.float32()), 1),
)
ARROW: list[Row] = [
    ("a.arrow", b"", "a.arrow: is not a whole Arrow IPC file"),
    ("a.arrow", b"ARROW1\0\0", "is not a whole Arrow IPC file"),
    ("a.arrow", b"nothing of the kind", "is not a whole Arrow IPC file"),
    ("a.arrow", opened(lambda b: b[:-1]), "is not a whole Arrow IPC file"),
    ("a.arrow", opened(lambda b: b[: len(b) // 2]), "is not a whole Arrow IPC file"),
    ("a.arrow", opened(lambda b: b[:-10] + b"\xff\xff\xff\x7f" + b[-6:]), "is not a whole Arrow"),
    ("a.arrow", opened(lambda b: b.replace(b'"task": "cl', b'"task: "cl')), "read|not a whole"),
    ("a.arrow", opened(lambda b: b[:200] + bytes(len(b) - 400) + b[-200:]), "is not a whole Arrow"),
    ("a.arrow", table_file(pa.table({"x": ROWS, "colour": ["r", "g"]})), "has columns that no"),
    ("a.arrow", table_file(pa.table({"x": ROWS}), "no json"), "metadata that cannot be read"),
    ("a.arrow", table_file(pa.table({"x": ROWS}), "[1]"), "metadata that cannot be read"),
    ("a.arrow", table_file(pa.table({"x": ROWS, "y": ["a", "b"]}), '{"classes": ["c"]}'), "among"),
    ("a.arrow", table_file(pa.table({"x": GAP})), "has null values in its sequences"),
    ("a.arrow", table_file(pa.table({"x": HOLES})), "has null values in its sequences"),
    ("a.arrow", table_file(pa.table({"x": ["p", "q"]})), "has no column `x` of sequences"),
]  # fmt: skip

DAY = "2023;12;30;2023.996; 101; 10.5;  30;1\n"
SUN = "SN_d_tot_V2.0.csv"
SILSO: list[Row] = [
    (SUN, "", "is empty; expected lines of year;month"),
    (SUN, DAY + "2023;12;31;2023.999;  -1\n", "line 2: is '2023;12;31;2023.999;  -1'"),
    (SUN, DAY + "<html>\n", "line 2: is '<html>'; expected year;month;day"),
    (SUN, DAY + DAY, "line 2: is 2023-12-30, but the line before is 2023-12-30"),
    (SUN, DAY + DAY.replace("12;30", "12;32"), "line 2: is '2023;12;32;.*; expected year;month"),
    (SUN, DAY.replace(";", ","), "line 1: is '2023,12,30"),
    (SUN, "year;month;day\n" + DAY, "line 1: is 'year;month;day'"),
    (SUN, DAY.replace("101", "1e999"), "line 1: is .*; expected"),
    (SUN, DAY.replace("2023", "nan", 1), "line 1: is .*; expected"),
    (SUN, DAY.replace("2023", "99999999999", 1), "line 1: is .*; expected"),
    (SUN, DAY.replace("12;30", "13;30"), "line 1: is .*; expected"),
    (SUN, DAY + "\n", "line 2: is ''; expected"),
    (SUN, b"\xff\xfe\0" * 100, "line 1: is .*; expected"),
]

CSV = "id,t,v,label\n1,0,0.5,a\n1,1,1.5,a\n2,0,2.5,b\n"
TABLE: list[Row] = [
    ("a.csv", "", "is empty; expected a table"),
    ("a.csv", "id,t,v,label\n", "has a line of names and no rows"),
    ("a.csv", CSV + "2,1\n", "line 5: has 2 fields; expected 4"),
    ("a.csv", CSV.replace("0.5", "inf"), "line 2: column 'v' has an infinite value"),
    ("a.csv", CSV.replace("id,t", "t,t"), "more than one column called 't'"),
    ("a.csv", CSV + '2,1,"9,b\n', "line 5: has a quote without an end"),
    ("a.csv", CSV.encode() + b"\0" * 50, "is not a text table: it holds binary data"),
    ("a.csv", CSV.replace("2.5,b", "2.5,"), "has no label"),
    ("a.csv", "label,t0,t1\n" + "a,1,2\nb,3,4\n" * 9 + "a,1,x\n", "line 20: .*'x'"),
    ("a.csv.gz", gzip.compress(CSV.encode())[:-9], "is not a whole gzip file|is not a whole table"),
    ("a.csv.gz", b"\x1f\x8b and no more", "is not a whole gzip file"),
    ("a.parquet", b"PAR1 and no more PAR1", "is not a whole Parquet file"),
    ("a.parquet", b"", "is not a whole Parquet file"),
    ("a.feather", b"FEA1", "is Feather of version 1"),
]


def wave(*, channels: int = 1, rate: int = 8000, bits: int = 16, data: bytes = b"\1\0" * 40,
         size: int | None = None, code: int = 1) -> bytes:  # fmt: skip
    head = struct.pack("<HHIIHH", code, channels, rate, rate * 2 % 2**32, 2, bits)
    body = b"WAVEfmt " + struct.pack("<I", 16) + head + b"data"
    body += struct.pack("<I", len(data) if size is None else size) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


AUDIO: list[Row] = [
    ("a.wav", b"", "is empty"),
    ("a.wav", b"words and no sound", "is text .* and no sound"),
    ("a.wav", wave()[:30], "is no sound .*No 'data' chunk marker.*: its header is damaged"),
    ("a.wav", wave()[:-10], "is cut off: its header says 80 bytes of sound, and 70 are there"),
    ("a.wav", wave(data=b""), "holds no samples"),
    (
        "a.wav",
        wave(channels=0),
        "is no sound that can be read .Channel count is zero.: its header is",
    ),
    ("a.wav", wave(rate=0), "is no sound that can be read .*: its header is damaged"),
    ("a.wav", wave(rate=4_000_000_000), "is no sound that can be read"),
    ("a.wav", wave(code=77), "is no sound that can be read"),
    ("a.wav", wave(code=3, bits=32, data=struct.pack("<2f", 1.0, np.nan)), "are no numbers"),
    ("a.wav", wave(size=2**31), "is cut off"),
    ("a.flac", b"fLaC" + b"\0" * 200, "is no sound that can be read|holds no samples"),
    ("a.ogg", b"OggS" + b"\0" * 200, "is no sound that can be read"),
    ("a.mp3", b"\0" * 300, "is no sound that can be read"),
]

TEXT: list[Row] = [
    ("a.txt", b"", "is empty"),
    ("a.txt", b"  \n\t\n", "is empty"),
    ("a.txt", b"one\ntwo caf\xe9 x\n", r"line 2: is not UTF-8 at byte 11"),
    ("a.txt", b"ok \xc3", "or the file is cut off"),
    ("a.txt", b"\xed\xa0\x80", "is not UTF-8 at byte 0"),
    ("a.txt", b"\xff\xfea", "is not UTF-16|cut off"),
    ("a.txt", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "PNG|binary|not UTF-8"),
    ("a.txt", b"%PDF-1.4\n\0\1\2", "PDF|binary|zero"),
    ("a.txt", b"words\0\0\0\0words", "zero|binary"),
    ("a.txt", b"\x1f\x8b\x08\0 packed", "not UTF-8|gzip|binary"),
    ("a.txt", b"PK\x03\x04\x14\0\0\0 docx", "zip|binary|zero"),
]


def png(width: int = 4, height: int = 4, *, kind: int = 0, data: bytes | None = None) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        mark = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + mark

    head = struct.pack(">2I5B", width, height, 8, kind, 0, 0, 0)
    rows = zlib.compress(b"\0" * (width + 1) * height) if data is None else data
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


PICTURES: list[Row] = [
    ("a.png", b"", "is empty"),
    ("a.png", b"just a text", "is no image that Pillow reads"),
    ("a.png", png()[:8], "is no image|is damaged"),
    ("a.png", png()[:40], "is damaged|is no image"),
    ("a.png", png(data=b"no zlib at all"), "is damaged"),
    ("a.png", png(data=zlib.compress(b"\0" * 3)), "is damaged"),
    ("a.png", png(8000, 8000, data=b""), "has 8,000 x 8,000 pixels; at most"),
    ("a.png", png(100_000, 100_000, data=b""), "is too large|pixels"),
    ("a.png", png(0, 4), "is damaged|is no image"),
    ("a.png", png(kind=5), "is damaged|is no image"),
    ("a.jpg", b"\xff\xd8\xff\xe0" + b"\0" * 50, "is damaged|is no image"),
    ("a.bmp", b"BM" + b"\xff" * 60, "is damaged|is no image"),
    ("a.gif", b"GIF89a" + b"\0" * 9, "is damaged|is no image"),
]


def matlab(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def put(path: Path) -> None:
        from scipy import io as scipy_io

        cells = np.empty((2, 1), object)
        cells[:, 0] = [np.ones((1, 3)), np.ones((1, 4))]
        scipy_io.savemat(path, {"XTrain": cells, "YTrain": np.array([[1.0], [2.0]])})
        path.write_bytes(change(path.read_bytes()))

    return put


def matlab_with(**values: Any) -> Callable[[Path], None]:
    def put(path: Path) -> None:
        from scipy import io as scipy_io

        scipy_io.savemat(path, values)

    return put


def size_of_first(n: int) -> Callable[[bytes], bytes]:
    return lambda b: b[:132] + struct.pack("<I", n) + b[136:]


MAT: list[Row] = [
    ("a.mat", b"", "is not a whole MATLAB file"),
    ("a.mat", b"nothing" * 100, "is not a whole MATLAB file"),
    ("a.mat", matlab(lambda b: b[:100]), "is not a whole MATLAB file"),
    ("a.mat", matlab(lambda b: b[:200]), "is not a whole MATLAB file"),
    ("a.mat", matlab(lambda b: b[:-9]), "is not a whole MATLAB file"),
    ("a.mat", matlab(size_of_first(2**31)), "is not a whole MATLAB file"),
    ("a.mat", matlab(lambda b: b[:128] + b"\xff" * 8 + b[136:]), "is not a whole MATLAB file"),
    ("a.mat", b"MATLAB 7.3".ljust(512) + b"\x89HDF\r\n\x1a\n", "is not a whole MATLAB file"),
    ("a.mat", b"\x89HDF\r\n\x1a\n" + b"\xff" * 600, "is not a whole MATLAB file"),
    ("a.mat", matlab_with(a=np.ones((1, 1))), "expected XTrain and YTrain"),
    ("a.mat", matlab_with(X="text"), "X is text; expected a cell array"),
    ("a.mat", matlab_with(X=np.ones((2, 3)), Y=np.ones((3, 2))), "expected one label for each"),
    ("a.mat", matlab_with(X=np.array([[1.0, np.inf]])), "record 1 has a value at step 1 that is"),
]  # fmt: skip

FORMATS = {
    "dat": DAT, "ts": TS, "arff": ARFF, "tsv": TSV, "npz": NPZ, "idx": IDX, "arrow": ARROW,
    "silso": SILSO, "table": TABLE, "audio": AUDIO, "text": TEXT, "images": PICTURES, "mat": MAT,
}  # fmt: skip
CASES = [(name, i) for name, rows in FORMATS.items() for i in range(len(rows))]


def test_each_format_has_ten() -> None:
    assert {reader.name for reader in READERS} == FORMATS.keys()
    assert min(Counter(name for name, _ in CASES).values()) >= 10


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("name", "number"), CASES)
def test_malformed(tmp_path: Path, name: str, number: int) -> None:
    """An error of segue's tree with the place of the file, in little time and memory."""
    file, content, message = FORMATS[name][number]
    path = tmp_path / file
    if callable(content):
        content(path)
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    tracemalloc.start()
    began = time.process_time()
    try:
        with pytest.raises((DataError, OptionError), match=message) as caught:
            read(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert str(tmp_path) in str(caught.value)
    assert len(str(caught.value)) < 1500
    assert "Traceback" not in str(caught.value)
    assert peak < 50_000_000
    assert time.process_time() - began < 10
