"""A trained network as a member: what it says of a training sequence comes without that one."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

import segue
from segue.estimators import fitting, folds
from segue.estimators.automatic import as_member, with_network
from segue.estimators.fitting import fit_by_counting, fit_split, prepare_training, train_like
from segue.estimators.folds import Fits, fit_folds, held_out_parts
from segue.estimators.splitting import split_data

QUIET = segue.TrainingOptions(progress="none")


def fitted(
    estimator: Any, network: str, data: segue.Dataset, seconds: float = 30.0, parts: int = 5
) -> Any:
    """The parts that were trained on, the result as a member, and its logits."""
    estimator.options, trained = QUIET, []
    one = with_network(estimator, network, progress="none")
    split = split_data(one, data, validation_data=None)

    def like(given: Any, part: Any, whole: Any, until: float) -> Any:
        trained.append(part.train)
        return train_like(given, part, whole, until)

    until = time.perf_counter() + seconds
    results, logits = fit_folds(
        one, split, Fits(fit_split, prepare_training, like, fit_by_counting), parts, until
    )
    return trained, results, *as_member(results, logits, split)


def series(count: int, groups: Any = None) -> segue.Dataset:
    rng = np.random.default_rng(0)
    y = np.arange(count) % 2
    x = [rng.standard_normal((n, 2)) + k for n, k in zip(rng.integers(4, 9, count), y, strict=True)]
    return segue.Dataset(x, y.astype(str), groups=groups)


def test_each_sequence_is_held_out_once_with_its_group() -> None:
    data = series(30, groups=np.arange(30) // 3)
    trained, results, member, logits = fitted(segue.SequenceClassifier(epochs=2), "gru(3)", data)
    assert len(trained) == len(results) == 5
    held = [np.setdiff1d(np.arange(30), one.ids) for one in trained]
    assert sorted(np.concatenate(held).tolist()) == list(range(30))
    for result, rows, part in zip(results, held, trained, strict=True):
        assert set(np.arange(30)[rows] // 3).isdisjoint(part.groups)
        np.testing.assert_array_equal(folds.logits_of(result, data[rows]), logits[rows])
    mean = np.mean([folds.logits_of(result, data) for result in results], axis=0)
    np.testing.assert_allclose(folds.logits_of(member, data), mean, atol=1e-5)
    assert member.held_out.outputs.shape == (30, 2)


def test_of_many_sequences_one_part_is_held_out() -> None:
    (held,) = held_out_parts(series(30), 1, 0)
    assert len(held) == 3
    trained, _, member, logits = fitted(
        segue.SequenceClassifier(epochs=1), "gru(3)", series(30), seconds=0.01, parts=1
    )
    assert len(trained) == 1
    assert np.flatnonzero(np.isfinite(logits).all(1)).tolist() == held.tolist()
    assert len(member.held_out.outputs) == 3


def test_what_is_done_before_a_training_counts_in_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large vocabulary is copied for each fold, say: less is left for the updates."""
    limits, train = [], fitting.train

    def later(*given: Any) -> Any:
        time.sleep(0.2)
        return prepare_training(*given)

    def seen(trainer: Any, *more: Any) -> str:
        limits.append(trainer.job.options.time_limit_seconds)
        return train(trainer, *more)

    monkeypatch.setattr(fitting, "prepare_training", later)
    monkeypatch.setattr(fitting, "train", seen)
    fitted(segue.SequenceClassifier(epochs=1), "gru(3)", series(30), seconds=10, parts=5)
    assert 0 < limits[0] <= 0.95 * 10 / 5 - 0.2


def test_numbers_are_scaled_as_in_the_whole() -> None:
    data = series(20)
    data = segue.Dataset(data.x, 1e3 + 10.0 * np.arange(20))
    _, results, member, _ = fitted(segue.SequenceRegressor(epochs=1), "gru(2)", data)
    assert {str(one.task.scale) for one in results} == {str(member.task.scale)}
    assert {str(one.preparation.to_json()) for one in results} == {
        str(member.preparation.to_json())
    }
    assert 900 < member.held_out.outputs.mean() < 1300


def test_the_mean_of_bags_of_words_is_one() -> None:
    texts = ["to be or not", "not to be", "be good", "good or bad"] * 3
    data = segue.Dataset(segue.Sequences.from_texts(texts), ["a", "b", "c", "d"] * 3)
    _, results, member, _ = fitted(
        segue.SequenceClassifier(epochs=3, prepare="words"), "embedding(5) pool(mean)", data
    )
    assert member.network.summary().text == "embedding(4) pool"
    mean = np.mean([folds.logits_of(result, data) for result in results], axis=0)
    np.testing.assert_allclose(folds.logits_of(member, data), mean, atol=1e-5)
