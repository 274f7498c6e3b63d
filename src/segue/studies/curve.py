"""Learning curve: accuracy and loss over the number of training sequences."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from segue.data.dataset import Dataset
from segue.errors import DataError, OptionError
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
from segue.studies.running import (
    StudyConfig,
    as_seeds,
    choose_sizes,
    run_study,
    split_parts,
    stratified_order,
)
from segue.studies.study import Study, number
from segue.studies.trials import Row, Trial, TrialSetup, check_study, with_all_classes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MISFIT = 0.25  # of the range of the mean errors: a law that misses more does not hold


@dataclass(frozen=True)
class LearningCurve(Study):
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

    kind: ClassVar[str] = "learning-curve"

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
        values = [float(row.get(name or self.metric, np.nan)) for row in self.rows]
        return np.reshape(values, (len(self.seeds), len(self.sizes))).T

    @cached_property
    def follow(self) -> str:
        """The score's column of the histories: of validation, if every trial has one."""
        name = f"validation_{self.metric}"
        done = [row for row in self.rows if "error" not in row]
        return name if all(name in row["history"][0] for row in done) else self.metric

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

    # -- text -----------------------------------------------------------------------------------

    def answers(self) -> list[str]:
        """Sentences: the effect of more sequences, how many epochs are enough, the forecast."""
        first, last = self.done[0], self.done[-1]
        sentences = [
            f"Between {first['size']:,} and {last['size']:,} training sequences the {self.metric} "
            f"goes from {self._score(first)} to {self._score(last)} (a constant prediction: "
            f"{number(self.baseline)})."
        ]
        if self.until is not None:
            always = [row for row in self.done if row["reached"] == row["trials"]]
            epochs = ", ".join(
                f"{row['epochs_until']:.0f} epochs with {row['size']:,}" for row in _some(always)
            )
            never = f"No size reaches {self.until:g} in every training."
            takes = f"{self.until:g} takes {epochs} ({self.where}, mean)."
            sentences.append(takes if epochs else never)
        sentences.append(
            f"Epochs after which the mean {self.where} is within {self.near} of its best: "
            + ", ".join(f"{row['epochs_enough']} with {row['size']:,}" for row in _some(self.done))
            + f", of {last['epochs']:.0f}."
        )
        twice = self.forecast()
        if twice is not None:
            tested = self._comparable()
            trust = f"; backtest: {_verdict(tested)}" if tested else ""
            doubt = "" if self.law_holds else ", but the law does not hold here"
            expected = f"{self._score_of(twice.error)} is to be expected, {self._interval(twice)}"
            sentences.append(f"Twice as many, {twice.size:,}: {expected}{doubt}{trust}.")
        return sentences

    def notes(self) -> list[str]:
        """The lines below the table: the forecast for more data, and its backtest."""
        level = "" if self.until is None else f"; epochs until {self.until:g}: {self.where}"
        return [
            f"scored on the test part, {self.bands}; a constant prediction: {self.metric} "
            f"{number(self.baseline)}",
            f"epochs to within {self.near} of best: by the mean {self.where}{level}",
            *self._expectations(),
        ]

    def _expectations(self) -> list[str]:
        if self.law is None:
            return ["a forecast for more data needs three sizes or more"]
        lines = [f"power law: {self.law}; largest residual {self.misfit:.4f}"]
        if not self.law_holds:
            lines.append("The law does not hold here: do not rely on what follows.")
        twice = self.forecast()
        if twice is None:
            return [*lines, "a forecast for more data needs two seeds or more"]
        lines.append(
            f"with {twice.size:,} sequences: {self.metric} {self._score_of(twice.error)} expected, "
            f"{self._interval(twice)}"
        )
        tested = self._comparable()
        if not tested:
            return [*lines, "a backtest needs four sizes or more"]
        for one in tested:
            measured = self._score_of(float("nan") if one.truth is None else one.truth)
            lines.append(
                f"  from up to {one.fitted_to:,}, for {one.size:,}: {self._score_of(one.error)}, "
                f"{self._interval(one)}; measured {measured}: "
                f"{'right' if one.is_right else 'wrong'}"
            )
        return [*lines, f"backtest, forecasts of measured sizes: {_verdict(tested)}"]

    def _comparable(self) -> list[Forecast]:
        """The forecasts of measured sizes that look no further ahead than to twice the data."""
        return [one for one in self.backtest if one.size <= 2 * one.fitted_to] or self.backtest

    def _score(self, row: Row) -> str:
        low, high = (number(row[f"{self.metric}_{end}"]) for end in ("low", "high"))
        return f"{number(row[self.metric])} ({low} to {high})"

    def _score_of(self, error: float) -> str:
        """The score of an error: 1 - error as accuracy, an RMSE as it is."""
        return number(error if self.metric == "rmse" else 1 - error)

    def _interval(self, one: Forecast) -> str:
        ends = [one.low, one.high] if self.metric == "rmse" else [one.high, one.low]
        return " to ".join(map(self._score_of, ends))

    def __repr__(self) -> str:
        score = f"{self.metric}={number(self.summary[-1][self.metric])}"
        return f"LearningCurve(sizes={list(self.sizes)}, seeds={len(self.seeds)}, {score})"

    # -- files and pictures ---------------------------------------------------------------------

    def as_json(self) -> Row:
        """The summary, the law and the forecasts, as in `study.json`."""
        twice = self.forecast()
        return {
            "study": self.kind,
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
    chosen = as_seeds(seeds)
    train, held_out = split_parts(data, "test", test)
    check_study(estimator, train, until)
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
    config = StudyConfig(folder, workers, executor, progress, source, recipe)
    space: Row = {"sizes": list(wanted), "seeds": list(chosen)}
    space |= {"watch_test": True} if watch_test else {}
    found = run_study(LearningCurve.kind, setup, trials, space, config)
    curve = LearningCurve(sizes=wanted, seeds=chosen, until=until, watched=watch_test, **found)
    if curve.folder is not None:
        curve.save(curve.folder)
    return curve


def _some(rows: list[Row]) -> list[Row]:
    """The first, the middle and the last."""
    return [rows[i] for i in sorted({0, len(rows) // 2, len(rows) - 1})] if rows else []


def _verdict(tested: list[Forecast]) -> str:
    right = sum(bool(one.is_right) for one in tested)
    better = sum(one.truth is not None and one.truth < one.low for one in tested)
    missed = f"{right} of {len(tested)} right"
    if right == len(tested):
        return missed
    return f"{missed}, {better} came out better than forecast, {len(tested) - right - better} worse"
