"""A limit bounds the work: what is read is the beginning of the whole, and little else."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segue.data.dataset import Dataset
from segue.errors import FileError
from segue.readers import npzfiles, read
from segue.readers.blocks import limited
from segue.readers.table import several

FIELDS = ("y", "ids", "classes", "groups", "parts", "channels", "rate_hz")


def assert_beginning(source: Path, limit: int, **options: Any) -> Dataset:
    """The first sequences of each part are what they are in the whole."""
    data, whole = read(source, limit=limit, **options), limited(read(source, **options), limit)
    assert data.x == whole.x
    for name in FIELDS:
        found, wanted = (getattr(one, name) for one in (data, whole))
        is_equal = found == wanted
        assert is_equal if isinstance(is_equal, bool) else is_equal.all(), name
    return data


def steps(path: Path, number: int, ids: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [f"{number}{i},{step},{number + i}" for i in range(ids) for step in range(3 + number)]
    if ids == 1:
        rows = [row.partition(",")[2] for row in rows]
    path.write_text("\n".join(["time,x" if ids == 1 else "trial,time,x", *rows]) + "\n")


def by_class(folder: Path) -> None:
    for number in range(12):
        steps(folder / ("walk" if number < 6 else "run") / f"{number:02}.csv", number)


def by_number(folder: Path) -> None:
    for number in range(12):
        steps(folder / str(3 + number // 6) / f"{number:02}.csv", number)


def listed(folder: Path, columns: str = "filename,label", row: str = "{:02}.csv,{}") -> None:
    for number in range(12):
        steps(folder / f"{number:02}.csv", number)
    rows = [row.format(number, "ab"[number // 6], number % 2) for number in range(12)]
    (folder / "labels.csv").write_text("\n".join([columns, *rows]) + "\n")


def listed_in_parts(folder: Path) -> None:
    listed(folder, "filename,label,split", "{0:02}.csv,{1},{1}")
    text = (folder / "labels.csv").read_text()
    (folder / "labels.csv").write_text(text.replace(",a\n", ",train\n").replace(",b\n", ",test\n"))


def by_person(folder: Path) -> None:
    for number in range(12):
        steps(folder / f"p{number:02}.csv", number, ids=2)


def partitions(folder: Path) -> None:
    for number in range(12):
        steps(folder / f"label={'ab'[number // 6]}" / f"{number:02}.csv", number)


def partitions_in_parts(folder: Path) -> None:
    for number in range(12):
        place = folder / f"split={'train' if number < 6 else 'test'}" / f"label={'ab'[number % 2]}"
        steps(place / f"{number:02}.csv", number)


@pytest.mark.parametrize(
    ("make", "most"),
    [
        (by_class, 4),
        (by_number, 4),
        (listed, 4),
        (listed_in_parts, 6),
        (by_person, 4),
        (partitions, 5),
        (partitions_in_parts, 8),
    ],
)
def test_of_a_folder_of_tables_so_many_files_are_read(
    make: Callable[[Path], None], most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path)
    assert_beginning(tmp_path, 2)
    loaded = []
    load = several.load
    monkeypatch.setattr(several, "load", lambda *given: loaded.append(given) or load(*given))
    read(tmp_path, limit=2)
    assert len(loaded) <= most
    assert_beginning(tmp_path, 50)


def test_a_limit_of_a_folder_of_tables_counts_what_has_a_label(tmp_path: Path) -> None:
    """Where sequences without a label are left out, nobody knows in which files they are."""
    for number in range(6):
        (tmp_path / f"{number}.csv").write_text(
            "trial,label,x\n" + "".join(f"{number},{'' if number < 3 else 'a'},1\n" for _ in "123")
        )
    assert len(assert_beginning(tmp_path, 2, drop_missing=True)) == 2


# -- NumPy's files --------------------------------------------------------------------------------

LENGTHS = np.arange(12) % 4 + 2
STEPS = np.random.default_rng(0).normal(size=(int(LENGTHS.sum()), 2)).astype(np.float32)
LABELS = np.repeat(["a", "b"], 6)
LETTERS = np.arange(97, 97 + len(STEPS), dtype=np.uint32)
ROWS = STEPS[:36].reshape(12, 3, 2)
PARTS = np.tile(["train", "test"], 6)
ENDS = np.cumsum(LENGTHS)

ARRAYS: dict[str, dict[str, Any]] = {
    "rows": {"x": ROWS, "y": np.tile(["a", "b"], 6)},
    "joined": {"values": STEPS, "lengths": LENGTHS, "y": LABELS},
    "joined x": {"x": STEPS, "lengths": LENGTHS, "labels": LABELS, "user": np.arange(12)},
    "numbers": {"x": STEPS, "lengths": LENGTHS, "y": np.arange(12.0)},
    "late fractions": {"x": STEPS, "lengths": LENGTHS, "y": np.r_[np.arange(11.0), 0.5]},
    "several": {"x": STEPS, "lengths": LENGTHS, "y": np.eye(12, 3, dtype=int)},
    "one hot": {"x": STEPS, "lengths": LENGTHS, "y": np.eye(3, dtype=int)[np.arange(12) // 4]},
    "offsets": {"x": STEPS, "offsets": np.r_[0, ENDS], "y": LABELS},
    "beginnings": {"x": STEPS, "ptr": np.r_[0, ENDS[:-1]], "y": LABELS},
    "inner offsets": {"x": STEPS, "splits": ENDS[:-1], "ids": np.arange(12)},
    "labels of steps": {"x": STEPS, "lengths": LENGTHS, "y": np.arange(len(STEPS)) // 10},
    "some without": {"x": STEPS, "lengths": LENGTHS, "y": np.arange(len(STEPS)) // 10 - 1},
    "texts of steps": {"x": STEPS, "lengths": LENGTHS, "y": np.repeat(LABELS, LENGTHS)},
    "known": {"x": STEPS, "lengths": LENGTHS, "y": LABELS, "classes": np.array(list("bac"))},
    "characters": {"characters": LETTERS, "lengths": LENGTHS, "y": LABELS},
    "parts": {
        "x_train": ROWS[:7], "y_train": np.arange(7) % 2,
        "x_test": ROWS[7:], "y_test": np.arange(5) % 2,
    },
    "joined parts": {
        "train_values": STEPS[: ENDS[6]], "train_lengths": LENGTHS[:7], "train_y": LABELS[:7],
        "test_values": STEPS[ENDS[6] :], "test_lengths": LENGTHS[7:], "test_y": LABELS[7:],
        "channels": np.array(["p", "q"]),
    },
    "a column of parts": {"x": ROWS, "y": LABELS, "parts": np.repeat(["train", "test"], 6)},
    "and of joined": {"x": STEPS, "lengths": LENGTHS, "split": PARTS},
}  # fmt: skip


@pytest.mark.parametrize("pack", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("name", ARRAYS)
def test_arrays(name: str, pack: Any, tmp_path: Path) -> None:
    pack(tmp_path / "a.npz", **ARRAYS[name])
    assert_beginning(tmp_path / "a.npz", 3)
    assert_beginning(tmp_path / "a.npz", 50)


@pytest.mark.parametrize(
    ("name", "most"),
    [("rows", 9), ("joined", 9), ("offsets", 9), ("parts", 9), ("joined parts", 15)],
)
def test_no_more_of_arrays_is_read(
    name: str, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three sequences of each part have at most so many steps."""
    np.savez(tmp_path / "a.npz", **ARRAYS[name])
    taken = {}
    member = npzfiles._member

    def spy(file: Any, path: Path, key: str, *more: Any) -> Any:
        taken[key] = member(file, path, key, *more)
        return taken[key]

    monkeypatch.setattr(npzfiles, "_member", spy)
    read(tmp_path / "a.npz", limit=3)
    sizes = [array.size for key, array in taken.items() if "x" in key or "values" in key]
    assert max(sizes) <= 2 * most


