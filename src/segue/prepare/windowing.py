"""Windows of series: examples of one length that remember where they were cut.

A window knows its series and its span there (`Dataset.spans`), so no split lets two windows that
share a step come to different sides, unless it is told to.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError, OptionError
from segue.sequences import Array, Sequences


def windows(series: Any, size: int, horizon: int = 1, stride: int = 1) -> Dataset:
    """Cut series into windows.

    The target of a window are the `horizon` steps that follow it; where one of them is missing, the
    window is left out. Windows of a data set that has targets keep those: the label or the number
    of their series, or the labels of their own steps (`horizon` then plays no part).

    Args:
        series: one `(time,)` or `(time, channel)` array, a list of them, `Sequences`, or a
            `Dataset`.
        size: steps of a window.
        horizon: steps to be predicted; 0: no target.
        stride: steps from the beginning of one window to that of the next.

    Returns:
        A `Dataset` of `[size, channel]` windows; their values are not copied. `y` is `[n]` for one
        value, else `[n, horizon * channel]`, step by step. `spans` is `[n, 3]`: the number of the
        series, the first step, and the step behind the last one, the target's included. Groups,
        parts and static features are those of the series.

    Raises:
        DataError: no series is long enough for one window.
        OptionError: a size, horizon or stride that means nothing.

    Warns:
        UserWarning: some series are too short, and give no window.

    >>> data = windows([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], size=2)
    >>> data.x[0].T, data.y
    (array([[0., 1.]], dtype=float32), array([2., 3., 4., 5.]))
    >>> train, test = data.split(0.25)  # in time; windows that reach across the cut are left out
    >>> train.spans.tolist(), test.spans.tolist()
    ([[0, 0, 3]], [[0, 3, 6]])
    """
    _check_whole("size", size, least=1)
    _check_whole("horizon", horizon, least=0)
    _check_whole("stride", stride, least=1)
    data = as_series(series)
    ahead = horizon if data.task == "none" else 0
    number, start = _places(data.x.lengths, size + ahead, stride)
    cut = replace(
        data[number],
        x=data.x.pieces(number, start, size),
        y=_targets(data, number, start, size, ahead),
        ids=None if data.ids is None else _names(data.ids[number], start),
        spans=_spans(data, number, start, size + ahead),
    )
    if ahead == 0 or not np.isnan(cut.y).any():
        return cut
    return cut[~np.isnan(cut.y).reshape(len(cut), -1).any(axis=1)]


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
    y = data.y.pieces(number, start, length) if data.task == "label" else None
    parts = np.tile(["train", "test"], len(data))
    return replace(data[number], x=data.x.pieces(number, start, length), y=y, parts=parts)


def _places(lengths: Array, steps: int, stride: int) -> tuple[Array, Array]:
    """The series and the first step of every window that, with its target, has `steps` steps."""
    counts = np.maximum(0, (lengths - steps) // stride + 1)
    if not counts.any():
        raise DataError(
            f"A window with its target takes {steps} steps, and the longest of {len(lengths)} "
            f"series has {lengths.max(initial=0)}: choose a smaller size."
        )
    if not counts.all():
        warnings.warn(
            f"{int((counts == 0).sum())} of {len(lengths)} series are shorter than a window with "
            f"its target ({steps} steps), and give none.",
            stacklevel=3,
        )
    number = np.repeat(np.arange(len(lengths)), counts)
    turn = np.arange(len(number)) - np.repeat(np.cumsum(counts) - counts, counts)
    return number, turn * stride


def _targets(data: Dataset, number: Array, start: Array, size: int, ahead: int) -> Any:
    if data.task == "label":
        return data.y.pieces(number, start, size)
    if data.task != "none":
        return data.y[number]
    if ahead == 0:
        return None
    following = data.x.pieces(number, start + size, ahead).values.reshape(len(number), -1)
    return following.astype(np.float64)[:, 0] if following.shape[1] == 1 else following


def _spans(data: Dataset, number: Array, start: Array, steps: int) -> Array:
    """In the series; windows of windows keep the series that those were cut from."""
    if data.spans is not None:
        start = start + data.spans[number, 1]
        number = data.spans[number, 0]
    return np.column_stack([number, start, start + steps])


def _names(ids: Array, start: Array) -> Array:
    return np.array([f"{name}:{step}" for name, step in zip(ids, start, strict=True)])


def _check_whole(name: str, value: Any, *, least: int) -> None:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least:
        raise OptionError(f"`{name}` is {value!r}; expected a whole number from {least} on.")
