"""Comparison of two models on the same sequences, with a paired test; the decision stump.

The stump is a threshold on one sample of each sequence, as a baseline for a network.
"""

from __future__ import annotations

import math
from collections.abc import Callable
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
from segue.metrics import mcnemar, paired_interval, paired_score_interval, sign_flip_test
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


@dataclass(frozen=True)
class PairedTest:
    """A paired test of the first metric of two models of any task. Made by `paired_test`.

    Attributes:
        metric: the name of the metric.
        scores: of the first model, and of the second.
        interval: the 95 % bootstrap interval of their difference, the first less the second; whole
            groups are drawn where there are. Infinite where nothing is known of it.
        p_value: how often two equally good models would differ at least so much.
        test: how that was computed.
        units: how many sequences, steps, windows or tokens were compared.
        counts: of classes, how often "both", "only_a", "only_b" and "neither" were right.
    """

    metric: str
    scores: tuple[float, float]
    interval: tuple[float, float]
    p_value: float
    test: str
    units: int
    counts: dict[str, int] | None = None

    @property
    def difference(self) -> float:
        """The score of the first, less that of the second."""
        return self.scores[0] - self.scores[1]

    @property
    def is_clear(self) -> bool:
        """Whether both the interval and the test say that the difference is not luck."""
        low, high = self.interval
        return not low <= 0.0 <= high and self.p_value < 0.05


def paired_test(first: Evaluation, second: Evaluation) -> PairedTest:
    """Test whether one of two models is better than the other on the same sequences.

    Classes of independent sequences are compared with McNemar's exact test. Everything else is by a
    paired permutation test: where there are groups, of whole groups; of the steps of sequences and
    the words of texts, of whole ones; of the windows of series, of blocks of them that follow one
    another, as many as a block has windows, since neighbours share most of their steps.

    Args:
        first: the evaluation of one model.
        second: that of another one, on the same data.

    Raises:
        DataError: they are of different tasks, or not of the same sequences.

    Source: as of `compare`; E. Carlstein, "The use of subseries values for estimating the variance
    of a general statistic from a stationary sequence", Annals of Statistics 14 (1986), for blocks.

    >>> class Says:
    ...     classes_, class_counts_ = np.array(["heads", "tails"]), {"heads": 6, "tails": 4}
    ...     def __init__(self, share): self.share = share
    ...     def predict_proba(self, x): return np.tile([self.share, 1 - self.share], (len(x), 1))
    >>> tosses = Dataset([[1.0]] * 20, ["heads"] * 18 + ["tails"] * 2)
    >>> found = paired_test(*(evaluate(Says(share), tosses) for share in (0.9, 0.1)))
    >>> found.test, round(found.p_value, 4), round(found.difference, 2), found.is_clear
    ('McNemar, exact', 0.0004, 0.8, True)
    """
    metric, name = first.main_metric, first.main_metric.name
    if (first.task, name) != (second.task, second.main_metric.name) or name not in _UNITS:
        raise DataError(
            f"The tasks {first.task!r} and {second.task!r} cannot be compared by a paired test: "
            "expected two models of the same task."
        )
    _check_same(first, second)
    values, score = _UNITS[name]
    a, b = values(first), values(second)
    groups = _groups_of(first, len(a))
    test = "paired permutation" if groups is None else "paired permutation, whole groups"
    differences, counts = a.astype(np.float64) - b, None
    if a.dtype == bool:
        found = np.bincount(2 * a.astype(np.int64) + b, minlength=4).tolist()
        counts = dict(zip(("neither", "only_b", "only_a", "both"), found, strict=True))
        interval = paired_interval(differences.astype(np.int64), groups)
    else:
        interval = paired_score_interval(a, b, score, groups)
    if counts is not None and groups is None:
        test, p_value = "McNemar, exact", mcnemar(counts["only_a"], counts["only_b"])
    else:
        p_value = sign_flip_test(differences, groups)
    scores = (float(getattr(first, metric.name)), float(getattr(second, metric.name)))
    return PairedTest(name, scores, interval, p_value, test, len(a), counts)


def _right(evaluation: Evaluation) -> Array:
    """`[n]`, whether each was right; of several labels each, the share that was."""
    if "correct" in evaluation.outcome.arrays:
        return np.asarray(evaluation.correct, bool)
    return np.asarray(np.mean(evaluation.targets == evaluation.predictions, axis=1))


def _squared_errors(evaluation: Evaluation) -> Array:
    """`[n]`, the mean over the values of each."""
    squares = np.square(evaluation.targets - evaluation.predictions)
    return np.asarray(squares.reshape(len(squares), -1).mean(axis=1))


# By the first metric of a task: the values of what is counted, and the score of their mean.
_UNITS: dict[str, tuple[Callable[[Evaluation], Array], Callable[[Array], Array]]] = {
    "accuracy": (_right, np.asarray),
    "rmse": (_squared_errors, np.sqrt),
    "perplexity": (lambda evaluation: -evaluation.log_probability, np.exp),
}


def _groups_of(evaluation: Evaluation, count: int) -> Array | None:
    """`[n]`, what belongs together of what is counted; `None`: all are independent."""
    arrays = evaluation.outcome.arrays
    inside = arrays.get("groups", arrays.get("texts"))  # of steps, and of words
    if inside is not None or len(evaluation.dataset) == count:
        return evaluation.dataset.groups if inside is None else np.asarray(inside)
    return np.arange(count) // max(1, math.isqrt(count))


def _check_same(first: Evaluation, second: Evaluation) -> None:
    """Raise `DataError` unless both are scored on the same targets."""
    name = "targets" if "targets" in first.outcome.arrays else "known"
    a, b = (np.asarray(one.outcome.arrays[name]) for one in (first, second))
    if not np.array_equal(a, b):
        raise DataError(
            f"The two are not scored on the same targets: {len(a):,} and {len(b):,} of them. They "
            "can be compared where both are trained with the same options of the task, such as the "
            "size of windows, the horizon, what is ignored, or the vocabulary."
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
