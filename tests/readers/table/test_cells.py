"""Numbers, truth values, ids and lists as people write them: read, or refused by name."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from segue.errors import FileError
from segue.readers import read


def put(folder: Path, text: str, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def steps(values: list[str], delimiter: str = ",") -> str:
    rows = [
        delimiter.join([f"{i}", f"{j}", value, "ab"[i % 2]])
        for i in range(4)
        for j, value in enumerate(values)
    ]
    return delimiter.join(["id", "time", "x", "label"]) + "\n" + "\n".join(rows) + "\n"


NUMBERS = {
    "decimal commas": (["1,5", "2,25", "-3,0"], ";", [1.5, 2.25, -3.0]),
    "three decimals": (["0,125", "1,250", "2,375"], ";", [0.125, 1.25, 2.375]),
    "commas between thousands": (['"1,000"', '"2,500"', "7"], ",", [1000, 2500, 7]),
    "commas and a point": (['"1,000.5"', '"1,234,567.25"', "3"], ",", [1000.5, 1234567.25, 3]),
    "points between thousands": (["1.000,5", "2.500,5", "7,5"], ";", [1000.5, 2500.5, 7.5]),
    "millions": (["1.000.000", "2.000.000", "3.000.000"], ";", [1e6, 2e6, 3e6]),
    "no-break spaces": (
        ["1\u00a0000", "2\u202f500", "1\u00a0234\u00a0567"],
        ";",
        [1000, 2500, 1234567],
    ),
    "apostrophes": (["1'000", "2'500", "7"], ";", [1000, 2500, 7]),
    "percent": (["5%", "12.5 %", "100%"], ",", [5, 12.5, 100]),
    "the minus of typographers": (["\u22121.5", "2", "\u22123"], ",", [-1.5, 2, -3]),
    "plus": (["+1.5", "-2", "+3"], ",", [1.5, -2, 3]),
    "exponents": (["1e3", "2.5E-1", "3"], ",", [1000, 0.25, 3]),
    "true and false": (["true", "False", "TRUE"], ",", [1, 0, 1]),
    "yes and no": (["yes", "no", "yes"], ",", [1, 0, 1]),
    "on and off": (["on", "off", "on"], ",", [1, 0, 1]),
    "missing": (["1.5", "NA", "?"], ",", [1.5, np.nan, np.nan]),
}


@pytest.mark.parametrize(
    ("values", "number", "line"),
    [
        (["4.120", "4.200", "4.310", "4.250", "4.180", '"3,999"'], "3,999", 7),
        (["4.120", "4.200", "4.310", "4.250", "4.180", '"3,9"'], "3,9", 7),
        (["4.1", "4.2", "4.3", "4.25", "4.18", '"3,999"', "3.9", "3.8", '"3,888"'], "3,999", 7),
    ],
)
def test_a_slip_of_a_mark_changes_no_other_number(
    tmp_path: Path, values: list[str], number: str, line: int
) -> None:
    """4.120 beside one 3,999 stays 4.12: the cell is named, as any other that is no number."""
    with pytest.raises(FileError, match=f"line {line}.*{number}|{number}.*line {line}"):
        read(put(tmp_path, steps(values)))


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers(tmp_path: Path, kind: str) -> None:
    """One channel, with the values that were meant."""
    texts, delimiter, wanted = NUMBERS[kind]
    data = read(put(tmp_path, steps(texts, delimiter)))
    assert (len(data), data.channels, data.classes) == (4, ("x",), ("a", "b"))
    np.testing.assert_array_equal(data.x[0][:, 0], np.array(wanted, np.float32))


REFUSED = {
    "a word": (
        ["1.5", "2.5", "3.5", "4.5", "5.5", "oops"],
        "column 'x' has 'oops' among its numbers",
    ),
    "units": (
        ["1.5 mV", "2.5 mV", "3.5 mV"],
        "numbers with something behind them, such as '1.5 mV'",
    ),
    "a currency": (["$1.50", "$2.50", "$3.50"], r"such as '\$1.50'"),
    "infinite": (["1.5", "inf", "2.5"], "column 'x' has an infinite value"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_number(tmp_path: Path, kind: str) -> None:
    """It is named with its line, and no column of numbers is left out without a word."""
    texts, message = REFUSED[kind]
    with pytest.raises(FileError, match=message):
        read(put(tmp_path, steps(texts)))


def test_a_comma_that_may_be_two_things(tmp_path: Path) -> None:
    """1,234 beside 999 in a file with tabs: asked, and both answers work."""
    path = put(tmp_path, steps(["1,234", "999", "2,345"], "\t"))
    with pytest.raises(FileError, match="Say decimal=',' or thousands=','"):
        read(path)
    assert read(path, thousands=",").x[0].ravel().tolist() == [1234, 999, 2345]
    assert read(path, decimal=",").x[0].ravel().tolist() == pytest.approx([1.234, 999, 2.345])


IDS: dict[str, tuple[list[str], list[Any]]] = {
    "numbers": (["3", "1", "2"], [3, 1, 2]),
    "text": (["c", "a", "b"], ["c", "a", "b"]),
    "zeros": (["007", "7", "0007"], ["007", "7", "0007"]),
    "decimals": (["1.1", "1.10", "1.2"], ["1.1", "1.10", "1.2"]),
    "whole decimals": (["1.0", "2.0", "3.0"], ["1.0", "2.0", "3.0"]),
    "long numbers": (
        ["20190523143012123456", "20190523143012123457", "20190523143012123458"],
        ["20190523143012123456", "20190523143012123457", "20190523143012123458"],
    ),
    "beyond 2**53": (
        ["9007199254740993", "9007199254740992", "1"],
        ["9007199254740993", "9007199254740992", "1"],
    ),
    "dates": (
        ["2024-01-01", "2024-01-02", "2024-01-03"],
        ["2024-01-01", "2024-01-02", "2024-01-03"],
    ),
    "exponents": (["1e5", "100000", "2"], ["1e5", "100000", "2"]),
}


@pytest.mark.parametrize("kind", IDS)
@pytest.mark.parametrize("column", ["id", "subject"])
def test_ids_and_groups_stay_as_they_are(tmp_path: Path, kind: str, column: str) -> None:
    """No two become one, and none is changed, so that answers can be joined."""
    texts, wanted = IDS[kind]
    rows = [f"{t},{j},{j}.5,{'ab'[i % 2]}" for i, t in enumerate(texts) for j in range(3)]
    if column == "subject" and kind in ("decimals", "whole decimals"):
        return
    data = read(put(tmp_path, f"{column},time,x,label\n" + "\n".join(rows) + "\n"))
    assert data.x.lengths.tolist() == [3, 3, 3]
    found = data.ids if column == "id" else data.groups
    assert found.tolist() == wanted


def test_blanks_belong_to_an_id_and_not_to_a_group(tmp_path: Path) -> None:
    """Two ids stay two, and can be joined; somebody's name with a blank is not somebody else's."""
    names = [" p", "p", "p ", "a  b"]
    rows = [f"{name},{name},{j},{j}.5,a" for name in names for j in range(3)]
    data = read(put(tmp_path, "id,subject,time,x,label\n" + "\n".join(rows) + "\n"))
    assert data.ids is not None
    assert data.groups is not None
    assert data.ids.tolist() == names
    assert data.groups.tolist() == ["p", "p", "p", "a  b"]


LABELS: dict[str, tuple[list[str], list[Any]]] = {
    "numbers": (["1", "2"], [1, 2]),
    "whole decimals": (["1.0", "2.0"], [1, 2]),
    "zeros": (["01", "02"], ["01", "02"]),
    "zeros that differ": (["1", "01"], ["1", "01"]),
    "long numbers": (["20190523143012123456", "20190523143012123457"],) * 2,
    "truth values": (["true", "false"], [True, False]),
    "yes and no": (["yes", "no"], ["yes", "no"]),
    "dates": (["2024-01-01", "2024-01-02"], ["2024-01-01", "2024-01-02"]),
    "signs": (["=1+1", "-x"], ["=1+1", "-x"]),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels(tmp_path: Path, kind: str) -> None:
    """Text stays text where a number would not give it back."""
    texts, wanted = LABELS[kind]
    rows = [f"{i},{j},{j}.5,{texts[i % 2]}" for i in range(4) for j in range(3)]
    data = read(put(tmp_path, "id,time,x,label\n" + "\n".join(rows) + "\n"))
    assert data.y.tolist() == wanted * 2


TYPED: dict[str, tuple[pa.Array, list[Any]]] = {
    "decimal": (pa.array([Decimal(i // 3) for i in range(12)], pa.decimal128(38, 0)), [0, 1, 2, 3]),
    "decimals": (
        pa.array([Decimal("1.1") + i // 3 for i in range(12)], pa.decimal128(10, 1)),
        ["1.1", "2.1", "3.1", "4.1"],
    ),
    "uint64": (
        pa.array([2**63 + i // 3 for i in range(12)], pa.uint64()),
        [str(2**63 + i) for i in range(4)],
    ),
    "float": (pa.array([float(i // 3) for i in range(12)]), [0, 1, 2, 3]),
    "int32": (pa.array([i // 3 for i in range(12)], pa.int32()), [0, 1, 2, 3]),
}


@pytest.mark.parametrize("kind", TYPED)
def test_ids_of_typed_tables(tmp_path: Path, kind: str) -> None:
    """Decimal and large numbers too: four sequences, one channel."""
    ids, wanted = TYPED[kind]
    columns = {"id": ids, "time": list(range(3)) * 4, "x": [i * 1.5 for i in range(12)]}
    parquet.write_table(pa.table({**columns, "label": list("aaabbb") * 2}), tmp_path / "a.parquet")
    data = read(tmp_path / "a.parquet")
    assert data.ids.tolist() == wanted
    assert data.channels == ("x",)


LISTS = {
    "JSON": ["[1, 2, 3.5]", "[4, 5]"],
    "blanks": ["1 2 3.5", "4 5"],
    "semicolons": ["1;2;3.5", "4;5"],
    "bars": ["1|2|3.5", "4|5"],
    "commas": ["1,2,3.5", "4,5.0,6"],
    "tuples": ["(1, 2, 3.5)", "(4,)"],
    "NumPy": ["[1.  2.  3.5]", "[4. 5.]"],
    "missing": ["[1, NaN, 3.5]", "[null, 5]"],
}


@pytest.mark.parametrize("style", LISTS)
def test_lists_of_numbers_in_a_cell(tmp_path: Path, style: str) -> None:
    """They are the steps of a sequence."""
    rows = [f'{i},"{LISTS[style][i % 2]}",{"ab"[i % 2]}' for i in range(6)]
    data = read(put(tmp_path, "id,series,label\n" + "\n".join(rows) + "\n"))
    assert data.x.kind == "numbers"
    assert data.x.lengths.tolist()[0] == 3
    assert data.x[0][[0, 2], 0].tolist() == [1, 3.5]


def test_lists_of_channels(tmp_path: Path) -> None:
    """A list of lists has the channels inside."""
    rows = [f'{i},"[[1, 2], [3, {i}]]",{"ab"[i % 2]}' for i in range(6)]
    data = read(put(tmp_path, "id,series,label\n" + "\n".join(rows) + "\n"))
    assert data.x[5].tolist() == [[1, 2], [3, 5]]


BLANKS = {
    "one blank": "id time x label\n{rows}",
    "aligned": "  id   time      x  label\n{aligned}",
    "tabs and blanks": "id\t time x \t label\n{rows}",
    "quoted": 'id time x "the label"\n{quoted}',
    "names with blanks": "id   start time   x   label\n{wide}",
}


@pytest.mark.parametrize("style", BLANKS)
@pytest.mark.parametrize("ending", ["txt", "dat", "data", "log", "csv"])
def test_tables_of_blanks(tmp_path: Path, style: str, ending: str) -> None:
    """Blanks separate fields, whatever the ending."""
    cells = [(f"{i}", f"{j}", f"{j}.5", "ab"[i % 2]) for i in range(4) for j in range(3)]
    text = BLANKS[style].format(
        rows="\n".join(map(" ".join, cells)),
        aligned="\n".join(f"{a:>4} {b:>6} {c:>6} {d:>6}" for a, b, c, d in cells),
        quoted="\n".join(f'{a} {b} {c} "{d} or so"' for a, b, c, d in cells),
        wide="\n".join("   ".join(row) for row in cells),
    )
    data = read(put(tmp_path, text + "\n", f"table.{ending}"))
    assert (len(data), data.x.length_range, len(data.classes or ())) == (4, (3, 3), 2)
    assert data.x[1].ravel().tolist() == [0.5, 1.5, 2.5]


def test_fixed_widths(tmp_path: Path) -> None:
    """Columns that stand below each other, with blanks in the text and empty fields."""
    text = "id  time     x  place\n" + "".join(
        f"{i:<4}{j:>4}{j + 0.5:>6}  {['New York', 'Rome'][i % 2]:<9}\n"
        for i in range(4)
        for j in range(3)
    )
    data = read(put(tmp_path, text, "a.txt"))
    assert (len(data), data.classes) == (4, ("New York", "Rome"))


def test_text_is_no_table(tmp_path: Path) -> None:
    """A .txt file of sentences stays a text."""
    data = read(put(tmp_path, "It was 5 o'clock.\nTwo men met in 1905.\n", "a.txt"))
    assert data.x.is_text


@pytest.mark.parametrize("separator", [";", "|", " "])
def test_lists_whose_separator_divides_the_rows_too(tmp_path: Path, separator: str) -> None:
    """The mark between columns is the one that divides the line of names as well."""
    rows = [f"{i},{separator.join([str(i), str(i + 1), '2.5'])},{'ab'[i % 2]}" for i in range(8)]
    path = tmp_path / "lists.csv"
    path.write_text("id,series,label\n" + "\n".join(rows) + "\n")
    data = read(path)
    assert (data.x[1].ravel().tolist(), data.y[1]) == ([1, 2, 2.5], "b")
    assert len(data.notes) == 1


def test_units_with_a_stroke_are_named(tmp_path: Path) -> None:
    path = tmp_path / "units.csv"
    path.write_text("id,x,label\n" + "".join(f"{i // 3},{i}.5 m/s,{i // 6}\n" for i in range(12)))
    with pytest.raises(FileError, match="numbers with something behind them, such as '0.5 m/s'"):
        read(path)
