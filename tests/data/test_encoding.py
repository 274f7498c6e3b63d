"""Targets are understood by one rule at every door, and what is missing is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

import segue
from segue import Dataset, SequenceClassifier, SequenceRegressor, Sequences, TrainingOptions
from segue.data.encoding import as_step_labels, encoded
from segue.errors import DataError
from segue.estimators.splitting import split_data

X = np.random.default_rng(0).normal(size=(12, 5, 1)).astype(np.float32)
AB = ["a", "b"] * 6
ONE_HOT = np.eye(3)[np.arange(12) % 3]
OPTIONS = TrainingOptions(progress="none")


def classifier(**more: Any) -> SequenceClassifier:
    return SequenceClassifier("gru(2)", epochs=1, options=OPTIONS, **more)


def saved(y: Any, folder: Path) -> Dataset:
    np.savez(folder / "data.npz", x=X, y=np.asarray(y))
    return segue.read(folder / "data.npz")


def fitted(y: Any, _folder: Path) -> Dataset:
    return split_data(classifier(), X, y).train


DOORS: dict[str, Callable[[Any, Path], Dataset]] = {
    "Dataset": lambda y, _: Dataset(X, y),
    "fit": fitted,
    "npz": saved,
    "pairs": lambda y, _: segue.read(list(zip(X, list(y), strict=True))),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("y", "classes", "note"),
    [
        (np.array([1.0, 2.0] * 6), (1, 2), "numbers with 2 values: taken as classes"),
        (np.array([1, 2] * 6), (1, 2), "numbers with 2 values: taken as classes"),
        (np.array([True, False] * 6), (False, True), "truth values: taken as the classes"),
        (ONE_HOT, (0, 1, 2), "one-hot rows: taken as the classes 0 to 2"),
        (ONE_HOT.astype(int), (0, 1, 2), "one-hot rows: taken as the classes 0 to 2"),
    ],
    ids=["floats", "whole", "truth", "one-hot floats", "one-hot"],
)
def test_every_door_gives_the_same_answer(
    door: str, y: Any, classes: Any, note: str, tmp_path: Path
) -> None:
    """Whole floats, Booleans and one-hot rows are classes from each, and that is said."""
    data = DOORS[door](y, tmp_path)
    assert data.task == "classify"
    assert data.classes == classes
    assert list(map(type, data.classes or ())) == list(map(type, classes))
    assert any(text.startswith(note) for text in data.notes)


@pytest.mark.parametrize("kind", [pd.DataFrame, torch.tensor, pl.DataFrame, np.ndarray.tolist])
def test_one_hot_of_any_library(kind: Any) -> None:
    """Frames, tensors and lists of lists too."""
    assert Dataset(X, kind(ONE_HOT)).y.tolist() == list(np.arange(12) % 3)
    assert split_data(classifier(), X, kind(ONE_HOT)).train.classes == (0, 1, 2)


def test_one_hot_with_names_and_several_labels() -> None:
    """Names are those of the columns; several labels at once are told by the task or the head."""
    names = ("u", "v", "w")
    assert Dataset(X, ONE_HOT, classes=names).y[:3].tolist() == ["u", "v", "w"]
    assert classifier(classes=names).fit(X, ONE_HOT).classes_.tolist() == list(names)
    several = Dataset(X, ONE_HOT, classes=names, task="multilabel")
    assert several.y.shape == (12, 3)
    assert several[:2].task == "multilabel"
    model = classifier(head="sigmoid").fit(X, ONE_HOT)
    assert model.predict(X).shape == (12, 3)


def test_a_part_is_understood_as_the_whole() -> None:
    """Numbers stay numbers where a part of them is whole, and several labels where one is."""
    numbers = Dataset(X, [1.5, *([2.0] * 11)])
    assert numbers[1:].task == "regress"
    rows = np.concatenate([[[1, 1, 0]], ONE_HOT[1:]])
    assert Dataset(X, rows)[1:].task == "multilabel"


def test_the_task_that_is_given_counts() -> None:
    """A regressor takes numbers as numbers; `task` says so of a data set."""
    y = np.arange(12) % 3
    assert Dataset(X, y, task="regress").y.dtype == np.float64
    assert SequenceRegressor("gru(2)")._as_dataset(Dataset(X, y), None).task == "regress"
    assert SequenceRegressor("gru(2)")._as_dataset(X, y).task == "regress"
    many = Dataset(np.zeros((500, 2, 1)), np.arange(500))
    assert (many.task, len(many.classes or ())) == ("regress", 0)
    assert Dataset(np.zeros((500, 2, 1)), np.arange(500), task="classify").task == "classify"
    with pytest.raises(DataError, match=r"classes with Dataset\(x, y, task='classify'\)"):
        classifier().fit(many)


def test_rows_of_steps_or_of_labels() -> None:
    """Where both readings are possible, the error shows both."""
    y = np.random.default_rng(0).integers(0, 2, (12, 5))
    with pytest.raises(DataError, match="label for each step, task='label', or several"):
        Dataset(X, y)
    assert Dataset(X, y, task="label").y.channels == 1
    assert Dataset(X, y, task="multilabel").y.shape == (12, 5)


MISSING = {
    "None": [None, *AB[1:]],
    "NaN": [float("nan"), *AB[1:]],
    "blank": ["", *AB[1:]],
    "Series": pd.Series([None, *AB[1:]]),
    "string": pd.Series([None, *AB[1:]], dtype="string"),
    "category": pd.Series([None, *AB[1:]], dtype="category"),
    "Int64": pd.Series([None, *([1, 2, 1] * 4)][:12], dtype="Int64"),
    "NaT": pd.Series([pd.NaT, *[pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-02")] * 6][:12]),
    "masked": np.ma.masked_array(AB, [True] + [False] * 11),
    "polars": pl.Series([None, *AB[1:]]),
    "row": [None, *ONE_HOT[1:]],
    "masked rows": np.ma.masked_array(ONE_HOT, [[True] * 3] + [[False] * 3] * 11),
}


@pytest.mark.parametrize("form", MISSING)
def test_a_missing_label_is_refused(form: str) -> None:
    """By `Dataset` and by `fit`: the number of the sequence, how many there are, the way out."""
    message = "Sequence 0 has no label; 1 of 12 sequences have none.*drop_missing"
    with pytest.raises(DataError, match=message):
        Dataset(X, MISSING[form])
    with pytest.raises(DataError, match=message):
        classifier().fit(X, MISSING[form])


@pytest.mark.parametrize("form", MISSING)
def test_missing_labels_are_dropped(form: str) -> None:
    """What is kept can be cut and dropped, and is refused by whatever needs labels."""
    kept = Dataset(X, MISSING[form], missing="keep", ids=[f"s{i}" for i in range(12)])
    assert kept.missing_targets.tolist() == [True] + [False] * 11
    dropped = kept.drop_missing()
    assert len(dropped) == 11
    assert dropped.y.dtype != object
    assert dropped.task == "classify"
    assert None not in (dropped.classes or ())
    assert len(kept[1:].drop_missing()) == 11
    for ask in (classifier().fit, Dataset.split, classifier().fit(dropped).score):
        with pytest.raises(DataError, match=r"Sequence 0 \(s0\) has no label"):
            ask(kept)


def test_missing_numbers() -> None:
    """Targets that are numbers likewise."""
    y = [1.5, None, *range(10)]
    with pytest.raises(DataError, match="Sequence 1 has no target; 1 of 12"):
        Dataset(X, y)
    with pytest.raises(DataError, match="Sequence 1 has no target; 1 of 12"):
        SequenceRegressor("gru(2)").fit(X, y)
    assert len(Dataset(X, y, missing="keep").drop_missing()) == 11


def test_files_with_missing_labels(tmp_path: Path) -> None:
    """A file is named; `drop_missing` reads the others, and says how many are left out."""
    np.savez(tmp_path / "data.npz", x=X, y=np.array(["", *AB[1:]]))
    with pytest.raises(DataError, match="data.npz: Sequence 0 has no label.*drop_missing=True"):
        segue.read(tmp_path / "data.npz")
    data = segue.read(tmp_path / "data.npz", drop_missing=True)
    assert data.y.tolist() == AB[1:]
    assert data.notes == ("1 sequence without a target left out",)


def test_what_no_file_can_hold_is_refused_before_training() -> None:
    """Tuples, objects, complex numbers and several kinds; bytes are decoded and saved."""
    for y in ([("a", 1)] * 12, [object()] * 12, [1j, 2] * 6, ["a", 1] * 6, [float("inf"), 1.0] * 6):
        with pytest.raises(DataError):
            split_data(classifier(), X, y)
    assert classifier().fit(X, np.array([b"a", b"b"] * 6)).classes_.tolist() == ["a", "b"]


@pytest.mark.parametrize("labels", [np.array(AB, object), pd.Series(AB), [b"a", b"b"] * 6])
def test_a_model_with_any_labels_can_be_saved(labels: Any, tmp_path: Path) -> None:
    """And predicts the same labels from its file."""
    model = classifier().fit(X, labels)
    model.save(tmp_path / "m.safetensors")
    assert segue.load(tmp_path / "m.safetensors").predict(X).tolist() == model.predict(X).tolist()


def test_the_task_is_kept_in_files(tmp_path: Path) -> None:
    """Numbers that are whole, and several labels that look one-hot, come back as they were."""
    for number, data in enumerate(
        [Dataset(X, [2.0] * 12, task="regress"), Dataset(X, ONE_HOT, task="multilabel")]
    ):
        segue.readers.write(data, tmp_path / f"npz{number}")
        assert segue.read(tmp_path / f"npz{number}").task == data.task
        data.write(tmp_path / f"{number}.arrow")
        assert Dataset.open(tmp_path / f"{number}.arrow").task == data.task


@pytest.mark.parametrize(
    ("rows", "ignore", "codes", "classes"),
    [
        ([["a", None], ["b"]], None, [0, -1, 1], ("a", "b")),
        ([np.array([1.0, np.nan]), np.array([2.0])], None, [0, -1, 1], (1, 2)),
        ([pd.Series([1, None], dtype="Int64"), [2]], None, [0, -1, 1], (1, 2)),
        ([[1, "?"], [2]], "?", [0, -1, 1], (1, 2)),
        ([np.ma.masked_array([1, 5], [False, True]), [2]], None, [0, -1, 1], (1, 2)),
        ([[b"a", ""], [b"b"]], None, [0, -1, 1], ("a", "b")),
        ([torch.tensor([3, -1]), torch.tensor([4])], -1, [0, -1, 1], (3, 4)),
    ],
    ids=str,
)
def test_labels_of_steps(rows: Any, ignore: Any, codes: list[int], classes: Any) -> None:
    """Steps without a label, in any form, and those to be ignored have the code -1."""
    found, names, ignored = as_step_labels(rows, ignore=ignore)
    assert found.values[:, 0].tolist() == codes
    assert names == classes
    assert ignored == 1


def test_labels_of_steps_in_a_data_set() -> None:
    """A list of them with task="label", or class numbers as `Sequences`; dropped where all miss."""
    data = Dataset([[1.0, 2.0], [3.0]], [["a", "b"], [None]], task="label")
    assert data.classes == ("a", "b")
    assert len(data.drop_missing()) == 1
    same = Dataset([[1.0, 2.0], [3.0]], Sequences.from_list(data.y.to_list()), classes=("a", "b"))
    assert same.task == "label"


def test_numbers_that_are_wanted_as_classes_are_noted_as_such() -> None:
    assert (
        encoded([0.5, 1.5, 0.5], task="classify").note == "numbers with 2 values: taken as classes"
    )
    assert encoded([0.5, 1.5, 0.5]).note.endswith("to be predicted as numbers")
