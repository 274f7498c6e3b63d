"""Files in folders that are the classes may have groups, in a table beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

import segue
from segue.errors import FileError

FILES = ["train/a/1.txt", "train/a/2.txt", "train/b/1.txt", "test/a/3.txt"]


def written(folder: Path) -> Path:
    for number, name in enumerate(FILES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(
            f"This is the text of number {number}, and it is prose.\n\nIt goes on."
        )
    return folder


def test_groups_of_all_parts(tmp_path: Path) -> None:
    folder = written(tmp_path)
    assert segue.read(folder).groups is None
    lines = [f"{name},who {number % 2}" for number, name in enumerate(FILES)]
    (folder / "groups.csv").write_text("\n".join(["filename,group", *lines]))
    data = segue.read(folder)
    found = dict(zip(data.ids.tolist(), data.groups.tolist(), strict=True))
    assert found == {"a/1.txt": "who 0", "a/2.txt": "who 1", "b/1.txt": "who 0", "a/3.txt": "who 1"}
    alone = written(tmp_path / "alone") / "train"
    (alone / "groups.csv").write_text("group,filename\nx,a/1.txt\ny,a/2.txt\ny,b/1.txt")
    assert segue.read(alone).groups.tolist() == ["x", "y", "y"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,group\na/1.txt,x", "expected a line with the names filename,group"),
        ("filename,group\na/1.txt,x", r"no group for 2 of 3 files, such as a/2\.txt"),
        ("filename,group\na/1.txt,x\na/2.txt,\nb/1.txt,x", "no group for 1 of 3 files"),
    ],
)
def test_groups_that_are_not_those_of_the_files(tmp_path: Path, text: str, message: str) -> None:
    folder = written(tmp_path) / "train"
    (folder / "groups.csv").write_text(text)
    with pytest.raises(FileError, match=message):
        segue.read(folder)
