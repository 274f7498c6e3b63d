"""A model of Keras on its way to segue: what is known of it so far, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from segue.data.arrays import Array
from segue.layers import LayerSpec, Shape
from segue.layers.activations import ACTIVATIONS
from segue.weights.foreign import ForeignLayer
from segue.weights.keras_config import KerasLayer
from segue.weights.keras_file import StoredWeights

LOSES_MASK = ("Conv1D", "MaxPooling1D", "AveragePooling1D", "GlobalMaxPooling1D", "Flatten")
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
        if self.masked and self.is_sequence and layer.kind in LOSES_MASK:
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


Converter = Callable[[Translation, KerasLayer], None]
