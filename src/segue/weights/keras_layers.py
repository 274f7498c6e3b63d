"""Each layer of Keras as the spec that computes the same, and its weights: one function a layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from segue.data.arrays import Array
from segue.errors import ModelFileError, SegueError, first_few
from segue.layers import (
    GLU,
    GRU,
    LAYERS,
    LSTM,
    RNN,
    BatchNorm,
    BiGRU,
    BiLSTM,
    BiRNN,
    Conv,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    LayerNorm,
    LayerSpec,
    LeakyReLU,
    MaxPool,
    Pool,
    PReLU,
    Shape,
)
from segue.layers.activations import ACTIVATIONS
from segue.layers.base import BuildContext, chain_shape
from segue.layers.conv import Windows
from segue.weights.foreign import (
    ForeignLayer,
    ForeignNetwork,
    check_features,
    preparation_for,
    problems_found,
)
from segue.weights.keras_config import KerasLayer
from segue.weights.keras_file import StoredWeights

Weights = dict[str, Array]
_LOST = "Keras loses the mask here: where it pads, padding counts as data; here it never does"


@dataclass
class Translation:
    """A model on its way to segue, layer by layer.

    Attributes:
        stored: the arrays of the file.
        shape: of the input; `None` before it is known.
        is_sequence: whether there is a time axis at this point.
        masked: whether there is a mask at this point.
        moments: means and scales of a Normalization at the beginning.
        layers: done so far.
        problems: what cannot be represented.
    """

    stored: StoredWeights
    shape: Shape | None = None
    is_sequence: bool = True
    masked: bool = False
    moments: tuple[Array, Array] | None = None
    layers: list[ForeignLayer] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def has_begun(self) -> bool:
        """Whether a layer has come that computes something."""
        return any(layer.spec is not None for layer in self.layers)

    def add(
        self,
        layer: KerasLayer,
        spec: LayerSpec | None,
        weights: Mapping[str, Array] | None = None,
        note: str = "",
    ) -> None:
        """Add a layer that is done."""
        if self.masked and self.is_sequence and layer.kind in _LOSES_MASK:
            note, self.masked = f"{note}; {_LOST}" if note else _LOST, False
        found = ForeignLayer(layer.name, layer.kind, spec, weights or {}, note)
        self.layers.append(found)

    def refuse(self, layer: KerasLayer, reason: str) -> None:
        """Note what cannot be represented."""
        self.problems.append(f"{layer.title} {reason}")

    def check(self, layer: KerasLayer, **wanted: Any) -> None:
        """Note arguments of other values than those that segue has."""
        for name, value in wanted.items():
            given = layer.config.get(name, value)
            if given != value:
                self.refuse(layer, f"has {name}={given!r}; segue has {name}={value!r} only")

    def activation(self, layer: KerasLayer, name: str = "activation") -> str:
        """The activation of a layer by segue's name; "linear" where it cannot be represented."""
        given = layer.config.get(name) or "linear"
        if isinstance(given, dict):  # the long form that some versions write
            given = given.get("config") if "keras" in str(given.get("module")) else "a function"
        if isinstance(given, str) and given in ACTIVATIONS:
            return given
        self.refuse(layer, f"has the {name} {given!r}, which segue does not have")
        return "linear"

    def take(self, path: str, parts: str) -> Weights:
        """The arrays of a group, by the words of `parts`."""
        return self.stored.take(path, parts.split())


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
    merge = {"concat": "concat", "sum": "sum", "ave": "mean"}.get(str(layer.config["merge_mode"]))
    if merge is None:
        mode = layer.config.get("merge_mode")
        reason = "gives two outputs" if mode is None else "multiplies its directions"
        found.refuse(layer, f"has merge_mode={mode!r}: it {reason}; segue has concat, sum and ave")
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
    spec = _CELLS[forward.kind][1](**arguments, **({"merge": merge} if merge else {}))
    found.add(layer, spec, weights)
    found.is_sequence = bool(forward.config.get("return_sequences"))


# -- dense layers, windows, pools -----------------------------------------------------------------


def _dense(found: Translation, layer: KerasLayer) -> None:
    if layer.config.get("lora_rank") or layer.config.get("quantization_config"):
        found.refuse(layer, "is quantized, or has a LoRA beside its weights")
    activation, biased = found.activation(layer), layer.config.get("use_bias", True)
    weights = found.take(layer.path, "kernel" + " bias" * biased)
    found.add(layer, Dense(layer.config["units"], activation, bias=bool(biased)), weights)


