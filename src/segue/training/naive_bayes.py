"""Naive Bayes: how often each token is in the sequences of each class.

McCallum & Nigam, "A comparison of event models for naive Bayes text classification", AAAI workshop
on learning for text categorization, 1998: the multinomial model. Its sum over the tokens of a
sequence is the mean here, with a scale that is found: tokens that tell the same, such as runs of
characters that overlap, tell less together than their sum.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from segue.data.arrays import Array
from segue.extras import require
from segue.kernels.ragged import offsets_of
from segue.training.log_loss import Floats
from segue.training.trees import FOLDS, fold_of_each

_ONCE_MORE = 1.0  # that each token counts as seen in each class


class CountedTokens(NamedTuple):
    """The result of `count_tokens`.

    Attributes:
        vectors: `[token, class]`, whose mean over a sequence is the higher the likelier a class is.
        held_out: `[n, class]`, that mean of each sequence by counts without it.
    """

    vectors: Floats
    held_out: Floats


def count_tokens(
    values: Array,
    lengths: Array,
    classes: Array,
    *,
    tokens: int,
    count: int,
    seed: int,
    weights: Array | None = None,
    groups: Array | None = None,
) -> CountedTokens:
    """Count the tokens of each class, in all sequences and without those of each fold.

    Args:
        values: `[total_steps]`, the tokens of all sequences.
        lengths: `[n]`, how many each has.
        classes: `[n]`, numbers.
        tokens: how many different ones there are.
        count: of the classes.
        seed: of the folds.
        weights: `[n]`, how much each sequence counts; `None`: all the same.
        groups: `[n]`, which sequences are held out together; `None`: each alone.

    >>> found = count_tokens(
    ...     np.array([0, 1, 0, 2, 1, 2, 1, 1]), np.array([2, 2, 2, 2]), np.array([0, 0, 1, 1]),
    ...     tokens=3, count=2, seed=0)
    >>> found.vectors.argmax(1).tolist()
    [0, 1, 0]
    """
    matrix: Any = require("scipy.sparse").csr_matrix
    counted = np.eye(count)[classes]
    counted = counted if weights is None else counted * weights[:, None]
    fold = fold_of_each(FOLDS, classes, groups, np.random.default_rng(seed))
    parts = [fold == number for number in np.unique(fold)]
    often = []  # of each part, sparse: how often each token is in each sequence
    for own in parts:
        tokens_of = values[np.repeat(own, lengths)]
        ones, offsets = np.ones(len(tokens_of), np.float32), offsets_of(lengths[own])
        often.append(matrix((ones, tokens_of, offsets), shape=(own.sum(), tokens)))
    seen = [part.T @ counted[own] for part, own in zip(often, parts, strict=True)]
    every, held_out = sum(seen), np.zeros(counted.shape)
    for own, part, theirs in zip(parts, often, seen, strict=True) if len(parts) > 1 else ():
        vectors = _vectors(every - theirs, counted[~own], lengths[~own])
        held_out[own] = (part @ vectors) / np.maximum(1, lengths[own])[:, None]
    return CountedTokens(_vectors(every, counted, lengths), held_out)


def _vectors(seen: Floats, counted: Floats, lengths: Array) -> Floats:
    """`[token, class]`: the logarithm of its share of the tokens of each class, less their mean.

    Each token has its part of how frequent the classes are, too.

    Args:
        seen: `[token, class]`, how often.
        counted: `[n, class]`, how much each sequence counts for each class.
        lengths: `[n]`, of the sequences.
    """
    smooth = seen + _ONCE_MORE
    frequent = np.log(counted.sum(0) + _ONCE_MORE) / max(1.0, lengths.mean())
    found = np.log(smooth / smooth.sum(0)) + frequent
    return np.asarray(found - found.mean(1, keepdims=True))
