"""Several labels at once: independent outputs, probabilities that stand for themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score
from sklearn.model_selection import cross_val_score

import segue
from segue import Dataset, SequenceClassifier, Sequences, TrainingOptions
from segue.errors import DataError, OptionError
from segue.testing.report import TOLERANCE

SILENT = TrainingOptions(progress="none")


def signs(n: int, *, seed: int) -> tuple[list[Any], Any]:
    """Three channels; a label for each: whether its mean is above 0."""
    draws = np.random.default_rng(seed)
    levels = draws.choice([-1.0, 1.0], (n, 3))
    x = [level + draws.normal(size=(draws.integers(3, 12), 3)) for level in levels]
    return x, (levels > 0).astype(int)


def quick(**more: Any) -> SequenceClassifier:
    given = {"head": "sigmoid", "epochs": 12, "learning_rate": 0.02, "options": SILENT}
    return SequenceClassifier("gru(8)", **{**given, **more})


@pytest.fixture(scope="module")
def fitted() -> SequenceClassifier:
    return quick(classes=["a", "b", "c"]).fit(*signs(120, seed=0))


def test_independent_labels_are_learnt(fitted: SequenceClassifier) -> None:
    x, y = signs(100, seed=1)
    probabilities, predicted = fitted.predict_proba(x), fitted.predict(x)
    assert np.array_equal(predicted, (probabilities > 0.5).astype(int))
    assert not np.allclose(probabilities.sum(axis=1), 1)
    assert (predicted == y).mean() > 0.9
    assert fitted.score(x, y) == accuracy_score(y, predicted)
    assert list(fitted.class_counts_) == ["a", "b", "c"]


def test_all_labels_and_none_at_all_can_be_said(fitted: SequenceClassifier) -> None:
    """What a softmax cannot say."""
    every, none = fitted.predict([np.full((6, 3), 2.0), np.full((6, 3), -2.0)])
    assert every.tolist() == [1, 1, 1]
    assert none.tolist() == [0, 0, 0]


def test_the_answers_do_not_depend_on_the_batch(fitted: SequenceClassifier) -> None:
    x = Sequences.from_list(signs(30, seed=3)[0])
    alone = np.concatenate([fitted.predict_proba(x[i : i + 1]) for i in range(len(x))])
    assert np.abs(fitted.predict_proba(x) - alone).max() <= TOLERANCE["float32"]


def test_the_last_belief_is_the_answer(fitted: SequenceClassifier) -> None:
    x, _ = signs(5, seed=3)
    last = [steps[-1] for steps in fitted.anytime(x)]
    assert np.allclose(last, fitted.predict_proba(x), atol=1e-6)
    stream = fitted.stream()
    assert np.allclose([stream.push(step) for step in x[0]][-1], last[0], atol=1e-6)


def test_labels_of_a_data_set_may_come_in_another_order(fitted: SequenceClassifier) -> None:
    x, y = signs(30, seed=4)
    turned = Dataset(Sequences.from_list(x), y[:, ::-1], classes=("c", "b", "a"))
    assert fitted.score(turned) == fitted.score(x, y)
    with pytest.raises(DataError, match=r"The labels are \[0, 1, 2\]; those that are trained"):
        fitted.score(Dataset(Sequences.from_list(x), y))


def test_saved_and_loaded_it_answers_with_the_same_bits(
    fitted: SequenceClassifier, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "model.safetensors")
    loaded, (x, y) = segue.load(tmp_path / "model.safetensors"), signs(10, seed=6)
    assert np.array_equal(loaded.predict_proba(x), fitted.predict_proba(x))
    assert loaded.score(x, y) == fitted.score(x, y)


def test_scikit_learn_can_cross_validate() -> None:
    assert cross_val_score(quick(), *signs(60, seed=0), cv=2).min() > 0.3


def test_what_is_refused() -> None:
    x, y = signs(20, seed=0)
    with pytest.raises(OptionError, match="several labels at once: take head='sigmoid'"):
        quick(head="softmax").fit(x, y)
    with pytest.raises(OptionError, match="weigh the sequences with `sample_weight`"):
        quick(class_weight="balanced").fit(x, y)
    with pytest.raises(DataError, match=r"has 3 labels .* and there are 2 names"):
        quick(classes=["a", "b"]).fit(x, y)
    with pytest.raises(DataError, match=r"expected \[n\], one label .* or \[n, label\] of 0 and 1"):
        quick().fit(x, y + 1)
