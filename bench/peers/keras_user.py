"""Keras with TensorFlow: a Sequential, its file, `predict`, of one batch `predict_on_batch`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from keras import layers
from shared import BATCH, CLASSES, NETWORKS, run, weights_of


def prepare(folder: Path) -> None:
    """The weights have Keras's own layout and order."""
    for name, (_, channels) in NETWORKS.items():
        lstm = layers.Bidirectional(layers.LSTM(100)) if name == "many" else layers.LSTM(64)
        model = keras.Sequential(
            [keras.Input((None, channels)), lstm, layers.Dense(CLASSES, activation="softmax")]
        )
        model.set_weights(list(weights_of(folder, name).values()))
        model.save(folder / f"{name}.keras")


def load(folder: Path, name: str, threads: int) -> Any:
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    model = keras.saving.load_model(folder / f"{name}.keras")

    def predict(x: Any) -> Any:
        if len(x) <= BATCH:
            return model.predict_on_batch(x)
        return model.predict(x, batch_size=BATCH, verbose=0)

    return predict


if __name__ == "__main__":
    run(prepare, load)
