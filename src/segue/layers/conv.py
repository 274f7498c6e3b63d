"""A convolution over time, exact on sequences of unequal length.

LeCun et al., "Gradient-based learning applied to document recognition", Proc. IEEE 86(11), 1998.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from segue.errors import NotCausalError
from segue.layers.activations import ACTIVATIONS, Activation
from segue.layers.base import Layer, LayerSpec, Place, glorot_uniform
from segue.layers.windows import Windows
from segue.padded import Padded
from segue.randomness import Draws
from segue.spec import Count, Name


@dataclass(frozen=True)
class Conv(LayerSpec):
    """`conv(filters, width)`: each step becomes a weighted sum of the steps around it.

    Beyond the ends of a sequence it sees zeros. A sequence keeps its length, or with a stride a
    part of it, rounded up. Where the window lies follows from its width alone: of an even width
    one step more lies after than before.

    Args:
        filters: features that come out.
        width: steps in a window.
        activation: linear unless it is given.
        stride: steps from one window to the next.
        dilation: steps from one tap of a window to the next.
        causal: whether a window ends at its own step.
        bias: whether there is one.
        name: the layer's own name.
    """

    kind: ClassVar[str] = "conv"
    takes: ClassVar[Literal["sequence"]] = "sequence"

    filters: Count
    width: Count
    activation: Activation = "linear"
    stride: Count = 1
    dilation: Count = 1
    causal: bool = False
    bias: bool = True
    name: Name | None = None

    def build(self, place: Place) -> Layer:
        return ConvLayer(self, place)


class ConvLayer(Layer):
    """Weights: `kernel` [width, in, filters], `bias` [filters]."""

    def __init__(self, spec: Conv, place: Place) -> None:
        shape = place.shape.with_features(spec.filters).with_stride(spec.stride)
        super().__init__(place.name, shape)
        self.windows = Windows(spec.width, spec.stride, spec.dilation, spec.causal)
        self.causal = self.windows.causal
        size = (spec.width, place.shape.features, spec.filters)
        self.kernel = glorot_uniform(size, place.generator("kernel"))
        self.bias = nn.Parameter(torch.zeros(spec.filters)) if spec.bias else None
        self.activation = ACTIVATIONS[spec.activation]

    def forward(self, x: Padded, draws: Draws | None = None) -> Padded | Tensor:
        values = self._multiply(self.windows.surround(x.filled(0.0), 0.0))
        return self.activation(Padded(values, self.windows.lengths(x.lengths)))

    def initial_state(self, batch: int) -> Tensor:
        """The steps before the first one, `[batch, span - 1, in]`."""
        return self.kernel.new_zeros(batch, self.windows.span - 1, self.kernel.shape[1])

    def forward_from(
        self, x: Padded, state: Tensor, draws: Draws | None = None
    ) -> tuple[Padded | Tensor, Tensor]:
        if not self.causal:
            raise self.not_causal()
        seen = torch.cat([state, x.filled(0.0)], dim=1)
        values = self.activation(Padded(self._multiply(seen), x.lengths))
        return values, seen[:, seen.shape[1] - state.shape[1] :]

    def step(self, x_t: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        if not self.causal:
            raise self.not_causal()
        seen = torch.cat([state, x_t[:, None]], dim=1)
        return self.activation.apply(self._multiply(seen)[:, 0]), seen[:, 1:]

    def _multiply(self, x: Tensor) -> Tensor:
        """Windows of `[batch, time, in]` that lie wholly inside.

        As a picture of height one whose channels lie next to each other in memory: on the CPU it
        takes half the time of `conv1d`, and nothing has to be turned.
        """
        picture = x.transpose(1, 2).unsqueeze(2)
        kernel = self.kernel.permute(2, 1, 0).unsqueeze(2).contiguous()
        stride, dilation = (1, self.windows.stride), (1, self.windows.dilation)
        values = functional.conv2d(picture, kernel, self.bias, stride, 0, dilation)
        return values.squeeze(2).transpose(1, 2)

    def not_causal(self) -> NotCausalError:
        return self.windows.refusal(self.name)

    def activation_size(self, time: int) -> int:
        return (self.kernel.shape[1] + 2 * self.shape.features) * time
