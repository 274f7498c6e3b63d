"""What a folder holds is told from names: formats, parts, data sets, and what to do otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from segue.data.dataset import Dataset
from segue.errors import DataError, DataNotFoundError, FileError, OptionError
from segue.readers import READERS, read
from segue.readers.blocks import join_parts
from segue.readers.sources import find_sources

LINE = "1\t0.5\t0.25\n"


def put(folder: Path, *names: str, text: str = LINE) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (["Tiny_TRAIN.tsv", "Tiny_TEST.tsv"], ("train", "test")),
        (["train.tsv", "val.tsv", "test.tsv"], ("train", "validation", "test")),
        (["Tiny-train.tsv", "Tiny-validation.tsv"], ("train", "validation")),
        (["Train/a.tsv", "Test/a.tsv"], ("train", "test")),
        (["training/Tiny.tsv", "Valid/Tiny.tsv", "testing/Tiny.tsv"], None),
        (["contest.tsv"], ()),
        (["Tiny_TEST.tsv", ".hidden.tsv", "notes.md"], ("test",)),
    ],
)
def test_parts_by_name(tmp_path: Path, names: list[str], parts: tuple[str, ...] | None) -> None:
    """Endings of files and names of folders are parts, in the order train, validation, test."""
    data = read(put(tmp_path, *names))
    assert data.part_names == (("train", "validation", "test") if parts is None else parts)
    pieces = find_sources(tmp_path)
    assert [piece.part for piece in pieces] == (list(data.part_names) or [None])


def test_one_file_is_one_part(tmp_path: Path) -> None:
    """A single file is read alone, as the part that its name says."""
    put(tmp_path, "Tiny_TRAIN.tsv", "Tiny_TEST.tsv")
    assert read(tmp_path / "Tiny_TEST.tsv").part_names == ("test",)


def test_one_part_is_read_alone(tmp_path: Path) -> None:
    """`part="train"` does not open the files of the others."""
    put(tmp_path, "Tiny_TRAIN.tsv")
    put(tmp_path, "Tiny_TEST.tsv", text="broken")
    assert len(read(tmp_path, part="train")) == 1
    with pytest.raises(FileError, match="Tiny_TEST"):
        read(tmp_path)


def test_limit_counts_in_each_part(tmp_path: Path) -> None:
    """`limit=2` gives the first two of each part."""
    put(tmp_path, "Tiny_TRAIN.tsv", "Tiny_TEST.tsv", text=LINE * 5)
    assert read(tmp_path, limit=2).parts.tolist() == ["train"] * 2 + ["test"] * 2


def test_the_beginning_of_names_chooses(tmp_path: Path) -> None:
    """Of two data sets in one folder, the beginning of their files' names chooses one."""
    put(tmp_path, "A_TRAIN.tsv", "A_TEST.tsv", "B_TRAIN.tsv")
    assert len(read(tmp_path / "A")) == 2
    assert read(str(tmp_path / "B")).name == "B"
    with pytest.raises(FileError, match=r"holds 2 data sets \(A, B\): choose one, such as segue"):
        read(tmp_path)


def test_several_formats(tmp_path: Path) -> None:
    """Files of two formats are not mixed; `format` chooses."""
    put(tmp_path, "A_TRAIN.tsv", "A_TRAIN.ts")
    with pytest.raises(FileError, match=r"several formats \(ts, tsv\): choose with format='ts'"):
        read(tmp_path)
    assert len(read(tmp_path, format="tsv")) == 1


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "is an empty folder"),
        (["a.xls", "b.xls"], r"holds nothing that segue reads, only a\.xls, b\.xls\. Known form"),
        (["Coffee/Coffee_TRAIN.tsv", "Beef/Beef_TRAIN.tsv"], r"holds folders with data \(Beef, Co"),
        (["A_TRAIN.tsv", "A.tsv"], "cannot be told apart as train, validation and test"),
        (["A_TRAIN.tsv", "A-train.tsv"], "cannot be told apart"),
    ],
)
def test_folders_that_are_no_data_set(tmp_path: Path, names: list[str], message: str) -> None:
    """What was found, and what to do about it."""
    with pytest.raises(FileError, match=message):
        read(put(tmp_path, *names))


