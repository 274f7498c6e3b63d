"""The promises of `fit`: what it learns from, what it leaves alone, and that it can be repeated."""

from __future__ import annotations

import random
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from segue.dataset import Dataset
from segue.sequences import Array, Sequences
from segue.testing.report import Recorder
from segue.testing.subject import DoesNotApplyError, Subject, identical, weights_of
from segue.testing.tasks import changed
from segue.training import Callback

_GROUP = 7


# -- parameters ---------------------------------------------------------------------------------


def check_clone(subject: Subject, recorder: Recorder) -> None:
    """`clone` and `set_params` keep every parameter, and `fit` changes none."""
    subject.needs("get_params", "it has no `get_params`")
    estimator, copy = subject.estimator, subject.clone()
    before, after = _parameters(estimator), _parameters(copy)
    recorder.require("clone", before == after, f"A clone has the parameters {after}")
    copy.set_params(**estimator.get_params())
    after = _parameters(copy)
    recorder.require("parameters", before == after, f"Set to its own parameters, it has {after}")
    returned = subject.teach(copy, subject.data)
    recorder.require("parameters", returned is copy, "`fit` returns something else than itself")
    after = _parameters(copy)
    recorder.require("parameters", before == after, f"After `fit` its parameters are {after}")


def _parameters(estimator: Any) -> dict[str, str]:
    return {name: repr(value) for name, value in estimator.get_params().items()}


# -- bits ---------------------------------------------------------------------------------------


def check_seed(subject: Subject, recorder: Recorder) -> None:
    """The same seed gives the same bits, fitted twice and fitted anew."""
    promise, first, again = "same seed, same bits", subject.fitted, subject.fit()
    recorder.require(promise, subject.same(first, again), "Fitted twice, it answers otherwise")
    refitted = subject.teach(again, subject.data)
    recorder.require(promise, subject.same(first, refitted), "Fitted anew, it answers otherwise")


def check_other_seed(subject: Subject, recorder: Recorder) -> None:
    """Or the seed would mean nothing."""
    subject.clone()
    if not hasattr(subject.estimator, "seed") or not hasattr(subject.estimator, "get_params"):
        raise DoesNotApplyError("it has no parameter `seed`")
    other = subject.fit(seed=subject.estimator.seed + 1)
    differs = not subject.same(subject.fitted, other)
    recorder.require("another seed, other bits", differs, "With another seed nothing changes")


def check_randomness(subject: Subject, recorder: Recorder) -> None:
    """Nothing is drawn from a generator that others use, and none is seeded."""
    before = _generators()
    fitted = subject.fit() if hasattr(subject.estimator, "fit") else subject.estimator
    subject.answers(fitted)
    recorder.require(
        "no hidden randomness", _generators() == before, "It draws from a global generator"
    )


def _generators() -> tuple[bytes, bytes, Any]:
    state: Any = np.random.get_state()  # noqa: NPY002  (looked at, not drawn from)
    numpys = state[1].tobytes() + bytes(str(state[2:]), "ascii")
    return bytes(torch.random.get_rng_state().numpy()), numpys, random.getstate()


def check_input(subject: Subject, recorder: Recorder) -> None:
    """What is passed to `fit` is the user's own: nothing is written into it."""
    subject.clone()
    pair, before = subject.pair(subject.data), subject.pair(subject.data)
    pair, before = _copied(pair), _copied(before)
    subject.clone().fit(*pair)
    recorder.require("input stays as it is", _equal(pair, before), "`fit` changes X or y")
    if subject.takes_datasets:
        given, kept = _owned(subject.data), _owned(subject.data)
        subject.clone().fit(given)
        same = given.x == kept.x and _equal(subject.pair(given), subject.pair(kept))
        recorder.require("input stays as it is", same, "`fit` changes the data set")


def check_pair(subject: Subject, recorder: Recorder) -> None:
    """A data set, and its sequences and targets as X and y, are the same to `fit`."""
    subject.clone()
    if not subject.takes_datasets:
        raise DoesNotApplyError("its `fit` takes X and y only")
    fitted = subject.clone().fit(*subject.pair(subject.data))
    same = all(map(np.array_equal, subject.answers(fitted), subject.answers(subject.fitted)))
    recorder.require("X and y as in a data set", same, "Fitted on X and y it answers otherwise")


def _copied(pair: tuple[Any, ...]) -> tuple[Any, ...]:
    """Copies that may be written to."""
    return tuple(
        [item if isinstance(item, str) else np.array(item) for item in part]
        if isinstance(part, list)
        else np.array(part)
        for part in pair
    )


def _owned(data: Dataset) -> Dataset:
    return replace(data, x=Sequences.from_chunks([(data.x.values.copy(), data.x.offsets)]))


