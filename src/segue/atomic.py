"""Files and folders that appear whole or not at all, and folders with one writer at a time.

What is written goes to a sibling, `.<name>.<random>.part`, which is flushed to the disk and then
renamed; the folder is flushed too, so that a file that is there is whole after a loss of power. The
writer holds an advisory lock on the sibling: one without a lock was left by a process that died,
and is removed by the next that writes there.
"""

from __future__ import annotations

import errno
import glob
import os
import secrets
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from segue.errors import FileError, WriteError

try:
    import fcntl
except ImportError:  # Windows: siblings of dead processes stay, and any number may write
    fcntl = None  # type: ignore[assignment,unused-ignore]

_UNWRITABLE = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.EFBIG,
    errno.EIO,
}


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; on success it takes the place of `path`.

    When the block raises, the temporary file is removed and `path` stays as it was.

    Raises:
        WriteError: the disk is full or read-only, or the folder cannot be made.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with replacing(folder / "note.txt") as temporary:
    ...     _ = temporary.write_text("whole")
    >>> (folder / "note.txt").read_text()
    'whole'
    """
    path = Path(path)
    with _naming(path, "Free some space, or choose another folder.", _UNWRITABLE):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_unfinished(path.parent, path.name)
        with _sibling(path) as temporary:
            yield temporary
            _flush(temporary)
            temporary.replace(path)
            _flush(path.parent)


@contextmanager
def _sibling(path: Path, *, folder: bool = False) -> Iterator[Path]:
    """Give an empty file (or folder) beside `path`, with the rights of all new ones, and lock it.

    It is removed at the end, where it is still there: also when it is interrupted while being made.
    """
    while True:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part{path.suffix}")
        handle = -1
        try:
            if folder:
                temporary.mkdir()
            else:
                os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
            if fcntl is not None:
                try:
                    handle = os.open(temporary, os.O_RDONLY)
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except (FileNotFoundError, BlockingIOError):
                    continue  # another process takes it for one left behind
                except OSError:  # a file system without locks
                    if handle < 0:
                        raise
            if temporary.exists():  # nobody has taken it for one left behind before it was locked
                yield temporary
                return
        finally:
            if folder:
                shutil.rmtree(temporary, ignore_errors=True)
            else:
                temporary.unlink(missing_ok=True)
            if handle >= 0:
                os.close(handle)


def remove_unfinished(folder: Path, name: str = "*") -> None:
    """Remove what processes that died have left in a folder of what they were writing.

    Args:
        folder: where to look.
        name: of the files, when they are whole.
    """
    if fcntl is None:
        return
    for path in folder.glob(f".{name if name == '*' else glob.escape(name)}.*.part*"):
        with suppress(OSError):
            handle = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(
                    handle, fcntl.LOCK_EX | fcntl.LOCK_NB
                )  # it fails where the writer lives
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            finally:
                os.close(handle)


def _flush(path: Path) -> None:
    """Write through to the disk what a file holds, or which files a folder has."""
    if fcntl is None and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that cannot
            raise
    finally:
        os.close(handle)


@contextmanager
def replacing_folder(folder: Path, *, cure: str) -> Iterator[Path]:
    """Give an empty temporary folder beside `folder`; on success it takes the place of `folder`.

    Args:
        folder: the folder to be made; one that is there is removed, when the new one is whole.
        cure: what to do where it cannot be written, for the message.

    Raises:
        WriteError: the disk is full or read-only. The folder stays as it was.
    """
    with _naming(folder, cure):
        folder.parent.mkdir(parents=True, exist_ok=True)
        before = folder.with_name(f".{folder.name}.old")
        if before.exists() and not folder.exists():  # a process died between two renames
            before.rename(folder)
        remove_unfinished(folder.parent, folder.name)
        with _sibling(folder, folder=True) as temporary:
            try:
                yield temporary
                for path in temporary.rglob("*"):
                    _flush(path)
                shutil.rmtree(before, ignore_errors=True)
                if folder.exists():
                    folder.rename(before)
                temporary.rename(folder)
                _flush(folder.parent)
                shutil.rmtree(before, ignore_errors=True)
            finally:
                if before.exists() and not folder.exists():
                    before.rename(folder)


def make_folder(folder: Path) -> None:
    """Make a folder and those that it lies in, where they are not there.

    Raises:
        WriteError: it cannot be made.
    """
    with _naming(folder, "Choose another folder."):
        folder.mkdir(parents=True, exist_ok=True)


def remove_file(path: Path) -> None:
    """Remove a file, if it is there, and what dead processes have left of it.

    Raises:
        WriteError: it cannot be removed.
    """
    remove_unfinished(path.parent, path.name)
    with _naming(path, "It can be removed by hand."):
        path.unlink(missing_ok=True)


@contextmanager
def _naming(path: Path, cure: str, numbers: Collection[int] | None = None) -> Iterator[None]:
    """Name the path in an error of writing; of certain numbers only, if they are given."""
    try:
        yield
    except OSError as error:
        if isinstance(error, WriteError) or (numbers is not None and error.errno not in numbers):
            raise
        reason = error.strerror or error
        raise WriteError(f"{path} could not be written ({reason}). {cure}") from error


def write_text(path: str | Path, text: str) -> None:
    """Write a text file (UTF-8) whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


# -- one process at a time ------------------------------------------------------------------------

LOCK = ".lock"


@contextmanager
def locked(folder: Path, what: str) -> Iterator[None]:
    """Keep other processes from a folder; it is made where it is not there.

    The lock is advisory, and the system lets go of it when this process ends, however it ends.

    Args:
        folder: what is locked, by a file `.lock` in it.
        what: what the folder is for, in messages: "run", "study".

    Raises:
        FileError: another process has it.
        WriteError: the folder cannot be made.
    """
    path = folder / LOCK
    if folder.exists() and not folder.is_dir():
        raise FileError(f"is a file; expected a folder for the {what}.", path=folder)
    make_folder(folder)
    with _naming(folder, "Choose another folder."):
        while True:
            file = path.open("a+", encoding="utf-8")
            try:
                _lock(file.fileno())
            except (BlockingIOError, PermissionError):
                with file:
                    file.seek(0)
                    other = file.read().strip() or "unknown"
                raise FileError(
                    f"another process (number {other}) is working on this {what}. Wait for it, "
                    "stop it, or choose another folder.",
                    path=folder,
                ) from None
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                    break
            file.close()  # it was removed by the process that held it
    with file:
        with _naming(folder, "Choose another folder."):
            file.truncate(0)
            os.write(file.fileno(), str(os.getpid()).encode())  # no buffer, which `close` would try
        try:
            yield
        finally:
            with suppress(OSError):
                path.unlink()


def is_locked(folder: Path) -> bool:
    """Whether another process is working on what is in a folder (`locked`)."""
    try:
        file = (folder / LOCK).open(encoding="utf-8")
    except OSError:  # there is none
        return False
    with file:
        try:
            _lock(file.fileno())
        except OSError as error:
            return isinstance(error, BlockingIOError | PermissionError)
    return False


def _lock(handle: int) -> None:
    if fcntl is None:
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise
