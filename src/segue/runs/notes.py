"""`notes.json`: what somebody has noted about a run or a study, and its star.

Nothing in segue depends on it: without the file there is neither, and a damaged one is replaced by
the next note or star.
"""

from __future__ import annotations

import json
from collections.abc import Container
from pathlib import Path
from typing import Any

from segue.atomic import write_text
from segue.errors import OptionError
from segue.runs import untidy
from segue.runs.places import NOTES, checked_run

FORMAT = 1
LONGEST = 10_000  # characters of a note


def note(run: str | Path, text: str) -> None:
    """Note something about a run or a study, in place of what was noted before.

    Args:
        run: its folder.
        text: at most 10,000 characters; "" takes the note away.

    Raises:
        FileError: the folder is neither.
        OptionError: a longer text.
        WriteError: the folder is read-only, or the disk full.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "run.json").write_text('{"format": 1}')
    >>> note(folder, "with the new microphones")
    >>> notes_of(folder)
    {'star': False, 'note': 'with the new microphones'}
    """
    if len(text) > LONGEST:
        raise OptionError(f"A note has {len(text):,} characters; expected {LONGEST:,} at most.")
    _write(run, note=text)


def star(run: str | Path, *, on: bool = True) -> None:
    """Give a run or a study a star, or take it away.

    Args:
        run: its folder.
        on: whether it is to have one.

    Raises:
        FileError: the folder is neither.
        WriteError: the folder is read-only, or the disk full.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "run.json").write_text('{"format": 1}')
    >>> star(folder)
    >>> notes_of(folder)["star"]
    True
    """
    _write(run, star=on)


def notes_of(folder: Path, files: Container[str] = (NOTES,)) -> dict[str, Any]:
    """The star and the note of a folder, as `RunSummary` has them.

    Args:
        folder: of a run or a study.
        files: the names of those that are there, as far as it is known.
    """
    found = untidy.object_of(folder / NOTES)[0] if NOTES in files else {}
    return {"star": found.get("star") is True, "note": untidy.text(found.get("note")) or ""}


def _write(run: str | Path, **changed: Any) -> None:
    folder = checked_run(run)
    record = {"format": FORMAT, **notes_of(folder), **changed}
    write_text(folder / NOTES, json.dumps(record, indent=2) + "\n")
