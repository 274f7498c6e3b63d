"""The preparation that suits the data of an automatic choice, where none was asked for.

Texts become runs of words and characters. Of sounds there are two kinds of spectra, of which the
one is taken with which a few sequences that are held out are answered best.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from segue.data.dataset import Dataset
from segue.errors import SegueError
from segue.estimators.result import FitResult
from segue.estimators.splitting import EstimatorArguments, TrainValidationSplit
from segue.prepare import Preparation, Standardize, as_steps
from segue.randomness import numpy_generator

TEXTS = "ngrams"
LOWEST_RATE = 8000  # samples per second, of sounds
SHORTEST = 0.1  # seconds of them
FEWEST, TRIED = 20, 500  # sounds with which preparations are compared
MOST_SAMPLES = 2e7  # of them, on average
JUDGE = "rocket(500)"


def suited(
    estimator: EstimatorArguments,
    split: TrainValidationSplit,
    fit: Callable[[Any, TrainValidationSplit], FitResult],
) -> Any:
    """The estimator with the preparation that suits the data.

    Args:
        estimator: its parameters.
        split: what is trained on.
        fit: fits an estimator with another network.
    """
    data = split.train
    if not all(isinstance(step, Standardize) for step in as_steps(estimator.prepare)):
        return estimator
    if data.x.is_text:
        return _with(estimator, TEXTS)
    if split.task.per_step or not is_sound(data):
        return estimator
    count = min(
        TRIED, max(FEWEST, 5 * len(data.classes or ()), int(MOST_SAMPLES / data.x.lengths.mean()))
    )
    chosen = np.sort(numpy_generator(estimator.seed, "suited").permutation(len(data))[:count])
    weights = None if split.weights is None else split.weights[chosen]
    part = replace(split, train=data[chosen], validation=None, weights=weights)
    found: list[tuple[float, str]] = []
    for prepare in spectra(data.rate_hz or LOWEST_RATE):
        one = _with(estimator, prepare)
        one.network = JUDGE
        one.options = replace(estimator.training_options, progress="none", time_limit_seconds=None)
        try:
            found.append((fit(one, part).history.rows[0]["validation_loss"], prepare))
        except SegueError:  # the sounds are too short, or the rate too low
            continue
    return _with(estimator, min(found)[1]) if found else estimator


def is_sound(data: Dataset) -> bool:
    """Whether sequences are sounds: thousands of samples a second, for a tenth of one or more."""
    rate = data.rate_hz or 0.0
    is_one = data.x.kind == "numbers" and data.x.channels <= 2 and rate >= LOWEST_RATE
    return is_one and float(np.median(data.x.lengths)) >= SHORTEST * rate


def spectra(rate_hz: float) -> list[str]:
    """Preparations of sounds: over frequency, and over time, in frames of about 32 ms.

    >>> spectra(8000)
    ['logfrequency(frame=1024) standardize', 'logmel(32, frame=256, hop=128) standardize']
    """
    frame = 2 ** round(np.log2(0.032 * rate_hz))
    mel = f"logmel(32, frame={frame}, hop={frame // 2}) standardize"
    return [f"logfrequency(frame={4 * frame}) standardize", mel]


def seen_sizes(estimator: EstimatorArguments, data: Dataset) -> tuple[Any, int]:
    """`[n]`, the steps of sequences as the network sees them, and its channels; texts as they are.

    Args:
        estimator: has the preparation.
        data: what is trained on.
    """
    if data.x.is_text:
        return data.x.lengths, data.x.channels
    few = data.x[: min(20, len(data))]
    preparation = Preparation.fit(estimator.prepare, few, rate_hz=data.rate_hz)
    return preparation.lengths(data.x.lengths), preparation.channels_out


def _with(estimator: EstimatorArguments, prepare: str) -> Any:
    found: Any = copy.copy(estimator)
    found.prepare = prepare
    return found
