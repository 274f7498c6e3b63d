"""Data sets of Hugging Face's `datasets`: row by row, so that they need not fit in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError
from segue.labels import is_missing
from segue.readers.pairs import from_pairs
from segue.readers.table.words import rank
from segue.sequences import Sequences


def read_rows(rows: Any, *, labelled: bool = True) -> Dataset:
    """Take a `Dataset` or an `IterableDataset`: a row a sequence, or a row a step.

    The columns with lists of numbers are the channels (or the steps, in a list of lists); without
    such, a column of text is the sequence; without both, it is read as a table is.

    Args:
        rows: the data set.
        labelled: whether labels are wanted.

    Raises:
        DataError: no rows, or columns that cannot be used.
    """
    given = iter(rows)
    first = next(given, None)
    if first is None:
        raise DataError("The data set has no rows.")
    lists = [name for name, value in first.items() if _is_list_of_numbers(value)]
    label = _label(first, lists)
    if lists:
        return _of_lists(chain([first], given), lists, label if labelled else None, rows)
    texts = [n for n, value in first.items() if isinstance(value, str) and n != label]
    if texts and not [n for n, v in first.items() if isinstance(v, float)]:
        return _of_texts(chain([first], given), texts[0], label if labelled else None, rows)
    import pyarrow as pa

    from segue.readers.table import read_frame

    return read_frame(pa.Table.from_pylist(list(chain([first], given))))


def _of_lists(
    rows: Iterator[dict[str, Any]], lists: list[str], label: str | None, source: Any
) -> Dataset:
    def pairs() -> Iterator[tuple[Any, Any]]:
        for row in rows:
            columns = [_steps(row[name]) for name in lists]
            x = columns[0] if len(columns) == 1 else np.stack(columns, axis=1)
            yield x, None if label is None else name_of(row[label])

    name_of, classes = _names(label, source)
    data = from_pairs(pairs(), labelled=label is not None)
    channels = tuple(lists) if data.x.channels == len(lists) > 1 else None
    note = f"one row a sequence: {_said(label)}, its steps in lists {', '.join(map(repr, lists))}"
    data = replace(data, channels=channels, notes=(note, *data.notes))
    return data if data.y is None else replace(data, classes=classes or data.classes)


def _steps(values: Any) -> Any:
    """A list as an array of numbers, NaN where there is none; whole numbers stay such."""
    array = np.asarray(values)
    return array.astype(np.float64) if array.dtype == object else array


def _of_texts(rows: Iterator[dict[str, Any]], text: str, label: str | None, source: Any) -> Dataset:
    labels: list[Any] = []
    name_of, classes = _names(label, source)

    def texts() -> Iterator[str]:
        for row in rows:
            labels.append(None if label is None else name_of(row[label]))
            yield row[text]

    x = Sequences.from_texts(texts())
    note = f"one row a sequence: {_said(label)}, text {text!r}"
    y = None if all(is_missing(one) for one in labels) else labels
    return Dataset(x, y, classes=classes, notes=(note,))


def _names(label: str | None, source: Any) -> tuple[Callable[[Any], Any], tuple[Any, ...] | None]:
    """What a `ClassLabel` calls each number (-1: no label), and its classes; else nothing."""
    feature = (getattr(source, "features", None) or {}).get(label)
    names = getattr(feature, "names", None)
    if names is None:
        return lambda value: value, None
    return lambda value: names[value] if value is not None and value >= 0 else None, tuple(
        sorted(names)
    )


def _said(label: str | None) -> str:
    return "no label" if label is None else f"label {label!r}"


def _label(row: dict[str, Any], lists: list[str]) -> str | None:
    """The column with the label: by its name, else the only one that is left."""
    names = [name for name in row if name not in lists]
    named = [(place, name) for name in names if (place := rank(name, "label")) is not None]
    if named:
        return min(named)[1]
    return names[0] if lists and len(names) == 1 else None


def _is_list_of_numbers(value: Any) -> bool:
    if not isinstance(value, list | np.ndarray) or len(value) == 0:
        return False
    inside = value[0]
    if isinstance(inside, list | np.ndarray):
        return _is_list_of_numbers(inside)
    return isinstance(inside, int | float | np.number)
