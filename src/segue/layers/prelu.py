"""A relu that learns how much of what is negative it lets through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from segue.layers.activations import NotNegative
from segue.layers.base import Layer, LayerSpec, Place, each_step
from segue.padded import Padded
from segue.randomness import Draws
from segue.spec import Name


@dataclass(frozen=True)
class PReLU(LayerSpec):
    """`prelu`: x, or alpha * x below 0, with an alpha for each feature that is learnt.

    The same alphas at every step. He, Zhang, Ren & Sun, "Delving deep into rectifiers", ICCV 2015.

    Args:
        alpha: what every alpha is at first.
        name: the layer's own name.
    """

    kind: ClassVar[str] = "prelu"

    alpha: NotNegative = 0.25
    name: Name | None = None

    def build(self, place: Place) -> Layer:
        return PReLULayer(self, place)


class PReLULayer(Layer):
    """Weights: `alpha` [feature]."""

    def __init__(self, spec: PReLU, place: Place) -> None:
        super().__init__(place.name, place.shape)
        self.alpha = nn.Parameter(torch.full((place.shape.features,), spec.alpha))

    def forward(self, x: Padded | Tensor, draws: Draws | None = None) -> Padded | Tensor:
        return each_step(self._bend, x)

    def step(self, x_t: Tensor, state: None) -> tuple[Tensor, None]:
        return self._bend(x_t), None

    def _bend(self, x: Tensor) -> Tensor:
        return torch.where(x < 0, self.alpha * x, x)
