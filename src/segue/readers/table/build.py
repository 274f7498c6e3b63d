"""From a table and its plan to a data set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from segue.dataset import Dataset
from segue.errors import counted
from segue.readers.registry import part_named
from segue.readers.table.columns import Columns
from segue.readers.table.plan import Plan
from segue.readers.table.recall import reading
from segue.readers.table.targets import Labels, labels_of
from segue.readers.table.times import as_times, is_time, sampling
from segue.sequences import Array, Sequences

Index = npt.NDArray[np.int64]


def build(columns: Columns, plan: Plan) -> Dataset:
    """Make the data set of a table.

    Raises:
        FileError: what is wrong, with the line.
    """
    layouts = {"rows": _rows, "lists": _lists, "steps": _steps, "texts": _texts}
    return replace(layouts[plan.layout](columns, plan), reading=reading(columns, plan))


# -- one row a sequence ---------------------------------------------------------------------------


def _rows(columns: Columns, plan: Plan) -> Dataset:
    values = columns.numbers(plan.channels)
    channels = len(plan.names or ()) or 1
    steps = np.ascontiguousarray(values.reshape(len(values), channels, -1).transpose(0, 2, 1))
    return _of_rows(columns, plan, Sequences.from_padded(steps, _lengths(steps)), plan.names)


def _lengths(steps: Array) -> Index:
    """`[n]`: missing values at the end are no steps, unless there is nothing else."""
    present = np.asarray(~np.isnan(steps).all(axis=2))
    longest = steps.shape[1]
    ends = longest - np.argmax(present[:, ::-1], axis=1)
    return np.asarray(np.where(present.any(axis=1), ends, longest), np.int64)


def _lists(columns: Columns, plan: Plan) -> Dataset:
    lists = [_flat(columns, name) for name in plan.channels]
    lengths = lists[0][1]
    for name, (_, other) in zip(plan.channels[1:], lists[1:], strict=True):
        if not np.array_equal(lengths, other):
            row = int((lengths != other).argmax())
            raise columns.loaded.error(
                f"{plan.channels[0]!r} has {lengths[row]} steps and {name!r} {other[row]}; "
                "expected the same in each list.",
                row,
            )
    values = np.concatenate([values for values, _ in lists], axis=1)
    x = Sequences(values, np.concatenate([[0], np.cumsum(lengths)]))
    names = plan.channels if 1 < len(plan.channels) == x.channels else None
    return _of_rows(columns, plan, x, names)


def _texts(columns: Columns, plan: Plan) -> Dataset:
    texts = columns.table.column(plan.channels[0]).to_pylist()
    empty = next((row for row, text in enumerate(texts) if not text), None)
    if empty is not None:
        raise columns.loaded.error(f"column {plan.channels[0]!r} has no text.", empty)
    return _of_rows(columns, plan, Sequences.from_texts(map(str, texts)), None)


def _flat(columns: Columns, name: str) -> tuple[Array, Index]:
    """`[steps, channel]` of all lists, and the steps of each; a list of lists has channels."""
    column = columns.table.column(name).combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks)
    if column.null_count:
        row = int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
        raise columns.loaded.error(f"{name!r} is empty; expected a list of steps.", row)
    lengths = pc.list_value_length(column).to_numpy().astype(np.int64)
    inside = pc.list_flatten(column)
    if _is_list(inside.type):
        widths = np.unique(pc.list_value_length(inside).to_numpy())
        if len(widths) != 1:
            raise columns.loaded.error(
                f"the steps of {name!r} have {widths[:5].tolist()} values; expected one number of "
                "channels."
            )
        inside = pc.list_flatten(inside)
    try:
        values = inside.cast(pa.float32()).to_numpy(zero_copy_only=False)
    except pa.ArrowException as error:
        raise columns.loaded.error(
            f"{name!r} holds lists of {inside.type}; expected numbers."
        ) from error
    return values.reshape(int(lengths.sum()), -1), lengths


def _is_list(kind: pa.DataType) -> bool:
    tests = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(test(kind) for test in tests)


def _of_rows(columns: Columns, plan: Plan, x: Sequences, names: tuple[str, ...] | None) -> Dataset:
    labels = None if plan.label is None else labels_of(columns, plan.label)
    y = None if labels is None else labels.of_sequences(columns, np.arange(columns.rows))
    return Dataset(
        x,
        y,
        channels=names,
        groups=_plain_values(columns, plan.group),
        parts=_parts(columns, plan.parts),
        ids=_plain_values(columns, plan.id),
        notes=(plan.note(),),
    )


def _plain_values(columns: Columns, name: str | None) -> Array | None:
    """`[rows]` numbers or text."""
    if name is None:
        return None
    codes = columns.codes(name)
    if (codes < 0).any():
        raise columns.loaded.error(f"column {name!r} is empty.", int(codes.argmin()))
    values = columns.values(name)
    whole = all(isinstance(value, int) and not isinstance(value, bool) for value in values)
    names = np.array(values if whole else [_text(value) for value in values])
    return np.asarray(names[codes])


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _parts(columns: Columns, name: str | None) -> Array | None:
    if name is None:
        return None
    found = _plain_values(columns, name)
    assert found is not None
    parts = {text: part_named(str(text)) for text in np.unique(found).tolist()}
    strange = [text for text, part in parts.items() if part is None]
    if strange:
        row = int((found == strange[0]).argmax())
        raise columns.loaded.error(
            f"column {name!r} has {strange[0]!r}; expected train, validation or test.", row
        )
    return np.array([parts[text] for text in found.tolist()], dtype="<U10")


# -- one row a step -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Order:
    """The rows in the order of sequences and steps.

    Attributes:
        rows: `[steps]`, the row of each step.
        lengths: `[n]`.
        notes: what a user should know.
        rate_hz: where the times say so.
    """

    rows: Index
    lengths: Index
    notes: tuple[str, ...] = ()
    rate_hz: float | None = None

    @property
    def starts(self) -> Index:
        return np.asarray(np.cumsum(self.lengths) - self.lengths)

    @property
    def first_rows(self) -> Index:
        """`[n]`, the row of each sequence's first step."""
        return np.asarray(self.rows[self.starts])


