"""Comparison of two classifiers on the same sequences, with McNemar's test; the decision stump.

The stump is a threshold on one sample of each sequence, as a baseline for a network.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segue.data.dataset import Dataset
from segue.data.sequences import Array
from segue.errors import DataError, OptionError
from segue.evaluation.evaluation import Evaluation, FittedClassifier, evaluate
from segue.evaluation.model_info import require_classes
from segue.extras import require
from segue.metrics import mcnemar, paired_interval
from segue.text_table import text_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """The comparison of two classifiers on the same sequences. Made by `compare`.

    Attributes:
        a: the evaluation of the first classifier.
        b: the evaluation of the second.
        names: what they are called.
        counts: `[2, 2]`, sequences; rows: a was wrong, right; columns: b was wrong, right.
        interval: the 95 % bootstrap interval of the difference of the accuracies, a less b; whole
            groups are drawn where there are.
        p_value: of McNemar's exact test: how often two equally good classifiers would part at least
            so unevenly. It takes sequences as independent.
    """

    a: Evaluation
    b: Evaluation
    names: tuple[str, str]
    counts: npt.NDArray[np.int64]
    interval: tuple[float, float]
    p_value: float

    @property
    def difference(self) -> float:
        """The accuracy of a, less that of b."""
        return float(self.a.accuracy - self.b.accuracy)

    @property
    def better(self) -> str | None:
        """The name of the better one; `None` where the difference may be luck.

        Where there are groups, the interval decides alone; else the test must agree with it.
        """
        low, high = self.interval
        if low <= 0.0 <= high or (self.a.dataset.groups is None and self.p_value >= 0.05):
            return None
        return self.names[0] if low > 0 else self.names[1]

    @property
    def verdict(self) -> str:
        """One sentence, and another where one of them was trained on these sequences."""
        low, high = (100 * bound for bound in self.interval)
        only_a, only_b = int(self.counts[1, 0]), int(self.counts[0, 1])
        (first, second), count = self.names, len(self.a.dataset)
        if self.better is not None:
            size = abs(100 * self.difference)
            least, most = (low, high) if low > 0 else (-high, -low)
            said = f"{self.better} is better by {size:.1f} points ({least:.1f} to {most:.1f})."
        elif only_a + only_b == 0:
            said = f"They are right and wrong on the same {count:,} sequences."
        else:
            said = (
                f"No clear difference: {only_a + only_b:,} of {count:,} sequences tell them apart, "
                f"{only_a} for {first} and {only_b} for {second}; the true difference may lie from "
                f"{low:+.1f} to {high:+.1f} points."
            )
        notes = zip(self.names, (self.a.trained_on.note, self.b.trained_on.note), strict=True)
        seen = "; ".join(f"{name}: {note}" for name, note in notes if note)
        return f"{said} Of these, {seen}." if seen else said

    def report(self) -> str:
        """Return a table: accuracies, their difference, who was right where, and the verdict."""
        (neither, only_b), (only_a, both) = self.counts.tolist()
        first, second = self.names
        low, high = self.interval
        groups = self.a.dataset.groups
        drawn = "" if groups is None else f", {len(np.unique(groups)):,} whole groups drawn"
        models = zip(self.names, (self.a, self.b), strict=True)
        rows = [
            ("sequences", f"{len(self.a.dataset):,}"),
            *(
                (f"accuracy of {name}", f"{one.accuracy:.4f}   {one.trained_on.note}".rstrip())
                for name, one in models
            ),
            ("majority baseline", f"{self.a.baseline:.4f}"),
            (
                "difference",
                f"{self.difference:+.4f}   95 % interval {low:+.4f} to {high:+.4f}{drawn}",
            ),
            ("both right", f"{both:,}"),
            (f"only {first} right", f"{only_a:,}"),
            (f"only {second} right", f"{only_b:,}"),
            ("both wrong", f"{neither:,}"),
            ("McNemar, exact", f"p = {self.p_value:.2g}"),
        ]
        return f"{text_table(rows, '<')}\n\n{self.verdict}"

    def __repr__(self) -> str:
        low, high = self.interval
        notes = dict.fromkeys(e.trained_on.note for e in (self.a, self.b) if e.trained_on.note)
        return (
            f"Comparison(n={len(self.a.dataset)}, difference={self.difference:+.4f} "
            f"[{low:+.4f}, {high:+.4f}], p={self.p_value:.2g}"
            f"{''.join(f', {note}' for note in notes)})"
        )


def compare(
    a: FittedClassifier,
    b: FittedClassifier,
    dataset: Dataset,
    *,
    part: str | None = None,
    names: tuple[str, str] = ("a", "b"),
) -> Comparison:
    """Compare two fitted classifiers on the same labelled sequences.

    Args:
        a: a fitted classifier.
        b: another one.
        dataset: sequences with one label each. If it has several parts, "test" is scored.
        part: another part to be scored.
        names: what the two are called in the report.

    Returns:
        A `Comparison`: `.report()`, `.verdict`, `.better`, `.interval`, `.p_value`.

    Raises:
        DataError: as in `evaluate`.

    Source: Q. McNemar, "Note on the sampling error of the difference between correlated
    proportions", Psychometrika 12 (1947), in its exact, binomial form; T. G. Dietterich,
    "Approximate statistical tests for comparing supervised classification learning algorithms",
    Neural Computation 10 (1998).

    >>> class Says:
    ...     classes_, class_counts_ = np.array(["heads", "tails"]), {"heads": 6, "tails": 4}
    ...     def __init__(self, share): self.share = share
    ...     def predict_proba(self, x): return np.tile([self.share, 1 - self.share], (len(x), 1))
    >>> tosses = Dataset([[1.0]] * 20, ["heads"] * 18 + ["tails"] * 2)
    >>> found = compare(Says(0.9), Says(0.1), tosses)
    >>> found.counts.tolist(), round(found.p_value, 4), found.better
    ([[0, 2], [18, 0]], 0.0004, 'a')
    """
    for one in (a, b):
        require_classes(one, "`compare`", one_each=True)
    first, second = (evaluate(one, dataset, part=part, own=False) for one in (a, b))
    right = [np.asarray(e.correct, np.int64) for e in (first, second)]
    counts = np.bincount(2 * right[0] + right[1], minlength=4).reshape(2, 2)
    return Comparison(
        first,
        second,
        names,
        counts,
        paired_interval(right[0] - right[1], first.dataset.groups),
        mcnemar(int(counts[1, 0]), int(counts[0, 1])),
    )


@dataclass(frozen=True, eq=False)
class OneSample:
    """A decision stump on one sample of each sequence. Made by `one_sample`.

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
    tree_model = require("sklearn.tree").DecisionTreeClassifier

    leaves = max(2, len(np.unique(train.y)))
    fitted = []
    for one in range(shortest) if step is None else [step]:
        samples = _samples(train, one, channel)
        tree = tree_model(max_leaf_nodes=leaves, random_state=0).fit(samples, train.y)
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
