"""What holds labelled sequences in Python goes straight into `read` and `fit`, a pair at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset
from torch.utils.data import Dataset as TorchDataset

import segue
from segue.errors import DataError
from segue.estimators.inputs import as_sequences
from segue.readers import read
from segue.readers.streams import from_pairs

PAIRS = [
    (np.arange(n, dtype=np.float32) + (n % 2), "odd" if n % 2 else "even") for n in range(2, 42)
]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where streams are written."""
    monkeypatch.setenv("SEGUE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Stored(TorchDataset):  # type: ignore[type-arg]
    def __len__(self) -> int:
        return len(PAIRS)

    def __getitem__(self, index: int) -> Any:
        x, y = PAIRS[index]
        return torch.from_numpy(x)[:, None], torch.tensor(int(y == "odd"))


class Streamed(IterableDataset):  # type: ignore[type-arg]
    def __iter__(self) -> Iterator[Any]:
        return iter(PAIRS)


class Own:
    """Anything with `__iter__`."""

    def __iter__(self) -> Iterator[Any]:
        return iter(PAIRS)


def hugging_face(**more: Any) -> Any:
    rows = {"signal": [x.tolist() for x, _ in PAIRS], "label": [int(y == "odd") for _, y in PAIRS]}
    names = datasets.ClassLabel(names=["even", "odd"])
    features = {"signal": datasets.Sequence(datasets.Value("float32")), "label": names}
    return datasets.Dataset.from_dict(rows, features=datasets.Features(features))


TEXT, NUMBERS = [y for _, y in PAIRS], [int(y == "odd") for _, y in PAIRS]
KINDS = {
    "generator": (lambda: (pair for pair in PAIRS), TEXT),
    "iterable": (Own, TEXT),
    "list of pairs": (lambda: list(PAIRS), TEXT),
    "zip": (lambda: zip([x for x, _ in PAIRS], TEXT, strict=True), TEXT),
    "torch map-style": (Stored, NUMBERS),
    "torch iterable": (Streamed, TEXT),
    "hugging face": (hugging_face, TEXT),
    "hugging face iterable": (lambda: hugging_face().to_iterable_dataset(), TEXT),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_the_same_data_set(kind: str, cache: Path) -> None:
    """All sequences, in order, with their labels; and nothing is left on the disk."""
    make, labels = KINDS[kind]
    data = read(make())
    assert data.y.tolist() == labels
    assert data.x == segue.Sequences.from_list([x for x, _ in PAIRS])
    assert not list(cache.glob("streams/*"))


@pytest.mark.parametrize("kind", ["generator", "torch map-style", "hugging face"])
def test_straight_into_fit_and_predict(kind: str) -> None:
    """`fit`, `score` and `predict` take what `read` takes."""
    make, labels = KINDS[kind]
    options = segue.TrainingOptions(progress="none")
    model = segue.SequenceClassifier("gru(4)", epochs=2, options=options).fit(make())
    assert 0 <= model.score(make()) <= 1
    assert len(model.predict(make())) == len(labels)
    model.fit(make(), validation_data=make())
    assert "loss" in model.history_.rows[0]


def test_large_streams_stay_on_disk(cache: Path) -> None:
    """What is larger than a bound is mapped, from a file that has no name any more."""
    data = from_pairs(iter(PAIRS), small=100)
    assert data.x.is_mapped
    assert data.x == segue.Sequences.from_list([x for x, _ in PAIRS])
    assert not list(cache.glob("streams/*"))


def test_memory_is_bounded(cache: Path) -> None:
    """A stream is never in memory as a whole: 160 MB come, less than 70 are held."""
    import tracemalloc

    def pairs() -> Iterator[Any]:
        for number in range(200):
            yield np.full((200_000, 1), number, np.float32), number % 2

    from_pairs(iter(PAIRS), small=0)
    tracemalloc.start()
    data = from_pairs(pairs(), small=1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert data.x.total_steps * 4 == 160_000_000
    assert peak < 70_000_000


def test_labels_of_other_kinds() -> None:
    """Numbers to be predicted, a label for each step, several labels at once."""
    numbers = from_pairs((x, len(x) / 2) for x, _ in PAIRS)
    assert numbers.task == "regress"
    steps = from_pairs((x, (x > 3).astype(int)) for x, _ in PAIRS)
    assert steps.task == "label"
    assert steps.y[5].ravel().tolist() == (PAIRS[5][0] > 3).astype(int).tolist()
    tags = from_pairs((x, [1, 0, int(y == "odd")]) for x, y in PAIRS if len(x) > 3)
    assert tags.task == "multilabel"


def test_series_for_a_forecast() -> None:
    """A forecaster takes series, not pairs."""
    series = (np.sin(np.arange(60) / 3 + i) for i in range(3))
    options = segue.TrainingOptions(progress="none")
    model = segue.Forecaster(size=8, epochs=1, options=options).fit(series)
    assert model.n_features_in_ == 1


def test_splits_are_parts() -> None:
    """A DatasetDict has its splits as parts."""
    splits = datasets.DatasetDict(train=hugging_face(), test=hugging_face().select(range(3)))
    data = read(splits)
    assert data.part_names == ("train", "test")
    assert len(data.part("test")) == 3
    assert data.classes == ("even", "odd")


def test_texts_and_channels_of_hugging_face() -> None:
    """A column of text is the sequence where there are no lists; lists of lists have channels."""
    texts = datasets.Dataset.from_dict({"text": ["ab", "cde"], "label": ["x", "y"]})
    data = read(texts)
    assert data.x.texts() == ["ab", "cde"]
    assert data.y.tolist() == ["x", "y"]
    lists = {"a": [[1.0, 2.0], [3.0]], "b": [[4.0, 5.0], [6.0]], "kind": ["x", "y"]}
    data = read(datasets.Dataset.from_dict(lists))
    assert data.x[0].tolist() == [[1, 4], [2, 5]]
    assert data.channels == ("a", "b")
    data = read(datasets.Dataset.from_dict({"x": [[[1.0, 2.0]], [[3.0, 4.0]]], "y": [0.5, 1.5]}))
    assert data.x[1].tolist() == [[3, 4]]
    assert data.task == "regress"


def test_mapped_arrays_are_not_copied(tmp_path: Path) -> None:
    """float32 is used where it lies; other numbers are turned row by row into a mapped file."""
    array = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float32, (40, 6, 2))
    array[:] = np.random.default_rng(0).standard_normal(array.shape)
    array[::2] += 3
    y = np.arange(40) % 2
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert segue.Sequences.from_array(mapped).is_mapped
    assert segue.read(mapped).x.is_mapped
    options = segue.TrainingOptions(progress="none")
    model = segue.SequenceClassifier("gru(4)", epochs=8, learning_rate=0.05, options=options)
    same = model.fit(np.array(array), y).predict_proba(array)
    np.testing.assert_allclose(model.fit(mapped, y).predict_proba(mapped), same, atol=2e-5)
    np.save(tmp_path / "d.npy", array.astype(np.float64))
    double = np.load(tmp_path / "d.npy", mmap_mode="r")
    np.testing.assert_allclose(model.fit(double, y).predict_proba(double), same, atol=2e-5)
    turned = model.set_params(layout="nct")
    np.save(tmp_path / "t.npy", array.transpose(0, 2, 1).astype(np.float64))
    double = np.load(tmp_path / "t.npy", mmap_mode="r")
    np.testing.assert_allclose(turned.fit(double, y).predict_proba(double), same, atol=2e-5)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32])
