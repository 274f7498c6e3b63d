"""Trials of a study: fit an estimator on some sequences and score it on others.

A trial depends on its arguments alone and runs on one thread, so that its result is the same to the
bit in whatever process it runs.
"""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from segue._version import __version__
from segue.data.dataset import Dataset
from segue.data.encoding import NO_LABEL
from segue.data.sequences import Array, Sequences
from segue.errors import DataError, OptionError, SegueError, WriteError
from segue.estimators.base import BaseSequenceEstimator
from segue.estimators.fitting import as_targets
from segue.estimators.splitting import check_arguments
from segue.kernels.threads import threads
from segue.networks import as_specs
from segue.prepare.batches import Batches
from segue.prepare.pipeline import as_steps
from segue.prepare.steps import scaled_static
from segue.studies.study import Row
from segue.tasks.label import class_names, encode_labels
from segue.training import History
from segue.training.objectives import make_objective
from segue.training.setup import TrainingData
from segue.training.validation import measure

_CHECKPOINT_SECONDS = 60.0  # at most so much of a trial is computed again


def versions() -> dict[str, str]:
    """The versions of what decides the bits of a trial."""
    return {"segue": __version__, **{name: version(name) for name in ("numpy", "torch")}}


def digest(data: Dataset) -> str:
    """Number of sequences, with a checksum of values, lengths, targets and groups."""
    checksum = hashlib.blake2b(digest_size=8)
    for block in data.x.blocks():
        checksum.update(block.lengths.tobytes())
        checksum.update(np.ascontiguousarray(block.values).tobytes())
    for column in (data.y, data.groups, data.static, data.spans, data.classes):
        values = column.values if isinstance(column, Sequences) else np.asarray(column)
        checksum.update(str(values.dtype.kind).encode() + str(values.tolist()).encode())
    return f"{len(data)} sequences, {checksum.hexdigest()}"


@dataclass(frozen=True)
class TrialSetup:
    """The setup that all trials of a study share.

    Attributes:
        estimator: not fitted; each trial sets its own arguments in a copy.
        train: the training sequences, without parts.
        held_out: the sequences that trials are scored on, without parts.
        validate: whether `held_out` is also the validation set, so that each epoch has a score and
            `TrainingOptions.monitor` decides which epoch is kept; else the estimator splits its own
            validation set from its training sequences.
    """

    estimator: BaseSequenceEstimator
    train: Dataset
    held_out: Dataset
    validate: bool = False


@dataclass(frozen=True)
class Trial:
    """One training of a study.

    Attributes:
        key: identifies the trial in its study; JSON.
        values: arguments of the estimator, nested ones as `options__patience`.
        index: the sequences of `TrialSetup.train` to train on; `None`: all.
    """

    key: Row
    values: dict[str, Any]
    index: Array | None = None

    @property
    def cost(self) -> int:
        """The expected duration, in a unit that the trials of a study share."""
        return 1 if self.index is None else len(self.index)


