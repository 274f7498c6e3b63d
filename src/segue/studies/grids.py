"""Grid search: every combination of networks and other arguments, with several seeds.

The text of a network may be a template: in "lstm({units})" the name in braces takes the values that
the space has for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segue.dataset import Dataset
from segue.errors import DataError, OptionError, did_you_mean
from segue.estimators.base import BaseSequenceEstimator
from segue.executors import Executor
from segue.studies import tables
from segue.studies.running import StudyConfig, plain, run_study
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

MOST_TRIALS = 100_000
_TEMPLATE_NAME = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Grid:
    """The validation scores of every combination.

    They selected the best epoch of each trial and select among the combinations, so the best of
    them is optimistic. The test part is not used: train the best once more, and score that once.

    Attributes:
        metric: the score: "accuracy", or "rmse" of numbers.
        space: the values of each argument; JSON.
        seeds: of the trainings; the validation set is the same for all.
        rows: one a trial, in the order of seeds and combinations, as in `LearningCurve.rows`.
        baseline: the score of a constant prediction.
        until: the level of the score whose epoch is reported, if any.
        folder: the study's folder.
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
        """The score's column of the histories."""
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
        return list(self.rows[self.combinations.index(values) :: count])

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

    # -- report, files and pictures -------------------------------------------------------------

    def as_json(self) -> Row:
        """Space, summary and the best, as in `study.json`."""
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
        """Lines: the mean score of each value of an argument, over all others."""
        from segue.studies.report import grid_answers

        return grid_answers(self)

    def report(self) -> str:
        """The table over the combinations, and the best of them."""
        from segue.studies.report import grid_report

        return grid_report(self)

    def __repr__(self) -> str:
        from segue.studies.report import number

        score = f"{self.metric}={number(self.best[self.metric])}"
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
        """Draw the scores, and with `until` the epochs until that level.

        Heat maps if two or three arguments vary, else a point with its band for each combination.
        """
        from segue.plots import studies

        return studies.plot_grid(self)

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
        """A combination as a label, without the arguments that do not vary."""
        return ", ".join(str(values[name]) for name in self.varied or self.space)


def grid(
    estimator: BaseSequenceEstimator,
    data: Dataset,
    space: Mapping[str, Any],
    *,
    seeds: int | Sequence[int] = 3,
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

    A share `held` of the training part is the validation set, the same for all trials; the score is
    that of the best epoch on it. The test part is not used.

    Args:
        estimator: a classifier, labeler or regressor; it is not changed.
        data: if it has parts, "train" is used, and "validation" in place of `held` where it has
            that.
        space: for each argument of the estimator its values; nested ones as `options__patience`. A
            name in braces in the text of the network, as in "lstm({units})", takes the values that
            the space has for it.
        seeds: trainings of each combination. In Python also the seeds themselves.
        held: the share of the training part to validate on; stratified, by group where there are
            groups.
        until: also report the epoch at which the score reaches this level.
        folder: as in `learning_curve`.
        workers: as in `learning_curve`.
        executor: as in `learning_curve`.
        progress: as in `learning_curve`.
        source: as in `learning_curve`.
        recipe: as in `learning_curve`.

    Raises:
        DataError: data that cannot be used.
        OptionError: an argument that is not allowed; all of them are reported together.
        SpecError: a network or preparation that does not parse.
        FileError: the folder holds another study, or another process works in it.
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
    train, validation = _parts(data, held)
    names = list(values)
    combinations = [dict(zip(names, one, strict=True)) for one in product(*values.values())]
    settings = [with_template_filled(estimator, one) for one in combinations]
    check_study(estimator, train, settings)
    setup = TrialSetup(with_all_classes(estimator, data), train, validation, validate=True)
    plain_space = {name: [plain(one) for one in listed] for name, listed in values.items()}
    trials = []
    for seed in chosen:
        for one, setting in zip(combinations, settings, strict=True):
            name = {**{n: plain(v) for n, v in one.items()}, "seed": seed}
            trials.append(Trial(name, {**setting, "seed": seed}))
    path = None if folder is None else Path(folder)
    config = StudyConfig(path, workers, executor, progress, source, recipe)
    rows = run_study("grid", setup, trials, {"values": plain_space, "seeds": list(chosen)}, config)
    metric = tables.metric_of(rows)
    constant = baseline(setup, metric)
    result = Grid(metric, plain_space, chosen, tuple(rows), constant, level, path)
    if path is not None:
        result.save(path)
    return result


def _check_space(space: Any, seeds: int) -> dict[str, list[Any]]:
    if not isinstance(space, Mapping) or not space:
        raise OptionError(
            f"`space` is {space!r}; expected a list of values for each argument, such as "
            "{'network': ['lstm(16)', 'lstm(32)']}."
        )
    checked, problems, count = {}, [], seeds
    for name, values in space.items():
        listed = None if isinstance(values, str) or not hasattr(values, "__iter__") else [*values]
        if name in ("seed", "validation"):
            argument = "seeds" if name == "seed" else "held"
            problems.append(f"`{name}` does not go into the space: use `{argument}=`.")
        elif not listed:
            problems.append(f"`{name}` is {values!r}; expected a list of values.")
        elif len({str(plain(one)) for one in listed}) < len(listed):
            problems.append(f"`{name}` has a value twice: {listed!r}.")
        checked[str(name)] = listed or []
        count *= max(1, len(checked[str(name)]))
    if count > MOST_TRIALS:
        problems.append(f"That makes {count:,} trials; at most {MOST_TRIALS:,} are done.")
    if problems:
        raise OptionError(" ".join(problems))
    return checked


def _parts(data: Any, held: float) -> tuple[Dataset, Dataset]:
    """The training and the validation sequences; never the test part."""
    check_data(data)
    if data.parts is None:
        train, validation = data.split(held, seed=0)
    elif "train" not in data.part_names:
        raise DataError(f"The data set has the parts {', '.join(data.part_names)}; no 'train'.")
    elif "validation" in data.part_names:
        train, validation = data.part("train"), data.part("validation")
    else:
        train, validation = data.part("train").split(held, seed=0)
    return replace(train, parts=None), replace(validation, parts=None)


# -- templates of networks ------------------------------------------------------------------------


def fill_template(text: str, values: Row) -> str:
    """The text of a network with the names in braces replaced by their values.

    Raises:
        OptionError: a name without a value.

    >>> fill_template("repeat({layers}, lstm({units}))", {"layers": 2, "units": 8})
    'repeat(2, lstm(8))'
    """
    missing = [name for name in _TEMPLATE_NAME.findall(text) if name not in values]
    if missing:
        raise OptionError(
            f"The network {text!r} has {{{missing[0]}}}, and the space has no values for it."
            f"{did_you_mean(missing[0], values)}"
        )
    return _TEMPLATE_NAME.sub(lambda match: _as_spec(values[match[1]]), text)


def _as_spec(value: Any) -> str:
    """A value as networks are written: `true`, `none`."""
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def with_template_filled(estimator: Any, values: Row) -> Row:
    """The arguments of the estimator in a combination, with the network's template filled.

    Args:
        estimator: to be fitted.
        values: by the names of the space, which may be those in the template.

    Raises:
        OptionError: a name in the template without a value.
    """
    network = values.get("network", getattr(estimator, "network", None))
    if not isinstance(estimator, BaseSequenceEstimator) or not isinstance(network, str):
        return values
    names = set(_TEMPLATE_NAME.findall(network))
    if not names:
        return values
    rest = {name: value for name, value in values.items() if name not in names}
    return {**rest, "network": fill_template(network, values)}
