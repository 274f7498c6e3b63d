"""Checks of `fit`: what it depends on, what it leaves unchanged, and that it is repeatable."""

from __future__ import annotations

import copy
import random
import tempfile
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch

from segue.data.dataset import Dataset
from segue.data.sequences import Sequences
from segue.testing.report import DoesNotApplyError, Recorder
from segue.testing.subject import EstimatorSubject, identical, items_of, weights_of
from segue.training import Callback

_GROUP = 7  # sequences in a group


# -- parameters ---------------------------------------------------------------------------------


def check_clone(subject: EstimatorSubject, recorder: Recorder) -> None:
    """`clone` and `set_params` keep every parameter, and `fit` changes none."""
    estimator, cloned = subject.estimator, subject.clone()
    before, after = _parameters(estimator), _parameters(cloned)
    recorder.require(before == after, f"A clone has the parameters {after}")
    cloned.set_params(**estimator.get_params())
    after, contract = _parameters(cloned), "parameters"
    recorder.require(before == after, f"Set to its own parameters, it has {after}", contract)
    returned = subject.refit(cloned, subject.data)
    recorder.require(returned is cloned, "`fit` returns something else than itself", contract)
    after = _parameters(cloned)
    recorder.require(before == after, f"After `fit` its parameters are {after}", contract)


def _parameters(estimator: Any) -> dict[str, str]:
    return {name: repr(value) for name, value in estimator.get_params().items()}


# -- bits ---------------------------------------------------------------------------------------


def check_seed(subject: EstimatorSubject, recorder: Recorder) -> None:
    """The same seed gives the same bits, fitted twice and fitted anew."""
    first, again = subject.fitted, subject.fit()
    recorder.require(subject.same(first, again), "Fitted twice, it predicts otherwise")
    refitted = subject.refit(again, subject.data)
    recorder.require(subject.same(first, refitted), "Fitted anew, it predicts otherwise")


def check_other_seed(subject: EstimatorSubject, recorder: Recorder) -> None:
    """Or the seed would mean nothing."""
    other = subject.fit(seed=subject.estimator.seed + 1)
    recorder.require(not subject.same(subject.fitted, other), "With another seed nothing changes")


def check_randomness(subject: EstimatorSubject, recorder: Recorder) -> None:
    """Nothing is drawn from a generator that others use, and none is seeded."""
    before = global_generators()
    fitted = subject.fit() if hasattr(subject.estimator, "fit") else subject.estimator
    subject.outputs(fitted)
    recorder.require(global_generators() == before, "It draws from a global generator")


def global_generators() -> tuple[bytes, bytes, Any]:
    """The states of the generators of torch, NumPy and Python."""
    state: Any = np.random.get_state()  # noqa: NPY002  (looked at, not drawn from)
    numpys = state[1].tobytes() + bytes(str(state[2:]), "ascii")
    return bytes(torch.random.get_rng_state().numpy()), numpys, random.getstate()


def check_input(subject: EstimatorSubject, recorder: Recorder) -> None:
    """The arguments of `fit` stay as they are: nothing is written into them."""

    def copies() -> list[Any]:
        return [copy.deepcopy(part) for part in subject.pair(subject.data)]

    given, kept = copies(), copies()
    subject.clone().fit(*given)
    same = all(map(identical, chain(*given), chain(*kept)))
    recorder.require(same, "`fit` changes X or y")
    if subject.takes_datasets:
        x = subject.data.x
        own = Sequences.from_chunks([(x.values.copy(), x.offsets)])
        subject.clone().fit(replace(subject.data, x=own))
        same = own == x and all(map(identical, chain(*copies()), chain(*kept)))
        recorder.require(same, "`fit` changes the data set")


def check_pair(subject: EstimatorSubject, recorder: Recorder) -> None:
    """A data set, and its sequences and targets as X and y, are the same to `fit`."""
    fitted = subject.clone().fit(*subject.pair(subject.data))
    same = all(map(np.array_equal, subject.outputs(fitted), subject.outputs(subject.fitted)))
    recorder.require(same, "Fitted on X and y it predicts otherwise")


# -- parts and groups ---------------------------------------------------------------------------


def check_test_part(subject: EstimatorSubject, recorder: Recorder) -> None:
    """Another test part changes nothing, to the bit."""
    first, other = _fits_with_another(subject, "test")
    same = subject.same(first, other) and _fitted_state(first) == _fitted_state(other)
    recorder.require(same, "Other values in the test part give another model")


def check_validation_part(subject: EstimatorSubject, recorder: Recorder) -> None:
    """Another validation part changes nothing that is fitted beside the weights."""
    first, other = _fits_with_another(subject, "validation")
    if not hasattr(first, "preparation_"):
        raise DoesNotApplyError("it has no `preparation_`")
    same = _fitted_state(first) == _fitted_state(other)
    recorder.require(same, "Other values in the validation part change the fitted preparation")


def _fits_with_another(subject: EstimatorSubject, part: str) -> list[Any]:
    """Two fits, the second on data with other values in one part."""
    data = subject.in_parts()
    return [subject.fit(one, validation="auto") for one in (data, _with_other(data, part))]


