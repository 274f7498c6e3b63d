"""Heads in closed form: what they say of a held-out case is what a fit without it would say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from sklearn.linear_model import Ridge
from sklearn.metrics import log_loss

from segue.training.ridge import PENALTIES, Columns, RidgeFit, fit_ridge

FORMS = ("softmax", "binary", "sigmoid", "multilabel", "squared")


def made_up(seed: int, form: str) -> tuple[np.ndarray, np.ndarray]:
    """A small set: fewer cases than features or more, one constant and one rare feature."""
    rng = np.random.default_rng(seed)
    n, p = int(rng.integers(12, 40)), int(rng.choice([5, 25, 90]))
    x = rng.normal(size=(n, p)) * rng.uniform(0.1, 10, p) + rng.normal(size=p)
    x[:, 0], x[1:, 1] = 3.0, 0.0
    if form == "squared":
        return x, x[:, 2:4] @ rng.normal(size=(2, 2)) + rng.normal(size=(n, 2))
    if form == "multilabel":
        return x, (x[:, 2:5] + rng.normal(size=(n, 3)) > x[:, 2:5].mean(0)).astype(float)
    count = 2 if form == "binary" else 3
    noisy = (x[:, 2] - x[:, 2].mean()) / x[:, 2].std() + 0.5 * rng.normal(size=n)
    ranks = noisy.argsort().argsort() * count // n
    return x, np.eye(count)[ranks][:, count == 2 :]


def without(x: Any, y: Any, form: str, head: RidgeFit, held: Any, *, weights: Any) -> np.ndarray:
    """The held-out outputs, really held out: columns are scaled and centred as with all cases."""
    columns = Columns.of(x, weights)
    z, codes = columns.rows(x), y if form == "squared" else 2 * y - 1
    codes = codes - np.average(codes, axis=0, weights=weights)
    kept = np.setdiff1d(np.arange(len(x)), held)
    z = np.concatenate([np.ones((len(x), 1)), z], axis=1)
    penalty = head.penalty * np.diag(np.arange(z.shape[1]) > 0)
    own = (z[kept] * weights[kept, None]).T
    alpha = np.linalg.solve(own @ z[kept] + penalty, own @ codes[kept])
    offset = head.bias + columns.mean @ head.kernel
    return head.scale * z[held] @ alpha + offset


@pytest.mark.parametrize("seed", range(20))
def test_held_out_scores_are_those_of_a_fit_without_the_case(seed: int) -> None:
    """On 20 small sets, with weights or without, to a millionth."""
    form = FORMS[seed % len(FORMS)]
    x, y = made_up(seed, form)
    weights = np.ones(len(x)) if seed < 10 else np.random.default_rng(seed).uniform(0.5, 2, len(x))
    weights /= weights.mean()
    head = fit_ridge(x, y, form, weights=weights)
    for case in range(len(x)):
        found = without(x, y, form, head, [case], weights=weights)[0]
        np.testing.assert_allclose(head.held_out[case], found, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("features", [None, 3])
@pytest.mark.parametrize("form", FORMS)
def test_a_group_is_held_out_as_a_whole(form: str, features: int | None) -> None:
    """Also one of more cases than there are features."""
    x, y = made_up(1, form)
    x, rng = x[:, :features], np.random.default_rng(0)
    groups, weights = rng.integers(0, 5 if features is None else 2, len(x)), rng.random(len(x)) + 1
    weights /= weights.mean()
    head = fit_ridge(x, y, form, groups=groups, weights=weights)
    for group in np.unique(groups):
        held = np.flatnonzero(groups == group)
        found = without(x, y, form, head, held, weights=weights)
        np.testing.assert_allclose(head.held_out[held], found, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("seed", [4, 9, 14])
def test_the_regression_is_that_of_scikit_learn(seed: int) -> None:
    x, y = made_up(seed, "squared")
    head, columns = fit_ridge(x, y, "squared"), Columns.of(x, np.ones(len(x)))
    theirs = Ridge(head.penalty).fit(columns.rows(x), y)
    np.testing.assert_allclose(
        x @ head.kernel + head.bias, theirs.predict(columns.rows(x)), rtol=1e-6
    )


def test_the_scale_has_the_least_log_loss() -> None:
    """Of the held-out cases, beside SciPy's search; targets are smoothed by one part in n + 1."""
    x, y = made_up(3, "softmax")
    x, y = (
        np.tile(x, (5, 1)) + np.random.default_rng(0).normal(0, 0.3, (5 * len(x), 1)),
        np.tile(y, (5, 1)),
    )
    head = fit_ridge(x, y, "softmax")
    smooth = y + (1 / 3 - y) / (len(y) + 1)
    offset = np.log(y.mean(0))

    def loss(scale: float) -> float:
        logits = (head.held_out - offset) / head.scale * scale + offset
        return float(np.mean(logsumexp(logits, 1) - (smooth * logits).sum(1)))

    found = minimize_scalar(loss, bounds=(1e-3, 1e4), method="bounded", options={"xatol": 1e-8})
    assert head.scale == pytest.approx(found.x, rel=1e-3)
    assert head.loss == pytest.approx(found.fun, abs=1e-9)


