"""Lines of names, what stands above them and below them, and axes in names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from segue.errors import FileError
from segue.readers import read
from segue.readers.table import times


def put(folder: Path, text: str, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def wide(names: str, count: int, *, label: bool = True, rows: int = 12) -> str:
    lines = [
        ",".join([*(f"{i * 3 + j * j}.5" for j in range(count)), *(["ab"[i % 2]] if label else [])])
        for i in range(rows)
    ]
    return names + "\n" + "\n".join(lines) + "\n"


MONTHS = "Jan,Feb,Mar,Apr,May,Jun,Jul,Aug,Sep,Oct,Nov,Dec"
NAMES = {
    "numbers from 0": (wide("0,1,2,3,4,kind", 5), 5),
    "numbers from 1": (wide("1,2,3,4,5,kind", 5), 5),
    "clock times": (wide("22:00,23:00,00:00,01:00,kind", 4), 4),
    "months": (wide(f"{MONTHS},kind", 12), 12),
    "whole names of months": (wide("January,February,March,April,kind", 4), 4),
    "years and months": (wide("2023-11,2023-12,2024-01,2024-02,kind", 4), 4),
    "dates": (wide("2024-01-01,2024-01-02,2024-01-03,2024-01-04,kind", 4), 4),
    "wavelengths": (wide("400.5,402.5,404.5,406.5,kind", 4), 4),
    "wavelengths with a unit": (wide("400nm,402nm,404nm,406nm,kind", 4), 4),
    "x and a number": (wide("x1,x2,x3,x4,kind", 4), 4),
    "V and a number": (wide("V1,V2,V3,V4,V5", 4), 4),
    "quoted": (wide('"t0","t1","t2","t3","kind"', 4), 4),
}


@pytest.mark.parametrize("name", NAMES)
def test_an_axis_in_the_names(tmp_path: Path, name: str) -> None:
    """One channel whose steps have the order of the columns; the label is the text."""
    text, steps = NAMES[name]
    data = read(put(tmp_path, text))
    assert (len(data), data.x.length_range, data.x.channels) == (12, (steps, steps), 1)
    assert data.y.tolist() == ["a", "b"] * 6
    assert data.x[0].ravel().tolist() == [j * j + 0.5 for j in range(steps)]


def test_the_index_of_pandas(tmp_path: Path) -> None:
    """An empty name is one: the column with row numbers is left out, and that is said."""
    rows = "".join(f'{i},"this is tweet {i} of many",{("pos", "neg")[i % 2]}\n' for i in range(20))
    data = read(put(tmp_path, ",review,sentiment\n" + rows))
    assert (len(data), data.x.is_text, data.classes) == (20, True, ("neg", "pos"))
    assert "(row numbers)" in data.notes[0]


def test_commas_at_the_end_of_names(tmp_path: Path) -> None:
    """Columns without a name and without values are empty."""
    rows = "".join(f'{("ham", "spam")[i % 2]},"this is message {i}",,,\n' for i in range(20))
    data = read(put(tmp_path, "v1,v2,,,\n" + rows))
    assert (len(data), data.classes) == (20, ("ham", "spam"))


@pytest.mark.parametrize(
    ("above", "said"),
    [
        ("Device: Logger 7\nStart: 21.03.2024\n\n", "left out above the table: 3 lines"),
        ("measured by hand\n", "left out above the table: 1 lines"),
        ("# time, x and y\n# of one day\n", ""),
        ("sep=,\n", ""),
        ('"export","1.2"\n\n', "left out above the table"),
    ],
)
def test_text_above_the_names(tmp_path: Path, above: str, said: str) -> None:
    """It is no row; what is left out is said."""
    rows = "".join(f"{j},{j}.5,{j}.25,{'ab'[j // 10]}\n" for j in range(20))
    data = read(put(tmp_path, f"{above}time,x,y,label\n{rows}"))
    assert data.channels == ("x", "y")
    assert data.x.total_steps == 20
    assert said in " ".join(data.notes)


def test_sep_of_excel(tmp_path: Path) -> None:
    """`sep=;` says what separates the fields, also where other marks would do."""
    data = read(put(tmp_path, "sep=;\nkind;t0;t1\na;1,5;2,5\nb;3,5;4,5\n"))
    assert data.x[0].ravel().tolist() == [1.5, 2.5]


def test_names_in_a_remark(tmp_path: Path) -> None:
    """NumPy's savetxt writes the names behind a #."""
    text = "# t x y\n" + "".join(f"{j} {j}.5 {j}.25\n" for j in range(5))
    assert read(put(tmp_path, text, "data.txt")).channels == ("x", "y")


