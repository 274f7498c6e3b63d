"""Labels in MATLAB files: one for each sequence, or one for each of its steps."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from segue.encoding import as_step_labels
from segue.errors import DataError
from segue.labels import as_labels
from segue.readers.labels import as_labels as with_whole_numbers
from segue.readers.matobjects import KNOWN, Categorical, Cell, Opaque, Table
from segue.sequences import Array, Sequences

# How MATLAB saves an object so that others can read it.
_READABLE = {
    **dict.fromkeys(("categorical", "string", "datetime"), "cellstr({0})"),
    "table": "table2cell({0})",
    "duration": "seconds({0})",
    "timetable": "table2cell(timetable2table({0}))",
}
Names = tuple[str, ...] | None  # categories in their order; None: there are none


class Labels(NamedTuple):
    """The labels of one part.

    Attributes:
        values: `[n]`; or `[time]` for each sequence, with "" or NaN where there is none.
        names: the categories, wherever they come from.
    """

    values: list[Any]
    names: set[Names]
    of_steps: bool


def labels_of(value: Any, name: str, x: Sequences) -> Labels:
    """The labels of the sequences of one part.

    Raises:
        DataError: labels of another number, or without a value; an object that cannot be read.
    """
    refuse_opaque(value, name)
    if isinstance(value, Table) or length(value) != len(x):
        raise DataError(f"{name} is {said(value)}; expected one label for each of {len(x)}.")
    if isinstance(value, Cell):
        found = [_entries(item, f"{name}{{{i}}}") for i, item in enumerate(value.items, start=1)]
        rows, names = [row for row, _ in found], {own for _, own in found}
        if any(len(row) > 1 for row in rows):
            return Labels(rows, names, of_steps=True)
        entries = _one_each(rows, name)
    else:
        entries, own = _entries(value, name)
        names = {own}
    labels, missing = as_labels(entries, what=name)
    if missing.any():
        kind = "NaN" if entries.dtype.kind == "f" else "empty or <missing>"
        kind = kind if names == {None} else "<undefined>"
        raise DataError(f"{name}({int(missing.argmax()) + 1}) is {kind}: no label.")
    return Labels(labels.tolist(), names, of_steps=False)


def _entries(value: Any, name: str) -> tuple[Array, Names]:
    """`[n]` labels as numbers or text, and the categories."""
    refuse_opaque(value, name)
    if isinstance(value, Categorical):
        return np.array(["", *value.names])[value.codes], value.names
    if isinstance(value, Cell):
        return _one_each([_entries(item, name)[0] for item in value.items], name), None
    return np.array(value, dtype=str) if isinstance(value, list) else np.ravel(value), None


def _one_each(rows: list[Array], name: str) -> Array:
    """`[n]` labels that stand in cells of their own; None where a cell is empty."""
    if any(len(row) > 1 for row in rows):
        raise DataError(f"{name} has several labels in one cell; expected one for each step.")
    return np.fromiter((row.item() if len(row) else None for row in rows), object)


def encoded(parts: list[Labels | None]) -> tuple[Any, tuple[Any, ...] | None]:
    """The targets of all parts, and the classes in their order where the file has one.

    Without those of one part there are none.

    Raises:
        DataError: text in one part and numbers in another; or labels of steps and of sequences.
    """
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None, None
    if len({part.of_steps for part in known}) > 1:
        raise DataError("One part has a label for each sequence, another one for each step.")
    labels = [label for part in known for label in part.values]
    names = set[Names]().union(*(part.names for part in known))
    order = next(iter(names)) if len(names) == 1 else None
    if known[0].of_steps:
        codes, classes, _ = as_step_labels(labels)
        used = tuple(name for name in order or classes if name in classes)
        places = np.array([*map(used.index, classes), -1], np.int32)
        return Sequences(places[codes.values[:, 0]], codes.offsets), used
    if names == {None} and all(isinstance(label, str) for label in labels):
        return with_whole_numbers(labels), None
    return labels, order and tuple(name for name in order if name in set(labels))


def said(value: Any) -> str:
    """What a value is, for messages."""
    if isinstance(value, Table):
        return "a table"
    if isinstance(value, Opaque):
        return f"a MATLAB {value.kind}"
    if isinstance(value, Cell | Categorical):
        kind = "cell" if isinstance(value, Cell) else "categorical"
        return f"a {kind} array of {length(value)}"
    if isinstance(value, list):
        return "text" if len(value) == 1 else f"{len(value)} texts"
    return " x ".join(map(str, np.shape(value)))


def length(value: Any) -> int:
    """How many entries there are."""
    if isinstance(value, Cell):
        return len(value.items)
    return int(np.size(value.codes if isinstance(value, Categorical) else value))


def refuse_opaque(value: Any, name: str) -> None:
    """Refuse an object that cannot be read, with the line of MATLAB that makes it readable.

    Raises:
        DataError: it is such.
    """
    if not isinstance(value, Opaque):
        return
    plain, cell, _ = name.partition("{")
    cure = " Save it as numbers or text."
    if line := _READABLE.get(value.kind):
        line = f"cellfun(@cellstr, {plain}, 'UniformOutput', false)" if cell else line.format(plain)
        cure = f" In MATLAB: {plain} = {line}; and save again."
    why = "whose values are not in the file" if value.kind in KNOWN else "which is not read"
    raise DataError(f"{name} is a MATLAB {value.kind}, {why}.{cure}")
