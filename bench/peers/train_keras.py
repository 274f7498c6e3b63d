"""Keras, with TensorFlow or JAX (KERAS_BACKEND): a Sequential, `compile`, `fit`."""

from __future__ import annotations

from typing import Any

import keras
from cases import RATE, Case, Weights
from keras import layers
from train_shared import Train, run, use_processors

LOSSES = {
    "squared": "mean_squared_error",
    "classes": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    "binary": keras.losses.BinaryCrossentropy(from_logits=True),
}


def build(case: Case, data: dict[str, Any], weights: Weights, job: dict[str, Any]) -> Train:
    """The job may say `unroll`, `jit_compile` and `steps_per_execution`."""
    limit_threads(job["threads"])
    keras.utils.set_random_seed(job["seed"])
    x, y = data["x"], data["y"]
    drop = {"dropout": case.dropout, "recurrent_dropout": case.dropout}
    kind = layers.GRU if case.cell == "gru" else layers.LSTM
    if case.cell == "flatten":
        first: Any = layers.Flatten()
    else:
        first = kind(case.units, unroll=job.get("unroll", False), **drop)
    if case.cell == "bilstm":
        first = layers.Bidirectional(first)
    dense = [layers.Dense(units, activation="relu") for units in case.dense]
    model = keras.Sequential([keras.Input(x.shape[1:]), first, *dense, layers.Dense(case.outputs)])
    model.set_weights(list(weights.values()))
    if case.optimizer == "adam":
        optimizer: Any = keras.optimizers.Adam(RATE, epsilon=1e-8)
    else:
        optimizer = keras.optimizers.RMSprop(RATE, rho=0.9, epsilon=1e-14)  # below the root
    model.compile(
        optimizer,
        LOSSES[case.loss],
        jit_compile=job.get("jit_compile", "auto"),
        steps_per_execution=job.get("steps_per_execution", 1),
    )

    def train() -> list[float]:
        fitted = model.fit(x, y, batch_size=case.batch, epochs=case.epochs, verbose=0)
        return list(fitted.history["loss"])

    return train


def limit_threads(count: int) -> None:
    backend = keras.backend.backend()
    if backend == "jax":
        use_processors(count)
    elif backend == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(count)
        tf.config.threading.set_inter_op_parallelism_threads(count)


if __name__ == "__main__":
    run(build)
