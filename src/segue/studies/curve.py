"""The learning curve: how accuracy and loss change with the number of training sequences."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError, OptionError
from segue.estimators.base import BaseSequenceEstimator
from segue.studies import tables
from segue.studies.checks import check_study, check_until, scored_classes
from segue.studies.executors import Executor
from segue.studies.powerlaw import (
    LEAST_SIZES,
    Forecast,
    PowerLaw,
    fit_power_law,
    forecast,
    held_back,
)
from segue.studies.running import Place, run_study
from segue.studies.subsets import choose_sizes, fair_order
from segue.studies.trials import Row, Trial, Work, baseline

if TYPE_CHECKING:
    from matplotlib.axes import Axes


MISFIT = 0.25  # of the range of the mean errors: a law that misses more is no fit


@dataclass(frozen=True)
class LearningCurve:
    """What came of training with several numbers of sequences.

    Attributes:
        metric: what is scored: "accuracy", or "rmse" of numbers.
        sizes: training sequences, rising.
        seeds: each has its own subsets and its own training.
        rows: one a trial, in the order of seeds and sizes: "trial", the score, "loss", "epochs",
            "kept", "history", "seconds"; or "error".
        baseline: the score of answering without a look at the sequence.
        until: the level of the score whose epoch is looked for, if any.
        folder: where it is kept.
        watched: whether the histories follow the test part (as `learning_curve` was asked with
            `watch_test`), and not what each training saw.
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
        """`[size, seed]` of a number that each trial has, the score if left out; NaN: failed."""
        values = tables.column(self.rows, name or self.metric)
        return np.reshape(values, (len(self.seeds), len(self.sizes))).T

    @cached_property
    def follow(self) -> str:
        """The column of the histories that is followed over the epochs."""
        return tables.watched(self.rows, self.metric)

    @property
    def where(self) -> str:
        """On what the score was followed over the epochs, in words."""
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
        """The same without smaller sizes, which do not follow the law where networks still guess.

        Raises:
            DataError: no size is so large.
        """
        sizes = tuple(n for n in self.sizes if n >= size)
        if not sizes:
            raise DataError(f"`size` is {size!r}; the largest that was tried is {self.sizes[-1]}.")
        rows = tuple(row for row in self.rows if row["trial"]["size"] >= size)
        return replace(self, sizes=sizes, rows=rows, folder=None)

    # -- what is to be expected -----------------------------------------------------------------

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
        return self.misfit <= MISFIT * float(np.ptp(self.errors.mean(axis=1)))

    def forecast(self, size: int | None = None) -> Forecast | None:
        """The error to be expected at another size; at twice the largest if left out.

        `None` with fewer than three sizes or two seeds.
        """
        if self.law is None or self.errors.shape[1] < 2:
            return None
        return forecast(self.sizes, self.errors, size or 2 * self.sizes[-1])

    @cached_property
    def held_back(self) -> list[Forecast]:
        """Forecasts of sizes that were measured, from the smaller ones alone."""
        if self.law is None or self.errors.shape[1] < 2:
            return []
        return held_back(self.sizes, self.errors)

    # -- in words, files and pictures -----------------------------------------------------------

    def as_json(self) -> Row:
        """The summary, the law and the forecasts: what `study.json` holds."""
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
            "held_back": [one.as_json() for one in self.held_back],
        }

    def answers(self) -> list[str]:
        """Sentences: what more sequences change, how many epochs are enough, what twice brings."""
        from segue.studies.words import curve_answers

        return curve_answers(self)

    def report(self) -> str:
        """The table over the sizes, what more data would bring, and how far that can be trusted."""
        from segue.studies.words import curve_report

        return curve_report(self)

    def __repr__(self) -> str:
        last = self.summary[-1]
        score = f"{self.metric}={tables.number(last[self.metric])}"
        return f"LearningCurve(sizes={list(self.sizes)}, seeds={len(self.seeds)}, {score})"

    def save(self, folder: str | Path) -> None:
        """Write `trials.csv`, `summary.csv`, `study.json` and the pictures, each whole or not.

        Raises:
            WriteError: the disk is full or read-only.
        """
        pictures = {"learning-curve.png": self.plot, "epochs.png": self.plot_epochs}
        tables.save(self, Path(folder), pictures)

    def plot(self) -> Axes:
        """Draw score and loss over the number of sequences, side by side, with what is expected.

        With `until` also the epochs until then.

        Returns:
            The axes of the score; the others are `axes.figure.axes[1:]`.
        """
        from segue.plots import studies

        return studies.plot_learning_curve(self)

    def plot_epochs(self) -> Axes:
        """Draw score and loss over the epochs, a line for each size."""
        from segue.plots import studies

        by_size = {
            f"{size:,}": [r["history"] for r in self.rows if _is_done(r, size)]
            for size in self.sizes
        }
        return studies.plot_epochs(
            by_size, self.follow, title="training sequences", is_rising=True, where=self.where
        )


