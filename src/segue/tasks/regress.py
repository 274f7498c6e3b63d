"""Regression: numbers for each sequence, scaled for training; linear baselines.

These are a regression and an autoregression in closed form.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from segue.data.arrays import refuse_not_finite
from segue.data.dataset import Dataset
from segue.data.sequences import Array, Sequences
from segue.errors import DataError, counted
from segue.layers.base import TorchSource
from segue.metrics import r_squared
from segue.onnx_graph import Dims, Steps, Value
from segue.prepare import Preparation
from segue.prepare.steps import MeanScale
from segue.tasks.base import Encoded, ObjectiveName, Task, normalized
from segue.tasks.outcome import Baseline, Outcome, Picture, Table, number_table

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
    inputs[:, -1] = last - centre  # the difference there is 0; it is replaced by the level
    return np.column_stack([np.ones(len(x)), inputs.reshape(len(x), -1)])


UNFITTED = MeanScale(np.zeros(0), np.zeros(0))  # of no targets yet


def squared_error(scale: MeanScale) -> ObjectiveName:
    """The objective of targets with this scale."""
    return ObjectiveName("squared", len(scale.scale), tuple(scale.scale.tolist()))


def _as_table(y: Array) -> Numbers:
    """`[n, value]` of `[n]` or `[n, value]`."""
    return np.asarray(y, np.float64).reshape(len(y), -1)


@dataclass(frozen=True, eq=False)
class Regress(Task):
    """One or more numbers for each sequence.

    Attributes:
        shape: of the targets of a sequence: `()`, or `(value,)`.
        scale_target: whether they are scaled to zero mean and unit variance for training.
        scale: the scale of the training targets.
        linear: a linear regression on the mean of each channel and the length, in closed form;
            `None` for tokens and texts.
    """

    shape: tuple[int, ...] = ()
    scale_target: bool = True
    scale: MeanScale = UNFITTED
    linear: LinearOnMeans | None = None

    name = "regress"
    data_tasks = ("regress",)
    needs = "one or more numbers for each sequence"
    score_name = "r2"
    sklearn_type = "regressor"
    takes_static = True
    takes_text = True
    options = ("scale_target",)
    shared = ("shape",)
    usage = ("model.predict(data.x)        # [n] or [n, value]",)

    @classmethod
    def of(cls, part: Dataset, **options: Any) -> Self:
        """The task of a training part.

        Raises:
            DataError: targets that are no finite numbers.
        """
        return cls(_finite(part).shape[1:], **options)

    @staticmethod
    def as_numbers(data: Dataset) -> Dataset:
        """The data set with whole numbers as numbers to be predicted, and no classes."""
        if data.task in ("classify", "multilabel") and data.y.dtype.kind in "iub":
            return replace(data, task="regress", classes=None)
        return data

    def fitted(self, train: Dataset, preparation: Preparation) -> Self:
        """The fitted task: with mean and deviation of the targets, and a linear baseline."""
        refuse_extreme(train.y)
        scale = MeanScale.fit(train.y)
        if not self.scale_target:
            scale = MeanScale(np.zeros_like(scale.mean), np.ones_like(scale.scale))
        linear = None
        if not (train.x.is_text or (train.x.is_whole and preparation.kind == "tokens")):
            linear = LinearOnMeans.fit(train.x, train.static, _as_table(train.y))
        return replace(self, scale=scale, linear=linear)

    @property
    def objective(self) -> ObjectiveName:
        """The mean squared error of the scaled targets; reported in the targets' own unit."""
        return squared_error(self.scale)

    @property
    def mean(self) -> Numbers:
        """`[value]`, the mean of the training targets in their own unit."""
        return self.scale.mean

    def encode(self, data: Dataset) -> Encoded:
        """`[n, value]` scaled numbers, float32."""
        self.check_shape(data)
        return Encoded(self.scale.apply(_finite(data)))

    def restore(self, outputs: Array) -> Numbers:
        """`[n]` or `[n, value]` in the target's own unit, of the outputs of the network."""
        return self.scale.restore(outputs).reshape(-1, *self.shape)

    def write_onnx(self, logits: Value, x: Steps) -> tuple[str, Value, Dims]:
        """The numbers in their own unit, `[batch, value]` float64."""
        found = logits.cast(np.float64) * self.scale.scale + self.scale.mean
        return "prediction", found, ("batch", len(self.scale.scale))

    def write_torch(self, source: TorchSource) -> None:
        scale = source.constant("target_scale", self.scale.scale)
        mean = source.constant("target_mean", self.scale.mean)
        source.steps.append(f"x = x.double() * {scale} + {mean}")

    def score(self, outputs: Array, data: Dataset, sample_weight: Any = None) -> float:
        """R², as scikit-learn's `r2_score`."""
        self.check_shape(data)
        return r_squared(_finite(data), outputs, normalized(sample_weight, len(data)))

    def check_shape(self, data: Dataset) -> None:
        """Raise `DataError` for targets of another shape than those of the training."""
        if data.y.shape[1:] != self.shape:
            raise DataError(
                f"`y` has shape {data.y.shape}; the targets of the training are "
                f"{['n', *self.shape]}, and expected here too: the model predicts "
                f"{counted(math.prod(self.shape), 'number')} for each sequence."
            )

    def to_json(self) -> dict[str, Any]:
        """Mean and scale of the targets, their shape, and the linear regression."""
        linear = None if self.linear is None else self.linear.to_json()
        return {**self.scale.to_json(), "shape": list(self.shape), "linear": linear}

    @classmethod
    def from_json(cls, state: Mapping[str, Any], **options: Any) -> Self:
        """The reverse of `to_json`."""
        scale, shape = MeanScale.from_json(state, "the targets"), tuple(state["shape"])
        if shape not in ((), scale.mean.shape):
            raise DataError(f"the targets have shape {shape} and another scale.")
        rows = state.get("linear")
        linear = None if rows is None else LinearOnMeans.from_json(rows)
        return cls(shape, **options, scale=scale, linear=linear)

    def outcome(self, estimator: Any, data: Dataset) -> Outcome:
        """`[n, value]` numbers; the baselines are the mean of training and a linear regression."""
        self.check_shape(data)
        about = "always the mean of the training targets"
        baselines = [Baseline("mean of training", about, {"predictions": self.mean})]
        if self.linear is not None:
            about = "least squares on the mean of each channel and the length"
            found = self.linear.predict(data.x, data.static)
            baselines.append(Baseline("linear regression", about, {"predictions": found}))
        return Outcome(
            arrays={
                "targets": _as_table(_finite(data)),
                "predictions": _as_table(estimator.predict(data)),
            },
            baselines=tuple(baselines),
        )

    def details(self, scores: Any, at_most: int | None = None) -> Table:
        """The error of each value beside its mean and deviation."""
        means, deviations = scores.targets.mean(axis=0), scores.targets.std(axis=0)
        columns = {"RMSE": scores.rmse_by_value, "mean": means, "standard deviation": deviations}
        return number_table("Errors by value", "value", columns, first=0, at_most=at_most)

    def pictures(self, scores: Any) -> tuple[Picture, ...]:
        """Predicted over true numbers."""
        caption = "Predicted over true; on the line they are the same"
        return (Picture("predictions", scores.plot_predictions(), caption),)


def refuse_extreme(y: Array) -> None:
    """Raise `DataError` where squared errors of these targets are beyond what float32 holds."""
    largest = float(np.abs(np.asarray(y, np.float64)).max(initial=0.0))
    if largest and not 1e-18 < largest < 1e18:
        raise DataError(
            f"The targets reach {largest:.3g}: their squared errors are beyond float32. Give them "
            "in another unit, multiplied by such a factor that they lie near 1."
        )


def _finite(data: Dataset) -> Numbers:
    """`[n]` or `[n, value]`, the targets; raise `DataError` unless all are finite."""
    refuse_not_finite(data.y, "The target", "leave those sequences out")
    return np.asarray(data.y, np.float64)
