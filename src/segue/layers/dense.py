"""A fully connected layer; on a sequence it acts on each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from segue.layers.activations import ACTIVATIONS, Activation
from segue.layers.base import (
    Layer,
    LayerSpec,
    Place,
    Shape,
    each_step,
    glorot_uniform,
)
from segue.padded import Padded
from segue.randomness import Draws
from segue.spec import Count, Name


@dataclass(frozen=True)
class Dense(LayerSpec):
    """`dense(units, activation=linear)`: `activation(x @ kernel + bias)`.

    On a sequence it acts on each step, as Keras's `TimeDistributed(Dense(...))` does.

    Args:
        units: features that come out.
        activation: linear unless it is given.
        bias: whether there is one.
        name: the layer's own name.
    """

    kind: ClassVar[str] = "dense"

    units: Count
    activation: Activation = "linear"
    bias: bool = True
    name: Name | None = None

    def build(self, place: Place) -> Layer:
        return DenseLayer(self, place)


class DenseLayer(Layer):
    """Weights: `kernel` [in, out], `bias` [out]."""

    def __init__(self, spec: Dense, place: Place) -> None:
        super().__init__(place.name, place.shape.with_features(spec.units))
        size = (place.shape.features, spec.units)
        self.kernel = glorot_uniform(size, place.generator("kernel"))
        self.bias = nn.Parameter(torch.zeros(spec.units)) if spec.bias else None
        self.activation = ACTIVATIONS[spec.activation]

    def forward(self, x: Padded | Tensor, draws: Draws | None = None) -> Padded | Tensor:
        return self.activation(each_step(self._multiply, x))

    def step(self, x_t: Tensor, state: None) -> tuple[Tensor, None]:
        return self.activation.apply(self._multiply(x_t)), None

    def _multiply(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.kernel.t(), self.bias)


def head(units: int, shape: Shape, seed: int) -> DenseLayer:
    """The implied last layer of an estimator's network."""
    layer = DenseLayer(Dense(units), Place("head", shape, seed=seed))
    layer.kind = Dense.kind
    return layer
