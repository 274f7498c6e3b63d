"""Linear baselines in closed form: a regression and an autoregression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from segue.data.sequences import Array, Sequences

Numbers = npt.NDArray[np.float64]

# Windows that are worked on at once.
_ROWS = 20_000


@dataclass(frozen=True)
class Linear:
    """A linear model that was fitted in closed form.

    Attributes:
        coefficients: `[1 + input, value]`, the constant first.
        centre: what is subtracted from the inputs: their mean in training.
    """

    coefficients: Numbers
    centre: Numbers

    def to_json(self) -> list[list[float]]:
        """As plain lists: the centre, then a row for each input."""
        return [self.centre.tolist(), *self.coefficients.tolist()]

    @classmethod
    def from_json(cls, rows: Any) -> Self:
        """The reverse of `to_json`."""
        centre, *coefficients = rows
        return cls(np.array(coefficients, np.float64), np.array(centre, np.float64))


class LinearOnMeans(Linear):
    """Least squares on the mean of each channel, the length and static features.

    The centre, `[feature]`, also fills what is missing.
    """

    @classmethod
    def fit(cls, x: Sequences, static: Array | None, y: Array) -> Self:
        """Fit to `[n, value]` targets.

        >>> x = Sequences.from_list([[1.0, 3.0], [4.0], [5.0, 5.0]])
        >>> fitted = LinearOnMeans.fit(x, None, np.array([[20.0], [40.0], [50.0]]))
        >>> fitted.predict(x, None).round(3).ravel().tolist()
        [20.0, 40.0, 50.0]
        """
        features = features_of(x, static)
        centre: Numbers = np.nan_to_num(np.nanmean(features, axis=0)).astype(np.float64)
        inputs = _inputs(features, centre)
        solution: Numbers = np.linalg.lstsq(inputs, y, rcond=None)[0].astype(np.float64)
        return cls(solution, centre)

    def predict(self, x: Sequences, static: Array | None) -> Numbers:
        """`[n, value]`."""
        return np.asarray(_inputs(features_of(x, static), self.centre) @ self.coefficients)


def features_of(x: Sequences, static: Array | None = None) -> Numbers:
    """`[n, channel + 1 + static]`: means over what is not missing, lengths, static features."""
    means = [
        _sums(np.nan_to_num(block.values), block)
        / np.maximum(_sums(~np.isnan(block.values), block), 1)
        for block in x.blocks()
    ]
    columns = [np.concatenate(means), x.lengths[:, None]]
    return np.column_stack([*columns, *([] if static is None else [static])]).astype(np.float64)


def _sums(values: Array, block: Sequences) -> Numbers:
    return np.add.reduceat(values.astype(np.float64), block.offsets[:-1], axis=0)


def _inputs(features: Numbers, centre: Numbers) -> Numbers:
    return np.column_stack([np.ones(len(features)), np.nan_to_num(features - centre)])


def as_table(y: Array) -> Numbers:
    """`[n, value]` of `[n]` or `[n, value]`."""
    return np.asarray(y, np.float64).reshape(len(y), -1)


class Autoregression(Linear):
    """A linear autoregression: coefficients `[1 + size * channel, value]`.

        y[t + h] - y[t] = c + a_0 * y[t] + a_1 * (y[t - 1] - y[t]) + a_2 * (y[t - 2] - y[t]) + ...

    by least squares over the steps of a window in all channels, for each step ahead and each
    channel on its own. Written with differences it stays well posed where the level is far
    from 0. Source: G. E. P. Box, G. M. Jenkins, "Time Series Analysis: Forecasting and Control",
    1970.

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
            rows = _windows(x[first : first + _ROWS], centre)
            known = ~np.isnan(rows).any(axis=1)
            gram += rows[known].T @ rows[known]
            moment += rows[known].T @ changes[first : first + _ROWS][known]
        return cls(np.linalg.lstsq(gram, moment, rcond=None)[0], centre)

    def changes(self, x: Array) -> Numbers:
        """`[n, value]` for `[n, size, channel]` windows; a gap counts as the last known value."""
        found = [
            np.nan_to_num(_windows(x[first : first + _ROWS], self.centre)) @ self.coefficients
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


def _windows(x: Array, centre: Numbers) -> Numbers:
    last = last_known(x)
    inputs = x.astype(np.float64) - last[:, None]
    inputs[:, -1] = last - centre  # the difference there is 0; the level takes its place
    return np.column_stack([np.ones(len(x)), inputs.reshape(len(x), -1)])
