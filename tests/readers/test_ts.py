"""The `.ts` format: every mistake named with its line, and parity with a plain second parser."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from segue import Dataset, Sequences
from segue.errors import DataError, FileError
from segue.readers import read
from segue.readers.ts import write

HEADER = """@problemName Waves
@timeStamps false
@univariate false
@dimensions 2
@equalLength false
@classLabel true a b
@data
"""


def ts(folder: Path, text: str) -> Path:
    path = folder / "Waves.ts"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,2:a", "has 1 channel; expected 2 channels and then the label, separated by colons"),
        ("1,2:3,4:5,6:a", "has 3 channels; expected 2 channels"),
        ("1,2:3,4,5:a", "channel 1 has 2 values and channel 2 has 3"),
        ("1,2:3,4:c", "has the class 'c'; those of @classLabel are a, b"),
        ("1,2:3,four:a", "value 2 of channel 2 is 'four'; expected a number, or `\\?`"),
        ("1,:3,4:a", "value 2 of channel 1 is empty"),
        ("1,2:3,4", "has 1 channel; expected 2"),
    ],
)
def test_a_case_that_does_not_fit(tmp_path: Path, line: str, message: str) -> None:
    """The message has the file's line as an editor counts it, comments and empty lines too."""
    path = ts(tmp_path, f"# remark\n{HEADER}1,2:3,4:a\n\n{line}\n")
    with pytest.raises(FileError, match=message) as caught:
        read(path)
    assert caught.value.line == 11
    assert f"{path}, line 11: " in str(caught.value)


def test_wrong_number_of_channels_in_line_17(tmp_path: Path) -> None:
    """Nine good cases, then a bad one: the message says line 17."""
    path = ts(tmp_path, HEADER + "1,2:3,4:a\n" * 9 + "1,2:a\n" + "1,2:3,4:a\n")
    with pytest.raises(FileError, match="line 17: has 1 channel"):
        read(path)


def test_lengths_against_the_header(tmp_path: Path) -> None:
    """`@equalLength true` is believed, and a case of another length refused."""
    text = HEADER.replace("@equalLength false", "@equalLength true")
    with pytest.raises(FileError, match="line 9: has 1 steps and the first case has 2"):
        read(ts(tmp_path, text + "1,2:3,4:a\n1:3:b\n"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("@timeStamps false", "@timeStamps true", "line 8: channel 1 has '1,2' where `@timeStamps"),
        ("@timeStamps false", "@timeStamps", "@timeStamps is followed by nothing; expected `true`"),
        ("@univariate false", "@univariate no", "@univariate is followed by 'no'"),
        ("@dimensions 2", "@dimensions two", "expected one number of channels"),
        ("@classLabel true a b", "@classLabel true", "expected `true` and then the classes"),
        ("@classLabel true a b", "# none", "line 7: the header has neither @classLabel nor"),
        ("@dimensions 2", "dimensions 2", "line 4: 'dimensions 2' stands before @data"),
        ("@data\n", "", "line 7: '1,2:3,4:a' stands before @data"),
    ],
)
def test_a_header_that_does_not_fit(tmp_path: Path, old: str, new: str, message: str) -> None:
    """Each line of the header that cannot be followed is named."""
    with pytest.raises(FileError, match=message):
        read(ts(tmp_path, HEADER.replace(old, new) + "1,2:3,4:a\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no line @data"),
        (HEADER, "has no cases after @data"),
        (HEADER.replace("@data\n", ""), "has no line @data"),
    ],
)
def test_a_file_that_ends_too_early(tmp_path: Path, text: str, message: str) -> None:
    """Nothing, or nothing but a header, is no data set."""
    with pytest.raises(FileError, match=message):
        read(ts(tmp_path, text))


def test_targets_that_are_no_numbers(tmp_path: Path) -> None:
    """`@targetLabel true` asks for numbers."""
    text = "@univariate true\n@targetLabel true\n@data\n1,2:high\n"
    with pytest.raises(FileError, match="line 4: has the label 'high'; expected a number"):
        read(ts(tmp_path, text))


