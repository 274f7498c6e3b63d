"""The promises at the level of the estimator, and scikit-learn's tools around it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from segue import Dataset, SequenceClassifier, Sequences, TrainingOptions
from segue.errors import NotFittedError, OptionError, TrainingError
from segue.prepare.padded import Padded
from segue.testing import check_estimator, strategies, tiny_dataset
from segue.testing.report import TOLERANCE
from segue.training import inference
from segue.training.history import HistoryWriter
from segue.training.inference import probabilities

Quick = Callable[..., SequenceClassifier]
SILENT = TrainingOptions(progress="none")


# All but the first with the whole suite: tests/contract has quick ones.
@pytest.mark.parametrize(
    ("network", "more"),
    [
        ("gru(4)", {}),
        pytest.param(
            "bilstm(3, dropout=0.2, recurrent_dropout=0.2)",
            {"prepare": "none"},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "lstm(3, output=every) pool(max) dense(4, relu)",
            {"head": "sigmoid", "batch_size": 7},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "rnn(4, initial_state=learnt)",
            {"prepare": "interpolate standardize"},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "bigru(3) dropout(0.3)",
            {"class_weight": "balanced", "classes": ["up", "down", "left"]},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "dense(3, tanh) pool(mean)",
            {"options": replace(SILENT, optimizer="sgd", momentum=0.9)},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_an_estimator_keeps_every_promise(quick: Quick, network: str, more: Any) -> None:
    """Padding, stream, seed, parts, groups, save and load, clone."""
    assert check_estimator(quick(network, **more)).largest() <= 1


@pytest.mark.slow
def test_an_estimator_of_tokens_keeps_every_promise(quick: Quick) -> None:
    """int32 goes the same way."""
    data = tiny_dataset(42, tokens=9)
    assert check_estimator(quick("embedding(3) bigru(2)"), data).largest() <= 1


def reference(fitted: SequenceClassifier, x: Sequences) -> np.ndarray[Any, Any]:
    """Each sequence alone, in float64, without a batch or padding."""
    network = fitted.network_.to_torch().double()
    rows = []
    for steps in fitted.preparation_.apply(x):
        values = torch.tensor(steps, dtype=torch.float64)[None]
        with torch.no_grad():
            logits = network(Padded(values, torch.tensor([len(steps)])))
        kind = "binary" if logits.shape[1] == 1 else fitted.head
        rows.append(probabilities(logits, kind))
    return np.concatenate(rows)


@pytest.fixture(scope="module")
def trained() -> list[tuple[SequenceClassifier, Dataset]]:
    """Classifiers that have learnt something, so that their answers differ."""
    data = tiny_dataset(60, lengths=(1, 40), channels=3, classes=("a", "b", "c"), seed=4)
    texts = [
        "bilstm(8)",
        "gru(8, output=every) pool(mean)",
        "lstm(6) lstm(6) dense(5, relu)",
        "bigru(5, merge=none) birnn(4)",
        "rnn(6, activation=relu)",
    ]
    fitted = [
        SequenceClassifier(text, epochs=12, learning_rate=0.01, options=SILENT).fit(data)
        for text in texts
    ]
    return [(one, data) for one in fitted]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("steps", [1, 50, 1_000, 10**9])
def test_the_size_of_internal_batches_does_not_matter(
    trained: Any, monkeypatch: pytest.MonkeyPatch, number: int, steps: int
) -> None:
    """Probabilities against each sequence alone in float64."""
    fitted, data = trained[number]
    monkeypatch.setattr(inference, "STEPS_AT_ONCE", steps)
    difference = np.abs(fitted.predict_proba(data.x) - reference(fitted, data.x)).max()
    assert difference <= TOLERANCE["float32"]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("number", range(5))
@settings(max_examples=15)
@given(x=strategies.sequences(most=60, limit=1e4))
def test_any_sequences_are_answered_as_each_alone(trained: Any, number: int, x: Sequences) -> None:
    """Odd lengths, large values, one or many; padded on either side, and turned round."""
    fitted, _ = trained[number]
    x = Sequences(np.repeat(x.values[:, :1], 3, axis=1), x.offsets)
    wanted = reference(fitted, x)
    padded, mask = x.to_padded(side="left", value=1e9)
    for got in (
        fitted.predict_proba(x),
        fitted.predict_proba(x[::-1])[::-1],
        fitted.predict_proba(Sequences.from_padded(padded, mask)),
    ):
        assert np.abs(got - wanted).max() <= TOLERANCE["float32"]


def test_another_seed_gives_other_bits(quick: Quick) -> None:
    """Or the seed would mean nothing."""
    data = tiny_dataset(24)
    a, b = quick(seed=1).fit(data), quick(seed=2).fit(data)
    assert not np.array_equal(a.predict_proba(data), b.predict_proba(data))


@pytest.mark.parametrize("classes", [("down", "up"), (0.0, 1.0), (3, 8)])
def test_validation_keeps_the_share_of_each_class(quick: Quick, classes: Any) -> None:
    """Whatever the labels are: text, floats or whole numbers."""
    data = tiny_dataset(200)
    rare = np.arange(200) % 20 == 0
    y = np.where(rare, classes[1], classes[0])
    fitted = quick("pool", epochs=1, validation=0.5).fit(data.x, y)
    assert fitted.class_counts_ == {classes[0]: 95, classes[1]: 5}


def test_auto_validation_says_what_it_does(quick: Quick) -> None:
    """10 % from a hundred sequences and five of each class on; the source's own part."""

    def line(data: Dataset, **more: Any) -> str:
        return dict(quick("pool", epochs=1, **more).fit(data).training_summary_)["validation"]

    assert line(tiny_dataset(100)).startswith("10 of the training sequences (10%, stratified)")
    assert line(tiny_dataset(99)).startswith("none (fewer than 100 sequences)")
    few = tiny_dataset(100)
    few.y[:] = np.where(np.arange(100) < 4, "down", "up")
    assert line(few).startswith("none (a class with fewer than 5 sequences)")
    assert "the source's own part" in line(tiny_dataset(48, parts=True))
    assert "by group" in line(tiny_dataset(120, group_size=6))
    assert line(tiny_dataset(100), validation=None).startswith("none")
    assert line(tiny_dataset(20), validation=0.25).startswith("5 of the training sequences (25%")