def test_mapped_arrays_lie_where_they_are_if_nothing_must_change(tmp_path: Path, kind: Any) -> None:
    """float64 far from 0 and int32 too; others become float32 or int32 in a file of their own."""
    draws = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", (draws.normal(size=(30, 9, 2)) * 100 + 2**30).astype(kind))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    x = as_sequences(mapped)
    assert (x.is_mapped, x.dtype) == (True, kind)
    np.testing.assert_array_equal(x[3], mapped[3])
    for other, becomes in ((np.uint8, np.int32), (np.int64, np.int32), (np.float64, np.float32)):
        np.save(tmp_path / "y.npy", draws.integers(0, 200, (30, 9)).astype(other))
        assert as_sequences(np.load(tmp_path / "y.npy", mmap_mode="r")).dtype == becomes
    np.save(tmp_path / "z.npy", np.zeros((2, 3, 4, 5)))
    with pytest.raises(DataError, match="An array of sequences has shape"):
        as_sequences(np.load(tmp_path / "z.npy", mmap_mode="r"))


def test_a_mapped_array_of_time_and_channel_is_one_series(tmp_path: Path) -> None:
    """To a forecaster, whatever type it has."""
    series = np.sin(np.outer(np.arange(200), [0.3, 0.2]))
    np.save(tmp_path / "s.npy", series)
    options = segue.TrainingOptions(progress="none")
    found = [
        segue.Forecaster("gru(4)", size=6, epochs=12, learning_rate=0.03, options=options)
        .fit(given)
        .predict(3)
        for given in (series, np.load(tmp_path / "s.npy", mmap_mode="r"))
    ]
    assert found[1].shape == (3, 2)
    np.testing.assert_array_equal(*found)


