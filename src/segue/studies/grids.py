"""Grid search: every combination of networks and other arguments, with several seeds.

The text of a network may be a template: in "lstm({units})" the name in braces takes the values that
the space has for it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from segue.data.dataset import Dataset
from segue.errors import OptionError, did_you_mean
from segue.estimators.base import BaseSequenceEstimator
from segue.executors import Executor
from segue.studies.running import as_seeds, plain, run_study, split_parts
from segue.studies.study import Row, Study, reached, without_failed
from segue.studies.trials import Trial, TrialSetup, check_study, with_all_classes
from segue.text_table import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_TRIALS = 100_000
_TEMPLATE_NAME = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, kw_only=True)
class Grid(Study):
    """The validation scores of every combination.

    They selected the best epoch of each trial and select among the combinations, so the best of
    them is optimistic. The test part is not used: train the best once more, and score that once.

    Attributes:
        space: the values of each argument; JSON.
        metric: the score: "accuracy", or "rmse" of numbers.
        seeds: of the trainings; the validation set is the same for all.
        rows: one a trial, in the order of seeds and combinations, as in `LearningCurve.rows`.
        baseline: the score of a constant prediction.
        until: the level of the score whose epoch is reported, if any.
        folder: the study's folder.
    """

    kind: ClassVar[str] = "grid"
    space: dict[str, list[Any]]

    @property
    def follow(self) -> str:
        """The score's column of the histories."""
        return f"validation_{self.metric}"

    @property
    def settings(self) -> list[Row]:
        """The combinations of values, by the names of the arguments."""
        return combinations_of(self.space)

    combinations = settings

    @property
    def varied(self) -> list[str]:
        """The arguments that have more than one value."""
        return [name for name, values in self.space.items() if len(values) > 1]

    @cached_property
    def effects(self) -> dict[str, list[Row]]:
        """For each argument that varies a row for each of its values, over all trials with it."""
        return {
            name: self.summaries([{name: value} for value in self.space[name]])
            for name in self.varied
        }

    def ranked(self) -> list[Row]:
        """The rows of `summary`, the best mean score first; of equal ones, the lower loss first."""
        sign = 1 if self.metric == "rmse" else -1
        return sorted(self.done, key=lambda row: (sign * row[self.metric], row["loss"]))

    @property
    def best(self) -> Row:
        """The row of `summary` with the best mean score; of equal ones that with the lower loss."""
        return self.ranked()[0]

    # -- report, files and pictures -------------------------------------------------------------

    @property
    def headline(self) -> tuple[Row, str]:
        """The best combination."""
        return self.best, ", ".join(f"{name} {self.best[name]}" for name in self.space)

    def as_json(self) -> Row:
        """Space, summary and the best, as in `study.json`."""
        names = "metric space seeds baseline until summary best".split()
        return {"study": self.kind, **{name: getattr(self, name) for name in names}}

    def answers(self) -> list[str]:
        """Lines: the mean score of each value of an argument, over all others."""
        heading = f"mean {self.metric} over all else"
        if self.until is not None:
            heading += f", and epochs until {self.until:g} (trainings that reached it)"
        lines = [f"{heading}:"]
        for name, rows in self.effects.items():
            texts = [f"{row[name]}: {number(row[self.metric])}" for row in rows]
            if self.until is not None:
                texts = [f"{text}, {reached(row)}" for text, row in zip(texts, rows, strict=True)]
            lines.append(f"  {name}  {'; '.join(texts)}")
        return lines

    def notes(self) -> list[str]:
        """The lines below the table: the effect of each argument, and the best combination."""
        _, best = self.headline
        is_last = all(row["kept"] == row["epochs"] for row in without_failed(self.rows))
        selected = "the best" if is_last else "the epochs and the best"
        return [
            *(self.answers() if len(self.varied) > 1 else []),
            self.scored_on("the validation set"),
            f"best: {best} ({self.metric} {number(self.best[self.metric])})",
            f"These scores selected {selected}, so they are optimistic. The test part was not "
            "used.",
        ]

    def __repr__(self) -> str:
        score = f"{self.metric}={number(self.best[self.metric])}"
        return (
            f"Grid({', '.join(self.space)}: {len(self.combinations)} combinations, "
            f"seeds={len(self.seeds)}, best {score})"
        )

    def pictures(self) -> dict[str, Callable[[], Axes]]:
        """The figures that `save` writes, by file name."""
        return {"grid.png": self.plot, "epochs.png": self.plot_epochs}

    def plot(self) -> Axes:
        """Draw the scores, and with `until` the epochs until that level.

        Heat maps if two or three arguments vary, else a point with its band for each combination.
        """
        from segue.plots import studies

        return studies.plot_grid(self)

    def plot_epochs(self, at_most: int = 7) -> Axes:
        """Draw score and loss over the epochs, a line for each of the best combinations."""
        from segue.plots import studies

        count, shown = len(self.done), self.ranked()[:at_most]
        settings = [{name: row[name] for name in self.space} for row in shown]
        histories = {self.name(values): self.histories(values) for values in settings}
        more = f", the best {at_most} of {count}" if count > at_most else ""
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
        workers: trials at once, each on one thread; one for each processor if left out. With 1
            everything runs in one process; with an executor so many are submitted at once, all of
            them if left out.
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
    >>> quick = {"seeds": 1, "workers": 1, "progress": "none"}
    >>> space = {"network": ["gru(2)", "gru(4)"], "learning_rate": [0.01, 0.1]}
    >>> result = grid(segue.SequenceClassifier(epochs=2), waves, space, **quick)
    >>> len(result.summary), sorted(result.best)[:2]
    (4, ['accuracy', 'accuracy_high'])
    >>> estimator = segue.SequenceClassifier("repeat({layers}, rnn({units}))", epochs=2)
    >>> result = grid(estimator, waves, {"layers": [1, 2], "units": [2, 4]}, **quick)
    >>> result.combinations[1]
    {'layers': 1, 'units': 4}
    """
    chosen = as_seeds(seeds)
    values = _check_space(space, len(chosen))
    train, validation = split_parts(data, "validation", held)
    combinations = combinations_of(values)
    settings = [with_template_filled(estimator, one) for one in combinations]
    check_study(estimator, train, until, settings)
    setup = TrialSetup(with_all_classes(estimator, data), train, validation, validate=True)
    plain_space = {name: [plain(one) for one in listed] for name, listed in values.items()}
    trials = [
        Trial({**{n: plain(v) for n, v in one.items()}, "seed": seed}, {**setting, "seed": seed})
        for seed in chosen
        for one, setting in zip(combinations, settings, strict=True)
    ]
    return run_study(
        Grid, {"space": plain_space, "seeds": chosen, "until": until},
        setup, trials, {"values": plain_space, "seeds": list(chosen)},
        folder=folder, workers=workers, executor=executor, progress=progress, source=source,
        recipe=recipe,
    )  # fmt: skip


def combinations_of(space: Mapping[str, Sequence[Any]]) -> list[Row]:
    """Each combination of one value of every argument.

    >>> combinations_of({"network": ["rnn(2)"], "epochs": [1, 2]})
    [{'network': 'rnn(2)', 'epochs': 1}, {'network': 'rnn(2)', 'epochs': 2}]
    """
    return [dict(zip(space, values, strict=True)) for values in product(*space.values())]


def _check_space(space: Any, seeds: int) -> dict[str, list[Any]]:
    if not isinstance(space, Mapping) or not space:
        raise OptionError(
            f"`space` is {space!r}; expected a list of values for each argument, such as "
            "{'network': ['lstm(16)', 'lstm(32)']}."
        )
    checked, problems = dict[str, list[Any]](), []
    for name, values in space.items():
        listed = [] if isinstance(values, str) or not hasattr(values, "__iter__") else [*values]
        checked[str(name)] = listed
        if instead := {"seed": "seeds", "validation": "held"}.get(name):
            problems.append(f"`{name}` does not go into the space: use `{instead}=`.")
        elif not listed:
            problems.append(f"`{name}` is {values!r}; expected a list of values.")
        elif len({str(plain(one)) for one in listed}) < len(listed):
            problems.append(f"`{name}` has a value twice: {listed!r}.")
    count = seeds * math.prod(len(values) or 1 for values in checked.values())
    if count > MOST_TRIALS:
        problems.append(f"That makes {count:,} trials; at most {MOST_TRIALS:,} are done.")
    if problems:
        raise OptionError(" ".join(problems))
    return checked


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
    texts = {n: v if isinstance(v, str) else str(v).lower() for n, v in values.items()}
    return _TEMPLATE_NAME.sub(lambda match: texts[match[1]], text)


def with_template_filled(estimator: Any, values: Row) -> Row:
    """The arguments of the estimator in a combination, with the network's template filled.

    Args:
        estimator: to be fitted.
        values: by the names of the space, which may be those in the template.

    Raises:
        OptionError: a name in the template without a value.
    """
    network = values.get("network", getattr(estimator, "network", None))
    if not isinstance(network, str) or not _TEMPLATE_NAME.search(network):
        return values
    names = _TEMPLATE_NAME.findall(network)
    rest = {name: value for name, value in values.items() if name not in names}
    return {**rest, "network": fill_template(network, values)}
