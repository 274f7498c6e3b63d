"""Damaged tables: a cell in a wide one, an end that is cut off, a quote without an end."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from segue.errors import FileError
from segue.readers import read

WIDE = "label,t0,t1,t2,t3,t4\n"


def wide(*cells: str) -> str:
    """Rows of which the third step has these cells."""
    rows = (f"{'ab'[i % 2]},{i},2,{cell},4,{i + 5}\n" for i, cell in enumerate(cells))
    return WIDE + "".join(rows)


@pytest.mark.parametrize(
    ("cells", "wrong", "line"),
    [
        (["3", "x1y", "3", "3"], "x1y", 3),
        (["3", "3", "3", "3", "3", "#REF!"], "#REF!", 7),
        (["2024-01-01", "3", "3"], "2024-01-01", 2),
        (["9:15", "12:30", "3", "9:15", "8:00"], "9:15", 2),
        (["a", "b", "c", "3"], "a", 2),
        (["3", '"[3, 4]"', "3"], "[3, 4]", 3),
        (["3", "1.2.3", "3"], "1.2.3", 3),
        (["3", "0x1f", "3"], "0x1f", 3),
        (["3", "--", "-", "..", "?!", "3"], "?!", 6),
        (["3", "3 4", "3"], "3 4", 3),
    ],
)
def test_a_damaged_cell_of_a_wide_table_has_its_place(
    cells: list[str], wrong: str, line: int, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(wide(*cells))
    with pytest.raises(FileError, match=r"column 't2' has .* among its numbers") as raised:
        read(tmp_path / "a.csv")
    assert repr(wrong) in str(raised.value)
    assert raised.value.line == line or f"at line {line}" in str(raised.value)


@pytest.mark.parametrize("nothing", ["", "NA", "nan"])
def test_a_step_that_is_missing_everywhere_is_a_step(nothing: str, tmp_path: Path) -> None:
    """It was left out, so that all sequences were a step shorter."""
    (tmp_path / "a.csv").write_text(wide(nothing, nothing, nothing))
    data = read(tmp_path / "a.csv")
    np.testing.assert_array_equal(data.x[0][:, 0], [0, 2, np.nan, 4, 5])
    assert "left out" not in data.notes[0]


def test_a_step_that_one_channel_lacks_is_one_of_both(tmp_path: Path) -> None:
    """Also the last one: the channels had unequal steps, which was refused."""
    names = ",".join(f"{channel}_{i}" for channel in "xy" for i in range(5))
    rows = "a,1,2,,4,5,6,7,8,9,\nb,1,2,,4,5,6,7,8,9,\n"
    (tmp_path / "a.csv").write_text(f"label,{names}\n{rows}")
    data = read(tmp_path / "a.csv")
    assert data.channels == ("x", "y")
    np.testing.assert_array_equal(data.x[0][:, 0], [1, 2, np.nan, 4, 5])
    np.testing.assert_array_equal(data.x[0][:, 1], [6, 7, 8, 9, np.nan])


def test_tables_without_names_are_wide_too(tmp_path: Path) -> None:
    rows = ["a,1.5,2.5,{},4.5,5", "b,2.5,3.1,{},4.1,6.1", "a,1.2,2.2,{},4,5"]
    lines = "\n".join(rows) + "\n"
    (tmp_path / "a.csv").write_text(lines.format("", "", ""))
    assert read(tmp_path / "a.csv").x.lengths.tolist() == [5, 5, 5]
    (tmp_path / "a.csv").write_text(lines.format("1", "x", "y"))
    with pytest.raises(FileError, match="line 2: column 'column 4' has 'x' among its numbers"):
        read(tmp_path / "a.csv")


def test_other_columns_may_hold_what_they_like(tmp_path: Path) -> None:
    """Remarks beside an axis, also numbered ones, are no steps."""
    rows = "a,1,2,3,4,5,fine,,1b\nb,2,3,4,5,6,good,,x\n"
    (tmp_path / "a.csv").write_text(f"label,t0,t1,t2,t3,t4,remark,note 7,code 8\n{rows}")
    assert read(tmp_path / "a.csv", layout="rows").x.lengths.tolist() == [5, 5]


# -- ends -----------------------------------------------------------------------------------------

TS = (
    "@problemName A\n@timeStamps false\n@univariate false\n@classLabel true a b\n@data\n1,2:3,4:a\n"
)
ARFF = (
    "@relation W\n@attribute att0 numeric\n@attribute att1 REAL\n@attribute target {a,b}\n@data\n"
)
CUT = "The file ends here, without an end of the line: it seems to be cut off."


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("a.csv", "1,2,3\n4,5,6\n7,8,9\n4,5", 4),
        ("a.csv", "label,t0,t1,t2\na,1,2,3\nb,3,4,5\na,1,2", 4),
        ("a.csv", "label;t0;t1;t2\r\na;1;2;3\r\nb;3;4;5\r\na;1;2", 4),
        ("a.csv", 'id,x,label\n1,2,"a"\n2,3,"b"\n3,4,"a', 4),
        ("a.dat", "1 2 3\n4 5 6\n7 8 9\n1 2 3\n4 5", 5),
        ("a.dat", "1\t2\t3\n4\t5\t6\n7\t8", 3),
        ("a.txt", "1,2,3\n4,5,6\n7,8,9\n4,", 4),
        ("a.tsv", "label\tt0\tt1\tt2\na\t1\t2\t3\nb\t3\t4\t5\na\t1", 4),
        ("A_TRAIN.tsv", "1\t0.5\t1\t2\n2\t1\t3", 2),
        ("A_TRAIN.tsv", "1\t0.5\t1\t2\n2\t1\t3\t-", 2),
        ("a.ts", TS + "1,2:3", 7),
        ("a.ts", TS + "1,2:3,4:", 7),
        ("a.arff", ARFF + "1,2,a\n3,", 7),
        ("SN_d_tot_V2.0.csv", "2024;01;01;2024.001;  1;  1.0;  10;1\n2024;01;02;20", 2),
    ],
)
def test_an_end_that_is_cut_off_is_said(name: str, content: str, line: int, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content, newline="")
    with pytest.raises(FileError, match=CUT) as raised:
        read(tmp_path / name)
    assert raised.value.line == line
    (tmp_path / name).write_text(content + "\n", newline="")
    with pytest.raises(FileError, match=f"line {line}: ") as raised:
        read(tmp_path / name)
    assert CUT not in str(raised.value)


def test_an_end_that_is_cut_off_is_said_of_packed_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"1,2,3\n4,5,6\n7,8,9\n4,5"))
    with pytest.raises(FileError, match=f"line 4: has 2 fields.*{CUT}"):
        read(tmp_path / "a.csv.gz")


# -- quotes ---------------------------------------------------------------------------------------


def long(change: dict[int, str]) -> str:
    """Three thousand lines, some of which end in another way."""
    rows = (f"{i},{i / 2},{i % 7},{change.get(i, 'ab'[i % 2])}\n" for i in range(3000))
    return "id,x,y,label\n" + "".join(rows)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('id,x,y,label\n1,2,3,a\n2,3,4,"b\n3,4,5,a\n4,5,6,b\n', 3),  # to the end
        ('id,x,y,label\n1,2,3,a\n2,3,4,"b\n3,4,5,a\n4,5,6,"b"\n5,6,7,a\n', 3),  # to the next quote
        ('label,t0,t1,t2\na,1,2,3\n"b,1,2,3\na,1,2,3\nb,1,2,3\n', 3),
        ('text,label\n"one two three,a\nfour five six,b\n"seven eight",a\n', 2),
        ('text,label\n"one, two\nthree",a\n"four, ""five""\nsix",b\n"seven,a\n"eight nine",b\n', 6),
        ('id;x;label\n1;2;a\n2;3;"b\n3;4;a\n', 3),
        ('id\tx\tlabel\n1\t2\ta\n2\t3\t"b\n3\t4\ta\n', 3),
        ('1 2 "a"\n2 3 "b\n3 4 "a"\n4 5 "a"\n', 2),
        ('"id,x,label\n1,2,a\n2,3,b\n', 1),
        (long({2000: '"b'}), 2002),
        (long({2000: '"b', 2500: '"b"'}), 2002),
    ],
)  # fmt: skip
def test_a_quote_without_an_end_is_named(content: str, line: int, tmp_path: Path) -> None:
    """The lines that it swallows were lost without a word."""
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(FileError, match=f"line {line}: has a quote without an end, which swallows"):
        read(tmp_path / "a.csv")


def test_a_quote_without_an_end_is_named_batch_by_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from segue.readers import arrow, table

    monkeypatch.setattr(table, "_BLOCK", 5000)
    (tmp_path / "a.csv").write_text(long({2000: '"b', 2050: '"b"'}))
    with pytest.raises(FileError, match="line 2002: has a quote without an end"):
        arrow.convert(tmp_path / "a.csv", tmp_path / "a.arrow", large=0)


@pytest.mark.parametrize(
    "content",
    [
        'text,label\n"one, two\nthree",a\n"four, ""five""\nsix",b\n"seven, eight",a\n',
        'text,label\n"one, two\nthree, four\nfive",a\n"six",b\nseven,"a"\n',
        'text,label\n"one, two\nthree, four",a\n"six" and more,b\nseven,"a"',
        'id,x,label,remark\n1,2,a,"3"" disk\n4,5,6,7\n"\n2,3,b,"x"\n3,4,a,"y"\n',
    ],
)
def test_fields_of_several_lines_are_read(content: str, tmp_path: Path) -> None:
    """Also where a line inside them looks like a row."""
    (tmp_path / "a.csv").write_text(content)
    assert len(read(tmp_path / "a.csv")) == 3
