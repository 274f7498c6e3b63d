"""Static features: joined before the head, scaled on training data, wanted wherever it matters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue
from segue import (
    Dataset,
    Forecaster,
    LanguageModel,
    SequenceClassifier,
    SequenceLabeler,
    SequenceRegressor,
    Sequences,
    TrainingOptions,
)
from segue.errors import DataError, ModelFileError
from segue.evaluation.explain import Attribution, integrated_gradients, occlusion
from segue.kernels.ragged import Ragged
from segue.layers import Shape
from segue.networks import Network, as_specs
from segue.prepare.steps import MeanScale
from segue.testing.report import TOLERANCE

SILENT = TrainingOptions(progress="none")
QUICK: dict[str, Any] = {"epochs": 12, "learning_rate": 0.03, "options": SILENT}


def signs(n: int, *, seed: int) -> Dataset:
    """The class is the sign of the mean, turned round where the static feature is large."""
    draws = np.random.default_rng(seed)
    level, turned = draws.choice([-1.0, 1.0], n), draws.random(n) < 0.5
    x = [v + 0.3 * draws.normal(size=draws.integers(3, 9)) for v in level]
    static = np.column_stack([500.0 + 100 * turned, draws.normal(size=n)])
    names = np.where((level > 0) != turned, "up", "down")
    return Dataset(Sequences.from_list(x), names, static=static)


@pytest.fixture(scope="module")
def fitted() -> SequenceClassifier:
    return SequenceClassifier("gru(8) dense(8, tanh)", **QUICK, validation=None).fit(
        signs(200, seed=0)
    )


@pytest.mark.slow
def test_what_only_the_static_feature_tells_is_learnt() -> None:
    """Without it the class is a coin; the head alone cannot turn a sign, a layer below cannot see.

    So the target is a number here, to which the feature adds.
    """
    data = signs(200, seed=0)
    assert data.static is not None
    y = np.array([v.mean() for v in data.x]) + data.static[:, 0] / 100
    without = SequenceRegressor("gru(8)", **QUICK).fit(data.x, y).score(data.x, y)
    regressor = SequenceRegressor("gru(8)", **QUICK).fit(data.x, y, static=data.static)
    assert regressor.score(data.x, y, static=data.static) > 0.97 > without + 0.1
    assert regressor.predict(replace(data, y=y, classes=None)) == pytest.approx(
        regressor.predict(data.x, static=data.static)
    )


def test_features_are_joined_just_before_the_head() -> None:
    """The head's kernel has rows for them, and their part of the logits is a product."""
    network = Network(as_specs("gru(4)"), Shape(1), 2, static=3)
    assert network.get_weights()["head/kernel"].shape == (7, 2)
    x = np.ones((8, 1), np.float32), np.array([0, 5, 8])
    zero, one = np.zeros((2, 3), np.float32), np.ones((2, 3), np.float32)
    difference = network(Ragged(*x, one)) - network(Ragged(*x, zero))
    wanted = network.get_weights()["head/kernel"][4:].sum(axis=0)
    assert np.allclose(difference, wanted, atol=1e-6)


def test_they_are_scaled_on_what_is_learnt_from_only() -> None:
    data = signs(60, seed=0)
    assert data.static is not None
    parts = np.array(["train"] * 40 + ["validation"] * 10 + ["test"] * 10)
    far = np.where(parts[:, None] == "train", data.static, 1e6)
    fitted = SequenceClassifier("gru(2)", epochs=1, options=SILENT).fit(
        replace(data, parts=parts, static=far)
    )
    assert fitted.static_ is not None
    assert np.allclose(fitted.static_.mean, data.static[:40].mean(axis=0))


def test_the_answers_do_not_depend_on_the_batch(fitted: SequenceClassifier) -> None:
    data = signs(30, seed=1)
    alone = np.concatenate([fitted.predict_proba(data[i : i + 1]) for i in range(len(data))])
    assert np.abs(fitted.predict_proba(data) - alone).max() <= TOLERANCE["float32"]
    assert np.abs(fitted.predict_proba(data[::-1])[::-1] - alone).max() <= TOLERANCE["float32"]


def test_a_mapped_data_set_brings_them_too(fitted: SequenceClassifier, tmp_path: Path) -> None:
    data = signs(30, seed=1)
    data.write(tmp_path / "signs.arrow")
    mapped = Dataset.open(tmp_path / "signs.arrow")
    assert np.array_equal(fitted.predict_proba(mapped), fitted.predict_proba(data))
    again = SequenceClassifier("gru(8) dense(8, tanh)", **QUICK, validation=None)
    learnt = signs(200, seed=0)
    learnt.write(tmp_path / "learnt.arrow")
    again.fit(Dataset.open(tmp_path / "learnt.arrow"))
    assert np.array_equal(again.predict_proba(data), fitted.predict_proba(data))


