"""Networks that are trained as members of an automatic choice: one for each fold, without it.

Of each training sequence there is then what a network says that has not seen it, and the mean of
the networks' logits is the member. No epoch is chosen on what is held out, so it is as new.

Many sequences are not worth several trainings: then one part of them is held out.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from segue.data.arrays import Array
from segue.data.dataset import Dataset
from segue.estimators.fingerprint import seen_by
from segue.estimators.result import FitResult
from segue.estimators.splitting import EstimatorArguments, TrainValidationSplit
from segue.prepare.steps import scaled_static
from segue.search.candidates import FOLDS, LARGE
from segue.training.inference import Prepared, map_steps, predict_outputs

SHARE = 0.1  # of a large set, that is held out
BATCH = 128  # its sequences in an update
_FITTING = 0.95  # of the time of a fold; the rest is for what is held out


class Fits(NamedTuple):
    """How an estimator is fitted.

    Attributes:
        whole: on all of a split: the result.
        prepared: what is known before its first epoch.
        like: on a part of a split, with the preparation of the whole.
    """

    whole: Callable[[Any, TrainValidationSplit], FitResult]
    prepared: Callable[[Any, TrainValidationSplit], Any]
    like: Callable[[Any, TrainValidationSplit, Any], FitResult]


def fit_folds(
    estimator: EstimatorArguments, split: TrainValidationSplit, fits: Fits, until: float
) -> tuple[list[FitResult], Array]:
    """Train a network for each fold, each as long as there is time for it.

    Args:
        estimator: its parameters, with the network.
        split: what is trained on.
        fits: how.
        until: when the last one ends, by `time.perf_counter`.

    Returns:
        The results, and `[n, output]` logits, or `[total_steps, output]`, for what was held out;
        NaN where nothing was.
    """
    data, several = split.train, list(held_out_parts(split.train, estimator.seed))
    whole = fits.prepared(estimator, split)
    seen = seen_by(estimator, split, data.x.digests(), ())
    results: list[FitResult] = []
    logits: Array | None = None
    for number, held in enumerate(several):
        one: Any = copy.copy(estimator)
        seconds = _FITTING * (until - time.perf_counter()) / (len(several) - number)
        one.options = replace(estimator.training_options, time_limit_seconds=max(0.01, seconds))
        one.seed = estimator.seed + number
        if len(data) >= LARGE:
            one.batch_size = max(BATCH, estimator.batch_size)
        result = fits.like(one, without(split, held), whole)
        results.append(replace(result, seen=seen))
        found = logits_of(result, data[held])
        if logits is None:
            count = data.x.total_steps if result.task.per_step else len(data)
            logits = np.full((count, found.shape[1]), np.nan)
        logits[rows_of(data, held, per_step=result.task.per_step)] = found
    assert logits is not None
    return results, logits


def held_out_parts(data: Dataset, seed: int) -> Iterator[Array]:
    """The numbers of the sequences of each fold: stratified, and by groups where there are some.

    >>> parts = list(held_out_parts(Dataset([[0.0]] * 10, ["a", "b"] * 5), 0))
    >>> len(parts), sorted(np.concatenate(parts).tolist()) == list(range(10))
    (5, True)
    """
    numbered = replace(data, ids=np.arange(len(data)))
    if len(data) >= LARGE:
        yield np.asarray(numbered.split(SHARE, seed=seed)[1].ids)
        return
    units = len(data) if data.groups is None else len(np.unique(data.groups))
    rest = numbered
    for number in range(min(FOLDS, units), 1, -1):
        rest, held = rest.split(1 / number, seed=seed)
        yield np.asarray(held.ids)
    yield np.asarray(rest.ids)


def without(split: TrainValidationSplit, held: Array) -> TrainValidationSplit:
    """A split without some of the training sequences, and without a validation part."""
    kept = np.setdiff1d(np.arange(len(split.train)), held)
    train, weights = split.train[kept], split.weights
    weights = None if weights is None else weights[kept]
    return replace(
        split, train=train, validation=None, weights=weights, part=train, part_weights=weights
    )


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
