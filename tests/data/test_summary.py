"""The summary of a data set counts what there is."""

from __future__ import annotations

import numpy as np

from segue import Dataset, Sequences

ROWS = [
    # values, label, part, group
    ([1, 2], "a", "train", "ann"),
    ([1, 2], "a", "train", "ann"),
    ([1, 2], "a", "test", "ann"),
    ([3, np.nan, 5], "b", "train", "bob"),
    ([6], "b", "test", "cid"),
    ([np.nan, np.nan], "c", "test", "cid"),
]


def example() -> Dataset:
    values, labels, parts, groups = zip(*ROWS, strict=True)
    return Dataset(Sequences.from_list(values), labels, parts=parts, groups=groups, name="example")


def test_everything_is_counted() -> None:
    summary = example().summary()
    assert (summary.sequences, summary.channels, summary.lengths) == (6, 1, (1, 2.0, 3))
    assert summary.parts == {"train": 3, "test": 3}
    assert summary.classes == {"a": 3, "b": 2, "c": 1}
    assert summary.groups == 3
    assert summary.missing == (3, 2)
    assert summary.duplicates == 1, "the second [1, 2] of train"
    assert summary.duplicates_across_parts == 3, "all [1, 2], because test has one too"
    assert summary.groups_across_parts == 1, "ann is in train and in test"


def test_the_table_says_it_in_words() -> None:
    lines = str(example().summary()).splitlines()
    assert lines[0] == "example"
    table = {line[:22].strip(): line[22:].strip() for line in lines[1:]}
    assert table["length"] == "1 to 3 steps, median 2"
    assert table["classes"] == "a: 3 (50%), b: 2 (33%), c: 1 (17%)"
    assert table["missing values"] == "3 in 2 sequences"
    assert table["groups across parts"].startswith("1: ")


def test_a_data_set_of_nothing_known_has_a_summary() -> None:
    text = str(Dataset([[1.0, 2.0], [3.0, 4.0]]).summary())
    assert "2 steps, all the same" in text
    assert "classes" not in text
    assert str(Dataset(Sequences.from_list([])).summary()).startswith("sequences")


def test_long_sequences_are_told_with_separators() -> None:
    """A median of thousands, too, and one between two lengths."""
    lengths = [1000, 2001, 2002, 12345]
    data = Dataset(Sequences(np.zeros((sum(lengths), 1)), np.cumsum([0, *lengths])))
    assert dict(data.summary().rows())["length"] == "1,000 to 12,345 steps, median 2,001.5"


def test_labels_for_each_step_are_counted_by_steps() -> None:
    y = Sequences.from_list([np.array([0, 0, 1], np.int32), np.array([1, -1], np.int32)])
    data = Dataset([[1, 2, 3], [4, 5]], y, classes=("walk", "run"))
    assert data.summary().classes == {"walk": 2, "run": 2}


def test_tags_are_counted_each() -> None:
    data = Dataset(np.zeros((3, 2, 1)), np.array([[1, 0], [1, 1], [0, 0]]), classes=("p", "q"))
    assert data.summary().classes == {"p": 2, "q": 1}


def test_many_classes_are_cut_short() -> None:
    text = str(Dataset(np.zeros((20, 2, 1)), np.arange(20)).summary())
    assert "and 8 more" in text


def test_the_rate_is_said() -> None:
    """In steps per second, or as the time between two steps where they are slow."""
    rates = {8000: "8,000 Hz", 0.5: "0.5 Hz", 1 / 86_400: "a step every 86,400 s"}
    for rate, said in rates.items():
        rows = Dataset([[1.0, 2.0]], rate_hz=rate).summary().rows()
        assert dict(rows)["sampling rate"] == said
    assert "sampling rate" not in dict(Dataset([[1.0, 2.0]]).summary().rows())