@pytest.mark.parametrize("tags", ["@classLabel true 1 2\n@targetLabel false", "@classLabel false"])
def test_class_and_target_label_together(tmp_path: Path, tags: str) -> None:
    """A `false` after a `true` changes nothing; whole numbers become ints; no label is no label."""
    last = ":2" if "true" in tags else ""
    data = read(ts(tmp_path, f"@univariate true\n{tags}\n@data\n1,2{last}\n"))
    assert (None if data.y is None else data.y.tolist()) == ([2] if last else None)


def test_limit_stops_reading(tmp_path: Path) -> None:
    """A broken line after the first few cases is never looked at."""
    path = ts(tmp_path, HEADER + "1,2:3,4:a\n" * 3 + "nonsense\n")
    assert len(read(path, limit=3)) == 3


def test_labels_with_letters_beyond_ascii(tmp_path: Path) -> None:
    """Labels are UTF-8, also after a byte-order mark."""
    text = "\ufeff@classLabel true größer kleiner\n@data\n1,2:größer\n"
    assert read(ts(tmp_path, text)).y.tolist() == ["größer"]


def test_two_classes_stay_two_in_another_encoding(tmp_path: Path) -> None:
    """Letters that are not UTF-8 are cp1252, which a note says; nothing is replaced."""
    path = tmp_path / "a.ts"
    text = "@univariate true\n@classLabel true grün grön\n@data\n1,2:grün\n4,5:grön\n"
    path.write_bytes(text.encode("latin-1"))
    data = read(path)
    assert data.classes == ("grön", "grün")
    assert data.notes == ("read as cp1252 (not UTF-8: byte 0xfc in line 2)",)
    assert read(path, encoding="cp1252").notes == ()
    with pytest.raises(FileError, match="line 2: is not UTF-8 at byte 36 .*another encoding"):
        read(path, encoding="utf-8")


def stamped(folder: Path, *cases: str) -> Dataset:
    head = "@timeStamps true\n@univariate {}\n@classLabel true a b\n@data\n"
    single = str(len(cases[0].split(":(")) == 1).lower()
    return read(ts(folder, head.format(single) + "\n".join(cases)))


@pytest.mark.parametrize(
    ("case", "values", "rate"),
    [
        ("(0,1.5),(1,2.5),(2,?):a", [[1.5, 2.5, math.nan]], None),
        ("(0.0,1.5), (0.5,2), (1.0,3):a", [[1.5, 2, 3]], 2.0),
        ("(0,1),(0.5,2),(1,3):a", [[1, 2, 3]], 2.0),
        ("(2024-01-01 00:00:00,1.5),(2024-01-01 00:00:10,2):b", [[1.5, 2]], 0.1),
        ("(2024-01-01T00:00:00.25,1),(2024-01-01T00:00:00.50,2):b", [[1, 2]], 4.0),
        ("(1700000000123456701,1),(1700000000133456701,2):a", [[1, 2]], None),
        ("(0.0,1),(0.1,2):(0.0,3),(0.1,4):a", [[1, 2], [3, 4]], 10.0),
        ("(0.2,3),(0.0,1),(0.1,2):a", [[1, 2, 3]], 10.0),
    ],
)
def test_time_stamps(
    tmp_path: Path, case: str, values: list[list[float]], rate: float | None
) -> None:
    """Times sort the steps, and give the rate where their unit is known."""
    data = stamped(tmp_path, case)
    np.testing.assert_array_equal(data.x[0].T, values)
    assert data.rate_hz == pytest.approx(rate)
    assert any("out of order" in note for note in data.notes) == case.startswith("(0.2")