def test_groups_that_are_classes_do_not_lose_a_class_unsaid(quick: Quick) -> None:
    """Where setting a group aside takes the last sequences of a class, auto sets none aside."""
    data = tiny_dataset(120)
    groups = np.where(data.y == "up", "speaker 1", "speaker 2")
    fitted = quick("pool", epochs=1).fit(data.x, data.y, groups=groups)
    assert fitted.class_counts_ == {"down": 60, "up": 60}
    with pytest.warns(
        UserWarning, match="have all sequences of class (down|up): it cannot be learnt"
    ):
        quick("pool", epochs=1, validation=0.3).fit(data.x, data.y, groups=groups)


def test_validation_data_is_not_learnt_from(quick: Quick) -> None:
    """Only which epoch is best may depend on it."""
    data, other = tiny_dataset(24), tiny_dataset(12, seed=9)
    flipped = replace(other, y=np.where(other.y == "up", "down", "up"))
    a = quick(epochs=1).fit(data, validation_data=other)
    b = quick(epochs=1).fit(data, validation_data=(flipped.x, flipped.y))
    np.testing.assert_array_equal(a.predict_proba(data), b.predict_proba(data))
    assert a.history_["validation_loss"] != b.history_["validation_loss"]


# -- weights -------------------------------------------------------------------------------------


