"""Tables with two readings are asked about, and the option that the question shows is right."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from segue.data.dataset import Dataset
from segue.errors import DataError, FileError
from segue.readers import read

WAVE = [round(float(np.sin(1.7 * i)), 3) for i in range(400)]


def table(head: str, rows: Iterable[str]) -> str:
    return "\n".join([head, *rows]) + "\n"


def put(folder: Path, text: str, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def option_of(message: str) -> dict[str, Any]:
    """The first option that a message shows, as Python takes it."""
    said = re.search(r"Say (.+?)(?:, \w+='?none| or | \(on the)", message)
    assert said is not None
    return dict(re.findall(r"(\w+)='([^']*)'", said[1]))


PATIENTS = table(
    "patient,session,reading,outcome",
    (f"p{i // 4},{i % 4},{WAVE[i]},{'ab'[i // 4 % 2]}" for i in range(24)),
)
# A table that is asked about, what the question shows, and what its first option reads to.
ASKED: dict[str, tuple[str, str, list[int]]] = {
    "a row a patient and session": (PATIENTS, "time='session' or layout='rows'", [4] * 6),
    "sessions by name": (
        re.sub(r",(\d),", r",s\1,", PATIENTS),
        "each row a step of the sequence of its 'patient', or a sequence of one step",
        [4] * 6,
    ),
    "an id for each row": (
        table(
            "sample_id,patient,date,reading,outcome",
            (f"{i},p{i // 4},2024-01-{i + 1:02},{WAVE[i]},{'ab'[i // 4 % 2]}" for i in range(24)),
        ),
        "id='patient'",
        [4] * 6,
    ),
    "trials of a subject": (
        table(
            "subject,trial,reaction,label",
            (f"{i // 4},{i % 4 + 1},{WAVE[i]},{'ab'[i // 4 % 2]}" for i in range(24)),
        ),
        "id='subject', time='trial'",
        [4] * 6,
    ),
    "two channels a trial": (
        table(
            "subject,trial,reaction,errors,label",
            (f"{i // 4},{i % 4},{WAVE[i]},{i % 3},{'ab'[i // 4 % 2]}" for i in range(24)),
        ),
        "id='subject', time='trial'",
        [4] * 6,
    ),
    "cycles of machines": (
        table(
            "machine,cycle,heat,failed",
            (f"M{i // 10},{i % 10 + 1},{WAVE[i]},{i // 10 % 2}" for i in range(80)),
        ),
        "id='machine', time='cycle'",
        [10] * 8,
    ),
    "cycles and sensors with numbers": (
        table(
            "unit,cycle," + ",".join(f"s{k}" for k in range(1, 9)),
            (
                f"{i // 10 + 1},{i % 10 + 1}," + ",".join(map(str, WAVE[i : i + 8]))
                for i in range(80)
            ),
        ),
        "id='unit', time='cycle'",
        [10] * 8,
    ),
    "visits of patients": (
        table(
            "patient_id,visit,bp,weight,outcome",
            (f"{i // 4},{i % 4 + 1},{WAVE[i]},{WAVE[-i]},{i // 4 % 2}" for i in range(32)),
        ),
        "id='patient_id', time='visit'",
        [4] * 8,
    ),
    "minutes of bearings": (
        table(
            "bearing,minute,rms,health",
            (f"b{i // 24},{i % 24 * 10},{WAVE[i]},{100 - i % 24}" for i in range(96)),
        ),
        "id='bearing', time='minute'",
        [24] * 4,
    ),
    "seconds since 1970": (
        table(
            "id,when,x,label",
            (
                f"{i // 12},{1_700_000_000 + 10 * i},{WAVE[i]},{'ab'[i // 12 % 2]}"
                for i in range(48)
            ),
        ),
        "seconds since 1970 in 'when'",
        [12] * 4,
    ),
    "seconds since 1970 with fractions": (
        table("when,x,y", (f"{1.7e9 + i * i / 8:.3f},{WAVE[i]},{WAVE[-i]}" for i in range(48))),
        "seconds since 1970 in 'when'",
        [48],
    ),
    "a first column that rises": (
        table("step_time,x,y", (f"{i},{WAVE[i]},{WAVE[-i]}" for i in range(60))),
        "'step_time' rises evenly",
        [60],
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_what_is_asked(tmp_path: Path, name: str) -> None:
    """The message shows both readings, and its first option, pasted, is the right one."""
    text, shown, lengths = ASKED[name]
    path = put(tmp_path, text)
    with pytest.raises(FileError, match=re.escape(shown)) as caught:
        read(path)
    data = read(path, **option_of(str(caught.value)))
    assert data.x.lengths.tolist() == lengths


def test_rows_that_are_sequences_of_one_step(tmp_path: Path) -> None:
    """Whoever means it has the other option."""
    assert read(put(tmp_path, PATIENTS), layout="rows").x.lengths.tolist() == [1] * 24


# A table that is read rightly without a question: ids, lengths, channels and rate.
READ: dict[str, tuple[str, list[Any] | None, list[int], tuple[str, ...] | None, float | None]] = {
    "a row a patient": (
        table(
            "patient,pre,mid,post,label", (f"{i},{WAVE[i]},1.5,2.5,{'ab'[i % 2]}" for i in range(9))
        ),
        None,
        [3] * 9,
        None,
        None,
    ),
    "a sensor of the size of a clock": (
        table(
            "id,power,x",
            (f"{i // 12},{1.6e9 + 3e8 * WAVE[i]:.0f},{WAVE[i]}" for i in range(48)),
        ),
        [0, 1, 2, 3],
        [12] * 4,
        ("power", "x"),
        None,
    ),
    "prices of shares": (
        table(
            "Date,Ticker,Close",
            (f"2024-01-{j + 1:02},{t},{WAVE[j]}" for t in ("AB", "CD", "EF") for j in range(9)),
        ),
        ["AB", "CD", "EF"],
        [9] * 3,
        ("Close",),
        1 / 86_400,
    ),
    "prices of shares day by day": (
        table(
            "Date,Ticker,Close",
            (f"2024-01-{j + 1:02},{t},{WAVE[j]}" for j in range(9) for t in ("AB", "CD", "EF")),
        ),
        ["AB", "CD", "EF"],
        [9] * 3,
        ("Close",),
        1 / 86_400,
    ),
    "engines with a time": (
        table(
            "engine;t;heat;state",
            (f"{i};{j};{WAVE[j]};{'ok' if i % 2 else 'bad'}" for i in range(6) for j in range(9)),
        ),
        [0, 1, 2, 3, 4, 5],
        [9] * 6,
        ("heat",),
        None,
    ),
    "seconds elapsed": (
        table(
            "session_id,seconds_elapsed,x",
            (f"{s},{j * 0.02:.2f},{WAVE[j]}" for s in range(6) for j in range(9)),
        ),
        None,
        [9] * 6,
        ("x",),
        None,
    ),
    "even fractions in each session": (
        table(
            "session_id,since_start,x",
            (f"{s},{j * 0.02:.2f},{WAVE[j]}" for s in range(6) for j in range(9)),
        ),
        None,
        [9] * 6,
        ("x",),
        None,
    ),
    "year and month": (
        table("year,month,flow", (f"{2000 + i // 12},{i % 12 + 1},{WAVE[i]}" for i in range(60))),
        None,
        [60],
        ("flow",),
        None,
    ),
    "year and day of the year": (
        table("year,doy,flow", (f"2023,{i + 1},{WAVE[i]}" for i in range(60))),
        None,
        [60],
        ("flow",),
        1 / 86_400,
    ),
    "weeks": (
        table("week,flu", (f"{2020 + i // 52}-W{i % 52 + 1:02},{i}" for i in range(50))),
        None,
        [50],
        ("flu",),
        1 / 604_800,
    ),
    "countries by year": (
        table(
            "Country,Year,gdp",
            (f"{c},{y},{WAVE[y - 1960]}" for c in "ABC" for y in range(1960, 1990)),
        ),
        ["A", "B", "C"],
        [30] * 3,
        ("gdp",),
        3.168584e-08,
    ),
    "stores, from the last day on": (
        table(
            "Store,Date,Sales,Open",
            (
                f"{s},2015-07-{31 - d},{1000 + d},{int(d % 7 < 6)}"
                for d in range(21)
                for s in (1, 2, 3)
            ),
        ),
        [1, 2, 3],
        [21] * 3,
        ("Sales", "Open"),
        1 / 86_400,
    ),
    "people in frames": (
        table(
            "frame_id,person,x,y",
            (f"{j},{p},{WAVE[j]},{WAVE[j + p]}" for j in range(20) for p in range(3)),
        ),
        None,
        [20] * 3,
        ("x", "y"),
        None,
    ),
    "hours of users": (
        table("user,hour,steps", (f"u{u},{h},{WAVE[h]}" for u in range(4) for h in range(24))),
        None,
        [24] * 4,
        ("steps",),
        None,
    ),
    "months by name": (
        table(
            "Month,Sales", (f"{m},{WAVE[i]}" for i, m in enumerate("Jan Feb Mar Apr May".split()))
        ),
        None,
        [5],
        ("Sales",),
        None,
    ),
    "shampoo": (
        table("Month,Sales", (f"{1 + i // 12}-{1 + i % 12:02},{WAVE[i]}" for i in range(36))),
        None,
        [36],
        ("Sales",),
        None,
    ),
    "Julian dates": (
        table(
            "star,time,flux",
            (f"{s},{2459000.5 + j / 24:.7f},{WAVE[j]}" for s in (1, 2) for j in range(9)),
        ),
        [1, 2],
        [9, 9],
        ("flux",),
        1 / 3600,
    ),
    "passengers": (
        table(
            "PassengerId,Pclass,Age,Fare,label",
            (f"{i},{1 + i % 3},{20 + i % 7},{WAVE[i]},{'ab'[i % 2]}" for i in range(60)),
        ),
        list(range(60)),
        [3] * 60,
        None,
        None,
    ),
    "buoys": (
        table(
            "YY MM DD hh mm T",
            (f"2024 01 {1 + i // 24:02} {i % 24:02} 50 {WAVE[i]}" for i in range(72)),
        ),
        None,
        [72],
        ("T",),
        1 / 3600,
    ),
    "a temperature called T": (
        table("id,step,T", (f"{i},{j},{WAVE[9 * i + j]}" for i in range(4) for j in range(9))),
        [0, 1, 2, 3],
        [9] * 4,
        ("T",),
        None,
    ),
    "uptime in nanoseconds": (
        table(
            "user,timestamp,x",
            (f"{u},{49105962326000 + 50_000_000 * i},{WAVE[i]}" for u in (1, 2) for i in range(9)),
        ),
        None,
        [9, 9],
        ("x",),
        None,
    ),
    "commas alone": (
        table(
            "id,time,x",
            (f"{i},{j},{WAVE[j]}" + ("\n,," if j == 3 else "") for i in (1, 2) for j in range(4)),
        ),
        [1, 2],
        [4, 4],
        ("x",),
        None,
    ),
    "quarters in the names": (
        table(
            "name," + ",".join(f"{y}Q{q}" for y in (2020, 2021) for q in (1, 2, 3, 4)) + ",kind",
            (f"n{i}," + ",".join(map(str, WAVE[i : i + 8])) + f",{'ab'[i % 2]}" for i in range(9)),
        ),
        [f"n{i}" for i in range(9)],
        [8] * 9,
        None,
        None,
    ),
}


@pytest.mark.parametrize("name", READ)
def test_what_is_read_without_a_question(tmp_path: Path, name: str) -> None:
    text, ids, lengths, channels, rate = READ[name]
    data = read(put(tmp_path, text))
    assert (None if data.ids is None else data.ids.tolist()) == ids
    assert data.x.lengths.tolist() == lengths
    assert data.channels == channels
    assert data.rate_hz == (None if rate is None else pytest.approx(rate, rel=1e-5))


def test_weeks_begin_on_monday(tmp_path: Path) -> None:
    """ISO 8601: week 1 has the fourth of January in it; 2020 has 53 of them."""
    weeks = ["2020-W52", "2020-W53", "2021-W01", "2021-W02"]
    data = read(put(tmp_path, table("week,flu,x", (f"{w},{i},1.5" for i, w in enumerate(weeks)))))
    assert data.rate_hz == pytest.approx(1 / 604_800)


LONG = "id,time,x,label\n" + "".join(
    f"{i},{j},{WAVE[4 * i + j]},{'ab'[i % 2]}\n" for i in range(6) for j in range(4)
)
REFUSED: dict[str, tuple[str, str]] = {
    "one value a row": (
        table(
            "id,time,variable,value",
            (f"{i},{j},{v},{WAVE[j]}" for i in range(6) for j in range(5) for v in "xy"),
        ),
        r"'variable' tells them apart: .* one value a row\? Say group='variable' or layout=.*"
        r"frame.pivot\(index=\['id', 'time'\], columns='variable'\) of pandas",
    ),
    "names in the middle": (2 * LONG, "its line of names, 'id,time,x,label', once more among"),
    "a mark of what is missing": (
        re.sub(r"(?m)^(\d,2),[^,]*", r"\1,.", LONG),
        r"line 4: column 'x' has '.' among its numbers; also '.' at line 8",
    ),
    "hexadecimal": (re.sub(r"(?m)^(\d,\d),[^,]*", r"\1,0x1f", LONG), r"x \(text such as '0x1f'\)"),
    "numbers in brackets": (
        re.sub(r"(?m)^(\d,\d),[^,]*", r"\1,(0.5)", LONG),
        r"x \(text such as '\(0.5\)'\)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(tmp_path: Path, name: str) -> None:
    text, message = REFUSED[name]
    with pytest.raises(FileError, match=f"(?s){message}"):
        read(put(tmp_path, text))


# -- what a field is read as ----------------------------------------------------------------------

WRITTEN = {
    "1,234.5": ("1,234.5", "1,001.5", "'1,234.5' is read as 1234.5"),
    "percent": ("5 %", "7 %", "'5 %' is read as 5"),
    "comma": ("0,25", "1,5", "'0,25' is read as 0.25"),
    "minus": ("\u22121.5", "2", "'\u22121.5' is read as -1.5"),
    "truth": ("yes", "no", "'yes' is read as 1"),
    "blanks": ("1\u202f000", "2\u202f000", f"{'1' + chr(0x202F) + '000'!r} is read as 1000"),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_conversions_are_shown(tmp_path: Path, name: str) -> None:
    """One example of each way of writing that is not a plain number, with its channel."""
    first, second, said = WRITTEN[name]
    rows = (f'{i},{j},"{(first, second)[j % 2]}",a' for i in range(3) for j in range(4))
    data = read(put(tmp_path, table("id,time,load,label", rows)))
    assert [note for note in data.notes if "is read as" in note] == [f"{said} (channel 'load')"]


def test_conversions_of_files_with_a_decimal_comma(tmp_path: Path) -> None:
    data = read(
        put(tmp_path, table("id;t;load", (f"{i};{j};{j},5" for i in "ab" for j in range(3))))
    )
    assert "'0,5' is read as 0.5 (channel 'load')" in data.notes


def test_conversions_in_the_files_of_a_folder(tmp_path: Path) -> None:
    for number in range(3):
        put(tmp_path, table("t,load", (f'{j},"{j + 1},000.5"' for j in range(4))), f"{number}.csv")
    said = "in 3 files, such as: '1,000.5' is read as 1000.5 (channel 'load')"
    assert said in read(tmp_path).notes


def test_plain_numbers_are_not_shown(tmp_path: Path) -> None:
    assert not any("is read as" in note for note in read(put(tmp_path, LONG)).notes)


# -- long fields ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_fields_of_more_than_a_megabyte(tmp_path: Path) -> None:
    """Longer than a block of pyarrow, and than a field of Python's csv may be."""
    texts = table("text,label", (f'"{"word " * 300_000}",{"ab"[i % 2]}' for i in range(4)))
    assert read(put(tmp_path, texts)).x.lengths.tolist() == [1_500_000] * 4
    lists = table("id,series", (f'{i},"[{", ".join(["1.25"] * 200_000)}]"' for i in range(3)))
    assert read(put(tmp_path, lists)).x.lengths.tolist() == [200_000] * 3