def _steps(columns: Columns, plan: Plan) -> Dataset:
    order = _order(columns, plan)
    values = columns.numbers(plan.channels)[order.rows]
    x = Sequences(values, np.concatenate([[0], np.cumsum(order.lengths)]))
    labels = None if plan.label is None else labels_of(columns, plan.label)
    y, classes = (None, None) if labels is None else _step_labels(columns, labels, order, x)
    ids = None if plan.id is None else _ids(columns, plan, order)
    return Dataset(
        x,
        y,
        classes=classes,
        channels=plan.names,
        rate_hz=order.rate_hz,
        groups=_of_sequences(columns, plan.group, order),
        parts=_parts_of_sequences(columns, plan.parts, order),
        ids=ids,
        notes=(plan.note() + _per(y), *order.notes),
    )


def _per(y: Any) -> str:
    if y is None:
        return ""
    return "; a label for each step" if isinstance(y, Sequences) else ""


def _order(columns: Columns, plan: Plan) -> _Order:
    times = None if plan.time is None else as_times(columns.loaded, plan.time)
    if times is not None and np.isnan(times).any():
        row = int(np.isnan(times).argmax())
        raise columns.loaded.error(f"column {plan.time!r} has no time.", row)
    codes, notes = _sequence_codes(columns, plan, times)
    rows = np.argsort(codes, kind="stable")
    lengths = np.bincount(codes[rows]).astype(np.int64)
    if times is None or plan.time is None:
        return _Order(rows, lengths, tuple(notes))
    falls = (np.diff(times[rows]) < 0) & (np.diff(codes[rows]) == 0)
    if falls.any():
        rows = np.lexsort((times, codes))
        mended = len(np.unique(codes[np.argsort(codes, kind="stable")][1:][falls]))
        were = "was" if mended == 1 else "were"
        every = counted(len(lengths), "sequence")
        notes.append(f"{mended:,} of {every} {were} sorted by {plan.time!r}")
    kind = columns.table.schema.field(plan.time).type
    dates = is_time(kind) or columns.kinds[plan.time] == "text"
    found = sampling(times[rows], lengths, plan.time, dates=dates)
    return _Order(rows, lengths, (*notes, *found.notes), found.rate_hz)


