"""Forecasts: the steps that follow a series, trained on windows of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from segue.data.dataset import Dataset
from segue.data.sequences import Array, Sequences
from segue.errors import DataError, counted, warn_user
from segue.metrics import r_squared
from segue.onnx_graph import Dims, Steps, Value
from segue.prepare import Preparation
from segue.prepare.steps import MeanScale
from segue.tasks.base import Encoded, ObjectiveName, Task
from segue.tasks.outcome import Baseline, Outcome, Picture, Table, number_table
from segue.tasks.regress import (
    UNFITTED,
    Autoregression,
    Numbers,
    last_known,
    refuse_extreme,
    squared_error,
)
from segue.windowing import as_series, is_one_series

# A forecast that is not better than persistence by this factor is warned of.
_CLEARLY_BETTER = 0.99
_UNFITTED = Autoregression(np.zeros((0, 0)), np.zeros(0))


@dataclass(frozen=True, eq=False)
class Forecast(Task):
    """Changes from the last known value, for one step or several ahead.

    Attributes:
        size: steps of a window.
        horizon: steps that are forecast where no other number is wanted.
        ends: `[n, size, channel]`, the last steps of the training series.
        one_series: whether the training series were one `(time,)` array.
        scale: of the changes.
        autoregression: a linear model of the same windows, in closed form.
    """

    size: int
    horizon: int
    ends: Array = field(default_factory=lambda: np.zeros((0, 0, 0), np.float32))
    one_series: bool = False
    scale: MeanScale = UNFITTED
    autoregression: Autoregression = _UNFITTED

    name = "forecast"
    data_tasks = ("regress",)
    needs = "series"
    score_name = "r2"
    targets_inside = True
    options = ("size", "horizon")
    shared = ("size", "horizon")
    scored_unit = "window"
    usage = (
        "model.predict(12)            # what follows the training series",
        "model.predict(data.x, 12)    # what follows these",
    )

    @classmethod
    def of(cls, part: Dataset, **options: Any) -> Self:
        """The task of a training part.

        Raises:
            DataError: there is no window with a value behind it.
        """
        if len(part) == 0:
            raise DataError("After every window of these series a value is missing.")
        return cls(**options)

    @classmethod
    def for_training(
        cls, part: Dataset, _data: Dataset, x: Any, /, **options: Any
    ) -> tuple[Self, Dataset]:
        """The task with the last steps of the training series, from which forecasts start."""
        task, series = cls.of(part, **options), as_series(x)
        series = series.part("train") if "train" in series.part_names else series
        ends = last_steps(series.x[series.x.lengths >= task.size], task.size)
        return replace(task, ends=ends, one_series=is_one_series(x) and np.ndim(x) == 1), part

    def fitted(self, train: Dataset, preparation: Preparation) -> Self:
        """The fitted task: with mean and deviation of the changes, and the autoregression."""
        refuse_extreme(train.y)
        changes = train.y.astype(np.float64)
        linear = Autoregression.fit(as_array(train.x), changes)
        return replace(self, scale=MeanScale.fit(train.y), autoregression=linear)

    @classmethod
    def joint(cls, tasks: Sequence[Task]) -> Task:
        """That of the first member; without the ends where the members have other series."""
        first, *others = tasks
        assert isinstance(first, Forecast)
        ends = [one.ends for one in others if isinstance(one, Forecast)]
        same = all(np.array_equal(first.ends, own, equal_nan=True) for own in ends)
        return first if same else replace(first, ends=first.ends[:0])

    @property
    def known_ends(self) -> Array:
        """`ends`, from which a forecast goes on where no series is given.

        Raises:
            DataError: there are none: the members of an ensemble learnt from different series.
        """
        if len(self.ends) == 0:
            raise DataError(
                "The members learnt from different series, so it is not clear which are to go on: "
                "pass the series."
            )
        return self.ends

    @property
    def objective(self) -> ObjectiveName:
        """The mean squared error of the scaled changes."""
        return squared_error(self.scale)

    def encode(self, data: Dataset) -> Encoded:
        """`[n, value]` scaled changes, float32."""
        return Encoded(self.scale.apply(data.y))

    def write_onnx(self, logits: Value, x: Steps) -> tuple[str, Value, Dims]:
        """The steps that follow windows, `[batch, ahead, channel]` float64."""
        values, channels = x.values, self.ends.shape[2]
        known = ~values.op("IsNaN", dtype=bool) & x.mask().unsqueeze(2)
        time = values.graph.range(values.size(1)).reshape(1, -1, 1)
        step = known.where(time, -1).max(1, keepdims=True)
        last = values.take_along(step, 1).cast(np.float64)  # [batch, 1, channel]
        changes = logits.cast(np.float64) * self.scale.scale + self.scale.mean
        ahead = len(self.scale.scale) // channels
        return "prediction", changes.reshape(-1, ahead, channels) + last, ("batch", ahead, channels)

    def score(self, outputs: Array, data: Dataset, sample_weight: Any = None) -> float:
        """R² of forecasts for windows, `[n, value]`."""
        return r_squared(data.y, outputs, sample_weight)

    def summary_line(self, history: Any, targets: Array, *, validated: bool) -> tuple[str, str]:
        """The RMSE beside that of a persistence forecast.

        Warns:
            UserWarning: the network is not better by 1 %.
        """
        reached = history.kept["validation_rmse" if validated else "rmse"]
        part = "validation" if validated else "training"
        persistence = float(np.sqrt(np.mean(self.scale.restore(targets) ** 2)))
        text = f"RMSE {reached:.4g} on {part} windows; persistence {persistence:.4g}"
        if reached > _CLEARLY_BETTER * persistence:
            warn_user(
                f"The forecast is not clearly better than a persistence forecast ({text}). More "
                "epochs or another network may help; for a random walk nothing can."
            )
        return "forecast", text

    def to_json(self) -> dict[str, Any]:
        """The scale of the changes, the linear model, and the ends of the series."""
        ends: Any = self.ends.astype(object)
        ends[np.isnan(self.ends)] = None
        return {
            **self.scale.to_json(),
            "linear": self.autoregression.to_json(),
            "ends": ends.tolist(),
            "one_series": self.one_series,
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any], **options: Any) -> Self:
        """The reverse of `to_json`."""
        ends = np.array(state["ends"], np.float64)
        single = ends.astype(np.float32)
        return cls(
            **options,
            ends=single if np.array_equal(single, ends, equal_nan=True) else ends,
            one_series=bool(state["one_series"]),
            scale=MeanScale.from_json(state, "the changes"),
            autoregression=Autoregression.from_json(state["linear"]),
        )

    @classmethod
    def is_cut_in_time(cls, data: Dataset, *, named: bool) -> bool:  # noqa: ARG003
        """The end of each series is forecast."""
        return True

    def scored_examples(self, estimator: Any, data: Dataset) -> Dataset:
        """All windows of the series, with the steps that follow."""
        windows: Dataset = estimator.cut(data)
        return windows

    def outcome(self, estimator: Any, data: Dataset) -> Outcome:
        """`[window, step, channel]` forecasts after every window, in three ways."""
        windows, steps = as_array(data.x), estimator.horizon
        persistence = np.repeat(last_known(windows)[:, None], steps, axis=1)
        linear = estimator.continued_linearly(windows, steps)
        about = "least squares over the same windows, in closed form"
        goes_on = "the last known value goes on"
        baselines = (
            Baseline("persistence forecast", goes_on, {"predictions": persistence}),
            Baseline("linear autoregression", about, {"predictions": linear}),
        )
        predictions = estimator.continued(windows, steps)
        forecasts = {one.name: one.arrays["predictions"] for one in baselines}
        return Outcome(
            arrays={
                "targets": data.y.reshape(len(data), steps, -1).astype(np.float64),
                "predictions": predictions,
                "forecasts": {"model": predictions, **forecasts},
            },
            baselines=baselines,
            size=counted(len(data), "window"),
            saved={"windows": len(data)},
        )

    def details(self, scores: Any, at_most: int | None = None) -> Table:
        """The error of each step ahead, of the model and of the baselines."""
        columns = scores.rmse_by_step
        return number_table("Errors by step ahead", "step", columns, first=1, at_most=at_most)

    def pictures(self, scores: Any) -> tuple[Picture, ...]:
        """The first step ahead, forecast over what followed."""
        caption = "The first step ahead: forecast over what followed"
        return (Picture("predictions", scores.plot_predictions(), caption),)


def as_array(x: Sequences) -> Array:
    """`[n, size, channel]` of windows that are all of one length."""
    return x.values.reshape(len(x), x.length_range[1], x.channels)


def last_steps(x: Sequences, size: int) -> Array:
    """`[n, size, channel]`, the last `size` steps of each series.

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


def continued(x: Array, steps: int, changes: Callable[[Array], Numbers]) -> Numbers:
    """`[n, steps, channel]`, what follows windows; each step from those before it, forecast or not.

    Args:
        x: `[n, size, channel]`.
        steps: how many, from 1 on.
        changes: gives for windows how far the steps ahead are from the last known value,
            `[n, ahead * channel]`.

    >>> continued(np.array([[[1.0], [2.0]]]), 3, lambda x: x[:, -1] - x[:, -2])[0, :, 0].tolist()
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