@pytest.mark.slow
def test_a_long_line_of_names(tmp_path: Path) -> None:
    names = ",".join(f"t{i}_" + "with_a_name_of_some_length_" * 4 for i in range(4_000))
    rows = ("a," + ",".join(["1.5"] * 4_000) for _ in range(3))
    assert read(put(tmp_path, table(f"label,{names}", rows))).x.lengths.tolist() == [4_000] * 3


# -- names that a user takes over -----------------------------------------------------------------


def test_a_second_column_with_a_name_for_a_role_that_is_given(tmp_path: Path) -> None:
    """A column called class is no channel because another one is said to be the label."""
    text = table("kind,class,t1,t2", (f"{'ab'[i % 2]},{i % 3},{WAVE[i]},1.5" for i in range(9)))
    data = read(put(tmp_path, text), label="kind")
    assert data.x.lengths.tolist() == [2] * 9
    assert "left out 'class' (another label)" in data.notes[0]


# -- sequences of letters -------------------------------------------------------------------------


@pytest.mark.parametrize("head", ["sequence,class", "seq_id,sequence,label"])
def test_letters_in_a_column_called_sequence(tmp_path: Path, head: str) -> None:
    """DNA is no id, though the column is called as one may be."""
    letters = ["".join("acgt"[int(1e3 * w) % 4] for w in WAVE[i : i + 30]) for i in range(8)]
    rows = (f"{f's{i},' * (head[3] == '_')}{text},{'ab'[i % 2]}" for i, text in enumerate(letters))
    data = read(put(tmp_path, table(head, rows)))
    assert data.x.texts() == letters
    assert data.classes == ("a", "b")