def run_trial(setup: TrialSetup, trial: Trial, folder: Path | None = None) -> Row:
    """Fit and score.

    Args:
        setup: what all trials share.
        trial: what is trained.
        folder: for checkpoints, from which a trial that was stopped goes on; `None`: none.

    Returns:
        The trial's `key` as "trial", its score ("accuracy" or "rmse") and "loss", "epochs", "kept"
        (the epoch whose weights were kept), "parameters", "history", "warnings" and "seconds"; or
        "error" in place of the scores.

    Raises:
        WriteError: the folder cannot be written.
        KeyboardInterrupt: Ctrl-C, also where `fit` would have returned what it had.
    """
    began = time.perf_counter()
    with _one_thread(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = _fit_and_score(setup, trial, folder)
        except WriteError:
            raise  # of the disk, not of the trial
        except SegueError as error:
            result = {"error": f"{type(error).__name__}: {error}"}
    texts = [str(one.message) for one in caught if issubclass(one.category, UserWarning)]
    seconds = round(time.perf_counter() - began, 3)
    return {"trial": trial.key, **result, "warnings": texts, "seconds": seconds}


def _fit_and_score(setup: TrialSetup, trial: Trial, folder: Path | None) -> Row:
    estimator = configured(setup.estimator, trial.values)
    options = replace(estimator.training_options, threads=1, progress="none")
    if folder is not None and options.checkpoint_every is None:
        options = replace(options, checkpoint_every=_CHECKPOINT_SECONDS)
    estimator.set_params(options=options)
    part = setup.train if trial.index is None else setup.train[trial.index]
    watched = setup.held_out if setup.validate else None
    estimator.fit(part, validation_data=watched, folder=folder, resume=folder is not None)
    if estimator.stopped_ == "interrupted":
        raise KeyboardInterrupt
    x = estimator.check_input(setup.held_out.x)
    if not len(x):
        raise DataError("There are no sequences to be scored; expected at least one.")
    network = estimator.network_.to_torch()
    static = scaled_static(estimator.static_, len(x), setup.held_out.static)
    batches = Batches(x, estimator.preparation_, estimator.network_.device, static)
    values, per_step = estimator.task_.encode(setup.held_out)
    targets = as_targets(values, setup.held_out.x.lengths, per_step=per_step)
    objective = make_objective(estimator.task_.objective)
    history: History = estimator.history_
    return {
        **measure(network, TrainingData(batches, targets), objective, 1).row(),
        "epochs": len(history),
        "kept": history.best_epoch or len(history),
        "parameters": sum(weight.numel() for weight in network.parameters()),
        "history": history.rows,
    }


def configured(estimator: BaseSequenceEstimator, values: dict[str, Any]) -> BaseSequenceEstimator:
    """A copy that is not fitted, with other arguments.

    Raises:
        OptionError: an unknown argument, or a value that is not allowed.
    """
    return type(estimator)(**estimator.get_params(deep=False)).set_params(**values)


def baseline(setup: TrialSetup, metric: str) -> float:
    """The score of a constant prediction.

    It is the most frequent class (label, usual value of each label) of the training sequences, or
    their mean.
    """
    ignore = getattr(setup.estimator, "ignore", None)
    train, truth = (_valid_targets(data, ignore) for data in (setup.train, setup.held_out))
    if metric == "rmse":
        return float(np.sqrt(np.mean((truth - train.mean(axis=0)) ** 2)))
    if train.ndim == 2:  # several labels at once
        return float((truth == (train.mean(axis=0) > 0.5)).mean())
    values, counts = np.unique(train, return_counts=True)
    return float((truth == values[counts.argmax()]).mean())


def _valid_targets(data: Dataset, ignore: Any) -> Array:
    """`[n]` or `[n, value]`; of the labels of steps those that there are."""
    if not isinstance(data.y, Sequences):
        return np.asarray(data.y)
    codes = encode_labels(data, class_names(data), ignore)
    return np.asarray(codes[codes != NO_LABEL])


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute on one thread: how a sum is divided among threads decides its last bits."""
    from threadpoolctl import threadpool_limits

    with threads(1), threadpool_limits(1):
        yield


# -- checks before the first trial ----------------------------------------------------------------


def check_study(
    estimator: Any, train: Dataset, until: Any, settings: Iterable[Row] = ({},)
) -> None:
    """Validate an estimator, and all settings that its trials will set.

    Args:
        estimator: to be fitted in each trial.
        train: the training sequences.
        until: the level of a score whose epoch is reported; `None`: no level.
        settings: arguments that trials set; all problems with them are reported together.

    Raises:
        OptionError: no estimator, or one that a study cannot train; arguments that are not allowed.
        DataError: targets of another kind than the estimator's.
    """
    if until is not None and (not isinstance(until, Real) or isinstance(until, bool) or until <= 0):
        raise OptionError(f"`until` is {until!r}; expected a score such as 0.95, or None.")
    if not isinstance(estimator, BaseSequenceEstimator):
        raise OptionError(
            f"`estimator` is {estimator!r}; expected an estimator that is not fitted, such as "
            "segue.SequenceClassifier('lstm(16)')."
        )
    task, name = estimator._task_type, type(estimator).__name__
    if task.targets_inside:
        raise OptionError(
            f"A study does not train a {name}: it needs a target for each sequence or step. For a "
            "forecast cut windows with segue.windows, and train a SequenceRegressor on them."
        )
    task.check(train, name)
    problems: dict[str, type[SegueError]] = {}
    for values in settings:
        try:
            one = configured(estimator, values)
            check_arguments(one)
            as_specs(one.network)
            as_steps(one.prepare)
        except SegueError as error:
            problems[str(error)] = type(error)
    if problems:
        first, *others = set(problems.values())
        raise (OptionError if others else first)("\n".join(problems))


def with_all_classes(estimator: BaseSequenceEstimator, data: Dataset) -> BaseSequenceEstimator:
    """A copy of the estimator with the classes of the whole data set fixed.

    A small training subset may lack a class; its sequences are then mistakes on the test part.
    """
    params = estimator.get_params(deep=False)
    if "classes" not in params or params["classes"] is not None or data.classes is None:
        return configured(estimator, {})
    names = [name for name in data.classes if name != params.get("ignore")]
    return configured(estimator, {"classes": names})
