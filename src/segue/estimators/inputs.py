"""Input validation: X, y and the rest aligned by id, made into a `Dataset`, and checked.

Every message says what came, what was expected and how to mend it.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

from segue.data.dataset import Dataset
from segue.data.encoding import Task, encoded
from segue.data.labels import Indexed, aligned, by_sequence, carries_ids, is_missing, is_of_steps
from segue.data.sequences import Array, Layout, Sequences
from segue.errors import DataError, advice_on_argument, counted, warn_user
from segue.readers.forms import as_frame
from segue.readers.objects import PLAIN, adapted, is_frame, plain_sequences, rows_of, unlabelled
from segue.readers.table import role_of
from segue.training.options import TrainingOptions

# What users pass. Types of NumPy, pandas, polars, PyTorch and Hugging Face are among it, and of
# these packages only NumPy need be installed: so to a type checker each of these is `Any`.

# A `Dataset` or `Sequences`; an array (n, time, channel) or (n, time); a list of arrays
# (time, channel) or (time,), or of texts; a data frame; pairs (sequence, label).
SequencesLike = Any
# `[n]` targets, or labels of each step as a list of arrays or as `Sequences`. A Series or frame
# with an index and a mapping by id are aligned by id. `None` where the sequences bring them.
TargetsLike = Any
# A number, name or row for each sequence, in the same forms: weights, groups, static features.
PerSequence = Any
# A `Dataset`, or a pair of sequences and targets.
ValidationLike = Any


def as_sequences(x: SequencesLike, layout: Layout = "ntc", *, exact: bool = False) -> Sequences:
    """Take what a user passes as X as sequences, of all forms that `fit` takes."""
    return plain_sequences(adapted(x, labelled=False), layout, exact=exact)


def refuse_single(given: Any, x: Sequences, *, channels: int, length: int | None) -> None:
    """Raise where one sequence was passed instead of several, as far as that can be seen.

    The rows of a single `(time, channel)` array look like sequences of one channel. Where the model
    takes several channels that is a mistake; where it takes one, so are rows of a single value,
    unless it was trained on sequences of one step.

    Args:
        given: what the user passes.
        x: the same as sequences, of one channel.
        channels: those of the training.
        length: of all sequences of the training; `None`: they had several lengths.

    Raises:
        DataError: it shows how a single sequence is passed.
    """
    if isinstance(given, Sequences | Dataset) or x.is_text:
        return
    steps = len(x)
    is_list = isinstance(given, list | tuple)
    shape = () if is_list else np.asarray(given).shape
    flat = np.ndim(given[0]) == 1 if is_list else len(shape) == 2
    if channels > 1 and flat and x.length_range == (channels, channels):
        reading = f"{counted(steps, 'sequence')} of {channels} steps of one channel"
    elif channels == 1 and shape == (steps, 1) and length != 1:
        reading = f"{counted(steps, 'sequence')} of one step; those are x[:, :, None]"
    else:
        return
    raise DataError(
        f"The model was trained on {counted(channels, 'channel')}. Is `X` one sequence of "
        f"{counted(steps, 'step')}? Then pass a list of one, predict([x]). It would be read as "
        f"{reading}."
    )


def as_dataset(
    x: SequencesLike,
    y: TargetsLike = None,
    *,
    groups: PerSequence = None,
    layout: Layout = "ntc",
    classes: Any = None,
    task: Task | None = None,
    rows: Task | None = None,
) -> Dataset:
    """Join X, y and groups to a data set; a `Dataset` with targets is taken as it is.

    Args:
        x: as in `fit`.
        y: one target for each sequence, in any form that `segue.data.encoding.as_targets` takes.
        groups: one for each sequence.
        layout: the order of axes in X.
        classes: their names, where they are known.
        task: that of y, where it is known.
        rows: the same where there are several values for each sequence.

    Raises:
        DataError: y is missing, or given twice, or not one for each sequence.
    """
    data = x if isinstance(x, Dataset) else Dataset(plain_sequences(x, layout))
    if groups is not None:
        data = replace(data, groups=np.asarray(aligned_with(groups, data, "groups")))
    if y is None:
        if not isinstance(x, Dataset):
            raise DataError(
                "`y` is missing: pass one label for each sequence, or a Dataset. (fit requires y "
                "to be passed, but the target y is None.)"
            )
        return replace(data, missing="refuse")
    if data.y is not None:
        raise two_targets()
    if task == "classify" and isinstance(y, np.ndarray) and y.shape[1:] == (1,):
        warn_of_column()
    note = () if data.ids is None else position_note(y, data, "y")
    names = None if classes is None else tuple(classes)
    y = aligned_with(y, data, "y")
    y = one_each(y, data) if isinstance(y, PerStep) else y
    found = encoded(y, task=task, rows=rows, classes=names)
    if len(found.values) != len(data):
        what = "target" if task == "regress" else "label"
        raise DataError(
            f"There are {len(data)} sequences and {len(found.values)} {what}s; expected one {what} "
            "for each sequence."
        )
    return replace(
        data,
        y=found.values,
        task=found.task,
        classes=found.classes,
        notes=(*data.notes, *note, *filter(None, [found.note])),
        missing="refuse",
    )


def two_targets() -> DataError:
    """The error for targets that are passed beside a data set that has some."""
    return DataError("`X` is a Dataset and has its own targets: leave out `y`.")


def warn_of_column() -> None:
    """Warn of labels in a column; where scikit-learn is imported, with its warning."""
    usual = getattr(sys.modules.get("sklearn.exceptions"), "DataConversionWarning", UserWarning)
    warn_user(
        "A column-vector y was passed when a 1d array was expected; it is read as one label for "
        "each sequence. Pass y.ravel().",
        usual,
    )


_PADDING = (0, -1, -10, -99, -100, -999, -9999)  # what sequences are usually padded with


def warn_of_axes(x: Sequences) -> None:
    """Warn where sequences, all of one length, have many more channels than steps, or look padded.

    Padding is zeros, NaN or another usual value at the ends, or at the beginnings as Keras's
    `pad_sequences` has it, for different numbers of steps. Where it stands on both sides, as in
    pictures with a margin, it belongs to the data.
    """
    longest = int(x.lengths[0])
    if longest > 1 and x.channels >= 4 * longest:
        warn_user(
            f"Each sequence has {longest} time steps of {x.channels} channels. If it is the other "
            "way round, pass layout='nct' (arrays) or 'ct' (lists)."
        )
    if longest < 2 or len(x) < 2 or x.is_text or x.is_mapped:
        return
    values = x.values.reshape(len(x), longest, x.channels)
    for value in _PADDING:
        ends = [(values[:, end] == value).all(axis=1).mean() > 0.25 for end in (0, -1)]
        if value and not any(ends):
            continue
        real = ((values != value) & ~np.isnan(values)).any(axis=2)  # [n, time]
        for side, steps in (("end", real), ("begin", real[:, ::-1])):
            lengths = longest - np.argmax(steps[:, ::-1], axis=1)
            begins = steps[:, 0].mean() > 0.95
            if not begins or (lengths < longest).mean() <= 0.25 or len(np.unique(lengths)) <= 2:
                continue
            how = "in" if side == "end" else "with"
            what = f"{value} or missing values" if value else "zeros or missing values"
            give = "the real lengths, Sequences.from_padded(X, lengths)"
            if side == "begin":
                give = "where steps are real, Sequences.from_padded(X, mask)"
            warn_user(
                f"The sequences all have {longest} steps, but {(lengths < longest).mean():.0%} "
                f"{side} {how} {what}; the shortest has {lengths.min()} others: is this padding? "
                f"Then give {give}, or a list of arrays."
            )
            return


# -- what belongs to each sequence, by id or position ---------------------------------------------


class PerStep(list[Array]):
    """An array of `[time]` values for each sequence, made of one value for each row of a frame."""


def as_pair(
    x: SequencesLike, y: TargetsLike, like: Mapping[str, Any] | None = None
) -> tuple[Any, Any]:
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
    if isinstance(x, PLAIN):
        return x, y
    x = as_frame(x)
    data = unlabelled(x, like)
    if not isinstance(data, Dataset):
        return data, y
    if is_frame(x) and _rows(y) == len(x) != len(data):
        return data, _by_row(x, data, y)
    return data, y


def aligned_with(values: Any, data: Any, what: str) -> Any:
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


def one_each(values: PerStep, data: Dataset) -> list[Any]:
    """One target for each sequence, of one for each of its rows.

    Raises:
        DataError: they vary within a sequence.
    """
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
    """A frame with a column of ids as `Indexed`, or for single steps with the index (id, time)."""
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
    return Indexed(list(_column(values, roles["id"])), rows)


def _column(frame: Any, name: Any) -> list[Any]:
    column = frame[name] if not hasattr(frame, "column_names") else frame.column(name)
    listed: list[Any] = column.to_pylist() if hasattr(column, "to_pylist") else column.to_list()
    return listed


def not_of_fit(kind: Any, name: str) -> str:
    """Why `fit` refuses an argument: it is one of the estimator, or not known at all."""
    own = {n: f"{kind.__name__}(..., {n}=...)" for n in inspect.signature(kind).parameters}
    inner = "{}(options=TrainingOptions({}=...))".format
    own |= {f.name: inner(kind.__name__, f.name) for f in fields(TrainingOptions)}
    known = [*inspect.signature(kind.fit).parameters][1:-1]
    return f"`fit` has no argument {name!r}.{advice_on_argument(name, known, own)}"
