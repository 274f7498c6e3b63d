"""Messages that no other test of the readers contains; `bench/messages.py` lists such."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from scipy import io

from segue import Dataset
from segue.errors import DataError, FileError, OptionError, SegueError, WriteError
from segue.readers import npzfiles, read, write
from segue.readers.blocks import errors_of
from segue.readers.objects import plain_sequences
from segue.readers.read_options import check_channels
from segue.readers.streams import from_pairs

X = [np.arange(6.0).reshape(2, 3), np.arange(8.0).reshape(2, 4), np.ones((2, 2))]
FLAT = "@relation W\n@attribute att0 numeric\n@attribute target {a,b}\n@data\n"


def cell(items: list[Any]) -> np.ndarray:
    array = np.empty((len(items), 1), object)
    array[:, 0] = items
    return array


def mat(**values: Any) -> Callable[[Path], Any]:
    return lambda path: io.savemat(path, values)


def saved(save: Callable[..., None], **arrays: Any) -> Callable[[Path], Any]:
    """What NumPy saves under another name."""

    def put(path: Path) -> None:
        with path.open("wb") as file:
            save(file, **arrays)

    return put


def npz_file(**arrays: Any) -> Callable[[Path], Any]:
    return lambda path: np.savez(path, **{name: np.array(a) for name, a in arrays.items()})


def sound(path: Path) -> None:
    import soundfile

    soundfile.write(path, np.zeros(20), 8000)


def large_picture(path: Path) -> None:
    """A PNG whose header says 10,000 x 10,000 pixels."""
    content = b"\x89PNG\r\n\x1a\n"
    for chunk in (
        b"IHDR" + struct.pack(">IIBBBBB", 10_000, 10_000, 8, 0, 0, 0, 0),
        b"IDAT" + zlib.compress(b"\0" * 100),
    ):
        size, check = struct.pack(">I", len(chunk) - 4), struct.pack(">I", zlib.crc32(chunk))
        content += size + chunk + check
    path.write_bytes(content)


def number(path: Path) -> None:
    path.mkdir()
    for name in ("X_1.dat", "Y_1.dat"):
        np.ones(1).tofile(path / name)


CASES: dict[str, tuple[str, Callable[[Path], Any] | str, dict[str, Any], str]] = {
    "no label": ("a.arff", FLAT + "1,?\n", {}, r"has no target \('\?'\): leave such rows out"),
    "rate": ("a.wav", sound, {"rate": 0}, "rate=0; expected samples per second, such as 8000"),
    "channels": ("p", number, {"channels": 0}, "channels=0; expected at least 1"),
    "large": (
        "a.png",
        large_picture,
        {},
        "has 10,000 x 10,000 pixels; at most 50,000,000 are read. Make it smaller",
    ),
    "labels in a cell": (
        "a.mat",
        mat(X=cell(X), Y=cell([cell([cell(["a", "b"])]), cell(["a"]), cell(["b"])])),
        {},
        "has several labels in one cell; expected one for each step",
    ),
    "labels of steps in one part": (
        "a.mat",
        mat(
            XTrain=cell(X[:1]), YTrain=cell([np.array([[1, 2, 1]])]),
            XTest=cell(X[:1]), YTest=np.array([[1]]),
        ),
        {},
        "One part has a label for each sequence, another one for each step",
    ),
    "one array": ("a.npz", saved(np.save, arr=X[0]), {}, "rename it .npy"),
    "arrays": ("a.npy", saved(np.savez, x=X[0]), {}, "rename it .npz"),
    "task": (
        "a.npz",
        npz_file(x=X[0], y=[0, 1], task="guess"),
        {},
        "`task` is 'guess'; expected classify, multilabel or regress",
    ),
    "void": (
        "a.npz",
        npz_file(x=np.zeros(3, "V8"), y=[0, 1, 2]),
        {},
        r"'x' has type \|V8; expected numbers or text",
    ),
    "no row": (
        "a.arff",
        "@relation W\n@attribute bag relational\n@attribute a numeric\n@end bag\n"
        "@attribute target {a,b}\n@data\n'',a\n",
        {},
        "has a relation without a row; expected values",
    ),
    "other columns": (
        "tables",
        lambda path: [
            path.mkdir(),
            *(
                (path / f"part-0000{i}.csv").write_text(f"id,time,{name}\n1,0,2\n1,1,3\n")
                for i, name in enumerate("xy")
            ),
        ],
        {},
        "; expected the columns of .*part-00000.csv",
    ),
    "no truth value": ("a.idx3-ubyte", "", {"scale": 1}, "scale=1; expected true or false"),
}  # fmt: skip


@pytest.mark.parametrize("kind", CASES)
def test_message(tmp_path: Path, kind: str) -> None:
    """What came, what was expected, and how to mend it."""
    name, content, options, message = CASES[kind]
    path = tmp_path / name.replace("a.idx3", "images.idx3")
    if callable(content):
        content(path)
    else:
        path.write_text(content)
    with pytest.raises(SegueError, match=message):
        read(path, **options)


def test_numbers_as_classes_only(tmp_path: Path) -> None:
    """A `.dat` file holds no text."""
    data = Dataset([[1.0], [2.0]], ["a", "b"])
    with pytest.raises(DataError, match="holds the class as one number; .* targets are text"):
        write(data, tmp_path / "new", format="dat")


def test_a_full_disk_while_unpacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large compressed array is unpacked into a file; the message names the place."""
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros((4, 5)))
    monkeypatch.setattr(npzfiles, "LARGE", 1)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ZipFile, "extract", full)
    message = r"x\.npy could not be unpacked \(No space left on device\)\. Free some space in "
    with pytest.raises(WriteError, match=message):
        read(tmp_path / "a.npz")


