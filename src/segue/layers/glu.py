"""A gate that the features themselves give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn import functional

from segue.errors import SpecError
from segue.layers.base import Layer, LayerSpec, Place, each_step
from segue.padded import Padded
from segue.randomness import Draws
from segue.spec import Name


@dataclass(frozen=True)
class GLU(LayerSpec):
    """`glu`: the first half of the features times the sigmoid of the second half.

    So half of the features come out. Dauphin, Fan, Auli & Grangier, "Language modeling with gated
    convolutional networks", ICML 2017.

    Args:
        name: the layer's own name.
    """

    kind: ClassVar[str] = "glu"

    name: Name | None = None

    def build(self, place: Place) -> Layer:
        if place.shape.features % 2:
            raise SpecError(
                f"{place.name} halves the features, and {place.shape.features} come in: put a "
                "layer of an even number before it, such as dense(32)."
            )
        return GLULayer(place)


class GLULayer(Layer):
    """No weights; nothing is carried from step to step."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.name, place.shape.with_features(place.shape.features // 2))

    def forward(self, x: Padded | Tensor, draws: Draws | None = None) -> Padded | Tensor:
        return each_step(functional.glu, x)

    def step(self, x_t: Tensor, state: None) -> tuple[Tensor, None]:
        return functional.glu(x_t), None
