"""Models of Keras 3 as estimators."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segue.errors import OptionError
from segue.estimators.base import BaseSequenceEstimator
from segue.networks import NetworkLike
from segue.weights.foreign import TaskName, estimator_of
from segue.weights.keras_config import layers_of
from segue.weights.keras_file import read_config, read_keras
from segue.weights.keras_layers import translate
from segue.weights.keras_weights import with_network


def from_keras(
    path: str | Path,
    *,
    network: NetworkLike | Path | None = None,
    classes: Sequence[Any] | None = None,
    task: TaskName | None = None,
) -> BaseSequenceEstimator:
    """Make an estimator of a model that Keras 3 has saved.

    It is read without Keras, and nothing in the file is run. Sequential models and functional ones
    that are a chain, of LSTM, GRU, SimpleRNN, Bidirectional, Dense, TimeDistributed, Embedding,
    Conv1D, pooling, normalisations, Masking, Dropout, Flatten and activations. The estimator
    predicts, and `fit(x, y, initial=estimator)` goes on training it. Sequences go in as they are,
    without padding: its answers are those of Keras for each sequence alone.

    `training_summary_` has what became of each layer.

    Args:
        path: a `.keras` file, or a `.weights.h5` file, which has no layers.
        network: for a `.weights.h5` file, the layers that its weights are of, the head too, as in
            "lstm(8) dense(3, softmax)"; or a `Path` to the model's own description, a file with
            `model.to_json()` or a `.keras` file.
        classes: the names of the classes, in the order of the outputs; 0, 1, ... if left out.
        task: what the outputs mean where the last activation does not say it: "classify" or "label"
            or "multilabel" of logits, "regress" of numbers. One linear output is a number if left
            out; several, or one with `classes`, are refused without it.

    Returns:
        A `SequenceClassifier`, `SequenceLabeler` or `SequenceRegressor`.

    Raises:
        DataNotFoundError: there is no such file.
        ModelFileError: a damaged or hostile file, or layers that segue does not have; each is named
            with the reason.
        OptionError: weights without `network`, `classes` of another number, or a linear last layer
            without `task`.
        MissingPackageError: h5py is not installed.
    """
    found = read_keras(path)
    config = found.config
    if config is None and network is None:
        raise OptionError(
            f"{path} has weights and no layers: give these as `network`, such as "
            "network='lstm(8) dense(3, softmax)'."
        )
    if config is not None and network is not None:
        raise OptionError(f"{path} has its layers: leave `network` out.")
    if isinstance(network, Path):
        config = read_config(network)
    elif network is not None:
        return estimator_of(with_network(found.weights, network), classes, task)
    layers = layers_of(config, str(path))
    return estimator_of(translate(layers, found.weights), classes, task)
