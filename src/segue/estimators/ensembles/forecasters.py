"""Several forecasters as one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError
from segue.estimators.ensembles.base import Ensemble, mean
from segue.estimators.forecaster import Forecaster, r_squared_of_windows
from segue.sequences import Array
from segue.tasks.linear import Numbers


class ForecasterEnsemble(Ensemble[Forecaster]):
    """Several forecasters as one: the mean of their continuations.

    With the recursive strategy each member goes on from its own forecasts, and the mean is taken of
    the whole continuations; it is not fed back. So the forecast is exactly the mean of what the
    members forecast, at every step ahead and for both strategies: the expected continuation if one
    of them is right and it is not known which. Fed back, the mean would be the forecast of a model
    that none of them is.

    Args:
        members: fitted forecasters of the same channels, `size` and `horizon`.

    Attributes:
        members: as given.
        size, horizon: steps of a window, and how many are forecast.
        n_features_in_, channels_, reading_, training_summary_: as in `SequenceEnsemble`.

    Raises:
        DataError: no members, or members that do not agree.
        NotFittedError: a member that is not fitted.

    >>> from segue import TrainingOptions
    >>> from segue.estimators import fit_seeds
    >>> series = np.sin(0.3 * np.arange(300))
    >>> options = TrainingOptions(progress="none")
    >>> forecaster = Forecaster("gru(8)", size=12, epochs=8, options=options)
    >>> results = fit_seeds(forecaster, series, seeds=2)
    >>> one, other = (member.predict(5) for member in results.members)
    >>> bool((results.ensemble().predict(5) == (one + other) / 2).all())
    True
    """

    kind = Forecaster
    alike: ClassVar[tuple[str, ...]] = ("size", "horizon")

    def __init__(self, members: Iterable[Forecaster]) -> None:
        super().__init__(members)
        self.size, self.horizon = self.first.size, self.first.horizon

    def predict(self, series: Any = None, steps: int | None = None) -> Numbers:
        """Continue series: the mean of the members' continuations.

        Args:
            series: as in `Forecaster.predict`; the training series if left out.
            steps: how many; `horizon` if left out.

        Returns:
            `[steps]`, `[steps, channel]` or `[n, steps, channel]`, as `Forecaster.predict` says.

        Raises:
            DataError: a series shorter than a window, or with other channels; no series, and
                members that learnt from different ones.
            OptionError: more steps than a member with the direct strategy has learnt.
        """
        if isinstance(series, int | np.integer):
            series, steps = None, int(series)
        if series is None:
            self._check_ends()
        else:
            series = self.first.as_read(series)
        return mean(member.predict(series, steps) for member in self.members)

    def continued(self, x: Array, steps: int) -> Numbers:
        """`[n, steps, channel]`, the mean of what the members say follows `[n, size, channel]`."""
        return mean(member.continued(x, steps) for member in self.members)

    def continued_linearly(self, x: Array, steps: int) -> Numbers:
        """The same by the first member's linear model in closed form, to compare with."""
        return self.first.continued_linearly(x, steps)

    def cut(self, series: Dataset) -> Dataset:
        """Windows of these series with the `horizon` steps that follow as `[n, value]` targets."""
        return self.first.cut(series)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:  # noqa: N803
        """R² of the forecasts of `horizon` steps after every window, as in `Forecaster.score`."""
        return r_squared_of_windows(self, X, sample_weight)

    def _check_ends(self) -> None:
        first, *others = (member.task_.ends for member in self.members)
        if not all(np.array_equal(first, ends, equal_nan=True) for ends in others):
            raise DataError(
                "The members learnt from different series, so it is not clear which are to go on: "
                "pass the series."
            )
