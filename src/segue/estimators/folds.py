"""Networks that are trained as members of an automatic choice: one for each fold, without it.

Of each training sequence there is then what a network says that has not seen it, and the mean of
the networks' logits is the member. No epoch is chosen on what is held out, so it is as new.

Of many sequences one part may be held out, where there is no time for several trainings.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from segue.data.arrays import Array
from segue.data.dataset import Dataset
from segue.data.sequences import Sequences
from segue.estimators.fingerprint import seen_by
from segue.estimators.result import FitResult
from segue.estimators.splitting import (
    EstimatorArguments,
    TrainValidationSplit,
    held_out_groups,
)
from segue.prepare.steps import scaled_static
from segue.tasks.language import cut
from segue.training.inference import Prepared, map_steps, predict_outputs

SHARE = 0.1  # that is held out, where there is one part
PIECE = 500  # steps of what is trained on, where there is a target at each
MANY, BATCH = 20_000, 128  # sequences from which on so many make an update
_ALONE = 1.0  # seconds, the least of a training that is the only one
_FITTING = 0.95  # of the time of a fold; the rest is for what is held out


class Fits(NamedTuple):
    """How an estimator is fitted.

    Attributes:
        whole: on all of a split: the result.
        prepared: what is known before its first epoch.
        like: on a part of a split, with the preparation of the whole, until a time.
        counted: on all of a split, by counting tokens.
    """

    whole: Callable[[Any, TrainValidationSplit], FitResult]
    prepared: Callable[[Any, TrainValidationSplit], Any]
    like: Callable[[Any, TrainValidationSplit, Any, float], FitResult]
    counted: Callable[[Any, TrainValidationSplit], FitResult]


def fit_folds(
    estimator: EstimatorArguments,
    split: TrainValidationSplit,
    fits: Fits,
    folds: int,
    until: float,
) -> tuple[list[FitResult], Array]:
    """Train a network for each fold, each as long as there is time for it.

    Args:
        estimator: its parameters, with the network.
        split: what is trained on.
        fits: how.
        folds: how many; 1: one part is held out.
        until: when the last one ends, by `time.perf_counter`.

    Returns:
        The results, and `[n, output]` logits, or `[total_steps, output]`, for what was held out;
        NaN where nothing was.
    """
    whole = fits.prepared(estimator, split)
    seen = seen_by(estimator, split, split.train.x.digests(), ())
    data = split.train
    if data.x.is_text:
        batches = whole.setup.train.batches  # texts are tokens there, unless they are on disk
        tokens = whole.preparation.tokenized(data.x) if batches.values is None else None
        data = replace(data, x=tokens or Sequences(batches.values, lengths=batches.lengths))
    split, several = replace(split, train=data), held_out_parts(data, folds, estimator.seed)
    results: list[FitResult] = []
    logits: Array | None = None
    for number, held in enumerate(several):
        began = time.perf_counter()
        if results and began > until:
            break
        one: Any = copy.copy(estimator)
        seconds = _FITTING * (until - began) / (len(several) - number)
        seconds = max(_ALONE if folds == 1 else 0.01, seconds)
        one.seed = estimator.seed + number
        if len(data) >= MANY:
            one.batch_size = max(BATCH, estimator.batch_size)
        result = fits.like(one, without(split, held), whole, began + seconds)
        results.append(replace(result, seen=seen))
        found = logits_of(result, data[held])
        if logits is None:
            count = data.x.total_steps if result.task.per_step else len(data)
            logits = np.full((count, found.shape[1]), np.nan)
        logits[rows_of(data, held, per_step=result.task.per_step)] = found
    assert logits is not None
    return results, logits


def held_out_parts(data: Dataset, folds: int, seed: int) -> list[Array]:
    """The numbers of the sequences of each fold: stratified, and by groups where there are some.

    Of one fold it is a tenth of the sequences.

    >>> parts = held_out_parts(Dataset([[0.0]] * 10, ["a", "b"] * 5), 5, 0)
    >>> len(parts), sorted(np.concatenate(parts).tolist()) == list(range(10))
    (5, True)
    """
    rest = replace(data, ids=np.arange(len(data)), groups=held_out_groups(data))
    if folds == 1:
        return [np.asarray(rest.split(SHARE, seed=seed)[1].ids)]
    units = len(data) if rest.groups is None else len(np.unique(rest.groups))
    parts = []
    for number in range(min(folds, units), 1, -1):
        rest, held = rest.split(1 / number, seed=seed)
        parts.append(np.asarray(held.ids))
    return [*parts, np.asarray(rest.ids)]


def without(split: TrainValidationSplit, held: Array) -> TrainValidationSplit:
    """A split without some of the training sequences, and without a validation part."""
    kept = np.setdiff1d(np.arange(len(split.train)), held)
    train, weights = split.train[kept], split.weights
    weights = None if weights is None else weights[kept]
    if split.task.per_step and weights is None:
        train = in_pieces(train)
    return replace(
        split, train=train, validation=None, weights=weights, part=train, part_weights=weights
    )


def in_pieces(data: Dataset) -> Dataset:
    """Sequences with a target at each step, cut where they are long; without groups."""
    offsets = cut(data.x.offsets, PIECE)
    y = None if data.y is None else Sequences(data.y.values, offsets)
    return Dataset(
        Sequences(data.x.values, offsets), y, classes=data.classes, channels=data.channels,
        rate_hz=data.rate_hz,
    )  # fmt: skip


def logits_of(result: FitResult, data: Dataset) -> Array:
    """`[n, output]` of sequences, or `[total_steps, output]`."""
    network = result.network
    static = None
    if result.static is not None:
        static = scaled_static(result.static, len(data), data.static)
    prepared = Prepared(data.x, result.preparation, static)
    if result.task.per_step:
        return map_steps(network, prepared, network, network.outputs).values
    return predict_outputs(network, prepared)


def rows_of(data: Dataset, chosen: Array, *, per_step: bool) -> Array:
    """The positions of the outputs for chosen sequences, among those for all of them."""
    if not per_step:
        return chosen
    ends = np.cumsum(data.x.lengths)
    return np.concatenate([np.arange(ends[i] - data.x.lengths[i], ends[i]) for i in chosen])
