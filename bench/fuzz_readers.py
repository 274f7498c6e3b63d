"""Damaged and hostile data files of every format that segue reads.

    python bench/fuzz_readers.py [--count 1000] [--seed 0] [--formats ts,npz] [--untrusted]

Small files are changed: bytes, numbers, tokens, lines, members of archives and what is packed in
them. What may come of reading one is a data set or an error of segue. Anything else is printed with
the number of the case: another error, a process that dies, two seconds without an end, or more
memory than 64 MB above twice the file. What the code of another library parses (`FOREIGN`) may end
the process that reads it plainly, or take much; such a file is read again with `untrusted=True`,
and is wrong only if that gives no data set and no error of segue either. With `--untrusted` these
are all read so.
"""

from __future__ import annotations

import argparse
import gzip
import io
import random
import re
import shutil
import struct
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from fuzz import run
from pyarrow import feather, parquet

import segue
from segue.errors import SegueError

ALLOWED = 64_000_000  # bytes beside twice the file
FOREIGN = ("mat", "mat73", "arrow", "feather", "parquet", "flac", "ogg", "wav", "png")
NUMBERS = [0, 1, 2, 7, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**24, 2**31 - 1, 2**31, 2**32 - 1,
           2**62, 2**63 - 1, 2**64 - 1]  # fmt: skip
TOKENS = [
    "", "0", "-1", "1e999", "-1e-999", "nan", "NaN", "inf", "?", "NA", "1,5", "1.234.567", "1e5",
    "1" * 400, "0x1f", "1_000", "²", "\0", "\x1b[2J", "\ufeff", "\u2028", "é", "\"", "'", '"""',
    ",", ";", "\t", "|", ":", "\n", "\r", "\r\n", "\\n", "(", "()", "[1, 2]", "[[1], 2]", "{}", "%",
    "#", "@data", "@attribute x relational", "@end x", "@dimensions 99999999", "@timeStamps true",
    "@classLabel true", "@targetLabel true", "@univariate true", "2024-01-31", "31/12/2024",
    "23:59:60", "9:15 PM", "2024-13-45T99:99:99", "99999999999999999999", "true", "None", "=1+1",
    "label", "id", "time", "part", "x" * 5000, "../../etc/passwd", "sep=;", "\U0001f600",
]  # fmt: skip


# -- files ----------------------------------------------------------------------------------------

Put = Callable[[bytes], bytes]