def test_tweets(tmp_path: Path) -> None:
    """A number for each row that is called ids is no sequence of one step."""
    text = table(
        "target,ids,date,text",
        (
            f"{4 * (i % 2)},{1467810369 + i},2009-04-06 22:19:{i:02},this is tweet {i}"
            for i in range(40)
        ),
    )
    assert read(put(tmp_path, text)).x.texts()[0] == "this is tweet 0"


# -- frames ---------------------------------------------------------------------------------------

HOURS = pd.date_range("2024-01-01", periods=30, freq="h")


@pytest.mark.parametrize("label", [None, ["x", "y"] * 15])
def test_frames_with_times_as_their_index(label: list[str] | None) -> None:
    frame = pd.DataFrame({"a": WAVE[:30], "b": WAVE[30:60]}, index=HOURS)
    data = read(frame if label is None else frame.assign(label=label))
    assert data.x.lengths.tolist() == [30]
    assert data.rate_hz == pytest.approx(1 / 3600)


def test_frames_with_days_as_their_index_and_hours_as_columns() -> None:
    """Each row is a sequence, as before."""
    frame = pd.DataFrame(np.arange(60.0).reshape(6, 10), index=HOURS[:6])
    assert read(frame).x.lengths.tolist() == [10] * 6


def test_frames_with_periods() -> None:
    months = pd.period_range("2024-01", periods=4, freq="M")
    frame = pd.DataFrame({"id": [1] * 4 + [2] * 4, "time": [*months, *months], "x": WAVE[:8]})
    data: Dataset = read(frame)
    assert data.channels == ("x",)
    assert "time 'time'" in data.notes[0]


