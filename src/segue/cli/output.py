"""`--out FILE` and `--overwrite`: one rule for every command that writes a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from segue.errors import FileError, OptionError, WriteError

Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace the file where there is one.")
]


def check_output(
    path: Path | None, *, overwrite: bool, option: str = "--out", endings: Sequence[str] = ()
) -> None:
    """Raise unless a file can be written there; called before the work is done.

    Args:
        path: the file; `None` where none is wanted.
        overwrite: whether a file that is there may be replaced.
        option: what the file was given to.
        endings: those that are known, such as `.csv`; empty: any.

    Raises:
        OptionError: another ending.
        FileError: a file of that name is there, and `overwrite` is not set; or a folder is.
        WriteError: the folder is not there, or closed.
    """
    if path is None:
        return
    if endings and path.suffix.lower() not in endings:
        raise OptionError(f"{option} is {path}; expected a file ending in {_listed(endings)}.")
    if path.is_dir():
        raise FileError(f"is a folder; {option} expects a file.", path=path)
    if os.path.lexists(path) and not overwrite:
        raise FileError(
            "exists already. Choose another name, or add --overwrite to replace it.", path=path
        )
    if not path.parent.is_dir():
        raise WriteError(
            f"{path} could not be written: there is no folder {str(path.parent)!r}. Make it first, "
            "or choose another."
        )
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise WriteError(
            f"{path} could not be written: the folder {str(path.parent)!r} is read-only. Choose "
            "another."
        )


def _listed(endings: Sequence[str]) -> str:
    """`.csv`, or `.csv, .json or .parquet`."""
    *others, last = endings
    return f"{', '.join(others)} or {last}" if others else last
