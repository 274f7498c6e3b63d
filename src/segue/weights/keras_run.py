"""Models that Keras itself runs, to compare with."""

from __future__ import annotations

import importlib
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from segue.data.arrays import Array
from segue.data.sequences import Sequences
from segue.errors import MissingPackageError
from segue.training.inference import probabilities
from segue.weights.parity import Comparison, answers, compare, trial_sequences


def has_keras() -> bool:
    """Whether Keras can be run here: with PyTorch, unless the environment says otherwise."""
    backend = os.environ.get("KERAS_BACKEND", "torch")
    return find_spec("keras") is not None and find_spec(backend) is not None


class KerasModel:
    """A model that Keras opens; called with a sequence, it gives Keras's own answer.

    Args:
        path: a `.keras` file, or a `.weights.h5` file.
        network: of weights alone, the file with `model.to_json()`.

    Attributes:
        is_linear: whether its last layer has no activation, so that its outputs may be logits.

    Raises:
        MissingPackageError: Keras is not installed.
    """

    def __init__(self, path: Path, network: Path | None = None) -> None:
        if find_spec("keras") is None:  # the extra has what reads its files, not Keras itself
            raise MissingPackageError(
                "Keras is needed to compare with and is not installed: pip install keras"
            )
        os.environ.setdefault("KERAS_BACKEND", "torch")
        self._keras: Any = importlib.import_module("keras")
        if network is None:
            self._model = self._keras.models.load_model(path, compile=False)
        else:
            self._model = self._keras.models.model_from_json(network.read_text(encoding="utf-8"))
            self._model.load_weights(path)
        last = getattr(self._model.layers[-1], "activation", None)
        self.is_linear = getattr(last, "__name__", "") == "linear"

    def __call__(self, sequence: Array) -> Array:
        is_tokens = len(self._model.input_shape) == 2
        answer: Array = self._answers(sequence.reshape(1, -1) if is_tokens else sequence[None])[0]
        return answer

    def padded(self, x: Sequences, value: float) -> list[Array]:
        """Keras's answer for each sequence, all in one batch that is padded with a value."""
        is_tokens = len(self._model.input_shape) == 2
        batch, _ = x.to_padded(value=0 if is_tokens else value)
        found = self._answers(batch[..., 0] if is_tokens else batch)
        is_per_step = found.ndim == batch.ndim + is_tokens
        return [row[:n] if is_per_step else row for row, n in zip(found, x.lengths, strict=True)]

    def _answers(self, batch: Array) -> Array:
        found = self._model(batch, training=False)
        values: Array = np.asarray(self._keras.ops.convert_to_numpy(found))
        return values


def compare_with_keras(estimator: Any, path: Path, network: Path | None = None) -> Comparison:
    """Compare an estimator with the model of Keras that it was made of, by Keras.

    Args:
        estimator: what was made.
        path: the `.keras` file, or the `.weights.h5` file.
        network: of weights alone, the file with `model.to_json()`.

    Raises:
        ModelFileError: they answer otherwise.
        MissingPackageError: Keras is not installed.
    """
    model, kind = KerasModel(path, network), estimator.task_.objective.kind
    x = trial_sequences(estimator)

    def answer(sequence: Array) -> Array:
        found = model(sequence)
        if not model.is_linear or kind == "squared":
            return found
        several = kind in ("softmax", "steps", "binary") and found.shape[-1] > 1
        return probabilities(found, "softmax" if several else "multilabel")

    return compare("answered by Keras", x, answers(estimator, x), answer)
