"""Convolutions over time: `conv`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from segue.data.arrays import Array
from segue.errors import renamed_arguments
from segue.kernels.ragged import Ragged
from segue.layers.activations import ACTIVATIONS, Activation
from segue.layers.base import BuildContext, Shape, TorchSource
from segue.layers.inference import WeightShapes
from segue.layers.initial import Initializers, glorot_uniform
from segue.layers.windows import Padding, WindowInference, Windows, WindowSpec, conv_onnx
from segue.onnx_graph import Value
from segue.spec import Alias, Aliases, Count, Name


class ConvInference(WindowInference):
    """Weights: `kernel` [kernel_size, in, filters], `bias` [filters]."""

    initializers: ClassVar[Initializers] = {"kernel": glorot_uniform}

    @classmethod
    def weight_shapes(cls, spec: Any, context: BuildContext) -> WeightShapes:
        kernel = (spec.kernel_size, context.shape.features, spec.filters)
        return {"kernel": kernel, "bias": (spec.filters,)} if spec.bias else {"kernel": kernel}

    def __init__(self, spec: Any, context: BuildContext, weights: Mapping[str, Array]) -> None:
        super().__init__(spec, context, weights)
        kernel = weights["kernel"]
        self._packed = self.kernels.pack(kernel.reshape(-1, kernel.shape[2]))
        self._bias = weights.get("bias")
        self.activation = ACTIVATIONS[spec.activation]
        self._activate: Callable[[Array], Array] = self.activation.function()

    def slide(self, x: Ragged, out_offsets: Array, before: int) -> Ragged:
        found = self.kernels.conv(
            x.values,
            x.offsets,
            out_offsets,
            self._packed,
            self._bias,
            size=self.windows.width,
            stride=self.windows.stride,
            dilation=self.windows.dilation,
            before=before,
        )
        return Ragged(self._activate(found), out_offsets)

    def slide_onnx(self, x: Value, pads: tuple[int, int]) -> Value:
        return conv_onnx(x, self._given["kernel"], self._bias, self.windows, pads)


@renamed_arguments(width="kernel_size")
@dataclass(frozen=True)
class Conv(WindowSpec, kind="conv", inference=ConvInference):
    """`conv(filters, kernel_size)`: each step becomes a weighted sum of the steps around it.

    Beyond the ends of a sequence it sees zeros. A sequence keeps its length, or with a stride a
    part of it, rounded up; with `padding=valid` it loses the steps whose window would reach beyond
    its end. The position of the window depends on its size only: of an even size one
    step more lies after than before. LeCun et al., "Gradient-based learning applied to document
    recognition", Proc. IEEE 86(11), 1998.

    Args:
        filters: features of the output.
        kernel_size: steps in a window.
        activation: linear unless it is given.
        stride: steps from one window to the next.
        dilation: steps from one tap of a window to the next.
        causal: whether a window ends at its own step.
        bias: whether there is one.
        padding: "same", or "valid": no window reaches beyond the ends.
        name: the layer's own name.
    """

    aliases: ClassVar[Aliases] = {
        "width": Alias("kernel_size"),
        "strides": Alias("stride"),
        "dilation_rate": Alias("dilation"),
        "use_bias": Alias("bias"),
    }

    filters: Count
    kernel_size: Count
    activation: Activation = "linear"
    stride: Count = 1
    dilation: Count = 1
    causal: bool = False
    bias: bool = True
    padding: Padding = "same"
    name: Name | None = None

    @property
    def windows(self) -> Windows:
        inside = self.padding == "valid"
        return Windows(self.kernel_size, self.stride, self.dilation, self.causal, inside)

    def output_shape(self, context: BuildContext) -> Shape:
        return super().output_shape(context).with_features(self.filters)

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        windows, size = (
            self.windows,
            f"{context.shape.features}, {self.filters}, {self.kernel_size}",
        )
        options = f", stride={self.stride}, dilation={self.dilation}, bias={self.bias}"
        name = source.module(context.name, f"nn.Conv1d({size}{options})", "copy_conv")
        around = f"{windows.padding[0]}, {windows.padding[1]}"
        source.steps.append(f"x = slide(self.{name}, x, lengths, {around})")
        windows.write_torch(source)
        ACTIVATIONS[self.activation].write_torch(source, context)
