"""Learning rate finder: a short training in which the learning rate grows.

Smith, "Cyclical learning rates for training neural networks", WACV 2017: the rate rises from one
update to the next, each by the same factor. While it is too small the loss stands still, then it
falls, and where the rate is too large it breaks out. A good rate is that of the steepest fall.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from segue.errors import OptionError, TrainingError
from segue.training.history import Row
from segue.training.objectives import RunningMetrics
from segue.training.setup import TrainingSetup, Update
from segue.training.trainer import Trainer
from segue.training.trainers import make_trainer

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MEMORY = 0.9  # of the smoothed loss, at each update
_STRETCH = 0.2  # of the updates: over so many a slope is measured
_OUT_OF_HAND = 4.0  # times the lowest smoothed loss: then it ends


class Trainable(Protocol):
    """Protocol of estimators that can prepare a training without running it."""

    def _training_job(self, *args: Any, **more: Any) -> TrainingSetup:
        """All that `fit` would train, for the same arguments."""


@dataclass(frozen=True)
class LearningRates:
    """The losses that came of rising learning rates.

    Attributes:
        rows: one an update: `learning_rate`, `loss` of its batch, and `smoothed`, a moving average.
        suggestion: the rate where the loss falls most steeply.
    """

    rows: tuple[Row, ...]
    suggestion: float

    def __repr__(self) -> str:
        return f"LearningRates(suggestion={self.suggestion:.2g}, updates={len(self.rows)})"

    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw the loss over the rate, with the suggestion."""
        from segue.plots import plot_learning_rates

        return plot_learning_rates(self, axes=axes)


def find_learning_rate(
    estimator: Trainable,
    X: Any,  # noqa: N803
    y: Any = None,
    *,
    lowest: float = 1e-6,
    highest: float = 1.0,
    updates: int = 100,
    **more: Any,
) -> LearningRates:
    """Train shortly with a rising learning rate, and suggest one.

    The estimator itself, its weights if it is fitted, stay as they are.

    Args:
        estimator: any estimator of segue; what it would do in `fit` is done, but for the rate.
        X: as in `fit`.
        y: as in `fit`.
        lowest: the rate of the first update.
        highest: the rate of the last one, if the loss does not get out of hand before.
        updates: how many there are at most.
        **more: other arguments of `fit`: `sample_weight`, `groups`, `initial`.

    Raises:
        OptionError: rates or a number of updates that mean nothing.
        TrainingError: the loss is not finite at the lowest rates already.

    >>> from segue import SequenceClassifier
    >>> x, y = [[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]] * 20, ["up", "down"] * 20
    >>> rates = find_learning_rate(SequenceClassifier("gru(8)"), x, y)
    >>> 1e-4 < rates.suggestion < 1.0
    True
    """
    _check(lowest, highest, updates)
    trainer = make_trainer(estimator._training_job(X, y, **more))
    with trainer.computing():
        rows = tuple(_smoothed(_losses(trainer, lowest, highest, updates)))
    if len(rows) < 3:
        raise TrainingError(
            f"The loss is not finite at a learning rate of {lowest:g} already. Look for values far "
            "out of the ordinary with `segue data show`, or choose a lower `lowest`."
        )
    return LearningRates(rows, steepest_fall(rows))


def steepest_fall(rows: tuple[Row, ...]) -> float:
    """The learning rate at which the loss falls most for the same factor of the rate.

    It is the middle of the stretch, a fifth of all updates, whose line of least squares falls most:
    a few batches that happen to be easier than those before are no fall yet. Only what comes before
    the lowest smoothed loss counts.

    >>> losses = [1.0, 1.0, 0.9, 0.5, 0.4, 2.0]
    >>> rows = [{"learning_rate": 10.0**i, "loss": v, "smoothed": v} for i, v in enumerate(losses)]
    >>> steepest_fall(tuple(rows))
    100.0
    """
    losses = np.array([row["loss"] for row in rows])
    half = max(1, round(_STRETCH * len(rows) / 2))
    weights = np.arange(-half, half + 1) / np.sum(np.arange(-half, half + 1) ** 2)
    slopes = np.correlate(losses, weights, mode="valid")  # of stretches around `half` and so on
    lowest = int(np.argmin([row["smoothed"] for row in rows]))
    middle = half + int(slopes[: max(1, lowest - half + 1)].argmin())
    return float(rows[middle]["learning_rate"])


def _losses(trainer: Trainer, lowest: float, highest: float, updates: int) -> Iterator[Row]:
    """Train, and give the rate and the loss of each update as long as the loss is finite."""
    growth = (highest / lowest) ** (1 / (updates - 1))
    for number, (epoch, update) in zip(range(updates), _endless(trainer.job), strict=False):
        rate = lowest * growth**number
        means = RunningMetrics(trainer.job.objective)
        done = trainer.advance(epoch, [update], [rate], means)
        if not done.is_finite:
            return
        yield {"learning_rate": rate, "loss": done.loss}


def _endless(job: TrainingSetup) -> Iterator[tuple[int, Update]]:
    """The updates of one epoch after the other, each with its epoch."""
    epoch = 0
    while True:
        epoch += 1
        for update in job.updates(epoch):
            yield epoch, update


def _smoothed(rows: Iterator[Row]) -> Iterator[Row]:
    """Add a moving average, and end where it has grown to several times its lowest value.

    The average is corrected for its beginning, as Adam's are (Kingma & Ba, ICLR 2015).
    """
    total, lowest = 0.0, math.inf
    for number, row in enumerate(rows, start=1):
        total = _MEMORY * total + (1 - _MEMORY) * row["loss"]
        smoothed = total / (1 - _MEMORY**number)
        lowest = min(lowest, smoothed)
        yield {**row, "smoothed": smoothed}
        if smoothed > _OUT_OF_HAND * lowest:
            return


def _check(lowest: float, highest: float, updates: int) -> None:
    if not 0 < lowest < highest < math.inf:
        raise OptionError(
            f"`lowest` is {lowest!r} and `highest` {highest!r}; expected 0 < lowest < highest."
        )
    if updates < 10:
        raise OptionError(f"`updates` is {updates!r}; expected 10 or more to see the loss fall.")
