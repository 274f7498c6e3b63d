"""Arrays beside the sequences in .npz and .mat files: used by their names, an error, or a note."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import io

from segue.errors import FileError
from segue.readers import read

X = np.random.default_rng(0).normal(size=(12, 6, 2)).astype(np.float32)
LENGTHS = np.array([3, 6] * 6)
THERE = np.arange(6) < LENGTHS[:, None]
WHO = np.repeat(np.arange(4), 3)
PARTS = np.array(["train"] * 8 + ["test"] * 4)


def npz(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "data.npz", **arrays)
    return folder / "data.npz"


def mat(folder: Path, **arrays: Any) -> Path:
    """As MATLAB has it: sequence x time x channel, numbers as doubles, text in cells."""
    made = {
        name: array.astype(object)[:, None] if array.dtype.kind == "U" else array * 1.0
        for name, array in arrays.items()
    }
    io.savemat(folder / "data.mat", made)
    return folder / "data.mat"


Y = np.arange(12) % 2
BOTH = pytest.mark.parametrize("write", [npz, mat])
Write = Callable[..., Path]

MASKS = {
    "mask": THERE,
    "Mask": THERE.astype(np.float32),
    "masks": THERE[:, :, None],
    "attention_mask": THERE.astype(np.int64),
    "padding_mask": ~THERE,
    "key_padding_mask": ~THERE,
}


@BOTH
@pytest.mark.parametrize("name", MASKS)
def test_a_mask_says_which_steps_are_there(tmp_path: Path, write: Write, name: str) -> None:
    """What it marks as padding is none of the sequence; a mask of padding is turned."""
    data = read(write(tmp_path, x=X, y=Y, **{name: MASKS[name]}))
    assert data.x.lengths.tolist() == LENGTHS.tolist()
    np.testing.assert_array_equal(data.x[0], X[0, :3])


@BOTH
def test_padding_before_the_steps(tmp_path: Path, write: Write) -> None:
    """As Keras pads."""
    before = np.where(THERE[:, ::-1, None], X, 0)
    data = read(write(tmp_path, x=before, y=Y, mask=THERE[:, ::-1]))
    np.testing.assert_array_equal(data.x[0], X[0, 3:])


def test_labels_of_steps_beside_a_mask(tmp_path: Path) -> None:
    """They are cut as the sequences are."""
    steps = np.tile([0, 1, 1, 2, 2, 2], (12, 1))
    before = np.where(THERE[:, ::-1, None], X, 0)
    data = read(npz(tmp_path, x=before, y=steps, mask=THERE[:, ::-1]))
    assert data.y[0].ravel().tolist() == [2, 2, 2]


def test_one_channel_and_a_mask(tmp_path: Path) -> None:
    """`x` of (n, time) is no array of joined steps where a mask says how long each sequence is."""
    assert read(npz(tmp_path, x=X[..., 0], mask=THERE)).x.lengths.tolist() == LENGTHS.tolist()


def test_channels_first(tmp_path: Path) -> None:
    data = read(npz(tmp_path, x=X.transpose(0, 2, 1), mask=THERE), layout="nct")
    np.testing.assert_array_equal(data.x[0], X[0, :3])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_masks_of_mapped_arrays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: type
) -> None:
    monkeypatch.setattr("segue.readers.npzfiles.LARGE", 10)
    data = read(npz(tmp_path, x=X.astype(dtype), y=Y, mask=THERE))
    np.testing.assert_array_equal(data.x[0], X[0, :3])


@BOTH
@pytest.mark.parametrize(
    "name", ["length", "seq_len", "seq_lengths", "sequence_lengths", "lens", "n_steps"]
)
def test_lengths(tmp_path: Path, write: Write, name: str) -> None:
    data = read(write(tmp_path, x=X, y=Y, **{name: LENGTHS}))
    assert data.x.lengths.tolist() == LENGTHS.tolist()


def test_lengths_of_joined_steps(tmp_path: Path) -> None:
    data = read(npz(tmp_path, x=X.reshape(-1, 2)[: LENGTHS.sum()], seq_len=LENGTHS, subject_id=WHO))
    assert data.x.lengths.tolist() == LENGTHS.tolist()
    assert data.groups.tolist() == WHO.tolist()


@BOTH
@pytest.mark.parametrize(
    "name", ["subject_id", "subjects", "user", "UserID", "patient_id", "groups", "session", "rat"]
)
def test_groups(tmp_path: Path, write: Write, name: str) -> None:
    assert read(write(tmp_path, x=X, y=Y, **{name: WHO})).groups.tolist() == WHO.tolist()


@BOTH
def test_of_two_columns_for_groups_the_better_name_is_one(tmp_path: Path, write: Write) -> None:
    data = read(write(tmp_path, x=X, y=Y, session=np.arange(12), subject=WHO))
    assert data.groups.tolist() == WHO.tolist()
    assert any("are left out: 'session'" in note for note in data.notes)


@BOTH
@pytest.mark.parametrize("name", ["split", "splits", "fold", "subset", "part"])
def test_parts(tmp_path: Path, write: Write, name: str) -> None:
    assert read(write(tmp_path, x=X, y=Y, **{name: PARTS})).parts.tolist() == PARTS.tolist()


@BOTH
@pytest.mark.parametrize("name", ["id", "sample_id", "filename"])
def test_ids(tmp_path: Path, write: Write, name: str) -> None:
    names = np.array([f"s{i}" for i in range(12)])
    assert read(write(tmp_path, x=X, y=Y, **{name: names})).ids.tolist() == names.tolist()


@BOTH
@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("fold", WHO),
        ("set", WHO),
        ("noise", X[0]),
        ("length", X[0]),
        ("id", WHO[:5]),
        ("user", X[0]),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, write: Write, name: str, array: Any) -> None:
    data = read(write(tmp_path, x=X, y=Y, **{name: array}))
    assert any(f"are left out: '{name}'" in note for note in data.notes)
    assert (data.groups, data.parts, data.ids) == (None, None, None)


@BOTH
@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"mask": THERE[:5]}, r"`mask` has shape \(5, 6\) beside `x` of .*; expected \(n, time\)"),
        ({"mask": X > 0}, "not the same in all channels.* NaN in `x`"),
        ({"mask": 3 * THERE}, "has other values than 0 and 1"),
        ({"mask": np.arange(6) % 2 * np.ones((12, 1))}, "has a gap"),
        ({"mask": ~THERE}, "0 where `x` begins with other values than padding.* mask=1 - mask"),
        ({"mask": THERE, "lengths": LENGTHS[::-1]}, "`lengths` and 'mask' say otherwise"),
        ({"split": WHO}, "`split` has 0; expected train, validation or test"),
        ({"subject_id": WHO[:5]}, "'subject_id' has 5 entries for 12 sequences"),
    ],
)
def test_what_must_be_what_it_is_called(
    tmp_path: Path, write: Write, arrays: dict[str, Any], message: str
) -> None:
    with pytest.raises(FileError, match=message):
        read(write(tmp_path, x=X, y=Y, **arrays))


@BOTH
def test_each_part_has_its_own(tmp_path: Path, write: Write) -> None:
    data = read(
        write(
            tmp_path,
            x_train=X,
            y_train=Y,
            mask_train=THERE,
            subject_train=WHO,
            x_test=X[:6],
            y_test=Y[:6],
            mask_test=THERE[:6],
            subject_test=WHO[:6] + 9,
        )
        if write is npz
        else mat(
            tmp_path,
            XTrain=X,
            YTrain=Y,
            maskTrain=THERE,
            SubjectTrain=WHO,
            XTest=X[:6],
            YTest=Y[:6],
            maskTest=THERE[:6],
            SubjectTest=WHO[:6] + 9,
        )
    )
    assert data.x.lengths.tolist() == [*LENGTHS, *LENGTHS[:6]]
    assert data.groups.tolist() == [*WHO, *(WHO[:6] + 9)]
    assert data.part_names == ("train", "test")


def test_cells_of_matlab(tmp_path: Path) -> None:
    """Groups and parts beside sequences in cells."""
    cells = np.empty((12, 1), object)
    cells[:, 0] = [x[: 3 + i % 3].T for i, x in enumerate(X)]
    who = np.array(["ann", "ben", "cid", "dan"])[WHO].astype(object)[:, None]
    parts = PARTS.astype(object)[:, None]
    io.savemat(tmp_path / "a.mat", {"data": cells, "labels": Y, "subject": who, "split": parts})
    data = read(tmp_path / "a.mat")
    assert data.groups.tolist()[::3] == ["ann", "ben", "cid", "dan"]
    assert data.part_names == ("train", "test")
