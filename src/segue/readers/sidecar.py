"""A table of labels that lies beside files: `labels.csv` with a line for each file.

    filename,label,group,part
    001.wav,flute,anna,train
    002.wav,piano,ben,test

Separated by commas, semicolons or tabs. The first two columns are needed, the others are optional,
and further ones are left aside. The names in the first line may also be others that are usual
(`_COLUMNS`); without a first line that says what is what, the columns are file and label, in this
order. Paths are relative to the folder of the files, or to that of the table.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from segue.errors import FileError
from segue.readers.registry import part_named

_COLUMNS = {
    "file": (
        "filename",
        "file",
        "file_name",
        "path",
        "filepath",
        "name",
        "clip",
        "slice_file_name",
    ),
    "label": ("label", "labels", "class", "category", "target", "y"),
    "group": ("group", "groups", "speaker", "subject", "user", "person", "author"),
    "part": ("part", "split", "set", "subset"),
}
_SHOWN = 10


@dataclass(frozen=True)
class Sidecar:
    """The lines of the table, as text.

    Attributes:
        path: the table.
        files: what it calls each file.
        labels: one each.
        groups: one each, or `None`.
        parts: "train", "validation" or "test" each, or `None`.
        lines: the number of each line.
    """

    path: Path
    files: tuple[str, ...]
    labels: tuple[str, ...]
    groups: tuple[str, ...] | None
    parts: tuple[str, ...] | None
    lines: tuple[int, ...]


def read_sidecar(path: Path) -> Sidecar:
    """Read the table.

    Raises:
        FileError: no columns for file and label, lines that do not fit, a file named twice, or a
            part that is none; the first ten are named.
    """
    rows = _rows(path)
    columns = _columns(rows, path)
    rows = rows if columns is _PLAIN else rows[1:]
    problems, seen = list[str](), dict[str, int]()
    for line, row in rows:
        problem = _problem(row, columns, seen)
        if problem:
            problems.append(f"  line {line}: {problem}")
        else:
            seen[row[columns["file"]]] = line
    if problems:
        more = f"\n  and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise FileError(
            f"{len(problems)} lines do not fit:\n" + "\n".join(problems[:_SHOWN]) + more, path=path
        )
    if not rows:
        raise FileError("has no line for any file.", path=path)
    texts = {
        name: tuple(row[column].strip() for _, row in rows) for name, column in columns.items()
    }
    parts = texts.get("part")
    return Sidecar(
        path,
        texts["file"],
        texts["label"],
        texts.get("group"),
        None if parts is None else tuple(str(part_named(part)) for part in parts),
        tuple(line for line, _ in rows),
    )


_PLAIN = {"file": 0, "label": 1}


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """The lines that are not empty, with their numbers."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            counts = {separator: first.count(separator) for separator in "\t;,"}
            file.seek(0)
            reader = csv.reader(file, delimiter=max(counts, key=lambda s: counts[s]), strict=True)
            return [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
    except (csv.Error, UnicodeDecodeError) as error:
        raise FileError(f"is no table of text ({error}).", path=path) from error


def _columns(rows: list[tuple[int, list[str]]], path: Path) -> dict[str, int]:
    """Which column is what."""
    heading = [name.strip().lower() for name in rows[0][1]] if rows else []
    found = {
        what: next(heading.index(name) for name in names if name in heading)
        for what, names in _COLUMNS.items()
        if set(names) & set(heading)
    }
    if "file" in found and "label" in found:
        return found
    if not found and len(heading) == 2 and "." in heading[0]:
        return _PLAIN
    raise FileError(
        f"begins with the columns {', '.join(heading) or 'none'}; expected one called filename and "
        "one called label (also group and part, if there are such).",
        path=path,
    )


def _problem(row: list[str], columns: dict[str, int], seen: dict[str, int]) -> str:
    if len(row) <= max(columns.values()):
        return f"{len(row)} columns; expected at least {max(columns.values()) + 1}"
    cells = {what: row[column].strip() for what, column in columns.items()}
    empty = [what for what, text in cells.items() if not text]
    if empty:
        return f"no {' and no '.join(empty)}"
    if row[columns["file"]] in seen:
        return f"{cells['file']} was named before, in line {seen[row[columns['file']]]}"
    if "part" in cells and part_named(cells["part"]) is None:
        return f"part {cells['part']!r}; expected train, validation or test"
    return ""