def _sequence_codes(columns: Columns, plan: Plan, times: Array | None) -> tuple[Index, list[str]]:
    """`[rows]`, the number of the sequence, in the order of appearance; and what to say of it."""
    key = plan.id or plan.group
    codes = np.zeros(columns.rows, np.int64) if key is None else columns.codes(key).copy()
    if (codes < 0).any():
        row = int(codes.argmin())
        raise columns.loaded.error(f"column {key!r} is empty: whose step is this?", row)
    notes = []
    if plan.id is not None and plan.group is not None:
        both = codes * (columns.distinct(plan.group) + 1) + columns.codes(plan.group)
        if len(np.unique(both)) > len(np.unique(codes)):
            codes = both
            notes.append(f"{plan.id!r} counts within {plan.group!r}: both make a sequence")
    if plan.id is None and times is not None:
        falls = (np.diff(times) < 0) & (np.diff(codes) == 0)
        if 0 < falls.sum() < 0.25 * len(times):
            codes = np.concatenate([[0], np.cumsum(falls | (np.diff(codes) != 0))])
            notes.append(f"a new sequence begins where {plan.time!r} falls back")
    _, first, codes = np.unique(codes, return_index=True, return_inverse=True)
    place = np.empty(len(first), np.int64)
    place[np.argsort(first)] = np.arange(len(first))
    return place[codes], notes


def _step_labels(
    columns: Columns, labels: Labels, order: _Order, x: Sequences
) -> tuple[Any, tuple[Any, ...] | None]:
    codes = labels.codes[order.rows]
    highest = np.maximum.reduceat(codes, order.starts)
    lowest = np.minimum.reduceat(
        np.where(codes < 0, highest.repeat(order.lengths), codes), order.starts
    )
    # One sequence alone with one label is a recording whose steps are labelled.
    if (highest == lowest).all():
        chosen = order.rows[order.starts + _first_at(codes, highest, order)]
        return labels.of_sequences(columns, chosen), None
    names, numbers = labels.as_classes(columns)
    return Sequences(np.where(codes < 0, -1, numbers[codes]).astype(np.int32), x.offsets), names


def _first_at(codes: Index, highest: Index, order: _Order) -> Index:
    """`[n]`, the first step of each sequence that has its label."""
    has = codes == highest.repeat(order.lengths)
    steps = np.arange(len(codes)) - order.starts.repeat(order.lengths)
    return np.asarray(np.minimum.reduceat(np.where(has, steps, len(codes)), order.starts))


def _ids(columns: Columns, plan: Plan, order: _Order) -> Array:
    ids = _plain_values(columns, plan.id)
    assert ids is not None
    ids = ids[order.first_rows]
    if len(np.unique(ids)) < len(ids) and plan.group is not None:
        groups = _plain_values(columns, plan.group)
        assert groups is not None
        pairs = zip(groups[order.first_rows].tolist(), ids.tolist(), strict=True)
        return np.array([f"{group}/{name}" for group, name in pairs])
    return ids


def _of_sequences(columns: Columns, name: str | None, order: _Order) -> Array | None:
    """`[n]`, what a column says of each sequence as a whole."""
    if name is None:
        return None
    codes = columns.codes(name)[order.rows]
    varies = codes != codes[order.starts].repeat(order.lengths)
    if varies.any():
        row = int(order.rows[int(varies.argmax())])
        raise columns.loaded.error(f"column {name!r} changes within a sequence.", row)
    found = _plain_values(columns, name)
    return None if found is None else found[order.first_rows]


def _parts_of_sequences(columns: Columns, name: str | None, order: _Order) -> Array | None:
    if _of_sequences(columns, name, order) is None:
        return None
    parts = _parts(columns, name)
    return None if parts is None else parts[order.first_rows]
