"""`SequenceRegressor`: one or more numbers for each sequence."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar, Literal

from segue.data.dataset import Dataset
from segue.data.sequences import Layout
from segue.errors import checked_arguments
from segue.estimators.base import BaseSequenceEstimator
from segue.estimators.inputs import as_dataset
from segue.networks import NetworkLike
from segue.prepare.pipeline import PrepareLike
from segue.prepare.steps import MeanScale
from segue.tasks import Regress, Task
from segue.tasks.regress import LinearOnMeans, Numbers
from segue.training import TrainingOptions


@checked_arguments(options=TrainingOptions)
@dataclass(eq=False, repr=False)
class SequenceRegressor(BaseSequenceEstimator):
    """Learns one or more numbers for each sequence.

    Sequences of any length go in as they are. The targets are scaled for training; the history
    (mean squared error as `loss`, and its root as `rmse`) and the predictions are in their own
    unit.

    Args:
        network: a text such as "bilstm(100) dense(32, relu)", or a list of layer specs. The last
            dense layer is implied. "auto": several are fitted and joined, within
            `options.time_limit_seconds`, or two minutes without it.
        prepare: what is done to the sequences first, fitted on training data: "standardize",
            "interpolate standardize", or "none".
        epochs: how often all training sequences are seen, at most; "auto": as often as makes about
            a thousand updates, 10 to 300 times.
        batch_size: sequences in one update.
        learning_rate: the highest that occurs in the schedule.
        validation: "auto" (10 % of the training sequences; none when there are fewer than 100), a
            share, a `Dataset`, or `None`. With validation the weights of the best epoch are kept,
            without it the last.
        scale_target: whether the targets are brought to mean 0 and deviation 1 for training; a
            network that must learn their unit by itself is slower to train.
        seed: the same seed gives the same bits.
        device: "auto", "cpu", "cuda" or "mps".
        layout: the order of axes in X: "ntc", or "nct" ("ct" in lists) for channels first.
        options: `TrainingOptions`, the rest; `min_delta` is in the squared unit of the targets.

    Attributes:
        target_scale_: mean and standard deviation of the training targets; 0 and 1 where they are
            not scaled.
        linear_: a linear regression on the mean of each channel and the length, in closed form.
        network_, preparation_, history_, stopped_, training_summary_, n_features_in_: as in
            `SequenceClassifier`.

    >>> x = [[0.0, 1.0, 2.0], [2.0, 1.0], [0.0, 3.0], [4.0, 3.0, 1.0]] * 5
    >>> y = [300.0, 300.0, 300.0, 800.0] * 5
    >>> options = TrainingOptions(progress="none")
    >>> regressor = SequenceRegressor("gru(8)", learning_rate=0.03, epochs=60, options=options)
    >>> regressor = regressor.fit(x, y)
    >>> regressor.score(x, y) > 0.9
    True
    """

    _task_type: ClassVar[type[Task]] = Regress

    task_: Regress = field(init=False)

    network: NetworkLike = "bilstm(100)"
    _: KW_ONLY
    prepare: PrepareLike = "standardize"
    epochs: Literal["auto"] | int = "auto"
    batch_size: int = 32
    learning_rate: float = 0.004
    validation: Literal["auto"] | float | Dataset | None = "auto"
    scale_target: bool = True
    seed: int = 0
    device: str = "auto"
    layout: Layout = "ntc"
    options: TrainingOptions | None = None

    # -- targets --------------------------------------------------------------------------------

    def _as_dataset(self, X: Any, y: Any, groups: Any = None) -> Dataset:  # noqa: N803
        """Join what the user passes to a data set; whole numbers are numbers here, no classes."""
        data = as_dataset(X, y, groups=groups, layout=self.layout, task="regress", rows="regress")
        return Regress.as_numbers(data)

    @property
    def target_scale_(self) -> MeanScale:
        """Mean and standard deviation of the training targets."""
        return self.task_.scale

    @property
    def linear_(self) -> LinearOnMeans | None:
        """The linear regression; `None` for tokens and texts."""
        return self.task_.linear

    # -- predict --------------------------------------------------------------------------------

    def _outputs(self, X: Any, static: Any = None) -> Numbers:  # noqa: N803
        outputs = self._head_outputs(X, static)
        return self.task_.restore(outputs)
