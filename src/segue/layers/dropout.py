"""Dropout: Srivastava et al., Journal of Machine Learning Research 15, 2014."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from segue.layers.base import Layer, LayerSpec, Place, each_step
from segue.padded import Padded
from segue.randomness import Draws
from segue.spec import Name, Rate


@dataclass(frozen=True)
class Dropout(LayerSpec):
    """`dropout(rate)`: in training each value becomes 0 with probability `rate`, the rest grow."""

    kind: ClassVar[str] = "dropout"

    rate: Rate
    name: Name | None = None

    def build(self, place: Place) -> Layer:
        return DropoutLayer(self, place)


class DropoutLayer(Layer):
    """No weights; does nothing outside training."""

    def __init__(self, spec: Dropout, place: Place) -> None:
        super().__init__(place.name, place.shape)
        self.rate = spec.rate

    def forward(self, x: Padded | Tensor, draws: Draws | None = None) -> Padded | Tensor:
        if draws is None or self.rate == 0:
            return x
        place = (self.name, draws.first) if draws.first else (self.name,)
        return each_step(lambda v: v * draws.keep_mask(tuple(v.shape), self.rate, v, *place), x)

    def step(self, x_t: Tensor, state: None) -> tuple[Tensor, None]:
        return x_t, None
