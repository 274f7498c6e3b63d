"""Several problems in one message."""

from __future__ import annotations

from pathlib import Path

import pytest

from segue.errors import FileError
from segue.readers.blocks import Problems


def collected(folder: Path, count: int, **how: int) -> Problems:
    problems = Problems(folder, "sound", **how)
    for number in range(count):
        with problems.of(folder / f"{number}.wav"):
            if number % 2:
                raise FileError("is empty.", path=folder / f"{number}.wav")
            (folder / f"{number}.wav").open("rb")
    return problems


def test_none_is_no_error(tmp_path: Path) -> None:
    """Nothing is raised where nothing is wrong."""
    problems = collected(tmp_path, 0)
    problems.raise_any()
    assert not problems


@pytest.mark.parametrize(
    ("count", "how", "message"),
    [
        (1, {}, r"1 sound cannot be used:\n  0.wav: cannot be read \(No such file"),
        (2, {}, r"2 sounds cannot be used:\n  0.wav: cannot.*\n  1.wav: is empty\."),
        (1, {"total": 1_500}, r"1 of 1,500 sounds cannot be used:\n"),
        (2, {"most": 2}, r"2 sounds cannot be used \(and there may be more\):\n"),
        (4, {"most": 1}, r"4 sounds cannot be used:\n  0.wav: .*\n  and 3 more such problems\."),
    ],
)
def test_one_message(tmp_path: Path, count: int, how: dict[str, int], message: str) -> None:
    """Each file relative to the folder, and how many there are beyond those that are shown."""
    with pytest.raises(FileError, match=message):
        collected(tmp_path, count, **how).raise_any()


def test_the_only_file_says_it_itself(tmp_path: Path) -> None:
    """One file is not a list of one."""
    path = tmp_path / "a.wav"
    path.touch()
    problems = Problems(path)
    problems.add(FileError("is empty.", path=path))
    with pytest.raises(FileError, match=r"a.wav: is empty\.$"):
        problems.raise_any()
