"""Learning curve: accuracy and loss over the number of training sequences."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from segue.data.dataset import Dataset
from segue.errors import DataError, OptionError, counted
from segue.estimators.base import BaseSequenceEstimator
from segue.executors import Executor
from segue.studies.powerlaw import (
    LEAST_SIZES,
    Forecast,
    PowerLaw,
    backtest,
    fit_power_law,
    forecast,
)
from segue.studies.running import as_seeds, choose_sizes, run_study, split_parts, stratified_order
from segue.studies.study import Row, Study, without_failed
from segue.studies.trials import Trial, TrialSetup, check_study, with_all_classes
from segue.text_table import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MISFIT = 0.25  # of the range of the mean errors: a law that misses more does not hold


@dataclass(frozen=True, kw_only=True)
class LearningCurve(Study):
    """Scores and losses of trainings with several numbers of sequences.

    Attributes:
        sizes: training sequences, rising.
        watched: whether the histories score the test part (`watch_test`), in place of each
            training's own validation or training sequences.
        metric: the score: "accuracy", or "rmse" of numbers.
        seeds: each has its own subsets and its own training.
        rows: one a trial, in the order of seeds and sizes: "trial", the score, "loss", "epochs",
            "kept", "history", "seconds"; or "error".
        baseline: the score of a constant prediction.
        until: the level of the score whose epoch is reported, if any.
        folder: the study's folder.
    """

    kind: ClassVar[str] = "learning-curve"
    sizes: tuple[int, ...]
    watched: bool = False

    def table(self, name: str | None = None) -> np.ndarray[Any, np.dtype[np.float64]]:
        """`[size, seed]` of a column of the trials, the score if left out; NaN: failed."""
        values = [float(row.get(name or self.metric, np.nan)) for row in self.rows]
        return np.reshape(values, (len(self.seeds), len(self.sizes))).T

    @cached_property
    def follow(self) -> str:
        """The score's column of the histories: of validation, if every trial has one."""
        name = f"validation_{self.metric}"
        has_it = all(name in row["history"][0] for row in without_failed(self.rows))
        return name if has_it else self.metric

    @property
    def where(self) -> str:
        """The data that the histories score, as a phrase."""
        if self.watched:
            return "on the test part"
        return "in validation" if self.follow.startswith("validation_") else "in training"

    @property
    def settings(self) -> list[Row]:
        """The sizes."""
        return [{"size": size} for size in self.sizes]

    def since(self, size: int) -> LearningCurve:
        """The curve without smaller sizes, at which networks still guess and the law does not hold.

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

    def forecast(self, size: int | None = None) -> Forecast | None:
        """The expected error at another size; at twice the largest if left out.

        `None` with fewer than three sizes or two seeds.
        """
        return self._twice if size is None else self._forecast(size)

    @cached_property
    def _twice(self) -> Forecast | None:
        return self._forecast(2 * self.sizes[-1])

    def _forecast(self, size: int) -> Forecast | None:
        if self.law is None or self.errors.shape[1] < 2:
            return None
        return forecast(self.sizes, self.errors, size)

    @cached_property
    def backtest(self) -> list[Forecast]:
        """Forecasts of measured sizes from the smaller ones alone."""
        return [] if self._twice is None else backtest(self.sizes, self.errors)

    @property
    def held_back(self) -> list[Forecast]:
        """The former name of `backtest`."""
        warnings.warn("held_back is now called backtest.", DeprecationWarning, stacklevel=2)
        return self.backtest

    # -- text -----------------------------------------------------------------------------------

    @property
    def headline(self) -> tuple[Row, str]:
        """The largest size."""
        return self.done[-1], f"with {counted(self.done[-1]['size'], 'training sequence')}"

    def answers(self) -> list[str]:
        """Sentences: the effect of more sequences, how many epochs are enough, the forecast."""
        first, last = self.done[0], self.done[-1]
        start, end = (f"{number(row[self.metric])} ({self.band(row)})" for row in (first, last))
        sentences = [
            f"Between {first['size']:,} and {last['size']:,} training sequences the {self.metric} "
            f"goes from {start} to {end} (a constant prediction: {number(self.baseline)})."
        ]
        if self.until is not None:
            always = [row for row in self.done if row["reached"] == row["trials"]]
            epochs = ", ".join(
                f"{row['epochs_until']:.0f} epochs with {row['size']:,}" for row in _some(always)
            )
            never = f"No size reaches {self.until:g} in every training."
            takes = f"{self.until:g} takes {epochs} ({self.where}, mean)."
            sentences.append(takes if epochs else never)
        enough = (f"{row['epochs_enough']} with {row['size']:,}" for row in _some(self.done))
        sentences.append(
            f"Epochs after which the mean {self.where} is within {self.near} of its best: "
            f"{', '.join(enough)}, of {last['epochs']:.0f}."
        )
        if self._twice is not None:
            verdict = _verdict(self._comparable())
            trust = f"; backtest: {verdict}" if verdict else ""
            doubt = "" if self.law_holds else ", but the law does not hold here"
            error, interval = self._scores(self._twice)
            expected = f"{error} is to be expected, {interval}"
            sentences.append(f"Twice as many, {self._twice.size:,}: {expected}{doubt}{trust}.")
        return sentences

    def notes(self) -> list[str]:
        """The lines below the table: the forecast for more data, and its backtest."""
        level = "" if self.until is None else f"; epochs until {self.until:g}: {self.where}"
        lines = [
            self.scored_on("the test part"),
            f"epochs to within {self.near} of best: by the mean {self.where}{level}",
        ]
        if self.law is None:
            return [*lines, "a forecast for more data needs three sizes or more"]
        lines.append(f"power law: {self.law}; largest residual {self.misfit:.4f}")
        if not self.law_holds:
            lines.append("The law does not hold here: do not rely on what follows.")
        twice, tested = self._twice, self._comparable()
        if twice is None:
            return [*lines, "a forecast for more data needs two seeds or more"]
        error, interval = self._scores(twice)
        lines.append(f"with {twice.size:,} sequences: {self.metric} {error} expected, {interval}")
        if not tested:
            return [*lines, "a backtest needs four sizes or more"]
        for one in tested:
            error, interval = self._scores(one)
            measured = self._score(math.nan if one.truth is None else one.truth)
            lines.append(
                f"  from up to {one.fitted_to:,}, for {one.size:,}: {error}, {interval}; measured "
                f"{measured}: {'right' if one.is_right else 'wrong'}"
            )
        return [*lines, f"backtest, forecasts of measured sizes: {_verdict(tested)}"]

    def _comparable(self) -> list[Forecast]:
        """The forecasts of measured sizes that look no further ahead than to twice the data."""
        return [one for one in self.backtest if one.size <= 2 * one.fitted_to] or self.backtest

    def _score(self, error: float) -> str:
        """The score of an error: 1 - error as accuracy, an RMSE as it is."""
        return number(error if self.metric == "rmse" else 1 - error)

    def _scores(self, one: Forecast) -> tuple[str, str]:
        """The expected score of a forecast, and its interval."""
        ends = [one.low, one.high] if self.metric == "rmse" else [one.high, one.low]
        return self._score(one.error), " to ".join(map(self._score, ends))

    def __repr__(self) -> str:
        score = f"{self.metric}={number(self.summary[-1][self.metric])}"
        return f"LearningCurve(sizes={list(self.sizes)}, seeds={len(self.seeds)}, {score})"

    # -- files and pictures ---------------------------------------------------------------------

    def as_json(self) -> Row:
        """The summary, the law and the forecasts, as in `study.json`."""
        names = "metric sizes seeds baseline until summary law misfit law_holds".split()
        return {
            "study": self.kind,
            **{name: getattr(self, name) for name in names},
            "law": None if self.law is None else asdict(self.law),
            "forecast": None if self._twice is None else self._twice.as_json(),
            "held_back": [one.as_json() for one in self.backtest],
        }

    def pictures(self) -> dict[str, Callable[[], Axes]]:
        """The figures that `save` writes, by file name."""
        return {"learning-curve.png": self.plot, "epochs.png": self.plot_epochs}

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

        by_size = {f"{size:,}": self.histories({"size": size}) for size in self.sizes}
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
        watch_test: also score the test part after each epoch. It selects nothing: there is no
            other validation, and the last epoch counts.
        folder: the study's folder, where one that was stopped continues; `None`: no files.
        workers: trials at once, each on one thread; one for each processor if left out. With 1
            everything runs in one process; with an executor so many are submitted at once, all of
            them if left out.
        executor: runs the trials, in place of this machine's processes: `SlurmExecutor`, or
            anything with `submit`. With a folder, which all machines must see, trials that it
            loses or repeats do no harm.
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
    >>> classifier, quick = segue.SequenceClassifier("gru(2)", epochs=2), {"progress": "none"}
    >>> curve = learning_curve(classifier, waves, sizes=[10, 20, 40], seeds=2, workers=1, **quick)
    >>> curve.table().shape
    (3, 2)
    """
    chosen = as_seeds(seeds)
    train, held_out = split_parts(data, "test", test)
    check_study(estimator, train, until)
    if isinstance(estimator.validation, Dataset):
        raise OptionError(
            "`validation` is a data set; for a learning curve it must come from inside each "
            "subset: give a share, 'auto' or None."
        )
    wanted = choose_sizes(sizes, len(train))
    configured = with_all_classes(estimator, data)
    if watch_test:
        configured.set_params(validation=None, options__monitor="last", options__refit=False)
    setup = TrialSetup(configured, train, held_out, validate=watch_test)
    orders = {seed: stratified_order(train, seed) for seed in chosen}
    trials = [
        Trial({"size": size, "seed": seed}, {"seed": seed}, np.sort(order[:size]))
        for seed, order in orders.items()
        for size in wanted
    ]
    space: Row = {"sizes": list(wanted), "seeds": list(chosen)}
    space |= {"watch_test": True} if watch_test else {}
    return run_study(
        LearningCurve, {"sizes": wanted, "seeds": chosen, "until": until, "watched": watch_test},
        setup, trials, space,
        folder=folder, workers=workers, executor=executor, progress=progress, source=source,
        recipe=recipe,
    )  # fmt: skip


def _some(rows: list[Row]) -> list[Row]:
    """The first, the middle and the last."""
    return [rows[i] for i in sorted({0, len(rows) // 2, len(rows) - 1})] if rows else []


def _verdict(tested: list[Forecast]) -> str:
    """How many forecasts were right; empty without any."""
    right = sum(bool(one.is_right) for one in tested)
    better = sum(one.truth is not None and one.truth < one.low for one in tested)
    text = f"{right} of {len(tested)} right" if tested else ""
    worse = len(tested) - right - better
    return (
        f"{text}, {better} came out better than forecast, {worse} worse" if better + worse else text
    )
