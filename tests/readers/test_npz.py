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


STEPS = np.arange(10, dtype=np.float32).reshape(5, 2)


@pytest.mark.parametrize(
    "arrays",
    [
        {"X": STEPS, "lengths": [2, 3]},
        {"values": STEPS, "lengths": [2, 3]},
        {"data": STEPS, "lengths": [2, 3]},
        {"x": STEPS, "offsets": [0, 2, 5]},
        {"x": STEPS, "offsets": [0, 2]},
        {"x": STEPS, "splits": [2]},
        {"values": STEPS, "split_points": [2]},
        {"x": STEPS, "ptr": np.array([0, 2, 5], np.uint8)},
        {"x": STEPS, "indptr": [2, 5]},
    ],
)
def test_all_sequences_one_after_the_other(tmp_path: Path, arrays: dict[str, object]) -> None:
    """The joined form that hmmlearn and others use, with lengths, offsets or split points."""
    data = read(npz(tmp_path, **arrays, y=["a", "b"]))
    assert [steps.tolist() for steps in data.x] == [STEPS[:2].tolist(), STEPS[2:].tolist()]
    assert data.y.tolist() == ["a", "b"]


def test_one_channel_one_after_the_other(tmp_path: Path) -> None:
    """`[total_steps]` is one channel, and labels may be one for each step."""
    data = read(npz(tmp_path, x=np.arange(5.0), lengths=[2, 3], y=[1, 1, 2, 2, 1]))
    assert [steps.ravel().tolist() for steps in data.x] == [[0, 1], [2, 3, 4]]
    assert data.task == "label"


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"x": STEPS, "lengths": [1] * 5},
            r"it may be 5 steps .*`values`\), or 5 padded sequences",
        ),
        (
            {"x": STEPS, "lengths": [2, 2]},
            r"2 `lengths`, 4 in all: it is neither 5 steps .*, nor 5",
        ),
        ({"x": STEPS, "offsets": [0, 9]}, "expected whole numbers that rise from 0 to 5"),
        ({"x": STEPS, "offsets": [0, 3, 2, 5]}, "must rise from 0 to the number of steps"),
        ({"x": STEPS, "splits": [0.5]}, "type float64; expected whole numbers"),
        (
            {"x": np.zeros((3, 3)), "y": np.eye(3, dtype=int)},
            r"one of 3 classes .*argmax.*, or a l",
        ),
    ],
)
def test_two_readings_and_none(tmp_path: Path, arrays: dict[str, object], message: str) -> None:
    """Both are shown, with what makes it the one or the other."""
    with pytest.raises(FileError, match=message):
        read(npz(tmp_path, **arrays))


def test_the_way_out_of_two_readings(tmp_path: Path) -> None:
    """What the message says: another name, or a third axis."""
    assert len(read(npz(tmp_path, values=STEPS, lengths=[1] * 5)).x) == 5
    data = read(npz(tmp_path, x=STEPS[:, :, None], lengths=[1] * 5))
    assert data.x.lengths.tolist() == [1] * 5
    assert data.x.channels == 1


@pytest.mark.parametrize("form", ["x_{}", "X_{}", "{}_x", "data_{}", "{}_data"])
def test_parts_by_name(tmp_path: Path, form: str) -> None:
    """The part stands before or behind the name of the array, in whatever case."""
    label = form.replace("data", "labels").replace("x", "y").replace("X", "Y")
    arrays = {form.format(p): X for p in ("train", "val")}
    data = read(npz(tmp_path, **arrays, **{label.format(p): [0, 1] for p in ("train", "val")}))
    assert data.part_names == ("train", "validation")
    assert data.y.tolist() == [0, 1, 0, 1]


def test_parts_that_do_not_agree(tmp_path: Path) -> None:
    """A part without labels is no reason to leave out those of the others."""
    with pytest.raises(FileError, match="whole numbers in part 'train', none in part 'test'"):
        read(npz(tmp_path, x_train=X, y_train=[0, 1], x_test=X))


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    """Arrays of names that mean nothing are noted."""
    assert read(npz(tmp_path, x=X, fs=50.0)).notes == ("arrays that are left out: 'fs'",)
    data = read(npz(tmp_path, x_train=X, mean=1.0))
    assert data.notes == ("arrays that are left out: 'mean'",)
    data = read(npz(tmp_path, x=X, y_test=[1, 2]))
    assert data.notes == ("arrays that are left out: 'y_test'",)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array([b"gr\xc3\xbcn", b"rot"]), ["grün", "rot"]),
        (np.array(["2024-03-09", "2024-03-10"], "M8[D]"), ["2024-03-09", "2024-03-10"]),
        (np.array(["007", "07"]), ["007", "07"]),
        (np.array([[3], [4]]), [3, 4]),
    ],
)
def test_kinds_of_labels(tmp_path: Path, labels: np.ndarray, expected: list[object]) -> None:
    """Bytes are text, dates ISO text, and text is never made a number."""
    data = read(npz(tmp_path, x=X, y=labels, group=np.array([b"p1", b"p2"])))
    assert data.y.tolist() == expected
    assert data.groups.tolist() == ["p1", "p2"]


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """They are refused by the name of the array."""
    with pytest.raises(FileError, match="The bytes of 'y' are no text in UTF-8: save them as str"):
        read(npz(tmp_path, x=X, y=np.array([b"gr\xfcn", b"rot"])))


@pytest.mark.parametrize(
    "labels", [np.array([1.0, np.nan, 2, 2, 1]), np.array(["p", "", "q", "q", "p"])]
)
def test_steps_without_a_label(tmp_path: Path, labels: np.ndarray) -> None:
    """Missing in whatever form is none; whole numbers are classes also as floats."""
    data = read(npz(tmp_path, values=STEPS, lengths=[2, 3], y=labels))
    assert data.y.values[:, 0].tolist() == [0, -1, 1, 1, 0]
    assert data.classes in ((1, 2), ("p", "q"))


@pytest.mark.parametrize(
    "names",
    [
        ("X.npy", "y.npy"),
        ("sound.npy", "sound_y.npy"),
        ("x.npy", "Y.npy"),
        ("x.npy", "labels.npy"),
    ],
)
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
        ({"x": X, "y": [0.5] * 6}, "labels of each step are real numbers"),
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


def test_texts_that_older_versions_wrote(tmp_path: Path) -> None:
    """Their characters were called `values`, as uint32; they are no whole numbers."""
    values = np.array([[ord(letter)] for letter in "abc"], np.uint32)
    np.savez(tmp_path / "texts.npz", values=values, lengths=np.array([2, 1]), y=np.array([0, 1]))
    data = read(tmp_path / "texts.npz")
    assert data.x.is_text
    assert data.x.texts() == ["ab", "c"]