def test_balanced_classes_count_the_same(quick: Quick) -> None:
    """Three of one and one of the other: the same as weights of 1 and 3."""
    data = tiny_dataset(24)
    y = np.where(np.arange(24) % 4 == 0, "rare", "usual")
    balanced = quick(class_weight="balanced").fit(data.x, y)
    given = quick(class_weight={"rare": 3.0, "usual": 1.0}).fit(data.x, y)
    by_hand = quick().fit(data.x, y, sample_weight=np.where(y == "rare", 6, 2))
    plain = quick().fit(data.x, y)
    for other in (given, by_hand):
        np.testing.assert_allclose(
            balanced.predict_proba(data), other.predict_proba(data), atol=1e-6
        )
    assert np.abs(balanced.predict_proba(data) - plain.predict_proba(data)).max() > 1e-3


def test_sequences_of_weight_zero_have_no_influence(quick: Quick) -> None:
    """Their labels may be wrong; their values still count in the preparation."""
    data = tiny_dataset(24)
    weights = (np.arange(24) < 16).astype(float)
    wrong = data.y.copy()
    wrong[16:] = np.where(wrong[16:] == "up", "down", "up")
    a = quick().fit(data, sample_weight=weights)
    b = quick().fit(data.x, wrong, sample_weight=weights)
    np.testing.assert_array_equal(a.predict_proba(data), b.predict_proba(data))


def test_weights_follow_their_sequences_through_parts_and_splits(quick: Quick) -> None:
    """Given for all of a data set with parts, or for its training part."""
    data = tiny_dataset(48, parts=True)
    weights = np.linspace(0.1, 2, 48)
    a = quick().fit(data, sample_weight=weights)
    b = quick().fit(data, sample_weight=weights[data.parts == "train"])
    np.testing.assert_array_equal(a.predict_proba(data), b.predict_proba(data))


# -- how it ends ---------------------------------------------------------------------------------


