"""Progress is shown where somebody looks; unknown arguments are refused with what was meant."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, cross_val_score

import segue
from segue.errors import OptionError, SegueError

DRAWS = np.random.default_rng(0)
QUIET = segue.TrainingOptions(progress="none")
X, Y = DRAWS.normal(size=(24, 6, 1)), np.arange(24) % 2


def test_verbose_is_that_of_keras(capfd: pytest.CaptureFixture[str]) -> None:
    classifier = segue.SequenceClassifier("gru(2)", epochs=2)
    classifier.fit(X, Y, verbose=0)
    assert capfd.readouterr().err == ""
    classifier.fit(X, Y, verbose=2)
    assert "epoch 2/2" in capfd.readouterr().err
    classifier.fit(X, Y)
    assert "epoch 2/2" in capfd.readouterr().err
    assert classifier.options is None
    with pytest.raises(OptionError, match="`verbose` is 3; expected 0, 1 or 2"):
        classifier.fit(X, Y, verbose=3)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [None, 2])
def test_searches_are_silent(capfd: pytest.CaptureFixture[str], jobs: int | None) -> None:
    classifier = segue.SequenceClassifier("gru(2)", epochs=2)
    cross_val_score(classifier, X, Y, cv=2, n_jobs=jobs)
    GridSearchCV(classifier, {"learning_rate": [0.01]}, cv=2, n_jobs=jobs, refit=False).fit(X, Y)
    assert "epoch" not in capfd.readouterr().err


def _fitted(seed: int) -> float:
    return segue.SequenceClassifier("gru(2)", epochs=1, seed=seed).fit(X, Y).score(X, Y)


@pytest.mark.slow
def test_pools_are_silent(capfd: pytest.CaptureFixture[str]) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert len(list(pool.map(_fitted, [0, 1]))) == 2
    assert "epoch" not in capfd.readouterr().err


UNKNOWN = [
    ("epoch", 'Did you mean "epochs"?'),
    ("lr", 'Did you mean "learning_rate"?'),
    ("random_state", 'Did you mean "seed"?'),
    ("optimiser", r"Write options=TrainingOptions\(optimizer=...\)"),
    ("patience", r"Write options=TrainingOptions\(patience=...\)"),
    ("verbose", r"Write options=TrainingOptions\(progress=...\)"),
    ("gizmo", "Known: batch_size, "),
]


@pytest.mark.parametrize(("name", "advice"), UNKNOWN)
@pytest.mark.parametrize("kind", [segue.SequenceClassifier, segue.SequenceRegressor])
def test_unknown_arguments_get_near_misses(kind: type, name: str, advice: str) -> None:
    with pytest.raises(
        TypeError, match=f"has no argument '{name}'. {advice}".replace("?", r"\?")
    ) as caught:
        kind(**{name: 1})
    assert isinstance(caught.value, SegueError)


def test_a_loss_that_explodes_is_said() -> None:
    wild = segue.SequenceClassifier("gru(8)", epochs=6, learning_rate=50, options=QUIET)
    with pytest.warns(UserWarning, match=r"loss rose from .* rate of 50 is too high .*=5\."):
        wild.fit(X, Y)