@pytest.mark.parametrize(
    "wrong",
    [
        {"lengths": LENGTHS[:-1]},
        {"lengths": LENGTHS - 3},
        {"lengths": LENGTHS / 2},
        {"lengths": np.array(3)},
        {"offsets": ENDS + 1},
        {"lengths": LENGTHS, "y": LABELS[:-1]},
    ],
)
def test_arrays_that_do_not_fit_are_refused_with_a_limit_too(
    wrong: dict[str, Any], tmp_path: Path
) -> None:
    np.savez(tmp_path / "a.npz", x=STEPS, **wrong)
    for options in ({}, {"limit": 3}):
        with pytest.raises(FileError):
            read(tmp_path / "a.npz", **options)


def test_lengths_that_are_one_number_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=ROWS, lengths=np.array(3))
    for options in ({}, {"limit": 3}):
        with pytest.raises(FileError, match="expected whole numbers, one for each sequence"):
            read(tmp_path / "a.npz", **options)


def test_an_array_of_nothing(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((0, 5)))
    assert len(read(tmp_path / "a.npy")) == len(read(tmp_path / "a.npy", limit=3)) == 0


def test_an_array_alone_with_its_labels_beside(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", ROWS.astype(float))
    np.save(tmp_path / "a_y.npy", np.tile([1, 2], 6))
    assert not assert_beginning(tmp_path / "a.npy", 3).x.is_mapped


# -- objects of Python ----------------------------------------------------------------------------


def test_of_what_has_no_end_the_first_are_taken() -> None:
    numbers = itertools.count(1)
    data = read(((np.arange(n), "ab"[n % 2]) for n in numbers), limit=4)
    assert data.x.lengths.tolist() == [1, 2, 3, 4]
    assert next(numbers) == 5
