"""X and what belongs to each sequence (y, weights, groups, static), brought together by id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from segue.alignment import Keyed, aligned, by_sequence, carries_ids, is_of_steps
from segue.dataset import Dataset
from segue.errors import DataError, warn_user
from segue.labels import is_missing
from segue.readers.objects import is_frame, rows_of, unlabelled
from segue.readers.table import role_of
from segue.sequences import Array


class PerStep(list[Array]):
    """An array of `[time]` values for each sequence, made of one value for each row of a frame."""


def taken(x: Any, y: Any, like: Mapping[str, Any] | None = None) -> tuple[Any, Any]:
    """Take X where y is passed apart: a frame is read without labels, and y laid on its sequences.

    Args:
        x: as in `fit`.
        y: one target for each sequence, or for each row of a long frame, or by id.
        like: how the frame of the training was read.

    Returns:
        X, with ids where it has some; and y in the order of X's sequences, with an array for each
        sequence where it came for each row.
    """
    y = list(y) if isinstance(y, Iterator) else y
    data = unlabelled(x, like)
    if not isinstance(data, Dataset):
        return data, y
    if is_frame(x) and _rows(y) == len(x) != len(data):
        return data, _by_row(x, data, y)
    return data, y


def laid_on(values: Any, data: Any, what: str) -> Any:
    """Values in the order of the sequences: by id where they carry such, else by position.

    Args:
        values: `[n]` or `[n, value]`, a Series or frame with the ids as index or in a column, or a
            mapping by id; for single steps a Series with the index (id, time).
        data: the sequences.
        what: what the values are called in messages.

    Raises:
        DataError: other ids than those of the sequences, or some twice.
    """
    ids = data.ids if isinstance(data, Dataset) else None
    if values is None or (ids is None and not isinstance(values, Mapping)):
        return values
    values = _with_index(values)
    if is_of_steps(values, ids):
        return PerStep(aligned(by_sequence(values), ids, what))
    return aligned(values, ids, what)


def position_note(values: Any, data: Dataset, what: str) -> tuple[str, ...]:
    """A line that says that values were taken by position, of a long frame.

    Warns:
        UserWarning: the ids are not sorted, so that another order may be meant.
    """
    if (data.reading or {}).get("layout") != "steps" or data.ids is None:
        return ()
    if isinstance(values, PerStep) or carries_ids(_with_index(values), data.ids):
        return ()
    order = ", ".join(str(one) for one in data.ids[:3]) + (", ..." if len(data) > 3 else "")
    text = (
        f"`{what}` has no ids and is taken by position, in the order in which the sequences first "
        f"occur: {order}; a Series with the ids as index is laid on by id"
    )
    if (data.ids[:-1] > data.ids[1:]).any():  # sorted by id, as groupby gives them, is another
        warn_user(f"{text}.")
    return (text,)


def one_each(values: Any, data: Dataset) -> Any:
    """One target for each sequence, where there came one for each of its rows.

    Raises:
        DataError: they vary within a sequence.
    """
    if not isinstance(values, PerStep):
        return values
    for number, own in enumerate(values):
        if any(not _same(label, own[0]) for label in own[1:]):
            name = "" if data.ids is None else f" ({data.ids[number]})"
            raise DataError(
                f"`y` varies within sequence {number}{name}: {own[0]!r} and others; expected one "
                "target for each sequence. A SequenceLabeler learns a label for each step."
            )
    return [own[0] for own in values]


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) if not is_missing(one) else is_missing(other)


def _rows(values: Any) -> int:
    return len(values) if hasattr(values, "__len__") and not isinstance(values, Mapping) else -1


def _by_row(frame: Any, data: Dataset, y: Any) -> PerStep:
    """Y of each row of a long frame, as an array for each sequence in the order of its steps."""
    y = _in_order_of(frame, y)
    flat = np.asarray(y.to_numpy()) if hasattr(y, "to_numpy") else np.fromiter(y, object)
    return PerStep(flat[rows] for rows in rows_of(frame, data))


def _in_order_of(frame: Any, y: Any) -> Any:
    """Y in the order of a frame's rows: by its index where it has one of its own."""
    index = getattr(frame, "index", None)
    if not hasattr(y, "iloc") or index is None or y.index.equals(index):
        return y
    names = [name for name in y.index.names if name is not None]
    if names and all(name in frame.columns for name in names):
        rows = list(frame[names].itertuples(index=False, name=None))
        rows = [row[0] for row in rows] if len(names) == 1 else rows
        if list(y.index) == rows:
            return y
        return aligned(y, rows, "y")
    return aligned(y, list(index), "y")


def _with_index(values: Any) -> Any:
    """A frame with a column of ids as `Keyed`, or for single steps with the index (id, time)."""
    if not is_frame(values):
        return values
    names = list(values.column_names if hasattr(values, "column_names") else values.columns)
    roles = {role: name for name in names if (role := role_of(str(name))) in ("id", "time")}
    rest = [name for name in names if name not in roles.values()]
    if "id" not in roles or not rest:
        return values
    if "time" in roles and hasattr(values, "set_index"):
        return values.set_index([roles["id"], roles["time"]])[rest].squeeze(axis=1)
    columns = [np.asarray(_column(values, name), object) for name in rest]
    rows = columns[0] if len(columns) == 1 else np.stack(columns, axis=1)
    return Keyed(list(_column(values, roles["id"])), rows)


def _column(frame: Any, name: Any) -> list[Any]:
    column = frame[name] if not hasattr(frame, "column_names") else frame.column(name)
    listed: list[Any] = column.to_pylist() if hasattr(column, "to_pylist") else column.to_list()
    return listed