def test_an_interrupted_training_leaves_a_usable_model(
    quick: Quick, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """`stopped_` says so, the best weights are there, it answers and can be saved."""
    write = HistoryWriter.on_epoch

    def interrupt(self: Any, row: Any, state: Any) -> None:
        write(self, row, state)
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(HistoryWriter, "on_epoch", interrupt)
    data = tiny_dataset(24)
    with pytest.warns(UserWarning, match="after 2 of 9 epochs; the last weights are kept"):
        fitted = quick(epochs=9, options=replace(SILENT, schedule="constant")).fit(
            data, folder=tmp_path
        )
    assert fitted.stopped_ == "interrupted"
    assert len(fitted.history_) == 2
    monkeypatch.undo()
    two = quick(epochs=2, options=replace(SILENT, schedule="constant")).fit(data)
    np.testing.assert_array_equal(fitted.predict_proba(data), two.predict_proba(data))
    fitted.save(tmp_path / "model.safetensors")


def test_an_interrupt_within_the_first_epoch_is_said(
    quick: Quick, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No epoch was the best so far; the model answers all the same."""

    def interrupt(self: Any, epoch: int, share: float, means: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(HistoryWriter, "on_update", interrupt)
    x, y = np.random.default_rng(0).normal(size=(40, 5, 1)), np.arange(40) % 2
    with pytest.warns(UserWarning, match="interrupted within the first epoch; the little"):
        fitted = quick(epochs=3).fit(x, y, folder=tmp_path)
    assert (fitted.stopped_, len(fitted.history_)) == ("interrupted", 0)
    assert fitted.predict(x).shape == (40,)


def test_a_failed_training_says_so_and_leaves_nothing(quick: Quick) -> None:
    """Weights that are no numbers are no model; what was fitted before stays."""
    data = tiny_dataset(24)
    options = replace(SILENT, optimizer="sgd", clip_norm=None, schedule="constant")
    broken = quick("rnn(4, activation=relu)", learning_rate=1e30, options=options, epochs=50)
    with pytest.raises(TrainingError, match="is not finite.*lower learning rate than 1e.30"):
        broken.fit(data)
    with pytest.raises(NotFittedError):
        broken.predict_proba(data)


# -- scikit-learn --------------------------------------------------------------------------------


def ragged() -> tuple[Any, Any]:
    data = tiny_dataset(30)
    return data.x.to_list(), data.y


def array() -> tuple[Any, Any]:
    data = tiny_dataset(30, lengths=(6, 6))
    return np.stack(data.x.to_list()), data.y


@pytest.mark.parametrize("forms", [ragged, array])
def test_cross_validation(quick: Quick, forms: Any) -> None:
    """Ragged lists and 3-D arrays, and the fitted ones can be handed back."""
    x, y = forms()
    scores = cross_val_score(quick("gru(6)", epochs=30, learning_rate=0.02), x, y, cv=3)
    assert scores.shape == (3,)
    assert scores.mean() > 0.8
    done = cross_validate(quick("dense(3, softmax) pool"), x, y, cv=2, return_estimator=True)
    assert all(one.predict(x).shape == (30,) for one in done["estimator"])


@pytest.mark.parametrize("forms", [ragged, array])
def test_grid_search(quick: Quick, forms: Any) -> None:
    """Over the network and a nested option; the best one is fitted anew and answers."""
    x, y = forms()
    grid = {
        "network": ["pool(mean)", "gru(4)"],
        "options__patience": [2, 5],
        "epochs": np.array([1, 2]),
    }
    search = GridSearchCV(quick(), grid, cv=2, error_score="raise").fit(x, y)
    assert len(search.cv_results_["params"]) == 8
    assert search.predict(x).shape == (30,)
    assert search.best_estimator_.get_params()["options__patience"] in (2, 5)


def test_a_search_result_can_be_saved(quick: Quick, tmp_path: Any) -> None:
    """Its parameters are NumPy's numbers then."""
    x, y = ragged()
    grid = {"epochs": np.array([2]), "learning_rate": np.array([0.01]), "seed": np.array([3])}
    grid["options__patience"] = np.array([4])
    best = GridSearchCV(quick(), grid, cv=2, error_score="raise").fit(x, y).best_estimator_
    best.save(tmp_path / "model.safetensors")


@pytest.mark.parametrize("forms", [ragged, array])
def test_pipeline(quick: Quick, forms: Any) -> None:
    """Behind a step that takes lists or arrays as they are."""
    x, y = forms()
    doubled = FunctionTransformer(lambda items: [2 * np.asarray(item) for item in items])
    pipeline = Pipeline([("double", doubled), ("classify", quick())]).fit(x, y)
    assert pipeline.predict(x).shape == (30,)
    assert 0 <= pipeline.score(x, y) <= 1
    pipeline.set_params(classify__options__patience=3)
    assert pipeline.get_params()["classify__options__patience"] == 3


def test_a_fitted_one_can_be_copied_and_pickled(quick: Quick) -> None:
    """Workers of joblib hand it over so; segue itself never unpickles a file."""
    import pickle

    data = tiny_dataset(24)
    fitted = quick("bilstm(3) dense(4, softmax) dense(3)").fit(data)
    wanted = fitted.predict_proba(data)
    for other in (copy.deepcopy(fitted), pickle.loads(pickle.dumps(fitted))):
        np.testing.assert_array_equal(other.predict_proba(data), wanted)


def test_parameters() -> None:
    """Nested ones, near misses, and what a clone keeps."""
    one = SequenceClassifier("gru(3)", options=TrainingOptions(patience=7))
    assert one.get_params(deep=False).keys() < one.get_params().keys()
    assert one.get_params()["options__patience"] == 7
    assert clone(one).get_params() == one.get_params()
    one.set_params(options__patience=3, epochs=5)
    assert (one.options, one.epochs) == (TrainingOptions(patience=3), 5)
    with pytest.raises(OptionError, match="no parameter 'epoch'. Did you mean \"epochs\""):
        one.set_params(epoch=3)
    with pytest.raises(OptionError, match="`patience` is 0"):
        one.set_params(options__patience=0)
    assert repr(SequenceClassifier("gru(3)", epochs=7)) == (
        "SequenceClassifier(network='gru(3)', epochs=7)"
    )
