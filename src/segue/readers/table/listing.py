"""A table that lists files with their labels: `labels.csv` beside the files it names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PurePath

import numpy as np

from segue.dataset import Dataset
from segue.errors import FileError, did_you_mean
from segue.readers.registry import part_named
from segue.readers.table.columns import Columns
from segue.readers.table.loading import load
from segue.readers.table.targets import labels_of
from segue.readers.table.words import rank
from segue.sequences import Array

# What such a table is called, without its ending.
LISTS = frozenset(
    "labels label classes class targets target y metadata meta index annotations annotation "
    "reference references info files manifest".split()
)
_SHOWN = 5


@dataclass(frozen=True)
class Listing:
    """What the table says.

    Attributes:
        path: of the table.
        files: relative to its folder, in its order.
        labels: `[files]`; `None` where it has none.
        groups: `[files]`, likewise.
        parts: `[files]`, likewise.
        columns: the names of the columns, by role.
    """

    path: Path
    files: tuple[str, ...]
    labels: Array | None
    groups: Array | None
    parts: Array | None
    columns: dict[str, str]

    @property
    def has_labels(self) -> bool:
        """Whether the table has labels, or only files."""
        return self.labels is not None

    def note(self) -> str:
        """What is taken from where."""
        said = [f"{role} {name!r}" for role, name in self.columns.items()]
        return f"{self.path.name} says {', '.join(said)}"

    def put_into(self, data: Dataset, counts: list[int], *, is_labelled: bool) -> Dataset:
        """The data set with labels, groups and parts of the table.

        Args:
            data: the sequences of the files, in the table's order.
            counts: sequences in each file.
            is_labelled: the data set has labels of its own, which stay.
        """

        def each(values: Array | None, own: Array | None) -> Array | None:
            return own if values is None else np.repeat(values, counts)

        if self.labels is not None and not is_labelled:
            data = replace(data, y=np.repeat(self.labels, counts), classes=None)
        return replace(
            data, groups=each(self.groups, data.groups), parts=each(self.parts, data.parts)
        )


def read_listing(path: Path, files: list[str]) -> Listing | None:
    """Read a table that may list files.

    Args:
        path: of the table.
        files: that are there, relative to its folder.

    Returns:
        `None` if the table does not name files.

    Raises:
        FileError: it names files that are not there, or not all, or one twice, or has no label
            for one.
    """
    columns = Columns(load(path))
    known = _known(files)
    name = _file_column(columns, known)
    if name is None:
        return None
    texts = [_text(value) for value in columns.table.column(name).to_pylist()]
    _check(columns, texts, known, files)
    roles = _roles(columns, name)
    return Listing(
        path,
        tuple(known[text] for text in texts),
        _labels(columns, roles.get("label")),
        _values(columns, roles.get("group")),
        _parts(columns, roles.get("parts")),
        {"file": name, **roles},
    )


def _known(files: list[str]) -> dict[str, str]:
    """Each file by all that it may be called: its path, its name, its name without the ending."""
    known: dict[str, str] = {}
    for how in (str, lambda f: PurePath(f).name, lambda f: PurePath(f).name.partition(".")[0]):
        names = [how(file) for file in files]
        for text, file in zip(names, files, strict=True):
            if names.count(text) == 1 if len(names) < 1000 else True:
                known.setdefault(text, file)
    return known


def _text(value: object) -> str:
    return "" if value is None else str(value).strip().removeprefix("./").replace("\\", "/")


def _file_column(columns: Columns, known: dict[str, str]) -> str | None:
    shares = {}
    for name in columns.of_kind("text", "number"):
        values = [_text(value) for value in columns.values(name)]
        shares[name] = sum(value in known for value in values) / len(values)
    best = max(shares, key=lambda name: shares[name], default=None)
    return best if best is not None and shares[best] >= 0.5 else None


def _check(columns: Columns, texts: list[str], known: dict[str, str], files: list[str]) -> None:
    absent = [row for row, text in enumerate(texts) if text not in known]
    if absent:
        first = texts[absent[0]]
        more = f" ({len(absent):,} such files)" if len(absent) > 1 else ""
        hint = did_you_mean(first, files) if len(files) <= 1000 else ""
        raise columns.loaded.error(
            f"names the file {first!r}, which is not there{more}."
            + (hint if "Did you" in hint else ""),
            absent[0],
        )
    taken = [known[text] for text in texts]
    if len(set(taken)) < len(taken):
        row = next(row for row, file in enumerate(taken) if file in taken[:row])
        raise columns.loaded.error(f"names the file {texts[row]!r} a second time.", row)
    left = sorted(set(files) - set(taken))
    if left:
        shown = ", ".join(left[:_SHOWN]) + (", ..." if len(left) > _SHOWN else "")
        raise FileError(
            f"does not name {len(left):,} of the {len(files):,} files: {shown}. Add a line for "
            "each, or move them away.",
            path=columns.loaded.path,
        )


def _roles(columns: Columns, name: str) -> dict[str, str]:
    rest = [n for n in columns.of_kind("text", "number") if n != name]
    roles: dict[str, str] = {}
    for role in ("label", "group", "parts"):
        named = [(place, n) for n in rest if (place := rank(n, role)) is not None]
        if role == "parts":
            named = [(p, n) for p, n in named if all(part_named(str(v)) for v in columns.values(n))]
        if named:
            roles[role] = min(named)[1]
    free = [n for n in rest if n not in roles.values()]
    if "label" not in roles and free:
        texts = [n for n in free if columns.kinds[n] == "text"] or free
        roles = {"label": min(texts, key=columns.distinct), **roles}
    return roles


def _labels(columns: Columns, name: str | None) -> Array | None:
    if name is None:
        return None
    return labels_of(columns, name).of_sequences(columns, np.arange(columns.rows))


def _values(columns: Columns, name: str | None) -> Array | None:
    if name is None:
        return None
    return np.array([_text(value) for value in columns.table.column(name).to_pylist()])


def _parts(columns: Columns, name: str | None) -> Array | None:
    found = _values(columns, name)
    return None if found is None else np.array([part_named(text) for text in found.tolist()])