def test_saved_and_loaded_it_answers_with_the_same_bits(
    fitted: SequenceClassifier, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "model.safetensors")
    loaded, data = segue.load(tmp_path / "model.safetensors"), signs(10, seed=2)
    assert np.array_equal(loaded.predict_proba(data), fitted.predict_proba(data))
    assert segue.evaluate(loaded, data).accuracy == fitted.score(data)
    fitted_static, fitted.static_ = fitted.static_, MeanScale(np.zeros(2), np.zeros(2))
    fitted.save(tmp_path / "broken.safetensors")
    fitted.static_ = fitted_static
    with pytest.raises(ModelFileError, match="expected a mean and a scale each"):
        segue.load(tmp_path / "broken.safetensors")


def test_augmentation_leaves_them() -> None:
    """Crops are other sequences, with the same features."""
    SequenceClassifier("gru(2)", prepare="standardize crop(0.5)", epochs=1, options=SILENT).fit(
        signs(20, seed=0)
    )


def test_what_is_missing_is_asked_for(fitted: SequenceClassifier) -> None:
    data = signs(10, seed=1)
    assert data.static is not None
    with pytest.raises(DataError, match="trained with 2 static features of each sequence, and her"):
        fitted.predict(data.x)
    with pytest.raises(DataError, match=r"`static` has shape \(10, 1\); expected \(10, 2\)"):
        fitted.predict(data.x, static=data.static[:, :1])
    gap = data.static.copy()
    gap[3, 0] = np.nan
    with pytest.raises(
        DataError, match="missing or infinite for 1 of 10 sequences, first for sequ"
    ):
        fitted.predict(data.x, static=gap)
    with pytest.raises(DataError, match="missing or infinite for 1 of 10"):
        SequenceClassifier("gru(2)", **QUICK).fit(replace(data, static=gap))
    plain = SequenceClassifier("gru(2)", epochs=1, options=SILENT).fit(data.x, data.y)
    with pytest.raises(DataError, match="trained without static features: leave out `static`"):
        plain.predict(data.x, static=data.static)


def test_what_comes_before_them_can_be_looked_at(fitted: SequenceClassifier) -> None:
    """A layer says the same whatever is joined behind it."""
    data = signs(10, seed=1)
    assert data.static is not None
    states = np.asarray(fitted.embed(data, "dense_1"))
    weights = fitted.network_.get_weights()
    assert fitted.static_ is not None
    joined = np.concatenate([states, fitted.static_.apply(data.static)], axis=1)
    logits = joined @ weights["head/kernel"] + weights["head/bias"]
    found = fitted.predict_proba(data)[:, 1]
    np.testing.assert_allclose(1 / (1 + np.exp(-logits[:, 0])), found, atol=1e-6)


def test_features_that_are_no_numbers_are_named() -> None:
    data = signs(10, seed=1)
    with pytest.raises(DataError, match="`static` holds no numbers .*one feature of 0 and 1"):
        SequenceClassifier("gru(2)", **QUICK).fit(data.x, data.y, static=[["red"]] * 10)


# -- on the way ---------------------------------------------------------------------------------


@pytest.mark.parametrize("network", ["gru(4)", "gru(4) dense(3, tanh)", "bilstm(2) pool(mean)"])
def test_belief_on_the_way_is_that_of_the_beginning(network: str) -> None:
    """With the features of the sequence; in one pass, or from each prefix anew."""
    data = signs(12, seed=1)
    assert data.static is not None
    classifier = SequenceClassifier(network, epochs=2, options=SILENT).fit(data)
    beliefs = classifier.anytime(data)
    for steps, known, found in zip(data.x, data.static, beliefs, strict=True):
        for end in range(1, len(steps) + 1):
            wanted = classifier.predict_proba([steps[:end]], static=[known])[0]
            np.testing.assert_allclose(found[end - 1], wanted, atol=TOLERANCE["float32"])
    some = classifier.anytime(data.x, 2, data.static)
    np.testing.assert_array_equal(some[0][-1], beliefs[0][-1])


def test_a_stream_knows_them_from_the_beginning(fitted: SequenceClassifier) -> None:
    """One sequence, then another with its own features, then one with the same."""
    data = signs(3, seed=1)
    assert data.static is not None
    wanted = fitted.predict_proba(data)
    stream = fitted.stream(static=data.static[0])
    np.testing.assert_allclose(stream.extend(data.x[0]), wanted[0], atol=TOLERANCE["float32"])
    stream.reset(static=data.static[1])
    np.testing.assert_allclose(stream.extend(data.x[1]), wanted[1], atol=TOLERANCE["float32"])
    stream.reset()
    again = fitted.predict_proba([data.x[2]], static=data.static[1:2])
    np.testing.assert_allclose(stream.extend(data.x[2]), again[0], atol=TOLERANCE["float32"])
    with pytest.raises(DataError, match=r"`static` has shape \(1, 1\); expected \(1, 2\)"):
        stream.reset(static=[1.0])
    assert stream.steps == len(data.x[2])


