"""Layers that training leaves as they are are asked once, and nothing else comes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import segue
from segue.modules.random_conv import RandomConvLayer
from segue.training import validation
from segue.training.validation import fixed_layers

NETWORK = "random_conv(20) batchnorm dropout(0.2) dense(3, relu)"


def made_up(count: int = 60) -> tuple[list[np.ndarray], np.ndarray]:
    generator = np.random.default_rng(0)
    y = np.arange(count) % 2
    x = [generator.normal(label, 1, (generator.integers(5, 20), 2)) for label in y]
    return x, y


def fitted(**more: Any) -> segue.SequenceClassifier:
    x, y = made_up()
    options = segue.TrainingOptions(progress="none", **more.pop("options", {}))
    return segue.SequenceClassifier(
        NETWORK, epochs=3, batch_size=8, validation=0.25, seed=0, options=options, **more
    ).fit(x, y, static=more.get("static"))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many sequences the random convolutions have seen, call by call."""
    seen: list[int] = []
    forward = RandomConvLayer.forward

    def counted(layer: RandomConvLayer, x: Any, draws: Any = None) -> Any:
        seen.append(len(x.values))
        return forward(layer, x, draws)

    monkeypatch.setattr(RandomConvLayer, "forward", counted)
    return seen


def test_every_sequence_is_looked_at_once(calls: list[int]) -> None:
    fitted()
    assert sum(calls) == 60


def test_the_same_comes_of_it(monkeypatch: pytest.MonkeyPatch, calls: list[int]) -> None:
    """Weights, history and predictions, against a training that asks every time."""
    once = fitted()
    monkeypatch.setattr(validation, "_MOST_BYTES", 0)
    calls.clear()
    always = fitted()
    assert sum(calls) == 3 * 60  # in every epoch
    for one, other in zip(once.history_.rows, always.history_.rows, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-5)
        assert one["validation_loss"] == pytest.approx(other["validation_loss"], rel=1e-5)
    x, _ = made_up()
    np.testing.assert_allclose(once.predict_proba(x), always.predict_proba(x), atol=1e-5)


def test_static_features_go_with_it() -> None:
    """The sequences themselves say nothing of these labels."""
    x, _ = made_up()
    y = np.arange(len(x)) // 2 % 2
    options = segue.TrainingOptions(progress="none")
    classifier = segue.SequenceClassifier(
        NETWORK, epochs=30, learning_rate=0.05, validation=None, options=options
    )
    classifier.fit(x, y, static=y[:, None].astype(np.float32))
    told = classifier.predict(x, static=y[:, None].astype(np.float32))
    swapped = classifier.predict(x, static=1.0 - y[:, None].astype(np.float32))
    assert (told == y).mean() > (swapped == y).mean()


def test_what_changes_sequences_in_training_is_seen(calls: list[int]) -> None:
    """With augmentation every epoch is another one."""
    fitted(prepare="standardize jitter(0.1)")
    assert sum(calls) == 3 * 60


@pytest.mark.parametrize(
    ("network", "count"),
    [(NETWORK, 1), ("lstm(3)", 0), ("conv(3, 3) random_conv(4)", 0), ("random_conv(4)", 1)],
)
def test_only_the_beginning_counts(network: str, count: int) -> None:
    x, y = made_up(12)
    options = segue.TrainingOptions(progress="none")
    classifier = segue.SequenceClassifier(network, epochs=1, validation=None, options=options)
    assert fixed_layers(classifier.fit(x, y).network_.to_torch()) == count