@pytest.mark.parametrize(
    "first",
    ["0,1,2", "1,2,3", "400,402,404,406,408,410,412,414", "0,1,2,3"],
)
def test_names_or_values_is_asked(tmp_path: Path, first: str) -> None:
    """A row of numbers that may be an axis; both answers of the message work."""
    count = first.count(",") + 1
    path = put(
        tmp_path, first + "\n" + (",".join(["7", "3", "9", "1"] * 2)[: 2 * count - 1] + "\n") * 3
    )
    with pytest.raises(FileError, match="Say header=True or header=False"):
        read(path)
    assert len(read(path, header=True, layout="rows")) == 3
    assert len(read(path, header=False, layout="rows")) == 4


def test_pixels_with_counted_names(tmp_path: Path) -> None:
    """Names 0 to 16 over whole numbers, as pandas writes them; the label is the last column."""
    rows = "".join(",".join(str(i * k % 255) for k in range(16)) + f",{i % 2}\n" for i in range(30))
    data = read(put(tmp_path, ",".join(map(str, range(17))) + "\n" + rows))
    assert (len(data), data.classes) == (30, (0, 1))


def test_columns_beside_an_axis(tmp_path: Path) -> None:
    """What is no step of the axis is no step: it is left out, and said."""
    rows = "".join(f"p{i},{30 + i},1,2,3,{i}.5,{'ab'[i % 2]}\n" for i in range(8))
    data = read(put(tmp_path, "id,age,t0,t1,t2,t3,kind\n" + rows))
    assert data.x.length_range == (4, 4)
    assert "left out 'age' (beside the steps 't0' to 't3')" in data.notes[0]


CHANNELS: dict[str, tuple[str, Any]] = {
    "behind": ("x_0,x_1,y_0,y_1", ("x", "y")),
    "turned": ("x_0,y_0,x_1,y_1", ("x", "y")),
    "number first": ("0_x,0_y,1_x,1_y", ("x", "y")),
    "brackets": ("x[0],x[1],y[0],y[1]", ("x", "y")),
    "none": ("a,b,c,d", None),
}


@pytest.mark.parametrize("style", CHANNELS)
def test_channels_in_names(tmp_path: Path, style: str) -> None:
    """Numbered names are one channel for each beginning (or ending)."""
    names, channels = CHANNELS[style]
    data = read(put(tmp_path, wide(f"{names},kind", 4)))
    assert data.channels == channels


def test_channels_of_other_lengths(tmp_path: Path) -> None:
    """Channels with other steps are no axis of one table; the option of the message works."""
    path = put(tmp_path, wide("x_0,x_1,x_2,x_3,y_0,y_1,y_2,y_3,y_4,kind", 9))
    with pytest.raises(FileError, match="4 columns 'x' and 5 columns 'y'"):
        read(path)
    assert read(path, channels="x_*").x.length_range == (4, 4)


def test_a_remark_beside_an_id_is_no_sequence(tmp_path: Path) -> None:
    """A column called comment is the sequence where rows are texts, and no channel of steps."""
    rows = [
        f"{i // 3},{i % 3},{i * 0.5},{'ok' if i % 2 else 'loose cable'},{i // 6}" for i in range(12)
    ]
    data = read(put(tmp_path, "id,time,x,comment,label\n" + "\n".join(rows) + "\n"))
    assert (len(data), data.channels) == (4, ("x",))


def test_a_column_of_whole_numbers_may_be_tokens(tmp_path: Path) -> None:
    """A single channel of whole numbers stays such; the network says what they are."""
    rows = [f"{i // 3},{i % 3},{i * 7 % 5},{i // 6}" for i in range(12)]
    data = read(put(tmp_path, "id,time,word,label\n" + "\n".join(rows) + "\n"))
    assert data.x.values.dtype == "int32"
    empty = read(put(tmp_path, "id,time,word,label\n0,0,,a\n0,1,2,a\n1,0,1,b\n"))
    assert empty.x.values.dtype == "float32"


