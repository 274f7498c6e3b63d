"""A file appears whole or not at all, and a disk that cannot be written is said so."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from segue import atomic
from segue.errors import WriteError


def test_a_file_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "down" / "note.txt"
    atomic.write_text(path, "first")
    atomic.write_text(path, "größer")
    assert path.read_text(encoding="utf-8") == "größer"
    assert list(path.parent.iterdir()) == [path]


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    atomic.write_text(path, "old")
    with atomic.replacing(path) as temporary:
        temporary.write_text("half")
        assert path.read_text() == "old"
        assert temporary.parent == path.parent, "a rename is only atomic on the same disk"
        temporary.write_text("whole")
    assert path.read_text() == "whole"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, MemoryError])
def test_an_error_inside_leaves_everything_as_it_was(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "note.txt"
    atomic.write_text(path, "old")
    with pytest.raises(error), atomic.replacing(path) as temporary:
        temporary.write_text("half")
        raise error
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EACCES])
def test_a_disk_that_cannot_be_written_is_named(tmp_path: Path, code: int) -> None:
    path = tmp_path / "note.txt"
    with (
        pytest.raises(WriteError, match=r"note\.txt could not be written \(.+\)\. Free some space"),
        atomic.replacing(path),
    ):
        raise OSError(code, os.strerror(code))
    assert not list(tmp_path.iterdir())


def test_other_errors_of_the_system_pass_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError), atomic.replacing(tmp_path / "note.txt"):
        raise ConnectionResetError(errno.ECONNRESET, "reset")


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match="could not be written"):
        atomic.write_text(tmp_path / "file" / "note.txt", "text")


def test_a_full_disk_keeps_the_old_file(full_disk: Path) -> None:
    path = full_disk / "note.txt"
    atomic.write_text(path, "old")
    with pytest.raises(WriteError, match="No space left on device"):
        atomic.write_text(path, "x" * 2_000_000)
    assert [file.read_text() for file in full_disk.iterdir()] == ["old"]


def test_the_file_can_be_read_by_those_the_user_lets_read(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        atomic.write_text(tmp_path / "note.txt", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "note.txt").stat().st_mode) == 0o640
