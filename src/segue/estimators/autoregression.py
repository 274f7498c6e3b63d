"""A linear autoregression in closed form: what a forecast is compared with.

    y[t + h] - y[t] = c + a_0 * y[t] + a_1 * (y[t - 1] - y[t]) + a_2 * (y[t - 2] - y[t]) + ...

by least squares over the steps of a window in all channels, for each step ahead and each channel on
its own. Written with differences it stays well posed where the level is far from 0. Source:
G. E. P. Box, G. M. Jenkins, "Time Series Analysis: Forecasting and Control", 1970.
"""

from __future__ import annotations

from typing import Self

import numpy as np

from segue.estimators.linear import Linear
from segue.estimators.number_targets import Numbers
from segue.sequences import Array

# Windows that are worked on at once.
_ROWS = 20_000


class Autoregression(Linear):
    """Fitted coefficients, `[1 + size * channel, value]`.

    The centre, `[channel]`, is subtracted from the last values.
    """

    @classmethod
    def fit(cls, x: Array, changes: Array) -> Self:
        """Solve the normal equations; windows with missing values are left out.

        Args:
            x: `[n, size, channel]` windows.
            changes: `[n, value]`, what follows, less the last value.

        >>> halved = 0.5 ** np.arange(9.0)
        >>> x = np.column_stack([halved[:-2], halved[1:-1]])[:, :, None]
        >>> fitted = Autoregression.fit(x, halved[2:, None] - halved[1:-1, None])
        >>> (fitted.changes(np.array([[[8.0], [4.0]]])) + 4.0).round(3)
        array([[2.]])
        """
        inputs = 1 + x.shape[1] * x.shape[2]
        gram, moment = np.zeros((inputs, inputs)), np.zeros((inputs, changes.shape[1]))
        centre = np.nanmean(last_known(x), axis=0)
        for first in range(0, len(x), _ROWS):
            rows = _inputs(x[first : first + _ROWS], centre)
            known = ~np.isnan(rows).any(axis=1)
            gram += rows[known].T @ rows[known]
            moment += rows[known].T @ changes[first : first + _ROWS][known]
        return cls(np.linalg.lstsq(gram, moment, rcond=None)[0], centre)

    def changes(self, x: Array) -> Numbers:
        """`[n, value]` for `[n, size, channel]` windows; a gap counts as the last known value."""
        found = [
            np.nan_to_num(_inputs(x[first : first + _ROWS], self.centre)) @ self.coefficients
            for first in range(0, len(x), _ROWS)
        ]
        return np.concatenate(found)


def last_known(x: Array) -> Numbers:
    """`[n, channel]`, the last value of each channel that is not missing; NaN where all are.

    >>> last_known(np.array([[[1.0], [2.0], [np.nan]]])).tolist()
    [[2.0]]
    """
    there = ~np.isnan(x)
    last = x.shape[1] - 1 - np.argmax(there[:, ::-1], axis=1)
    return np.take_along_axis(x, last[:, None], axis=1)[:, 0].astype(np.float64)


def _inputs(x: Array, centre: Numbers) -> Numbers:
    last = last_known(x)
    inputs = x.astype(np.float64) - last[:, None]
    inputs[:, -1] = last - centre  # the difference there is 0; the level takes its place
    return np.column_stack([np.ones(len(x)), inputs.reshape(len(x), -1)])
