"""Layers of Keras that act on each step, as the specs that compute the same: one function a layer.

Dense layers, normalisations, dropout and activations.
"""

from __future__ import annotations

import numpy as np

from segue.errors import ModelFileError
from segue.layers import (
    GLU,
    LAYERS,
    BatchNorm,
    Dense,
    Dropout,
    LayerNorm,
    LeakyReLU,
    PReLU,
)
from segue.layers.base import BuildContext, chain_shape
from segue.weights.foreign import check_features
from segue.weights.keras_config import KerasLayer
from segue.weights.keras_translation import Converter, Translation, Weights


def _dense(found: Translation, layer: KerasLayer) -> None:
    if layer.config.get("lora_rank") or layer.config.get("quantization_config"):
        found.refuse(layer, "is quantized, or has a LoRA beside its weights")
    activation, biased = found.activation(layer), layer.config.get("use_bias", True)
    weights = found.take(layer.path, "kernel" + " bias" * biased)
    found.add(layer, Dense(layer.config["units"], activation, bias=bool(biased)), weights)


def _batch_norm(found: Translation, layer: KerasLayer) -> None:
    _check_axis(found, layer)
    weights = found.take(layer.path, f"{_scales(layer)} moving_mean moving_variance")
    spec = BatchNorm(momentum=layer.config["momentum"], epsilon=layer.config["epsilon"])
    found.add(layer, spec, _with_both(weights, len(weights["moving_mean"])))


def _layer_norm(found: Translation, layer: KerasLayer) -> None:
    _check_axis(found, layer)
    found.check(layer, rms_scaling=False)
    weights = found.take(layer.path, _scales(layer))
    features = next((len(w) for w in weights.values()), _features(found))
    found.add(layer, LayerNorm(epsilon=layer.config["epsilon"]), _with_both(weights, features))


def _scales(layer: KerasLayer) -> str:
    """The words of the weights that a normalisation has."""
    both = {"gamma": "scale", "beta": "center"}
    return " ".join(part for part, name in both.items() if layer.config.get(name, True))


def _with_both(weights: Weights, features: int) -> Weights:
    usual = {"gamma": np.ones(features, np.float32), "beta": np.zeros(features, np.float32)}
    return {**usual, **weights}


def _features(found: Translation) -> int:
    """Features at this point."""
    if found.shape is None:
        raise ModelFileError("the number of its features is not known")
    specs = [layer.spec for layer in found.layers if layer.spec is not None]
    return check_features(chain_shape(specs, BuildContext("", found.shape)).features)


def _check_axis(found: Translation, layer: KerasLayer) -> None:
    last = 2 if found.is_sequence else 1
    if layer.config.get("axis", -1) not in (-1, last, [-1], [last]):
        found.refuse(layer, f"has axis={layer.config['axis']!r}; segue has the last axis only")


def _dropout(found: Translation, layer: KerasLayer) -> None:
    note = ""
    if layer.kind != "Dropout":
        note = "in training single values are dropped here, not whole channels"
    elif layer.config.get("noise_shape") is not None:
        note = "in training each value is dropped for itself here"
    found.add(layer, Dropout(layer.config["rate"]), note=note)


def _training_only(found: Translation, layer: KerasLayer) -> None:
    found.add(layer, None, note="it acts in training only, and is left out")


def _activation(found: Translation, layer: KerasLayer) -> None:
    if layer.config.get("activation") == "glu":
        found.add(layer, GLU())
        return
    found.add(layer, LAYERS[found.activation(layer)]())


def _softmax(found: Translation, layer: KerasLayer) -> None:
    _check_axis(found, layer)
    found.add(layer, LAYERS["softmax"]())


def _relu(found: Translation, layer: KerasLayer) -> None:
    slope, most = layer.config.get("negative_slope") or 0.0, layer.config.get("max_value")
    if layer.config.get("threshold") or most not in (None, 6) or (slope and most is not None):
        found.refuse(layer, f"has max_value={most}, threshold={layer.config.get('threshold')}")
    kind = "relu" if most is None else "relu6"
    found.add(layer, LeakyReLU(slope) if slope else LAYERS[kind]())


def _leaky_relu(found: Translation, layer: KerasLayer) -> None:
    found.add(layer, LeakyReLU(layer.config["negative_slope"]))


def _elu(found: Translation, layer: KerasLayer) -> None:
    found.check(layer, alpha=1.0)
    found.add(layer, LAYERS["elu"]())


def _prelu(found: Translation, layer: KerasLayer) -> None:
    weights = found.take(layer.path, "alpha")
    if found.is_sequence and layer.config.get("shared_axes") != [1]:
        found.refuse(layer, "has a slope for each step; segue has one for each feature")
    found.add(layer, PReLU(), {"alpha": weights["alpha"].reshape(-1)})


STEP_LAYERS: dict[str, Converter] = {
    "Dense": _dense, "BatchNormalization": _batch_norm, "LayerNormalization": _layer_norm,
    "Dropout": _dropout, "SpatialDropout1D": _dropout, "Activation": _activation,
    "Softmax": _softmax, "ReLU": _relu, "LeakyReLU": _leaky_relu, "ELU": _elu, "PReLU": _prelu,
    "GaussianNoise": _training_only, "GaussianDropout": _training_only,
    "AlphaDropout": _training_only, "ActivityRegularization": _training_only,
    "Identity": _training_only,
}  # fmt: skip
