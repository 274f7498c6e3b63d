"""A data set selects, joins, writes and opens every kind of target with all that belongs to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue import Dataset, Sequences
from segue.errors import DataError, FileError, WriteError

X = Sequences.from_list([np.full((n + 1, 2), n, np.float32) for n in range(6)])

# Every kind of target: y, and the task that it asks for.
TARGETS: dict[str, tuple[Any, str]] = {
    "nothing": (None, "none"),
    "text": (["b", "a", "b", "a", "c", "c"], "classify"),
    "whole numbers": ([3, 1, 3, 1, 2, 2], "classify"),
    "yes or no": ([True, False, True, True, False, False], "classify"),
    "tags": (np.eye(6, 3, dtype=np.int64), "multilabel"),
    "numbers": ([0.5, 1.5, -2.0, 3.25, 0.0, 9.0], "regress"),
    "vectors": (np.arange(12.0).reshape(6, 2), "regress"),
    "steps": (
        Sequences.from_list([np.full(n + 1, n % 3, np.int32) for n in range(6)]),
        "label",
    ),
}


def dataset(kind: str, **more: Any) -> Dataset:
    y, task = TARGETS[kind]
    classes = ("p", "q", "r") if task in ("multilabel", "label") else None
    return Dataset(X, y, classes=classes, **more)


def everything(kind: str) -> Dataset:
    return dataset(
        kind,
        channels=("left", "right"),
        rate_hz=12.5,
        groups=["ann", "ann", "bob", "bob", "cid", "cid"],
        parts=["train", "test", "train", "train", "test", "validation"],
        ids=[f"file {n}" for n in range(6)],
        name="an example",
    )


def assert_same(came: Dataset, wanted: Dataset) -> None:
    assert came.x == wanted.x
    assert came.task == wanted.task
    if isinstance(wanted.y, Sequences) or wanted.y is None:
        assert came.y == wanted.y
    else:
        assert came.y.dtype == wanted.y.dtype
        np.testing.assert_array_equal(came.y, wanted.y)
    for name in ("classes", "channels", "rate_hz", "name"):
        assert getattr(came, name) == getattr(wanted, name)
    for name in ("groups", "parts", "ids"):
        np.testing.assert_array_equal(getattr(came, name), getattr(wanted, name))


@pytest.mark.parametrize("kind", TARGETS)
def test_the_task_follows_from_the_targets(kind: str) -> None:
    assert dataset(kind).task == TARGETS[kind][1]


@pytest.mark.parametrize("batch_steps", [1_000_000, 5])
@pytest.mark.parametrize("kind", TARGETS)
def test_what_was_written_is_opened(tmp_path: Path, kind: str, batch_steps: int) -> None:
    data = everything(kind)
    assert data.write(tmp_path / "d.arrow", batch_steps=batch_steps) == 6
    opened = Dataset.open(tmp_path / "d.arrow")
    assert opened.x.is_mapped
    assert_same(opened, data)
    assert_same(opened[::-2], data[::-2])


@pytest.mark.parametrize("kind", TARGETS)
def test_a_bare_data_set_is_written_and_opened(tmp_path: Path, kind: str) -> None:
    data = dataset(kind)
    data.write(tmp_path / "d.arrow")
    assert_same(Dataset.open(tmp_path / "d.arrow"), data)


@pytest.mark.parametrize("kind", TARGETS)
def test_a_selection_takes_everything_along(kind: str) -> None:
    data = everything(kind)
    chosen = data[[4, 0]]
    assert chosen.x == X[[4, 0]]
    assert chosen.ids.tolist() == ["file 4", "file 0"]
    assert chosen.groups.tolist() == ["cid", "ann"]
    assert chosen.classes == data.classes, "classes stay, also those that no longer occur"
    if data.y is not None:
        assert [np.array_equal(a, b) for a, b in zip(chosen.y, data.y[[4, 0]], strict=True)]


def test_text_that_is_not_ascii_comes_back(tmp_path: Path) -> None:
    data = Dataset(X[:2], ["größe", "波"], ids=["a b", "ñ"], name="été")
    data.write(tmp_path / "d.arrow")
    assert_same(Dataset.open(tmp_path / "d.arrow"), data)


def test_the_parts_are_in_the_usual_order_and_can_be_taken() -> None:
    data = everything("text")
    assert data.part_names == ("train", "validation", "test")
    assert data.part("train").ids.tolist() == ["file 0", "file 2", "file 3"]
    with pytest.raises(DataError, match="There is no part 'tets'. Did you mean \"test\"?"):
        data.part("tets")
    with pytest.raises(DataError, match="has no parts.*data.split.*parts='name'"):
        dataset("text").part("train")


def test_parts_that_were_taken_apart_are_joined_again() -> None:
    data = everything("steps")
    joined = Dataset.concatenate({name: data.part(name) for name in data.part_names})
    order = np.argsort(joined.ids)
    assert_same(joined[order], data)


def test_joining_unites_the_classes() -> None:
    first, second = Dataset(X[:2], ["a", "b"]), Dataset(X[2:4], ["c", "a"])
    joined = Dataset.concatenate({"train": first, "test": second})
    assert joined.classes == ("a", "b", "c")
    assert joined.part("test").y.tolist() == ["c", "a"]


def test_a_split_keeps_groups_and_classes() -> None:
    data = everything("text")
    first, second = data.split(0.3, seed=1)
    assert len(first) + len(second) == 6
    assert not set(first.groups) & set(second.groups)
    assert set(first.ids) | set(second.ids) == set(data.ids)
    parted = data.with_parts(0.3, seed=1)
    np.testing.assert_array_equal(parted.part("test").ids, second.ids)


@given(st.integers(4, 40), st.integers(0, 5), st.floats(0.1, 0.5))
def test_with_parts_draws_as_split_does(count: int, seed: int, share: float) -> None:
    data = Dataset(np.zeros((count, 3, 1)), np.arange(count) % 3, ids=np.arange(count))
    first, second = data.split(share, seed=seed)
    parted = data.with_parts(share, seed=seed)
    np.testing.assert_array_equal(parted.part("train").ids, first.ids)
    np.testing.assert_array_equal(parted.part("test").ids, second.ids)


def test_classes_can_be_given_also_those_that_do_not_occur() -> None:
    data = Dataset(X[:2], ["b", "a"], classes=["c", "b", "a"])
    assert data.classes == ("c", "b", "a")
    with pytest.raises(DataError, match=r"Labels \['b'\] are not among the classes \['a', 'c'\]"):
        Dataset(X[:2], ["b", "a"], classes=["a", "c"])


def test_everything_that_does_not_fit_is_reported_together() -> None:
    with pytest.raises(DataError) as caught:
        Dataset(X, ["a"] * 5, groups=[1, 2], ids=["x"], channels=("one",))
    text = str(caught.value)
    for problem in ("6 sequences", "5 in `y`", "2 in `groups`", "1 in `ids`", "1 channel names"):
        assert problem in text


def test_a_list_of_labels_for_each_step_is_refused_with_the_way_out() -> None:
    """NumPy's own message would not say what a data set takes."""
    labels = [np.zeros(n + 1, np.int32) for n in range(6)]
    with pytest.raises(DataError, match=r"rows of different lengths.*`y=Sequences.from_list\(y\)`"):
        Dataset(X, labels)
    assert Dataset(X, Sequences.from_list(labels), classes=("p",)).task == "label"


