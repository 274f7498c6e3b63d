"""One or more numbers for each sequence."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch

from segue.dataset import Dataset
from segue.errors import DataError
from segue.estimators.base import SequenceEstimator
from segue.estimators.given import laid_on
from segue.estimators.inputs import as_dataset
from segue.estimators.linear import LinearOnMeans
from segue.estimators.number_targets import Numbers, TargetScale, as_numbers, as_table, r_squared
from segue.estimators.parameters import sklearn_tags
from segue.estimators.weighting import normalized
from segue.networks import NetworkLike
from segue.prepare.pipeline import PrepareLike
from segue.sequences import Layout
from segue.training import TrainingOptions
from segue.training.objectives import Objective
from segue.training.targets import Targets

if TYPE_CHECKING:
    from sklearn.utils import Tags


@dataclass(eq=False, repr=False)
class SequenceRegressor(SequenceEstimator):
    """Learns one or more numbers for each sequence.

    Sequences of any length go in as they are. The targets are scaled for training; the history
    (mean squared error as `loss`, and its root as `rmse`) and the predictions are in their own
    unit.

    Args:
        network: a text such as "bilstm(100) dense(32, relu)", or a list of layer specs. The last
            dense layer is implied.
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
        device: "auto", "cpu" or "cuda".
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

    tasks: ClassVar[tuple[str, ...]] = ("regress",)
    purpose: ClassVar[str] = "regress"
    score_name: ClassVar[str] = "r2"
    takes_static: ClassVar[bool] = True
    takes_text: ClassVar[bool] = True

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

    def as_dataset(self, X: Any, y: Any, groups: Any = None) -> Dataset:  # noqa: N803
        """Join what the user passes to a data set; whole numbers are numbers here, no classes."""
        data = as_dataset(X, y, groups=groups, layout=self.layout, task="regress", rows="regress")
        if data.task in ("classify", "multilabel") and data.y.dtype.kind in "iub":
            data = replace(data, task="regress", classes=None)
        return data

    def prepare_targets(self, part: Dataset, data: Dataset) -> Dataset:
        """Check the numbers, and remember whether there is one for each sequence or a row."""
        self.target_shape_ = as_numbers(part.y).shape[1:]
        return part

    def learn_targets(self, data: Dataset) -> None:
        """Take mean and deviation, and a linear model in closed form to compare with."""
        scale = TargetScale.fit if self.scale_target else TargetScale.none
        self.target_scale_ = scale(data.y)
        self.linear_ = None
        if not (data.x.is_text or (data.x.is_whole and self.takes_tokens)):
            self.linear_ = LinearOnMeans.fit(data.x, data.static, as_table(data.y))

    def objective(self) -> Objective:
        """The mean squared error of the scaled targets."""
        return self.target_scale_.objective()

    def targets(self, data: Dataset, device: torch.device) -> Targets:
        """Scaled numbers."""
        self.check_shape(data)
        return self.target_scale_.targets(as_numbers(data.y), device)

    def facts(self) -> dict[str, Any]:
        """Mean and scale of the targets, and how many there are."""
        linear = None if self.linear_ is None else self.linear_.to_json()
        return {
            **self.target_scale_.facts(),
            "shape": list(self.target_shape_),
            "linear": linear,
        }

    def restore_facts(self, facts: dict[str, Any]) -> None:
        """Take over what `facts` gave."""
        self.target_scale_ = TargetScale.from_facts(facts)
        self.target_shape_ = tuple(facts["shape"])
        linear = facts.get("linear")
        self.linear_ = None if linear is None else LinearOnMeans.from_json(linear)
        if self.target_shape_ not in ((), self.target_scale_.mean.shape):
            raise DataError(f"the targets have shape {self.target_shape_} and another scale.")

    def check_shape(self, data: Dataset) -> None:
        """Raise `DataError` for targets of another shape than those of the training."""
        came = data.y.shape[1:]
        if came != self.target_shape_:
            raise DataError(
                f"`y` has shape {data.y.shape}; the targets of the training are "
                f"{['n', *self.target_shape_]}, and expected here too."
            )

    # -- ask ------------------------------------------------------------------------------------

    def predict(self, X: Any, static: Any = None) -> Numbers:  # noqa: N803
        """The numbers of each sequence: `[n]`, or `[n, value]` as the training targets were.

        Args:
            X: as in `fit`.
            static: `[n, feature]`, where the model was trained with static features; a `Dataset`
                brings its own.

        Raises:
            NotFittedError: before `fit`.
            DataError: sequences that cannot be used, or other channels than in training.
        """
        outputs = self.whole_outputs(X, static)
        return self.target_scale_.restored(outputs).reshape(-1, *self.target_shape_)

    def predict_linearly(self, data: Dataset) -> Numbers | None:
        """`[n, value]` of the linear model in closed form; `None` for tokens and texts."""
        return None if self.linear_ is None else self.linear_.predict(data.x, data.static)

    def score(
        self,
        X: Any,  # noqa: N803
        y: Any = None,
        sample_weight: Any = None,
        static: Any = None,
    ) -> float:
        """R², as scikit-learn's `r2_score`. Of a `Dataset` with a part "test", that is asked."""
        data = self.scored_part(X, y)
        self.check_shape(data)
        weights = normalized(laid_on(sample_weight, data, "sample_weight"), len(data))
        return r_squared(as_numbers(data.y), self.predict(data, static), weights)

    def __sklearn_tags__(self) -> Tags:
        return sklearn_tags("regressor")