def _with_other(data: Dataset, part: str) -> Dataset:
    """A data set with other values and targets in one part."""
    items, y = items_of(data.x), data.y
    targets = [] if y is None else list(y)
    members = np.flatnonzero(data.parts == part)
    for i, mirrored in zip(members, members[::-1], strict=True):
        items[i] = items[i] * 100 + 7 if data.x.kind == "numbers" else items[i][::-1]
        if isinstance(y, Sequences):
            targets[i] = targets[i].max() - targets[i][::-1]
        elif y is not None:
            targets[i] = y[i] * 100 + 7 if y.dtype.kind == "f" else y[mirrored]
    x = Sequences.from_texts(items) if data.x.is_text else Sequences.from_list(items)
    if isinstance(y, Sequences):
        return replace(data, x=x, y=Sequences.from_list(targets))
    return replace(data, x=x, y=None if y is None else np.array(targets, y.dtype))


def _fitted_state(fitted: Any) -> str:
    """The fitted state beside the weights, as text: preparation, classes, scales."""
    parts = (getattr(fitted, name, None) for name in ("preparation_", "task_"))
    return repr([None if part is None else part.to_json() for part in parts])


def check_baseline(subject: EstimatorSubject, recorder: Recorder) -> None:
    """The counts of the classes are those of the training part."""
    data = subject.in_parts()
    fitted = subject.fit(data, validation="auto")
    if not hasattr(fitted, "class_counts_"):
        raise DoesNotApplyError("it counts no classes")
    targets = [np.ravel(y) for y in subject.task.targets(data[data.parts == "train"])]
    labels = np.concatenate(targets)
    wanted = labels.sum() if subject.task.kind.labels_each == "several" else len(labels)
    text = f"The counts of the classes in training are {fitted.class_counts_}, of {wanted}"
    recorder.require(sum(fitted.class_counts_.values()) == wanted, text)


def check_groups(subject: EstimatorSubject, recorder: Recorder) -> None:
    """A validation part that is split off parts no group, and no step of a series."""
    from segue.estimators.splitting import split_data

    data = subject.data
    if subject.task.kind.scored_unit == "window":
        split = split_data(subject.clone(validation=0.3), data)
        shared = _steps(split.train) & _steps(split.validation or split.train)
        text = f"{len(shared)} steps of the series are in training and validation both"
        recorder.require(not shared, text)
        return
    whole = len(data) // _GROUP * _GROUP
    if whole < 3 * _GROUP:
        raise DoesNotApplyError(f"{len(data)} sequences make no three groups of {_GROUP}")
    groups = np.arange(whole) // _GROUP
    split = split_data(subject.clone(validation=0.3), replace(data[:whole], groups=groups))
    parts = [part.ids for part in (split.train, split.validation) if part is not None]
    first, second = (set(groups[np.asarray(ids, int)].tolist()) for ids in parts)
    both = sorted(first & second)
    text = f"Of {whole} sequences in groups of {_GROUP}, groups {both} are on both sides"
    recorder.require(not both, text)


def _steps(windows: Dataset) -> set[tuple[int, int]]:
    """The steps that windows are made of: series and number."""
    spans: list[tuple[int, int, int]] = [] if windows.spans is None else windows.spans.tolist()
    return {(series, step) for series, first, last in spans for step in range(first, last)}


# -- interrupted trainings ----------------------------------------------------------------------


class _StopError(Exception):
    """Nothing in the loop catches it, like the death of the process."""


class _Stop(Callback):
    def on_epoch(self, row: dict[str, float], state: Any) -> None:
        raise _StopError


def check_resume(subject: EstimatorSubject, recorder: Recorder) -> None:
    """A training that is killed after its first epoch goes on to the same bits."""
    from segue.estimators.fingerprint import fingerprint
    from segue.estimators.fitting import prepare_training
    from segue.estimators.splitting import split_data
    from segue.training.checkpoint import TrainingFolder
    from segue.training.loop import train
    from segue.training.trainers import make_trainer

    if subject.estimator.epochs == 1:
        raise DoesNotApplyError("one epoch leaves no room to be stopped in")
    killed = subject.clone()
    split = split_data(killed, subject.data)
    setup = prepare_training(killed, split).setup
    with tempfile.TemporaryDirectory() as folder:
        shared = fingerprint(killed, setup.network.specs, split, split.train.x.digests())
        trainer = make_trainer(setup)
        callbacks, state = TrainingFolder(Path(folder)).open(trainer, shared)
        try:
            train(trainer, state, [*callbacks, _Stop()])
        except _StopError:
            first = trainer.weights()
        resumed = subject.refit(subject.clone(), subject.data, folder=folder, resume=True)
    last = weights_of(subject.fitted)
    went_on = any(not np.array_equal(first[name], last[name]) for name in first)
    recorder.require(went_on, "Its weights are those of its first epoch")
    same = subject.same(subject.fitted, resumed)
    recorder.require(same, "Killed after an epoch and resumed, it predicts otherwise")
