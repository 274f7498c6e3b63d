"""Weights of Keras without the layers: those of a network that the user names."""

from __future__ import annotations

from segue.errors import ModelFileError, SpecError
from segue.layers import LayerSpec, Shape
from segue.layers.base import BuildContext, PlannedLayer, plan_layers
from segue.networks import NetworkLike, as_specs
from segue.weights.foreign import ForeignNetwork
from segue.weights.keras_config import KerasLayer, snake_case
from segue.weights.keras_file import StoredWeights
from segue.weights.keras_layers import translate
from segue.weights.keras_specs import KerasEntry, NotInKerasError, entry_of


def with_network(stored: StoredWeights, network: NetworkLike) -> ForeignNetwork:
    """The network of the weights of a `.weights.h5` file.

    Args:
        stored: the weights.
        network: its layers, the head too.

    Raises:
        ModelFileError: the weights are not those of these layers.
        SpecError: layers that Keras does not have.
    """
    specs = as_specs(network)
    shape = _input_shape(stored, specs)
    axes = [None] if shape.tokens is not None else [None, shape.features]
    layers = [KerasLayer("InputLayer", {"name": "input", "batch_shape": [None, *axes]}, "")]
    counts: dict[str, int] = {}
    for planned in plan_layers(specs, BuildContext("", shape)):
        try:
            entry = entry_of(planned)
        except NotInKerasError as error:
            raise SpecError(f"{error}, which Keras does not have.") from error
        layers.append(_stored_layer(stored, entry, counts, planned))
    return translate(layers, stored)


def _stored_layer(
    stored: StoredWeights, entry: KerasEntry, counts: dict[str, int], planned: PlannedLayer
) -> KerasLayer:
    """The layer with its group in the file, which is counted by class.

    A dense layer may be one that TimeDistributed holds: it is where the shape is the wanted one.
    """
    path = _path(entry.kind, counts)
    if entry.kind == "Dense":
        wanted = planned.spec.weight_shapes(planned.context)["kernel"]
        outer = _path("TimeDistributed", counts)
        plain, held = (stored.arrays.get(f"{at}/vars/0") for at in (path, f"{outer}/layer"))
        fits = plain is not None and plain.shape == wanted
        if held is not None and held.shape == wanted and not fits:
            counts["TimeDistributed"] = counts.get("TimeDistributed", 0) + 1
            config = {"name": stored.names.get(outer, outer), "layer": entry.to_json()}
            return KerasLayer("TimeDistributed", config, outer)
    counts[entry.kind] = counts.get(entry.kind, 0) + 1
    name = stored.names.get(path, entry.config["name"])
    return KerasLayer(entry.kind, {**entry.config, "name": name}, path)


def _path(kind: str, counts: dict[str, int]) -> str:
    number = counts.get(kind, 0)
    return f"layers/{snake_case(kind)}" + (f"_{number}" if number else "")


def _input_shape(stored: StoredWeights, specs: tuple[LayerSpec, ...]) -> Shape:
    """Channels, or tokens, of the first layer that has weights."""
    for spec in specs:
        if spec.kind == "embedding":
            return Shape(1, tokens=spec.tokens or _rows(stored))  # type: ignore[attr-defined]
        group = _FIRST.get(spec.kind)
        if group is not None:
            array = stored.arrays.get(f"layers/{group}/vars/0")
            if array is None:
                raise ModelFileError(
                    f"weights are missing: there is no layers/{group}, of the first {spec.kind}.",
                    path=stored.source,
                )
            return Shape(array.shape[-1 if array.ndim == 1 else -2])
    raise SpecError("`network` has no layer with weights.")


def _rows(stored: StoredWeights) -> int:
    rows = stored.arrays.get("layers/embedding/vars/0")
    return 1 if rows is None else len(rows)


_FIRST = {
    "lstm": "lstm/cell", "gru": "gru/cell", "rnn": "simple_rnn/cell", "conv": "conv1d",
    **dict.fromkeys(("bilstm", "bigru", "birnn"), "bidirectional/forward_layer/cell"),
    "dense": "dense", "batchnorm": "batch_normalization", "layernorm": "layer_normalization",
    "prelu": "p_re_lu",
}  # fmt: skip
