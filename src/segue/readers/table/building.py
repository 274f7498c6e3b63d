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
from segue.readers.table.columns import Columns, kind_of
from segue.readers.table.labels import Labels, labels_of, parts_of, plain_values
from segue.readers.table.layout import Plan
from segue.readers.table.like import reading
from segue.readers.table.sampling import TimeColumn, days_passed, sampling, time_of
from segue.sequences import Array, Sequences

Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def build(columns: Columns, plan: Plan) -> Dataset:
    """Make the data set of a table.

    Raises:
        FileError: what is wrong, with the line.
    """
    layouts = {"rows": _rows, "lists": _lists, "steps": _steps, "texts": _texts}
    data = layouts[plan.layout](columns, plan)
    notes = (*data.notes, *columns.loaded.dialect.notes)
    return replace(data, reading=reading(columns, plan), notes=notes)


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
    column = columns.lists(name)
    if column.null_count:
        row = int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
        raise columns.loaded.error(f"{name!r} is empty; expected a list of steps.", row)
    lengths = pc.list_value_length(column).to_numpy().astype(np.int64)
    inside = pc.list_flatten(column)
    if kind_of(inside.type) == "list":
        widths = np.unique(pc.list_value_length(inside).to_numpy())
        if len(widths) != 1:
            raise columns.loaded.error(
                f"the steps of {name!r} have {widths[:5].tolist()} values; expected one number of "
                "channels."
            )
        inside = pc.list_flatten(inside)
    try:
        values = inside.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowException as error:
        raise columns.loaded.error(
            f"{name!r} holds lists of {inside.type}; expected numbers."
        ) from error
    return values.reshape(int(lengths.sum()), -1), lengths


def _of_rows(columns: Columns, plan: Plan, x: Sequences, names: tuple[str, ...] | None) -> Dataset:
    roles = plan.roles
    y, kept, notes = _labels(columns, plan, np.arange(columns.rows))
    some = slice(None) if kept.all() else kept
    return Dataset(
        x[some],
        y,
        channels=names,
        groups=_some(plain_values(columns, roles.get("group")), some),
        parts=_some(parts_of(columns, roles.get("parts")), some),
        ids=_some(plain_values(columns, roles.get("id")), some),
        notes=(plan.note(), *notes),
    )


def _some(values: Array | None, index: Any) -> Array | None:
    return None if values is None else values[index]


def _labels(
    columns: Columns, plan: Plan, rows: Index, labels: Labels | None = None
) -> tuple[Array | None, Mask, list[str]]:
    """The labels in some rows, which sequences are kept, and what to say of those that are not."""
    name = plan.roles.get("label")
    if name is None:
        return None, np.ones(len(rows), bool), []
    labels = labels or labels_of(columns, name)
    y, kept = labels.of_sequences(columns, rows, drop=plan.options.drop_missing)
    dropped = int((~kept).sum())
    said = f"left out {counted(dropped, 'sequence')} of {len(rows):,} without a label"
    return y, kept, [said] if dropped else []


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
    x = Sequences(
        columns.numbers(plan.channels)[order.rows], np.concatenate([[0], np.cumsum(order.lengths)])
    )
    y, classes, kept, notes = _step_labels(columns, plan, order, x)
    per_step = "; a label for each step" if isinstance(y, Sequences) else ""
    return Dataset(
        x if kept.all() else x[kept],
        y,
        classes=classes,
        channels=plan.names,
        rate_hz=order.rate_hz,
        groups=_some(_of_sequences(columns, plan.roles.get("group"), order), kept),
        parts=_some(_parts_of_sequences(columns, plan.roles.get("parts"), order), kept),
        ids=_some(_ids(columns, plan, order), kept),
        notes=(plan.note() + per_step, *order.notes, *notes),
    )


def _order(columns: Columns, plan: Plan) -> _Order:
    names = [plan.roles["time"], *plan.more_time] if "time" in plan.roles else []
    times = time_of(columns, names, plan.options.dates) if names else None
    if times is not None and times.missing.any():
        row = int(times.missing.argmax())
        raise columns.loaded.error(f"column {times.name!r} has no time.", row)
    codes, notes = _sequence_codes(columns, plan)
    if times is not None:
        notes += [times.note] if times.note else []
        codes, times = _after_falls(columns, plan, times, codes, notes)
    codes = _by_appearance(codes)
    rows = np.argsort(codes, kind="stable")
    lengths = np.bincount(codes[rows]).astype(np.int64)
    if times is None:
        return _Order(rows, lengths, tuple(notes))
    falls = (np.diff(times.values[rows]) < 0) & (np.diff(codes[rows]) == 0)
    if falls.any():
        mended = len(np.unique(codes[rows][1:][falls]))
        rows = np.lexsort((times.values, codes))
        were = "was" if mended == 1 else "were"
        every = counted(len(lengths), "sequence")
        notes.append(f"{mended:,} of {every} {were} sorted by {times.name!r}")
    dates = times.kind != "number"
    rate, said = sampling(times.values[rows], lengths, times.name, times.per_second, dates=dates)
    return _Order(rows, lengths, (*notes, *said), rate)


