"""MATLAB files of both kinds, written by SciPy and h5py as MATLAB lays them out."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy import io

from segue.errors import FileError, MissingPackageError, OptionError
from segue.readers import read
from segue.testing import check_reader

X = [np.arange(6.0).reshape(2, 3), np.arange(8.0).reshape(2, 4) + 10, np.ones((2, 2))]
Y = ["walk", "run", "walk"]


def cell(items: list[Any]) -> np.ndarray:
    array = np.empty((len(items), 1), object)
    array[:, 0] = items
    return array


def write_v5(path: Path, values: dict[str, Any]) -> Path:
    made = {
        name: cell(value) if isinstance(value, list) else value for name, value in values.items()
    }
    io.savemat(path, made)
    return path


def write_v73(path: Path, values: dict[str, Any]) -> Path:
    """As MATLAB's -v7.3 does: a header of 512 bytes, axes reversed, cells as references."""
    with h5py.File(path, "w", userblock_size=512) as file:
        references = file.create_group("#refs#")

        def put(group: h5py.Group, name: str, value: Any) -> h5py.Dataset:
            if isinstance(value, list):
                inside = [put(references, f"{name}_{i}", item).ref for i, item in enumerate(value)]
                made = group.create_dataset(name, (1, len(value)), h5py.ref_dtype)
                made[0, :] = inside
                made.attrs["MATLAB_class"] = np.bytes_("cell")
            elif isinstance(value, str):
                codes = np.array([[ord(c)] for c in value], np.uint16)
                made = group.create_dataset(name, data=codes)
                made.attrs["MATLAB_class"] = np.bytes_("char")
            else:
                made = group.create_dataset(name, data=np.asarray(value).T)
                made.attrs["MATLAB_class"] = np.bytes_("double")
            return made

        for name, value in values.items():
            put(file, name, value)
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return path


WRITERS = {"v5": write_v5, "v73": write_v73}


@pytest.fixture(params=WRITERS)
def write(request: pytest.FixtureRequest) -> Any:
    return WRITERS[request.param]


def test_the_examples_of_matlab(tmp_path: Path, write: Any) -> None:
    """XTrain, YTrain, XTest, YTest: cells of channel x time become time x channel."""
    path = write(tmp_path / "a.mat", {"XTrain": X, "YTrain": Y, "XTest": X[:2], "YTest": Y[:2]})
    data = read(path)
    assert data.parts.tolist() == ["train"] * 3 + ["test"] * 2
    assert data.y.tolist() == Y + Y[:2]
    np.testing.assert_array_equal(data.x[1], X[1].T)
    assert data.notes[0] == "sequences 'XTrain' (channel x time), labels 'YTrain'"
    check_reader(path)