def test_frames_of_lists_in_text() -> None:
    frame = pd.DataFrame({"seq": ["1 2 3", "4 5", "6"], "label": ["a", "b", "a"]})
    assert read(frame).x.lengths.tolist() == [3, 2, 1]


@pytest.mark.parametrize("values", [[1.5, "4"] * 2, np.arange(4) + 1j])
def test_frames_with_values_of_no_one_kind(values: Any) -> None:
    frame = pd.DataFrame({"id": [1, 1, 2, 2], "t": [0, 1, 0, 1], "x": values})
    with pytest.raises(DataError, match=r"column x .*Expected one kind of values in a column"):
        read(frame)


def test_a_column_called_time_that_holds_bytes() -> None:
    """A name that claims a role is not left out without a word, whatever type its values have."""
    frame = pa.table({"id": [1, 1, 2], "time": [b"a", b"b", b"c"], "x": [0.5, 1.5, 2.5]})
    with pytest.raises(DataError, match="column 'time' holds binary; by its name it is the time"):
        read(frame)
    assert read(frame, time="none").channels == ("x",)


def test_a_row_that_no_block_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise pa.ArrowInvalid("straddling object straddles two block boundaries")

    monkeypatch.setattr("segue.readers.table.loading.csv.read_csv", refuse)
    with pytest.raises(FileError, match="has a row of more than 2 GB: write it as Parquet"):
        read(put(tmp_path, LONG))