def test_where_nothing_is_to_be_learnt_the_shares_are_answered() -> None:
    rng = np.random.default_rng(0)
    y = np.eye(3)[rng.choice(3, 200, p=[0.7, 0.2, 0.1])]
    head = fit_ridge(rng.normal(size=(200, 4)), y, "softmax")
    p = np.exp(head.held_out)
    p /= p.sum(1, keepdims=True)
    assert log_loss(y, p) < log_loss(y, np.tile(y.mean(0), (200, 1))) + 0.01
    assert np.abs(p - y.mean(0)).max() < 0.2


def test_cases_that_are_all_right_leave_a_doubt() -> None:
    """A scale exists; with thirty cases nobody is surer than about one part in thirty allows."""
    x = np.repeat([[0.0], [1.0]], 15, axis=0) + np.random.default_rng(0).normal(0, 0.01, (30, 1))
    head = fit_ridge(x, np.repeat([[0.0], [1.0]], 15, axis=0), "binary")
    p = 1 / (1 + np.exp(-head.held_out))
    assert ((p > 0.5).ravel() == np.repeat([False, True], 15)).all()
    assert 0.9 < np.maximum(p, 1 - p).mean() < 0.995


def test_rounding_of_nothing_says_nothing() -> None:
    """Amplitudes of 1e-16 of a wave that is in no sequence: in the next one it may be 1."""
    x, y = made_up(0, "softmax")
    x[:, 3] = np.random.default_rng(0).integers(0, 2, len(x)) * 3e-16
    head = fit_ridge(x, y, "softmax")
    assert not head.kernel[3].any()
    small = fit_ridge(x[:, [2, 4]] * 1e-12, y, "softmax")  # all of them are
    np.testing.assert_allclose(small.kernel * 1e-12, fit_ridge(x[:, [2, 4]], y, "softmax").kernel)


def test_constant_features_say_nothing() -> None:
    y = np.array([[0.0], [1.0]] * 4)
    head = fit_ridge(np.full((8, 3), 7.0, np.float32), y, "binary")
    assert not head.kernel.any()
    assert head.held_out == pytest.approx(0, abs=1e-9)


def test_cases_that_do_not_count_change_nothing() -> None:
    x, y = made_up(6, "binary")
    weights = np.ones(len(x))
    weights[::4] = 0
    some = fit_ridge(x[weights > 0], y[weights > 0], "binary")
    head = fit_ridge(x, y, "binary", weights=weights)
    assert head.penalty in PENALTIES
    np.testing.assert_allclose(head.held_out[weights > 0], some.held_out, rtol=0.05, atol=0.05)
