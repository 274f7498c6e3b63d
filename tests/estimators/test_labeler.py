"""A label for each step: what it learns, what it keeps, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

import segue
from segue import Dataset, SequenceLabeler, Sequences, TrainingOptions
from segue.data.encoding import as_step_labels
from segue.errors import DataError, NotFittedError, SpecError
from segue.tasks.label import encode_labels
from segue.testing.report import TOLERANCE

SILENT = TrainingOptions(progress="none")


def delayed_signs(n: int, delay: int, *, seed: int) -> tuple[list[Any], list[Any]]:
    """The label of a step is the sign of the input `delay` steps ago; "none yet" before that."""
    draws = np.random.default_rng(seed)
    x = [draws.normal(size=length) for length in draws.integers(delay + 1, 30, n)]
    y = [np.array(["?"] * delay + np.where(v > 0, "up", "down").tolist())[: len(v)] for v in x]
    return x, y


def quick(network: Any = "bigru(4)", **more: Any) -> SequenceLabeler:
    return SequenceLabeler(network, **{"epochs": 3, "options": SILENT, **more})


@pytest.fixture(scope="module")
def fitted() -> SequenceLabeler:
    return quick(ignore="?").fit(*delayed_signs(40, 2, seed=0))


# -- what it learns -------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("network", ["lstm(24)", "bilstm(16)"])
def test_a_delay_is_learnt(network: str) -> None:
    """The sign of the input three steps ago: a causal network must remember it, and can."""
    labeler = quick(network, epochs=60, learning_rate=0.02, ignore="?")
    labeler.fit(*delayed_signs(200, 3, seed=0))
    assert labeler.score(*delayed_signs(100, 3, seed=1)) > 0.97


def test_a_causal_network_does_not_see_what_comes() -> None:
    """Labels of the first steps stay when later steps change; a bidirectional one may change."""
    x, y = delayed_signs(30, 1, seed=0)
    changed = [np.r_[v[:1], v[1:] + 5] for v in x]
    causal = quick("gru(4)", ignore="?").fit(x, y)
    both = quick("bigru(4)", ignore="?").fit(x, y)
    first = [[p[0] for p in one.predict_proba(s)] for one in (causal, both) for s in (x, changed)]
    assert np.array_equal(first[0], first[1])
    assert not np.array_equal(first[2], first[3])


def test_the_answers_do_not_depend_on_the_batch(fitted: SequenceLabeler) -> None:
    """Each sequence alone, in one call, turned round, and padded on either side."""
    x = Sequences.from_list(delayed_signs(40, 2, seed=3)[0])
    alone = np.concatenate([fitted.predict_proba(x[i : i + 1]).values for i in range(len(x))])
    for same in (
        x,
        Sequences.from_padded(*x.to_padded(side="left", value=1e6)),
        Sequences.from_padded(*x.to_padded(side="right", value=1e6)),
    ):
        assert np.abs(fitted.predict_proba(same).values - alone).max() <= TOLERANCE["float32"]
    turned = fitted.predict_proba(x[::-1])[::-1]
    assert np.abs(turned.values - alone).max() <= TOLERANCE["float32"]


def test_the_answers_have_the_shape_of_the_sequences(fitted: SequenceLabeler) -> None:
    x, _ = delayed_signs(9, 2, seed=4)
    probabilities, labels = fitted.predict_proba(x), fitted.predict(x)
    assert probabilities.lengths.tolist() == [len(v) for v in x] == [len(v) for v in labels]
    assert np.allclose(probabilities.values.sum(axis=1), 1, atol=1e-6)
    assert {label for row in labels for label in row} <= {"down", "up"}


# -- what counts ----------------------------------------------------------------------------------


def test_steps_that_are_ignored_have_no_influence() -> None:
    """Other inputs cannot be swapped in, but other ignored labels can: the weights are the same."""
    x, y = delayed_signs(20, 2, seed=0)
    with_none: list[Any] = [[None if label == "?" else label for label in row] for row in y]
    first, second = quick(ignore="?").fit(x, y), quick().fit(x, with_none)
    assert first.classes_.tolist() == second.classes_.tolist() == ["down", "up"]
    assert first.class_counts_ == second.class_counts_
    for name, weight in first.network_.get_weights().items():
        assert np.array_equal(weight, second.network_.get_weights()[name])


def test_a_weight_of_zero_is_as_no_label() -> None:
    """Per-step weights reach the loss: up to the scale, which the mean over answers changes."""
    x, y = delayed_signs(20, 2, seed=0)
    plain = quick(ignore="?", options=TrainingOptions(progress="none", clip_norm=None))
    zero = [np.where(np.arange(len(row)) % 2, 2.0, 0.0) for row in y]
    odd: list[Any] = [[v if i % 2 else None for i, v in enumerate(row)] for row in y]
    a = clone(plain).fit(x, y, sample_weight=zero).history_["loss"][0]
    b = clone(plain).fit(x, odd).history_["loss"][0]
    c = clone(plain).fit(x, y).history_["loss"][0]
    assert a != c
    assert a == pytest.approx(b, rel=0.05)


def test_a_weight_for_each_sequence_is_one_for_each_of_its_steps() -> None:
    x, y = delayed_signs(20, 2, seed=0)
    weights = np.linspace(1, 3, 20)
    steps = [np.full(len(v), weight) for v, weight in zip(x, weights, strict=True)]
    a = quick(ignore="?").fit(x, y, sample_weight=weights)
    b = quick(ignore="?").fit(x, y, sample_weight=steps)
    assert np.allclose(a.predict_proba(x).values, b.predict_proba(x).values, atol=1e-5)


def test_balanced_classes_find_the_rare_one() -> None:
    """One step in 20 is rare, and can be told only with a doubt."""
    draws = np.random.default_rng(0)
    y = [np.where(draws.random(30) < 0.05, "rare", "usual") for _ in range(60)]
    x = [(row == "rare") * 1.5 + draws.normal(size=30) for row in y]
    found = []
    for weight in (None, "balanced"):
        labeler = quick("dense(4, tanh)", class_weight=weight, epochs=30, learning_rate=0.03).fit(
            x, y
        )
        predicted, wanted = np.concatenate(labeler.predict(x)), np.concatenate(y)
        found.append(np.mean(predicted[wanted == "rare"] == "rare"))
    assert found[0] < 0.3
    assert found[1] > 0.6


def test_scores_count_labelled_steps_only() -> None:
    x, y = delayed_signs(20, 2, seed=0)
    labeler = quick(ignore="?").fit(x, y)
    right = [
        p == t
        for predicted, row in zip(labeler.predict(x), y, strict=True)
        for p, t in zip(predicted, row, strict=True)
        if t != "?"
    ]
    assert labeler.score(x, y) == pytest.approx(np.mean(right))
    first = [np.r_[1.0, np.zeros(len(v) - 1)] for v in x]
    with pytest.raises(DataError, match="not all zero"):  # the first step of each has no label
        labeler.score(x, y, sample_weight=first)


# -- data sets, groups, files ---------------------------------------------------------------------


def test_classes_of_a_data_set_may_come_in_another_order(fitted: SequenceLabeler) -> None:
    x, y = delayed_signs(10, 2, seed=5)
    codes, _, _ = as_step_labels(y, ignore="?")
    turned = Sequences(np.array([1, 0, -1], np.int32)[codes.values[:, 0]], codes.offsets)
    data = Dataset(Sequences.from_list(x), turned, ("up", "down"))
    assert fitted.score(data) == fitted.score(x, y)
    assert encode_labels(data, ["down", "up"]).tolist() == codes.values[:, 0].tolist()


def test_validation_is_by_group() -> None:
    x, y = delayed_signs(120, 1, seed=0)
    labeler = quick(ignore="?", epochs=1).fit(x, y, groups=np.arange(120) // 10)
    summary = dict(labeler.training_summary_)
    assert summary["validation"] == "10 of the training sequences (10%, by group)"
    assert "validation_accuracy" in labeler.history_.columns


def test_saved_and_loaded_it_answers_with_the_same_bits(
    fitted: SequenceLabeler, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "model.safetensors")
    loaded = segue.load(tmp_path / "model.safetensors")
    x, _ = delayed_signs(10, 2, seed=6)
    assert isinstance(loaded, SequenceLabeler)
    assert loaded.ignore == "?"
    assert loaded.class_counts_ == fitted.class_counts_
    assert np.array_equal(loaded.predict_proba(x).values, fitted.predict_proba(x).values)


def test_scikit_learn_can_clone_and_cross_validate() -> None:
    x, y = delayed_signs(24, 1, seed=0)
    scores = cross_val_score(quick(ignore="?"), x, y, cv=3)
    assert scores.shape == (3,)
    assert np.isfinite(scores).all()


# -- what it refuses ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([["a", "b"], ["a"]], "Sequence 1 has 3 steps and 1 labels"),
        ([["a", "a"], ["a"] * 3], "All labelled steps belong to 1 class"),
        ([[None, None], [np.nan] * 3], "no label at any of its 5 steps"),
        (
            [["a", "b"], [["a", "b", "a"]]],
            "labels of sequence 1 have shape (1, 3); expected (time,)",
        ),
        (None, "`y` is missing"),
    ],
)
def test_labels_that_do_not_fit(y: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        quick().fit([[0.0, 1.0], [1.0, 0.0, 1.0]], y)
    assert message in str(caught.value)


def test_labels_outside_the_given_classes() -> None:
    with pytest.raises(DataError, match=r"Labels \['c'\] are not among the classes"):
        quick(classes=["a", "b"]).fit([[0.0, 1.0, 2.0]], [["a", "b", "c"]])


def test_a_network_that_ends_the_sequence() -> None:
    with pytest.raises(SpecError, match="an output at every step is wanted"):
        quick("gru(4) pool(mean)").fit(*delayed_signs(10, 1, seed=0))


def test_a_network_that_changes_the_number_of_steps() -> None:
    with pytest.raises(SpecError, match="an output at every step is wanted.*leave the strides out"):
        quick("conv(4, 3, stride=2) gru(3)", ignore="?").fit(*delayed_signs(10, 1, seed=0))


def test_targets_of_another_task() -> None:
    with pytest.raises(DataError, match="needs a label for each step; the targets here are for"):
        quick().fit(Dataset([[1.0, 2.0], [3.0]], ["a", "b"]))


def test_weights_that_do_not_fit() -> None:
    x, y = delayed_signs(6, 1, seed=0)
    with pytest.raises(DataError, match=r"and 1 weights in `sample_weight`"):
        quick(ignore="?").fit(x, y, sample_weight=[[1.0]] * 6)
    fitted = quick(ignore="?", epochs=1).fit(x, y)
    with pytest.raises(DataError, match="has 5 entries; expected 6, one for each sequence or"):
        fitted.score(x, y, sample_weight=np.ones(5))
    with pytest.raises(DataError, match="none negative and not all zero"):
        fitted.score(x, y, sample_weight=np.zeros(6))


def test_before_fit_it_says_so() -> None:
    with pytest.raises(NotFittedError, match="This SequenceLabeler is not fitted yet"):
        quick().predict([[1.0]])
