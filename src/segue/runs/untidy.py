"""Files of runs as they are found: whole, damaged, half-written, or something else altogether.

Nothing here raises for what a file holds: there is what can be had of it, and what is wrong with
it in words.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Row = dict[str, Any]

_SMALL = 64 * 1024  # bytes that are parsed at once
_LARGEST = 64 * 1024**2  # bytes that are looked at
_LONGEST = 256 * 1024  # bytes of a history that are read
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class _Large(Mapping[str, Any]):
    """The fields of a large object that segue has written, each parsed when it is used.

    They are found by their indentation: no other line begins with two blanks and a quote.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def __getitem__(self, name: str) -> Any:
        mark = f'\n  "{name}": '
        if (at := self.text.find(mark)) < 0:
            raise KeyError(name)
        try:
            return json.JSONDecoder().raw_decode(self.text, at + len(mark))[0]
        except (ValueError, RecursionError):
            raise KeyError(name) from None

    def __iter__(self) -> Any:
        return iter(re.findall(r'^  "(\w+)": ', self.text, re.MULTILINE))

    def __len__(self) -> int:
        return len(list(self))

    def __bool__(self) -> bool:
        return True  # without counting


def object_of(path: Path) -> tuple[Mapping[str, Any], str]:
    """The fields of a JSON file, and what is wrong with it; "": nothing."""
    content, problem = content_of(path, _LARGEST)
    if problem:
        return {}, problem
    try:
        text = content.decode("utf-8")
        if len(text) > _SMALL and text.startswith('{\n  "') and text.endswith("\n}\n"):
            return _Large(text), ""
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}, f"{path.name} is damaged: it is no JSON"
    if isinstance(found, dict):
        return found, ""
    return {}, f"{path.name} is damaged: it holds no JSON object"


def content_of(path: Path, at_most: int, *, is_end: bool = False) -> tuple[bytes, str]:
    """The content of a plain file, and why it cannot be had.

    Args:
        path: of the file.
        at_most: so many bytes; a larger file is a problem.
        is_end: whether of a larger file its last bytes are wanted.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would wait for somebody to write
            return b"", f"{path.name} is no plain file"
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > at_most:
                if not is_end:
                    return b"", f"{path.name} is too large: {size:,} bytes"
                file.seek(-at_most, os.SEEK_END)
            return file.read(min(size, at_most)), ""
    except OSError as error:
        return b"", f"{path.name} cannot be read ({error.strerror})"


def history_of(path: Path) -> tuple[dict[str, float], list[dict[str, float]]]:
    """The numbers in the last whole row of a history, and what all rows have of the validation.

    The second is empty where there was none, and of a history that is too long to be read.
    """
    content, _ = content_of(path, _LONGEST + 1, is_end=True)
    is_whole = len(content) <= _LONGEST
    content = content[: content.rfind(b"\n") + 1]
    last, rows = dict[str, float](), list[dict[str, float]]()
    with suppress(ValueError, AttributeError, RecursionError):  # where it is damaged
        found = json.loads(content[content.rfind(b"\n", 0, -1) + 1 :] or b"{}")
        values = {name: number(value) for name, value in found.items()}
        last = {name: value for name, value in values.items() if value is not None}
        names = [name for name in last if name.startswith(("epoch", "validation_"))]
        columns = [re.findall(rb'"%s": ([^,}]+)' % re.escape(n.encode()), content) for n in names]
        numbers = zip(*(map(float, column) for column in columns), strict=True)
        rows = [dict(zip(names, row, strict=True)) for row in numbers] if is_whole else rows
    return last, rows


# -- values that may be anything ------------------------------------------------------------------


def text(value: Any) -> str | None:
    """The value, if it is a text."""
    return value if isinstance(value, str) else None


def number(value: Any) -> float | None:
    """The value, if it is a finite number.

    >>> number(1), number(float("nan")), number("1"), number(True)
    (1.0, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def whole(value: Any) -> int | None:
    """The value, if it is a whole number."""
    return int(found) if (found := number(value)) is not None and found == int(found) else None


def inside(values: Mapping[str, Any], name: str) -> Row:
    """The object within an object; an empty one where there is none."""
    found = values.get(name)
    return found if isinstance(found, dict) else {}


def date(value: Any, path: Path) -> str:
    """A date as runs have it; where it is none, that of a file's last change; "": neither."""
    if isinstance(value, str) and _DATE.fullmatch(value):
        return value
    try:
        changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except (OSError, OverflowError, ValueError):
        return ""
    return changed.strftime("%Y-%m-%dT%H:%M:%SZ")