def test_a_channel_of_zeros_and_ones_may_be_the_label(tmp_path: Path) -> None:
    """Where no other column is, that is said, with the option; not where the user says none."""
    rows = [f"2024-01-01T00:{i:02},{20 + i % 7}.5,{i // 5 % 2}" for i in range(30)]
    path = put(tmp_path, "date,temperature,occupied\n" + "\n".join(rows) + "\n")
    said = "'occupied' is 0 or 1, taken as a channel. Say label='occupied' where it is the label"
    assert said in read(path).notes
    assert said not in read(path, label="none").notes
    assert read(path, label="occupied").classes == (0, 1)


@pytest.mark.parametrize("names", ["user,session", "subject,session", "patient,device"])
@pytest.mark.parametrize("unique", [True, False], ids=["names of their own", "numbers within"])
def test_sessions_of_a_user_are_sequences(tmp_path: Path, names: str, unique: bool) -> None:
    """Of two columns that are groups by their names, the finer one is the id; in rows it is not."""
    rows = [
        f"u{u},{f's{u}{s}' if unique else s},{j * 0.5},{j * 2.5},{'ab'[s % 2]}"
        for u in range(4)
        for s in range(3)
        for j in range(50)
    ]
    data = read(put(tmp_path, f"{names},x,y,label\n" + "\n".join(rows) + "\n"))
    assert (len(data), data.x.length_range) == (12, (50, 50))
    assert data.groups.tolist() == [f"u{u}" for u in range(4) for _ in range(3)]
    wide = [f"u{i // 3},{i % 3},{i}.5,{i}.25,{i}.75,{'ab'[i % 2]}" for i in range(12)]
    data = read(put(tmp_path, f"{names},t0,t1,t2,label\n" + "\n".join(wide) + "\n", "wide.csv"))
    assert (len(data), data.x.length_range) == (12, (3, 3))


# -- rows of numbers that may be the steps of a recording -----------------------------------------

ROWS = [f"{i * 0.37 % 3:.3f},{i * 0.61 % 5:.3f},{i * 0.23 % 2:.3f}" for i in range(120)]


@pytest.mark.parametrize(
    ("text", "message", "options", "length"),
    [
        (
            "AF3,F7,F3,eye\n" + "".join(f"{r},{i // 20 % 2}\n" for i, r in enumerate(ROWS)),
            "'eye' seldom changes: is each row a step.*Say layout='steps', label='eye'",
            {"layout": "steps", "label": "eye"},
            (120, 120),
        ),
        (
            "".join(f"{8.38 + i / 100:.2f} {r.replace(',', ' ')}\n" for i, r in enumerate(ROWS)),
            "'column 1' rises evenly: is each row a step.*Say layout='steps', time='column 1'",
            {"layout": "steps", "time": "column 1"},
            (120, 120),
        ),
        (
            "".join(f"{7 + i // 60},{'ab'[i // 10 % 2]},{i},{r};\n" for i, r in enumerate(ROWS)),
            "no line of names.*Say time='column 3', group='column 1'",
            {"time": "column 3", "group": "column 1"},
            (60, 60),
        ),
    ],
    ids=["a label that stays", "a time", "raw data of phones"],
)
def test_rows_that_may_be_steps_are_asked_about(
    tmp_path: Path, text: str, message: str, options: dict[str, Any], length: tuple[int, int]
) -> None:
    """The option of the message reads on; rows are sequences where the user says so."""
    path = put(tmp_path, text, "data.txt" if " " in text else "data.csv")
    with pytest.raises(FileError, match=message):
        read(path)
    assert read(path, **options).x.length_range == length
    assert len(read(path, layout="rows")) == 120


def test_names_are_told_from_times_without_arrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which takes fifty times as long for one text; a table may have tens of thousands."""
    columns: list[Any] = []

    def counted(column: Any) -> Any:
        columns.append(column)
        return column

    monkeypatch.setattr(times, "trimmed", counted)
    assert not times.are_times(["x1"])
    assert not times.are_times(["NA", "x1;"])
    assert not columns
    assert times.are_times(["2024-01-01"])
    assert len(columns) == 1
