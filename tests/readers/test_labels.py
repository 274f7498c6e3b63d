"""Labels of files: what becomes a number, and what stays as it is written."""

from __future__ import annotations

import pytest

from segue.readers.decoding import labels_of_texts

LONG = "20190523143012123456"


@pytest.mark.parametrize(
    ("texts", "labels"),
    [
        (["1", "2"], [1, 2]),
        (["1.0", "-2.000e+00"], [1, -2]),
        (["0", "10"], [0, 10]),
        (["1", "1.0"], ["1", "1.0"]),
        (["007", "08"], ["007", "08"]),
        (["7", "007"], ["7", "007"]),
        (["00", "1"], ["00", "1"]),
        (["-01", "1"], ["-01", "1"]),
        ([LONG, LONG[:-1] + "7"], [LONG, LONG[:-1] + "7"]),
        (["9007199254740993", "9007199254740992"], ["9007199254740993", "9007199254740992"]),
        (["9007199254740991"], [9007199254740991]),
        (["1_0", "2"], ["1_0", "2"]),
        (["\u0661", "2"], ["\u0661", "2"]),
        (["1.1", "1.10"], ["1.1", "1.10"]),
        (["1e999", "2"], ["1e999", "2"]),
    ],
)
def test_labels_are_never_merged_or_changed(texts: list[str], labels: list[object]) -> None:
    """Whole numbers become ints, unless something of the text would be lost."""
    assert labels_of_texts(texts).tolist() == labels
