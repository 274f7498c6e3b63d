"""Forms of Keras files that random models do not have: models in models, weights with words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from segue.weights import from_keras

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*implementation doesn't accept a copy:DeprecationWarning"),
]


def agree(model: Any, estimator: Any) -> None:
    x = np.random.default_rng(0).normal(size=(4, 6, 3)).astype(np.float32)
    with torch.no_grad():
        wanted = np.asarray(model(x).detach())
    assert np.abs(estimator.predict_proba(x) - wanted).max() <= 1e-5


@pytest.mark.parametrize("outer", ["sequential", "functional"])
@pytest.mark.parametrize("inner", ["sequential", "functional"])
def test_models_inside_models(keras: Any, tmp_path: Path, outer: str, inner: str) -> None:
    layers = keras.layers

    def made(how: str, *chain: Any, channels: int | None) -> Any:
        start = layers.Input((None, channels))
        if how == "sequential":
            return keras.Sequential([start, *chain])
        x = start
        for layer in chain:
            x = layer(x)
        return keras.Model(start, x)

    body = made(inner, layers.LSTM(4, return_sequences=True), layers.Dense(5), channels=3)
    model = made(
        outer, body, layers.LSTM(6), layers.Dense(4), layers.Dense(3, "softmax"), channels=3
    )
    model.save(tmp_path / "m.keras")
    agree(model, from_keras(tmp_path / "m.keras"))


def test_weights_with_the_layers_in_words(keras: Any, tmp_path: Path) -> None:
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((None, 3)),
            layers.Conv1D(5, 3, padding="causal", activation="relu"),
            layers.BatchNormalization(),
            layers.Bidirectional(layers.GRU(4, return_sequences=True), name="both"),
            layers.TimeDistributed(layers.Dense(6)),
            layers.LSTM(5, return_sequences=True, name="first"),
            layers.LSTM(5, name="second"),
            layers.Dense(4, "tanh"),
            layers.Dense(3, "softmax"),
        ]
    )
    model.save_weights(tmp_path / "m.weights.h5")
    words = (
        "conv(5, 3, relu, causal=true) batchnorm bigru(4) dense(6) lstm(5) lstm(5) dense(4, tanh) "
        "dense(3, softmax)"
    )
    agree(model, from_keras(tmp_path / "m.weights.h5", network=words))


def test_weights_beside_the_optimizer(keras: Any, tmp_path: Path) -> None:
    """What training leaves in a file is passed over."""
    layers = keras.layers
    model = keras.Sequential([layers.Input((None, 3)), layers.GRU(4), layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = np.random.default_rng(1).normal(size=(8, 5, 3)).astype(np.float32)
    model.fit(x, np.arange(8) % 3, epochs=1, verbose=0)
    model.save(tmp_path / "m.keras")
    agree(model, from_keras(tmp_path / "m.keras"))