def _equal(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
    return all(all(map(identical, one, other)) for one, other in zip(a, b, strict=True))


# -- parts and groups ---------------------------------------------------------------------------


def check_test_part(subject: Subject, recorder: Recorder) -> None:
    """Another test part changes nothing, to the bit."""
    data, _ = subject.in_parts()
    first = subject.fit(data, validation="auto")
    other = subject.fit(_with_other(data, "test"), validation="auto")
    recorder.require(
        "the test part is not looked at",
        subject.same(first, other) and _facts(first) == _facts(other),
        "Other values in the test part give another model",
    )


def check_validation_part(subject: Subject, recorder: Recorder) -> None:
    """Another validation part changes nothing that is fitted beside the weights."""
    data, _ = subject.in_parts()
    _refuse_refit(subject)
    first, other = (
        subject.fit(one, validation="auto") for one in (data, _with_other(data, "validation"))
    )
    if not hasattr(first, "preparation_"):
        raise DoesNotApplyError("it has no `preparation_`")
    recorder.require(
        "preparation of training data only",
        _facts(first) == _facts(other),
        "Other values in the validation part change what is remembered of the training data",
    )


def _with_other(data: Dataset, part: str) -> Dataset:
    x, y = changed(data, part)
    return replace(data, x=x, y=y)


def _facts(fitted: Any) -> str:
    """What is fitted beside the weights, as text: preparation, classes, scales."""
    prepared = fitted.preparation_.to_json() if hasattr(fitted, "preparation_") else None
    return repr((prepared, fitted.task_.to_json() if hasattr(fitted, "task_") else None))


def check_baseline(subject: Subject, recorder: Recorder) -> None:
    """The counts of the classes are of what was learnt from."""
    data, parts = subject.in_parts()
    _refuse_refit(subject)
    fitted = subject.fit(data, validation="auto")
    if not hasattr(fitted, "class_counts_"):
        raise DoesNotApplyError("it counts no classes")
    train = data[parts == "train"]
    learnt = np.concatenate([np.ravel(y) for y in subject.task.targets(train)])
    wanted = learnt.sum() if subject.task.name == "multilabel" else len(learnt)
    recorder.require(
        "baseline",
        sum(fitted.class_counts_.values()) == wanted,
        f"The counts of the classes that were learnt are {fitted.class_counts_}, of {wanted}",
    )


def _refuse_refit(subject: Subject) -> None:
    if getattr(getattr(subject.estimator, "options", None), "refit", False):
        raise DoesNotApplyError("refit=True learns from the validation part too, in the end")


def check_groups(subject: Subject, recorder: Recorder) -> None:
    """A validation set that is split off parts no group, and no step of a series."""
    from segue.estimators.splitting import split_data

    _needs_segue(subject, "it splits nothing off that could be looked at")
    if subject.task.name == "forecast":
        chosen = split_data(subject.clone(validation=0.3), subject.data)
        shared = _steps(chosen.train) & _steps(chosen.validation or chosen.train)
        otherwise = f"{len(shared)} steps of the series are in training and validation both"
        recorder.require("groups stay on one side", not shared, otherwise)
        return
    whole = len(subject.data) // _GROUP * _GROUP
    if whole < 3 * _GROUP:
        raise DoesNotApplyError(f"{len(subject.data)} sequences make no three groups of {_GROUP}")
    groups = np.arange(whole) // _GROUP
    grouped = replace(subject.data[:whole], groups=groups)
    chosen = split_data(subject.clone(validation=0.3), grouped)
    parts = [part.ids for part in (chosen.train, chosen.validation) if part is not None]
    sides = [groups[np.asarray(ids, int)] for ids in parts]
    parted = sorted(set(sides[0].tolist()) & set(sides[1].tolist()))
    recorder.require(
        "groups stay on one side",
        not parted,
        f"Of {whole} sequences in groups of {_GROUP}, groups {parted} are on both sides",
    )


def _needs_segue(subject: Subject, reason: str) -> None:
    """Pass over estimators that are not made of segue's parts."""
    from segue.estimators.parameters import EstimatorParameters

    if not isinstance(subject.estimator, EstimatorParameters):
        raise DoesNotApplyError(reason)


def _steps(cut: Dataset) -> set[tuple[int, int]]:
    """The steps that windows are made of: series and number."""
    spans: list[tuple[int, int, int]] = [] if cut.spans is None else cut.spans.tolist()
    return {(series, step) for series, first, last in spans for step in range(first, last)}


# -- stopped is not lost ------------------------------------------------------------------------


class _StopError(Exception):
    """Nothing in the loop catches it, like the death of the process."""


class _Stop(Callback):
    def on_epoch(self, row: dict[str, float], state: Any) -> None:
        raise _StopError


def check_resume(subject: Subject, recorder: Recorder) -> None:
    """A training that is killed after its first epoch goes on to the same bits."""
    from segue.estimators.fitting import fingerprint, training_job
    from segue.estimators.seen import digests
    from segue.estimators.splitting import split_data
    from segue.training.checkpoint import Checkpointer
    from segue.training.loop import TrainingState, train

    _needs_segue(subject, "it has no training that could be stopped")
    if subject.estimator.epochs == 1:
        raise DoesNotApplyError("one epoch leaves no room to be stopped in")
    killed = subject.clone()
    split = split_data(killed, subject.data)
    job, _, _ = training_job(killed, split)
    with tempfile.TemporaryDirectory() as folder:
        shared = fingerprint(killed, job.network, split, digests(split.train.x))
        place = Path(folder)
        saver = Checkpointer(job, place / "checkpoint", shared, every_seconds=0)
        try:
            train(job, TrainingState.start(job), [saver, _Stop()])
        except _StopError:
            first = job.network.get_weights()
        resumed = subject.teach(subject.clone(), subject.data, folder=place, resume=True)
    went_on = not _same_weights(first, weights_of(subject.fitted))
    same = subject.same(subject.fitted, resumed)
    recorder.require("stopped is not lost", went_on, "It has learnt nothing after its first epoch")
    recorder.require(
        "stopped is not lost", same, "Killed after an epoch and resumed, it answers otherwise"
    )


def _same_weights(a: dict[str, Array], b: dict[str, Array]) -> bool:
    return all(np.array_equal(a[name], b[name]) for name in a)
