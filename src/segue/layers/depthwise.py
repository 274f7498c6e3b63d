"""Convolutions of each feature by itself: `depthwise_conv` and `handcrafted_conv`."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator

from segue.data.arrays import Array
from segue.kernels.ragged import Ragged
from segue.layers.base import BuildContext, Shape, TorchSource
from segue.layers.inference import WeightShapes
from segue.layers.initial import Initializers, glorot_uniform
from segue.layers.windows import Padding, WindowInference, Windows, WindowSpec, conv_onnx
from segue.onnx_graph import Value
from segue.spec import Alias, Aliases, Count, Name


class DepthwiseConvInference(WindowInference):
    """Weights: `kernel` [kernel_size, 1, in * multiplier], `bias` [in * multiplier].

    Those of one feature lie side by side.
    """

    initializers: ClassVar[Initializers] = {"kernel": glorot_uniform}

    @classmethod
    def weight_shapes(cls, spec: Any, context: BuildContext) -> WeightShapes:
        outputs = context.shape.features * spec.multiplier
        kernel = (spec.windows.width, 1, outputs)
        return {"kernel": kernel, "bias": (outputs,)} if spec.bias else {"kernel": kernel}

    def __init__(self, spec: Any, context: BuildContext, weights: Mapping[str, Array]) -> None:
        super().__init__(spec, context, weights)
        self._kernel = weights["kernel"][:, 0]
        self._bias = weights.get("bias")

    def slide(self, x: Ragged, out_offsets: Array, before: int) -> Ragged:
        # Between the sequences lie as many zeros as a window reaches, so that all windows are one
        # sum of shifted copies; those are taken that belong to an output.
        stride, dilation, reach = self.windows.stride, self.windows.dilation, self.reach
        number = np.arange(len(x.offsets) - 1)
        begin = x.offsets[:-1] + (number + 1) * reach
        padded = np.zeros((len(x.values) + (len(number) + 1) * reach, self.inputs), np.float32)
        padded[np.arange(len(x.values)) + np.repeat((number + 1) * reach, x.lengths)] = x.values
        padded = np.repeat(padded, self.spec.multiplier, axis=1)
        total = np.zeros((len(padded) - reach, padded.shape[1]), np.float32)
        for tap, weights in enumerate(self._kernel):
            total += padded[tap * dilation :][: len(total)] * weights
        counts = np.diff(out_offsets)
        first = np.repeat(begin - before - stride * out_offsets[:-1], counts)
        found = total[first + stride * np.arange(out_offsets[-1])]
        return Ragged(found if self._bias is None else found + self._bias, out_offsets)

    def slide_onnx(self, x: Value, pads: tuple[int, int]) -> Value:
        return conv_onnx(
            x, self._given["kernel"], self._bias, self.windows, pads, groups=self.inputs
        )


class DepthwiseSpec(WindowSpec, abc.ABC, module_name="DepthwiseConvLayer"):
    """A layer of windows of each feature by itself."""

    multiplier: int
    bias: bool

    def output_shape(self, context: BuildContext) -> Shape:
        outputs = context.shape.features * self.multiplier
        return super().output_shape(context).with_features(outputs)

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        inputs, windows = context.shape.features, self.windows
        sizes = f"{inputs}, {inputs * self.multiplier}, {windows.width}, groups={inputs}"
        options = f", stride={windows.stride}, dilation={windows.dilation}, bias={self.bias}"
        name = source.module(context.name, f"nn.Conv1d({sizes}{options})", "copy_conv")
        around = f"{windows.padding[0]}, {windows.padding[1]}"
        source.steps.append(f"x = slide(self.{name}, x, lengths, {around})")
        windows.write_torch(source)


@dataclass(frozen=True)
class DepthwiseConv(DepthwiseSpec, kind="depthwise_conv", inference=DepthwiseConvInference):
    """`depthwise_conv(kernel_size)`: a convolution of each feature by itself.

    With a `conv(filters, 1)` behind it, it is a separable convolution, which has far fewer weights
    than a `conv(filters, kernel_size)`. Chollet, "Xception: deep learning with depthwise separable
    convolutions", CVPR 2017.

    Args:
        kernel_size: steps in a window; their position is that of a `conv`.
        multiplier: outputs of each feature.
        stride: steps from one window to the next.
        dilation: steps from one tap of a window to the next.
        causal: whether a window ends at its own step.
        bias: whether there is one.
        padding: "same", or "valid": no window reaches beyond the ends.
        name: the layer's own name.
    """

    aliases: ClassVar[Aliases] = {
        "depth_multiplier": Alias("multiplier"),
        "strides": Alias("stride"),
        "dilation_rate": Alias("dilation"),
        "use_bias": Alias("bias"),
    }

    kernel_size: Count
    multiplier: Count = 1
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


# Of the filters that are made by hand: the sizes of those that find rises and falls, of which all
# but the first are two thirds of a filter that finds peaks.
_SIZES = (2, 4, 8, 16, 32, 64)
_WIDEST = 96


def handcrafted_filters() -> Array:
    """The filters of `handcrafted_conv`: for rises, for falls, and for peaks, `[96, 17]`.

    >>> filters = handcrafted_filters()
    >>> filters[46:50, 0].tolist(), filters[46:50, 1].tolist()
    ([0.0, -1.0, 1.0, 0.0], [-1.0, 1.0, -1.0, 1.0])
    """
    signs = [np.where(np.arange(size) % 2, 1.0, -1.0) for size in _SIZES]
    peaks = []
    for size in _SIZES[1:]:
        rise = (np.arange(1, size // 4 + 1) / (size // 4)) ** 2
        bump = np.concatenate([rise, rise[::-1]])
        peaks.append(np.concatenate([-bump, 2 * bump, -bump]))
    filters = [*signs, *(-sign for sign in signs), *peaks]
    found = np.zeros((_WIDEST, len(filters)), np.float32)
    for column, values in zip(found.T, filters, strict=True):
        first = (_WIDEST - 1) // 2 - (len(values) - 1) // 2  # each around its own step
        column[first : first + len(values)] = values
    return found


def _handcrafted(shape: tuple[int, ...], generator: Generator) -> Array:  # noqa: ARG001
    """The same filters of each feature, and no draw at all."""
    filters = handcrafted_filters()
    return np.tile(filters, shape[-1] // filters.shape[1])[:, None]


class HandcraftedConvInference(DepthwiseConvInference):
    """Weights, not trained: `kernel` [96, 1, in * 17]."""

    fixed = ("kernel",)
    initializers: ClassVar[Initializers] = {"kernel": _handcrafted}


@dataclass(frozen=True)
class HandcraftedConv(
    DepthwiseSpec,
    kind="handcrafted_conv",
    inference=HandcraftedConvInference,
    multiplier=17,
    bias=False,
):
    """`handcrafted_conv`: 17 filters of each feature that are made by hand and not trained.

    Six alternate between -1 and 1 and find rises, six find falls, and five find peaks; they have 2
    to 96 taps. Ismail-Fawaz, Devanne, Weber & Forestier, "Deep learning for time series
    classification using new hand-crafted convolution filters", IEEE Big Data 2022.

    Args:
        name: the layer's own name.
    """

    name: Name | None = None

    @property
    def windows(self) -> Windows:
        return Windows(_WIDEST)
