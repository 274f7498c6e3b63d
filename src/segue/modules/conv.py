"""Module of `conv`."""

from __future__ import annotations

from torch import Tensor

from segue.layers.activations import ACTIVATIONS
from segue.layers.base import BuildContext
from segue.layers.conv import Conv, ConvInference
from segue.modules.windows import WindowLayer, slide


class ConvLayer(WindowLayer):
    """Weights: `kernel` [kernel_size, in, filters], `bias` [filters]."""

    kernel: Tensor
    bias: Tensor | None

    def __init__(self, spec: Conv, context: BuildContext) -> None:
        super().__init__(spec, context)
        self.add_weights(ConvInference, context)
        if not spec.bias:
            self.register_parameter("bias", None)
        self.activation = ACTIVATIONS[spec.activation]

    def slide(self, x: Tensor) -> Tensor:
        return slide(x, self.kernel, self.bias, self.windows.stride, self.windows.dilation)
