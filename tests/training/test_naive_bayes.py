"""Tokens counted in the sequences of each class, beside scikit-learn's naive Bayes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.naive_bayes import MultinomialNB

from segue.training.naive_bayes import count_tokens

TOKENS, CLASSES, LENGTH = 30, 3, 25


def drawn(count: int = 40, seed: int = 0) -> tuple[Any, Any]:
    """`[n, LENGTH]` tokens, and `[n]` classes of unequal frequency, each with tokens of its own."""
    rng = np.random.default_rng(seed)
    y = rng.choice(CLASSES, count, p=[0.6, 0.3, 0.1])
    return np.minimum(rng.poisson(4.0 + 3.0 * y[:, None], (count, LENGTH)), TOKENS - 1), y


def counted(x: Any, y: Any, **more: Any) -> Any:
    given = {"tokens": TOKENS, "count": CLASSES, "seed": 0, **more}
    values = x.reshape(-1).astype(np.int32)
    values.setflags(write=False)  # as of a file that is read in place
    return count_tokens(values, np.full(len(x), LENGTH), y, **given)


def often(x: Any) -> Any:
    return np.stack([np.bincount(one, minlength=TOKENS) for one in x])


@pytest.mark.parametrize("is_weighted", [False, True])
def test_as_of_scikit_learn(*, is_weighted: bool) -> None:
    """Of sequences of one length, but for the constants of each and that classes are seen once."""
    x, y = drawn()
    weights = np.where(y == 1, 2.5, 0.5) if is_weighted else None
    theirs = MultinomialNB().fit(often(x), y, sample_weight=weights)
    frequent = np.bincount(y, weights) + 1.0  # as segue counts them
    theirs.class_log_prior_ = np.log(frequent / frequent.sum())
    logs = LENGTH * counted(x, y, weights=weights).vectors[x].mean(1)
    shares = np.exp(logs) / np.exp(logs).sum(1, keepdims=True)
    np.testing.assert_allclose(shares, theirs.predict_proba(often(x)), atol=1e-9)


@pytest.mark.parametrize("groups", [None, np.arange(40) // 4])
def test_what_is_held_out_is_not_counted(groups: Any) -> None:
    """Other tokens in some sequences change nothing of what is said of a fold with others."""
    x, y = drawn()
    before = counted(x, y, groups=groups).held_out
    for number in range(0, 40, 7):
        changed = x.copy()
        changed[number] = TOKENS - 1
        own = np.arange(40) == number if groups is None else groups == groups[number]
        after = counted(changed, y, groups=groups).held_out
        others = own & (np.arange(40) != number)
        np.testing.assert_array_equal(after[others], before[others])
        assert (after[~own] != before[~own]).any()


def test_empty_sequences_and_classes_without_any() -> None:
    """A class that no fold but one has, a class that none has, and a sequence without tokens."""
    values, lengths = np.array([0, 1, 0, 2, 2]), np.array([2, 1, 0, 1, 1])
    found = count_tokens(values, lengths, np.array([0, 0, 0, 1, 1]), tokens=4, count=3, seed=0)
    assert np.isfinite(found.vectors).all()
    assert np.isfinite(found.held_out).all()
    assert not found.held_out[2].any()
    alone = count_tokens(np.array([0]), np.array([1]), np.array([0]), tokens=1, count=2, seed=0)
    assert not alone.held_out.any()