LABELS = {
    "text": (Y, Y),
    "numbers": (np.array([[1.0], [2.0], [1.0]]), [1, 2, 1]),
    "numbers in a row": (np.array([[1.0, 2.0, 1.0]]), [1, 2, 1]),
    "numbers in cells": ([np.array([[3.0]]), np.array([[4.0]]), np.array([[3.0]])], [3, 4, 3]),
    "targets": (np.array([[0.5], [2.0], [1.0]]), [0.5, 2.0, 1.0]),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels(tmp_path: Path, write: Any, kind: str) -> None:
    """Text and numbers, as MATLAB users keep them."""
    labels, expected = LABELS[kind]
    assert read(write(tmp_path / "a.mat", {"data": X, "labels": labels})).y.tolist() == expected


def test_rows_of_characters(tmp_path: Path) -> None:
    """A char array has one label a row, filled up with blanks."""
    io.savemat(tmp_path / "a.mat", {"X": cell(X), "T": np.array(["walk", "run ", "walk"])})
    assert read(tmp_path / "a.mat").y.tolist() == ["walk", "run", "walk"]


def test_labels_for_each_step(tmp_path: Path, write: Any) -> None:
    """A vector of labels in each cell is a label for each step."""
    steps = [np.array([[1.0, 1, 2]]), np.array([[2.0, 2, 2, 1]]), np.array([[5.0, 1]])]
    data = read(write(tmp_path / "a.mat", {"XTrain": X, "YTrain": steps}))
    assert data.classes == (1, 2, 5)
    assert [codes.ravel().tolist() for codes in data.y] == [[0, 0, 1], [1, 1, 1, 0], [2, 0]]


def test_which_axis_is_time(tmp_path: Path, write: Any) -> None:
    """The axis of which all have the same size is that of the channels; `layout` says otherwise."""
    turned = [item.T for item in X]
    assert read(write(tmp_path / "a.mat", {"X": turned, "Y": Y})).x[1].tolist() == X[1].T.tolist()
    same = write(tmp_path / "b.mat", {"X": [X[0], X[0] + 1], "Y": ["a", "b"]})
    assert read(same).x.channels == 2
    assert read(same, layout="tc").x.channels == 3


def test_arrays(tmp_path: Path, write: Any) -> None:
    """A sequence a row, a sequence a column, and channel x time x n; the labels tell how many."""
    rows = np.arange(12.0).reshape(3, 4)
    y = np.array([[1.0], [2.0], [1.0]])
    assert read(write(tmp_path / "a.mat", {"X": rows, "Y": y})).x[1].ravel().tolist() == [
        4,
        5,
        6,
        7,
    ]
    assert read(write(tmp_path / "b.mat", {"X": rows.T, "Y": y})).x[1].ravel().tolist() == [
        4,
        5,
        6,
        7,
    ]
    block = np.arange(24.0).reshape(2, 4, 3)
    data = read(write(tmp_path / "c.mat", {"X": block, "Y": y}))
    np.testing.assert_array_equal(data.x[2], block[:, :, 2].T)


def test_other_names(tmp_path: Path, write: Any) -> None:
    """The only cell array of numbers, and what has as many entries; or as the user says."""
    path = write(tmp_path / "a.mat", {"waves": X, "kind": Y, "fs": np.array([[100.0]])})
    assert read(path).y.tolist() == Y
    assert read(path, y="none").y is None
    assert read(path, x="waves", y="kind").y.tolist() == Y
    with pytest.raises(OptionError, match="no variable 'wave' in .*Did you mean \"waves\""):
        read(path, x="wave")


def opaque(path: Path, name: str, kind: str) -> Path:
    """A version 5 file with an object of a MATLAB class, packed by hand."""

    def element(code: int, content: bytes) -> bytes:
        return struct.pack("<II", code, len(content)) + content + b"\0" * (-len(content) % 8)

    array = element(
        14,
        element(6, struct.pack("<II", 13, 0))
        + element(5, struct.pack("<ii", 1, 1))
        + element(1, b"")
        + element(6, struct.pack("<I", 0xDD000000)),
    )
    texts = b"".join(element(1, text.encode()) for text in (name, "MCOS", kind))
    io.savemat(path, {"XTrain": cell(X)})
    with path.open("ab") as file:
        file.write(element(14, element(6, struct.pack("<II", 17, 0)) + texts + array))
    return path


@pytest.mark.parametrize("kind", ["categorical", "string"])
def test_objects_that_only_matlab_can_open(tmp_path: Path, kind: str) -> None:
    """The message has the line of MATLAB that saves them readably."""
    message = (
        rf"a.mat: YTrain is a MATLAB {kind}, .* In MATLAB: YTrain = cellstr\(YTrain\); and save"
    )
    with pytest.raises(FileError, match=message):
        read(opaque(tmp_path / "a.mat", "YTrain", kind))
    path = write_v73(tmp_path / "a.mat", {"XTrain": X, "YTrain": np.ones((1, 6))})
    with h5py.File(path, "r+") as file:
        file["YTrain"].attrs["MATLAB_class"] = np.bytes_(kind)
        file["YTrain"].attrs["MATLAB_object_decode"] = np.int32(3)
    with pytest.raises(FileError, match=message):
        read(path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"a": np.ones((1, 1))}, r"holds a \(1 x 1\); expected XTrain and YTrain"),
        ({"X": [X[0], X[1].T], "Y": ["a", "b"]}, "neither the same number of rows"),
        ({"X": X, "Y": np.ones((2, 1))}, "Y is 2 x 1; expected one label for each of 3"),
        ({"X": X, "Y": np.array([[1.0], [np.nan], [2.0]])}, r"Y\(2\) is NaN"),
        (
            {"X": [X[0], "text"], "Y": ["a", "b"]},
            r"X\{2\} is text; expected numbers, channel x time",
        ),
        ({"X": "text"}, "X is text; expected a cell array of sequences"),
    ],
)
def test_files_that_do_not_fit(tmp_path: Path, write: Any, values: Any, message: str) -> None:
    with pytest.raises(FileError, match=message):
        read(write(tmp_path / "a.mat", values))


def test_damaged_files(tmp_path: Path, write: Any) -> None:
    """A file that is cut, and one that is none."""
    whole = write(tmp_path / "a.mat", {"X": X, "Y": Y}).read_bytes()
    for name, content in {
        "cut.mat": whole[: len(whole) // 2],
        "none.mat": b"nothing" * 100,
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FileError, match="is not a whole MATLAB file"):
            read(tmp_path / name)


def test_a_package_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_v73(tmp_path / "a.mat", {"X": X, "Y": Y})
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'segue\[matlab\]'"):
        read(path)


@pytest.mark.parametrize("write", [write_v5, write_v73])
@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([np.array([[n]]) for n in (1234567.0, 1234568.0, 0.0)], [1234567, 1234568, 0]),
        (["007", "07", "7"], ["007", "07", "7"]),
        (["1", "1.0", "2"], ["1", "1.0", "2"]),
        (["20190523143012123456", "20190523143012123457", "a"], None),
        (np.array([[2**60 + 1, 2**60 + 2, 3]], np.int64), [2**60 + 1, 2**60 + 2, 3]),
        (np.array([[1.5, 1.25, 3]]), [1.5, 1.25, 3]),
    ],
)  # fmt: skip
def test_labels_are_never_merged_or_changed(
    tmp_path: Path, write: Any, labels: Any, expected: list[object] | None
) -> None:
    """Neither by rounding, nor as numbers that text does not come back from."""
    data = read(write(tmp_path / "a.mat", {"XTrain": X, "YTrain": labels}))
    assert data.y.tolist() == (labels if expected is None else expected)


def test_a_struct_is_refused_with_how_to_save_its_fields(tmp_path: Path) -> None:
    io.savemat(tmp_path / "s.mat", {"S": {"signal": X[0], "label": "a"}, "n": 3})
    with pytest.raises(FileError, match=r"save its fields as variables, X = \{S.signal\}"):
        read(tmp_path / "s.mat")


def test_what_lies_beside_the_sequences_is_named_with_its_role(write: Any, tmp_path: Path) -> None:
    data = read(write(tmp_path / "a.mat", {"X": X, "speaker": np.array([[1.0], [2.0], [2.0]])}))
    assert data.notes == ("sequences 'X' (channel x time), no labels, 'speaker' as groups",)
    with pytest.raises(OptionError, match="has no option 'label'. Did you mean \"y\""):
        read(tmp_path / "a.mat", label="speaker")
