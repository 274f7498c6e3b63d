"""One trial of a study: an estimator is trained on some sequences, and scored on others.

A trial depends on nothing but what it is given, and runs on one thread, so that it comes to the
same bits in whatever process it is done.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from segue.dataset import Dataset
from segue.errors import SegueError
from segue.estimators.base import BaseSequenceEstimator
from segue.estimators.fitting import as_targets
from segue.estimators.splitting import split_data
from segue.kernels.threads import threads
from segue.prepare import Batches, Preparation
from segue.sequences import Array
from segue.training import History
from segue.training.gradient import Means
from segue.training.objectives import make_objective

Row = dict[str, Any]

_STEPS_AT_ONCE = 20_000  # with padding, in one pass without gradients


@dataclass(frozen=True)
class Work:
    """What all trials of a study have in common.

    Attributes:
        estimator: not fitted; each trial sets what it varies in a copy.
        train: what trials learn from, without parts.
        held: what they are scored on, without parts.
        watch: whether `held` is also the validation set, so that there is a score for each epoch
            and `TrainingOptions.monitor` says which of them is kept; else the estimator takes its
            own from what it learns from.
    """

    estimator: BaseSequenceEstimator
    train: Dataset
    held: Dataset
    watch: bool = False


@dataclass(frozen=True)
class Trial:
    """One training of a study.

    Attributes:
        key: what it is, among the others; JSON.
        values: arguments of the estimator that it sets, nested ones as `options__patience`.
        index: the sequences of `Work.train` that it learns from; `None`: all.
        cost: about how long it takes, in any unit that the trials of a study share.
    """

    key: Row
    values: dict[str, Any]
    index: Array | None = None
    cost: float = 1.0


def run_trial(work: Work, trial: Trial) -> Row:
    """Train and score.

    Returns:
        The trial's `key` as "trial", its score ("accuracy" or "rmse") and "loss", "epochs", "kept"
        (the epoch whose weights were kept), "parameters", "history", "warnings" and "seconds"; or
        "error" in place of the scores.

    Raises:
        KeyboardInterrupt: Ctrl-C, also where training would have kept it to itself.
    """
    began = time.perf_counter()
    with _one_thread(), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            found = _train_and_score(work, trial)
        except SegueError as error:
            found = {"error": f"{type(error).__name__}: {error}"}
    texts = [str(one.message) for one in said if issubclass(one.category, UserWarning)]
    seconds = round(time.perf_counter() - began, 3)
    return {"trial": trial.key, **found, "warnings": texts, "seconds": seconds}


def _train_and_score(work: Work, trial: Trial) -> Row:
    estimator = configured(work.estimator, trial.values)
    options = replace(estimator.training_options, threads=1, progress="none")
    estimator.set_params(options=options)
    part = work.train if trial.index is None else work.train[trial.index]
    estimator.fit(part, validation_data=work.held if work.watch else None)
    if estimator.stopped_ == "interrupted":
        raise KeyboardInterrupt
    history: History = estimator.history_
    return {
        **measure(estimator, work.held),
        "epochs": len(history),
        "kept": history.best_epoch or len(history),
        "parameters": sum(weight.numel() for weight in estimator.network_.parameters()),
        "history": history.rows,
    }


def configured(estimator: BaseSequenceEstimator, values: dict[str, Any]) -> BaseSequenceEstimator:
    """A copy that is not fitted, with other arguments.

    Raises:
        OptionError: an argument that there is not, or a value that means nothing.
    """
    return type(estimator)(**estimator.get_params(deep=False)).set_params(**values)


@torch.no_grad()
def measure(estimator: BaseSequenceEstimator, data: Dataset) -> dict[str, float]:
    """Loss and score of a fitted estimator as in its history: "loss" and "accuracy" or "rmse".

    Raises:
        DataError: a class that the model does not have, or targets of another kind.
    """
    device = next(estimator.network_.parameters()).device
    static = estimator.check_static(len(data), data.static)
    batches = Batches(estimator.check_input(data), estimator.preparation_, device, static)
    targets = as_targets(estimator.task_, data, device)
    objective = make_objective(estimator.task_.objective)
    means = Means(objective)
    for index, x in batches.in_order(_STEPS_AT_ONCE):
        outputs, wanted = estimator.network_(x), targets.gather(index)
        means.add(outputs, wanted, objective.losses(outputs, wanted))
    return means.row()


def baseline(work: Work, metric: str) -> float:
    """The score of a model that looks at no sequence.

    It answers with the most frequent class (label, usual value of each label), or with the mean.
    """
    split = split_data(configured(work.estimator, {"validation": None}), work.train)
    preparation = Preparation.fit("none", split.train.x, tokens=split.train.x.is_whole)
    task = split.task.fitted(split.train, preparation)
    learnt, wanted = (
        as_targets(task, data, torch.device("cpu")).gather(np.arange(len(data))).numpy()
        for data in (split.train, work.held)
    )
    if metric == "rmse":
        scale = np.asarray(task.objective.scale)
        return float(np.sqrt(np.mean(((wanted - learnt.mean(axis=0)) * scale) ** 2)))
    if work.train.task == "multilabel":
        return float((wanted == (learnt.mean(axis=0) > 0.5)).mean())
    learnt, wanted = learnt[learnt >= 0], wanted[wanted >= 0]  # a step may have no label
    return float((wanted == np.bincount(learnt).argmax()).mean())


@contextmanager
def _one_thread() -> Iterator[None]:
    """The sum of a product depends on how it is shared out."""
    from threadpoolctl import threadpool_limits

    with threads(1), threadpool_limits(1):
        yield
