"""Layer normalisation: Ba, Kiros & Hinton, "Layer normalization", 2016."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from segue.layers.base import Layer, LayerSpec, Place, each_step
from segue.layers.batchnorm import Positive
from segue.padded import Padded
from segue.randomness import Draws
from segue.spec import Name


@dataclass(frozen=True)
class LayerNorm(LayerSpec):
    """`layernorm`: the features of each step less their mean, divided by their deviation.

    Args:
        epsilon: added to the variance, as in Keras.
        name: the layer's own name.
    """

    kind: ClassVar[str] = "layernorm"

    epsilon: Positive = 1e-3
    name: Name | None = None

    def build(self, place: Place) -> Layer:
        return LayerNormLayer(self, place)


class LayerNormLayer(Layer):
    """Weights: `gamma`, `beta` [feature]."""

    def __init__(self, spec: LayerNorm, place: Place) -> None:
        super().__init__(place.name, place.shape)
        self.epsilon = spec.epsilon
        self.gamma = nn.Parameter(torch.ones(place.shape.features))
        self.beta = nn.Parameter(torch.zeros(place.shape.features))

    def forward(self, x: Padded | Tensor, draws: Draws | None = None) -> Padded | Tensor:
        return each_step(self._normalize, x)

    def step(self, x_t: Tensor, state: None) -> tuple[Tensor, None]:
        return self._normalize(x_t), None

    def _normalize(self, x: Tensor) -> Tensor:
        return functional.layer_norm(x, self.gamma.shape, self.gamma, self.beta, self.epsilon)
