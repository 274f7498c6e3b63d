"""The grid: every combination of networks and other arguments, with several seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segue.dataset import Dataset
from segue.errors import DataError, OptionError
from segue.estimators.base import BaseSequenceEstimator
from segue.studies import tables
from segue.studies.checks import check_study, check_until, scored_classes
from segue.studies.executors import Executor
from segue.studies.holes import filled
from segue.studies.running import Place, plain, run_study
from segue.studies.trials import Row, Trial, Work, baseline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_TRIALS = 100_000


@dataclass(frozen=True)
class Grid:
    """What came of every combination.

    The scores are those of the sequences that were set aside from the training part; they chose the
    best epoch of each trial, and choose among the combinations, so the best of them flatters. The
    test part was left alone: train the best once more, and score that once.

    Attributes:
        metric: what is scored: "accuracy", or "rmse" of numbers.
        space: the values of each argument; JSON.
        seeds: of the trainings; what is set aside is the same for all.
        rows: one a trial, in the order of seeds and combinations, as in `LearningCurve.rows`.
        baseline: the score of answering without a look at the sequence.
        until: the level of the score whose epoch is looked for, if any.
        folder: where it is kept.
    """

    metric: str
    space: dict[str, list[Any]]
    seeds: tuple[int, ...]
    rows: tuple[Row, ...]
    baseline: float
    until: float | None = None
    folder: Path | None = None

    @property
    def follow(self) -> str:
        """The column of the histories that is followed over the epochs."""
        return f"validation_{self.metric}"

    @property
    def combinations(self) -> list[Row]:
        """Each combination of values, by the names of the arguments."""
        return [
            dict(zip(self.space, values, strict=True)) for values in product(*self.space.values())
        ]

    @property
    def varied(self) -> list[str]:
        """The arguments that have more than one value."""
        return [name for name, values in self.space.items() if len(values) > 1]

    @cached_property
    def summary(self) -> list[Row]:
        """A row for each combination: mean and band over the seeds."""
        return [
            {
                **values,
                **tables.summarize(self.trials(values), self.metric, self.follow, self.until),
            }
            for values in self.combinations
        ]

    def trials(self, values: Row) -> list[Row]:
        """The rows of a combination, one a seed."""
        count = len(self.combinations)
        place = self.combinations.index(values)
        return list(self.rows[place::count])

    @cached_property
    def effects(self) -> dict[str, list[Row]]:
        """For each argument that varies a row for each of its values, over all trials with it."""
        return {
            name: [
                {
                    name: value,
                    **tables.summarize(
                        [row for row in self.rows if row["trial"][name] == value],
                        self.metric,
                        self.follow,
                        self.until,
                    ),
                }
                for value in self.space[name]
            ]
            for name in self.varied
        }

    @property
    def best(self) -> Row:
        """The row of `summary` with the best mean score; of equal ones that with the lower loss."""
        done = [row for row in self.summary if row["trials"]]
        sign = 1 if self.metric == "rmse" else -1
        return min(done, key=lambda row: (sign * row[self.metric], row["loss"]))

    # -- in words, files and pictures -----------------------------------------------------------

    def as_json(self) -> Row:
        """Space, summary and the best: what `study.json` holds."""
        return {
            "study": "grid",
            "metric": self.metric,
            "space": self.space,
            "seeds": list(self.seeds),
            "baseline": self.baseline,
            "until": self.until,
            "summary": self.summary,
            "best": self.best,
        }

    def answers(self) -> list[str]:
        """Lines: what each value of an argument comes to, on average over all others."""
        from segue.studies.words import grid_answers

        return grid_answers(self)

    def report(self) -> str:
        """The table over the combinations, and the best of them."""
        from segue.studies.words import grid_report

        return grid_report(self)

    def __repr__(self) -> str:
        score = f"{self.metric}={tables.number(self.best[self.metric])}"
        return (
            f"Grid({', '.join(self.space)}: {len(self.combinations)} combinations, "
            f"seeds={len(self.seeds)}, best {score})"
        )

    def save(self, folder: str | Path) -> None:
        """Write `trials.csv`, `summary.csv`, `study.json` and the pictures, each whole or not.

        Raises:
            WriteError: the disk is full or read-only.
        """
        pictures = {"grid.png": self.plot, "epochs.png": self.plot_epochs}
        tables.save(self, Path(folder), pictures)

    def plot(self) -> Axes:
        """Draw the scores, and with `until` the epochs until then.

        Heat maps where two or three arguments vary, a point with its band for each combination
        elsewhere.
        """
        from segue.plots import grids

        return grids.plot_grid(self)

    def plot_epochs(self, at_most: int = 7) -> Axes:
        """Draw score and loss over the epochs, a line for each of the best combinations."""
        from segue.plots import studies

        sign = 1 if self.metric == "rmse" else -1
        done = [row for row in self.summary if row["trials"]]
        ranked = sorted(done, key=lambda row: sign * row[self.metric])[:at_most]
        histories = {}
        for row in ranked:
            values = {name: row[name] for name in self.space}
            trials = [one for one in self.trials(values) if "error" not in one]
            histories[self.name(values)] = [one["history"] for one in trials]
        more = f", the best {at_most} of {len(done)}" if len(done) > at_most else ""
        title = ", ".join(self.varied or self.space) + more
        return studies.plot_epochs(histories, self.follow, title=title)

    def name(self, values: Row) -> str:
        """A combination in a few words, without what does not vary."""
        return ", ".join(str(values[name]) for name in self.varied or self.space)


def grid(
    estimator: BaseSequenceEstimator,
    data: Dataset,
    space: Mapping[str, Any],
    *,
    seeds: Any = 3,
    held: float = 0.25,
    until: float | None = None,
    folder: str | Path | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: str = "auto",
    source: Any = None,
    recipe: Any = None,
) -> Grid:
    """Train with every combination of some arguments, each with several seeds.

    Of the training part `held` is set aside, the same for all trials; it is watched in each epoch,
    and the score is that of the best epoch. The test part is left alone.

    Args:
        estimator: a classifier, labeler or regressor; it stays as it is.
        data: if it has parts, "train" is used, and "validation" in place of `held` where it has
            that.
        space: for each argument of the estimator the values that it takes; nested ones as
            `options__patience`. A name in braces in the text of the network, as in
            "lstm({units})", takes the values that the space has for it.
        seeds: the seeds, or how many.
        held: the share that is set aside: stratified, by group where there are groups.
        until: also find the epoch at which the score is this good.
        folder: where the study is kept, as in `learning_curve`.
        workers: as in `learning_curve`.
        executor: as in `learning_curve`.
        progress: as in `learning_curve`.
        source: as in `learning_curve`.
        recipe: as in `learning_curve`.

    Raises:
        DataError: data that cannot be used.
        OptionError: an argument that means nothing; all of them are told together.
        SpecError: a network or preparation that does not parse.
        FileError: the folder holds another study, or another process is working on it.
        TrainingError: no trial could be trained.

    >>> import segue
    >>> waves = segue.synth.waves(40, test=20, length=8)
    >>> found = grid(
    ...     segue.SequenceClassifier(epochs=2),
    ...     waves,
    ...     {"network": ["gru(2)", "gru(4)"], "learning_rate": [0.01, 0.1]},
    ...     seeds=1, workers=1, progress="none",
    ... )
    >>> len(found.summary), sorted(found.best)[:2]
    (4, ['accuracy', 'accuracy_high'])
    >>> found = grid(
    ...     segue.SequenceClassifier("repeat({layers}, rnn({units}))", epochs=2),
    ...     waves,
    ...     {"layers": [1, 2], "units": [2, 4]},
    ...     seeds=1, workers=1, progress="none",
    ... )
    >>> found.combinations[1]
    {'layers': 1, 'units': 4}
    """
    chosen, level = tables.as_seeds(seeds), check_until(until)
    values = _check_space(space, len(chosen))
    train, watched = _parts(data, held)
    names = list(values)
    combinations = [dict(zip(names, one, strict=True)) for one in product(*values.values())]
    settings = [filled(estimator, one) for one in combinations]
    check_study(estimator, train, settings)
    work = Work(scored_classes(estimator, data), train, watched, watch=True)
    plain_space = {name: [plain(one) for one in listed] for name, listed in values.items()}
    trials = []
    for seed in chosen:
        for one, setting in zip(combinations, settings, strict=True):
            name = {**{n: plain(v) for n, v in one.items()}, "seed": seed}
            trials.append(Trial(name, {**setting, "seed": seed}))
    place = Place(None if folder is None else Path(folder), workers, executor, progress)
    place = replace(place, source=source, recipe=recipe)
    header = {"values": plain_space, "seeds": list(chosen)}
    rows = run_study("grid", work, trials, header, place)
    metric = tables.metric_of(rows)
    came = Grid(
        metric, plain_space, chosen, tuple(rows), baseline(work, metric), level, place.folder
    )
    if place.folder is not None:
        came.save(place.folder)
    return came


def _check_space(space: Any, seeds: int) -> dict[str, list[Any]]:
    if not isinstance(space, Mapping) or not space:
        raise OptionError(
            f"`space` is {space!r}; expected a list of values for each argument, such as "
            "{'network': ['lstm(16)', 'lstm(32)']}."
        )
    found, problems, count = {}, [], seeds
    for name, values in space.items():
        listed = None if isinstance(values, str) or not hasattr(values, "__iter__") else [*values]
        if name in ("seed", "validation"):
            argument = "seeds" if name == "seed" else "held"
            problems.append(f"`{name}` does not go into the space: use `{argument}=`.")
        elif not listed:
            problems.append(f"`{name}` is {values!r}; expected a list of values.")
        elif len({str(plain(one)) for one in listed}) < len(listed):
            problems.append(f"`{name}` has a value twice: {listed!r}.")
        found[str(name)] = listed or []
        count *= max(1, len(found[str(name)]))
    if count > MOST_TRIALS:
        problems.append(f"That makes {count:,} trials; at most {MOST_TRIALS:,} are done.")
    if problems:
        raise OptionError(" ".join(problems))
    return found


def _parts(data: Any, held: float) -> tuple[Dataset, Dataset]:
    """What trials learn from and what they are compared on; never the test part."""
    if not isinstance(data, Dataset):
        raise DataError(
            f"`data` is a {type(data).__name__}; expected a Dataset, such as segue.Dataset(x, y)."
        )
    if data.parts is None:
        train, watched = data.split(held, seed=0)
    elif "train" not in data.part_names:
        raise DataError(f"The data set has the parts {', '.join(data.part_names)}; no 'train'.")
    elif "validation" in data.part_names:
        train, watched = data.part("train"), data.part("validation")
    else:
        train, watched = data.part("train").split(held, seed=0)
    return replace(train, parts=None), replace(watched, parts=None)
