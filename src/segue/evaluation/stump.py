"""Decision stump: a threshold on one sample of each sequence, as a baseline for a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segue.data.dataset import Dataset
from segue.data.sequences import Array
from segue.errors import DataError, OptionError

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class OneSample:
    """How far one sample of each sequence tells its class. Made by `one_sample`.

    Attributes:
        step: which sample, from 0.
        channel: of which channel, from 0.
        thresholds: rising; two classes have one.
        train_accuracy: on the part that the thresholds were fitted on.
        accuracy: on the other part; that of training where there is none.
        values: `[n]`, the sample of each sequence that was scored.
        labels: `[n]`, their classes.
        classes: the class names.
    """

    step: int
    channel: int
    thresholds: tuple[float, ...]
    train_accuracy: float
    accuracy: float
    values: npt.NDArray[np.float64] = field(repr=False)
    labels: Array = field(repr=False)
    classes: tuple[Any, ...] = field(repr=False)

    def plot(self, axes: Axes | None = None, *, title: str | None = None) -> Axes:
        """Draw the sample of each sequence, a row for each class, and the thresholds."""
        from segue.plots import plot_thresholds

        right = f"{100 * self.accuracy:.1f} % right"
        title = f"sample {self.step + 1} alone: {right}" if title is None else title
        return plot_thresholds(
            self.values, self.labels, self.classes, self.thresholds, title=title, axes=axes
        )


def one_sample(dataset: Dataset, *, step: int | None = 0, channel: int = 0) -> OneSample:
    """Classify by a threshold on one sample: if that is enough, the order of steps adds nothing.

    A decision tree with as many leaves as there are classes (for two a stump) learns on the part
    "train" and is scored on "test", where there are parts; else both on everything.

    Args:
        dataset: sequences with a class each.
        step: which sample, from 0; `None`: the one that is best in training.
        channel: of which channel, from 0.

    Raises:
        DataError: no classes, a missing value, or a sequence too short for the step.
        OptionError: a step or channel below zero, or a channel that there is not.

    Source: R. C. Holte, "Very simple classification rules perform well on most commonly used
    datasets", Machine Learning 11 (1993).

    >>> from segue.synth import waves
    >>> one_sample(waves(count=60, test=60)).accuracy  # of sines and squares that begin together
    1.0
    >>> one_sample(waves(count=60, test=60, phase="random")).accuracy < 0.9
    True
    """
    if dataset.labels is None:
        raise DataError(f"A sample tells a class; the task of this data set is {dataset.task!r}.")
    has_both = {"train", "test"} <= set(dataset.part_names)
    train, test = (dataset.part(n) if has_both else dataset for n in ("train", "test"))
    if not 0 <= channel < train.x.channels:
        raise OptionError(f"channel={channel}; there are channels 0 to {train.x.channels - 1}.")
    if step is not None and step < 0:
        raise OptionError(f"step={step}; expected a step from 0 on.")
    shortest = min(train.x.length_range[0], test.x.length_range[0])
    if shortest <= (step or 0):
        raise DataError(
            f"step={step or 0} is asked for, and the shortest sequence has {shortest} steps: "
            "expected a step that all have."
        )
    from sklearn.tree import DecisionTreeClassifier

    leaves = max(2, len(np.unique(train.y)))
    fitted = []
    for one in range(shortest) if step is None else [step]:
        samples = _samples(train, one, channel)
        tree = DecisionTreeClassifier(max_leaf_nodes=leaves, random_state=0).fit(samples, train.y)
        fitted.append((one, tree, float(tree.score(samples, train.y))))
    best, tree, train_accuracy = max(fitted, key=lambda found: found[2])
    samples = _samples(test, best, channel)
    return OneSample(
        step=best,
        channel=channel,
        thresholds=tuple(sorted(tree.tree_.threshold[tree.tree_.feature >= 0].tolist())),
        train_accuracy=train_accuracy,
        accuracy=float(tree.score(samples, test.y)),
        values=samples[:, 0],
        labels=np.asarray(test.y),
        classes=tuple(dataset.classes or ()),
    )


def _samples(data: Dataset, step: int, channel: int) -> npt.NDArray[np.float64]:
    """`[n, 1]`, one value of each sequence."""
    values = np.array([steps[step, channel] for steps in data.x], np.float64)
    if not np.isfinite(values).all():
        raise DataError(f"Of some sequences the sample at step {step} is missing.")
    return values[:, None]