def dataset(n: int = 6) -> segue.Dataset:
    draws = np.random.default_rng(0)
    x = [draws.normal(size=(4 + i % 3, 2)).round(2).astype(np.float32) for i in range(n)]
    parts = np.array(["train", "test"] * (n // 2))
    return segue.Dataset(
        segue.Sequences.from_list(x), ["a", "b"] * (n // 2), groups=np.arange(n), parts=parts
    )


def npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def written(write: Callable[[Path], Any], ending: str) -> bytes:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, f"a{ending}")
        write(path)
        return path.read_bytes()


def sound(ending: str, **how: Any) -> bytes:
    import soundfile

    wave = np.sin(np.arange(900) / 9)
    return written(lambda path: soundfile.write(str(path), wave, 8000, **how), ending)


def matlab(path: Path, *, packed: bool) -> None:
    from scipy.io import savemat

    cells = np.empty((4, 1), object)
    for i in range(4):
        cells[i, 0] = np.arange(6.0).reshape(2, 3) + i
    labels = np.array([["a"], ["b"], ["a"], ["b"]], object)
    savemat(path, {"XTrain": cells, "YTrain": labels}, do_compression=packed)


def matlab73(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        cells = [file.create_dataset(f"#refs#/{i}", data=np.ones((3, 2)) * i) for i in range(4)]
        refs = np.array([[cell.ref for cell in cells]], h5py.ref_dtype)
        file.create_dataset("XTrain", data=refs).attrs["MATLAB_class"] = np.bytes_("cell")
        y = file.create_dataset("YTrain", data=[[1.0, 2.0, 1.0, 2.0]], chunks=True, compression=1)
        y.attrs["MATLAB_class"] = np.bytes_("double")


def picture(path: Path) -> None:
    from PIL import Image

    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(path)


def originals() -> dict[str, list[tuple[str, bytes]]]:
    """Of each format, small files with their names."""
    data = dataset()
    table = pa.table({"id": [1, 1, 2, 2], "x": [0.5, 1.0, 2.0, 3.0], "label": list("aabb")})
    nested = pa.table({"series": [[1.0, 2.0], [3.0]], "label": ["a", "b"]})
    head = "@problemName A\n@timeStamps {}\n@univariate false\n@classLabel true a b\n@data\n"
    relation = "@relation N\n@attribute bag relational\n@attribute t0 numeric\n"
    relation += '@attribute t1 numeric\n@end bag\n@attribute class {a,b}\n@data\n"1,2\\n3,4",a\n'
    wide = "label,t0,t1,t2\n" + "".join(f"{'ab'[i % 2]},{i},{i / 4},{i * i}\n" for i in range(6))
    steps = "id,time,x,y,label\n" + "".join(
        f"{i // 3},{i},{i / 2},{i % 5},{'ab'[i // 3 % 2]}\n" for i in range(12)
    )
    dated = "date;value\n" + "".join(f"2024-01-{i:02};{i},5\n" for i in range(1, 9))
    lists = 'id,series,label\n1,"[1, 2]",a\n2,"[3, 4, 5]",b\n'
    idx = struct.pack(">HBBIII", 0, 8, 3, 4, 3, 2) + bytes(range(24))
    labels = struct.pack(">HBBI", 0, 8, 1, 4) + bytes([0, 1, 0, 1])
    sunspots = "".join(f"2024;01;{i:02};2024.{i:03};  {i};  1.0;  10;1\n" for i in range(1, 9))
    arrays = io.BytesIO()
    np.savez_compressed(arrays, x=np.ones((4, 5, 2), np.float32), y=np.array(list("abab")))
    joined = io.BytesIO()
    np.savez(joined, values=np.arange(12.0)[:, None], lengths=np.array([5, 7]), y=np.array([0, 1]))
    return {
        "dat": [("X_1.dat", np.arange(6.0).tobytes()), ("Y_1.dat", np.ones(1).tobytes())],
        "ts": [
            ("a.ts", (head.format("false") + "1,2:3,4:a\n2,3,?:4,5,6:b\n").encode()),
            ("b.ts", (head.format("true") + "(0,1),(1,2):(0,3),(1,4):a\n" * 2).encode()),
        ],
        "arff": [
            (
                "a.arff",
                b"@relation W\n@attribute att0 numeric\n@attribute att1 REAL\n"
                b"@attribute target {a,b}\n@data\n1,2,a\n3,?,b\n",
            ),
            ("b.arff", relation.encode()),
        ],
        "tsv": [("A_TRAIN.tsv", b"1\t0.5\t1\t2\n2\t1\t3\tNaN\n1\t2\t2\t2\n")],
        "npz": [("a.npz", arrays.getvalue()), ("b.npz", joined.getvalue())],
        "npy": [("a.npy", npy(np.arange(24.0).reshape(4, 3, 2)))],
        "idx": [("a-images-idx3-ubyte", idx), ("a-labels-idx1-ubyte", labels)],
        "idxgz": [("a-images-idx3-ubyte.gz", gzip.compress(idx)), ("a-labels-idx1-ubyte", labels)],
        "silso": [("SN_d_tot_V2.0.csv", sunspots.encode())],
        "csv": [(f"{n}.csv", t.encode()) for n, t in enumerate((wide, steps, dated, lists))],
        "csvgz": [(f"{n}.csv.gz", gzip.compress(t.encode())) for n, t in enumerate((wide, steps))],
        "text": [("a.txt", "One day. Mr. Hill came at 3 p.m.! “Why?”\n\nTwo.\n".encode())],
        "wav": [("a.wav", sound(".wav")), ("b.wav", sound(".wav", subtype="FLOAT"))],
        "flac": [("a.flac", sound(".flac"))],
        "ogg": [("a.ogg", sound(".ogg"))],
        "png": [("a.png", written(picture, ".png")), ("a.bmp", written(picture, ".bmp"))],
        "mat": [
            (f"{packed}.mat", written(lambda path, p=packed: matlab(path, packed=p), ".mat"))
            for packed in (False, True)
        ],
        "mat73": [("a.mat", written(matlab73, ".mat"))],
        "arrow": [("a.arrow", written(data.write, ".arrow"))],
        "feather": [
            ("a.feather", written(lambda p: feather.write_feather(table, p), ".feather")),
            (
                "b.feather",
                written(
                    lambda p: feather.write_feather(nested, p, compression="uncompressed"),
                    ".feather",
                ),
            ),
        ],
        "parquet": [
            ("a.parquet", written(lambda p: parquet.write_table(table, p), ".parquet")),
            (
                "b.parquet",
                written(lambda p: parquet.write_table(nested, p, compression="none"), ".parquet"),
            ),
        ],
    }


# -- changes --------------------------------------------------------------------------------------


def change_bytes(content: bytes, draws: random.Random) -> bytes:
    """One to four changes of bytes, numbers or spans."""
    damaged = bytearray(content)
    for _ in range(draws.randint(1, 4)):
        place, kind = draws.randrange(len(damaged) + 1), draws.randrange(7)
        length = min(draws.choice([1, 1, 2, 4, 8, 64]), len(damaged) - place)
        if kind <= 1 and place < len(damaged):
            damaged[place] ^= 1 << draws.randrange(8) if kind else draws.randrange(256)
        elif kind == 2:
            form = draws.choice(["<I", ">I", "<H", ">H", "<Q", ">Q"])
            size = struct.calcsize(form)
            aligned = place - place % draws.choice([1, size])
            number = draws.choice(NUMBERS) % 256**size
            if aligned + size <= len(damaged):
                struct.pack_into(form, damaged, aligned, number)
        elif kind == 3:
            del damaged[place : place + length]
        elif kind == 4:
            damaged[place:place] = bytes(draws.randrange(256) for _ in range(length))
        elif kind == 5:
            damaged[place:place] = damaged[place : place + length] * draws.choice([1, 1, 9])
        elif draws.random() < 0.3:
            del damaged[place:]
    return bytes(damaged)


def change_text(content: bytes, draws: random.Random) -> bytes:
    """One to four changes of tokens or lines; sometimes another encoding."""
    text = content.decode("utf-8", "replace")
    for _ in range(draws.randint(1, 4)):
        pieces = re.findall(r"\w+|\s+|[^\w\s]", text) or [""]
        lines = text.splitlines(keepends=True) or [""]
        place, row, kind = draws.randrange(len(pieces)), draws.randrange(len(lines)), draws.random()
        if kind < 0.5:
            pieces[place] = draws.choice([*TOKENS, draws.choice(pieces)])
            text = "".join(pieces)
        elif kind < 0.65:
            pieces.insert(place, draws.choice(TOKENS))
            text = "".join(pieces)
        elif kind < 0.9:
            line = lines[row]
            lines[row : row + 1] = draws.choice([[], [line] * 2, [draws.choice(lines), line]])
            text = "".join(lines)
        else:
            text = text[: draws.randrange(len(text) + 1)]
    encoding = draws.choice(["utf-8"] * 9 + ["utf-16", "utf-16-le", "cp1252", "utf-8-sig"])
    return text.encode(encoding, "replace")


def change_npy(content: bytes, draws: random.Random) -> bytes:
    """The header's text, with a length that fits mostly; or its bytes."""
    if draws.random() < 0.4:
        return change_bytes(content, draws)
    size = 10 + struct.unpack("<H", content[8:10])[0]
    head = content[10:size].decode("latin-1")
    old, new = draws.choice([
        (r"\(.*\)", draws.choice(["()", "(0,)", "(2,)", "(-1,)", "(4, 3, 2, 1)", "(24,)", "(9**9,)",
                                  "(99999999999, 99999999999)", "(4.0,)", "('a',)", "(True, 24)"])),
        (r"'descr': '.*?'", "'descr': " + draws.choice([
            "'|O'", "'<f2'", "'<f16'", "'<c16'", "'<M8[ns]'", "'<m8'", "'|V8'", "'<U2'", "'|S8'",
            "'|b1'", "'<i8'", "'>f8'", "'<u1'", "[('a', '<f4'), ('b', '<f4')]", "'x'", "None",
            "'<U99999999'", "'|S0'", "('<f8', (2,))", "{}"])),
        ("False", draws.choice(["True", "None", "1", "'x'"])),
        ("shape", "shap"), ("}", "} or 1"), ("'", '"'), (r"\{", "[" * draws.choice([1, 300])),
    ])  # fmt: skip
    head = re.sub(old, lambda _: new, head, count=1)
    length = len(head) if draws.random() < 0.9 else draws.choice(NUMBERS) % 2**16
    return content[:8] + struct.pack("<H", length) + head.encode("latin-1") + content[size:]


def change_zip(content: bytes, draws: random.Random) -> bytes:
    """Its members: their content, names and how they are packed; or its bytes."""
    if draws.random() < 0.4:
        return change_bytes(content, draws)
    stream = io.BytesIO()
    methods = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            inside, changed = old.read(name), name
            if draws.random() < 0.5:
                inside = change_npy(inside, draws)
            if draws.random() < 0.2:
                changed = draws.choice(["../../x.npy", "/x.npy", "x", "X_train.npy", "a\x1b.npy",
                                        "lengths.npy", "offsets.npy", "classes.npy",
                                        "static.npy", "y_test.npy", "rate_hz.npy", "task.npy",
                                        "name.npy"])  # fmt: skip
            with warnings.catch_warnings(action="ignore"):
                new.writestr(changed, inside, draws.choice(methods))
                if draws.random() < 0.1:
                    new.writestr(changed, inside, draws.choice(methods))
    made = bytearray(stream.getvalue())
    if draws.random() < 0.3:  # the methods, flags and sizes of members
        marks = [m.start() for m in re.finditer(rb"PK\x01\x02|PK\x03\x04", made)]
        place = draws.choice(marks) + draws.randrange(4, 30)
        made[place] = draws.choice([0, 1, 8, 9, 12, 14, 64, 93, 95, 99, 255])
    return bytes(made)


def changed(form: str, content: bytes, draws: random.Random) -> bytes:
    if form in ("npz", "npy"):
        return {"npz": change_zip, "npy": change_npy}[form](content, draws)
    if content.startswith(b"\x1f\x8b") and draws.random() < 0.6:
        inside = gzip.decompress(content)
        return gzip.compress((change_text if form == "csvgz" else change_bytes)(inside, draws))
    is_text = form in ("ts", "arff", "tsv", "csv", "silso", "text")
    return (change_text if is_text and draws.random() < 0.75 else change_bytes)(content, draws)


# -- what comes of it -----------------------------------------------------------------------------


def attempt_of(
    form: str, files: list[tuple[str, bytes]], folder: Path, seed: int, *, untrusted: bool
) -> Callable[[int], tuple[Callable[[], object], int]]:
    """Of the number of a case: the reading of a changed file, and the memory that it may take."""
    is_one_set = form in ("dat", "idx", "idxgz")  # whose files are read together

    def attempt(case: int) -> tuple[Callable[[], object], int]:
        draws = random.Random(seed * 10**9 + case)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        name, _ = chosen = draws.choice(files)
        size = 0
        for other, content in files if is_one_set else [chosen]:
            content = changed(form, content, draws) if other == name else content
            (folder / other).write_bytes(content)
            size += len(content)
        source = folder if form == "dat" else folder / (files[0][0] if is_one_set else name)
        more: dict[str, Any] = {"untrusted": True} if untrusted else {}
        if form == "text":
            more["unit"] = draws.choice(["file", "sentence", "line", "paragraph"])
        if draws.random() < 0.1:
            more["limit"] = 1
        return lambda: segue.read(source, **more), ALLOWED + 2 * size

    return attempt


def is_refused(tried: Callable[[], object]) -> bool:
    try:
        tried()
    except SegueError:
        return True
    except Exception:
        return False
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--count", type=int, default=1000, help="of each format")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--formats", default="", help="of these only, with commas between")
    parser.add_argument("--untrusted", action="store_true")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        found = originals()
        for form in given.formats.split(",") if given.formats else found:
            how = (form, found[form], Path(name, "files"), given.seed)
            untrusted = given.untrusted and form in FOREIGN
            counts, faults = run(given.count, attempt_of(*how, untrusted=untrusted))
            died = [case for case, fault in faults if not fault.startswith("Traceback")]
            again = attempt_of(*how, untrusted=True)
            if form in FOREIGN:
                held = {case for case in died if is_refused(again(case)[0])}
                faults = [(case, fault) for case, fault in faults if case not in held]
                counts["only with untrusted=True"] += len(held)
            for case, fault in faults:
                print(f"WRONG {form} case {case} of seed {given.seed}: {fault}", flush=True)
            print(f"{form}: {given.count} files: {dict(counts)}, {len(faults)} wrong", flush=True)
            wrong += len(faults)
    print(f"{wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
