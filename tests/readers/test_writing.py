"""What is written is read back the same, in every format that segue writes; and it is safe."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import strategies as st

from segue import Dataset, Sequences, synth
from segue.errors import DataError, FileError, OptionError, WriteError
from segue.readers import READERS, read, write

WRITABLE = [reader.name for reader in READERS if reader.is_writable]


def assert_same(first: Dataset, second: Dataset, names: tuple[str, ...]) -> None:
    assert first.x == second.x
    assert first.classes == second.classes
    for name in names:
        one, other = getattr(first, name), getattr(second, name)
        assert (one is None) == (other is None), name
        if one is not None:
            assert isinstance(one, Sequences) or one.dtype.kind == other.dtype.kind, name
            assert one == other if isinstance(one, Sequences) else np.array_equal(one, other), name


@st.composite
def labelled(draw: st.DrawFn, labels: st.SearchStrategy[object]) -> Dataset:
    """Up to six sequences of one to three channels with NaN here and there."""
    channels = draw(st.integers(1, 3))
    floats = st.floats(width=32, allow_infinity=False)
    sequence = st.integers(1, 5).flatmap(
        lambda steps: arrays.arrays(np.float32, (steps, channels), elements=floats)
    )
    x = Sequences.from_list(draw(st.lists(sequence, min_size=1, max_size=6)))
    return Dataset(x, draw(st.lists(labels, min_size=len(x), max_size=len(x))))


WORDS = st.text("abcäß-_.", min_size=1, max_size=5)


@hypothesis.given(data=labelled(WORDS))
@pytest.mark.parametrize("kind", ["ts", "npz", "arrow"])
def test_text_labels_come_back(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: Dataset
) -> None:
    """Any values to the last bit, with missing ones, and any words as labels."""
    folder = write(data, tmp_path_factory.mktemp("any"), format=kind)
    assert_same(data, read(folder), ("y", "parts"))


@hypothesis.given(data=labelled(st.integers(-3, 3)))
def test_numbered_classes_come_back_from_dat(
    tmp_path_factory: pytest.TempPathFactory, data: Dataset
) -> None:
    """Raw files hold any values and whole numbers as classes."""
    folder = write(data, tmp_path_factory.mktemp("any"), format="dat")
    assert_same(data, read(folder, channels=data.x.channels), ("y", "parts"))


@pytest.mark.parametrize("kind", WRITABLE)
def test_waves_come_back(tmp_path: Path, kind: str) -> None:
    """Generated waves are the same data set after a way through any format."""
    data = synth.waves(count=6, test=3, validation=2, length=16, noise=0.1, seed=1)
    back = read(write(data, tmp_path / "waves", format=kind))
    ids = () if kind == "ts" else ("ids",)
    assert_same(data, back, ("y", "parts", *ids))


@pytest.mark.parametrize("kind", ["npz", "arrow"])
def test_everything_comes_back(tmp_path: Path, kind: str) -> None:
    """Groups, ids, channel names, rate, and classes that do not occur are kept."""
    data = Dataset(
        [[[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]]],
        ["b", "a"],
        classes=("c", "b", "a"),
        channels=("left", "right"),
        rate_hz=12.5,
        groups=np.array(["Ann", "Bob"]),
        ids=np.array([7, 9]),
        name="both",
    )
    back = read(write(data, tmp_path / "set", format=kind))
    assert_same(data, back, ("y", "parts", "groups", "ids"))
    assert (back.channels, back.rate_hz, back.name) == (data.channels, data.rate_hz, data.name)


@pytest.mark.parametrize("classes", [("walk", "sit"), (3, 5)])
@pytest.mark.parametrize("kind", ["npz", "arrow"])
def test_labels_for_each_step_come_back(
    tmp_path: Path, kind: str, classes: tuple[object, ...]
) -> None:
    """Class numbers of steps, -1 among them, are the same after a round trip."""
    x = Sequences(np.zeros((5, 1), np.float32), [0, 2, 5])
    data = Dataset(x, Sequences(np.int32([0, -1, 1, 1, 0]), [0, 2, 5]), classes)
    assert_same(data, read(write(data, tmp_path / "set", format=kind)), ("y",))


@pytest.mark.parametrize("kind", WRITABLE)
def test_targets_come_back(tmp_path: Path, kind: str) -> None:
    """Numbers to be predicted stay numbers, to the last bit of float64."""
    data = Dataset([[1.0], [2.0, 3.0]], np.array([0.1, 1 / 3]))
    assert_same(data, read(write(data, tmp_path / "set", format=kind)), ("y",))


@pytest.mark.parametrize("kind", ["ts", "npz", "arrow"])
def test_no_labels_come_back(tmp_path: Path, kind: str) -> None:
    """Sequences without targets stay without."""
    data = Dataset([[1.0], [2.0, 3.0]])
    assert read(write(data, tmp_path / "set", format=kind)).task == "none"


def test_layout_of_the_original_waves(tmp_path: Path) -> None:
    """Train/ and Test/ hold X_1.dat of 128 raw float64 values and Y_1.dat of one."""
    data = synth.waves(count=11, test=2)
    write(data, tmp_path / "waves", format="dat")
    names = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.dat"))
    assert len(names) == 2 * (11 + 2)
    assert {"waves/Train/X_1.dat", "waves/Train/Y_11.dat", "waves/Test/X_2.dat"} <= set(names)
    raw = (tmp_path / "waves/Train/X_11.dat").read_bytes()
    assert len(raw) == 128 * 8
    np.testing.assert_array_equal(np.frombuffer(raw, "<f8"), data.x[10][:, 0].astype(float))


def test_a_class_that_would_mean_none(tmp_path: Path) -> None:
    """With a class -1 and steps without a label, npz cannot tell the two apart."""
    x = Sequences(np.zeros((2, 1), np.float32), [0, 2])
    data = Dataset(x, Sequences(np.int32([0, -1]), [0, 2]), (-1, 1))
    with pytest.raises(DataError, match="class -1 would be taken for steps without a label"):
        write(data, tmp_path / "set")


def test_what_dat_cannot_hold(tmp_path: Path) -> None:
    """Text as classes, several targets or no target are refused with another format to choose."""
    for y, message in [
        (["a"], "are text"),
        (None, "are none"),
        (np.full((1, 2), 0.5), "are regress"),
    ]:
        with pytest.raises(DataError, match=message):
            write(Dataset([[1.0]], y), tmp_path / "set", format="dat")
    assert not any(tmp_path.iterdir())


def test_a_full_folder_is_left_alone(tmp_path: Path) -> None:
    """Without `overwrite` nothing is replaced; with it, only a folder of nothing but data."""
    data = synth.toy()
    folder = write(data, tmp_path / "toy", format="ts")
    with pytest.raises(FileError, match="is not empty. Choose another folder, or replace it with"):
        write(data, folder, format="dat")
    write(data, folder, format="dat", overwrite=True)
    assert sorted({path.suffix for path in folder.iterdir()}) == [".dat"]
    (folder / "thesis.doc").write_text("years of work")
    with pytest.raises(FileError, match=r"holds more than a data set \(thesis.doc\), so it is not"):
        write(data, folder, overwrite=True)
    assert (folder / "thesis.doc").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["toy"]


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When writing breaks off, neither the folder nor a temporary one is left, the old one is."""
    folder = write(synth.toy(), tmp_path / "toy", format="dat")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("segue.readers.dat.write", full)
    with pytest.raises(WriteError, match=r"could not be written \(No space left on device\)"):
        write(synth.waves(), folder, format="dat", overwrite=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]


def test_a_full_disk(full_disk: Path) -> None:
    """On a disk of one megabyte a data set of two is refused, and nothing of it is left."""
    with pytest.raises(WriteError, match="could not be written"):
        write(synth.waves(count=2000), full_disk / "waves", format="npz")
    assert list(full_disk.iterdir()) == []


@pytest.mark.parametrize("kind", ["dat", "ts", "npz", "arrow"])
def test_a_disk_without_a_page_left(full_disk: Path, kind: str) -> None:
    """Files that are smaller than any buffer fail too, and do not stay empty."""
    (full_disk / "filler").write_bytes(bytes(2**20))
    with pytest.raises(WriteError, match="No space left on device"):
        write(synth.waves(count=4), full_disk / "waves", format=kind)
    assert [path.name for path in full_disk.iterdir()] == ["filler"]


def test_formats_that_are_only_read(tmp_path: Path) -> None:
    """Formats without a writer are refused with those that have one."""
    with pytest.raises(OptionError, match="segue reads tsv but does not write it. It writes dat, "):
        write(synth.toy(), tmp_path / "toy", format="tsv")
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="is a file; expected the folder to be written"):
        write(synth.toy(), tmp_path / "file")
