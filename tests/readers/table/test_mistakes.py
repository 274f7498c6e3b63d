"""Tables that cannot be used: one message, with the file and the line, and what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from segue.errors import FileError
from segue.readers import read

LONG = "id,time,x,label\n1,0,1.5,a\n1,1,2.5,a\n2,0,3.5,b\n2,1,4.5,b\n3,0,1.5,a\n3,1,2,a\n"

# text of the file, the line that the message names, and what it says
MISTAKES: dict[str, tuple[bytes, int | None, str]] = {
    "empty": (b"", None, "is empty; expected a table"),
    "remarks only": (b"# nothing\n\n", None, "is empty"),
    "a page": (b"<html><body>404</body></html>", None, "has a line of names and no rows"),
    "a pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12345\n",
        None,
        "is a pointer of Git LFS and not the file itself: fetch it with `git lfs pull`",
    ),
    "names only": (b"label,t1,t2\n", None, "has a line of names and no rows"),
    "binary": (b"label,t1\n\x00\x01\x02", None, "it holds binary data"),
    "a field too few": (b"label,t1,t2\na,1,2\nb,3\na,5,6\n", 3, "has 2 fields; expected 3"),
    "a field too many": (
        b"label,t1,t2\na,1,2\nb,3,4,5\na,5,6\nb,1,2,3\n",
        3,
        r"has 4 fields \(and line 5 4\); expec",
    ),
    "two columns of a name": (b"label,t,t\na,1,2\n", 1, "more than one column called 't'"),
    "text among numbers": (
        LONG.replace("4.5", "4.5V").encode(),
        5,
        "column 'x' has '4.5V' among its numbers",
    ),
    "a decimal comma too many": (
        b"label;t1;t2\n" + b"a;1,5;2,5\n" * 9 + b"a;1.000,5;2\n",
        11,
        "has '1.000,5' among its",
    ),
    "units": (
        LONG.replace(".5,", ".5 mV,").replace("2,a", "2.25 mV,a").encode(),
        None,
        "such as '1.5 mV'",
    ),
    "infinite": (LONG.replace("3.5", "inf").encode(), 4, "has an infinite value"),
    "no id": (
        LONG.replace("\n2,0", "\n,0").encode(),
        4,
        "column 'id' is empty: whose step is this",
    ),
    "no time": (LONG.replace("\n2,0", "\n2,").encode(), 4, "column 'time' has no time"),
    "no time among fractions": (
        b"id,time,x\n1,0.5,1.5\n1,,2\n1,1.5,2.5\n",
        3,
        "column 'time' has no time",
    ),
    "no label": (
        b"label,t1,t2\na,1,2\n?,3,4\nb,5,6\n",
        3,
        "has no label; 1 of 3 sequences have no",
    ),
    "no numbers": (
        b"label,text\na,one\nb,two\n",
        None,
        "has no column of numbers that could be val",
    ),
    "two ways to read a date": (
        b"id,time,v\n1,01/02/2024,1\n1,02/02/2024,2\n",
        None,
        "day and month cannot be told apart: '01/02/2024' is 2024-02-01 .dates='dmy'. or 2",
    ),
    "no part": (LONG.replace("label", "split").replace(",b", ",tset").encode(), None, ""),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_message(tmp_path: Path, name: str) -> None:
    content, line, message = MISTAKES[name]
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    if name == "no part":
        with pytest.raises(
            FileError, match="line 2: column 'split' has 'a'; expected train, valid"
        ):
            read(path, parts="split")
        return
    with pytest.raises(FileError, match=message) as caught:
        read(path)
    assert caught.value.path == path
    assert caught.value.line == line
    assert len(str(caught.value)) < 500


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    """Empty lines, remarks and fields of several lines are counted, too."""
    path = tmp_path / "data.csv"
    path.write_text('# a\n\nlabel,t1\n\n"a\nb",1\nc,2\n\nd,2\nc,inf\n')
    with pytest.raises(FileError) as caught:
        read(path)
    assert caught.value.line == 10


def test_a_group_that_changes(tmp_path: Path) -> None:
    """What is said of a sequence must be the same at each of its steps."""
    path = tmp_path / "data.csv"
    path.write_text("id,t,v,split,w\n1,0,1.5,train,7\n1,1,2,test,7\n2,0,1,test,8\n2,1,1,test,8\n")
    with pytest.raises(FileError, match="line 3: column 'split' changes within a sequence"):
        read(path)


def test_binary_tables_that_are_damaged(tmp_path: Path) -> None:
    """Cut, foreign and empty ones are told by name."""
    table = pa.table({"label": ["a", "b"], "t1": [1.0, 2.0], "t2": [1.0, 2.0]})
    parquet.write_table(table, tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "none.feather").write_bytes(b"no")
    parquet.write_table(table[:0], tmp_path / "empty.parquet")
    assert len(read(tmp_path / "whole.parquet")) == 2
    for name, message in [
        ("cut.parquet", "is not a whole Parquet file"),
        ("none.feather", "is not a whole Feather or Arrow file"),
        ("empty.parquet", "has no rows"),
    ]:
        with pytest.raises(FileError, match=message):
            read(tmp_path / name)


def test_records_of_files_without_lines(tmp_path: Path) -> None:
    """A Parquet file has records and no lines."""
    table = pa.table({"label": ["a", None, "b"], "t1": [1.0, 2.0, 3.0], "t2": [1.0, 2.0, 3.0]})
    parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(FileError, match=r"a\.parquet: record 2: column 'label' has no label"):
        read(tmp_path / "a.parquet")


def test_lists_that_do_not_fit(tmp_path: Path) -> None:
    """Channels in lists must be of one length in each row."""
    table = pa.table({"label": ["a", "b"], "x": [[1.0, 2.0], [3.0]], "y": [[1.0, 2.0], [3.0, 4.0]]})
    parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(FileError, match="record 2: 'x' has 1 steps and 'y' 2"):
        read(tmp_path / "a.parquet")


# -- folders --------------------------------------------------------------------------------------


def folder(path: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    return path


V = "v,w\n1,2\n3,4\n"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"a.csv": V, "labels.csv": "file,label\na.csv,x\nb.csv,y\n"},
            r"labels.csv, line 3: names the file 'b.csv', which is not there",
        ),
        (
            {"a.csv": V, "b.csv": V, "labels.csv": "file,label\na.csv,x\n"},
            "does not name 1 of the 2 files: b.csv. Add a line for each",
        ),
        (
            {"a.csv": V, "b.csv": V, "labels.csv": "file,label\na.csv,x\na.csv,y\nb.csv,y\n"},
            "labels.csv, line 3: names the file 'a.csv' a second time",
        ),
        (
            {"a.csv": V, "b.csv": V, "labels.csv": "file,label\na.csv,x\nb.csv,\n"},
            "labels.csv, line 3: column 'label' has no label",
        ),
        (
            {"x/a.csv": V, "x/b.csv": V, "y/a.csv": "v,u\n1,2\n3,4\n"},
            r"a.csv: has no column 'w' and has a column 'u'; expected the columns of x.a.csv",
        ),
        (
            {"x/a.csv": V, "x/b.csv": V.replace("3", "oops"), "y/a.csv": V.replace("4", "no")},
            r"(?s)2 files cannot be used:.*b.csv, line 3: column 'v' has 'oops'.*y.a.csv, line 3",
        ),
        ({"x/a.csv": V, "x/b.csv": "", "y/a.csv": V}, "b.csv: is empty"),
    ],
)
def test_folders_that_do_not_fit(tmp_path: Path, files: dict[str, str], message: str) -> None:
    """All files that cannot be used are in one message, each with its line."""
    with pytest.raises(FileError, match=message) as caught:
        read(folder(tmp_path / "data", files))
    assert len(str(caught.value)) < 700


def test_files_with_and_without_labels(tmp_path: Path) -> None:
    """A label column that is empty in one of the files is a mistake."""
    files = {f"{i}.csv": f"t,v,label\n0,{i}.5,a\n1,2,a\n" for i in range(3)}
    files["1.csv"] = "t,v,label\n0,1,\n1,2,\n"
    with pytest.raises(FileError, match="1.csv, line 2: column 'label' has no label; 1 of 3 seq"):
        read(folder(tmp_path / "data", files))


def test_rows_that_are_no_steps_of_one_data_set(tmp_path: Path) -> None:
    """Two tables with one row a sequence are two data sets; one must be chosen."""
    rows = "class," + ",".join(f"t{i}" for i in range(9)) + "\n" + ("a" + ",1.5" * 9 + "\n") * 3
    with pytest.raises(FileError, match=r"holds 2 data sets \(a, b\): choose one"):
        read(folder(tmp_path / "data", {"a.csv": rows, "b.csv": rows}))


def test_values_stay_exact(tmp_path: Path) -> None:
    """The values are those of numpy.genfromtxt, to the last bit of float32."""
    values = np.random.default_rng(0).standard_normal((20, 30)) * 10.0 ** np.arange(30)
    path = tmp_path / "data.csv"
    np.savetxt(path, values, delimiter=",")
    wanted = np.genfromtxt(path, delimiter=",").astype(np.float32)
    np.testing.assert_array_equal(read(path).x.values.reshape(20, 30), wanted)