def test_class_labels_of_hugging_face_that_are_missing() -> None:
    """-1 is no label there: a part without any has none, and one that has some is refused."""
    features = datasets.Features(
        {
            "x": datasets.Sequence(datasets.Value("float32")),
            "label": datasets.ClassLabel(names=["even", "odd"]),
        }
    )

    def rows(labels: list[int]) -> Any:
        given = {"x": [[1.0, 2.0]] * len(labels), "label": labels}
        return datasets.Dataset.from_dict(given, features=features)

    assert read(rows([0, 1, 0])).y.tolist() == ["even", "odd", "even"]
    assert read(rows([-1, -1])).task == "none"
    with pytest.raises(DataError, match="Sequence 1 has no label; 1 of 3"):
        read(rows([0, -1, 1]))


def test_pairs_with_missing_labels() -> None:
    """The item is named; where none has a label, there are none."""
    with pytest.raises(DataError, match="Sequence 1 has no label; 1 of 2"):
        read([(np.zeros(3), "a"), (np.zeros(3), None)])
    assert from_pairs([(np.zeros(3), None)] * 2).task == "none"


def broken() -> Iterator[Any]:
    yield np.zeros(3), "a"
    raise KeyError("in the middle")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: iter([]), "No sequences came"),
        (lambda: iter([(np.zeros(3), "a"), np.zeros(3)]), "Item 1 is a ndarray; expected a pair"),
        (lambda: iter([(np.zeros(3), "a", 1)]), "Item 0 is a tuple of 3; expected a pair"),
        (lambda: iter([(np.zeros((3, 2)), 0), (np.zeros((3, 1)), 1)]), "Sequence 1 has 1 channels"),
        (lambda: iter([("text", 0)]), "Sequence 0 is str; expected a .time, channel. or"),
        (
            lambda: iter([(np.zeros(3), [1, 0]), (np.zeros(3), [1, 0, 1])]),
            "Item 0 has 3 steps and 2",
        ),
        (
            lambda: DataLoader(TensorDataset(torch.zeros(4, 3))),
            "gives batches: segue makes its own; pass loader.dataset",
        ),
        (lambda: datasets.Dataset.from_dict({"x": []}), "The data set has no rows"),
        (
            lambda: datasets.DatasetDict(train=hugging_face(), extra=hugging_face()),
            "The splits are",
        ),
        (lambda: 3, "int is no source; expected a name, a path, or one of"),
    ],
)
def test_what_does_not_fit(make: Any, message: str, cache: Path) -> None:
    """The item is named, and nothing is left on the disk."""
    with pytest.raises(DataError, match=message):
        read(make())
    assert not list(cache.glob("streams/*"))


def test_an_error_of_the_generator_comes_through(cache: Path) -> None:
    """An error inside a user's generator is theirs; the file is removed all the same."""
    with pytest.raises(KeyError, match="in the middle"):
        read(broken())
    assert not list(cache.glob("streams/*"))
