"""Each layer of segue as one of Keras: its class, its arguments, and its weights in Keras's order.

The reverse of `keras_layers`. What Keras does not have is refused by the layer's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from segue.data.arrays import Array
from segue.layers import LayerSpec
from segue.layers.activations import ACTIVATIONS, ActivationSpec
from segue.layers.base import PlannedLayer
from segue.weights.keras_layers import MERGES
from segue.weights.keras_windows import is_same

Weights = Mapping[str, Array]


@dataclass(frozen=True)
class KerasEntry:
    """A layer of a Keras model that is to be written.

    Attributes:
        kind: its class.
        config: its arguments.
        groups: its arrays in order, by the group below its own that they stand in.
    """

    kind: str
    config: Mapping[str, Any]
    groups: Mapping[str, tuple[Array | None, ...]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As `config.json` has it."""
        return {
            "module": "keras.layers",
            "class_name": self.kind,
            "config": dict(self.config),
            "registered_name": None,
        }


class NotInKerasError(Exception):
    """A layer that Keras does not have; the message says what of it."""


def entry_of(planned: PlannedLayer, weights: Weights | None = None) -> KerasEntry:
    """A planned layer as one of Keras.

    Args:
        planned: the layer.
        weights: by the names that the spec has; `None`: the entry has none.

    Raises:
        NotInKerasError: Keras has no such layer.
    """
    spec = planned.spec
    convert = _SPECS.get(spec.kind)
    if convert is None and isinstance(spec, ActivationSpec):
        convert = _activation
    if convert is None:
        raise NotInKerasError(f"{planned.context.name} is of the kind {spec.kind}")
    kind, config, groups = convert(planned)
    named = {"name": planned.context.name.replace("/", "_"), **config}
    given = {} if weights is None else dict(weights)
    if config.get("shared_axes") and weights is not None:  # Keras keeps the axis of time
        given["alpha"] = given["alpha"][None]
    arrays = {group: tuple(given.get(p) for p in parts.split()) for group, parts in groups.items()}
    return KerasEntry(kind, named, arrays)


Converted = tuple[str, dict[str, Any], dict[str, str]]

_CELLS = {"lstm": "LSTM", "gru": "GRU", "rnn": "SimpleRNN"}


def _cell(planned: PlannedLayer) -> tuple[str, dict[str, Any]]:
    spec: Any = planned.spec
    if spec.initial_state != "zeros":
        raise NotInKerasError(f"{planned.context.name} has initial states of its own")
    config = {
        "units": spec.units,
        "return_sequences": planned.shape.sequence,
        "dropout": spec.dropout,
        "recurrent_dropout": spec.recurrent_dropout,
    }
    if spec.cell == "rnn":
        config["activation"] = spec.activation
    if spec.cell == "gru":
        config["reset_after"] = spec.reset == "after"
    return _CELLS[spec.cell], config


def _recurrent(planned: PlannedLayer) -> Converted:
    kind, config = _cell(planned)
    return kind, config, {"cell": "kernel recurrent_kernel bias"}


def _bidirectional(planned: PlannedLayer) -> Converted:
    spec: Any = planned.spec
    merge = next((mode for mode, own in MERGES.items() if own == spec.merge), None)
    if merge is None:
        raise NotInKerasError(f"{planned.context.name} keeps its two directions apart")
    kind, config = _cell(planned)
    inner = KerasEntry(kind, {"name": f"forward_{kind.lower()}", **config})
    groups = {
        f"{way}_layer/cell": " ".join(f"{way}/{part}" for part in _CELL_PARTS)
        for way in ("forward", "backward")
    }
    return "Bidirectional", {"layer": inner.to_json(), "merge_mode": merge}, groups


_CELL_PARTS = ("kernel", "recurrent_kernel", "bias")


def _dense(planned: PlannedLayer) -> Converted:
    spec: Any = planned.spec
    config = {"units": spec.units, "activation": spec.activation, "use_bias": spec.bias}
    _check_activation(planned, spec.activation)
    return "Dense", config, {"": "kernel bias" if spec.bias else "kernel"}


def _embedding(planned: PlannedLayer) -> Converted:
    spec: Any = planned.spec
    config = {"input_dim": spec.rows(planned.context), "output_dim": spec.features}
    return "Embedding", config, {"": "embeddings"}


