"""Module of `depthwise_conv` and `handcrafted_conv`."""

from __future__ import annotations

from torch import Tensor

from segue.layers.base import BuildContext
from segue.layers.depthwise import DepthwiseSpec
from segue.modules.windows import WindowLayer, slide


class DepthwiseConvLayer(WindowLayer):
    """Weights: `kernel` [kernel_size, 1, in * multiplier], `bias` [in * multiplier]."""

    kernel: Tensor
    bias: Tensor | None

    def __init__(self, spec: DepthwiseSpec, context: BuildContext) -> None:
        super().__init__(spec, context)
        self.add_weights(spec.inference, context)
        if not spec.bias:
            self.register_parameter("bias", None)

    def slide(self, x: Tensor) -> Tensor:
        stride, dilation = self.windows.stride, self.windows.dilation
        return slide(x, self.kernel, self.bias, stride, dilation, groups=self.channels)
