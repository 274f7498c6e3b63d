"""What can be wrong with a folder of .dat files, and what is read of it."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from segue.errors import DataError, FileError
from segue.readers import read
from segue.readers.registry import reader_named


def pack(path: Path, *numbers: float) -> None:
    path.write_bytes(struct.pack(f"<{len(numbers)}d", *numbers))


def pairs(folder: Path, count: int) -> Path:
    for number in range(1, count + 1):
        pack(folder / f"X_{number}.dat", float(number), 0.0)
        pack(folder / f"Y_{number}.dat", number % 2)
    return folder


def test_files_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """X_10 comes after X_9 and not after X_1."""
    data = read(pairs(tmp_path, 12))
    assert [steps[0, 0] for steps in data.x] == list(range(1, 13))
    assert data.ids.tolist() == list(range(1, 13))


def test_limit_opens_no_further_file(tmp_path: Path) -> None:
    """The first three are read although the fourth is broken."""
    pairs(tmp_path, 5)
    (tmp_path / "X_4.dat").write_bytes(b"123")
    assert len(read(tmp_path, limit=3)) == 3
    with pytest.raises(FileError, match=r"X_4\.dat has 3 bytes"):
        read(tmp_path, limit=4)


def test_channels_are_interleaved(tmp_path: Path) -> None:
    """With two channels the values go step by step."""
    pack(tmp_path / "X_1.dat", 1, 10, 2, 20)
    pack(tmp_path / "Y_1.dat", 5)
    assert read(tmp_path, channels=2).x[0].tolist() == [[1, 10], [2, 20]]


def test_numbers_that_are_not_whole_are_targets(tmp_path: Path) -> None:
    """A 0.5 among the Y files makes all of them numbers to be predicted."""
    pairs(tmp_path, 2)
    pack(tmp_path / "Y_2.dat", 0.5)
    data = read(tmp_path)
    assert data.task == "regress"
    assert data.y.tolist() == [1.0, 0.5]


def test_all_problems_come_together(tmp_path: Path) -> None:
    """One message names the first five problems of a folder and counts the others."""
    pairs(tmp_path, 8)
    (tmp_path / "X_1.dat").write_bytes(b"12345")
    (tmp_path / "X_2.dat").write_bytes(b"")
    (tmp_path / "X_3.dat").unlink()
    (tmp_path / "Y_4.dat").unlink()
    pack(tmp_path / "Y_5.dat", 1, 2)
    pack(tmp_path / "Y_6.dat", float("nan"))
    with pytest.raises(FileError) as caught:
        read(tmp_path)
    message = str(caught.value)
    assert "X_1.dat has 5 bytes, not a multiple of 8 (1 channel of float64 a step)" in message
    assert "X_2.dat is empty" in message
    assert "Y_3.dat has no X_3.dat" in message
    assert "X_4.dat has no Y_4.dat" in message
    assert "Y_5.dat has 16 bytes; expected 8, one float64" in message
    assert "Y_6" not in message
    assert "and 1 more such problems." in message


@pytest.mark.parametrize(
    ("name", "message"),
    [("X_01.dat", r"X_01\.dat and X_1\.dat have the same number")],
)
def test_a_number_that_comes_twice(tmp_path: Path, name: str, message: str) -> None:
    """X_1 and X_01 are the same number: neither is chosen in silence."""
    pairs(tmp_path, 1)
    pack(tmp_path / name, 1.0)
    with pytest.raises(FileError, match=message):
        read(tmp_path)


def test_sizes_that_do_not_fit_the_channels(tmp_path: Path) -> None:
    """Three numbers are no whole steps of two channels."""
    pairs(tmp_path, 1)
    pack(tmp_path / "X_1.dat", 1, 2, 3)
    with pytest.raises(FileError, match=r"24 bytes, not a multiple of 16 \(2 channels of float64"):
        read(tmp_path, channels=2)
    with pytest.raises(DataError, match="channels=0"):
        read(tmp_path, channels=0)


def test_no_pairs_at_all(tmp_path: Path) -> None:
    """The reader itself, asked for an empty folder or none, says so."""
    with pytest.raises(FileError, match=r"no X_<i>\.dat and Y_<i>\.dat are there"):
        reader_named("dat").read(tmp_path)
    with pytest.raises(FileError, match=r"nowhere: cannot be read \(No such file"):
        reader_named("dat").read(tmp_path / "nowhere")


def test_one_file_is_not_a_data_set(tmp_path: Path) -> None:
    """A single X file is refused with the folder to give instead."""
    pairs(tmp_path, 1)
    with pytest.raises(FileError, match="is one file of many: give its folder"):
        read(tmp_path / "X_1.dat")


def test_values_are_rounded_to_float32_only_once(tmp_path: Path) -> None:
    """What is read equals NumPy's own reading, rounded to float32."""
    values = np.random.default_rng(0).standard_normal(100)
    values.astype("<f8").tofile(tmp_path / "X_1.dat")
    pack(tmp_path / "Y_1.dat", 0)
    np.testing.assert_array_equal(read(tmp_path).x[0][:, 0], values.astype(np.float32))
