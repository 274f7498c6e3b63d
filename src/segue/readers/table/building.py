"""From a table and its plan to a data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from segue.dataset import Dataset
from segue.errors import counted
from segue.readers.table.columns import Columns, kind_of
from segue.readers.table.labels import labels_of, parts_of, plain_values
from segue.readers.table.plan import Plan, reading
from segue.readers.table.sampling import TimeColumn, days_passed, sampling, time_of
from segue.sequences import Array, Sequences

Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Order:
    """The rows in the order of the sequences, and of their steps where a row is a step.

    Attributes:
        rows: one after the other.
        lengths: `[n]`, the rows of each sequence.
        notes: what a user should know.
        rate_hz: where the times say so.
    """

    rows: Index
    lengths: Index
    notes: tuple[str, ...] = ()
    rate_hz: float | None = None

    @property
    def starts(self) -> Index:
        """`[n]`, the place in `rows` at which each sequence begins."""
        return np.asarray(np.cumsum(self.lengths) - self.lengths)


def build(columns: Columns, plan: Plan) -> Dataset:
    """Make the data set of a table.

    Raises:
        FileError: what is wrong, with the line.
    """
    is_steps = plan.layout == "steps"
    if is_steps:
        order = _steps_in_order(columns, plan)
        values = columns.numbers(plan.channels)
        in_order = bool((np.diff(order.rows) > 0).all())  # as they stand: no copy is made
        x = Sequences(values if in_order else values[order.rows], lengths=order.lengths)
    else:
        x = {"rows": _rows, "lists": _lists, "texts": _texts}[plan.layout](columns, plan)
        order = _Order(np.arange(columns.rows), np.ones(columns.rows, np.int64))
    y, classes, kept, notes = _targets(columns, plan, order)
    notes += _possible_labels(columns, plan)
    per_step = "; a label for each step" if isinstance(y, Sequences) else ""
    groups, parts, ids = (
        _of_sequences(columns, plan, order, kept, role) for role in ("group", "parts", "id")
    )
    if is_steps and groups is not None and ids is not None and len(np.unique(ids)) < len(ids):
        ids = np.array([f"{group}/{name}" for group, name in zip(groups, ids, strict=True)])
    return Dataset(
        x if kept.all() else x[kept],
        y,
        classes,
        channels=plan.names if len(plan.names or ()) == x.channels else None,
        rate_hz=order.rate_hz,
        groups=groups,
        parts=parts,
        ids=ids,
        notes=(plan.note() + per_step, *order.notes, *notes, *columns.loaded.notes),
        reading=reading(columns, plan),
    )


# -- values of rows -------------------------------------------------------------------------------


def _rows(columns: Columns, plan: Plan) -> Sequences:
    """Each field is a step; missing values at the end are none, unless there is nothing else."""
    values = columns.numbers(plan.channels)
    steps = values.reshape(len(values), len(plan.names or ()) or 1, -1).transpose(0, 2, 1)
    present = np.asarray(~np.isnan(steps).all(axis=2))
    until_last = np.logical_or.accumulate(present[:, ::-1], axis=1)[:, ::-1]
    return Sequences.from_padded(steps, until_last | ~present.any(axis=1, keepdims=True))


def _texts(columns: Columns, plan: Plan) -> Sequences:
    texts = columns.table.column(plan.channels[0]).to_pylist()
    empty = next((row for row, text in enumerate(texts) if not text), None)
    if empty is not None:
        raise columns.loaded.error(f"column {plan.channels[0]!r} has no text.", empty)
    return Sequences.from_texts(map(str, texts))


def _lists(columns: Columns, plan: Plan) -> Sequences:
    found = [_steps_of_lists(columns, name) for name in plan.channels]
    lengths = found[0][1]
    for name, (_, own) in zip(plan.channels, found, strict=True):
        if (own != lengths).any():
            row = int((own != lengths).argmax())
            raise columns.loaded.error(
                f"{plan.channels[0]!r} has {lengths[row]} steps and {name!r} {own[row]}; "
                "expected the same in each list.",
                row,
            )
    return Sequences(np.concatenate([values for values, _ in found], axis=1), lengths=lengths)


def _steps_of_lists(columns: Columns, name: str) -> tuple[Array, Index]:
    """`[steps, channel]` of all lists, and the steps of each; a list of lists has channels."""
    column = columns.lists(name)
    if column.null_count:
        row = column.is_null().index(True).as_py()
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
        message = f"{name!r} holds lists of {inside.type}; expected numbers."
        raise columns.loaded.error(message) from error
    return values.reshape(int(lengths.sum()), -1), lengths


# -- what is said of each sequence ----------------------------------------------------------------


def _targets(
    columns: Columns, plan: Plan, order: _Order
) -> tuple[Any, tuple[Any, ...] | None, Mask, list[str]]:
    """Targets, classes of steps, which sequences are kept, and notes."""
    everything = np.ones(len(order.lengths), bool)
    if "label" not in plan.roles:
        return None, None, everything, []
    labels = labels_of(columns, plan.roles["label"])
    codes = labels.codes[order.rows]
    labelled = np.flatnonzero(codes >= 0)
    sequences = np.repeat(np.arange(len(everything)), order.lengths)
    known, firsts = np.unique(sequences[labelled], return_index=True)
    begins = order.starts
    begins[known] = labelled[firsts]  # the first step of each sequence that has a label
    if (codes[labelled] != codes[begins][sequences[labelled]]).any():
        classes, numbers = labels.as_classes(columns)
        steps = np.where(codes < 0, -1, numbers[codes]).astype(np.int32)
        return Sequences(steps, lengths=order.lengths), classes, everything, []
    y, kept = labels.of_sequences(columns, order.rows[begins], drop=plan.options.drop_missing)
    dropped = int((~kept).sum())
    said = f"left out {counted(dropped, 'sequence')} of {len(kept):,} without a label"
    return y, None, kept, [said] if dropped else []


def _possible_labels(columns: Columns, plan: Plan) -> list[str]:
    """A note on channels of 0 and 1, where nothing is the label, and nobody says that none is."""
    if plan.layout != "steps" or "label" in plan.roles or plan.options.roles.get("label"):
        return []
    two = [n for n in plan.channels if columns.is_whole(n) and set(columns.values(n)) == {0, 1}]
    if not two or len(two) == len(plan.channels):
        return []
    return [f"{two[-1]!r} is 0 or 1, taken as a channel: label={two[-1]!r} if it is the label"]


def _of_sequences(
    columns: Columns, plan: Plan, order: _Order, kept: Mask, role: str
) -> Array | None:
    """What the column of a role says of each sequence that is kept."""
    if role not in plan.roles:
        return None
    name, firsts = plan.roles[role], order.rows[order.starts]
    codes = columns.codes(name)
    varies = codes[order.rows] != codes[firsts].repeat(order.lengths)
    if varies.any():
        row = int(order.rows[varies][0])
        raise columns.loaded.error(f"column {name!r} changes within a sequence.", row)
    values = parts_of(columns, name) if role == "parts" else plain_values(columns, name)
    return np.asarray(values[firsts[kept]])


# -- the order of steps ---------------------------------------------------------------------------


def _steps_in_order(columns: Columns, plan: Plan) -> _Order:
    """The steps of each sequence, sorted by time; the sequences in the order of the file."""
    codes, notes = _sequences(columns, plan)
    times = time_of(columns, plan.times, plan.options.dates) if plan.times else None
    if times is not None:
        if times.missing.any():
            row = int(times.missing.argmax())
            raise columns.loaded.error(f"column {times.name!r} has no time.", row)
        notes += [times.note] if times.note else []
        codes, times = _after_falls(columns, plan, times, codes, notes)
    codes = np.asarray(pc.dictionary_encode(pa.array(codes)).indices)  # numbered as they appear
    lengths, rows = np.bincount(codes), np.argsort(codes, kind="stable")
    if times is None:
        return _Order(rows, lengths, tuple(notes))
    in_time = np.lexsort((times.values, codes))
    moved = len(np.unique(codes[in_time[in_time != rows]]))
    if moved:
        every, were = counted(len(lengths), "sequence"), "was" if moved == 1 else "were"
        notes.append(f"{moved:,} of {every} {were} sorted by {times.name!r}")
    dates = times.kind != "number"
    values = times.values[in_time]
    rate, said = sampling(values, lengths, times.name, times.per_second, dates=dates)
    return _Order(in_time, lengths, (*notes, *said), rate)


def _sequences(columns: Columns, plan: Plan) -> tuple[Index, list[str]]:
    """`[rows]`, the number of the sequence, and what to say of it."""
    own, group = plan.roles.get("id"), plan.roles.get("group")
    key = own or group
    codes = np.zeros(columns.rows, np.int64) if key is None else columns.codes(key)
    if (codes < 0).any():
        row = int(codes.argmin())
        raise columns.loaded.error(f"column {key!r} is empty: whose step is this?", row)
    if own is None or group is None or columns.follows(group, own):
        return codes, []
    both = codes * (columns.distinct(group) + 1) + columns.codes(group)
    return both, [f"{own!r} counts within {group!r}: both make a sequence"]


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
            often = counted(days, "time")
            notes.append(f"{times.name!r} begins anew {often}: each is taken as a new day")
    back = np.flatnonzero((np.diff(times.values[rows]) < 0) & same)
    if len(back) == 0 or falls == "sort":
        return codes, times
    if times.kind == "clock" and falls is None:
        before, after = (columns.loaded.place(int(rows[place])) for place in (back[0], back[0] + 1))
        raise columns.loaded.error(
            f"column {times.name!r} falls back between {before} and {after}, and has no date: does "
            "a new day begin there, a new sequence, or are the rows in no order? Say falls='day', "
            "falls='sequence' or falls='sort' (on the command line --read falls=day)."
        )
    few = "id" not in plan.roles and len(back) < 0.25 * len(times.values)
    if falls == "sequence" or few:
        begins = np.concatenate([[True], ~same])
        begins[back + 1] = True
        codes = np.empty_like(codes)
        codes[rows] = np.cumsum(begins)
        notes.append(f"a new sequence begins where {times.name!r} falls back")
    return codes, times
