"""Linear models in closed form; a regression on what a sequence has on average is one.

It is what a regressor is compared with; a forecaster, with an autoregression.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from segue.estimators.number_targets import Numbers
from segue.sequences import Array, Sequences


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
