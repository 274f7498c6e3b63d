"""Learning curve: accuracy and loss over the number of training sequences."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError, OptionError
from segue.estimators.base import BaseSequenceEstimator
from segue.executors import Executor
from segue.randomness import numpy_generator
from segue.sequences import Array
from segue.studies import tables
from segue.studies.powerlaw import (
    LEAST_SIZES,
    Forecast,
    PowerLaw,
    backtest,
    fit_power_law,
    forecast,
)
from segue.studies.running import StudyConfig, run_study
from segue.studies.trials import (
    Row,
    Trial,
    TrialSetup,
    baseline,
    check_data,
    check_study,
    check_until,
    with_all_classes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MISFIT = 0.25  # of the range of the mean errors: a law that misses more does not hold


@dataclass(frozen=True)
class LearningCurve:
    """Scores and losses of trainings with several numbers of sequences.

    Attributes:
        metric: the score: "accuracy", or "rmse" of numbers.
        sizes: training sequences, rising.
        seeds: each has its own subsets and its own training.
        rows: one a trial, in the order of seeds and sizes: "trial", the score, "loss", "epochs",
            "kept", "history", "seconds"; or "error".
        baseline: the score of a constant prediction.
        until: the level of the score whose epoch is reported, if any.
        folder: the study's folder.
        watched: whether the histories score the test part (`watch_test`), in place of each
            training's own validation or training sequences.
    """

    metric: str
    sizes: tuple[int, ...]
    seeds: tuple[int, ...]
    rows: tuple[Row, ...]
    baseline: float
    until: float | None = None
    folder: Path | None = None
    watched: bool = False

    def table(self, name: str | None = None) -> np.ndarray[Any, np.dtype[np.float64]]:
        """`[size, seed]` of a column of the trials, the score if left out; NaN: failed."""
        values = tables.column(self.rows, name or self.metric)
        return np.reshape(values, (len(self.seeds), len(self.sizes))).T

    @cached_property
    def follow(self) -> str:
        """The score's column of the histories."""
        return tables.followed_column(self.rows, self.metric)

    @property
    def where(self) -> str:
        """The data that the histories score, as a phrase."""
        if self.watched:
            return "on the test part"
        return "in validation" if self.follow.startswith("validation_") else "in training"

    @cached_property
    def summary(self) -> list[Row]:
        """A row for each size: mean and band over the seeds."""
        return [
            {
                "size": size,
                **tables.summarize(
                    [row for row in self.rows if row["trial"]["size"] == size],
                    self.metric,
                    self.follow,
                    self.until,
                ),
            }
            for size in self.sizes
        ]

    def since(self, size: int) -> LearningCurve:
        """The same without smaller sizes, at which networks still guess and the law does not hold.

        Raises:
            DataError: `size` is above the largest.
        """
        sizes = tuple(n for n in self.sizes if n >= size)
        if not sizes:
            raise DataError(f"`size` is {size!r}; the largest that was tried is {self.sizes[-1]}.")
        rows = tuple(row for row in self.rows if row["trial"]["size"] >= size)
        return replace(self, sizes=sizes, rows=rows, folder=None)

    # -- the power law --------------------------------------------------------------------------

    @property
    def errors(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """`[size, seed]`, 1 - accuracy or the error; only seeds of which no trial failed."""
        scores = self.table()
        whole = scores[:, np.isfinite(scores).all(axis=0)]
        return whole if self.metric == "rmse" else 1 - whole

    @cached_property
    def law(self) -> PowerLaw | None:
        """The power law of the mean error; `None`: fewer than three sizes."""
        if len(self.sizes) < LEAST_SIZES or not self.errors.shape[1]:
            return None
        return fit_power_law(self.sizes, self.errors.mean(axis=1))

    @property
    def misfit(self) -> float | None:
        """The largest distance between the law and a mean error that it was fitted to."""
        if self.law is None:
            return None
        means = self.errors.mean(axis=1)
        return max(abs(self.law(n) - float(e)) for n, e in zip(self.sizes, means, strict=True))

    @property
    def law_holds(self) -> bool:
        """Whether the law misses no mean error by more than a quarter of their range."""
        if self.misfit is None:
            return False
        return self.misfit <= MISFIT * float(np.ptp(self.errors.mean(axis=1))) + 1e-9

    @cached_property
    def _forecast_for_twice(self) -> Forecast | None:
        return self.forecast(2 * self.sizes[-1])

    def forecast(self, size: int | None = None) -> Forecast | None:
        """The expected error at another size; at twice the largest if left out.

        `None` with fewer than three sizes or two seeds.
        """
        if size is None:
            return self._forecast_for_twice
        if self.law is None or self.errors.shape[1] < 2:
            return None
        return forecast(self.sizes, self.errors, size)

    @cached_property
    def backtest(self) -> list[Forecast]:
        """Forecasts of measured sizes from the smaller ones alone."""
        if self.law is None or self.errors.shape[1] < 2:
            return []
        return backtest(self.sizes, self.errors)

    @property
    def held_back(self) -> list[Forecast]:
        """The former name of `backtest`."""
        warnings.warn("held_back is now called backtest.", DeprecationWarning, stacklevel=2)
        return self.backtest

    # -- report, files and pictures -------------------------------------------------------------

    def as_json(self) -> Row:
        """The summary, the law and the forecasts, as in `study.json`."""
        twice = self.forecast()
        return {
            "study": "learning-curve",
            "metric": self.metric,
            "sizes": list(self.sizes),
            "seeds": list(self.seeds),
            "baseline": self.baseline,
            "until": self.until,
            "summary": self.summary,
            "law": None if self.law is None else asdict(self.law),
            "misfit": self.misfit,
            "law_holds": self.law_holds,
            "forecast": None if twice is None else twice.as_json(),
            "held_back": [one.as_json() for one in self.backtest],
        }

    def answers(self) -> list[str]:
        """Sentences: the effect of more sequences, how many epochs are enough, the forecast."""
        from segue.studies.report import curve_answers

        return curve_answers(self)

    def report(self) -> str:
        """The table over the sizes, the forecast for more data, and its backtest."""
        from segue.studies.report import curve_report

        return curve_report(self)

    def __repr__(self) -> str:
        from segue.studies.report import number

        last = self.summary[-1]
        score = f"{self.metric}={number(last[self.metric])}"
        return f"LearningCurve(sizes={list(self.sizes)}, seeds={len(self.seeds)}, {score})"

    def save(self, folder: str | Path) -> None:
        """Write `trials.csv`, `summary.csv`, `study.json` and the pictures, each whole or not.

        Raises:
            WriteError: the disk is full or read-only.
        """
        pictures = {"learning-curve.png": self.plot, "epochs.png": self.plot_epochs}
        tables.save(self, Path(folder), pictures)

    def plot(self) -> Axes:
        """Draw score and loss over the number of sequences, side by side, with the power law.

        With `until` also the epochs until that level.

        Returns:
            The axes of the score; the others are `axes.figure.axes[1:]`.
        """
        from segue.plots import studies

        return studies.plot_learning_curve(self)

    def plot_epochs(self) -> Axes:
        """Draw score and loss over the epochs, a line for each size."""
        from segue.plots import studies

        by_size = {
            f"{size:,}": [
                row["history"]
                for row in self.rows
                if row["trial"]["size"] == size and "error" not in row
            ]
            for size in self.sizes
        }
        return studies.plot_epochs(
            by_size, self.follow, title="training sequences", is_rising=True, where=self.where
        )


def learning_curve(
    estimator: BaseSequenceEstimator,
    data: Dataset,
    *,
    sizes: Sequence[int] | None = None,
    seeds: int | Sequence[int] = 5,
    test: float = 0.2,
    until: float | None = None,
    watch_test: bool = False,
    folder: str | Path | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: str = "auto",
    source: Any = None,
    recipe: Any = None,
) -> LearningCurve:
    """Train with several numbers of sequences, each with several seeds.

    The test part is the same for all. The subsets of a seed are nested and stratified by class;
    where there are groups they consist of whole groups, except for the last. Each training takes
    its validation set from its own subset.

    Args:
        estimator: a classifier, labeler or regressor; it is not changed.
        data: with parts "train" and "test"; without, `test` of it is split off. A part "validation"
            is not used.
        sizes: numbers of training sequences; up to six, the largest all of them, if left out.
        seeds: trainings of each size. In Python also the seeds themselves.
        test: the share that is split off as test part where there is none.
        until: also report the epoch at which the score reaches this level.
        watch_test: also score the test part after each epoch, to see how many epochs learning
            takes. It selects nothing: there is no other validation, and the last epoch counts.
        folder: the study's folder. A study that was stopped continues there, and a finished trial
            never runs again. `None`: nothing is written.
        workers: trials at once, each on one thread; one for each processor if left out. With 1
            everything runs in one process.
        executor: runs the trials, in place of this machine's processes: anything with `submit`.
        progress: "auto", "bar", "lines" or "none".
        source: name of the data; JSON, compared when a study continues.
        recipe: how to make the same call again; JSON, kept in the folder.

    Raises:
        DataError: sizes or data that cannot be used.
        OptionError: an argument that is not allowed.
        FileError: the folder holds another study, or another process works in it.
        TrainingError: no trial could be trained.

    >>> import segue
    >>> waves = segue.synth.waves(40, test=20, length=8)
    >>> classifier = segue.SequenceClassifier("gru(2)", epochs=2)
    >>> curve = learning_curve(
    ...     classifier, waves, sizes=[10, 20, 40], seeds=2, workers=1, progress="none"
    ... )
    >>> curve.table().shape
    (3, 2)
    """
    if isinstance(estimator, BaseSequenceEstimator) and isinstance(estimator.validation, Dataset):
        raise OptionError(
            "`validation` is a data set; for a learning curve it must come from inside each "
            "subset: give a share, 'auto' or None."
        )
    chosen, level = tables.as_seeds(seeds), check_until(until)
    train, held_out = _parts(data, test)
    check_study(estimator, train)
    wanted = choose_sizes(sizes, len(train))
    configured = with_all_classes(estimator, data)
    if watch_test:
        configured.set_params(validation=None, options__monitor="last", options__refit=False)
    setup = TrialSetup(configured, train, held_out, validate=watch_test)
    trials = []
    for seed in chosen:
        order = stratified_order(train, seed)
        for size in wanted:
            name = {"size": size, "seed": seed}
            trials.append(Trial(name, {"seed": seed}, np.sort(order[:size]), float(size)))
    path = None if folder is None else Path(folder)
    config = StudyConfig(path, workers, executor, progress, source, recipe)
    space: Row = {"sizes": list(wanted), "seeds": list(chosen)}
    space |= {"watch_test": True} if watch_test else {}
    rows = run_study("learning-curve", setup, trials, space, config)
    metric = tables.metric_of(rows)
    constant = baseline(setup, metric)
    curve = LearningCurve(metric, wanted, chosen, tuple(rows), constant, level, path, watch_test)
    if path is not None:
        curve.save(path)
    return curve


def _parts(data: Dataset, test: float) -> tuple[Dataset, Dataset]:
    """The training sequences, and those of the test part."""
    check_data(data)
    if "test" in data.part_names:
        if "train" not in data.part_names:
            raise DataError(f"The data set has the parts {', '.join(data.part_names)}; no 'train'.")
        train, held_out = data.part("train"), data.part("test")
    else:
        rest = data.part("train") if "train" in data.part_names else data
        train, held_out = rest.split(test, seed=0)
    return replace(train, parts=None), replace(held_out, parts=None)


# -- subsets --------------------------------------------------------------------------------------


def stratified_order(data: Dataset, seed: int) -> Array:
    """`[n]`, an order of which every beginning is a stratified subset, as nearly as possible.

    Every class occurs once before any occurs twice. Groups follow one another, each time the one
    that brings the class shares nearest to those of all data: few sequences are then those of few
    groups, as in a smaller collection.

    Args:
        data: the sequences.
        seed: another seed gives another order.

    >>> data = Dataset([[0.0]] * 6, ["a", "a", "a", "a", "b", "b"])
    >>> order = stratified_order(data, seed=0)
    >>> sorted(data.y[order[:2]].tolist()), sorted(data.y[order[:3]].tolist())
    (['a', 'b'], ['a', 'a', 'b'])
    """
    draws = numpy_generator(seed, "study", "subset")
    is_grouped = data.splits_by == "group"
    labels = data.y if data.task == "classify" else np.zeros(len(data), np.int64)
    _, codes = np.unique(labels, return_inverse=True)
    if not is_grouped or data.groups is None:
        return _stratified(codes, draws)
    _, members = np.unique(data.groups, return_inverse=True)
    rank = np.empty(members.max() + 1, np.int64)
    rank[_groups_in_order(codes, members, draws)] = np.arange(len(rank))
    return np.lexsort((draws.random(len(data)), rank[members]))


def _stratified(codes: Array, draws: np.random.Generator) -> Array:
    """The k-th of m sequences of a class stands at k / m of the order."""
    position = np.empty(len(codes))
    for code in range(codes.max() + 1):
        members = draws.permutation(np.flatnonzero(codes == code))
        position[members] = np.arange(len(members)) / len(members)
    return np.lexsort((draws.random(len(codes)), position))


def _groups_in_order(codes: Array, members: Array, draws: np.random.Generator) -> Array:
    table = np.zeros((members.max() + 1, codes.max() + 1))
    np.add.at(table, (members, codes), 1)
    shares = table.sum(axis=0) / table.sum()
    left = draws.permutation(len(table))
    order, taken = [], np.zeros(table.shape[1])
    while len(left):
        sums = taken + table[left]
        distance = np.abs(sums / sums.sum(axis=1, keepdims=True) - shares).sum(axis=1)
        best = int(np.argmin(distance))
        order.append(int(left[best]))
        taken = sums[best]
        left = np.delete(left, best)
    return np.asarray(order, np.int64)


def choose_sizes(sizes: object, count: int) -> tuple[int, ...]:
    """Validate the sizes of a learning curve; by default up to six, each twice the one before.

    Raises:
        DataError: more than there are, fewer than 2, not whole numbers, or none.

    >>> choose_sizes(None, 400)
    (12, 25, 50, 100, 200, 400)
    """
    if sizes is None:
        halved = sorted({count >> power for power in range(6)} - {0, 1, 2, 3})
        return tuple(halved) or (count,)
    listed = list(sizes) if isinstance(sizes, list | tuple | np.ndarray) else None
    whole = listed and all(
        isinstance(n, int | np.integer) and not isinstance(n, bool) and n >= 2 for n in listed
    )
    if not listed or not whole or len(set(listed)) < len(listed):
        raise DataError(
            f"`sizes` is {sizes!r}; expected different whole numbers of sequences from 2 on, such "
            "as [20, 50, 100]."
        )
    if max(listed) > count:
        raise DataError(
            f"`sizes` has {max(listed)}, and there are {count} sequences to learn from."
        )
    return tuple(sorted(int(n) for n in listed))