def test_unknown_files_and_paths(tmp_path: Path) -> None:
    """A file of no known format lists the known ones; a path that is not there says so."""
    put(tmp_path, "data.xls")
    with pytest.raises(FileError, match="is of no format that segue reads") as caught:
        read(tmp_path / "data.xls")
    assert all(f"  {reader.name}" in str(caught.value) for reader in READERS)
    with pytest.raises(DataNotFoundError, match="there is no such file or folder"):
        read(tmp_path / "nothing.tsv")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chanels": 2}, "The format tsv has no option 'chanels'. Known: encoding."),
        ({"format": "tsvv"}, "There is no format 'tsvv'. Did you mean \"tsv\"?"),
        ({"limit": 0}, "limit=0; expected a number of sequences from 1 on"),
        ({"limit": True}, "limit=True; expected"),
    ],
)
def test_options_that_mean_nothing(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    """Unknown options and values are refused by name."""
    path = put(tmp_path, "Tiny_TRAIN.tsv") / "Tiny_TRAIN.tsv"
    with pytest.raises(OptionError, match=message.replace("?", r"\?")):
        read(path, **options)


def test_near_misses_of_options(tmp_path: Path) -> None:
    """A misspelt option of a format is named with the right one."""
    with pytest.raises(OptionError, match="no option 'chanels'. Did you mean \"channels\""):
        read(Path(__file__).parents[1] / "golden" / "formats" / "pairs", chanels=2)


def test_parts_that_are_not_there(tmp_path: Path) -> None:
    """A part that the source does not have is refused with those it has."""
    with pytest.raises(DataError, match="There is no part 'tset'. Did you mean \"test\""):
        read(put(tmp_path, "Tiny_TRAIN.tsv", "Tiny_TEST.tsv"), part="tset")
    with pytest.raises(DataError, match="has no parts"):
        read(put(tmp_path / "one", "Tiny.tsv"), part="test")


def test_files_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system refuses comes as one message with the file, not as a traceback."""

    def refuse(self: Path, *args: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = put(tmp_path, "Tiny_TRAIN.tsv") / "Tiny_TRAIN.tsv"
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(FileError, match=r"Tiny_TRAIN\.tsv: cannot be read \(Permission denied\)"):
        read(path)


def test_parts_with_other_channels(tmp_path: Path) -> None:
    """The parts of one data set must have the same channels."""
    put(tmp_path, "A_TRAIN.ts", text="@classLabel true a\n@data\n1:2:a\n")
    put(tmp_path, "A_TEST.ts", text="@classLabel true a\n@data\n1:a\n")
    with pytest.raises(DataError, match="do not agree in their channels: 2 in part 'train', 1 in"):
        read(tmp_path)


def test_notes_are_no_tables(tmp_path: Path) -> None:
    """What is called README.txt or LICENSE.txt is not looked into, even if it holds numbers."""
    (tmp_path / "Tiny_TRAIN.tsv").write_text("1\t2\t3\n2\t4\t5\n")
    (tmp_path / "README.txt").write_text("1 2 3\n4 5 6\n" * 5)
    (tmp_path / "LICENSE.txt").write_text("2004 1 1\n2005 1 1\n" * 5)
    assert read(tmp_path).y.tolist() == [1, 2]


def test_notes_of_one_part_name_it() -> None:
    """Two parts may have notes that contradict each other; what holds for both is said once."""
    notes = {"train": ("both", "1 value"), "test": ("both", "2 values")}
    parts = {name: Dataset([[0.5]], notes=own) for name, own in notes.items()}
    assert join_parts(parts).notes == ("both", "train: 1 value", "test: 2 values")
