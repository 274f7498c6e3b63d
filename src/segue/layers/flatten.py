"""All steps side by side: for sequences of one common length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from segue.errors import DataError, SpecError
from segue.layers.base import Layer, LayerSpec, Place
from segue.padded import Padded
from segue.randomness import Draws
from segue.spec import Name


@dataclass(frozen=True)
class Flatten(LayerSpec):
    """`flatten`: `[time, feature]` becomes `[time * feature]`, step by step."""

    kind: ClassVar[str] = "flatten"
    takes: ClassVar[Literal["sequence"]] = "sequence"

    name: Name | None = None

    def build(self, place: Place) -> Layer:
        return FlattenLayer(place)


class FlattenLayer(Layer):
    """No weights. Not causal: it needs the last step before it can say anything."""

    causal = False

    def __init__(self, place: Place) -> None:
        length = place.shape.length
        if length is None:
            raise SpecError(
                f"{place.name} needs sequences of one common length, and these differ. Use a layer "
                "that takes any length: lstm(32), or pool(mean) before a dense layer."
            )
        super().__init__(place.name, place.shape.ended(length * place.shape.features))
        self.length = length

    def forward(self, x: Padded, draws: Draws | None = None) -> Tensor:
        if not bool((x.lengths == self.length).all()):
            raise DataError(
                f"{self.name} was built for sequences of {self.length} steps; "
                f"got {int(x.lengths.min())} to {int(x.lengths.max())}."
            )
        return x.values[:, : self.length].flatten(1)