def test_members_of_an_ensemble_get_them_all() -> None:
    data = signs(20, seed=1)
    assert data.static is not None
    ensemble = segue.fit_seeds(
        SequenceClassifier("gru(3)", epochs=2, options=SILENT), data, seeds=2
    ).ensemble()
    wanted = ensemble.predict_proba(data)
    beliefs = ensemble.anytime(data)
    np.testing.assert_allclose([steps[-1] for steps in beliefs], wanted, atol=TOLERANCE["float32"])
    stream = ensemble.stream(static=data.static[0])
    np.testing.assert_allclose(stream.extend(data.x[0]), wanted[0], atol=TOLERANCE["float32"])


def test_training_in_pieces_is_training_whole() -> None:
    """Where a piece is as long as the longest sequence: the same bits; shorter: it learns."""
    data = signs(40, seed=1)

    def learn(truncate: int | None) -> SequenceClassifier:
        options = TrainingOptions(progress="none", truncate=truncate)
        return SequenceClassifier("gru(3)", epochs=2, validation=None, options=options).fit(data)

    whole, pieces = learn(None).network_.get_weights(), learn(99).network_.get_weights()
    for name, weights in whole.items():
        np.testing.assert_allclose(weights, pieces[name], atol=1e-5)
    short = learn(2).network_.get_weights()
    born = Network(as_specs("gru(3)"), Shape(1), 1, static=2).get_weights()
    assert np.abs(short["head/kernel"] - born["head/kernel"]).max() > 1e-3


# -- why ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("explain", [integrated_gradients, occlusion])
def test_explanations_leave_them_as_they_are(
    fitted: SequenceClassifier, explain: Callable[..., Attribution]
) -> None:
    """The change is that of the sequence; its steps share it out where the method says so."""
    data = signs(10, seed=1)
    assert data.static is not None
    found = explain(fitted, data, target="up")
    given = explain(fitted, data.x, target="up", static=data.static)
    np.testing.assert_array_equal(found.values.values, given.values.values)
    nothing = Sequences(
        np.full_like(data.x.values, fitted.preparation_.fitted[0]["mean"]), data.x.offsets
    )
    known, unknown = (fitted.predict_proba(x, data.static)[:, 1] for x in (data.x, nothing))
    logits = np.log(known / (1 - known)) - np.log(unknown / (1 - unknown))
    np.testing.assert_allclose(found.change, logits, atol=1e-4)
    if explain is integrated_gradients:
        assert found.difference < 1e-3


def test_the_head_can_be_looked_at(fitted: SequenceClassifier) -> None:
    data = signs(10, seed=1)
    logits = np.asarray(fitted.embed(data, "head"))
    found = fitted.predict_proba(data)[:, 1]
    np.testing.assert_allclose(1 / (1 + np.exp(-logits[:, 0])), found, atol=1e-6)


def test_who_asks_without_them_is_told(fitted: SequenceClassifier) -> None:
    data = signs(10, seed=1)
    asks: tuple[Callable[[Sequences], object], ...] = (
        fitted.anytime,
        lambda _: fitted.stream(),
        lambda x: integrated_gradients(fitted, x),
        lambda x: occlusion(fitted, x),
    )
    for ask in asks:
        with pytest.raises(DataError, match="was trained with 2 static features of each sequence"):
            ask(data.x)
    with pytest.raises(DataError, match="joins 2 static features .* pass them as `static`"):
        fitted.embed(data.x, "head")


def test_who_cannot_use_them_says_so() -> None:
    data = signs(10, seed=1)
    with pytest.raises(DataError, match="a SequenceLabeler cannot use them"):
        codes = Sequences(np.zeros((data.x.total_steps, 1), np.int32), data.x.offsets)
        SequenceLabeler("gru(2)").fit(replace(data, y=codes, classes=("a", "b")))
    with pytest.raises(DataError, match="a Forecaster cannot use them"):
        Forecaster("gru(2)", size=2).fit(replace(data, y=None, classes=None))


@pytest.mark.filterwarnings("ignore:The forecast is not clearly better")
@pytest.mark.parametrize(
    "data", [Dataset([[0.0, 1.0, 0.0] * 9]), Dataset(Sequences.from_texts(["a b a b"]))]
)
def test_estimators_without_static_features_refuse_them_in_score(data: Dataset) -> None:
    kind = LanguageModel if data.x.is_text else Forecaster
    quiet = TrainingOptions(progress="none")
    fitted = kind("gru(2)", size=4, epochs=1, options=quiet).fit(data)  # type: ignore[operator]
    with pytest.raises(DataError, match="trained without static features"):
        fitted.score(data, static=[[1.0]])
