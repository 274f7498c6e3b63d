"""Building a data set from a table and its plan: sequences, labels, groups and parts.

Whatever a row is, it becomes the same: the rows in the order of the sequences (and of their steps),
how many each sequence has, and the values of the channels. Labels, ids, groups and parts are those
of the rows at which the sequences begin.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from segue.data.dataset import Dataset
from segue.data.sequences import Array, Sequences
from segue.errors import counted
from segue.readers.table.columns import Columns, kind_of
from segue.readers.table.labels import labels_at, labels_of, values_at
from segue.readers.table.plan import Plan, reading
from segue.readers.table.sampling import days_passed, sampling, time_of
from segue.readers.table.words import say

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

    @cached_property
    def starts(self) -> Index:
        """`[n]`, the position in `rows` at which each sequence begins."""
        return np.asarray(np.cumsum(self.lengths) - self.lengths)

    @cached_property
    def _is_that_of_the_table(self) -> bool:
        return bool((np.diff(self.rows) > 0).all())

    def of(self, values: Array) -> Array:
        """`[rows, ...]` values in this order; not copied where they have it already."""
        return values if self._is_that_of_the_table else values[self.rows]


def build(columns: Columns, plan: Plan) -> Dataset:
    """Make the data set of a table.

    Args:
        columns: of the table.
        plan: how it is read. A role "file" is that of the column with the file of each row.

    Raises:
        FileError: what is wrong, with the line.
    """
    if plan.layout == "steps":
        order = _steps_in_order(columns, plan)
        x = Sequences(order.of(columns.numbers(plan.channels)), lengths=order.lengths)
    else:
        order = _Order(np.arange(columns.rows), np.ones(columns.rows, np.int64))
        x = {"rows": _rows, "lists": _lists, "texts": _texts}[plan.layout](columns, plan)
    y, classes, kept, notes = _targets(columns, plan, order)
    per_step = "; a label for each step" if isinstance(y, Sequences) else ""
    firsts = order.rows[order.starts][kept]
    groups, parts, ids = (
        _first_row_values(columns, plan, order, firsts, role) for role in ("group", "parts", "id")
    )
    if "file" in plan.roles:
        files = columns.codes(plan.roles["file"])[firsts]
        ids = _with_files(np.array(columns.values(plan.roles["file"])), files, ids, groups)
        if groups is None and len(files) > files.max(initial=0) + 1:
            groups = files.astype(np.int64)  # a split must not part the sequences of one file
    elif plan.layout == "steps" and ids is not None and groups is not None:
        ids = _distinct(ids, groups, np.zeros(len(ids), np.int64))
    return Dataset(
        x if kept.all() else x[kept],
        y,
        classes,
        channels=plan.names if len(plan.names or ()) == x.channels else None,
        rate_hz=order.rate_hz,
        groups=groups,
        parts=parts,
        ids=ids,
        notes=(
            plan.note() + per_step,
            *order.notes,
            *notes,
            *_possible_labels(columns, plan),
            *columns.conversions(plan.channels),
            *columns.loaded.notes,
        ),
        reading=reading(columns, plan),
    )


def _distinct(ids: Array, groups: Array, files: Array) -> Array:
    """Ids with their groups before them, where they are not different in each file without."""
    if len({*zip(files.tolist(), ids.tolist(), strict=True)}) == len(ids):
        return ids
    return np.array([f"{group}/{name}" for group, name in zip(groups, ids, strict=True)])


def _with_files(names: Array, files: Array, ids: Array | None, groups: Array | None) -> Array:
    """The names of the files, and the ids inside behind them where a file has several."""
    if ids is None:
        return names[files]
    ids = ids if groups is None else _distinct(ids, groups, files)
    both = [f"{name}:{inside}" for name, inside in zip(names[files], ids, strict=True)]
    return np.where(np.bincount(files)[files] > 1, both, names[files])


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
    inside, width = pc.list_flatten(column), 1
    if kind_of(inside.type) == "list":
        widths = np.unique(pc.list_value_length(inside).to_numpy())
        if len(widths) != 1:
            raise columns.loaded.error(
                f"the steps of {name!r} have {widths[:5].tolist()} values; expected one number of "
                "channels."
            )
        inside, width = pc.list_flatten(inside), int(widths[0])
    try:
        values = inside.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowException as error:
        message = f"{name!r} holds lists of {inside.type}; expected numbers."
        raise columns.loaded.error(message) from error
    return values.reshape(int(lengths.sum()), width), lengths


# -- the order of steps ---------------------------------------------------------------------------


def _steps_in_order(columns: Columns, plan: Plan) -> _Order:
    """The steps of each sequence, sorted by time; the sequences in the order of the file."""
    codes, notes = _sequences(columns, plan)
    rows = _together(codes)
    if not plan.times:
        return _Order(rows, np.bincount(codes), tuple(notes))
    times = time_of(columns, plan.times, plan.options.dates)
    if times.missing.any():
        row = int(times.missing.argmax())
        raise columns.loaded.error(f"column {times.name!r} has no time.", row)
    notes += [times.note] if times.note else []
    as_told, falls = _Order(rows, np.bincount(codes)), plan.options.falls
    in_turn = as_told.of(codes)
    same = in_turn[1:] == in_turn[:-1]
    if times.kind == "clock" and falls in (None, "day"):
        times, days = days_passed(times, rows, same, each_fall=falls == "day")
        if days:
            often = counted(days, "time")
            notes.append(f"{times.name!r} begins anew {often}: each is taken as a new day")
    moments = as_told.of(times.values)
    back = np.flatnonzero((moments[1:] < moments[:-1]) & same)
    if len(back) and times.kind == "clock" and falls is None:
        before, after = (columns.loaded.place(int(rows[place])) for place in (back[0], back[0] + 1))
        raise columns.loaded.error(
            f"column {times.name!r} falls back between {before} and {after}, and has no date: does "
            "a new day begin there, a new sequence, or are the rows in no order? "
            + say("falls='day'", "falls='sequence'", "falls='sort'")
        )
    few = "id" not in plan.roles and len(back) < 0.25 * len(rows)
    if len(back) and falls != "sort" and (falls == "sequence" or few):
        begins = np.concatenate([[True], ~same])
        begins[back + 1] = True
        codes[rows] = np.cumsum(begins)
        codes = _numbered(codes)
        rows = _together(codes)
        notes.append(f"a new sequence begins where {times.name!r} falls back")
    elif len(back):
        in_time = np.lexsort((times.values, codes))
        moved = len(np.unique(codes[in_time[in_time != rows]]))
        every, were = counted(int(codes.max()) + 1, "sequence"), "was" if moved == 1 else "were"
        notes.append(f"{moved:,} of {every} {were} sorted by {times.name!r}")
        rows = in_time
    order = _Order(rows, np.bincount(codes))
    dates = times.kind != "number"
    values = order.of(times.values)
    rate, said = sampling(values, order.lengths, times.name, times.per_second, dates=dates)
    return _Order(rows, order.lengths, (*notes, *said), rate)


def _numbered(codes: Array) -> Array:
    """`[rows]` int32, the same numbers for the same codes, as they appear."""
    return np.array(pc.dictionary_encode(pa.array(codes)).indices)


def _together(codes: Array) -> Index:
    """The rows in the order of the sequences, and of the file."""
    if (codes[1:] >= codes[:-1]).all():
        return np.arange(len(codes))
    return np.argsort(codes, kind="stable")


def _sequences(columns: Columns, plan: Plan) -> tuple[Array, list[str]]:
    """`[rows]`, the number of the sequence, as they appear, and what to say of it."""
    file, own, group = (plan.roles.get(role) for role in ("file", "id", "group"))
    notes = []
    if own and group and not file and not columns.follows(group, own):
        notes.append(f"{own!r} counts within {group!r}: both make a sequence")
    codes = np.zeros(columns.rows, np.int32)
    for name in filter(None, (file, own or group, group if own and (file or notes) else None)):
        more = columns.codes(name)
        if name != group and (more < 0).any():
            row = int(more.argmin())
            raise columns.loaded.error(f"column {name!r} is empty: whose step is this?", row)
        codes = _numbered(codes.astype(np.int64) * (columns.distinct(name) + 1) + more)
    return codes, notes


# -- what is said of each sequence ----------------------------------------------------------------


def _targets(
    columns: Columns, plan: Plan, order: _Order
) -> tuple[Any, tuple[Any, ...] | None, Mask, list[str]]:
    """Targets, classes of steps, which sequences are kept, and notes."""
    everything, name = np.ones(len(order.lengths), bool), plan.roles.get("label")
    if name is None:
        return None, None, everything, []
    labels = labels_of(columns, name)
    codes, values = order.of(labels[0]), labels[1]
    is_missing = codes < 0
    begins = order.starts
    if is_missing.any():  # the first step of each sequence that has a label
        labelled = np.where(is_missing, len(codes), np.arange(len(codes)))
        firsts = np.minimum.reduceat(labelled, begins)
        begins = np.where(firsts < len(codes), firsts, begins)
    changes = (codes != codes[begins].repeat(order.lengths)) & ~is_missing
    if changes.any():
        if values.dtype.kind == "f":
            raise columns.loaded.error(
                f"column {name!r} varies from step to step and holds real numbers, which are no "
                "classes: name another label, or none (label='none')."
            )
        classes, numbers = np.unique(values, return_inverse=True)
        steps = np.append(numbers, -1)[codes].astype(np.int32)
        notes = _rarely_changing(columns, plan, order, changes)
        return Sequences(steps, lengths=order.lengths), tuple(classes.tolist()), everything, notes
    drop = plan.options.drop_missing
    y, kept = labels_at(columns, name, order.rows[begins], labels, drop=drop)
    dropped = int((~kept).sum())
    said = f"left out {counted(dropped, 'sequence')} of {len(kept):,} without a label"
    return y, None, kept, [said] if dropped else []


def _rarely_changing(columns: Columns, plan: Plan, order: _Order, changes: Mask) -> list[str]:
    """A note where most sequences have one label throughout, so that the others may be mistakes.

    Args:
        columns: of the table.
        plan: how it is read.
        order: of the rows.
        changes: `[total_steps]`, where the label is another one than at the first step.
    """
    several = np.flatnonzero(np.logical_or.reduceat(changes, order.starts))
    count = len(order.lengths)
    if 2 * len(several) > count:
        return []
    where = ""
    if "id" in plan.roles:
        first = order.rows[order.starts][several[:1]]
        names = values_at(columns, plan.roles["id"], first, "id")
        where = "" if names is None else f", the first of them {names[0]}"
    return [
        f"more than one label is in only {len(several):,} of {count:,} sequences{where}: where "
        "these are mistakes, mend them, and each sequence has one label"
    ]


def _possible_labels(columns: Columns, plan: Plan) -> list[str]:
    """A note on channels of 0 and 1, where nothing is the label, and nobody says that none is."""
    if plan.layout != "steps" or "label" in plan.roles or plan.options.roles.get("label"):
        return []
    two = [n for n in plan.channels if columns.is_whole(n) and set(columns.values(n)) == {0, 1}]
    if not two or len(two) == len(plan.channels):
        return []
    option = say(f"label={two[-1]!r}").rstrip(".")
    return [f"{two[-1]!r} is 0 or 1, taken as a channel. {option} where it is the label"]


def _first_row_values(
    columns: Columns, plan: Plan, order: _Order, firsts: Index, role: str
) -> Array | None:
    """The values of a role's column, one for each sequence, from its first row."""
    if role not in plan.roles:
        return None
    name = plan.roles[role]
    codes = order.of(columns.codes(name))
    varies = codes != codes[order.starts].repeat(order.lengths)
    if varies.any():
        row = int(order.rows[varies][0])
        raise columns.loaded.error(f"column {name!r} changes within a sequence.", row)
    return values_at(columns, name, firsts, role)
