"""Deleting runs, with undo: they are moved into `.trash/<time>` beside them.

Nothing removes them from there but the user.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from segue.atomic import is_locked, make_folder
from segue.errors import FileError, WriteError
from segue.runs.places import TRASH, checked_folder, checked_run, places_below


def delete(run: str | Path, *, even_running: bool = False) -> Path:
    """Move a run or a study into the folder `.trash` beside it; `undo` brings it back.

    Args:
        run: its folder.
        even_running: whether also one that a process works on now; that process then fails.

    Returns:
        Where it lies now.

    Raises:
        FileError: neither a run nor a study, or one that goes on just now.
        WriteError: it cannot be moved.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp(), "vowels-1")
    >>> folder.mkdir()
    >>> _ = (folder / "run.json").write_text('{"format": 1}')
    >>> _ = delete(folder)
    >>> folder.exists(), undo(folder.parent) == folder, folder.exists()
    (False, True, True)
    """
    folder = checked_run(run)
    folder = folder if folder.name not in ("", "..") else folder.resolve()  # by its name
    if is_locked(folder) and not even_running:
        raise FileError(
            "a process is working on it: wait for it, or stop it first. `even_running=True` moves "
            "it all the same.",
            path=run,
        )
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    there = folder.parent / TRASH / stamp / folder.name
    make_folder(there.parent)
    try:
        _move(folder, there)
    finally:
        _remove_empty(there.parent)
    return there


def undo(folder: str | Path = ".") -> Path:
    """Bring back the run that was deleted last, of those below a folder.

    Args:
        folder: where to look, as `list_runs` does.

    Returns:
        Where it is again.

    Raises:
        FileError: nothing was deleted, or something else has its place now.
        WriteError: it cannot be moved.
    """
    root = checked_folder(folder)
    trashes = [one.folder / TRASH for one in places_below(root) if TRASH in one.files]
    deleted = [path for trash in trashes for path in trash.glob("*Z/*")]
    if not deleted:
        raise FileError("no run was deleted here: there is nothing to bring back.", path=root)
    last = max(deleted, key=lambda path: path.parent.name)
    place = last.parents[2] / last.name
    if os.path.lexists(place):
        raise FileError(
            f"is there again: move it away, and {last} can be brought back.", path=place
        )
    _move(last, place)
    _remove_empty(last.parent)
    return place


def _move(path: Path, there: Path) -> None:
    try:
        path.rename(there)
    except OSError as error:
        raise WriteError(f"{path} could not be moved to {there} ({error.strerror}).") from error


def _remove_empty(folder: Path) -> None:
    """Remove a folder of the trash, and that itself, unless there is something in them."""
    with suppress(OSError):
        folder.rmdir()
        folder.parent.rmdir()
