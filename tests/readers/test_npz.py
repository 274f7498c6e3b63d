"""NumPy files: the forms that are taken, labels for each step, and no pickles, ever."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from segue.errors import FileError, OptionError
from segue.readers import read


def npz(folder: Path, **arrays: object) -> Path:
    path = folder / "data.npz"
    np.savez(path, **arrays)
    return path


X = np.arange(12, dtype=np.float32).reshape(2, 3, 2)


def test_plain_arrays(tmp_path: Path) -> None:
    """`X` and `Y` in whatever case, with everything else that a data set knows."""
    data = read(
        npz(
            tmp_path,
            X=X,
            Y=["up", "down"],
            channels=["left", "right"],
            rate_hz=50.0,
            subject=[4, 4],
            part=["train", "test"],
        )
    )
    np.testing.assert_array_equal(np.stack(list(data.x)), X)
    assert data.y.tolist() == ["up", "down"]
    assert (data.channels, data.rate_hz) == (("left", "right"), 50.0)
    assert data.groups.tolist() == [4, 4]
    assert data.part_names == ("train", "test")


def test_lengths_cut_the_padding_off(tmp_path: Path) -> None:
    """With `lengths` the steps at the end are padding."""
    assert read(npz(tmp_path, x=X, lengths=[3, 1])).x.lengths.tolist() == [3, 1]


def test_channels_first(tmp_path: Path) -> None:
    """`layout="nct"` turns (n, channel, time) around."""
    data = read(npz(tmp_path, x=X.transpose(0, 2, 1)), layout="nct")
    np.testing.assert_array_equal(np.stack(list(data.x)), X)
    with pytest.raises(OptionError, match="layout='tcn'; expected 'ntc' or 'nct'"):
        read(npz(tmp_path, x=X), layout="tcn")


def test_labels_for_each_step(tmp_path: Path) -> None:
    """Labels become positions in the classes, and -1 stays none."""
    data = read(npz(tmp_path, values=np.zeros((5, 1)), lengths=[2, 3], labels=[5, -1, 9, 9, 5]))
    assert data.task == "label"
    assert data.classes == (5, 9)
    assert data.y.values[:, 0].tolist() == [0, -1, 1, 1, 0]


def test_labels_for_each_step_as_text(tmp_path: Path) -> None:
    """Text does as well, with "" for none and an order of its own."""
    labels = ["walk", "", "sit"]
    data = read(
        npz(tmp_path, values=np.zeros(3), lengths=[3], y=labels, classes=["walk", "sit", "run"])
    )
    assert data.classes == ("walk", "sit", "run")
    assert data.y.values[:, 0].tolist() == [0, -1, 1]


def test_labels_for_each_step_of_padded_arrays(tmp_path: Path) -> None:
    """`y` of shape (n, time) is cut to the lengths as `x` is."""
    data = read(npz(tmp_path, x=X, lengths=[3, 1], y=[[1, 2, 1], [2, 0, 0]]))
    assert data.classes == (1, 2)
    assert data.y.lengths.tolist() == [3, 1]


def test_keras_names(tmp_path: Path) -> None:
    """`x_train`, `y_train`, `x_test`, `y_test` are the parts."""
    data = read(npz(tmp_path, x_train=X, y_train=[0, 1], x_test=X[:1], y_test=[1]))
    assert data.part_names == ("train", "test")
    assert data.part("test").y.tolist() == [1]


def test_recordings_of_activities(data_folder) -> None:
    """Smartphone recordings read in one call: 61 of 6 channels, an activity for each step."""
    data = read(data_folder("activity/hapt_10hz.npz"))
    assert (len(data), data.x.channels, data.task) == (61, 6, "label")
    assert data.classes == tuple(range(1, 13))
    assert data.channels == ("acc-x", "acc-y", "acc-z", "gyro-x", "gyro-y", "gyro-z")
    assert len(np.unique(data.groups)) == 30
    raw = np.load(data_folder("activity/hapt_10hz.npz"))
    known = raw["labels"] != -1
    codes = data.y.values[:, 0]
    assert (codes[~known] == -1).all()
    np.testing.assert_array_equal(np.array(data.classes)[codes[known]], raw["labels"][known])


@pytest.mark.parametrize("names", [("X.npy", "y.npy"), ("sound.npy", "sound_y.npy")])
def test_npy_with_its_labels(tmp_path: Path, names: tuple[str, str]) -> None:
    """The labels lie beside the array, under one of two names."""
    for name, array in zip(names, (X, np.array([3, 4])), strict=True):
        np.save(tmp_path / name, array)
    for source in (tmp_path, tmp_path / names[0]):
        assert read(source).y.tolist() == [3, 4]


def test_npy_parts(tmp_path: Path) -> None:
    """`X_train.npy` and `X_test.npy` with their labels are one data set of two parts."""
    for part, count in [("train", 2), ("test", 1)]:
        np.save(tmp_path / f"X_{part}.npy", X[:count, :, 0])
        np.save(tmp_path / f"y_{part}.npy", np.array(["a", "b"][:count]))
    data = read(tmp_path)
    assert data.parts.tolist() == ["train", "train", "test"]
    assert data.y.tolist() == ["a", "b", "a"]


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('a file was unpickled')",)


def test_pickles_are_refused(tmp_path: Path) -> None:
    """Object arrays and pickle files are refused without being opened."""
    bomb = np.array([Bomb()], dtype=object)
    with pytest.raises(FileError, match="holds pickled Python objects"):
        read(npz(tmp_path, x=X, y=bomb))
    np.save(tmp_path / "x.npy", bomb)
    with pytest.raises(FileError, match="holds pickled Python objects"):
        read(tmp_path / "x.npy")
    for name in ("raw.npy", "raw.npz"):
        (tmp_path / name).write_bytes(pickle.dumps(Bomb()))
        with pytest.raises(FileError, match="pickled|not a whole NumPy file"):
            read(tmp_path / name)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"z": X}, "The arrays are z; expected `x`"),
        ({"values": X[0]}, "expected `x`"),
        ({"values": X[0], "lengths": [2, 2]}, "must rise from 0 to the number of steps"),
        ({"x": X, "y": [1, 2, 3]}, r"The labels have shape \(3,\); expected one for each of the 2"),
        ({"x": X, "labels": [1, 2], "y": [1, 2]}, "has more than one array for 'y'"),
        ({"x": X, "channels": ["a"]}, "1 channel names for 2 channels"),
        ({"x": X[0, 0]}, r"has shape \(2,\)"),
        ({"x": X, "y": [0.5] * 6}, "Labels for each step are real numbers"),
        ({"x": X, "y": [1] * 5 + [3], "classes": [1, 2]}, r"labels \[3\], which are not among"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path: Path, arrays: dict[str, object], message: str) -> None:
    """What there is and what was expected, with the file's name."""
    with pytest.raises(FileError, match=message) as caught:
        read(npz(tmp_path, **arrays))
    assert "data.npz" in str(caught.value)


@pytest.mark.parametrize("name", ["x.npz", "x.npy"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and then nothing", b"nonsense"])
def test_files_that_are_not_of_numpy(tmp_path: Path, name: str, content: bytes) -> None:
    """Empty, cut off or foreign files are refused in words."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileError, match="is not a whole NumPy file|pickled"):
        read(tmp_path / name)
