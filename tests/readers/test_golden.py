"""Files that no code of segue wrote, read as what they were written to be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segue.readers import read

GOLDEN = Path(__file__).parents[1] / "golden" / "formats"


def steps(data) -> list[list[list[float]]]:
    return [sequence.tolist() for sequence in data.x]


def test_dat() -> None:
    """Pairs packed by struct come back with numbers, classes, parts and ids as they were packed."""
    data = read(GOLDEN / "pairs")
    assert steps(data) == [[[0.5], [-1.25], [3.0]], [[2.0], [4.0]], [[7.0]]]
    assert data.y.tolist() == [1, 0, 1]
    assert data.classes == (0, 1)
    assert data.parts.tolist() == ["train", "train", "test"]
    assert data.ids.tolist() == [1, 2, 1]
    assert data.name == "pairs"


def test_ts() -> None:
    """Channels, missing values, unequal lengths and labels in whatever case are read from `.ts`."""
    data = read(GOLDEN / "ts" / "Gait")
    first, second, third = data.x
    np.testing.assert_array_equal(first, np.float32([[0.5, 1], [np.nan, 2], [-1e-3, 3]]))
    np.testing.assert_array_equal(second, np.float32([[4, np.nan]]))
    np.testing.assert_array_equal(third, np.float32([[10, 12], [11, 13]]))
    assert data.y.tolist() == ["Fast", "slow", "slow"]
    assert data.classes == ("Fast", "slow")
    assert data.parts.tolist() == ["train", "train", "test"]
    assert data.name == "Gait"


def test_ts_with_targets() -> None:
    """`@targetLabel true` gives real numbers to be predicted."""
    data = read(GOLDEN / "ts" / "Speed.ts")
    assert steps(data) == [[[1], [2], [3]], [[4], [5], [6]]]
    assert data.y.tolist() == [0.25, -150.0]
    assert data.task == "regress"


def test_tsv() -> None:
    """NaN at the end is padding, NaN elsewhere is missing, and a row of NaN keeps its length."""
    data = read(GOLDEN / "tsv")
    expected = [[1.5, -2], [np.nan, 0.25, 100], [np.nan] * 3, [1, 2, 3]]
    for sequence, values in zip(data.x, expected, strict=True):
        np.testing.assert_array_equal(sequence[:, 0], np.float32(values))
    assert data.y.tolist() == [3, -1, 3, -1]
    assert data.y.dtype == np.int64
    assert data.parts.tolist() == ["train"] * 3 + ["test"]


def test_idx() -> None:
    """Images packed by struct, with gzip and without, are rows of steps between 0 and 1."""
    data = read(GOLDEN / "idx")
    first = np.float32([[0, 0.2, 0.4], [0.6, 0.8, 1]])
    np.testing.assert_allclose(data.x[0], first, rtol=1e-7)
    np.testing.assert_array_equal(data.x[1], np.ones((2, 3), np.float32))
    assert data.y.tolist() == [7, 0, 7, 0]
    assert data.parts.tolist() == ["train", "train", "test", "test"]
    raw = read(GOLDEN / "idx", part="test", scale=False)
    assert raw.x[0].tolist() == [[0, 51, 102], [153, 204, 255]]


@pytest.mark.parametrize("extra", [False, True])
def test_silso(extra: bool) -> None:
    """Days come as steps, -1 as missing, with the last column there or not."""
    data = read(GOLDEN / "silso", error=extra, observations=extra)
    np.testing.assert_array_equal(data.x[0][:, 0], np.float32([101, np.nan, 88]))
    assert data.ids.tolist() == ["2023-12-30"]
    assert data.y is None
    if extra:
        np.testing.assert_array_equal(data.x[0][:, 1], np.float32([10.5, np.nan, 9]))
        np.testing.assert_array_equal(data.x[0][:, 2], np.float32([30, 0, 25]))
        assert data.channels == ("sunspot number", "error", "observations")


def test_table() -> None:
    """Tables typed by hand: as a spreadsheet writes them in a country with decimal commas, too."""
    rows = read(GOLDEN / "table" / "rows.csv")
    assert [s.ravel().tolist() for s in (rows.x[0], rows.x[2])] == [[0.5, 1], [3, 4, 5]]
    np.testing.assert_array_equal(rows.x[1][:, 0], np.float32([np.nan, 2]))
    assert rows.y.tolist() == ["walk", "run", "walk"]
    assert rows.ids.tolist() == ["a", "b", "c"]
    data = read(GOLDEN / "table" / "steps.csv")
    np.testing.assert_array_equal(data.x[0], np.float32([[0.5, -1], [1.25, 2]]))
    np.testing.assert_array_equal(data.x[1], np.float32([[10, np.nan]]))
    assert data.y.tolist() == ["ja", "nein"]
    assert data.channels == ("Wert x", "Wert; y")
    assert data.rate_hz == 0.5


def test_audio() -> None:
    """WAV files packed by hand: 16 and 24 bit, one and two channels, an odd chunk in between."""
    data = read(GOLDEN / "audio")
    expected = [[0, 0.5, -1, 0.25], [0.25, 0, 0], [0.5, -1], [1 / 32768]]
    for sequence, values in zip(data.x, expected, strict=True):
        np.testing.assert_array_equal(sequence[:, 0], np.float32(values))
    assert data.y.tolist() == ["high", "low", "high", "low"]
    assert data.parts.tolist() == ["train", "train", "test", "test"]
    assert data.ids.tolist() == ["high/a.wav", "low/b.wav", "high/c.wav", "low/a.wav"]
    assert data.rate_hz == 8000


def test_text() -> None:
    """UTF-8 with a mark and without, UTF-16 with one; line ends of Windows."""
    data = read(GOLDEN / "text")
    assert data.x.texts() == ["I came. I saw.\n", "Café\nzu", "ok"]
    assert data.y.tolist() == ["ann", "ben", "ann"]
    assert data.ids.tolist() == ["ann/1.txt", "ben/1.txt", "ann/2.txt"]
    assert read(GOLDEN / "text", unit="sentence", part="train").x.texts()[0] == "I came."
