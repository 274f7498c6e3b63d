"""Trees as arrays answer what scikit-learn's do, and know what they say without a case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier

import segue
from segue.errors import ModelFileError, SpecError
from segue.layers import BuildContext, Shape, Trees
from segue.layers.trees import TreesInference, log_shares
from segue.training.trees import as_arrays, grow_trees

QUIET = segue.TrainingOptions(progress="none")


def made_up(count: int = 200, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, classes, count)
    x = rng.normal(size=(count, 7)) + y[:, None] * rng.normal(size=7)
    x[:, 0] = np.round(x[:, 0])  # so that thresholds and values meet
    return x.astype(np.float32), y


@pytest.mark.parametrize("least", [1, 9])
def test_arrays_answer_as_scikit_learn_does(least: int) -> None:
    x, y = made_up()
    forest = ExtraTreesClassifier(11, random_state=0, min_samples_leaf=least).fit(x[:150], y[:150])
    weights = as_arrays(forest, 3)
    sizes = {"nodes": len(weights["below"]), "leaves": len(weights["leaf"])}
    spec = Trees(11, **sizes, classes=3, depth=max(tree.get_depth() for tree in forest.estimators_))
    layer = TreesInference(spec, BuildContext("trees_1", Shape(7, sequence=False)), weights)
    near = np.nextafter(weights["threshold"][weights["below"] >= 0], np.float32(9))[:1000]
    x = np.concatenate([x, np.tile(near[:, None], 7)])
    expected = log_shares(forest.predict_proba(x), 11)
    np.testing.assert_allclose(layer(x), expected, atol=1e-6)


def test_every_case_is_answered_by_trees_without_it() -> None:
    """Labels that nothing tells are not known, though each tree knows those of its own sample."""
    x, y = made_up(300, classes=2)
    y = np.random.default_rng(1).integers(0, 2, 300)
    for groups in (None, np.arange(300) // 30):
        grown = grow_trees(x, y, trees=50, count=2, seed=0, groups=groups)
        right = (grown.held_out.argmax(1) == y).mean()
        assert 0.35 < right < 0.65
        np.testing.assert_allclose(grown.held_out.sum(1), 1)


def waves(count: int = 60) -> tuple[list[Any], Any]:
    rng = np.random.default_rng(0)
    y = np.arange(count) % 3
    x = [
        np.sin(np.arange(n) * (0.3 + 0.4 * kind) + rng.random() * 6) + 0.3 * rng.standard_normal(n)
        for n, kind in zip(rng.integers(12, 40, count), y, strict=True)
    ]
    return x, np.array(["slow", "fast", "faster"])[y]


@pytest.mark.parametrize("classes", [2, 3])
def test_a_network_that_ends_in_trees(tmp_path: Path, classes: int) -> None:
    x, y = waves()
    x, y = (
        x[: 20 * classes],
        (y if classes == 3 else np.where(y == "slow", "a", "b"))[: 20 * classes],
    )
    fitted = segue.SequenceClassifier("quant(3) trees(40)", options=QUIET).fit(x, y)
    summary = dict(fitted.training_summary_)
    assert summary["head"].startswith("40 extremely randomised trees on ")
    assert fitted.score(x, y) > 0.95
    held_out = fitted.held_out_
    assert held_out is not None
    assert 0.5 < (held_out.outputs.argmax(1) == held_out.targets).mean() <= 1
    spec = fitted.network_.specs[-1]
    assert isinstance(spec, Trees)
    assert spec.classes == classes
    fitted.save(tmp_path / "model.safetensors")
    loaded = segue.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict_proba(x), fitted.predict_proba(x))
    again = segue.SequenceClassifier("quant(3) trees(40)", options=QUIET).fit(x, y)
    np.testing.assert_array_equal(again.predict_proba(x), fitted.predict_proba(x))
    torch = fitted.network_.to_torch()
    assert torch.get_weights().keys() == fitted.network_.get_weights().keys()


@pytest.mark.parametrize(
    ("network", "more", "message"),
    [
        ("quant trees dense(4, relu)", {}, "are grown behind features that are not trained"),
        ("conv(3, 3) quant trees", {}, "are grown behind features that are not trained"),
        ("quant trees batchnorm", {}, "trees stand last"),
        ("quant trees", {"head": "sigmoid"}, "answer one class for each sequence"),
        ("quant trees", {"prepare": "jitter(0.1)"}, "without augmentation"),
    ],
)
def test_trees_where_they_cannot_be_grown(network: str, more: Any, message: str) -> None:
    x, y = waves(12)
    with pytest.raises(SpecError, match=message):
        segue.SequenceClassifier(network, epochs=1, options=QUIET, **more).fit(x, y)


def test_damaged_trees_are_refused(tmp_path: Path) -> None:
    """A node that leads back would be followed for ever."""
    x, y = waves(12)
    fitted = segue.SequenceClassifier("quant(2) trees(3)", options=QUIET).fit(x, y)
    below = fitted.network_.get_weights()["trees_1/below"]
    below[np.flatnonzero(below >= 0)[-1]] = 0
    fitted.network_._weights["trees_1/below"] = below
    fitted.save(tmp_path / "model.safetensors")
    with pytest.raises(ModelFileError, match="trees_1: the trees are damaged"):
        segue.load(tmp_path / "model.safetensors").predict(x)


@pytest.mark.parametrize("threads", [1, 2])
def test_few_cases_of_many_classes_grow_without_a_warning(threads: int) -> None:
    x, _ = made_up(60)
    grown = grow_trees(x, np.arange(60) // 2, trees=20, count=30, seed=0, threads=threads)
    assert grown.held_out.sum(1) == pytest.approx(1)
