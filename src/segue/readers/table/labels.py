"""Columns of labels, ids, groups and parts: their values as written."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from segue.data.labels import as_label, as_labels
from segue.data.sequences import Array
from segue.readers.decoding import labels_of_texts
from segue.readers.registry import part_named
from segue.readers.table.cells import truth_values, written_plainly
from segue.readers.table.columns import Columns

Index = npt.NDArray[np.int64]


def labels_of(columns: Columns, name: str) -> tuple[Index, Array]:
    """`[rows]` codes of a column of labels, -1: none; and the labels that they stand for.

    Labels are text, whole numbers, truth values, or real numbers.
    """
    codes, values = columns.codes(name), columns.values(name)
    if not _are_texts(values):
        return codes, as_labels(values, what=name)[0]
    unique, places = np.unique([value.strip() for value in values], return_inverse=True)
    labels = labels_as_written(unique.tolist(), columns.loaded.dialect.decimal)
    return np.append(places, -1).astype(codes.dtype)[codes], labels


def labels_as_written(texts: list[str], decimal: str = ".") -> Array:
    """`[n]` labels that texts stand for: whole or real numbers, truth values, or the texts.

    >>> labels_as_written(["1", "2"]), labels_as_written(["False", "True"])
    (array([1, 2]), array([False,  True]))
    >>> labels_as_written(["1", "two"])
    array(['1', 'two'], dtype='<U3')
    """
    meanings = truth_values(texts)
    if meanings is not None and {"true", "false"} & {text.lower() for text in texts}:
        return np.array([meanings[text] for text in texts])
    if texts and all(written_plainly(text, decimal) for text in texts):
        labels = labels_of_texts([text.replace(decimal, ".") for text in texts])
        return labels if labels.dtype.kind == "i" else labels.astype(np.float64)
    return labels_of_texts(texts)


def labels_at(
    columns: Columns, name: str, rows: Index, labels: tuple[Index, Array], *, drop: bool = False
) -> tuple[Array | None, npt.NDArray[np.bool_]]:
    """`[n]`, the labels that stand in these rows, and which of them are kept.

    `None` where no row has one.

    Args:
        columns: of the table.
        name: of the column.
        rows: one for each sequence.
        labels: of the column, as `labels_of` returns them.
        drop: leave out those that have no label.

    Raises:
        FileError: some rows have none.
    """
    codes, values = labels[0][rows], labels[1]
    absent = codes < 0
    if absent.all():
        return None, absent  # and all are kept
    if absent.any() and not drop:
        raise columns.loaded.error(
            f"column {name!r} has no label; {int(absent.sum()):,} of {len(rows):,} sequences have "
            "none. Leave those out: drop_missing=True, or read without labels: "
            "label='none'.",
            int(rows[absent][0]),
        )
    return np.asarray(values[codes[~absent]]), ~absent


def values_at(columns: Columns, name: str, rows: Index, role: str) -> Array | None:
    """`[n]`, what a column of labels, groups, ids or parts has in these rows.

    Raises:
        FileError: as `labels_at`, `plain_values` and `parts_of`.
    """
    if role == "label":
        return labels_at(columns, name, rows, labels_of(columns, name))[0]
    if role == "parts":
        return parts_of(columns, name, rows)
    return plain_values(columns, name, rows, keep_blanks=role == "id")


def plain_values(columns: Columns, name: str, rows: Index, *, keep_blanks: bool = False) -> Array:
    """`[n]` whole numbers, or text: the ids or groups that stand in these rows, as they came.

    They are numbers only where nothing is lost: `007`, `1.10` and those beyond 2**53 stay text.

    Args:
        columns: of the table.
        name: of the column.
        rows: one for each sequence.
        keep_blanks: whether blanks around a text belong to it: those of ids do, so that what is
            said of each sequence can be joined with the table, and two ids stay two.

    Raises:
        FileError: an empty field.
    """
    codes, values = _without_empty_fields(columns, name), columns.values(name)
    if _are_texts(values):
        texts = [value.strip() for value in values]
        found = labels_of_texts(texts)
    else:
        texts = [str(as_label(value)) for value in values]
        found = as_labels(values, what=name)[0]
    is_whole = found.dtype.kind == "i" and list(map(str, found.tolist())) == texts
    if keep_blanks and _are_texts(values):
        texts = values
    return np.asarray((found if is_whole else np.array(texts))[codes[rows]])


def parts_of(columns: Columns, name: str, rows: Index) -> Array:
    """`[n]` train, validation or test, as these rows say.

    Raises:
        FileError: another word, or an empty field.
    """
    codes, values = _without_empty_fields(columns, name), columns.values(name)
    parts = [part_named(str(value).strip()) for value in values]
    if None in parts:
        strange = parts.index(None)
        raise columns.loaded.error(
            f"column {name!r} has {str(values[strange])!r}; expected train, validation or test.",
            int((codes == strange).argmax()),
        )
    return np.array(parts)[codes[rows]]


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _without_empty_fields(columns: Columns, name: str) -> Index:
    codes = columns.codes(name)
    if (codes < 0).any():
        raise columns.loaded.error(f"column {name!r} is empty.", int(codes.argmin()))
    return codes