def test_labels_per_step_must_be_as_many_as_the_steps() -> None:
    y = Sequences.from_list([np.zeros(n + 2, np.int32) for n in range(6)])
    with pytest.raises(DataError, match="Sequence 0 has 1 steps and 2 labels"):
        Dataset(X, y, classes=("a",))


def test_targets_of_three_axes_are_refused() -> None:
    with pytest.raises(DataError, match=r"`y` has shape \(6, 1, 1\); expected"):
        Dataset(X, np.zeros((6, 1, 1)))


def test_an_int_gives_no_data_set() -> None:
    with pytest.raises(TypeError, match=r"take `data\.x\[i\]`"):
        dataset("text")[0]


def test_a_data_set_is_frozen() -> None:
    with pytest.raises(AttributeError):
        dataset("text").y = None  # type: ignore[misc]


def test_a_file_of_bare_sequences_opens_without_targets(tmp_path: Path) -> None:
    Sequences.write(tmp_path / "x.arrow", X)
    opened = Dataset.open(tmp_path / "x.arrow")
    assert (opened.task, len(opened), opened.x) == ("none", 6, X)


@pytest.mark.parametrize(
    "y",
    [
        ["a", None, "b"],
        [1, None, 2],
        [True, None, False],
        [0.5, np.nan, 2.0],
        [[1, 0], None, [1, 1]],
    ],
)
def test_missing_targets_are_missing_in_the_file_too(tmp_path: Path, y: list[Any]) -> None:
    """Of every kind of target, where they are kept."""
    data = Dataset([[1.0], [2.0], [3.0]], y, missing="keep")
    data.write(tmp_path / "x.arrow")
    opened = Dataset.open(tmp_path / "x.arrow")
    assert opened.missing_targets.tolist() == [False, True, False]
    assert (opened.task, opened.classes) == (data.task, data.classes)
    np.testing.assert_array_equal(opened.drop_missing().y, data.drop_missing().y)


def test_columns_that_no_data_set_has_are_refused(tmp_path: Path) -> None:
    from segue.data import storage as arrow

    arrow.write(tmp_path / "x.arrow", [(np.ones((2, 1), np.float32), {"colour": "red"})])
    with pytest.raises(FileError, match="has columns that no data set has: colour"):
        Dataset.open(tmp_path / "x.arrow")


def test_a_full_disk_leaves_nothing(full_disk: Path) -> None:
    data = Dataset(np.ones((300, 1000, 2), np.float32), np.arange(300) % 2)
    with pytest.raises(WriteError, match="could not be written"):
        data.write(full_disk / "d.arrow", batch_steps=50_000)
    assert not list(full_disk.iterdir())


def test_the_repr_says_what_is_there() -> None:
    assert repr(everything("text")) == (
        "Dataset(n=6, time=1 to 6, channels=2, classes=3, parts=train/validation/test)"
    )