def test_uneven_time_stamps_are_noted(tmp_path: Path) -> None:
    """Steps that are not equally far apart have no rate, and the note says how far they are."""
    data = stamped(tmp_path, "(0.0,1),(0.1,2),(0.2,3):a", "(0.5,1),(0.9,2),(1.0,3):b")
    assert data.rate_hz is None
    assert "0.1 to 0.4" in data.notes[0]


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("1,2:a", "line 5: channel 1 has '1,2' where `@timeStamps true` expects a time and a val"),
        ("(0,1),2:a", r"channel 1 has '2' where .* in brackets: \(0.1,2.5\) or \(2024-12-31"),
        ("(0,1):(0,1),(1,2):a", "channel 1 has 1 values and channel 2 has 2"),
        ("(0,1),(1,2):(0,1),(2,2):a", "the time '1' at its value 2 and channel 2 has '2'"),
        ("(0,1),(1,x):a", "value 2 of channel 1 is 'x'; expected a number"),
        ("(0,1),(noon,2):a", "has the time stamp 'noon'; expected a number, or a date and"),
        ("(2024-01-01 00:00:00,1),(2024-01-01 00:00:01+01:00,2):a", r"expected all of one kind"),
        ("(31.12.2024 00:00,1):a", "has the time stamp '31.12.2024 00:00'; expected a number"),
        ("(nan,1),(1,2):a", "has the time stamp 'nan'; expected"),
        ("():a", "where `@timeStamps true` expects a time and a value"),
    ],
)
def test_time_stamps_that_are_none(tmp_path: Path, case: str, message: str) -> None:
    """What is no time, and channels whose times differ, are named."""
    with pytest.raises(FileError, match=message):
        stamped(tmp_path, case)


def test_time_stamps_of_two_kinds(tmp_path: Path) -> None:
    """Dates in one case and numbers in another have no common meaning."""
    with pytest.raises(FileError, match="line 6: has the time stamps .* all of one kind"):
        stamped(tmp_path, "(0,1),(1,2):a", "(2024-01-01,1),(2024-01-02,2):a")


def second_parser(path: Path) -> tuple[list[list[list[float]]], list[str]]:
    """Value by value with plain Python, sharing nothing with segue: `[case][channel][step]`."""
    _, _, body = path.read_text(encoding="utf-8").partition("@data\n")
    cases, labels = [], []
    for line in body.splitlines():
        *channels, label = line.split(":")
        numbers = [
            [math.nan if v.strip() == "?" else float(v) for v in c.split(",")] for c in channels
        ]
        cases.append(numbers)
        labels.append(label)
    return cases, labels


@pytest.mark.parametrize("name", ["JapaneseVowels", "BasicMotions"])
@pytest.mark.parametrize("part", ["TRAIN", "TEST"])
def test_parity_with_a_second_parser(data_folder, name: str, part: str) -> None:
    """Every value and label of two real sets equals a plain parse of the file."""
    path = data_folder(f"uea/{name}") / f"{name}_{part}.ts"
    data = read(path)
    cases, labels = second_parser(path)
    assert [str(label) for label in data.y] == labels
    for steps, channels in zip(data.x, cases, strict=True):
        np.testing.assert_array_equal(steps, np.array(channels, np.float32).T)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Dataset([[1.0]], ["two words"]), "cannot hold the class 'two words'"),
        (Dataset([[1.0]], ["a:b"]), "cannot hold the class 'a:b'"),
        (Dataset([np.zeros((0, 1))], ["a"]), "Sequence 0 has no steps"),
        (Dataset(Sequences.from_texts(["ab"]), ["a"]), "holds measurements, not texts"),
        (Dataset([[1.0]], np.zeros((1, 2))), "has one label for each sequence"),
    ],
)
def test_what_the_format_cannot_hold(tmp_path: Path, data: Dataset, message: str) -> None:
    """Such a data set is refused before anything is written."""
    with pytest.raises(DataError, match=message):
        write(tmp_path, data)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("far", [0, 52.52, 33_748_948, 1e9, 3.4028234e38])
def test_values_of_float32_come_back_to_the_bit(tmp_path: Path, far: float) -> None:
    """Also where they lie so close together that their shortest digits would be other numbers."""
    begin = np.float32(far)
    steps = [begin]
    for _ in range(20):
        steps.append(np.nextafter(steps[-1], np.float32(0 if far > 1e38 else np.inf)))
    data = Dataset([np.array(steps, np.float32), np.array([begin], np.float32)], ["a", "b"])
    write(tmp_path, data)
    assert read(tmp_path / "data.ts").x == data.x
