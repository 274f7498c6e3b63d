"""Windows of series: as one array, gone on from step by step, and how well that is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError
from segue.estimators.autoregression import last_known
from segue.estimators.number_targets import Numbers, r_squared
from segue.sequences import Array, Sequences
from segue.windowing import as_series


class Continues(Protocol):
    """A forecaster, or several as one.

    Attributes:
        horizon: how many steps are forecast.
    """

    horizon: int

    def cut(self, series: Dataset) -> Dataset:
        """Windows of these series with the `horizon` steps that follow as `[n, value]` targets."""

    def continued(self, x: Array, steps: int) -> Numbers:
        """`[n, steps, channel]`, what follows `[n, size, channel]` windows."""


def as_array(x: Sequences) -> Array:
    """`[n, size, channel]` of windows that are all of one length."""
    return x.values.reshape(len(x), -1, x.channels)


def ends_of(x: Sequences, size: int) -> Array:
    """`[n, size, channel]`, the last steps of each series.

    Raises:
        DataError: a series is shorter.
    """
    short = np.flatnonzero(x.lengths < size)
    if len(short):
        raise DataError(
            f"Series {short[0]} has {x.lengths[short[0]]} steps; a forecast goes on from the last "
            f"{size} (`size`)."
        )
    return as_array(x.pieces(np.arange(len(x)), x.lengths - size, size))


def rolled(x: Array, steps: int, changes: Callable[[Array], Numbers]) -> Numbers:
    """`[n, steps, channel]`, what follows windows; each step from those before it, forecast or not.

    Args:
        x: `[n, size, channel]`.
        steps: how many, from 1 on.
        changes: gives for windows how far the steps ahead are from the last known value,
            `[n, ahead * channel]`.

    >>> rolled(np.array([[[1.0], [2.0]]]), 3, lambda x: x[:, -1] - x[:, -2])[0, :, 0].tolist()
    [3.0, 4.0, 5.0]
    """
    size, channels = x.shape[1:]
    if len(x) == 0:
        return np.zeros((0, steps, channels))
    found: list[Numbers] = []
    while len(found) < steps:
        ahead = last_known(x)[:, None] + changes(x).reshape(len(x), -1, channels)
        found += list(ahead.transpose(1, 0, 2))
        x = np.concatenate([x, ahead.astype(x.dtype)], axis=1)[:, -size:]
    return np.stack(found[:steps], axis=1)


def r_squared_of_windows(forecaster: Continues, X: Any, sample_weight: Any = None) -> float:  # noqa: N803
    """R² of the forecasts of `horizon` steps after every window of these series.

    Args:
        forecaster: one, or several as one.
        X: series; of a `Dataset` with a part "test", that part is asked.
        sample_weight: `[window]`.
    """
    series = as_series(X)
    cut = forecaster.cut(series.part("test") if "test" in series.part_names else series)
    found = forecaster.continued(as_array(cut.x), forecaster.horizon)
    return r_squared(cut.y, found.reshape(len(cut), -1), sample_weight)
