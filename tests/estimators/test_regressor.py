"""Numbers for each sequence: learnt, scaled, scored and kept in their own unit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score

import segue
from segue import Dataset, SequenceRegressor, Sequences, TrainingOptions
from segue.errors import DataError, ModelFileError, NotFittedError
from segue.metrics import r_squared
from segue.prepare.steps import MeanScale
from segue.testing.report import TOLERANCE

SILENT = TrainingOptions(progress="none")


def sums(n: int, *, seed: int, unit: float = 1.0) -> tuple[list[Any], Any]:
    """Two channels; the target is the sum of the first over 5 to 20 steps, in some unit."""
    draws = np.random.default_rng(seed)
    x = [draws.normal(size=(length, 2)) for length in draws.integers(5, 21, n)]
    return x, unit * np.array([v[:, 0].sum() for v in x])


def quick(network: Any = "gru(4)", **more: Any) -> SequenceRegressor:
    return SequenceRegressor(network, **{"epochs": 3, "options": SILENT, **more})


@pytest.fixture(scope="module")
def fitted() -> SequenceRegressor:
    return quick().fit(*sums(40, seed=0))


@pytest.mark.slow
def test_a_sum_is_learnt() -> None:
    """The sum of a channel over all steps: what is left is a fiftieth of its variance, at most."""
    regressor = quick("gru(32)", epochs=40, learning_rate=0.01).fit(*sums(1_000, seed=0))
    assert regressor.score(*sums(300, seed=1)) > 0.98


def test_the_unit_of_the_targets_changes_nothing_but_the_unit() -> None:
    """Millions or thousandths: the same weights, and histories and predictions in that unit."""
    x, y = sums(30, seed=0)
    small, large = quick().fit(x, y), quick().fit(x, 1e6 * y + 5e6)
    assert np.allclose(large.predict(x), 1e6 * small.predict(x) + 5e6, rtol=1e-4)
    assert np.allclose(np.multiply(1e6, small.history_["rmse"]), large.history_["rmse"], rtol=1e-3)
    assert np.allclose(np.square(small.history_["rmse"]), small.history_["loss"])


def test_targets_as_they_are(tmp_path: Path) -> None:
    """Nothing is scaled, so the outputs are the predictions, also of a model read from its file."""
    x, y = sums(30, seed=0, unit=300.0)
    regressor = quick(scale_target=False).fit(x, y)
    assert (regressor.target_scale_.mean, regressor.target_scale_.scale) == ([0.0], [1.0])
    assert np.abs(regressor.predict(x)).max() < 5 < y.std()  # a few updates do not reach that far
    regressor.save(tmp_path / "model.safetensors")
    again = segue.load(tmp_path / "model.safetensors")
    assert again.scale_target is False
    assert (again.predict(x) == regressor.predict(x)).all()


def test_the_history_is_that_of_the_predictions() -> None:
    """The validation error of the last epoch, in the target's unit, computed from `predict`."""
    x, y = sums(60, seed=0, unit=300.0)
    watching = sums(20, seed=1, unit=300.0)
    regressor = quick(epochs=1).fit(x, y, validation_data=watching)
    rmse = np.sqrt(np.mean((regressor.predict(watching[0]) - watching[1]) ** 2))
    assert regressor.history_["validation_rmse"][0] == pytest.approx(rmse, rel=1e-5)


def test_the_scale_is_that_of_the_training_targets_only() -> None:
    """Not of those that watch, and not of the test part."""
    x, y = sums(60, seed=0)
    parts = np.array(["train"] * 40 + ["validation"] * 10 + ["test"] * 10)
    shifted = y + 100.0 * (parts != "train")
    regressor = quick(epochs=1).fit(Dataset(Sequences.from_list(x), shifted, parts=parts))
    assert regressor.target_scale_.mean == pytest.approx(y[:40].mean())
    drawn = quick(epochs=1, validation=0.5).fit(x, y)
    assert drawn.target_scale_.mean != pytest.approx(y.mean(), abs=1e-9)


def test_several_numbers_for_each_sequence() -> None:
    x, y = sums(40, seed=0)
    table = np.column_stack([y, -1_000 * y, [len(v) for v in x]])
    regressor = quick(epochs=30, learning_rate=0.02).fit(x, table)
    predicted = regressor.predict(x)
    assert predicted.shape == (40, 3)
    assert regressor.score(x, table) == pytest.approx(r2_score(table, predicted))
    assert quick().fit(x, table[:, :1]).predict(x).shape == (40, 1)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("values", [None, 3])