def _time_distributed(found: Translation, layer: KerasLayer) -> None:
    inner = layer.inner("layer", "layer")
    if inner.kind not in _EACH_STEP:
        found.refuse(layer, f"holds a {inner.kind}; expected one of {', '.join(_EACH_STEP)}")
        return
    before = found.is_sequence
    _LAYERS[inner.kind](found, inner)
    found.is_sequence = before


def _windows(
    found: Translation, layer: KerasLayer, size: Any, stride: Any, dilation: Any = 1
) -> Windows:
    """The windows of a layer, unless Keras lays them otherwise for some lengths."""
    found.check(layer, data_format="channels_last")
    if not found.is_sequence:
        found.refuse(layer, "comes when the sequence has ended")
    width, step, gap = (
        one[0] if isinstance(one, list) else one for one in (size, stride, dilation)
    )
    padding = layer.config.get("padding", "valid")
    windows = Windows(width, step, gap, only_before=padding == "causal")
    if padding == "valid" and windows.span > 1:
        found.refuse(
            layer, "has padding='valid', which makes sequences shorter; segue's layers keep their "
            "length: train with padding='same' or 'causal'"
        )  # fmt: skip
    elif padding == "same" and not is_same(windows):
        found.refuse(
            layer, f"has padding='same' with a stride of {windows.stride}: where Keras lays its "
            "windows then depends on the length of the sequence"
        )  # fmt: skip
    return windows


def is_same(windows: Windows) -> bool:
    """Whether Keras's padding "same" lays these windows as segue does, whatever the length.

    Keras pads `span - 1 - (length - 1) % stride` steps, or none if that is less, half of them
    before.

    >>> is_same(Windows(3)), is_same(Windows(2, stride=2)), is_same(Windows(3, stride=2))
    (True, True, False)
    """
    return max(windows.span - windows.stride, 0) // 2 == (windows.span - 1) // 2


def _conv(found: Translation, layer: KerasLayer) -> None:
    found.check(layer, groups=1)
    config = layer.config
    size, stride, dilation = config["kernel_size"], config["strides"], config["dilation_rate"]
    windows = _windows(found, layer, size, stride, dilation)
    activation, biased = found.activation(layer), bool(config.get("use_bias", True))
    weights = found.take(layer.path, "kernel" + " bias" * biased)
    spec = Conv(
        config["filters"], windows.width, activation, stride=windows.stride,
        dilation=windows.dilation, causal=windows.only_before, bias=biased,
    )  # fmt: skip
    found.add(layer, spec, weights)


def _max_pool(found: Translation, layer: KerasLayer) -> None:
    size, stride = layer.config["pool_size"], layer.config.get("strides")
    windows = _windows(found, layer, size, stride or size)
    found.add(layer, MaxPool(windows.width, stride=windows.stride))


def _pool(how: str) -> Converter:
    def convert(found: Translation, layer: KerasLayer) -> None:
        found.check(layer, data_format="channels_last", keepdims=False)
        found.add(layer, Pool(how))  # type: ignore[arg-type]
        found.is_sequence = False

    return convert


def _flatten(found: Translation, layer: KerasLayer) -> None:
    found.check(layer, data_format="channels_last")
    found.add(layer, Flatten() if found.is_sequence else None)
    found.is_sequence = False


# -- normalisations, dropout, activations ---------------------------------------------------------


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


Converter = Callable[[Translation, KerasLayer], None]

_LAYERS: dict[str, Converter] = {
    "InputLayer": _input, "Masking": _masking, "Normalization": _normalization,
    "Embedding": _embedding, "LSTM": _recurrent, "GRU": _recurrent, "SimpleRNN": _recurrent,
    "Bidirectional": _bidirectional, "Dense": _dense, "TimeDistributed": _time_distributed,
    "Conv1D": _conv, "MaxPooling1D": _max_pool, "GlobalAveragePooling1D": _pool("mean"),
    "GlobalMaxPooling1D": _pool("max"), "Flatten": _flatten, "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm, "Dropout": _dropout, "SpatialDropout1D": _dropout,
    "Activation": _activation, "Softmax": _softmax, "ReLU": _relu, "LeakyReLU": _leaky_relu,
    "ELU": _elu, "PReLU": _prelu, "GaussianNoise": _training_only,
    "GaussianDropout": _training_only, "AlphaDropout": _training_only,
    "ActivityRegularization": _training_only, "Identity": _training_only,
}  # fmt: skip
_EACH_STEP = (
    "Dense", "Dropout", "Activation", "BatchNormalization", "LayerNormalization", "Softmax", "ReLU",
    "LeakyReLU", "ELU",
)  # fmt: skip
_LOSES_MASK = ("Conv1D", "MaxPooling1D", "GlobalMaxPooling1D", "Flatten")
_KNOWN = first_few(_LAYERS, len(_LAYERS))
