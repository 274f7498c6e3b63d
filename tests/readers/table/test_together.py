"""Which tables of a folder belong together: parts, partitions, labels in a table of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segue.errors import FileError
from segue.readers import read

STEPS, BARE = "id,time,x,label\n", "id,time,x\n"


def put(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def steps(ids: str, begin: int = 0, *, labels: bool = True) -> str:
    """Three steps of each of some ids; their labels are a and b in turn."""
    rows = [
        f"{name},{begin + t},{10 * k + begin + t}.5{',' + 'ab'[k % 2] if labels else ''}\n"
        for k, name in enumerate(ids)
        for t in range(3)
    ]
    return "".join(rows)


def wide(rows: int) -> str:
    """Rows of four values."""
    return "a,b,c,d\n" + "".join(f"{i},{i + 1}.5,{2 * i},{-i}.25\n" for i in range(rows))


def numbers(rows: int) -> str:
    """Rows of eight values between blanks, without names."""
    values = np.sin(np.add.outer(np.arange(rows), np.arange(8)))
    return "".join("  ".join(f"{v: .7e}" for v in row) + "\n" for row in values)


def labels(count: int, name: str = "label\n") -> str:
    return name + "".join("uv"[i % 2] + "\n" for i in range(count))


# -- one id in several files ----------------------------------------------------------------------

ROTATED = {"log-1.csv": STEPS + steps("pq"), "log-2.csv": STEPS + steps("pq", 3)}


def test_parts_written_by_spark(tmp_path: Path) -> None:
    """They are one table, with what else lies there left aside."""
    files = {
        "part-00000-a1.csv": STEPS + steps("pq"),
        "part-00001-a1.csv": STEPS + steps("pq", 3),
        "_SUCCESS": "",
    }
    data = read(put(tmp_path, files))
    assert (data.ids.tolist(), data.x.lengths.tolist()) == (["p", "q"], [6, 6])
    assert data.x[0].ravel().tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
    assert data.notes[0].startswith("2 files as one table")


@pytest.mark.parametrize(
    "files",
    [
        ROTATED,
        {"log.csv": ROTATED["log-2.csv"], "log.1.csv": ROTATED["log-1.csv"]},
        {
            "a.csv": "id,x,label\n1,0,a\n1,1,a\n2,3,b\n",
            "b.csv": "id,x,label\n1,0,a\n2,1,b\n2,3,b\n",
        },
    ],
    ids=["in order", "the newest without a number", "without times"],
)
def test_ids_that_go_on_in_the_next_file_are_asked_about(
    tmp_path: Path, files: dict[str, str]
) -> None:
    """One sequence, or another in each file: the message has the option for either, which works."""
    put(tmp_path, files)
    with pytest.raises(FileError, match=r"is this one sequence.*Say join=True or join=False"):
        read(tmp_path)
    assert len(read(tmp_path, join=True)) == 2
    assert len(read(tmp_path, join=False)) == 4


@pytest.mark.slow
@pytest.mark.sampled(2)
@pytest.mark.parametrize("devices", [2, 1])
def test_logs_of_devices_by_day(tmp_path: Path, devices: int) -> None:
    """Asked about, too, where a group is all that tells sequences; not where each file has one."""
    for day in (1, 2):
        rows = [
            f"d{device},2024-03-0{day}T{hour:02}:00,{device + hour}.5,{'ab'[device]}"
            for device in range(devices)
            for hour in range(6)
        ]
        text = "device,timestamp,x,label\n" + "\n".join(rows) + "\n"
        (tmp_path / f"day{day}.csv").write_text(text, encoding="utf-8")
    if devices == 1:
        assert len(read(tmp_path)) == 2
        return
    with pytest.raises(FileError, match="has the id 'd0' in day1.csv and in day2.csv"):
        read(tmp_path)
    assert read(tmp_path, join=True).x.lengths.tolist() == [12, 12]
    assert read(tmp_path, join=False).x.lengths.tolist() == [6, 6, 6, 6]


def test_rotated_logs_in_any_order_are_sorted_by_time(tmp_path: Path) -> None:
    files = {"log.csv": ROTATED["log-2.csv"], "log.1.csv": ROTATED["log-1.csv"]}
    data = read(put(tmp_path, files), join=True)
    assert data.x[0].ravel().tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]


def test_ids_whose_time_begins_anew_are_others(tmp_path: Path) -> None:
    """No question: the clocks of both files begin at 0."""
    data = read(put(tmp_path, {"a.csv": STEPS + steps("12"), "b.csv": STEPS + steps("12")}))
    assert data.ids.tolist() == ["a.csv:1", "a.csv:2", "b.csv:1", "b.csv:2"]
    assert data.groups.tolist() == [0, 0, 1, 1]


# -- columns in the names of folders --------------------------------------------------------------


def test_partitions_by_label(tmp_path: Path) -> None:
    files = {f"label={name}/a.csv": BARE + steps(ids, labels=False) for name, ids in WALKS.items()}
    data = read(put(tmp_path, files))
    assert dict(zip(data.ids.tolist(), data.y.tolist(), strict=True)) == {
        "p": "walk", "q": "walk", "r": "run", "s": "run",
    }  # fmt: skip


WALKS = {"walk": "pq", "run": "rs"}


def test_partitions_inside_each_other(tmp_path: Path) -> None:
    """Without ids each file is a sequence; the folders say who and what."""
    files = {
        f"person={person}/label={label}/a.csv": "time,x\n0,1.5\n1,2.5\n"
        for person in ("anna", "ben")
        for label in ("walk", "run")
    }
    data = read(put(tmp_path, files))
    assert data.groups.tolist() == ["anna", "anna", "ben", "ben"]
    assert data.y.tolist() == ["run", "walk", "run", "walk"]


def test_partitions_by_part(tmp_path: Path) -> None:
    """A folder called split=train is a part, and the label stands in the files."""
    files = {"split=train/a.csv": STEPS + steps("pq"), "split=test/b.csv": STEPS + steps("rs")}
    data = read(put(tmp_path, files))
    assert data.part("train").ids.tolist() == ["p", "q"]
    assert data.y.tolist() == ["a", "b", "a", "b"]


def test_partitions_by_something_else_beside_a_label(tmp_path: Path) -> None:
    """The year of a file is no label where the files have labels."""
    files = {"year=2023/a.csv": STEPS + steps("pq"), "year=2024/b.csv": STEPS + steps("rs")}
    assert read(put(tmp_path, files)).y.tolist() == ["a", "b", "a", "b"]


def test_a_partition_without_a_value(tmp_path: Path) -> None:
    """Hive's and Spark's own word for none is no class."""
    files = {
        "label=walk/a.csv": BARE + steps("pq", labels=False),
        "label=__HIVE_DEFAULT_PARTITION__/a.csv": BARE + steps("rs", labels=False),
    }
    put(tmp_path, files)
    with pytest.raises(FileError, match="has no label; 2 of 4 sequences have none"):
        read(tmp_path)
    assert read(tmp_path, drop_missing=True).ids.tolist() == ["p", "q"]


# -- values and labels in tables of their own -----------------------------------------------------


@pytest.mark.parametrize("head", ["label\n", ""], ids=["named", "without names"])
def test_values_and_labels_row_by_row(tmp_path: Path, head: str) -> None:
    """X_train.csv with y_train.csv, and so for the test part."""
    files = {
        "X_train.csv": wide(6),
        "y_train.csv": labels(6, head),
        "X_test.csv": wide(4),
        "y_test.csv": labels(4, head),
    }
    data = read(put(tmp_path, files))
    assert (len(data.part("train")), len(data.part("test"))) == (6, 4)
    assert data.part("test").y.tolist() == ["u", "v", "u", "v"]
    assert data.part("train").x[1].ravel().tolist() == [1, 2.5, 2, -1.25]


def test_values_labels_and_subjects_between_blanks(tmp_path: Path) -> None:
    """As the archive in Irvine has them: folders train and test, names of classes beside them."""
    files = {"activity_labels.txt": "1 WALKING\n2 SITTING\n", "README.txt": "About the data.\n"}
    for part, rows, person in (("train", 6, 1), ("test", 4, 2)):
        files[f"{part}/X_{part}.txt"] = numbers(rows)
        files[f"{part}/y_{part}.txt"] = "1\n2\n" * (rows // 2)
        files[f"{part}/subject_{part}.txt"] = f"{person}\n" * rows
    data = read(put(tmp_path, files))
    assert data.part("test").y.tolist() == [1, 2, 1, 2]
    assert data.groups.tolist() == [1] * 6 + [2] * 4
    assert data.x.length_range == (8, 8)
    assert "left aside: activity_labels.txt" in data.notes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("label\nu\nv\n", "has 2 rows, and X_train.csv has 6 rows: expected one label for each"),
        ("p,q\n" + "u,1\nv,2\n" * 3, "has 2 columns and 6 rows, and X_train.csv has 6 rows"),
    ],
)
def test_labels_that_do_not_fit_the_values(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FileError, match=message):
        read(put(tmp_path, {"X_train.csv": wide(6), "y_train.csv": text}))


def test_steps_beside_labels_by_id(tmp_path: Path) -> None:
    """Whatever the order of either table; labels of ids that are not there do not matter."""
    files = {
        "steps.csv": BARE + steps("pqr", labels=False),
        "labels.csv": "id,diagnosis,subject\nr,b,u1\np,a,u2\nother,a,u2\nq,b,u1\n",
    }
    data = read(put(tmp_path, files))
    assert (data.ids.tolist(), data.y.tolist()) == (["p", "q", "r"], ["a", "b", "b"])
    assert data.groups.tolist() == ["u2", "u1", "u1"]
    assert "steps.csv: label in labels.csv" in data.notes[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,label\nr,b\np,a\n", "column 'label' has no label; 1 of 3 sequences have none"),
        ("id,label\np,b\np,a\nq,a\nr,a\n", "has a second row for id 'p'"),
        ("id,label\nu,b\nv,a\n", "has no row for 3 id.* of steps.csv, such as 'p'"),
        ("id,colour,shape\np,red,round\nq,blue,square\nr,red,flat\n", "'colour', 'shape': name it"),
    ],
    ids=["one is missing", "one twice", "other ids", "which column"],
)
def test_labels_by_id_that_do_not_fit(tmp_path: Path, text: str, message: str) -> None:
    files = {"steps.csv": BARE + steps("pqr", labels=False), "labels.csv": text}
    with pytest.raises(FileError, match=message):
        read(put(tmp_path, files))


# -- parts without labels -------------------------------------------------------------------------


def test_a_test_part_to_be_answered(tmp_path: Path) -> None:
    """It has no labels, so it is left out, which is said; the form for the answers is no data."""
    files = {
        "train.csv": STEPS + steps("pq"),
        "test.csv": BARE + steps("rs", labels=False),
        "sample_submission.csv": "id,label\nr,a\ns,a\n",
    }
    data = read(put(tmp_path, files))
    assert data.ids.tolist() == ["p", "q"]
    assert any(note.startswith("left out the part 'test', which has no la") for note in data.notes)
    assert "left aside: sample_submission.csv" in data.notes
    assert read(tmp_path, part="test").ids.tolist() == ["r", "s"]


@pytest.mark.parametrize(
    "name", ["sample_submission.csv", "sampleSubmission.csv", "submission.csv"]
)
def test_labelled_parts_beside_a_form_for_answers(tmp_path: Path, name: str) -> None:
    files: dict[str, Any] = {"train.csv": STEPS + steps("pq"), "test.csv": STEPS + steps("rs")}
    data = read(put(tmp_path, {**files, name: "id,label\nr,a\ns,a\n"}))
    assert data.part("test").y.tolist() == ["a", "b"]
    assert f"left aside: {name}" in data.notes
