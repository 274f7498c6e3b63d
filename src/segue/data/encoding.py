"""Encoding of targets: what users pass as `y`, converted to the form of a `Dataset`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import numpy as np

from segue.data.arrays import as_array, as_numbers
from segue.data.labels import (
    Array,
    Mask,
    as_labels,
    classes_or_numbers,
    is_missing,
    is_one_hot,
    native,
)
from segue.data.sequences import Sequences
from segue.errors import DataError, counted

Task = Literal["none", "classify", "multilabel", "label", "regress"]

NO_LABEL = -1  # the class number of a step that has none, and of padding

_EXPECTED = (
    "expected [n], one label for each sequence, or [n, label] of 0 and 1, several labels at once, "
    "or [n, value] of numbers."
)


class Targets(NamedTuple):
    """Targets of sequences.

    Attributes:
        values: `[n]` labels, `[n, label]` int64 of 0 and 1, or `[n]` or `[n, value]` float64.
        missing: `[n]`, where a sequence has none; `values` means nothing there.
        task: the inferred task.
        note: how they were interpreted, as a line; empty if unambiguous.
        is_one_hot: whether they came as one-hot rows; the labels are the numbers of the columns.
        classes: the class names in order; `None` for numbers.
    """

    values: Array
    missing: Mask
    task: Task
    note: str
    is_one_hot: bool = False
    classes: tuple[Any, ...] | None = None


def encoded(
    y: Any,
    *,
    task: Task | None = None,
    rows: Task | None = None,
    classes: tuple[Any, ...] | None = None,
) -> Targets:
    """Encode the targets of sequences, and infer task and classes.

    Args:
        y: an array, list, Series, frame or tensor, `[n]` or `[n, value]`.
        task: "classify", "multilabel" (several labels at once) or "regress" where that is known,
            of one value for each sequence; `None`: decided by `classes_or_numbers`.
        rows: the same of several values for each sequence; `None`: rows of 0 and 1 are classes if
            they are one-hot, else several labels at once.
        classes: their names, where they are known; those of one-hot rows are these.

    Returns:
        Targets with None or NaN in `values` where one is missing.

    Raises:
        DataError: another shape, or what is neither labels nor numbers.

    >>> encoded([1.0, 2.0, 1.0]).values, encoded([[0.0, 1.0], [1.0, 0.0]]).values
    (array([1, 2, 1]), array([1, 0]))
    """
    matrix = _as_matrix(y)
    columns = 1 if matrix is None else matrix.shape[1]
    task = rows if columns > 1 else task
    if task is None and classes is not None and columns == 1:
        task = "classify"
    if task == "regress":
        return _regression_targets(y if matrix is None else matrix)
    found = _targets_from_labels(y, task) if matrix is None else _targets_from_matrix(matrix, task)
    if found.task == "regress":
        return found
    values, known = found.values, found.values[~found.missing]
    if classes is None:
        classes = tuple(np.unique(known).tolist() if known.ndim == 1 else range(known.shape[1]))
    elif found.is_one_hot and columns == len(classes):
        values = np.asarray(classes)[values]
    if found.missing.any() and values.ndim == 2:
        values = np.where(found.missing[:, None], np.nan, values)
    elif found.missing.any():
        values = values.astype(object)
        values[found.missing] = None
    return found._replace(values=values, classes=classes)


def missing_mask(values: Array) -> Mask:
    """`[n]`, True where the target of a `Dataset` is missing.

    >>> missing_mask(np.array(["a", None])), missing_mask(np.array([[1.0, 0.0], [np.nan, 1.0]]))
    (array([False,  True]), array([False,  True]))
    """
    if values.dtype == object:
        return np.array([label is None for label in values], bool)
    if values.dtype.kind != "f":
        return np.zeros(len(values), bool)
    missing = np.isnan(values)
    return np.asarray(missing.any(axis=1) if values.ndim == 2 else missing)


def refuse_two_readings(y: Any, lengths: tuple[int, int]) -> None:
    """Raise where rows of 0 and 1 may be labels of each step, or several of each sequence."""
    shape: tuple[int, ...] = np.shape(y) if hasattr(y, "shape") else ()
    if len(shape) != 2 or shape[1] < 2 or lengths != (shape[1], shape[1]):
        return
    if np.isin(y, (0, 1)).all():
        raise DataError(
            f"`y` has shape {shape}, and each sequence {shape[1]} steps: is it a label for each "
            "step, task='label', or several labels for each sequence, task='multilabel'?"
        )


def _targets_from_labels(y: Any, task: Task | None) -> Targets:
    labels, missing = as_labels(y)
    if task == "multilabel":
        raise DataError(f"`y` has shape {labels.shape}; expected [n, label] of 0 and 1.")
    decided, note = classes_or_numbers(labels[~missing])
    if task is None and decided.dtype.kind == "f":
        numbers = np.where(missing, np.nan, labels.astype(np.float64))
        return Targets(numbers, missing, "regress", note)
    if labels.dtype.kind == "f" and np.isinf(decided).any():
        raise DataError("`y` has an infinite number, which is no class.")
    if decided.dtype.kind == "f":  # and the task is known: classes are wanted
        note = f"numbers with {counted(len(np.unique(decided)), 'value')}: taken as classes"
    return Targets(labels, missing, "classify", note)


def _targets_from_matrix(matrix: Array, task: Task | None) -> Targets:
    """Targets from `[n, value]`: labels for one column or rows of 0 and 1, else numbers."""
    is_numbers = matrix.dtype.kind in "biuf"
    if not is_numbers and matrix.shape[1] > 1:
        raise DataError(f"`y` has shape {matrix.shape} of {matrix.dtype}; {_EXPECTED}")
    missing = missing_mask(matrix)
    known = matrix[~missing]
    if matrix.shape[1] == 1 and not (
        is_numbers and (task == "multilabel" or (known % 1 != 0).any())
    ):
        return _targets_from_labels(matrix[:, 0], task)
    if len(known) and np.isin(known, (0, 1)).all():
        return _targets_from_indicators(
            np.where(missing[:, None], 0, matrix).astype(np.int64), missing, task
        )
    if task is None and matrix.dtype.kind == "f":
        return _regression_targets(matrix)
    raise DataError(
        f"`y` has shape {matrix.shape} and holds {np.unique(known).tolist()[:6]}; {_EXPECTED} "
        "Whole numbers are numbers with task='regress', and labels of each step with task='label'."
    )


def _targets_from_indicators(rows: Array, missing: Mask, task: Task | None) -> Targets:
    """Targets from `[n, label]` of 0 and 1: one-hot classes, or several labels at once."""
    columns = rows.shape[1]
    if task == "multilabel" or not is_one_hot(rows[~missing]):
        if task == "classify":
            raise DataError(
                f"`y` has shape {rows.shape}, several labels at once: take head='sigmoid', an "
                "independent output for each."
            )
        return Targets(rows, missing, "multilabel", "rows of 0 and 1: several labels at once")
    note = (
        f"one-hot rows: taken as the classes 0 to {columns - 1}; task='multilabel' "
        "(head='sigmoid') for several labels at once"
    )
    return Targets(rows.argmax(axis=1), missing, "classify", note, is_one_hot=True)


def _regression_targets(y: Any) -> Targets:
    """Targets of a regression: `[n]` or `[n, value]` float64."""
    numbers = as_numbers(y, "y", "[n] or [n, value] numbers")
    return Targets(numbers, missing_mask(numbers), "regress", "")


def _as_matrix(y: Any) -> Array | None:
    """`[n, value]` of what has two axes, with NaN where a row or a value is missing; else None."""
    if not hasattr(y, "ndim") and not hasattr(y, "columns"):
        y = list(y if hasattr(y, "__iter__") else np.asarray(y))
        if all(isinstance(label, str) for label in y):
            return None
        first = next((row for row in y if not is_missing(row)), None)
        if not _is_row(first):
            return None
        y = _stacked(y)
    if getattr(y, "ndim", 2) == 1:
        return None
    array = as_array(y)
    if array.ndim != 2:
        raise DataError(f"`y` has shape {array.shape}; {_EXPECTED}")
    return array


def _is_row(item: Any) -> bool:
    return isinstance(item, list | tuple) or getattr(item, "ndim", 0) > 0


def _stacked(rows: list[Any]) -> Array:
    """One row below the other; a missing one is all NaN."""
    lengths = {len(row) for row in rows if not is_missing(row)}
    if len(lengths) > 1:
        raise DataError(
            "`y` has rows of different lengths. Labels of each step are for a SequenceLabeler; in "
            "a Dataset `y=Sequences.from_list(y)` of class numbers, or task='label'. Several "
            "labels at once are [n, label] of 0 and 1: scikit-learn's MultiLabelBinarizer makes "
            "them of lists of names."
        )
    width = lengths.pop()
    return as_array([[np.nan] * width if is_missing(row) else as_array(row) for row in rows])


# -- labels of each step --------------------------------------------------------------------------


def as_step_labels(
    y: Iterable[Any], *, ignore: Any = None
) -> tuple[Sequences, tuple[Any, ...], int]:
    """Take labels of each step as class numbers.

    Args:
        y: `(time,)` labels of each sequence, text or whole numbers.
        ignore: a label that means "none", such as -1, beside those that are missing.

    Returns:
        Class numbers, `Sequences` of int32 with -1 where there is no label; the class names; and
        how many steps have none.

    Raises:
        DataError: labels of another shape, real numbers, or no label at all.

    >>> codes, classes, ignored = as_step_labels([["sit", "walk"], ["walk", "?"]], ignore="?")
    >>> classes, codes.values[:, 0].tolist(), ignored
    (('sit', 'walk'), [0, 1, 1, -1], 1)
    """
    rows = [_step_row(labels, number) for number, labels in enumerate(y)]
    labels, missing = as_labels(_joined(rows, ignore))
    names, found = np.unique(labels[~missing], return_inverse=True)
    if len(names) == 0:
        raise DataError(f"`y` has no label at any of its {counted(len(labels), 'step')}.")
    if names.dtype.kind == "f":
        raise DataError("The labels of each step are real numbers; expected classes.")
    codes = np.full(len(labels), NO_LABEL, np.int32)
    codes[~missing] = found
    steps = Sequences(codes, lengths=[len(row) for row in rows])
    return steps, tuple(names.tolist()), int(missing.sum())


def _step_row(labels: Any, number: int) -> Array:
    """`[time]` labels of a sequence, each as it came."""
    if is_missing(labels):
        raise DataError(f"Sequence {number} has no labels ({labels}); expected one for each step.")
    row: Any = native(labels)
    if not isinstance(row, np.ndarray):
        items = list(labels)
        row = np.asarray(items) if items and _is_row(items[0]) else np.fromiter(items, object)
    row = row[:, 0] if row.ndim == 2 and row.shape[1] == 1 else row
    if row.ndim != 1:
        raise DataError(
            f"The labels of sequence {number} have shape {row.shape}; expected (time,), a label "
            "for each step."
        )
    return np.asanyarray(row)


def _joined(rows: list[Array], ignore: Any) -> Array:
    """All labels one after the other, as they came; None instead of those to be ignored."""
    if rows and len({row.dtype.kind for row in rows}) == 1 and rows[0].dtype.kind != "O":
        flat: Array = np.concatenate(rows)
        if ignore is None or not (flat == ignore).any():
            return flat
    labels = np.fromiter((label for row in rows for label in row.tolist()), object)
    if ignore is not None:
        labels[[not is_missing(label) and bool(label == ignore) for label in labels]] = None
    return labels
