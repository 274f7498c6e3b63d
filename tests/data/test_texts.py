"""What values are is told by their type, and texts come back as they went in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue import Dataset, Sequences
from segue.data.arrays import decode, encode
from segue.errors import DataError
from segue.readers import read, write

TEXTS = st.lists(st.text(max_size=12), min_size=1, max_size=6)


@given(TEXTS)
def test_texts_come_back(texts: list[str]) -> None:
    """Any Unicode, empty texts too; slices, joins and equality work as for other sequences."""
    x = Sequences.from_texts(texts)
    assert (x.is_text, x.channels, x.texts()) == (True, 1, texts)
    assert x.lengths.tolist() == [len(text) for text in texts]
    assert x[::-1].texts() == texts[::-1]
    assert Sequences.concatenate([x, x]).texts() == texts * 2
    assert [decode(steps) for steps in x.to_list()] == texts


def test_whole_numbers_are_no_texts_whatever_type_they_have() -> None:
    """Texts are made of texts only; their code points, passed as an array, are whole numbers."""
    points = np.array([72, 105], np.uint32)
    for x in (
        Sequences(points, [0, 2]),
        Sequences(np.stack([points, points], 1), [0, 2]),
        Sequences.from_list([points]),
        Sequences.from_array(points[None]),
        Sequences.from_padded(points[None], [2]),
    ):
        assert x.kind == "whole numbers"
    assert Sequences.from_texts(["Hi"]).kind == "text"
    with pytest.raises(DataError, match="same channels"):
        Sequences.concatenate([Sequences.from_texts(["Hi"]), Sequences.from_list([[1.0]])])


def test_whole_numbers_beyond_float64_are_refused() -> None:
    """Those up to 2**53 are kept; beyond, none becomes another without a word."""
    x = Sequences.from_list([[2**53, 2**53 - 1], [2**53 - 8]])
    assert (x.dtype, x.values.ravel().tolist()) == (np.float64, [2**53, 2**53 - 1, 2**53 - 8])
    times = 1_700_000_000_123_456_701 + np.arange(4) * 10**7
    assert Sequences.from_list([times - times[0]]).is_whole
    for bad in (times, times.astype(np.uint64), -times, times[:, None].repeat(2, 1)):
        with pytest.raises(DataError, match="Channel 0 has the whole number .*x - x.0."):
            Sequences(bad, [0, 4])
        with pytest.raises(DataError, match="an id is no channel"):
            Sequences.from_list([bad])


@pytest.mark.parametrize("format", ["npz", "arrow"])
def test_files_keep_texts(tmp_path: Path, format: str) -> None:  # noqa: A002
    """In memory and mapped; the summary says that they are texts."""
    data = Dataset(Sequences.from_texts(["so läuft’s", "😀", ""]), ["a", "b", "b"])
    back = read(write(data, tmp_path / format, format=format))
    assert back.x.texts() == data.x.texts()
    assert "values      " in str(back.summary())
    assert "0 to 10 characters, median 1" in str(back.summary())


def test_a_format_of_measurements_refuses_texts(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds measurements, not texts: choose npz or arrow"):
        write(Dataset(Sequences.from_texts(["a"]), ["x"]), tmp_path / "ts", format="ts")


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["a", None], "Text 1 is None .NoneType.; expected str. Leave out what is missing."),
        (["a", float("nan")], "Text 1 is nan .float."),
        ([b"a"], "Text 0 is b'a' .bytes.; expected str"),
        (["ab\udc80"], "Text 0 has half a character .* at 2: it was read with the wrong encoding"),
    ],
)
def test_what_is_no_text_is_refused_by_number(texts: list[str], said: str) -> None:
    with pytest.raises(DataError, match=said):
        encode(texts)


@pytest.mark.parametrize("value", [0xD800, 0x110000, 2**32 - 1])
def test_numbers_that_are_no_characters(value: int) -> None:
    with pytest.raises(DataError, match=f"The value {value} is no Unicode character"):
        decode(np.array([[65], [value]], np.uint32))
