"""Numbers for each sequence: errors in their unit, beside two models in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from segue.evaluation.background import Background
from segue.evaluation.metrics import Floats
from segue.evaluation.scores import ScoreRow, Scores, Table, number, rmse

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from segue.dataset import Dataset
    from segue.estimators import SequenceRegressor


@dataclass(frozen=True, eq=False, repr=False)
class NumberScores(Scores):
    """The scores of a regressor.

    Attributes:
        targets: `[n, value]`.
        predictions: `[n, value]`, of the model.
        mean: `[value]`, the mean of the training targets.
        linear: `[n, value]`, of a linear regression on the mean of each channel and the length,
            fitted in closed form on the training data; `None` for tokens.
    """

    targets: Floats
    predictions: Floats
    mean: Floats
    linear: Floats | None

    task: ClassVar[str] = "regress"
    calls: ClassVar[tuple[str, ...]] = ("model.predict(data.x)        # [n] or [n, value]",)

    @cached_property
    def r2(self) -> float:
        """The coefficient of determination, as scikit-learn's `r2_score`."""
        from segue.tasks.regress import r_squared

        return r_squared(self.targets, self.predictions)

    @cached_property
    def errors(self) -> dict[str, float]:
        """The root of the mean squared error of the model and of each baseline, by name."""
        found = {"model": self.predictions, "mean of training": self.mean}
        if self.linear is not None:
            found["linear regression"] = self.linear
        return {name: rmse(self.targets - values) for name, values in found.items()}

    @property
    def mean_absolute_error(self) -> float:
        """The mean distance between target and prediction."""
        return float(np.abs(self.targets - self.predictions).mean())

    def metrics(self) -> dict[str, Any]:
        model, *others = self.errors.items()
        return {
            "task": self.task,
            "part": self.part,
            "sequences": len(self.dataset),
            "trained_on": self.trained_on.metrics(),
            "r2": self.r2,
            "rmse": model[1],
            "mean_absolute_error": self.mean_absolute_error,
            "baselines": {name: {"rmse": error} for name, error in others},
            "rmse_by_value": [rmse(column) for column in (self.targets - self.predictions).T],
        }

    def score_rows(self) -> list[ScoreRow]:
        said = {
            "mean of training": "always the mean of the training targets",
            "linear regression": "least squares on the mean of each channel and the length",
        }
        model, *others = self.errors.items()
        return [
            ("RMSE", number(model[1]), "root of the mean squared error, in the unit of the target"),
            *((name, number(error), said[name]) for name, error in others),
            ("R²", f"{self.r2:.4f}", "1 is exact, 0 is no better than the mean of these targets"),
            ("mean absolute error", number(self.mean_absolute_error), ""),
        ]

    def comparison(self) -> str:
        model, *others = self.errors.items()
        worse = [name for name, error in others if model[1] >= error]
        if worse:
            return f"The model is not better than: {', '.join(worse)}."
        return "The model has a smaller error than every baseline."

    def details(self) -> Table:
        rows = tuple(
            (
                str(i),
                number(rmse(wanted - found)),
                number(float(wanted.mean())),
                number(float(wanted.std())),
            )
            for i, (wanted, found) in enumerate(
                zip(self.targets.T, self.predictions.T, strict=True)
            )
        )
        return Table("Errors by value", ("value", "RMSE", "mean", "standard deviation"), rows)

    def plot_predictions(self, axes: Axes | None = None) -> Axes:
        """Draw the predictions over the targets; on the diagonal they are the same."""
        from segue import plots

        return plots.plot_predictions(self.targets, self.predictions, axes=axes)

    def pictures(self) -> list[tuple[Axes, str]]:
        return [(self.plot_predictions(), "Predicted over true; on the line they are the same")]


def score_numbers(estimator: SequenceRegressor, data: Dataset, part: str) -> NumberScores:
    """Ask a fitted regressor, and the closed-form models that it keeps."""
    from segue.tasks.linear import as_table
    from segue.tasks.regress import as_numbers

    linear = estimator.task_.linear
    return NumberScores(
        data,
        part,
        Background.of(estimator),
        targets=as_table(as_numbers(data.y)),
        predictions=as_table(estimator.predict(data)),
        mean=estimator.target_scale_.mean,
        linear=None if linear is None else linear.predict(data.x, data.static),
    )
