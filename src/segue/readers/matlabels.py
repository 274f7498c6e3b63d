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
        values: `[n]`; or `[time]` for each sequence. "" or NaN where there is none.
        names: the categories, wherever they come from.
    """

    values: Array | list[Array]
    names: set[Names]


def labels_of(value: Any, name: str, x: Sequences) -> Labels:
    """The labels of the sequences of one part.

    Raises:
        DataError: labels of another number, or without a value; an object that cannot be read.
    """
    refuse_opaque(value, name)
    if isinstance(value, Cell) and any(length(item) > 1 for item in value.items):
        rows, names = [], set[Names]()
        for number, item in enumerate(value.items, start=1):
            row, own = _entries(item, f"{name}{{{number}}}")
            rows.append(row)
            names.add(own)
        return Labels(rows, names)
    if isinstance(value, Table) or length(value) != len(x):
        raise DataError(f"{name} is {said(value)}; expected one label for each of {len(x)}.")
    entries, own = _entries(value, name)
    labels, missing = as_labels(entries, what=name)
    if missing.any():
        kind = "NaN" if entries.dtype.kind == "f" else "empty or <missing>"
        kind = kind if own is None else "<undefined>"
        raise DataError(f"{name}({int(missing.argmax()) + 1}) is {kind}: no label.")
    return Labels(labels, {own})


def _entries(value: Any, name: str) -> tuple[Array, Names]:
    """`[n]` labels as numbers or text, and the categories."""
    refuse_opaque(value, name)
    if isinstance(value, Categorical):
        return np.array(["", *value.names])[value.codes], value.names
    if isinstance(value, Cell):
        texts = [_single(item, f"{name}{{{i}}}") for i, item in enumerate(value.items, start=1)]
        return np.array(texts, dtype=str), None
    return np.array(value, dtype=str) if isinstance(value, list) else np.ravel(value), None


def _single(item: Any, name: str) -> str:
    """The label in a cell, as text."""
    entries, _ = _entries(item, name)
    labels, missing = as_labels(entries, what=name)
    if len(labels) != 1 or missing.any():
        raise DataError(f"{name} has no label.")
    return str(labels[0])


def encoded(parts: list[Labels | None]) -> tuple[Any, tuple[Any, ...] | None]:
    """The targets of all parts, and the classes in their order where the file has one.

    Without those of one part there are none.

    Raises:
        DataError: text in one part and numbers in another; or labels of steps and of sequences.
    """
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None, None
    names = set[Names]().union(*(part.names for part in known))
    order = next(iter(names)) if len(names) == 1 else None
    rows = [row for part in known if isinstance(part.values, list) for row in part.values]
    labels = [
        label
        for part in known
        if not isinstance(part.values, list)
        for label in part.values.tolist()
    ]
    if rows and labels:
        raise DataError("One part has a label for each sequence, another one for each step.")
    if rows:
        return _of_steps(rows, order)
    if order is not None:
        used = set(labels)
        return labels, tuple(name for name in order if name in used)
    is_plain_text = names == {None} and all(isinstance(label, str) for label in labels)
    return with_whole_numbers(labels) if is_plain_text else labels, None


def _of_steps(rows: list[Array], order: Names) -> tuple[Sequences, tuple[Any, ...]]:
    codes, classes, _ = as_step_labels(rows)
    if order is None:
        return codes, classes
    used = tuple(name for name in order if name in classes)
    places = np.array([*map(used.index, classes), -1], np.int32)
    return Sequences(places[codes.values[:, 0]], codes.offsets), used


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
