"""`study.jsonl`: the results of a study, one line a trial, so that no trial is run twice.

The first line identifies the study. Lines are only ever added, each written through to the disk
before the next trial is looked at; a process that is killed can leave half a line at the end, which
is dropped. One process at a time works in the folder.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any

from segue.errors import FileError, WriteError

FORMAT = 1
NAME = "study.jsonl"

Row = dict[str, Any]


class Journal:
    """The rows of the trials that are finished, by key; in a file, if there is a folder.

    Args:
        header: of the first line; JSON. `fingerprint` in it must be the same to go on.
        folder: where `study.jsonl` lies; `None`: nothing is kept on disk.

    Raises:
        FileError: the folder holds another study, or a damaged one.
        WriteError: the disk is full or read-only.
    """

    def __init__(self, header: Row, folder: Path | None = None) -> None:
        self.folder, self.rows = folder, dict[str, Row]()
        self._file: IO[bytes] | None = None
        if folder is None:
            return
        path = folder / NAME
        lines, length = _whole_lines(path)
        if lines:
            _check_header(path, lines[0], header)
            self.rows = {key(row["trial"]): row for row in lines[1:]}
        with _writing(path):
            self._file = path.open("ab")
            self._file.truncate(length)  # half a line, of a process that was killed
        if not lines:
            self._write({"format": FORMAT, **header})

    def add(self, row: Row) -> None:
        """Keep the row of a finished trial, and return when it is on the disk."""
        self.rows[key(row["trial"])] = row
        if self._file is not None:
            self._write(row)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _write(self, row: Row) -> None:
        assert self._file is not None
        with _writing(Path(self._file.name)):
            self._file.write(json.dumps(row, allow_nan=True).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())


def key(trial: Row) -> str:
    """A trial as text: equal for equal trials.

    >>> key({"size": 20, "seed": 0}) == key({"seed": 0, "size": 20})
    True
    """
    return json.dumps(trial, sort_keys=True)


def read_header(folder: str | Path) -> Row:
    """The first line of a study's folder.

    Raises:
        FileError: not the folder of a study.
    """
    return read_lines(folder)[0]


def read_lines(folder: str | Path) -> list[Row]:
    """The first line of a study's folder, and the rows of its trials.

    Raises:
        FileError: not the folder of a study.
    """
    path = Path(folder) / NAME
    lines, _ = _whole_lines(path)
    if not lines:
        raise FileError(f"is not the folder of a study: it has no {NAME}.", path=folder)
    _check_header(path, lines[0])
    return lines


def _whole_lines(path: Path) -> tuple[list[Row], int]:
    """The rows of the lines that are whole, and the bytes that they take."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise FileError(f"cannot be read ({error.strerror}).", path=path) from error
    length = content.rfind(b"\n") + 1
    rows: list[Row] = []
    for number, line in enumerate(content[:length].splitlines(), 1):
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict) or (number > 1 and "trial" not in row):
            raise FileError(
                f"is damaged: expected a trial as a JSON object, got {line[:60]!r}. Take the line "
                "out, and its trial is run again.",
                path=path,
                line=number,
            )
        rows.append(row)
    return rows, length


def _check_header(path: Path, there: Row, wanted: Row | None = None) -> None:
    """Raise unless the first line is that of a study, and of this one if it is `wanted`."""
    if there.get("format") != FORMAT or not isinstance(there.get("fingerprint"), dict):
        raise FileError(
            f"has format {there.get('format')!r}; this segue reads {FORMAT}. Choose another "
            "folder.",
            path=path,
        )
    if wanted is None:
        return
    theirs, ours = (_flat("", one["fingerprint"]) for one in (there, wanted))
    differences = [
        f"  {name}: {theirs.get(name, 'null')} there, {ours.get(name, 'null')} now"
        for name in {**theirs, **ours}
        if theirs.get(name, "null") != ours.get(name, "null")
    ]
    if differences:
        raise FileError(
            "holds another study, and its trials cannot be mixed with these:\n"
            + "\n".join(differences)
            + "\nChoose another folder, or call it with the same arguments.",
            path=path.parent,
        )


def _flat(name: str, value: Any) -> dict[str, str]:
    """The JSON of each value inside nested objects, by names with dots."""
    if not isinstance(value, dict) or not value:
        return {name.removeprefix("."): json.dumps(value)}
    flat = (_flat(f"{name}.{inner}", one).items() for inner, one in value.items())
    return dict(chain.from_iterable(flat))


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WriteError(
            f"{path} could not be written ({error.strerror}). Free some space, or choose another "
            "folder; what is finished is kept."
        ) from error
