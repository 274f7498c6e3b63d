"""The same training with several seeds: how much a score varies with the seed."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from segue.atomic import locked
from segue.errors import DataError, ModelFileError, OptionError
from segue.estimators.base import BaseSequenceEstimator
from segue.estimators.ensemble import SequenceEnsemble
from segue.estimators.inputs import PerSequence, SequencesLike, TargetsLike, ValidationLike
from segue.estimators.loading import load
from segue.estimators.splitting import is_automatic, split_data
from segue.estimators.transfer import InitialWeights
from segue.executors import Executor, completed, started
from segue.networks import as_specs, is_custom
from segue.progress import Progress
from segue.readers.objects import adapted
from segue.spec import to_text
from segue.training.options import WITHOUT_EFFECT

Row = dict[str, float]

MOST_SEEDS = 10_000  # as a number


@dataclass(frozen=True)
class SeedResults:
    """The result of a training with several seeds.

    Attributes:
        members: the fitted estimators, one a seed.
        rows: for each its `seed` and the row of its history for the epoch whose weights were kept.
    """

    members: tuple[BaseSequenceEstimator, ...]
    rows: tuple[Row, ...]

    @classmethod
    def of(cls, members: Iterable[BaseSequenceEstimator]) -> SeedResults:
        """The results of fitted estimators that differ in their seed."""
        members = tuple(members)
        return cls(members, tuple({"seed": one.seed, **one.history_.kept} for one in members))

    @property
    def has_validation(self) -> bool:
        """Whether there was a validation, so that the members can be compared."""
        return all("validation_loss" in row for row in self.rows)  # no epoch: interrupted

    @property
    def is_watched(self) -> bool:
        """The former name of `has_validation`, for one release."""
        text = "SeedResults.is_watched is called SeedResults.has_validation."
        warnings.warn(text, DeprecationWarning, 2)
        return self.has_validation

    @property
    def metric(self) -> str:
        """What `mean` and `spread` are of: "validation_accuracy" or "validation_rmse".

        Raises:
            DataError: there was no validation.
        """
        from segue.training.objectives import make_objective

        name = f"validation_{make_objective(self.members[0].task_.objective).metric}"
        if not self.has_validation:
            raise DataError(
                "There was no validation, so the seeds cannot be compared: pass validation=0.1, or "
                "`validation_data`. A test set is never used to choose."
            )
        return name

    @property
    def mean(self) -> float:
        """The mean of the metric over the seeds."""
        return float(np.mean([row[self.metric] for row in self.rows]))

    @property
    def spread(self) -> float:
        """The standard deviation of the metric over the seeds, with n - 1; 0 for one seed."""
        values = [row[self.metric] for row in self.rows]
        return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0

    @property
    def best(self) -> BaseSequenceEstimator:
        """The estimator that is best by validation, by `TrainingOptions.monitor`."""
        from segue.training.history import MONITORS

        assert self.metric  # raises where there was no validation
        is_better = MONITORS[self.members[0].training_options.monitor]
        best = 0
        for number, row in enumerate(self.rows):
            if is_better(row, self.rows[best], 0.0):
                best = number
        return self.members[best]

    def ensemble(self) -> SequenceEnsemble:
        """All members as one model: the mean of their outputs."""
        return SequenceEnsemble(self.members)

    def __str__(self) -> str:
        columns = ["seed", "epoch", *(c for c in self.rows[0] if c.startswith("validation_"))]
        lines = ["  ".join(f"{column:>20}" for column in columns)]
        for row in self.rows:
            lines.append("  ".join(f"{row[column]:>20.6g}" for column in columns))
        if self.has_validation:
            lines.append(f"{self.metric}: mean {self.mean:.4f}, spread {self.spread:.4f}")
        return "\n".join(lines)


def fit_seeds(
    estimator: BaseSequenceEstimator,
    X: SequencesLike,  # noqa: N803
    y: TargetsLike = None,
    *,
    seeds: int | Iterable[int] = 5,
    sample_weight: PerSequence = None,
    groups: PerSequence = None,
    validation_data: ValidationLike = None,
    initial: Any = None,
    static: PerSequence = None,
    folder: str | Path | None = None,
    resume: bool = False,
    executor: Executor | None = None,
) -> SeedResults:
    """Train the same estimator with several seeds.

    What is set aside for validation is the same for all, so that they can be compared. The
    estimator itself stays as it is.

    Args:
        estimator: what is to be trained.
        X: as in `fit`.
        y: as in `fit`.
        seeds: the seeds, or how many: the estimator's own and those that follow it.
        sample_weight: as in `fit`.
        groups: as in `fit`.
        validation_data: as in `fit`.
        initial: as in `fit`.
        static: as in `fit`.
        folder: where each seed gets a folder, `seed-<n>`, with history and model.
        resume: go on in that folder: what is trained is read, what was stopped goes on to the same
            bits.
        executor: trains the seeds beside one another: `segue.studies.LocalProcesses(2)`, or
            anything with `submit`; `None`: one after the other in this process. The last bits
            depend on the number of threads, which is one in a worker process: with
            `options.threads` they are the same everywhere.

    Raises:
        OptionError: no seeds, or one twice.
        ModelFileError: `folder` has a model of another network or with other arguments.

    >>> from segue import SequenceClassifier, TrainingOptions
    >>> x, y = [[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]] * 20, ["up", "down"] * 20
    >>> options = TrainingOptions(progress="none")
    >>> classifier = SequenceClassifier("gru(4)", epochs=5, validation=0.25, options=options)
    >>> results = fit_seeds(classifier, x, y, seeds=3)
    >>> [int(row["seed"]) for row in results.rows], 0 <= results.mean <= 1
    ([0, 1, 2], True)
    """
    begin = None if initial is None else InitialWeights.of(initial)
    X = adapted(X, y, labelled=not estimator._task_type.targets_inside)  # noqa: N806  (read it only once)
    given = {
        "y": y, "sample_weight": sample_weight, "groups": groups,
        "validation_data": validation_data, "static": static, "split_seed": estimator.seed,
    }  # fmt: skip
    trainings = []
    for seed in _as_seeds(estimator.seed, seeds):
        member = type(estimator)(**{**estimator.get_params(deep=False), "seed": seed})
        own_folder = None if folder is None else Path(folder) / f"seed-{seed}"
        trainings.append(_Training(member, begin, own_folder, resume))
    if executor is not None:
        return SeedResults.of(_fit_elsewhere(trainings, X, given, executor))
    members = []
    for training in trainings:
        members.append(training.fit(X, given))
        if members[-1].stopped_ == "interrupted":
            break
    return SeedResults.of(members)


@dataclass(frozen=True)
class _Training:
    """The training of one seed.

    Attributes:
        member: the estimator, not fitted.
        begin: weights to begin with.
        folder: where history and model are written, if anywhere.
        resume: whether to go on with what is there.
        is_quiet: whether it shows no progress.
    """

    member: BaseSequenceEstimator
    begin: InitialWeights | None
    folder: Path | None
    resume: bool
    is_quiet: bool = False

    def fit(self, X: SequencesLike, given: dict[str, Any]) -> BaseSequenceEstimator:  # noqa: N803
        """Fit the estimator, unless its model is there.

        Args:
            X: as in `fit`.
            given: further arguments of `split_data`.
        """
        from segue.estimators import fitting
        from segue.training.checkpoint import remove as remove_checkpoints

        model = None if self.folder is None else self.folder / "model.safetensors"
        if self.resume and model is not None and model.exists():
            member = _read(model, self.member)
        else:
            split = split_data(self.member, X, **given)
            shown = self.member._shown(0) if self.is_quiet else self.member
            fitted = fitting.fit_split(shown, split, self.begin, self.folder, resume=self.resume)
            member = self.member._take(fitted)
            if model is not None and member.stopped_ != "interrupted":
                member.save(model)
        if model is not None and member.stopped_ != "interrupted":
            remove_checkpoints(model.parent)
        return member


def _fit_elsewhere(
    trainings: list[_Training],
    X: SequencesLike,  # noqa: N803
    given: dict[str, Any],
    executor: Executor,
) -> list[BaseSequenceEstimator]:
    """The fitted estimators, trained by an executor, in the order of the trainings."""
    style = trainings[0].member.training_options.progress
    calls = []
    for training in trainings:
        folder = None if training.folder is None else training.folder.resolve()
        calls.append((replace(training, folder=folder, is_quiet=True), X, given))
    done: dict[int, BaseSequenceEstimator] = {}
    with started(executor) as running, Progress(style) as progress:
        progress.show(f"seed 0/{len(calls)}", share=0.0, left="")
        for number, member in completed(running, _fit_one, calls):
            done[number] = member
            share = len(done) / len(calls)
            progress.show(f"seed {len(done)}/{len(calls)}", share=share, is_due=True)
    return [done[number] for number in range(len(calls))]


def _fit_one(
    training: _Training,
    X: SequencesLike,  # noqa: N803
    given: dict[str, Any],
) -> BaseSequenceEstimator:
    """What is called in another process; there a second attempt goes on with the first."""
    with nullcontext() if training.folder is None else locked(training.folder, "seed"):
        return replace(training, resume=training.folder is not None).fit(X, given)


def _read(path: Path, wanted: BaseSequenceEstimator) -> BaseSequenceEstimator:
    """The model of a file, which must be of the training that is wanted."""
    specs = () if is_automatic(wanted) else as_specs(wanted.network)
    done: BaseSequenceEstimator = load(path, network=specs if any(map(is_custom, specs)) else None)
    theirs, ours = _shared_settings(done), _shared_settings(wanted)
    if is_automatic(wanted):  # that of the file is the one that was chosen
        theirs["network"] = ours["network"]
    strange = sorted(name for name in ours if theirs.get(name) != ours[name])
    if strange:
        raise ModelFileError(
            f"is of a training with another {', '.join(strange)}. Resume with what it began with, "
            "or begin anew in another folder.",
            path=path,
        )
    return done


def _shared_settings(estimator: BaseSequenceEstimator) -> dict[str, str]:
    """The fields that two trainings must share; a model file has no validation data."""
    shared = {name: str(value) for name, value in estimator.get_params().items()}
    for name in (
        "validation",
        "options",
        *(f"options__{name}" for name in (*WITHOUT_EFFECT, "threads")),
    ):
        shared.pop(name, None)
    network = "auto" if is_automatic(estimator) else to_text(as_specs(estimator.network))
    return {**shared, "network": network}


def _as_seeds(first: int, seeds: int | Iterable[int]) -> list[int]:
    found: list[int] = []
    if isinstance(seeds, int | np.integer) and seeds <= MOST_SEEDS:
        found = list(range(first, first + int(seeds)))
    elif isinstance(seeds, Iterable):
        found = [int(seed) for seed in seeds]
    if not found or len(set(found)) < len(found):
        raise OptionError(
            f"`seeds` is {seeds!r}; expected how many, from 1 to {MOST_SEEDS:,}, or whole numbers "
            "that differ."
        )
    return found


# The scores of single seeds, by their names in metrics.json.
_SCORES = {"accuracy": "accuracy", "r2": "R²", "log_probability": "log-probability (nats)"}


def seeds_in_words(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    """Mean and spread over the seeds; the best is chosen without a look at the test part."""
    if "seeds" not in metrics:
        return []
    rows, best = metrics["seeds"], metrics["best_seed"]
    name = metrics["score"]
    text = f"{_SCORES[name]}: mean {metrics['mean']:.4f}, spread {metrics['spread']:.4f} "
    text += f"of {len(rows)} seeds"
    if note := metrics.get("trained_on", {}).get("note"):
        text += f"; {note}"
    chosen = next((row for row in rows if row["seed"] == best), None)
    if chosen is not None:
        text += f"; seed {best}, the best by validation, {chosen[name]:.4f}"
    ensemble = f"the mean of these {len(rows)} models; the scores above are its own"
    return [("each seed alone", text), ("ensemble", ensemble)]
