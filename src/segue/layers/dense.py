"""A fully connected layer; on a sequence it acts on each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

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


class JoiningHead(DenseLayer):
    """A head that sees static features beside what the layers before it say.

    They are its state: step by step, and piece by piece, it carries on what it was given first.
    """

    def step(self, x_t: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return super().step(torch.cat([x_t, state], dim=-1), None)[0], state

    def forward_from(
        self, x: Tensor, state: Tensor, draws: Draws | None = None
    ) -> tuple[Any, Tensor]:
        return self(torch.cat([x, state], dim=-1), draws), state


def head(units: int, shape: Shape, seed: int, static: int = 0) -> DenseLayer:
    """The implied last layer of an estimator's network.

    Args:
        units: what it answers.
        shape: of what the layer before it says.
        seed: of the initial weights.
        static: how many static features it sees besides.
    """
    kind = JoiningHead if static else DenseLayer
    place = Place("head", shape.with_features(shape.features + static), seed=seed)
    layer = kind(Dense(units), place)
    layer.kind = Dense.kind
    return layer
