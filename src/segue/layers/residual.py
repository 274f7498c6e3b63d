"""A way around layers: what goes in is added to what comes out.

He, Zhang, Ren & Sun, "Deep residual learning for image recognition", CVPR 2016.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from segue.errors import SpecError
from segue.layers.activations import Activation
from segue.layers.base import Layer, LayerSpec, Place, Takes
from segue.layers.chain import Chain, needs_of
from segue.layers.conv import Conv
from segue.layers.dense import Dense
from segue.layers.nesting import Layers
from segue.layers.parallel import ParallelLayer
from segue.spec import Name


@dataclass(frozen=True)
class Residual(LayerSpec):
    """`residual(conv(64, 3) batchnorm relu)`: `activation(layers(x) + x)`.

    Args:
        layers: of which the input is added to the output.
        shortcut: layers on the way around. Without them the input goes around as it is or, where
            the number of features or of steps differs, through a learnt product at each step.
        activation: of the sum; linear unless it is given.
        name: the layer's own name. Those inside are called `residual_1/conv_1`, and those on the
            way around `residual_1/shortcut/conv_1`.
    """

    kind: ClassVar[str] = "residual"

    layers: Layers
    shortcut: Layers | None = None
    activation: Activation = "linear"
    name: Name | None = None

    def needs(self) -> Takes:
        return needs_of(self.layers)

    def inside(self) -> tuple[LayerSpec, ...]:
        return (*self.layers, *(self.shortcut or ()))

    def build(self, place: Place) -> Layer:
        if any(spec.name == "shortcut" for spec in self.layers):
            raise SpecError(f"{place.name}: `shortcut` is the name of the way around; use another.")
        inner = replace(place, every=place.shape.sequence)
        layers = Chain(self.layers, inner)
        if layers.shape.sequence != place.shape.sequence:
            raise SpecError(
                f"{place.name}: the layers inside end the sequence, so what came in cannot be "
                "added. Put what ends it behind the residual."
            )
        around = self._way_around(inner, layers)
        return ParallelLayer(place.name, [layers, around], "sum", self.activation)

    def _way_around(self, place: Place, layers: Chain) -> Chain:
        if self.shortcut is not None:
            return Chain(self.shortcut, place.within("shortcut"))
        features, stride = layers.shape.features, layers.shape.stride // place.shape.stride
        if (features, stride) == (place.shape.features, 1):
            return Chain((), place)
        product: LayerSpec = Dense(features, bias=False, name="shortcut")
        if place.shape.sequence:
            product = Conv(features, 1, stride=stride, bias=False, name="shortcut")
        return Chain((product,), place)
