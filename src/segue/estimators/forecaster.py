"""`Forecaster`: the steps that follow one series or several."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np

from segue.data.dataset import Dataset
from segue.data.sequences import Array, Sequences, refuse_infinite
from segue.errors import DataError, OptionError, check_whole, checked_arguments
from segue.estimators.base import BaseSequenceEstimator
from segue.estimators.inputs import PerSequence, SequencesLike, TargetsLike
from segue.networks import NetworkLike
from segue.prepare.pipeline import PrepareLike
from segue.prepare.steps import scaled_static
from segue.tasks import Forecast, Task
from segue.tasks.forecast import as_array, continued, last_steps
from segue.tasks.regress import Autoregression, Numbers, last_known
from segue.training import TrainingOptions
from segue.windowing import as_series, is_one_series, windows

Strategy = Literal["recursive", "direct"]


@checked_arguments(options=TrainingOptions)
@dataclass(eq=False, repr=False)
class Forecaster(BaseSequenceEstimator):
    """Learns from windows of series what follows them, and goes on from there.

    The network says how far the next steps are from the last known value, so that one which has
    learnt nothing gives a persistence forecast. Windows that share a step never are in training and
    validation both: validation is the last part of each series. Windows whose next steps are
    missing (NaN) are left out; missing values inside become a mask channel, as everywhere.

    Args:
        network: a text such as "gru(32)", or a list of layer specs. The last dense layer is
            implied.
        size: steps of a window, which is what the network sees.
        horizon: steps to be forecast; with `strategy="direct"` no more can be.
        strategy: "recursive": the network gives the next step, which is appended for the one after
            it, for as many steps as are wanted; "direct": it gives `horizon` steps at once.
        prepare: what is done to the windows first, fitted on training data: "standardize",
            "interpolate standardize", or "none".
        epochs: how often all training windows are seen, at most; "auto": as often as makes about a
            thousand updates, 10 to 300 times.
        batch_size: windows in one update.
        learning_rate: the highest that occurs in the schedule.
        validation: "auto" (the last 10 % of each series' windows; none when there are fewer than
            100), a share, a `Dataset` of series, or `None`. With validation the weights of the best
            epoch are kept, without it the last.
        seed: the same seed gives the same bits.
        device: "auto", "cpu", "cuda" or "mps".
        options: `TrainingOptions`, the rest; `min_delta` is in the squared unit of the series.

    Attributes:
        autoregression_: a linear model of the same windows, in closed form, to compare with.
        ends_: `[n, size, channel]`, the last steps of the training series: `predict(steps)` goes
            on from there.
        network_, preparation_, history_, stopped_, training_summary_, n_features_in_: as in
            `SequenceClassifier`; `rmse` of the history is in the unit of the series.

    >>> series = np.sin(0.3 * np.arange(300))
    >>> options = TrainingOptions(progress="none")
    >>> forecaster = Forecaster("gru(8)", size=12, epochs=8, options=options).fit(series)
    >>> forecaster.predict(3).shape, forecaster.predict(series[:50], 20).shape
    ((3,), (20,))
    """

    _task_type: ClassVar[type[Task]] = Forecast
    _averaged: ClassVar[tuple[str, ...]] = ("continued",)
    _shared: ClassVar[tuple[str, ...]] = (
        *BaseSequenceEstimator._shared, "size", "horizon", "cut", "continued_linearly",
    )  # fmt: skip

    task_: Forecast = field(init=False)

    network: NetworkLike = "gru(32)"
    _: KW_ONLY
    size: int = 32
    horizon: int = 1
    strategy: Strategy = "recursive"
    prepare: PrepareLike = "standardize"
    epochs: Literal["auto"] | int = "auto"
    batch_size: int = 32
    learning_rate: float = 0.004
    validation: Literal["auto"] | float | Dataset | None = "auto"
    seed: int = 0
    device: str = "auto"
    options: TrainingOptions | None = None

    def fit(self, X: SequencesLike, y: TargetsLike = None, **more: Any) -> Self:  # noqa: N803
        """Learn from one series or several.

        Args:
            X: one `(time,)` or `(time, channel)` array, a list of them, `Sequences`, or a `Dataset`
                with a series in each sequence (of parts, "train" is trained on).
            y: nothing; what follows is in the series.
            **more: `validation_data` (series), `groups`, `folder`, `resume`, as in
                `SequenceClassifier.fit`.

        Returns:
            The forecaster itself.

        Raises:
            DataError: series that cannot be used, such as ones shorter than a window.

        Warns:
            UserWarning: the forecast is not clearly better, by 1 %, than a persistence forecast.
        """
        return super().fit(X, y, **more)

    # -- targets --------------------------------------------------------------------------------

    def _as_dataset(self, X: Any, y: Any, groups: Any = None) -> Dataset:  # noqa: N803
        """Cut series into windows; the targets are the changes from the last known value."""
        if y is not None:
            raise DataError("A Forecaster finds its targets in the series: leave out `y`.")
        series = as_series(X)
        if series.x.is_text:
            raise DataError("The series are texts, and a Forecaster takes numbers.")
        if series.spans is not None:
            raise DataError(
                "These are windows already, and a Forecaster cuts its own: pass the series."
            )
        refuse_infinite(series.x, series.channels)
        groups = series.groups if groups is None else groups
        series = replace(series, y=None, classes=None, groups=groups)
        cut = windows(series, self.size, self._ahead)
        changes = cut.y.reshape(len(cut), self._ahead, -1) - last_known(as_array(cut.x))[:, None]
        changes = changes.reshape(len(cut), -1).astype(np.float32)  # of the last value, exactly
        known = ~np.isnan(changes).any(axis=1)
        return replace(cut[known], y=changes[known])

    @property
    def _ahead(self) -> int:
        """Steps that the network gives in one pass."""
        return self.horizon if self.strategy == "direct" else 1

    def _as_validation(self, given: Any, reading: Mapping[str, Any] | None) -> Dataset:
        """Take what the user passes as `validation_data`: series, or a pair `(series, None)`."""
        is_pair = isinstance(given, tuple) and len(given) == 2 and given[1] is None
        return self._as_dataset(given[0] if is_pair else given, None)

    @property
    def ends_(self) -> Array:
        """`[n, size, channel]`, the last steps of the training series."""
        return self.task_.ends

    @property
    def autoregression_(self) -> Autoregression:
        """The linear autoregression of the same windows."""
        return self.task_.autoregression

    # -- predict --------------------------------------------------------------------------------

    def predict(self, series: SequencesLike = None, steps: int | None = None) -> Numbers:
        """Continue series: the `steps` that follow their last one.

        Args:
            series: as in `fit`, at least `size` steps of each; the training series if left out.
                `predict(12)` means the same as `predict(steps=12)`.
            steps: how many; `horizon` if left out.

        Returns:
            `[steps]` for one `(time,)` array, `[steps, channel]` for one `(time, channel)` array,
            else `[n, steps, channel]`.

        Raises:
            NotFittedError: before `fit`.
            DataError: a series shorter than a window, or with other channels.
            OptionError: more steps than the direct strategy has learnt.
        """
        self._check_fitted()
        if isinstance(series, int | np.integer):
            series, steps = None, int(series)
        if series is None:
            known, flat = self.task_.known_ends, self.task_.one_series
            one = len(known) == 1
        elif isinstance(series, list) and not series:  # several series, and none of them
            known, flat, one = self.task_.ends[:0], False, False
        else:
            series = self.as_read(series)
            known, one = (
                last_steps(as_series(series, exact=True).x, self.size),
                is_one_series(series),
            )
            flat = one and np.ndim(series) == 1
        found = self.continued(known, self.horizon if steps is None else steps)
        if not one:
            return found
        return found[0, :, 0] if flat else found[0]

    def continued(self, x: Array, steps: int) -> Numbers:
        """`[n, steps, channel]`, what follows `[n, size, channel]` windows.

        Each step is forecast from those before it. An ensemble takes the mean of its members' whole
        continuations; it is not fed back, or it would be the forecast of a model that none of them
        is.
        """
        return self._roll(x, steps, lambda x: self._outputs(Sequences.from_array(x, exact=True)))

    def continued_linearly(self, x: Array, steps: int) -> Numbers:
        """The forecast of the linear baseline in closed form."""
        return self._roll(x, steps, self.task_.autoregression.changes)

    def _outputs(self, X: Any, static: Any = None) -> Numbers:  # noqa: N803
        """`[n, value]` changes from the last known value of windows."""
        outputs = self._head_outputs(X, static)
        return self.task_.scale.restore(outputs)

    def _roll(self, x: Array, steps: int, changes: Callable[[Array], Numbers]) -> Numbers:
        check_whole("steps", steps)
        if self.strategy == "direct" and steps > self.horizon:
            raise OptionError(
                f"{steps} steps are wanted, and the direct strategy has learnt {self.horizon}: fit "
                f"with horizon={steps}, or with strategy='recursive'."
            )
        return continued(self.preparation_.entering(x), steps, changes)

    def score(
        self,
        X: SequencesLike,  # noqa: N803
        y: TargetsLike = None,
        sample_weight: PerSequence = None,
        static: PerSequence = None,
    ) -> float:
        """R² of the forecasts of `horizon` steps after every window of these series.

        Args:
            X: series; of a `Dataset` with a part "test", that part.
            y: nothing; what follows is in the series.
            sample_weight: `[window]`.
            static: nothing; series have no static features.
        """
        scaled_static(None, 0, static)  # refuses them
        cut = self.cut(as_series(self.as_read(X)))
        found = self.continued(as_array(cut.x), self.horizon)
        return self.task_.score(found.reshape(len(cut), -1), cut, sample_weight)

    def cut(self, series: Dataset) -> Dataset:
        """Windows of these series with the `horizon` steps that follow as `[n, value]` targets."""
        self._check_fitted()
        cut = windows(replace(series, y=None, classes=None), self.size, self.horizon)
        cut = cut[~np.isnan(last_known(as_array(cut.x))).any(axis=1)]
        return replace(cut, y=cut.y.reshape(len(cut), -1))
