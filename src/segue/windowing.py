"""Windows of series and of labelled recordings: examples of one length, with their positions.

A window knows its series and its span there (`Dataset.spans`), so no split lets two windows that
share a step come to different sides, unless this is requested.

    a series                        windows and what follows them, for a forecast
    a recording, a label each step  windows with one label each, for a classifier
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from segue.data.dataset import Dataset
from segue.data.sequences import Array, Sequences
from segue.errors import DataError, OptionError, check_whole, counted, did_you_mean, warn_user

__all__ = ["as_series", "cut_in_time", "cut_recordings", "is_one_series", "windows"]


def window_counts(lengths: Array, steps: int, stride: int) -> Array:
    """`[series]`, how many windows of so many steps each gives.

    >>> window_counts(np.array([10, 5, 2]), 4, 3).tolist()
    [3, 1, 0]
    """
    return np.asarray(np.maximum(0, (lengths - steps) // stride + 1))


def window_starts(lengths: Array, size: int, stride: int, ahead: int = 0) -> tuple[Array, Array]:
    """The series and the first step of every window.

    Args:
        lengths: `[series]`.
        size: steps of a window.
        stride: steps from the beginning of one window to that of the next.
        ahead: steps of the target that follow a window.

    Raises:
        DataError: no series is long enough.

    >>> number, start = window_starts(np.array([6, 4]), 4, 2)
    >>> number.tolist(), start.tolist()
    ([0, 0, 1], [0, 2, 0])
    """
    what, steps = "window with its target" if ahead else "window", size + ahead
    counts = window_counts(lengths, steps, stride)
    if not counts.any():
        raise DataError(
            f"A {what} takes {steps} steps, and the longest of {len(lengths)} "
            f"series has {lengths.max(initial=0)}: choose a smaller `size`."
        )
    if not counts.all():
        warn_user(
            f"{int((counts == 0).sum())} of {len(lengths)} series are shorter than a {what} "
            f"({steps} steps), and give none."
        )
    number = np.repeat(np.arange(len(lengths)), counts)
    turn = np.arange(len(number)) - np.repeat(np.cumsum(counts) - counts, counts)
    return number, turn * stride


# -- labels of windows ----------------------------------------------------------------------------

# What a window has, by the value of `label`.
WINDOW_LABELS = {
    "all": "the label that all of its steps have",
    "majority": "the label that most of its steps have",
    "last": "the label of its last step",
    "none": "no label",
}


def label_of_windows(labels: Array, first: Array, size: int, label_rule: str) -> Array:
    """`[windows]`, the class number of each window, -1 where it has none.

    A step without a label counts as if that were a label too: where it is the one, the window has
    none.

    Args:
        labels: `[total_steps]`, the class number of each step, negative where there is none.
        first: `[windows]`, the first step of each.
        size: steps of a window.
        label_rule: "all", "majority" (of equals the label of the last step) or "last".

    >>> steps, first = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 2])
    >>> [label_of_windows(steps, first, 4, rule).tolist() for rule in ("all", "majority", "last")]
    [[-1, -1], [0, 1], [1, 1]]
    """
    labels = np.maximum(labels, -1)
    best = last = labels[first + size - 1]
    if label_rule == "all":
        changes = np.concatenate([[0], np.cumsum(np.diff(labels) != 0)])
        best = np.where(changes[first] == changes[first + size - 1], last, -1)
    elif label_rule == "majority":
        most = np.zeros(len(first), np.int64)
        for code in range(-1, int(labels.max(initial=-1)) + 1):  # memory of one class at a time
            count = count_steps(labels == code, first, size)
            better = (count > most) | ((count == most) & (last == code))
            best, most = np.where(better, code, best), np.where(better, count, most)
    return np.asarray(best)


def count_steps(there: Array, first: Array, size: int) -> Array:
    """`[windows]`, at how many steps of each window a mask is set.

    >>> count_steps(np.array([True, False, True]), np.array([0, 1]), 2).tolist()
    [1, 1]
    """
    before = np.concatenate([[0], np.cumsum(there)])
    return np.asarray(before[first + size] - before[first])


def windows(
    series: Any, size: int, horizon: int = 1, stride: int = 1, *, label: str | None = None
) -> Dataset:
    """Cut series, or labelled recordings, into windows.

    The target of a window are the `horizon` steps that follow it; where one of them is missing, the
    window is left out. Windows of a data set that has targets keep those: the label or the number
    of their series, or the labels of their own steps (`horizon` then plays no part).

    With `label` each window has one label, for a classifier, and `horizon` plays no part. A window
    that has no such label is left out; how many, and why, is in `notes`. No window reaches from one
    recording into the next. What `fit` learns from such windows remembers how they were cut
    (`reading_`), so that `segue.read(source, like=model)` cuts other recordings in the same way.

    Args:
        series: one `(time,)` or `(time, channel)` array, a list of them, `Sequences`, or a
            `Dataset`.
        size: steps of a window.
        horizon: steps to be predicted; 0: no target.
        stride: steps from the beginning of one window to that of the next.
        label: of recordings with a label for each step, the one that a window has. "all": that of
            all its steps, where they have the same one; "majority": that of most steps (of equals
            that of the last step); "last": that of the last step; "none": no window has one, and
            none is left out. A step without a label counts as if "no label" were a label too.
            Where a recording has one label as a whole, its windows have that.

    Returns:
        A `Dataset` of `[size, channel]` windows; their values are not copied. `y` is `[n]` for one
        value, else `[n, horizon * channel]`, step by step. `spans` is `[n, 3]`: the number of the
        series, the first step, and the step behind the last one, the target's included. Groups,
        parts and static features are those of the series; with `label` and without groups, each of
        several recordings is a group. `ids` are such as `walk-1:128-256`.

    Raises:
        DataError: no series is long enough for one window, or no window has a label.
        OptionError: a size, horizon, stride or label that means nothing.

    Warns:
        UserWarning: some series are too short, and give no window.

    >>> data = windows([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], size=2)
    >>> data.x[0].T, data.y
    (array([[0., 1.]], dtype=float32), array([2., 3., 4., 5.]))
    >>> train, test = data.split(0.25)  # in time; windows that reach across the cut are left out
    >>> train.spans.tolist(), test.spans.tolist()
    ([[0, 0, 3]], [[0, 3, 6]])
    >>> steps = Sequences.from_list([np.array([0, 0, 0, 1, 1, 1], np.int32)])
    >>> recording = Dataset([[0.0, 0.1, 0.0, 1.0, 1.1, 1.0]], steps, ("rest", "walk"))
    >>> data = windows(recording, size=2, stride=2, label="all")
    >>> data.y.tolist(), data.ids.tolist()
    (['rest', 'walk'], ['0-2', '4-6'])
    """
    check_whole("size", size)
    check_whole("horizon", horizon, least=0)
    check_whole("stride", stride)
    if label is not None and label not in WINDOW_LABELS:
        raise OptionError(f"`label` is {label!r}.{did_you_mean(str(label), WINDOW_LABELS)}")
    data = as_series(series)
    if label is not None:
        return _labelled_windows(data, size, stride, label)
    ahead = horizon if data.y is None else 0
    number, start = window_starts(data.x.lengths, size, stride, ahead)
    if ahead == 0:
        return _cut(data, number, start, size)
    y = data.x.pieces(number, start + size, ahead).values.reshape(len(number), -1).astype(float)
    known = ~np.isnan(y).any(axis=1)
    number, start, y = number[known], start[known], y[known]
    y = y[:, 0] if y.shape[1] == 1 else y
    return _cut(data, number, start, size, ahead=ahead, y=y, task="regress")


def _cut(
    data: Dataset, number: Array, start: Array, size: int, *, ahead: int = 0, **fields: Any
) -> Dataset:
    """The windows as a data set.

    Args:
        data: the series.
        number: `[windows]`, the series of each.
        start: `[windows]`, its first step there.
        size: steps of a window.
        ahead: steps of the target behind a window.
        fields: of the data set, in place of those of the series; of `ids`, `[series]`, those of the
            windows are made.
    """
    series, first = number, start
    if data.spans is not None:  # windows of windows: the series that those were cut from
        series, first = data.spans[number, 0], start + data.spans[number, 1]
    ids = fields.get("ids", data.ids)
    if ids is not None:
        before = ("" if name is None else f"{name}:" for name in ids[number].tolist())
        named = zip(before, start.tolist(), strict=True)
        fields["ids"] = np.array([f"{name}{step}-{step + size}" for name, step in named])
    if isinstance(data.y, Sequences):
        fields = {"y": data.y.pieces(number, start, size), **fields}
    spans = np.column_stack([series, first, first + size + ahead])
    return replace(data[number], x=data.x.pieces(number, start, size), spans=spans, **fields)


# -- recordings ---------------------------------------------------------------------------------


def _labelled_windows(data: Dataset, size: int, stride: int, label: str) -> Dataset:
    """Windows with one label each, for a classifier."""
    number, start = window_starts(data.x.lengths, size, stride)
    y, has_steps, what, left_out = None, isinstance(data.y, Sequences), "", ""
    if label == "none":
        what = ", without labels"
    elif has_steps:
        kept, y, left_out = _window_labels(data, number, start, size, label)
        number, start, what = number[kept], start[kept], f", each with {WINDOW_LABELS[label]}"
    elif data.y is not None:
        y, own = data.y[number], "numbers" if data.classes is None else "label"
        what = f", each with the {own} of its recording"
    counts = window_counts(data.x.lengths, size, stride)
    covered = np.where(counts > 0, (counts - 1) * min(stride, size) + size, 0)
    outside = int((data.x.lengths - covered).sum())
    note = f"cut into {counted(len(number), 'window')} of {counted(size, 'step')}, "
    note += f"one every {stride:,}{what}"
    note += f"; {counted(outside, 'step')} in no window" if outside else ""
    # What the recordings are called: by their groups, where each is of another one.
    names = data.ids
    if names is None and data.groups is not None and len(np.unique(data.groups)) == len(data):
        names = np.asarray(data.groups)
    names = np.arange(len(data)) if names is None else names
    # Windows of one recording stay together in a split; those of a single one are split in time.
    is_grouped = data.groups is not None or len(data) == 1
    return _cut(
        data, number, start, size,
        ids=np.array([None]) if data.ids is None and len(data) == 1 else names,
        y=y,
        task="classify" if has_steps else data.task,
        classes=None if has_steps or y is None else data.classes,
        groups=data[number].groups if is_grouped else names[number],
        notes=(*data.notes, note + left_out),
        reading={**(data.reading or {}), "window": size, "stride": stride, "window_label": label},
    )  # fmt: skip


def _window_labels(
    data: Dataset, number: Array, start: Array, size: int, label: str
) -> tuple[Array, Array, str]:
    """The windows that are kept, their labels, and a note on those that are left out."""
    labels, first = data.y.values[:, 0], data.y.offsets[number] + start
    codes = label_of_windows(labels, first, size, label)
    kept = codes >= 0
    missing, note = int((~kept).sum()), ""
    reasons = {f"{'most steps' if label == 'majority' else 'a last step'} without one": missing}
    if label == "all":
        unlabelled = int((count_steps(labels < 0, first, size)[~kept] > 0).sum())
        reasons = {"several labels": missing - unlabelled, "steps without a label": unlabelled}
    if missing:
        listed = ", ".join(f"{count:,} with {why}" for why, count in reasons.items() if count)
        note = f"; {missing:,} left out: {listed}"
    if not kept.any():
        raise DataError(
            f"No window of {counted(size, 'step')} has {WINDOW_LABELS[label]}{note}. Choose a "
            "smaller size, or another label (all, majority, last)."
        )
    names = np.arange(codes.max() + 1) if data.classes is None else np.asarray(data.classes)
    lost = np.setdiff1d(labels[labels >= 0], codes)  # classes that steps have, and no window
    if len(lost):
        listed = ", ".join(repr(names[code].item()) for code in lost)
        note += f"; no window is of class {listed}"
    return kept, names[codes[kept]], note


def cut_recordings(
    data: Dataset, window: int | None, stride: int | None, window_label: str | None
) -> Dataset:
    """Cut what was read into windows with one label each; without `window` it stays as it is.

    Args:
        data: recordings.
        window: steps of a window.
        stride: `None`: as many steps, so that windows do not overlap.
        window_label: as `label` of `windows`.

    Raises:
        OptionError: each step has a label, and which of them a window gets is not given.
    """
    if window is None:
        if stride is not None or window_label not in (None, "none"):
            raise OptionError(
                "`stride` and `window_label` are for windows: give their size too, window=N."
            )
        return data
    if isinstance(data.y, Sequences) and window_label is None:
        raise OptionError(
            "Each step has a label, and a window needs one: that of all of its steps, of most of "
            "them, or of its last one: window_label='all', 'majority' or 'last'. To learn a label "
            "for each step leave out the window."
        )
    stride = window if stride is None else stride
    return windows(data, window, stride=stride, label=window_label or "all")


# -- series -------------------------------------------------------------------------------------


def as_series(series: Any, *, exact: bool = False) -> Dataset:
    """Take one series or several as a data set with a sequence for each.

    Args:
        series: one `(time,)` array or list of numbers, one `(time, channel)` array, a list of such
            arrays, `Sequences`, or a `Dataset`.
        exact: as in `Sequences`.

    >>> len(as_series([1.0, 2.0])), len(as_series([[1.0, 2.0], [3.0]]))
    (1, 2)
    """
    if isinstance(series, Dataset):
        return series
    if isinstance(series, Sequences):
        return Dataset(series)
    several = [series] if is_one_series(series) else series
    return Dataset(Sequences.from_list(several, exact=exact))


def is_one_series(series: Any) -> bool:
    """Whether these are the steps of one series, and not several series."""
    if isinstance(series, Dataset | Sequences):
        return False
    if hasattr(series, "ndim"):
        return int(series.ndim) <= 2
    return all(np.ndim(step) == 0 for step in series)


def cut_in_time(data: Dataset, share: float) -> Dataset:
    """Cut each series in two: part "train", and the last share of its steps as part "test".

    >>> cut_in_time(as_series([1.0, 2.0, 3.0, 4.0]), 0.25).x.lengths.tolist()
    [3, 1]
    """
    lengths = data.x.lengths
    number = np.repeat(np.arange(len(data)), 2)
    tail = np.maximum(1, np.round(lengths * share).astype(np.int64))
    length = np.column_stack([lengths - tail, tail]).ravel()
    start = np.column_stack([np.zeros_like(tail), lengths - tail]).ravel()
    if (length < 1).any():
        raise DataError("A series of one step cannot be cut in two: give longer ones.")
    y = data.y.pieces(number, start, length) if isinstance(data.y, Sequences) else None
    parts = np.tile(["train", "test"], len(data))
    return replace(data[number], x=data.x.pieces(number, start, length), y=y, parts=parts)
