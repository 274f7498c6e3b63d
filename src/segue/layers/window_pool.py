"""The largest value and the mean of windows along time: `maxpool` and `avgpool`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from segue.data.arrays import Array
from segue.kernels.ragged import Ragged
from segue.layers.base import BuildContext, TorchSource
from segue.layers.windows import Padding, WindowInference, Windows, WindowSpec
from segue.onnx_graph import Steps, Value, largest, smallest
from segue.spec import Alias, Aliases, Count, Name


class MaxPoolInference(WindowInference):
    """No weights."""

    padding = -math.inf

    def slide(self, x: Ragged, out_offsets: Array, before: int) -> Ragged:
        width, stride = self.windows.width, self.windows.stride
        largest = self.kernels.max_pool(
            x.values, x.offsets, out_offsets, width=width, stride=stride, before=before
        )
        return Ragged(largest, out_offsets)

    def slide_onnx(self, x: Value, pads: tuple[int, int]) -> Value:
        windows = self.windows
        shape = {"kernel_shape": [windows.width], "strides": [windows.stride]}
        return x.op("MaxPool", pads=list(pads), **shape)

    def write_onnx(self, x: Steps) -> Steps:
        found = super().write_onnx(x)
        return found._replace(values=found.filled(0.0))  # behind the ends it is infinite


@dataclass(frozen=True)
class MaxPool(WindowSpec, kind="maxpool", inference=MaxPoolInference):
    """`maxpool(width)`: the largest value of each feature in windows of `width` steps.

    Args:
        width: steps in a window; its position is that of a `conv`, and it sees real steps only.
        stride: steps from one window to the next; the width unless it is given.
        causal: whether a window ends at its own step.
        padding: "same", or "valid": no window reaches beyond the ends.
        name: the layer's own name.
    """

    aliases: ClassVar[Aliases] = {
        "pool_size": Alias("width"),
        "kernel_size": Alias("width"),
        "strides": Alias("stride"),
    }

    width: Count
    stride: Count | None = None
    causal: bool = False
    padding: Padding = "same"
    name: Name | None = None

    @property
    def windows(self) -> Windows:
        stride, inside = self.stride or self.width, self.padding == "valid"
        return Windows(self.width, stride, only_before=self.causal, only_inside=inside)

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        one = self.windows
        sizes = f"{one.width}, {one.stride}, {one.padding[0]}, {one.padding[1]}"
        source.steps.append(f"x = largest_nearby(x, lengths, {sizes})")
        one.write_torch(source)


class AvgPoolInference(WindowInference):
    """No weights."""

    def slide(self, x: Ragged, out_offsets: Array, before: int) -> Ragged:
        width, stride = self.windows.width, self.windows.stride
        means = self.kernels.avg_pool(
            x.values, x.offsets, out_offsets, width=width, stride=stride, before=before
        )
        return Ragged(means, out_offsets)

    def slide_onnx(self, x: Value, pads: tuple[int, int]) -> Value:
        """The mean of all steps, with zeros beyond the ends."""
        windows = self.windows
        shape = {"kernel_shape": [windows.width], "strides": [windows.stride]}
        return x.op("AveragePool", pads=list(pads), count_include_pad=1, **shape)

    def write_onnx(self, x: Steps) -> Steps:
        found, windows = super().write_onnx(x), self.windows
        if windows.padding == (0, 0):
            return found
        begin = x.values.graph.range(found.values.size(1)) * windows.stride - windows.before
        lengths = x.lengths.unsqueeze(1)
        end = smallest(begin + windows.width, lengths)
        real = largest(end - largest(begin, begin * 0), begin * 0 + 1)  # [batch, window]
        share = real.cast(np.float32).unsqueeze(2) / windows.width
        return found._replace(values=found.values / share)


@dataclass(frozen=True)
class AvgPool(WindowSpec, kind="avgpool", inference=AvgPoolInference):
    """`avgpool(width)`: the mean of each feature in windows of `width` steps.

    Args:
        width: steps in a window; its position is that of a `conv`, and it sees real steps only.
        stride: steps from one window to the next; the width unless it is given.
        padding: "same", or "valid": no window reaches beyond the ends.
        name: the layer's own name.
    """

    aliases: ClassVar[Aliases] = MaxPool.aliases

    width: Count
    stride: Count | None = None
    padding: Padding = "same"
    name: Name | None = None

    @property
    def windows(self) -> Windows:
        stride, inside = self.stride or self.width, self.padding == "valid"
        return Windows(self.width, stride, only_inside=inside)

    @property
    def is_causal(self) -> bool:
        return self.width == 1 and super().is_causal

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        one = self.windows
        sizes = f"{one.width}, {one.stride}, {one.padding[0]}, {one.padding[1]}"
        source.steps.append(f"x = mean_nearby(x, lengths, {sizes})")
        one.write_torch(source)
