"""A folder with a table for each sequence is one data set: by class folder, list, or column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segue.readers import read
from segue.testing import check_reader


def put(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def text(*values: float) -> str:
    return "t,v\n" + "".join(f"{i * 0.5},{value}\n" for i, value in enumerate(values))


def test_class_folders(tmp_path: Path) -> None:
    """The folder is the label, also below train and test."""
    files = {
        "train/up/a.csv": text(1, 2, 3),
        "train/up/b.csv": text(1, 2),
        "train/down/a.csv": text(3, 2),
        "test/up/a.csv": text(7, 8),
        "test/down/c.csv": text(9, 8),
        "test/down/d.csv": text(9, 8),
    }
    data = read(put(tmp_path / "data", files))
    assert data.part("train").y.tolist() == ["down", "up", "up"]
    assert data.part("test").ids.tolist() == ["down/c.csv", "down/d.csv", "up/a.csv"]
    assert data.x[2].ravel().tolist() == [1, 2]
    assert data.rate_hz == 2
    assert data.notes[0].startswith("one file a sequence, the folder is the label; time 't', chan")
    assert len(data.notes) == 1
    check_reader(tmp_path / "data" / "train")


@pytest.mark.parametrize("name", ["a.csv", "a", "./a.csv"])
def test_a_list_of_files(tmp_path: Path, name: str) -> None:
    """labels.csv says the label, the group and the part of each file, in its own order."""
    files = {
        "b.csv": text(4, 5),
        "a.csv": text(1, 2, 3),
        "labels.csv": f"file,kind,subject,split\nb.csv,up,ann,test\n{name},down,ben,train\n",
    }
    data = read(put(tmp_path, files))
    assert data.ids.tolist() == ["b.csv", "a.csv"]
    assert data.y.tolist() == ["up", "down"]
    assert data.groups.tolist() == ["ann", "ben"]
    assert data.parts.tolist() == ["test", "train"]
    assert "labels.csv says file 'file', label 'kind', group 'subject'" in data.notes[0]


def test_a_list_without_names_of_files_in_folders(tmp_path: Path) -> None:
    """The list may lie above the folders of the files, and have no line of names."""
    files = {
        "data/1.csv": text(1, 2, 3),
        "data/2.csv": text(1, 2),
        "labels.csv": "1.csv,5\n2.csv,6\n",
    }
    data = read(put(tmp_path, files))
    assert data.y.tolist() == [5, 6]
    assert data.ids.tolist() == ["data/1.csv", "data/2.csv"]


def test_a_label_in_a_column(tmp_path: Path) -> None:
    """Each file says its label at every step, or a label for each step."""
    files = {
        f"{i}.csv": f"time,v,label\n0,{i},{'ab'[i % 2]}\n1,2,{'ab'[i % 2]}\n" for i in range(4)
    }
    data = read(put(tmp_path / "one", files))
    assert data.y.tolist() == ["a", "b", "a", "b"]
    files["0.csv"] = "time,v,label\n0,1,b\n1,2,c\n"
    data = read(put(tmp_path / "two", files))
    assert data.classes == ("a", "b", "c")
    assert [codes.ravel().tolist() for codes in data.y] == [[1, 2], [1, 1], [0, 0], [1, 1]]


def test_several_sequences_a_file(tmp_path: Path) -> None:
    """One file a person with several trials: the file is the group, so no split parts it."""
    files = {
        f"{who}.csv": "trial,t,v,label\n"
        + "".join(f"{s},{t},{t}.5,{s % 2}\n" for s in (1, 2) for t in (0, 1))
        for who in ("ann", "ben")
    }
    data = read(put(tmp_path, files))
    assert data.ids.tolist() == ["ann.csv:1", "ann.csv:2", "ben.csv:1", "ben.csv:2"]
    assert data.groups.tolist() == [0, 0, 1, 1]
    assert data.y.tolist() == [1, 0, 1, 0]


def test_files_without_any_label(tmp_path: Path) -> None:
    """What a model is asked about has no labels."""
    data = read(put(tmp_path, {f"{i}.csv": text(i, 2, 3) for i in range(3)}))
    assert (len(data), data.task) == (3, "none")


def test_files_of_one_line(tmp_path: Path) -> None:
    """A file with one line of numbers is a sequence that lies down."""
    files = {f"{kind}/{i}.csv": "1.5,2,3,4\n" for kind in ("a", "b") for i in range(2)}
    data = read(put(tmp_path, files))
    np.testing.assert_array_equal(data.x[0][:, 0], [1.5, 2, 3, 4])
    assert data.y.tolist() == ["a", "a", "b", "b"]


def test_what_is_unusual_is_said_once(tmp_path: Path) -> None:
    """The same thing in many files is one note."""
    files = {f"{k}/{i}.csv": "t,v\n0,1\n1,2\n2,3\n9,4\n" for k in "ab" for i in range(3)}
    data = read(put(tmp_path, files))
    assert len(data.notes) == 2
    assert data.notes[1].startswith("6 of 18 steps are not as far from the one before as usual")
    assert data.rate_hz is None