def test_the_score_is_that_of_scikit_learn(weighted: bool, values: int | None) -> None:
    draws = np.random.default_rng(0)
    size = (20,) if values is None else (20, values)
    a, b = draws.normal(size=size), draws.normal(size=size)
    weights = draws.random(20) if weighted else None
    assert r_squared(a, b, weights) == pytest.approx(r2_score(a, b, sample_weight=weights))
    flat = np.ones(size)
    for predicted in (flat, b):
        assert r_squared(flat, predicted) == r2_score(flat, predicted)


def test_targets_that_never_vary_are_met() -> None:
    x, _ = sums(20, seed=0)
    regressor = quick(epochs=30, learning_rate=0.03).fit(x, np.full(20, 7.0))
    assert np.allclose(regressor.predict(x), 7.0, atol=0.3)
    assert MeanScale.fit(np.full(5, 1e9)).scale == 1.0


def test_the_answers_do_not_depend_on_the_batch(fitted: SequenceRegressor) -> None:
    x = Sequences.from_list(sums(40, seed=3)[0])
    alone = np.concatenate([fitted.predict(x[i : i + 1]) for i in range(len(x))])
    limit = TOLERANCE["float32"] * np.abs(alone).max()
    for same in (x, Sequences.from_padded(*x.to_padded(side="left", value=1e6))):
        assert np.abs(fitted.predict(same) - alone).max() <= limit
    assert np.abs(fitted.predict(x[::-1])[::-1] - alone).max() <= limit


def test_weights_of_sequences_count() -> None:
    """Only the sequences that count are learnt: their targets are opposite to the others'."""
    x, y = sums(60, seed=0)
    opposite = np.where(np.arange(60) % 2, y, -y)
    weights = (np.arange(60) % 2).astype(float)
    regressor = quick("gru(12)", epochs=60, learning_rate=0.02)
    regressor.fit(x, opposite, sample_weight=weights)
    assert regressor.score(x, opposite, sample_weight=weights) > 0.5
    assert regressor.score(x, y) > 0


def test_whole_numbers_of_a_data_set_are_numbers() -> None:
    """A `Dataset` takes them for classes, whoever asks for a regression does not."""
    data = Dataset(Sequences.from_list(sums(20, seed=0)[0]), np.arange(20))
    assert data.task == "classify"
    assert quick(epochs=1).fit(data).target_scale_.mean == pytest.approx(9.5)


def test_saved_and_loaded_it_answers_with_the_same_bits(
    fitted: SequenceRegressor, tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"
    fitted.save(path)
    loaded, (x, _) = segue.load(path), sums(10, seed=6)
    assert isinstance(loaded, SequenceRegressor)
    assert np.array_equal(loaded.predict(x), fitted.predict(x))


def test_a_file_with_another_scale_is_refused(fitted: SequenceRegressor, tmp_path: Path) -> None:
    broken = quick().fit(*sums(20, seed=0))
    wrong = MeanScale(np.zeros(1), np.array([-1.0]))
    broken.task_ = replace(broken.task_, scale=wrong)
    broken.save(tmp_path / "model.safetensors")
    with pytest.raises(ModelFileError, match=r"mean \[0.0\] and scale \[-1.0\]"):
        segue.load(tmp_path / "model.safetensors")


def test_scikit_learn_finds_its_way() -> None:
    x, y = sums(30, seed=0)
    assert np.isfinite(cross_val_score(quick(), x, y, cv=3)).all()
    search = GridSearchCV(quick(epochs=1), {"network": ["gru(2)", "rnn(3)"]}, cv=2).fit(x, y)
    assert search.best_estimator_.predict(x).shape == (30,)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1.0, np.nan], "Sequence 1 has no target; 1 of 2 sequences have none"),
        (["a", "b"], "`y` holds no numbers"),
        ([1.0], "2 sequences and 1 targets"),
        (np.zeros((2, 2, 2)), "or [n, value] of numbers"),
        (None, "`y` is missing"),
    ],
)
def test_targets_that_do_not_fit(y: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        quick().fit([[0.0, 1.0], [1.0]], y)
    assert message in str(caught.value)


def test_a_data_set_with_names_as_labels() -> None:
    with pytest.raises(DataError, match="needs one or more numbers for each sequence"):
        quick().fit(Dataset([[1.0, 2.0], [3.0]], ["a", "b"]))


def test_a_score_against_targets_of_another_shape(fitted: SequenceRegressor) -> None:
    with pytest.raises(DataError, match=r"`y` has shape \(2, 3\); the targets of the training"):
        fitted.score(sums(2, seed=0)[0], np.zeros((2, 3)))


def test_before_fit_it_says_so() -> None:
    with pytest.raises(NotFittedError, match="This SequenceRegressor is not fitted yet"):
        quick().predict([[1.0]])
