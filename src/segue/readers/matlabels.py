"""Labels in MATLAB files: one for each sequence, or one for each of its steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError
from segue.labels import as_labels as of_numbers
from segue.readers.labels import as_classes, as_labels
from segue.readers.matobjects import KNOWN, Categorical, Cell, Opaque, Table
from segue.sequences import Array, Sequences

# How MATLAB saves an object so that others can read it.
_READABLE = {
    "categorical": "{name} = cellstr({name});",
    "string": "{name} = cellstr({name});",
    "table": "{name} = table2cell({name});",
    "datetime": "{name} = cellstr({name});",
    "duration": "{name} = seconds({name});",
    "timetable": "{name} = table2cell(timetable2table({name}));",
}
Targets = tuple[Any, tuple[Any, ...] | None]


def targets(value: Any, name: str, x: Sequences) -> Targets:
    """The targets of the sequences, and the classes in their order where the file has one.

    Raises:
        DataError: labels of another number, or without a value; an object that cannot be read.
    """
    refuse_opaque(value, name)
    if isinstance(value, Cell) and any(length(item) > 1 for item in value.items):
        return _step_labels(value, name)
    if isinstance(value, Table) or length(value) != len(x):
        raise DataError(f"{name} is {said(value)}; expected one label for each of {len(x)}.")
    if isinstance(value, Categorical):
        _refuse_empty(value.codes != 0, name, "<undefined>")
        return np.array(value.names)[value.codes.astype(np.int64) - 1], value.names
    if isinstance(value, Cell):
        items = [_single(item, f"{name}{{{i}}}") for i, item in enumerate(value.items, start=1)]
        return as_labels(items), None
    if isinstance(value, list):
        _refuse_empty(np.array([bool(text) for text in value]), name, "empty or <missing>")
        return as_labels(value), None
    numbers, missing = of_numbers(value.reshape(-1))
    _refuse_empty(~missing, name, "NaN")
    return numbers, None


def same_classes(sets: dict[str, Dataset]) -> dict[str, Dataset]:
    """Data sets whose labels of each step are places in the same classes."""
    classes = {data.classes for data in sets.values()}
    if len(classes) == 1 or any(data.task != "label" for data in sets.values()):
        return sets
    names = {name for known in classes for name in known or ()}
    if len({type(name) for name in names}) > 1:
        raise DataError("The labels are text in one part, and numbers in another.")
    joined = tuple(sorted(names))
    return {part: _recoded(data, joined) for part, data in sets.items()}


def only_used(data: Dataset) -> Dataset:
    """The data set without classes that do not occur."""
    if data.classes is None or data.task not in ("classify", "label"):
        return data
    if isinstance(data.y, Sequences):
        there = np.isin(np.arange(len(data.classes)), data.y.values)
        classes = tuple(n for n, is_used in zip(data.classes, there, strict=True) if is_used)
        return data if classes == data.classes else _recoded(data, classes)
    used = set(data.y.tolist())
    return replace(data, classes=tuple(name for name in data.classes if name in used))


def said(value: Any) -> str:
    """What a value is, for messages."""
    if isinstance(value, Cell):
        return f"a cell array of {len(value.items)}"
    if isinstance(value, Categorical):
        return f"a categorical array of {len(value.codes)}"
    if isinstance(value, Table):
        return "a table"
    if isinstance(value, Opaque):
        return f"a MATLAB {value.kind}"
    if isinstance(value, list):
        return "text" if len(value) == 1 else f"{len(value)} texts"
    return " x ".join(map(str, np.shape(value)))


def length(value: Any) -> int:
    """How many entries there are."""
    if isinstance(value, Cell):
        return len(value.items)
    if isinstance(value, Categorical):
        return len(value.codes)
    return len(value) if isinstance(value, list) else int(np.size(value))


def refuse_opaque(value: Any, name: str) -> None:
    """Refuse an object that cannot be read, with the line of MATLAB that makes it readable.

    Raises:
        DataError: it is such.
    """
    if isinstance(value, Opaque):
        plain = name.partition("{")[0]
        line = _READABLE.get(value.kind, "").format(name=plain)
        if line and plain != name:
            line = f"{plain} = cellfun(@cellstr, {plain}, 'UniformOutput', false);"
        cure = f" In MATLAB: {line} and save again." if line else " Save it as numbers or text."
        why = "whose values are not in the file" if value.kind in KNOWN else "which is not read"
        raise DataError(f"{name} is a MATLAB {value.kind}, {why}.{cure}")


# -- one label, and one for each step -------------------------------------------------------------


def _refuse_empty(there: Array, name: str, what: str) -> None:
    if not there.all():
        raise DataError(f"{name}({int(there.argmin()) + 1}) is {what}: no label.")


def _single(item: Any, name: str) -> str:
    refuse_opaque(item, name)
    if isinstance(item, Categorical) and len(item.codes) == 1 and item.codes[0]:
        return item.names[int(item.codes[0]) - 1]
    if isinstance(item, list) and item[0]:
        return str(item[0])
    if isinstance(item, np.ndarray) and item.size == 1:
        number = item.reshape(-1)[0].item()
        return str(int(number) if isinstance(number, float) and number.is_integer() else number)
    raise DataError(f"{name} has no label.")


def _step_labels(value: Cell, name: str) -> Targets:
    if all(isinstance(item, Categorical) for item in value.items):
        return _step_categories(value.items)
    rows = []
    for number, item in enumerate(value.items, start=1):
        refuse_opaque(item, f"{name}{{{number}}}")
        texts = [_single(one, name) for one in item.items] if isinstance(item, Cell) else None
        if isinstance(item, list):
            texts = item
        if isinstance(item, Categorical):
            raise DataError(f"{name}{{{number}}} is {said(item)}, and others are none.")
        rows.append(
            np.array(texts) if texts is not None else as_classes(np.ravel(item).astype(float))
        )
    names, codes = np.unique(np.concatenate(rows), return_inverse=True)
    if names.dtype.kind == "f":
        raise DataError(f"{name} has real numbers for each step; expected classes.")
    return _rows(codes, [len(row) for row in rows]), tuple(names.tolist())


def _step_categories(items: Sequence[Categorical]) -> Targets:
    """Codes of all steps, -1 where there is none; of the same categories in all sequences."""
    lists = {item.names for item in items}
    names = next(iter(lists)) if len(lists) == 1 else tuple(sorted(set().union(*lists)))
    place = {name: i for i, name in enumerate(names)}
    codes = [
        np.array([-1, *(place[n] for n in item.names)], np.int32)[item.codes.astype(np.int64)]
        for item in items
    ]
    return _rows(np.concatenate(codes), [len(row) for row in codes]), names


def _rows(codes: Array, lengths: list[int]) -> Sequences:
    return Sequences(codes.astype(np.int32), np.concatenate([[0], np.cumsum(lengths)]))


def _recoded(data: Dataset, classes: tuple[Any, ...]) -> Dataset:
    """Labels of each step as places in other classes."""
    places = [classes.index(name) if name in classes else -1 for name in data.classes or ()]
    codes = np.array([*places, -1], np.int32)[data.y.values[:, 0]]
    return replace(data, y=Sequences(codes, data.y.offsets), classes=classes)