def test_sounds_of_several_rates(tmp_path: Path) -> None:
    import soundfile

    soundfile.write(tmp_path / "a.wav", np.zeros(20), 8000)
    soundfile.write(tmp_path / "b.wav", np.zeros(20), 16000)
    message = r"the sounds have several sampling rates \(1 of 8,000 Hz, 1 of 16,000 Hz\); all are "
    with pytest.warns(UserWarning, match=message + r"resampled to 8,000 Hz\. rate=\.\.\. chooses"):
        read(tmp_path)


def test_channels_of_a_model() -> None:
    """Which are missing, which are more, or that the order is another."""
    check_channels(["x"], ["x"])
    for found, end in {
        ("x", "z"): "'y' missing; 'z' not known",
        ("y", "x"): "the order is",
    }.items():
        message = rf"The model was trained on the channels 'x', 'y', and these sequences .*: {end}"
        with pytest.raises(DataError, match=message):
            check_channels(found, ["x", "y"])


def test_labels_of_another_number() -> None:
    items = [(np.zeros(3), [1, 2]), (np.zeros(3), [1, 2, 3])]
    with pytest.raises(DataError, match="Item 0 has 3 steps and 2 labels; expected one label, or"):
        from_pairs(items)


def test_choices_are_checked_before_anything_is_read(tmp_path: Path) -> None:
    """An option that is one of a few words is checked by the registry; near ones are suggested."""
    (tmp_path / "a.txt").write_text("words")
    with pytest.raises(OptionError, match="unit='sentense'; expected .*Did you mean \"sentence\""):
        read(tmp_path / "a.txt", format="text", unit="sentense")
    with pytest.raises(FileError, match="is of no format that segue reads"):
        read(tmp_path / "a.txt", format="ts")


def test_members_of_one_name(tmp_path: Path) -> None:
    """Which of the two is meant cannot be told."""
    np.savez(tmp_path / "a.npz", x=np.zeros((2, 3)))
    with ZipFile(tmp_path / "a.npz", "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("x.npy", archive.read("x.npy"))
    with pytest.raises(FileError, match="it has two members of one name"):
        read(tmp_path / "a.npz")


def test_bytes_that_a_later_reader_cannot_decode(tmp_path: Path) -> None:
    """Whatever library meets them."""
    message = r"is no text in utf-8 \(invalid start byte\): say `encoding`"
    with pytest.raises(FileError, match=message), errors_of(tmp_path / "a.ts"):
        b"\xff".decode()


@pytest.mark.parametrize(
    ("x", "layout", "message"),
    [
        (np.zeros((2, 3)), "ctn", "`layout` is 'ctn'; expected one of ntc, nct, tc, ct"),
        (7, "ntc", "`X` is int; expected a .* a single text is a list of one"),
        (
            np.arange(1, 7.0) * (np.arange(6) < np.array([3, 4, 6])[:, None, None]),
            "ntc",
            r"`x` has shape \(3, 1, 6\): 1 time steps of 6 channels\? The lengths vary over the "
            r"last axis \(3 to 6\), so it looks like \(n, channel, time\): pass layout='nct'",
        ),
    ],
)
def test_arrays_of_other_forms(x: Any, layout: Any, message: str) -> None:
    with pytest.raises((DataError, OptionError), match=message):
        plain_sequences(x, layout)
