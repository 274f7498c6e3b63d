"""The largest value around each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from segue.errors import NotCausalError
from segue.layers.base import Layer, LayerSpec, Place
from segue.layers.windows import Windows
from segue.padded import Padded
from segue.randomness import Draws
from segue.spec import Count, Name


@dataclass(frozen=True)
class MaxPool(LayerSpec):
    """`maxpool(width)`: the largest value of each feature in windows of `width` steps.

    Args:
        width: steps in a window; it lies as that of a `conv`, and sees real steps only.
        stride: steps from one window to the next; as many as the width unless it is given.
        causal: whether a window ends at its own step.
        name: the layer's own name.
    """

    kind: ClassVar[str] = "maxpool"
    takes: ClassVar[Literal["sequence"]] = "sequence"

    width: Count
    stride: Count | None = None
    causal: bool = False
    name: Name | None = None

    def build(self, place: Place) -> Layer:
        return MaxPoolLayer(self, place)


class MaxPoolLayer(Layer):
    """No weights."""

    def __init__(self, spec: MaxPool, place: Place) -> None:
        stride = spec.stride or spec.width
        super().__init__(place.name, place.shape.with_stride(stride))
        self.windows = Windows(spec.width, stride, only_before=spec.causal)
        self.causal = self.windows.causal

    def forward(self, x: Padded, draws: Draws | None = None) -> Padded:
        values = self.windows.surround(x.filled(-torch.inf), -torch.inf)
        # A picture of height one, as in conv: nothing has to be turned.
        picture = values.transpose(1, 2).unsqueeze(2)
        size, stride = (1, self.windows.width), (1, self.windows.stride)
        largest = functional.max_pool2d(picture, size, stride).squeeze(2).transpose(1, 2)
        # Windows that begin beyond the end hold nothing but -infinity.
        lengths = self.windows.lengths(x.lengths)
        return Padded(Padded(largest, lengths).filled(0.0), lengths)

    def initial_state(self, batch: int) -> Tensor:
        """The steps before the first one, `[batch, width - 1, feature]`."""
        return torch.full((batch, self.windows.span - 1, self.shape.features), -torch.inf)

    def step(self, x_t: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        if not self.causal:
            raise self.not_causal()
        seen = torch.cat([state.to(x_t), x_t[:, None]], dim=1)
        return seen.amax(1), seen[:, 1:]

    def not_causal(self) -> NotCausalError:
        return self.windows.refusal(self.name)
