"""Forecasts: errors by step ahead, beside "as yesterday" and a linear autoregression."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from segue.evaluation import text
from segue.evaluation.background import Background
from segue.evaluation.metrics import Floats
from segue.evaluation.scores import ScoreRow, Scores, Table, number, rmse
from segue.evaluation.trained_on import TrainedOn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from segue.dataset import Dataset
    from segue.estimators import Forecaster

# Takes windows and what they are called; gives those that are scored, and what was seen of them.
Choose = Callable[..., tuple["Dataset", TrainedOn]]

MODELS = {
    "model": "root of the mean squared error, in the unit of the series",
    "as yesterday": "the last known value goes on",
    "linear autoregression": "least squares over the same windows, in closed form",
}


@dataclass(frozen=True, eq=False, repr=False)
class ForecastScores(Scores):
    """The scores of a forecaster after every window of the scored series.

    Attributes:
        targets: `[window, step, channel]`, what followed.
        found: what was forecast, by the name of the model, in the same shape.
    """

    targets: Floats
    found: dict[str, Floats]

    task: ClassVar[str] = "forecast"
    calls: ClassVar[tuple[str, ...]] = (
        "model.predict(12)            # what follows the training series",
        "model.predict(data.x, 12)    # what follows these",
    )

    @cached_property
    def errors(self) -> dict[str, float]:
        """The root of the mean squared error over all steps ahead, by model."""
        return {name: rmse(self.targets - values) for name, values in self.found.items()}

    @cached_property
    def by_step(self) -> dict[str, list[float]]:
        """The same for each step ahead."""
        return {
            name: np.sqrt(np.mean((self.targets - values) ** 2, axis=(0, 2))).tolist()
            for name, values in self.found.items()
        }

    @cached_property
    def r2(self) -> float:
        """The coefficient of determination of the model's forecasts."""
        from segue.tasks.regress import r_squared

        rows = len(self.targets)
        return r_squared(self.targets.reshape(rows, -1), self.found["model"].reshape(rows, -1))

    def heading(self) -> str:
        return f"{super().heading()}, {text.counted(len(self.targets), 'window')}"

    def metrics(self) -> dict[str, Any]:
        model, *others = self.errors.items()
        return {
            "task": self.task,
            "part": self.part,
            "sequences": len(self.dataset),
            "trained_on": self.trained_on.metrics(),
            "windows": len(self.targets),
            "rmse": model[1],
            "r2": self.r2,
            "baselines": {name: {"rmse": error} for name, error in others},
            "rmse_by_step": self.by_step,
        }

    def score_rows(self) -> list[ScoreRow]:
        rows = [
            ("RMSE" if name == "model" else name, number(error), MODELS[name])
            for name, error in self.errors.items()
        ]
        return [*rows, ("R²", f"{self.r2:.4f}", "1 is exact, 0 is the mean of what followed")]

    def comparison(self) -> str:
        model, *others = self.errors.items()
        worse = [f"{name!r}" for name, error in others if model[1] >= error]
        if worse:
            return f"The forecast is not better than {' and '.join(worse)}."
        return "The forecast has a smaller error than both baselines."

    def details(self) -> Table:
        steps = range(self.targets.shape[1])
        rows = tuple(
            (str(i + 1), *(number(self.by_step[name][i]) for name in self.found)) for i in steps
        )
        return Table("Errors by step ahead", ("step", *self.found), rows)

    def plot_predictions(self, axes: Axes | None = None) -> Axes:
        """Draw the first step ahead over what followed."""
        from segue import plots

        return plots.plot_predictions(self.targets[:, 0], self.found["model"][:, 0], axes=axes)

    def pictures(self) -> list[tuple[Axes, str]]:
        return [(self.plot_predictions(), "The first step ahead: forecast over what followed")]


def score_forecasts(
    estimator: Forecaster, data: Dataset, part: str, choose: Choose
) -> ForecastScores:
    """Forecast `horizon` steps after every window of these series, in three ways.

    Args:
        estimator: fitted.
        data: series.
        part: the part that they are.
        choose: which of the windows are scored, and what the model has seen of them.
    """
    from segue.tasks.forecast import as_array
    from segue.tasks.linear import last_known

    cut, seen = choose(estimator.cut(data), unit="window")
    steps = estimator.horizon
    windows = as_array(cut.x)
    yesterday = np.repeat(last_known(windows)[:, None], steps, axis=1)
    return ForecastScores(
        data,
        seen.part(part),
        Background.of(estimator),
        trained_on=seen,
        targets=cut.y.reshape(len(cut), steps, -1).astype(np.float64),
        found={
            "model": estimator.continued(windows, steps),
            "as yesterday": yesterday,
            "linear autoregression": estimator.continued_linearly(windows, steps),
        },
    )
