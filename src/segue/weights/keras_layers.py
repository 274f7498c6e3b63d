"""Each layer of Keras as the spec that computes the same, and its weights: one function a layer.

Here the input and the recurrent layers; others stand in `keras_steps` and `keras_windows`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from segue.errors import ModelFileError, SegueError, first_few
from segue.layers import (
    GRU,
    LSTM,
    RNN,
    BiGRU,
    BiLSTM,
    BiRNN,
    Embedding,
    LayerSpec,
    Shape,
)
from segue.weights.foreign import ForeignNetwork, check_features, preparation_for, problems_found
from segue.weights.keras_config import KerasLayer
from segue.weights.keras_file import StoredWeights
from segue.weights.keras_steps import STEP_LAYERS
from segue.weights.keras_translation import Converter, Translation, Weights
from segue.weights.keras_windows import WINDOW_LAYERS


def translate(layers: list[KerasLayer], stored: StoredWeights) -> ForeignNetwork:
    """Translate every layer of a model.

    Raises:
        ModelFileError: layers that segue cannot represent, all of them named with the reason;
            weights that are missing or belong to no layer.
    """
    found = Translation(stored)
    for layer in layers:
        convert = _LAYERS.get(layer.kind)
        if convert is None:
            found.refuse(layer, f"is of a kind that segue does not have; it has {_KNOWN}")
            continue
        try:
            convert(found, layer)
        except (TypeError, ValueError, KeyError, OverflowError) as error:
            if isinstance(error, ModelFileError) and error.path is not None:
                raise
            text = str(error) if isinstance(error, SegueError) else repr(error)
            found.refuse(layer, f"does not hold together: {text.rstrip('.')}")
    if found.problems:
        raise problems_found(found.problems, stored.source)
    if found.shape is None:
        raise ModelFileError(
            "says nothing of its input: build the model before.", path=stored.source
        )
    stored.refuse_rest()
    preparation = preparation_for(found.shape, found.moments)
    return ForeignNetwork(tuple(found.layers), found.shape, preparation, stored.source)


# -- input and masks ------------------------------------------------------------------------------


def _input(found: Translation, layer: KerasLayer) -> None:
    _, *axes = layer.config.get("batch_shape") or layer.config.get("batch_input_shape") or [None]
    if len(axes) not in (1, 2) or not isinstance(axes[-1], int | None):
        found.refuse(layer, f"has the shape {axes}; expected [time, channel], or [time] of tokens")
        return
    length, channels = axes if len(axes) == 2 else (axes[0], None)
    found.shape = Shape(check_features(channels or 1), length=length)
    if len(axes) == 2 and channels is None:
        found.refuse(layer, "leaves the number of channels open")
    found.add(layer, None)


def _masking(found: Translation, layer: KerasLayer) -> None:
    if found.has_begun:
        found.refuse(
            layer, "masks steps by what layers before it compute; segue knows a mask at the "
            "beginning only"
        )  # fmt: skip
    found.masked = True
    value = layer.config.get("mask_value")
    found.add(
        layer, None, note=f"leave steps of {value} out instead of padding with them: nothing is "
        "padded here"
    )  # fmt: skip


def _normalization(found: Translation, layer: KerasLayer) -> None:
    if found.has_begun or found.moments is not None or found.shape is None:
        found.refuse(layer, "stands behind other layers; segue prepares at the beginning only")
        return
    found.check(layer, invert=False)
    axis, count = layer.config.get("axis", -1), found.shape.features
    if axis not in (None, -1, 2, [-1], [2]):
        found.refuse(layer, f"has axis={axis!r}; segue has one mean for each channel")
    mean, variance = layer.config.get("mean"), layer.config.get("variance")
    if mean is None or variance is None:
        weights = found.take(layer.path, "mean variance")
        mean, variance = weights["mean"], weights["variance"]
        found.stored.taken.add(f"{layer.path}/vars/2")  # how many values it has seen
    mean, scale = (np.asarray(one, np.float64).reshape(-1) for one in (mean, variance))
    scale = np.maximum(np.sqrt(scale), 1e-7)  # as Keras does
    if mean.size not in (1, count) or scale.size not in (1, count) or not np.isfinite(scale).all():
        found.refuse(layer, f"has {mean.size} means for {count} channels")
        return
    found.moments = np.broadcast_to(mean, count).copy(), np.broadcast_to(scale, count).copy()
    found.add(layer, None, note="becomes the preparation, standardize")


def _embedding(found: Translation, layer: KerasLayer) -> None:
    weights = found.take(layer.path, "embeddings")
    spec = Embedding(layer.config["output_dim"], tokens=layer.config["input_dim"])
    if found.has_begun or found.shape is None or found.shape.features != 1:
        found.refuse(layer, "does not take the tokens of the input")
        return
    found.shape = Shape(1, length=found.shape.length, tokens=layer.config["input_dim"])
    found.masked, note = found.masked or bool(layer.config.get("mask_zero")), ""
    if layer.config.get("mask_zero"):
        note = "leave the token 0 out instead of padding with it: nothing is padded here"
    found.add(layer, spec, weights, note)


# -- recurrent layers -----------------------------------------------------------------------------

# Ways to join two directions, by the names that Keras has.
MERGES = {"concat": "concat", "sum": "sum", "ave": "mean", "mul": "product"}

_CELLS: dict[str, tuple[type[LayerSpec], type[LayerSpec]]] = {
    "LSTM": (LSTM, BiLSTM),
    "GRU": (GRU, BiGRU),
    "SimpleRNN": (RNN, BiRNN),
}


def _recurrent(found: Translation, layer: KerasLayer) -> None:
    found.check(layer, go_backwards=False)
    arguments, weights = _cell(found, layer)
    found.add(layer, _CELLS[layer.kind][0](**arguments), weights)
    found.is_sequence = bool(layer.config.get("return_sequences"))


def _cell(found: Translation, layer: KerasLayer) -> tuple[dict[str, Any], Weights]:
    """The arguments of a recurrent layer, of one direction too, and the weights of its cell."""
    config = layer.config
    found.check(layer, return_state=False, stateful=False)
    if not found.is_sequence:
        found.refuse(layer, "comes when the sequence has ended")
    arguments: dict[str, Any] = {
        "units": config["units"],
        "dropout": config.get("dropout") or 0.0,
        "recurrent_dropout": config.get("recurrent_dropout") or 0.0,
        "output": "every" if config.get("return_sequences") else "last",
    }
    if layer.kind == "SimpleRNN":
        if config.get("activation", "tanh") not in ("tanh", "relu"):
            found.check(layer, activation="tanh")
        else:
            arguments["activation"] = config.get("activation", "tanh")
    else:
        found.check(layer, activation="tanh", recurrent_activation="sigmoid")
    biased = config.get("use_bias", True)
    weights = found.take(f"{layer.path}/cell", "kernel recurrent_kernel" + " bias" * biased)
    shape: tuple[int, ...] = weights["kernel"].shape[1:]
    if layer.kind == "GRU":
        after = bool(config.get("reset_after", True))
        arguments["reset"] = "after" if after else "before"
        shape = (2, *shape) if after else shape
    if not biased:
        weights["bias"] = np.zeros(shape, np.float32)
    return arguments, weights


def _bidirectional(found: Translation, layer: KerasLayer) -> None:
    forward = layer.inner("layer", "forward_layer")
    given = layer.config.get("backward_layer")
    backward = layer.inner("backward_layer", "backward_layer") if given else None
    merge = MERGES.get(str(layer.config.get("merge_mode", "concat")))
    if merge is None:
        modes, given = ", ".join(MERGES), layer.config["merge_mode"]
        found.refuse(layer, f"has merge_mode={given!r}; segue has {modes}, which give one output")
        return
    if forward.kind not in _CELLS:
        found.refuse(layer, f"holds a {forward.kind}; expected LSTM, GRU or SimpleRNN")
        return
    found.check(forward, go_backwards=False)
    arguments, ahead = _cell(found, forward)
    mirrored = KerasLayer(
        forward.kind, (backward or forward).config, f"{layer.path}/backward_layer"
    )
    if backward is not None:
        found.check(backward, go_backwards=True)
    other, back = _cell(found, mirrored)
    if other != arguments or (backward is not None and backward.kind != forward.kind):
        found.refuse(layer, "has two directions of different kinds")
    weights = {f"forward/{part}": w for part, w in ahead.items()}
    weights |= {f"backward/{part}": w for part, w in back.items()}
    both: Any = _CELLS[forward.kind][1]
    found.add(layer, both(**arguments, merge=merge), weights)
    found.is_sequence = bool(forward.config.get("return_sequences"))


def _time_distributed(found: Translation, layer: KerasLayer) -> None:
    inner = layer.inner("layer", "layer")
    if inner.kind not in _EACH_STEP:
        found.refuse(layer, f"holds a {inner.kind}; expected one of {', '.join(_EACH_STEP)}")
        return
    before = found.is_sequence
    _LAYERS[inner.kind](found, inner)
    found.is_sequence = before


_LAYERS: dict[str, Converter] = {
    "InputLayer": _input, "Masking": _masking, "Normalization": _normalization,
    "Embedding": _embedding, "LSTM": _recurrent, "GRU": _recurrent, "SimpleRNN": _recurrent,
    "Bidirectional": _bidirectional, "TimeDistributed": _time_distributed,
    **STEP_LAYERS, **WINDOW_LAYERS,
}  # fmt: skip
_EACH_STEP = (
    "Dense", "Dropout", "Activation", "BatchNormalization", "LayerNormalization", "Softmax", "ReLU",
    "LeakyReLU", "ELU",
)  # fmt: skip
_KNOWN = first_few(_LAYERS, len(_LAYERS))
