"""The UCR archive's tab-separated files: padding, missing values, mistakes with their line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segue.errors import DataError, FileError
from segue.readers import read


def tsv(folder: Path, text: str) -> Path:
    path = folder / "Tiny_TRAIN.tsv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\t2\t3\n1\t2\n", "line 2: has 1 values; the lines before have 2"),
        ("1\t2\t3\n1\t2\tx\n", "line 2: value 2 is 'x'; expected a number, or `NaN`"),
        ("1\t2\t3\n\n", "line 2: expected a label, a tab and then values"),
        ("\t2\t3\n", "line 1: expected a label"),
        ("1,2,3\n", "line 1: expected a label, a tab"),
        ("1\t2\t3\nNaN\t2\t3\n", r"line 2: has no label \('NaN'\): leave such lines out"),
        ("", "is empty; expected a label and values in each line"),
    ],
)
def test_lines_that_do_not_fit(tmp_path: Path, text: str, message: str) -> None:
    """The message has the number of the line and what was expected there."""
    with pytest.raises(FileError, match=message):
        read(tsv(tmp_path, text))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["1", "-2"], [1, -2]),
        (["1.0", "2.0000e+00"], [1, 2]),
        (["up", "2"], ["up", "2"]),
        (["0.5", "1"], ["0.5", "1"]),
        (["1", "1.0"], ["1", "1.0"]),
    ],
)
def test_labels(tmp_path: Path, labels: list[str], expected: list[object]) -> None:
    """Whole numbers become ints, unless two labels would fall together; the rest stays text."""
    data = read(tsv(tmp_path, "".join(f"{label}\t1\t2\n" for label in labels)))
    assert data.y.tolist() == expected


def test_windows_line_ends_and_limit(tmp_path: Path) -> None:
    """A carriage return belongs to no value; after `limit` lines nothing is looked at."""
    data = read(tsv(tmp_path, "1\t2\t3\r\n2\t3\t4\r\nbroken\r\n"), limit=2)
    assert [steps.ravel().tolist() for steps in data.x] == [[2, 3], [3, 4]]


def test_parts_with_other_labels_are_refused(tmp_path: Path) -> None:
    """Numbers in one part and text in the other are a mistake, not a third kind of label."""
    tsv(tmp_path, "1\t2\n")
    (tmp_path / "Tiny_TEST.tsv").write_text("one\t2\n")
    with pytest.raises(DataError, match="do not agree in their labels: whole numbers in part 'tr"):
        read(tmp_path)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8-sig", "utf-16"])
def test_two_classes_stay_two_in_another_encoding(tmp_path: Path, encoding: str) -> None:
    """Letters that are not UTF-8 are cp1252, and a note says so."""
    path = tmp_path / "L_TRAIN.tsv"
    path.write_bytes("grün\t1\t2\ngrön\t3\t4\n".encode(encoding))
    data = read(path)
    assert data.classes == ("grön", "grün")
    assert bool(data.notes) == (encoding == "latin-1")


def test_labels_with_leading_zeros_and_many_digits(tmp_path: Path) -> None:
    """Such are names and no numbers."""
    assert read(tsv(tmp_path, "007\t1\n07\t2\n")).classes == ("007", "07")
    long = ["20190523143012123456", "20190523143012123457"]
    assert read(tsv(tmp_path, "".join(f"{n}\t1\n" for n in long))).classes == tuple(long)


@pytest.mark.parametrize("name", ["GunPoint", "DodgerLoopGame", "PickupGestureWiimoteZ"])
def test_parity_with_numpy(data_folder, name: str) -> None:
    """The values equal those of `numpy.genfromtxt`, with the NaN at the end of a row cut off."""
    path = data_folder(f"ucr/{name}") / f"{name}_TEST.tsv"
    table = np.genfromtxt(path, delimiter="\t")
    data = read(path)
    assert data.y.tolist() == table[:, 0].tolist()
    for steps, row in zip(data.x, table[:, 1:].astype(np.float32), strict=True):
        np.testing.assert_array_equal(steps[:, 0], row[: len(steps)])
        assert np.isnan(row[len(steps) :]).all()
        assert not np.isnan(steps[-1, 0])
