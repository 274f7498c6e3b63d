"""Files and folders that appear whole or not at all: written to a sibling, then renamed."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from segue.errors import WriteError

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
}


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; on success it takes the place of `path`.

    When the block raises, the temporary file is removed and `path` stays as it was.

    Raises:
        WriteError: the disk is full or read-only, or the folder cannot be made.

    >>> folder = Path(tempfile.mkdtemp())
    >>> with replacing(folder / "note.txt") as temporary:
    ...     _ = temporary.write_text("whole")
    >>> (folder / "note.txt").read_text()
    'whole'
    """
    path = Path(path)
    with _naming(path, "Free some space, or choose another folder.", _UNWRITABLE):
        path.parent.mkdir(parents=True, exist_ok=True)
        prefix, suffix = f".{path.name}.", ".part" + path.suffix
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=suffix)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)  # mkstemp makes files that only their owner can read
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


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
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            temporary.chmod(0o755)  # mkdtemp makes folders that only their owner can enter
            yield temporary
            before = temporary.with_name(f"{temporary.name}.old")
            if folder.exists():
                folder.rename(before)
            temporary.rename(folder)
            shutil.rmtree(before, ignore_errors=True)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


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
