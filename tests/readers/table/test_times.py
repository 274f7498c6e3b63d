"""Times of any form: one format a column, seconds and their order; asked where two are possible."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from segue.errors import FileError
from segue.readers import read
from segue.readers.table import times

# Ten forms of the same four moments, and the rate that they have.
FORMS = {
    "iso": (["2024-03-21T23:59:58", "2024-03-21T23:59:59", "2024-03-22T00:00:00"], 1.0),
    "am and pm": (
        ["03/21/2024 9:15:00 AM", "03/21/2024 12:00:00 PM", "03/21/2024 1:00:00 PM"],
        None,
    ),
    "midnight": (["3/21/2024 11:59:59 PM", "3/22/2024 12:00:00 AM", "3/22/2024 12:00:01 AM"], 1.0),
    "fractions": (["10:00:00.900", "10:00:01.000", "10:00:01.100"], 10.0),
    "fractions behind a colon": (["10:00:00:900", "10:00:01:000", "10:00:01:100"], 10.0),
    "fractions behind a comma": (["9:59:59,5", "10:00:00,0", "10:00:00,5"], 2.0),
    "one-digit hours": (["8:00", "9:00", "10:00"], 1 / 3600),
    "zone": (["2024-03-21T10:00:00Z", "2024-03-21T10:00:01Z", "2024-03-21T10:00:02Z"], 1.0),
    "UTC": (["2024-03-21 10:00:00 UTC", "2024-03-21 10:00:01 UTC", "2024-03-21 10:00:02 UTC"], 1.0),
    "offsets": (
        ["2024-03-31T01:59:59+01:00", "2024-03-31T03:00:00+02:00", "2024-03-31T03:00:01+02:00"],
        1.0,
    ),
    "month by name": (["31 Jan 2024 10:00", "1 Feb 2024 10:00", "2 Feb 2024 10:00"], 1 / 86400),
    "month first": (["Jan 31, 2024", "Feb 1, 2024", "Feb 2, 2024"], 1 / 86400),
    "german month": (["30. April 2024", "1. Mai 2024", "2. Mai 2024"], 1 / 86400),
    "compact": (["20240229T235959", "20240301T000000", "20240301T000001"], 1.0),
    "compact date": (["20240228", "20240229", "20240301"], 1 / 86400),
    "server log": (
        ["21/Mar/2024:09:15:00 +0100", "21/Mar/2024:09:15:01 +0100", "21/Mar/2024:09:15:02 +0100"],
        1.0,
    ),
    "seconds since 1970": (["1711015200", "1711015201", "1711015202"], 1.0),
    "milliseconds since 1970": (["1711015200000", "1711015200020", "1711015200040"], 50.0),
    "microseconds since 1970": (
        ["1711015200000000", "1711015200010000", "1711015200020000"],
        100.0,
    ),
    "nanoseconds since 1970": (
        ["1711015200123456701", "1711015200133456701", "1711015200143456701"],
        100.0,
    ),
    "two digits of the year": (["21.03.24 10:00", "21.03.24 10:01", "21.03.24 10:02"], 1 / 60),
    "elapsed minutes": (["59:59.5", "60:00.0", "60:00.5"], 2.0),
}


def put(folder: Path, text: str, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def table(times: list[str], name: str = "time") -> str:
    rows = [f'{i},"{t}",{j}.5,{"ab"[i % 2]}' for i in range(4) for j, t in enumerate(times)]
    return f"id,{name},x,label\n" + "\n".join(rows) + "\n"


@pytest.mark.sampled(3)
@pytest.mark.parametrize("form", FORMS)
def test_forms(tmp_path: Path, form: str) -> None:
    """The steps are in the order of time, wherever the rows stand, and the rate is right."""
    times, rate = FORMS[form]
    for order in (times, times[::-1] if ":" not in times[0][:3] else times):
        data = read(put(tmp_path, table(order)))
        assert data.channels == ("x",)
        assert data.x.lengths.tolist() == [3] * 4
        steps = [order.index(t) + 0.5 for t in times]
        assert data.x[0].ravel().tolist() == steps
        assert data.rate_hz == (None if rate is None else pytest.approx(rate, rel=1e-9))


WRONG = {
    "a word": (["10:00", "soon", "10:02"], "line 3: column 'time' has 'soon' as a time"),
    "no such day": (["2024-02-28", "2024-02-30", "2024-03-01"], "line 3: .*'2024-02-30' as a time"),
    "no such hour": (
        ["2024-02-28 10:00", "2024-02-28 25:00", "2024-02-28 11:00"],
        "'2024-02-28 25:00'",
    ),
    "thirteen o'clock PM": (["11:00 AM", "12:00 PM", "13:00 PM"], "line 4: .*'13:00 PM'"),
    "a zone at some": (["2024-01-01T10:00Z", "2024-01-01T10:01", "2024-01-01T10:02Z"], "line 3"),
    "day or month": (["01/02/2024", "02/02/2024", "03/02/2024"], "dates='dmy' or dates='mdy'"),
    "day or year": (["21-03-05", "21-03-06", "21-03-07"], "dates='dmy' or dates='ymd'"),
    "clock falls": (["10:00", "11:00", "09:00"], "does a new day begin there, a new sequence"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_time_or_may_be_two(tmp_path: Path, kind: str) -> None:
    """A column called time that is none is an error with the option that says otherwise."""
    times, message = WRONG[kind]
    with pytest.raises(FileError, match=message):
        read(put(tmp_path, table(times)))


@pytest.mark.parametrize(
    ("times", "option", "steps"),
    [
        (["01/02/2024", "02/01/2024", "03/02/2024"], {"dates": "dmy"}, [1.5, 0.5, 2.5]),
        (["01/02/2024", "02/01/2024", "03/02/2024"], {"dates": "mdy"}, [0.5, 1.5, 2.5]),
        (["10:00", "11:00", "09:00"], {"falls": "day"}, [0.5, 1.5, 2.5]),
        (["10:00", "11:00", "09:00"], {"falls": "sort"}, [2.5, 0.5, 1.5]),
        (["10:00", "11:00", "09:00"], {"falls": "sequence"}, [0.5, 1.5]),
        (["soon", "now", "later"], {"time": "none"}, [0.5, 1.5, 2.5]),
    ],
)
def test_the_options_of_the_messages(
    tmp_path: Path, times: list[str], option: dict[str, str], steps: list[float]
) -> None:
    """What a message offers is an answer."""
    data = read(put(tmp_path, table(times)), **option)
    assert data.x[0].ravel().tolist() == steps


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("23:59:58", "00:00:00"),
        ("22:30", "01:30"),
        ("11:59:59 PM", "12:00:01 AM"),
        ("23:59", "0:01"),
    ],
)
def test_a_clock_passes_midnight(tmp_path: Path, before: str, after: str) -> None:
    """From the last two hours of a day to the first two: the steps stay in order, as is said."""
    data = read(put(tmp_path, table([before, after])))
    assert data.x[0].ravel().tolist() == [0.5, 1.5]
    assert any("taken as a new day" in note for note in data.notes)


@pytest.mark.parametrize(
    ("names", "dates", "clocks"),
    [
        (
            "Date,Time",
            ["2024-03-21", "2024-03-21", "2024-03-22"],
            ["08:00:00", "20:00:00", "08:00:00"],
        ),
        ("date,clock", ["2024-03-21", "2024-03-21", "2024-03-22"], ["8:00", "20:00", "8:00"]),
        ("Datum,Uhrzeit", ["21.03.2024", "21.03.2024", "22.03.2024"], ["08:00", "20:00", "08:00"]),
        (
            "day,time",
            ["21-Mar-2024", "21-Mar-2024", "22-Mar-2024"],
            ["8:00 AM", "8:00 PM", "8:00 AM"],
        ),
        (
            "date,time",
            ["20240321", "20240321", "20240322"],
            ["08:00:00.5", "20:00:00.5", "08:00:00.5"],
        ),
    ],
)
def test_date_and_time_in_two_columns(
    tmp_path: Path, names: str, dates: list[str], clocks: list[str]
) -> None:
    """The two are one time; rows in any order are sorted by it."""
    order = [2, 0, 1]
    rows = [f"{i},{dates[j]},{clocks[j]},{j}.5,{'ab'[i]}" for i in range(2) for j in order]
    data = read(put(tmp_path, f"id,{names},x,label\n" + "\n".join(rows) + "\n"))
    assert data.x[0].ravel().tolist() == [0.5, 1.5, 2.5]
    assert data.rate_hz == pytest.approx(1 / 43200)
    assert data.channels == ("x",)


def test_times_are_no_labels_or_channels(tmp_path: Path) -> None:
    """Not even where nothing else could be a label, or the column has another name."""
    data = read(
        put(
            tmp_path,
            table(["8:00:00 AM", "9:00:00 AM", "10:00:00 AM"])
            .replace(",label", ",when_")
            .replace(",a\n", ",2024-01-01\n")
            .replace(",b\n", ",2024-01-02\n"),
        )
    )
    assert data.y is None
    assert data.channels == ("x",)


@pytest.mark.parametrize(
    ("unit", "rate"), [("ms", 50.0), ("s", 0.05), ("us", 50_000.0), ("min", 1 / 1200)]
)
def test_units_of_time(tmp_path: Path, unit: str, rate: float) -> None:
    """In the name of the column, or in the line below the names."""
    rows = [f"{20 * j},{j}.5,{'ab'[j // 20]}" for j in range(40)]
    named = read(put(tmp_path, f"time [{unit}],x,label\n" + "\n".join(rows) + "\n"))
    below = read(put(tmp_path, f"time,x,label\n{unit},V,\n" + "\n".join(rows) + "\n"))
    assert named.rate_hz == pytest.approx(rate)
    assert below.rate_hz == pytest.approx(rate)
    np.testing.assert_array_equal(below.x.values, named.x.values)


CALENDAR = "year,month,day,hour,minute,second,x\n2024,2,28,23,59,59.5,1\n2024,2,29,0,0,0,2\n"


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("year,month,day,x\n2024,2,28,1\n2024,2,29,2\n2024,3,1,3\n", 1 / 86400),
        (CALENDAR, 2.0),
        ("Year,Month,Day,time,x\n2023,12,31,23:59,1\n2024,1,1,00:00,2\n", 1 / 60),
        ("Jahr;Monat;Tag;Stunde;x\n2024;12;31;23;1\n2025;1;1;0;2\n", 1 / 3600),
    ],
)
def test_a_calendar_in_columns_of_its_own(tmp_path: Path, text: str, rate: float) -> None:
    """Year, month and day, with what else there is of the clock, are the time; none a channel."""
    data = read(put(tmp_path, text))
    assert data.channels == ("x",)
    assert data.rate_hz == pytest.approx(rate)


def test_a_day_that_the_calendar_does_not_have(tmp_path: Path) -> None:
    path = put(tmp_path, "year,month,day,x\n2023,2,28,1\n2023,2,29,2\n")
    with pytest.raises(FileError, match=r"line 3: has no such day: 2023-2-29 \(year, month, day\)"):
        read(path)


def test_a_calendar_beside_a_time(tmp_path: Path) -> None:
    """Where a column has the moments, year, month and day say nothing more."""
    text = (
        "timestamp,year,month,day,x\n2024-02-28T10:00,2024,2,28,1\n2024-02-28T10:01,2024,2,28,2\n"
    )
    data = read(put(tmp_path, text))
    assert (data.channels, data.rate_hz) == (("x",), pytest.approx(1 / 60))


def test_a_time_of_numbers_and_a_clock_is_refused(tmp_path: Path) -> None:
    """Days and clock times make moments together; a number and a clock time do not."""
    path = tmp_path / "data.csv"
    rows = "".join(f"a,{i},0{i}:00:00,{i}.5\n" for i in range(4))
    path.write_text("id,t,clock,x\n" + rows, encoding="utf-8")
    with pytest.raises(FileError, match="column 't' holds numbers; several columns make a time"):
        read(path, time="t,clock")


@pytest.mark.parametrize(("first", "step"), [(17e11, 10), (17e14, 10**4), (17e17, 10**7)])
@pytest.mark.parametrize("name", ["ts", "when"])
def test_a_clock_is_no_channel(tmp_path: Path, name: str, first: float, step: int) -> None:
    """Stamps under a name of times are one; under any other name they are asked about."""
    path = tmp_path / "log.csv"
    rows = [f"{int(first) + i * step},{i / 8},{'ab'[i > 9]}" for i in range(20)]
    path.write_text("\n".join([f"{name},accel,label", *rows]) + "\n")
    if name != "ts":
        with pytest.raises(FileError, match=f"seconds since 1970 in '{name}'.*time='{name}'"):
            read(path)
    data = read(path) if name == "ts" else read(path, time=name)
    assert (len(data), data.channels, data.rate_hz) == (1, ("accel",), 100)
    assert len(read(path, channels=[name, "accel"], layout="rows", time="none")) == 20


def test_spans_as_pandas_writes_them(tmp_path: Path) -> None:
    """`to_csv` of a column of time differences."""
    data = read(put(tmp_path, table(["0 days 23:59:59", "1 days 00:00:00", "1 days 00:00:01"])))
    assert data.rate_hz == pytest.approx(1.0)


UNLIKE = ["٣:٤٥", "12\u00a0:30", "2024-03-21T", "5 Màrz 2024", "24:00", "12:30\n", "1.5"]


@pytest.mark.parametrize(
    "texts", [*(form for form, _ in FORMS.values()), *([text] for text in UNLIKE)]
)
def test_few_texts_are_read_as_many_are(texts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Python takes few apart, and Arrow many: in both each digit and letter means the same."""

    def found() -> list[object]:
        try:
            ticks, missing, kind = times.parse_times(pa.array([*texts, None]), "dmy")
        except times.NotTimesError as error:
            return [error.row, error.readings]
        return [ticks.tolist(), missing.tolist(), kind]

    few = found()
    monkeypatch.setattr(times, "_FEW", 0)
    assert found() == few