def _is_done(row: Row, size: int) -> bool:
    return bool(row["trial"]["size"] == size) and "error" not in row


def learning_curve(
    estimator: BaseSequenceEstimator,
    data: Dataset,
    *,
    sizes: Any = None,
    seeds: Any = 5,
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

    The test part is the same for all. The subsets of a seed are nested and keep the share of each
    class; where there are groups they are made of whole groups, but for the last. What an estimator
    sets aside for validation comes from inside them.

    Args:
        estimator: a classifier, labeler or regressor; it stays as it is.
        data: with parts "train" and "test"; without, `test` of it is set aside. A part "validation"
            is left alone.
        sizes: numbers of training sequences; six up to all of them if left out.
        seeds: the seeds, or how many.
        test: the share that is set aside where there is no test part.
        until: also find the epoch at which the score is this good.
        watch_test: also score the test part after each epoch, to see how long learning takes. It
            chooses nothing: there is no other validation, and the last epoch is the one that
            counts.
        folder: where the study is kept. A study that was stopped goes on there, and a trial that
            is finished is never run again. `None`: nowhere.
        workers: trials done at once, each on one thread; one for each processor if left out. With
            1 everything is done in this process.
        executor: does the trials in place of this machine's processes: anything with `submit`.
        progress: "auto", "bar", "lines" or "none".
        source: what the data are called; JSON, compared when a study goes on.
        recipe: JSON that is kept in the folder, for whoever makes the same call again.

    Raises:
        DataError: sizes or data that cannot be used.
        OptionError: an argument that means nothing.
        FileError: the folder holds another study, or another process is working on it.
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
    train, held = _parts(data, test)
    check_study(estimator, train)
    wanted = choose_sizes(sizes, len(train))
    learner = scored_classes(estimator, data)
    if watch_test:
        learner.set_params(validation=None, options__monitor="last", options__refit=False)
    work = Work(learner, train, held, watch=watch_test)
    trials = []
    for seed in chosen:
        order = fair_order(train, seed)
        for size in wanted:
            name = {"size": size, "seed": seed}
            trials.append(Trial(name, {"seed": seed}, np.sort(order[:size]), float(size)))
    place = Place(None if folder is None else Path(folder), workers, executor, progress)
    place = replace(place, source=source, recipe=recipe)
    space: Row = {"sizes": list(wanted), "seeds": list(chosen)}
    space |= {"watch_test": True} if watch_test else {}
    rows = run_study("learning-curve", work, trials, space, place)
    metric = tables.metric_of(rows)
    base = baseline(work, metric)
    curve = LearningCurve(
        metric, wanted, chosen, tuple(rows), base, level, place.folder, watch_test
    )
    if place.folder is not None:
        curve.save(place.folder)
    return curve


def _parts(data: Dataset, test: float) -> tuple[Dataset, Dataset]:
    """What may be learnt from and what is scored."""
    if not isinstance(data, Dataset):
        raise DataError(
            f"`data` is a {type(data).__name__}; expected a Dataset, such as segue.Dataset(x, y)."
        )
    if "test" in data.part_names:
        if "train" not in data.part_names:
            raise DataError(f"The data set has the parts {', '.join(data.part_names)}; no 'train'.")
        train, held = data.part("train"), data.part("test")
    else:
        rest = data.part("train") if "train" in data.part_names else data
        train, held = rest.split(test, seed=0)
    return replace(train, parts=None), replace(held, parts=None)