def _after_falls(
    columns: Columns, plan: Plan, times: TimeColumn, codes: Index, notes: list[str]
) -> tuple[Index, TimeColumn]:
    """What it means that the time falls back: a new day of a clock, a new sequence, or no order."""
    rows = np.argsort(codes, kind="stable")
    same = np.diff(codes[rows]) == 0
    falls = plan.options.falls
    if times.kind == "clock" and falls in (None, "day"):
        times, days = days_passed(times, rows, same, each_fall=falls == "day")
        if days:
            said = counted(days, "time")
            notes.append(f"{times.name!r} begins anew {said}: each is taken as a new day")
    back = np.flatnonzero((np.diff(times.values[rows]) < 0) & same)
    if len(back) == 0 or falls == "sort":
        return codes, times
    if times.kind == "clock" and falls is None:
        raise _asked_about_falls(columns, times, rows[back[0]], rows[back[0] + 1])
    few = "id" not in plan.roles and len(back) < 0.25 * len(times.values)
    if falls == "sequence" or few:
        begins = np.zeros(len(rows), np.int64)
        begins[back + 1] = 1
        made = np.empty_like(codes)
        made[rows] = np.cumsum(begins) + np.cumsum(np.concatenate([[0], ~same]))
        codes = made
        notes.append(f"a new sequence begins where {times.name!r} falls back")
    return codes, times


def _asked_about_falls(columns: Columns, times: TimeColumn, before: int, after: int) -> Exception:
    place = columns.loaded.place
    return columns.loaded.error(
        f"column {times.name!r} falls back between {place(int(before))} and {place(int(after))}, "
        "and has no date: does a new day begin there, a new sequence, or are the rows in no order? "
        "Say falls='day', falls='sequence' or falls='sort' (on the command line --read falls=day)."
    )


def _sequence_codes(columns: Columns, plan: Plan) -> tuple[Index, list[str]]:
    """`[rows]`, the number of the sequence, and what to say of it."""
    own, group = plan.roles.get("id"), plan.roles.get("group")
    key = own or group
    codes = np.zeros(columns.rows, np.int64) if key is None else columns.codes(key).copy()
    if (codes < 0).any():
        row = int(codes.argmin())
        raise columns.loaded.error(f"column {key!r} is empty: whose step is this?", row)
    if own is None or group is None:
        return codes, []
    both = codes * (columns.distinct(group) + 1) + columns.codes(group)
    if len(np.unique(both)) == len(np.unique(codes)):
        return codes, []
    return both, [f"{own!r} counts within {group!r}: both make a sequence"]


def _by_appearance(codes: Index) -> Index:
    """The same codes, numbered in the order in which they appear."""
    _, first, codes = np.unique(codes, return_index=True, return_inverse=True)
    place = np.empty(len(first), np.int64)
    place[np.argsort(first)] = np.arange(len(first))
    return np.asarray(place[codes])


def _step_labels(
    columns: Columns, plan: Plan, order: _Order, x: Sequences
) -> tuple[Any, tuple[Any, ...] | None, Any, list[str]]:
    """Targets, classes, which sequences are kept, and notes."""
    everything = np.ones(len(x), bool)
    name = plan.roles.get("label")
    if name is None:
        return None, None, everything, []
    labels = labels_of(columns, name)
    codes = labels.codes[order.rows]
    highest = np.maximum.reduceat(codes, order.starts)
    lowest = np.minimum.reduceat(
        np.where(codes < 0, highest.repeat(order.lengths), codes), order.starts
    )
    if (highest == lowest).all():
        chosen = order.rows[order.starts + _first_at(codes, highest, order)]
        y, kept, notes = _labels(columns, plan, chosen, labels)
        return y, None, kept, notes
    names, numbers = labels.as_classes(columns)
    steps = Sequences(np.where(codes < 0, -1, numbers[codes]).astype(np.int32), x.offsets)
    return steps, names, everything, []


def _first_at(codes: Index, highest: Index, order: _Order) -> Index:
    """`[n]`, the first step of each sequence that has its label."""
    has = codes == highest.repeat(order.lengths)
    steps = np.arange(len(codes)) - order.starts.repeat(order.lengths)
    return np.asarray(np.minimum.reduceat(np.where(has, steps, len(codes)), order.starts))


def _ids(columns: Columns, plan: Plan, order: _Order) -> Array | None:
    ids = plain_values(columns, plan.roles.get("id"))
    if ids is None:
        return None
    ids = ids[order.first_rows]
    groups = plain_values(columns, plan.roles.get("group"))
    if len(np.unique(ids)) < len(ids) and groups is not None:
        pairs = zip(groups[order.first_rows].tolist(), ids.tolist(), strict=True)
        ids = np.array([f"{group}/{name}" for group, name in pairs])
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
    return _some(plain_values(columns, name), order.first_rows)


def _parts_of_sequences(columns: Columns, name: str | None, order: _Order) -> Array | None:
    if _of_sequences(columns, name, order) is None:
        return None
    return _some(parts_of(columns, name), order.first_rows)
