"""A file appears whole or not at all, and a disk that cannot be written is said so."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from segue import atomic
from segue.errors import FileError, WriteError


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


def test_two_processes_do_not_work_in_one_folder(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from segue.atomic import locked\n"
        "with locked(Path(sys.argv[1]), 'study'): print('locked', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as other:  # type: ignore[call-overload]
        assert other.stdout.readline() == "locked\n"
        text = rf"number {other.pid}\) is working on this study"
        with pytest.raises(FileError, match=text), atomic.locked(tmp_path, "study"):
            pass
        assert atomic.is_locked(tmp_path)
        other.kill()
        other.wait()
        assert not atomic.is_locked(tmp_path)
        with atomic.locked(tmp_path, "study"):  # the lock went with the process
            pass


def test_a_file_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    text = "is a file; expected a folder"
    with pytest.raises(FileError, match=text), atomic.locked(tmp_path / "file", "study"):
        pass


def test_the_lock_leaves_nothing_behind(tmp_path: Path) -> None:
    with atomic.locked(tmp_path / "run", "run"):
        assert (tmp_path / "run" / ".lock").read_text() == str(os.getpid())
    assert list((tmp_path / "run").iterdir()) == []


def test_a_lock_is_had_by_one_at_a_time(tmp_path: Path) -> None:
    """Also while those who had it remove its file."""
    holders, most, taken = [0], [0], [0]

    def work(_: int) -> None:
        for _ in range(200):
            try:
                with atomic.locked(tmp_path, "run"):
                    holders[0] += 1
                    most[0] = max(most[0], holders[0])
                    taken[0] += 1
                    holders[0] -= 1
            except FileError:
                continue

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert taken[0]
    assert most[0] == 1


# -- what dead processes leave behind --------------------------------------------------------------


def test_what_a_killed_process_was_writing_is_removed_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "a[1].txt"
    code = (
        "import os, sys, signal; from pathlib import Path; from segue.atomic import replacing\n"
        "with replacing(Path(sys.argv[1])) as file:\n"
        "    file.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code, str(path)], check=False)
        left = list(tmp_path.iterdir())
        assert len(left) == 1, "each removes what the one before it left"
        assert left[0].name.startswith(".a[1].txt.")
    with atomic.replacing(path) as temporary, atomic.replacing(path) as other:
        assert temporary.exists(), "that of a process that lives stays"
        other.write_text("whole")
        temporary.write_text("later")
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {path.name: "later"}


def test_a_folder_is_whole_or_the_one_before(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "old").write_text("old")
    code = (
        "import os, sys, signal; from pathlib import Path; from segue import atomic\n"
        "at, count, rename = int(sys.argv[2]), 0, Path.rename\n"
        "def killed(*given):\n"
        "    global count\n"
        "    count += 1\n"
        "    if count == at: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return rename(*given)\n"
        "Path.rename = killed\n"
        "with atomic.replacing_folder(Path(sys.argv[1]), cure='') as new:\n"
        "    (new / 'new').write_text('new')\n"
    )
    for at, expected in ((1, "old"), (2, None), (0, "new")):
        subprocess.run([sys.executable, "-c", code, str(folder), str(at)], check=False)
        if expected is not None:
            assert [file.name for file in folder.iterdir()] == [expected]
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_folder_that_cannot_be_replaced_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is set aside first: where the new one cannot take its place, it comes back."""
    folder, rename = tmp_path / "data", Path.rename
    folder.mkdir()
    (folder / "old").write_text("old")

    def broken(self: Path, target: Path) -> Path:
        if self.suffix == ".part":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", broken)
    with pytest.raises(WriteError), atomic.replacing_folder(folder, cure=""):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert [path.name for path in folder.iterdir()] == ["old"]


def test_everything_is_flushed_before_it_is_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """File, rename, folder: after a loss of power there is the old file or the whole new one."""
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def flushed(handle: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    def renamed(self: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "replace", renamed)
    atomic.write_text(tmp_path / "note.txt", "text")
    assert steps == ["file", "rename", "folder"]


def test_the_umask_is_never_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is of the whole process: another thread would make files with it meanwhile."""
    monkeypatch.setattr(os, "umask", lambda _: pytest.fail("the umask was set"))
    atomic.write_text(tmp_path / "note.txt", "text")
    with atomic.replacing_folder(tmp_path / "folder", cure="") as new:
        (new / "note.txt").write_text("text")


def test_a_lock_on_a_full_disk_is_an_error_with_its_cause(full_disk: Path) -> None:
    """The number of the process does not fit, nor does it when the file is closed."""
    (full_disk / "filler").write_bytes(bytes(2**20 - 4096))
    (full_disk / "last").write_bytes(bytes(4096))
    with (
        pytest.raises(WriteError, match="No space left on device"),
        atomic.locked(full_disk, "run"),
    ):
        pass
