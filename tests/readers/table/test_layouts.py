"""What a table is, and which column is what, as a careful person would guess; and how to say so."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from segue.errors import OptionError
from segue.readers import read
from segue.testing import check_reader

STEPS = """trial,time,x,y,subject,activity
1,0.0,1,2,ann,walk
1,0.1,3,4,ann,walk
2,0.0,5,6,ben,sit
2,0.1,7,8,ben,sit
2,0.2,9,10,ben,sit
"""


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def steps(data) -> list[list[list[float]]]:
    return [sequence.tolist() for sequence in data.x]


# text, the column with the label, the shape of the data set, and part of the note
GUESSES = {
    "names": (
        "label,a,b,c\nup,1,2,3\ndown,3,2,1\nup,1,2,4\n",
        ["up", "down", "up"],
        "label 'label'",
    ),
    "last": (
        "1.5,2.5,3.5,up\n3.5,2.5,1.5,down\n1.5,2.5,4.5,up\n",
        ["up", "down", "up"],
        "'column 4'",
    ),
    "numbers last": (
        "".join(f"{i}.5,{i}.1,{i}.2,{i % 2}\n" for i in range(6)),
        [0, 1] * 3,
        "column 4",
    ),
    "numbers first": (
        "".join(f"{i % 2},{i}.5,{i}.1,{i}.2\n" for i in range(6)),
        [0, 1] * 3,
        "column 1",
    ),
    "pandas": (
        ",0,1,2,target\n0,.1,.2,.3,a\n1,.4,.5,.6,b\n2,.7,.8,.9,a\n",
        ["a", "b", "a"],
        "row numbers",
    ),
    "R": (
        "t1 t2 t3 kind\n1 .1 .2 .3 a\n2 .4 .5 .6 b\n3 .7 .8 .9 a\n".replace(" ", "\t"),
        ["a", "b", "a"],
        "",
    ),
    "tabs": ("kind\tt1\tt2\na\t1\t2\nb\t3\t4\na\t5\t6\n", ["a", "b", "a"], "label 'kind'"),
    "quotes": ('"label, text";"t 1";"t 2"\n"a;b";1;2\nc;3;4\n"a;b";5;6\n', ["a;b", "c", "a;b"], ""),
    "bars": ("class|t1|t2\na|1|2\nb|3|4\n", ["a", "b"], "class"),
    "remarks": ("# made by hand\n\nclass,t1,t2\na,1,2\nb,3,4\n", ["a", "b"], "class"),
    "spaces": ("class, t1, t2\n a, 1, 2\n b , 3, 4\n", ["a", "b"], "class"),
    "bool": ("class,t1,t2\ntrue,1,2\nfalse,3,4\n", [True, False], "class"),
    "yes and no": (".5,.2,y\n.4,.1,n\n.3,.6,y\n.1,.7,n\n", ["y", "n", "y", "n"], "column 3"),
    "no label": ("".join(f"{i}.5,{i}.1,{i}.2\n" for i in range(6)), None, "no label"),
}


@pytest.mark.parametrize("name", GUESSES)
def test_one_row_a_sequence(tmp_path: Path, name: str) -> None:
    """With names and without, whatever the delimiter: the label is found, or that there is none."""
    text, labels, note = GUESSES[name]
    data = read(put(tmp_path, "data.csv", text))
    assert (None if data.y is None else data.y.tolist()) == labels
    assert data.notes[0].startswith("one row a sequence")
    assert note in data.notes[0]
    width = {
        "yes and no": 2,
        "tabs": 2,
        "quotes": 2,
        "bars": 2,
        "remarks": 2,
        "spaces": 2,
        "bool": 2,
    }
    assert data.x.length_range == (width.get(name, 3),) * 2
    check_reader(tmp_path / "data.csv")


def test_gaps_and_ends(tmp_path: Path) -> None:
    """Empty fields at the end are no steps; inside and before, they are missing values."""
    data = read(put(tmp_path, "data.csv", "class,t1,t2,t3\na,1,,3\nb,,2,\na,,,\n"))
    np.testing.assert_array_equal(data.x[0][:, 0], [1, np.nan, 3])
    np.testing.assert_array_equal(data.x[1][:, 0], [np.nan, 2])
    assert np.isnan(data.x[2]).all()
    assert len(data.x[2]) == 3


def test_channels_in_the_names_of_columns(tmp_path: Path) -> None:
    """x_1, x_2, y_1, y_2 are two channels, in whatever order the columns stand."""
    data = read(put(tmp_path, "data.csv", "class,x_2,y_10,x_10,y_2\na,1,4,2,3\nb,5,8,6,7\n"))
    assert steps(data) == [[[1, 3], [2, 4]], [[5, 7], [6, 8]]]
    assert data.channels == ("x", "y")


def test_one_row_a_step(tmp_path: Path) -> None:
    """Columns for sequence, time, person and label are known by their names."""
    data = read(put(tmp_path, "data.csv", STEPS))
    assert steps(data) == [[[1, 2], [3, 4]], [[5, 6], [7, 8], [9, 10]]]
    assert data.y.tolist() == ["walk", "sit"]
    assert data.groups.tolist() == ["ann", "ben"]
    assert data.ids.tolist() == [1, 2]
    assert data.rate_hz == 10
    assert data.channels == ("x", "y")
    roles = "label 'activity', id 'trial', time 'time', group 'subject'"
    said = f"one row a step: {roles}, channels 'x', 'y'; a sequence for each 'trial'"
    assert data.notes == (said,)


def test_rows_in_any_order(tmp_path: Path) -> None:
    """Rows are brought together by sequence and sorted by time, and that is said."""
    head, *rows = STEPS.splitlines()
    text = "\n".join([head, rows[4], rows[0], rows[2], rows[3], rows[1]])
    data = read(put(tmp_path, "data.csv", text))
    assert steps(data) == [[[5, 6], [7, 8], [9, 10]], [[1, 2], [3, 4]]]
    assert data.y.tolist() == ["sit", "walk"]
    assert "1 of 2 sequences was sorted by 'time'" in data.notes


def test_a_label_for_each_step(tmp_path: Path) -> None:
    """A label that changes within a sequence is a label for each step; an empty one is none."""
    text = STEPS.replace("1,0.1,3,4,ann,walk", "1,0.1,3,4,ann,sit").replace("10,ben,sit", "10,ben,")
    data = read(put(tmp_path, "data.csv", text))
    assert data.task == "label"
    assert data.classes == ("sit", "walk")
    assert [codes.ravel().tolist() for codes in data.y] == [[1, 0], [0, 0, -1]]
    assert "a label for each step" in data.notes[0]


def test_a_label_that_seldom_changes_may_be_a_mistake(tmp_path: Path) -> None:
    """One row of thirty makes labels of steps of all: a note says where it stands."""
    steps = [(i, t, "b" if (i, t) == (4, 2) else "a") for i in range(6) for t in range(5)]
    rows = [f"s{i},{t},{i + t / 8},{label}" for i, t, label in steps]
    often = [row.replace(",a", ",b") if row[3] == "1" else row for row in rows]
    for several, expected in ((rows, 1), (often, 0)):
        data = read(put(tmp_path, "data.csv", "\n".join(["id,time,x,label", *several, ""])))
        assert data.task == "label"
        notes = [note for note in data.notes if "mistakes" in note]
        assert len(notes) == expected
        assert all("only 1 of 6 sequences, the first of them s4: where" in one for one in notes)


def test_ids_that_count_within_a_group(tmp_path: Path) -> None:
    """Trial 1 of Ann is not trial 1 of Ben."""
    text = "subject,trial,t,v,label\n" + "".join(
        f"{who},1,{t},{t}.5,{label}\n"
        for who, label in (("ann", "a"), ("ben", "b"))
        for t in (1, 2, 3)
    )
    data = read(put(tmp_path, "data.csv", text))
    assert data.x.lengths.tolist() == [3, 3]
    assert data.ids.tolist() == ["ann/1", "ben/1"]
    assert "'trial' counts within 'subject': both make a sequence" in data.notes


def test_sequences_without_an_id(tmp_path: Path) -> None:
    """Without a column for it, a sequence begins where the time falls back."""
    text = "t,v,label\n" + "".join(f"{t},{t}.5,{s % 2}\n" for s in range(3) for t in range(5))
    data = read(put(tmp_path, "data.csv", text))
    assert data.x.lengths.tolist() == [5, 5, 5]
    assert data.y.tolist() == [0, 1, 0]
    assert "a new sequence begins where 't' falls back" in data.notes


def test_steps_without_names(tmp_path: Path) -> None:
    """A column that stays while the next one rises: sequence and time, also without names."""
    text = "".join(f"{s},{t},{s + t}.5,{'ab'[s % 2]}\n" for s in (7, 8, 9) for t in range(4))
    data = read(put(tmp_path, "data.csv", text))
    assert data.x.lengths.tolist() == [4, 4, 4]
    assert data.y.tolist() == ["b", "a", "b"]
    assert data.ids.tolist() == [7, 8, 9]


def test_one_recording(tmp_path: Path) -> None:
    """Rows whose label comes in runs are the steps of one recording."""
    labels = ["walk"] * 10 + ["sit"] * 10 + ["walk"] * 10 + ["sit"] * 10
    text = "ax,ay,az,activity\n" + "".join(f"{i}.5,1.{i},.{i}1,{a}\n" for i, a in enumerate(labels))
    data = read(put(tmp_path, "data.csv", text))
    assert (len(data), data.x.channels, data.task) == (1, 3, "label")


@pytest.mark.parametrize(
    ("times", "rate", "said"),
    [
        (["0", "0.5", "1.0"], 2.0, ""),
        (["2024-01-01T00:00:00", "2024-01-01T00:00:00.250", "2024-01-01T00:00:00.500"], 4.0, ""),
        (["2024-01-01", "2024-01-02", "2024-01-03"], 1 / 86400, ""),
        (["31.12.2024 10:00", "31.12.2024 10:01", "31.12.2024 10:02"], 1 / 60, ""),
        (["12/31/2024 10:00:00", "12/31/2024 10:00:01", "12/31/2024 10:00:02"], 1.0, ""),
        (["10:00:00", "10:00:01", "10:00:02"], 1.0, ""),
        (["0", "1", "2"], None, ""),
        (["0", "1", "2", "5"], None, "1 of 3 steps is not as far from the one before as usual"),
        (["0", "0.5", "0.5"], None, "1 step has the same time 'time' as the step before"),
    ],
)
def test_times(tmp_path: Path, times: list[str], rate: float | None, said: str) -> None:
    """Numbers, ISO dates and other unmistakable ones; the rate, or why there is none."""
    text = "id,time,v\n" + "".join(f"1,{t},{i}.5\n" for i, t in enumerate(times))
    data = read(put(tmp_path, "data.csv", text))
    assert data.rate_hz == (None if rate is None else pytest.approx(rate))
    assert said in " ".join(data.notes[1:])
    assert data.x.lengths.tolist() == [len(times)]


def test_milliseconds_in_the_name(tmp_path: Path) -> None:
    """The unit in the name of the column makes a rate of it."""
    for name in ("time_ms", "time [ms]", "t (ms)"):
        text = f"id,{name},v\n" + "".join(f"1,{20 * i},{i}.5\n" for i in range(4))
        assert read(put(tmp_path, "data.csv", text)).rate_hz == 50


def test_what_tells_the_label_is_left_out(tmp_path: Path) -> None:
    """The number of the class beside its name is no channel, or nothing would be learnt."""
    text = "trial,t,v,activity,activity_id\n" + "".join(
        f"{s},{t},{t}.5,{'ab'[s % 2]},{s % 2 + 7}\n" for s in range(4) for t in range(3)
    )
    data = read(put(tmp_path, "data.csv", text))
    assert data.channels == ("v",)
    assert "left out 'activity_id' (says the same as 'activity')" in data.notes[0]


def test_parts_in_a_column(tmp_path: Path) -> None:
    """A column that says train and test makes parts."""
    text = "split,class,t1,t2\nTRAIN,a,1,2\ntest,b,3,4\ntrain,b,3,5\nval,a,1,1\n"
    data = read(put(tmp_path, "data.csv", text))
    assert data.parts.tolist() == ["train", "test", "train", "validation"]


def test_numbers_to_be_predicted(tmp_path: Path) -> None:
    """Real numbers in the target column are a regression."""
    data = read(put(tmp_path, "data.csv", "t1,t2,target\n1,2,0.5\n3,4,0.25\n"))
    assert data.task == "regress"
    assert data.y.tolist() == [0.5, 0.25]


OVERRIDES = [
    ({"label": "b"}, "label 'b'"),
    ({"label": "none"}, "no label"),
    ({"label": -1}, "label 'c'"),
    ({"label": "1"}, "label 'a'"),
    ({"channels": "b,c", "label": "a"}, "values 'b', 'c'"),
    ({"channels": ["c"], "label": "a"}, "values 'c'"),
    ({"time": "b"}, "one row a step: no label, time 'b'"),
    ({"group": "a"}, "group 'a'"),
]


@pytest.mark.parametrize(("options", "note"), OVERRIDES)
def test_the_user_says_otherwise(tmp_path: Path, options: dict[str, object], note: str) -> None:
    """Columns by name or number; "none" for one that is not there."""
    text = "a,b,c\n" + "".join(f"{i % 2},{i},{i}.5\n" for i in range(8))
    assert note in read(put(tmp_path, "data.csv", text), **options).notes[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label": "clas"}, "label='clas': there is no such column. Did you mean \"class\""),
        ({"label": 9}, "label='9': there is no such column"),
        ({"label": "class", "id": "class"}, "The column 'class' is named for two purposes"),
        ({"chanels": "a"}, "no option 'chanels'. Did you mean \"channels\""),
    ],
)
def test_options_that_do_not_fit(tmp_path: Path, options: dict[str, object], message: str) -> None:
    """A column that is not there is named with a near one."""
    path = put(tmp_path, "data.csv", "class,t1,t2\na,1,2\nb,3,4\n")
    with pytest.raises(OptionError, match=message.replace("?", r"\?")):
        read(path, **options)


def test_a_column_of_texts(tmp_path: Path) -> None:
    """Without numbers, the longest texts are the sequences."""
    text = "id,review,stars\nx1,a good film,good\nx2,a bad one,bad\nx3,all in all good,good\n"
    data = read(put(tmp_path, "data.csv", text))
    assert data.x.texts() == ["a good film", "a bad one", "all in all good"]
    assert data.y.tolist() == ["good", "bad", "good"]
    assert data.notes == ("one row a text: label 'stars', id 'id', text 'review'",)


def test_steps_that_are_counted(tmp_path: Path) -> None:
    """Whole numbers that count the steps of each sequence are no channel."""
    text = "series,number,v\n" + "".join(f"{s},{t},{t}.5\n" for s in (4, 5) for t in (0, 1, 2))
    data = read(put(tmp_path, "data.csv", text))
    assert data.channels == ("v",)
    assert "time 'number'" in data.notes[0]


def test_one_column(tmp_path: Path) -> None:
    """A column of numbers is one series."""
    data = read(put(tmp_path, "data.csv", "1.5\n2\n3\n"))
    assert steps(data) == [[[1.5], [2], [3]]]


def test_delimiters_at_the_end_of_lines(tmp_path: Path) -> None:
    """A semicolon that only ends the lines does not separate columns."""
    data = read(put(tmp_path, "data.csv", "label,t0,t1;\na,1,2;\nb,3,4;\n".replace(";", ",")))
    assert steps(data) == [[[1], [2]], [[3], [4]]]


def test_packed_files_and_encodings(tmp_path: Path) -> None:
    """gzip, a byte order mark, UTF-16 as spreadsheets write it, and old western text."""
    text = "größe,t1,t2\nä,1,2\nö,3,4\n"
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "b.csv").write_bytes(text.encode("utf-8-sig"))
    (tmp_path / "c.csv").write_bytes(text.encode("utf-16"))
    (tmp_path / "d.csv").write_bytes(text.encode("cp1252"))
    for name in ("a.csv.gz", "b.csv", "c.csv", "d.csv"):
        data = read(tmp_path / name)
        assert data.y.tolist() == ["ä", "ö"]
        assert "label 'größe'" in data.notes[0]
        assert steps(data) == [[[1], [2]], [[3], [4]]]


def test_the_archive_and_other_tsv_files(tmp_path: Path) -> None:
    """A .tsv file with names is a table; one with a label and numbers is of the archive."""
    put(tmp_path, "archive.tsv", "1\t0.5\t0.25\n2\t0.5\t0.75\n")
    put(tmp_path, "table.tsv", "label\tt1\tt2\nup\t0.5\t0.25\ndown\t1\t2\n")
    assert read(tmp_path / "archive.tsv").notes == ()
    assert read(tmp_path / "table.tsv").y.tolist() == ["up", "down"]


def test_train_and_test_files(tmp_path: Path) -> None:
    """Two tables are the parts of a data set; notes that are the same are said once."""
    put(tmp_path, "train.csv", "class,t1,t2\na,1,2\nb,3,4\n")
    put(tmp_path, "test.csv", "class,t1,t2\nb,3,5\n")
    data = read(tmp_path)
    assert data.parts.tolist() == ["train", "train", "test"]
    assert len(data.notes) == 1


def test_notes_are_kept_in_files_and_shown(tmp_path: Path) -> None:
    """What was guessed stays with the data set, and stands in its summary."""
    data = read(put(tmp_path, "data.csv", STEPS))
    data.write(tmp_path / "data.arrow")
    assert read(tmp_path / "data.arrow").notes == data.notes
    assert data.notes[0] in str(data.summary())
    assert data[:1].notes == data.notes
