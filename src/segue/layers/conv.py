"""Windows that slide over time: `conv`, `maxpool`, and the untrained `random_conv`."""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass
from typing import Any, ClassVar

from segue.errors import renamed_arguments
from segue.layers.activations import Activation
from segue.layers.base import BuildContext, LayerSpec, Shape
from segue.spec import Alias, Aliases, Count, Name


@dataclass(frozen=True)
class Windows:
    """Windows along time, one for every `stride`-th step.

    Attributes:
        width: steps in a window.
        stride: steps from one window to the next.
        dilation: steps from one entry of a window to the next.
        only_before: whether a window ends at its own step.

    >>> windows = Windows(width=4, stride=2, dilation=1, only_before=False)
    >>> windows.before, windows.after
    (1, 2)
    """

    width: int
    stride: int = 1
    dilation: int = 1
    only_before: bool = False

    @property
    def span(self) -> int:
        """Steps from the first to the last entry of a window, both counted."""
        return (self.width - 1) * self.dilation + 1

    @property
    def before(self) -> int:
        """Steps of a window before its own; independent of the length of the sequence."""
        return self.span - 1 if self.only_before else (self.span - 1) // 2

    @property
    def after(self) -> int:
        """Steps of a window after its own."""
        return self.span - 1 - self.before

    @property
    def causal(self) -> bool:
        """Whether each input step gives one output step, of that step and earlier ones only."""
        return self.after == 0 and self.stride == 1

    def lengths(self, lengths: Any) -> Any:
        """The number of windows of sequences of these lengths (an integer tensor or array)."""
        return lengths if self.stride == 1 else (lengths + self.stride - 1) // self.stride

    def not_causal_message(self, name: str) -> str:
        """The message of the error for a stream: why a layer with these windows is not causal."""
        if self.stride > 1:
            return (
                f"{name} has stride={self.stride}: it gives one answer for {self.stride} steps, so "
                "it cannot go step by step. With stride=1 it can, if causal=true."
            )
        ahead = "1 step" if self.after == 1 else f"{self.after} steps"
        return f"{name} looks {ahead} ahead, so it cannot go step by step; with causal=true it can."


class WindowSpec(LayerSpec, abc.ABC, input_kind="sequence"):
    """A layer that slides windows over time."""

    @property
    @abc.abstractmethod
    def windows(self) -> Windows:
        """Where its windows lie."""

    @property
    def is_causal(self) -> bool:
        return self.windows.causal

    def output_shape(self, context: BuildContext) -> Shape:
        return context.shape.with_stride(self.windows.stride)


@renamed_arguments(width="kernel_size")
@dataclass(frozen=True)
class Conv(WindowSpec, kind="conv"):
    """`conv(filters, kernel_size)`: each step becomes a weighted sum of the steps around it.

    Beyond the ends of a sequence it sees zeros. A sequence keeps its length, or with a stride a
    part of it, rounded up. The position of the window depends on its size only: of an even size one
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
    name: Name | None = None

    @property
    def windows(self) -> Windows:
        return Windows(self.kernel_size, self.stride, self.dilation, self.causal)

    def output_shape(self, context: BuildContext) -> Shape:
        return super().output_shape(context).with_features(self.filters)


@dataclass(frozen=True)
class MaxPool(WindowSpec, kind="maxpool"):
    """`maxpool(width)`: the largest value of each feature in windows of `width` steps.

    Args:
        width: steps in a window; its position is that of a `conv`, and it sees real steps only.
        stride: steps from one window to the next; the width unless it is given.
        causal: whether a window ends at its own step.
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
    name: Name | None = None

    @property
    def windows(self) -> Windows:
        return Windows(self.width, self.stride or self.width, only_before=self.causal)


_LONGEST = 256  # reach of the kernels where neither data nor user give one


@renamed_arguments(width="kernel_size")
@dataclass(frozen=True)
class RandomConv(LayerSpec, kind="random_conv", input_kind="sequence"):
    """`random_conv(kernels)`: ends the sequence in two features for each random kernel.

    They are the share of steps at which the kernel's response is positive, and its largest
    response. Kernels are drawn once, from the seed, and are not trained: their weights from a
    normal distribution, less their mean, their biases evenly from -1 to 1, so the input should be
    standardized; their dilations are powers of two, equally many kernels of each, and of several
    channels each kernel sees some. Each looks back only, so that a sequence can be followed step by
    step.

    Dempster, Petitjean & Webb, "ROCKET: exceptionally fast and accurate time series classification
    using random convolutional kernels", Data Mining and Knowledge Discovery 34, 2020. Unlike the
    paper's, all kernels have one size, look at the steps before their own, and "positive" has an
    edge of a tenth.

    Args:
        kernels: how many.
        kernel_size: taps of each.
        longest: steps that the widest kernels may span; the length of the sequences if they have
            one, else 256.
        name: the layer's own name.
    """

    aliases: ClassVar[Aliases] = {"width": Alias("kernel_size")}

    kernels: Count
    kernel_size: Count = 9
    longest: Count | None = None
    name: Name | None = None

    def output_shape(self, context: BuildContext) -> Shape:
        return context.shape.ended(2 * self.kernels)

    def kernels_by_dilation(self, shape: Shape) -> list[int]:
        """The number of kernels with the dilations 1, 2, 4, ...; none spans more than `longest`.

        >>> RandomConv(10, longest=50).kernels_by_dilation(Shape(1))
        [4, 3, 3]
        """
        longest = self.longest or shape.length or _LONGEST
        reach = max(1, longest - 1) // max(1, self.kernel_size - 1)
        groups = min(self.kernels, max(1, math.floor(math.log2(max(1, reach))) + 1))
        return [len(range(first, self.kernels, groups)) for first in range(groups)]
