"""What a limit saves: seconds and memory of reading ten sequences, beside reading all, by form.

Of every form in which sequences lie in files, one large file or folder is made, and read in a
process of its own, with `limit=10` and whole; the ten must be the first ten of the whole, with the
same values, targets, ids and classes.

    python bench/limits.py [--forms npz_joined,table_listed] [--count 1000]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import feather, parquet

ROOT = Path(__file__).resolve().parents[1]
MEASURE = """
import json, re, sys, time
from pathlib import Path
import segue
def kb(what):
    return int(re.search(what + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
segue.read(sys.argv[1])  # a small one of this form: what must be imported is
Path("/proc/self/clear_refs").write_text("5")
before, begin = kb("VmRSS"), time.process_time()
limited = segue.read(sys.argv[2], limit=10)
seconds, peak = time.process_time() - begin, kb("VmHWM") - before
Path("/proc/self/clear_refs").write_text("5")
before, begin = kb("VmRSS"), time.process_time()
whole = segue.read(sys.argv[2])
all_seconds, all_peak = time.process_time() - begin, kb("VmHWM") - before
from segue.readers.blocks import limited as cut
expected = cut(whole, 10)
def field(data, name):
    value = getattr(data, name)
    return value.tolist() if hasattr(value, "tolist") else repr(value)
differ = [n for n in ("y", "ids", "classes", "groups", "parts", "channels", "rate_hz", "notes")
          if field(limited, n) != field(expected, n)]
differ += [] if limited.x == expected.x else ["x"]
print(json.dumps([seconds, peak / 1024, all_seconds, all_peak / 1024, differ]))
"""
TIME, CHANNELS = 200, 4
Make = Callable[[Path, int], Path]
FORMS: dict[str, Make] = {}


def form(make: Make) -> Make:
    FORMS[make.__name__] = make
    return make


def arrays(n: int) -> tuple[Any, Any]:
    draws = np.random.default_rng(0)
    x = draws.normal(size=(n, TIME, CHANNELS)).astype(np.float32)
    return x, np.array(list("abc"))[np.arange(n) % 3]


@form
def npz_rows(place: Path, n: int) -> Path:
    x, y = arrays(n)
    np.savez(place / "a.npz", x=x, y=y)
    return place / "a.npz"


@form
def npz_joined(place: Path, n: int) -> Path:
    x, y = arrays(n)
    np.savez(place / "a.npz", values=x.reshape(-1, CHANNELS), lengths=np.full(n, TIME), y=y)
    return place / "a.npz"


@form
def npz_offsets_steps(place: Path, n: int) -> Path:
    """With a label for each step, and packed."""
    x, y = arrays(n)
    offsets = np.arange(n + 1) * TIME
    flat = x.reshape(-1, CHANNELS).round(1)
    np.savez_compressed(place / "a.npz", x=flat, offsets=offsets, y=np.repeat(y, TIME))
    return place / "a.npz"


@form
def npz_parts(place: Path, n: int) -> Path:
    x, y = arrays(n)
    k = n * 2 // 3
    np.savez(place / "a.npz", x_train=x[:k], y_train=y[:k], x_test=x[k:], y_test=y[k:])
    return place / "a.npz"


@form
def npz_split(place: Path, n: int) -> Path:
    """With a column that says which part a sequence is of."""
    x, y = arrays(n)
    parts = np.array(["train", "test"])[np.arange(n) % 2]
    np.savez(place / "a.npz", x=x, y=y, parts=parts, lengths=np.full(n, TIME))
    return place / "a.npz"


@form
def npy(place: Path, n: int) -> Path:
    x, y = arrays(n)
    np.save(place / "a.npy", x)
    np.save(place / "a_y.npy", y)
    return place / "a.npy"


@form
def mat_v5(place: Path, n: int) -> Path:
    from scipy.io import savemat

    x, y = arrays(n)
    cells = np.empty((n, 1), object)
    cells[:, 0] = list(x.transpose(0, 2, 1))
    savemat(place / "a.mat", {"XTrain": cells, "YTrain": y.astype(object)[:, None]})
    return place / "a.mat"


@form
def mat_v73(place: Path, n: int) -> Path:
    import h5py

    x, _ = arrays(n)
    with h5py.File(place / "a.mat", "w") as file:
        cells = [file.create_dataset(f"#refs#/{i}", data=steps) for i, steps in enumerate(x)]
        for cell in cells:
            cell.attrs["MATLAB_class"] = np.bytes_("double")
        refs = np.array([[cell.ref for cell in cells]], h5py.ref_dtype)
        file.create_dataset("XTrain", data=refs).attrs["MATLAB_class"] = np.bytes_("cell")
        labels = file.create_dataset("YTrain", data=np.arange(n)[None] % 3.0)
        labels.attrs["MATLAB_class"] = np.bytes_("double")
    return place / "a.mat"


def step_csv(path: Path, values: Any, columns: str = "x0,x1,x2,x3") -> None:
    np.savetxt(path, values, "%.4f", ",", header=columns, comments="")


@form
def table_class_folders(place: Path, n: int) -> Path:
    x, y = arrays(n)
    for number, (steps, label) in enumerate(zip(x, y, strict=True)):
        (place / "t" / str(label)).mkdir(parents=True, exist_ok=True)
        step_csv(place / "t" / str(label) / f"{number:05}.csv", steps)
    return place / "t"


@form
def table_listed(place: Path, n: int) -> Path:
    x, y = arrays(n)
    (place / "t").mkdir(exist_ok=True)
    for number, steps in enumerate(x):
        step_csv(place / "t" / f"{number:05}.csv", steps)
    rows = "".join(f"{i:05}.csv,{label},s{i % 5}\n" for i, label in enumerate(y))
    (place / "t" / "labels.csv").write_text("filename,label,subject\n" + rows)
    return place / "t"


@form
def table_by_id(place: Path, n: int) -> Path:
    """A file for each person, with several sequences."""
    x, _ = arrays(n)
    (place / "t").mkdir(exist_ok=True)
    for number in range(0, n, 5):
        ids = np.repeat(np.arange(number, number + 5), TIME)[:, None]
        values = np.concatenate([ids, x[number : number + 5].reshape(-1, CHANNELS)], axis=1)
        step_csv(place / "t" / f"p{number:05}.csv", values, "trial,x0,x1,x2,x3")
    return place / "t"


@form
def table_partitions(place: Path, n: int) -> Path:
    x, y = arrays(n)
    for number in range(0, n, 20):
        folder = place / "t" / f"day={number:05}"
        folder.mkdir(parents=True, exist_ok=True)
        own = {"id": np.repeat(np.arange(number, number + 20), TIME)}
        own |= {f"x{c}": x[number : number + 20, :, c].reshape(-1) for c in range(CHANNELS)}
        parquet.write_table(pa.table({**own, "label": np.repeat(y[number : number + 20], TIME)}),
                            folder / "a.parquet")  # fmt: skip
    return place / "t"


@form
def table_x_and_y(place: Path, n: int) -> Path:
    x, y = arrays(n)
    (place / "t").mkdir(exist_ok=True)
    columns = ",".join(f"t{i}" for i in range(TIME))
    step_csv(place / "t" / "X_train.csv", x[:, :, 0], columns)
    (place / "t" / "y_train.csv").write_text("label\n" + "\n".join(y) + "\n")
    return place / "t"


def wide(n: int) -> Any:
    x, y = arrays(n)
    return pa.table({"label": y, **{f"t{i}": x[:, i, 0] for i in range(TIME)}})


def long(n: int, *, parts: bool = False) -> Any:
    x, y = arrays(n)
    ids = np.repeat(np.arange(n), TIME)
    columns = {"id": ids, **{f"x{c}": x[:, :, c].reshape(-1) for c in range(CHANNELS)}}
    split = {"split": np.array(["train", "test"])[ids % 2]} if parts else {}
    return pa.table({**columns, "label": np.repeat(y, TIME), **split})


def csv(table: Any, path: Path) -> Path:
    from pyarrow import csv

    csv.write_csv(table, path)
    return path


@form
def csv_wide(place: Path, n: int) -> Path:
    return csv(wide(n), place / "a.csv")


@form
def csv_steps(place: Path, n: int) -> Path:
    return csv(long(n), place / "a.csv")


@form
def csv_steps_with_parts(place: Path, n: int) -> Path:
    return csv(long(n, parts=True), place / "a.csv")


@form
def csv_semicolon_latin(place: Path, n: int) -> Path:
    """In another encoding, and with a decimal comma."""
    path = csv(wide(n), place / "a.csv")
    text = path.read_text().replace(",", ";").replace(".", ",").replace('"a"', '"ä"')
    path.write_text(text, encoding="cp1252")
    return path


@form
def txt_blanks(place: Path, n: int) -> Path:
    """Columns of fixed width, as the UCR archive has them."""
    x, _ = arrays(n)
    labels = (np.arange(n) % 3 + 1.0)[:, None]
    np.savetxt(place / "A_TRAIN.txt", np.concatenate([labels, x[:, :, 0]], axis=1), "%16.7e")
    return place / "A_TRAIN.txt"


@form
def csv_gz(place: Path, n: int) -> Path:
    import gzip

    path = csv(wide(n), place / "a.csv")
    (place / "b.csv.gz").write_bytes(gzip.compress(path.read_bytes(), 1))
    return place / "b.csv.gz"


@form
def parquet_wide(place: Path, n: int) -> Path:
    parquet.write_table(wide(n), place / "a.parquet", row_group_size=500)
    return place / "a.parquet"


@form
def parquet_lists(place: Path, n: int) -> Path:
    x, y = arrays(n)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(x.reshape(-1)), TIME * CHANNELS)
    parquet.write_table(pa.table({"series": lists.cast(pa.list_(pa.float32())), "label": y}),
                        place / "a.parquet", row_group_size=500)  # fmt: skip
    return place / "a.parquet"


@form
def feather_steps(place: Path, n: int) -> Path:
    feather.write_feather(long(n), place / "a.feather")
    return place / "a.feather"


@form
def arrow(place: Path, n: int) -> Path:
    import segue

    x, y = arrays(n)
    segue.Dataset(x, y).write(place / "a.arrow")
    return place / "a.arrow"


@form
def idx(place: Path, n: int) -> Path:
    import gzip

    n *= 10
    shape = b"".join(size.to_bytes(4, "big") for size in (n, 28, 28))
    pixels = np.random.default_rng(0).integers(0, 256, n * 784).astype(np.uint8)
    (place / "a-images-idx3-ubyte.gz").write_bytes(
        gzip.compress(bytes([0, 0, 8, 3]) + shape + pixels.tobytes(), 1)
    )
    labels = bytes([0, 0, 8, 1]) + n.to_bytes(4, "big") + bytes(np.arange(n, dtype=int) % 10)
    (place / "a-labels-idx1-ubyte").write_bytes(labels)
    return place / "a-images-idx3-ubyte.gz"


@form
def ts(place: Path, n: int) -> Path:
    x, y = arrays(n)
    with (place / "a.ts").open("w") as file:
        file.write("@univariate false\n@classLabel true a b c\n@data\n")
        for steps, label in zip(x, y, strict=True):
            dimensions = (",".join(f"{v:.4f}" for v in channel) for channel in steps.T)
            file.write(":".join(dimensions) + f":{label}\n")
    return place / "a.ts"


@form
def tsv(place: Path, n: int) -> Path:
    x, _ = arrays(n)
    labels = (np.arange(n) % 3 + 1)[:, None]
    rows = np.concatenate([labels, x[:, :, 0]], axis=1)
    np.savetxt(place / "A_TRAIN.tsv", rows, ["%d"] + ["%.5f"] * TIME, "\t")
    return place / "A_TRAIN.tsv"


@form
def dat(place: Path, n: int) -> Path:
    import segue
    from segue.readers import write

    x, _ = arrays(n)
    return write(segue.Dataset(x, np.arange(n) % 3), place / "t")


@form
def sounds(place: Path, n: int) -> Path:
    import soundfile

    draws = np.random.default_rng(0)
    for number in range(n // 10):
        folder = place / "t" / "abc"[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / f"{number:04}.wav", draws.uniform(-1, 1, 8000), 8000)
    return place / "t"


@form
def texts(place: Path, n: int) -> Path:
    for number in range(n):
        folder = place / "t" / "abc"[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:05}.txt").write_text("A few words of no use. " * 200)
    return place / "t"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--forms", default=",".join(FORMS))
    parser.add_argument("--count", type=int, default=1000, help="sequences of 200 x 4 values")
    arguments = parser.parse_args()
    print(f"{'':22}{'10: s':>8}{'MB':>8}{'all: s':>9}{'MB':>8}")
    for name in arguments.forms.split(","):
        with tempfile.TemporaryDirectory() as place:
            small, large = Path(place, "small"), Path(place, "large")
            small.mkdir()
            large.mkdir()
            paths = [str(FORMS[name](small, 60)), str(FORMS[name](large, arguments.count))]
            environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
            words = [sys.executable, "-W", "ignore", "-c", MEASURE, *paths]
            done = subprocess.run(words, env=environment, capture_output=True, text=True)
        if done.returncode:
            print(f"{name:22} {done.stderr.strip().splitlines()[-1]}")
            continue
        seconds, peak, all_seconds, all_peak, differ = json.loads(done.stdout)
        line = f"{name:22}{seconds:8.2f}{peak:8.0f}{all_seconds:9.2f}{all_peak:8.0f}"
        print(line + (f"   other {', '.join(differ)}" if differ else ""), flush=True)


if __name__ == "__main__":
    main()