def _padding(planned: PlannedLayer) -> str:
    windows = planned.spec.windows  # type: ignore[attr-defined]
    if windows.only_before:
        return "causal"
    if windows.only_inside:
        return "valid"
    if not is_same(windows):
        raise NotInKerasError(
            f"{planned.context.name} has a stride of {windows.stride}, for which Keras lays its "
            "windows by the length of a sequence"
        )
    return "same"


def _conv(planned: PlannedLayer) -> Converted:
    spec: Any = planned.spec
    if spec.stride > 1 and spec.dilation > 1:
        raise NotInKerasError(f"{planned.context.name} has a stride and a dilation")
    _check_activation(planned, spec.activation)
    config = {
        "filters": spec.filters, "kernel_size": [spec.kernel_size], "strides": [spec.stride],
        "padding": _padding(planned), "dilation_rate": [spec.dilation],
        "activation": spec.activation, "use_bias": spec.bias,
    }  # fmt: skip
    return "Conv1D", config, {"": "kernel bias" if spec.bias else "kernel"}


_MOVING_POOLS = {"maxpool": "MaxPooling1D", "avgpool": "AveragePooling1D"}


def _moving_pool(planned: PlannedLayer) -> Converted:
    spec: Any = planned.spec
    if spec.windows.only_before and spec.width > 1:
        raise NotInKerasError(f"{planned.context.name} looks back only")
    config = {"pool_size": [spec.width], "strides": [spec.windows.stride]}
    return _MOVING_POOLS[spec.kind], {**config, "padding": _padding(planned)}, {}


def _pool(planned: PlannedLayer) -> Converted:
    spec: Any = planned.spec
    kinds = {"mean": "GlobalAveragePooling1D", "max": "GlobalMaxPooling1D"}
    if spec.how not in kinds or spec.parts > 1:
        raise NotInKerasError(f"{planned.context.name} is {spec}")
    return kinds[spec.how], {}, {}


def _batch_norm(planned: PlannedLayer) -> Converted:
    spec: Any = planned.spec
    config = {"axis": -1, "momentum": spec.momentum, "epsilon": spec.epsilon}
    return "BatchNormalization", config, {"": "gamma beta moving_mean moving_variance"}


def _layer_norm(planned: PlannedLayer) -> Converted:
    spec: Any = planned.spec
    return "LayerNormalization", {"axis": -1, "epsilon": spec.epsilon}, {"": "gamma beta"}


def _dropout(planned: PlannedLayer) -> Converted:
    return "Dropout", {"rate": planned.spec.rate}, {}  # type: ignore[attr-defined]


def _prelu(planned: PlannedLayer) -> Converted:
    return "PReLU", {"shared_axes": [1] if planned.shape.sequence else None}, {"": "alpha"}


def _leaky_relu(planned: PlannedLayer) -> Converted:
    return "LeakyReLU", {"negative_slope": planned.spec.slope}, {}  # type: ignore[attr-defined]


def _activation(planned: PlannedLayer) -> Converted:
    spec: LayerSpec = planned.spec
    usual = ACTIVATIONS.get(spec.kind)
    if usual is None or any(v != vars(spec)[n] for n, v in vars(usual).items() if n != "name"):
        raise NotInKerasError(f"{planned.context.name} is {spec}")
    _check_activation(planned, spec.kind)
    return "Activation", {"activation": spec.kind}, {}


def _check_activation(planned: PlannedLayer, name: str) -> None:
    if name not in ACTIVATIONS:  # of the user's own
        raise NotInKerasError(f"{planned.context.name} has the activation {name}")


_SPECS: dict[str, Callable[[PlannedLayer], Converted]] = {
    **dict.fromkeys(("lstm", "gru", "rnn"), _recurrent),
    **dict.fromkeys(("bilstm", "bigru", "birnn"), _bidirectional),
    "dense": _dense, "embedding": _embedding, "conv": _conv, "pool": _pool,
    **dict.fromkeys(_MOVING_POOLS, _moving_pool),
    "flatten": lambda _: ("Flatten", {}, {}), "batchnorm": _batch_norm, "layernorm": _layer_norm,
    "dropout": _dropout, "prelu": _prelu, "leaky_relu": _leaky_relu,
}  # fmt: skip
