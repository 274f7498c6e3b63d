"""Windows that slide over time: `conv`, `maxpool`, and the untrained `random_conv`."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from segue.data.arrays import Array
from segue.errors import renamed_arguments
from segue.kernels.ragged import Ragged, append, last_steps, offsets_of, quiet
from segue.layers.activations import ACTIVATIONS, Activation
from segue.layers.base import BuildContext, LayerSpec, Shape, TorchSource
from segue.layers.inference import PieceInference, WeightShapes
from segue.layers.initial import Initializers, glorot_uniform, random_kernels, uniform
from segue.onnx_graph import Steps, Value, concat, largest
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

    def write_torch(self, source: TorchSource) -> None:
        """Add the lengths of the output."""
        if self.stride > 1:
            add, stride = self.stride - 1, self.stride
            source.steps.append(f"lengths = (lengths + {add}) // {stride}")

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

    def not_causal_message(self, name: str) -> str:
        return self.windows.not_causal_message(name)


class WindowInference(PieceInference):
    """A function of windows along time; its state is the steps before the first one.

    Class attributes:
        padding: the value of these before the first step.
    """

    padding: ClassVar[float] = 0.0

    def __init__(self, spec: Any, context: BuildContext, weights: Mapping[str, Array]) -> None:
        super().__init__(spec, context, weights)
        self.windows: Windows = spec.windows
        self.reach = spec.windows.span - 1
        self.activation = ACTIVATIONS["linear"]

    @abc.abstractmethod
    def slide(self, x: Ragged, out_offsets: Array, before: int) -> Ragged:
        """The output of the windows, of which the first begins `before` steps before the first."""

    def __call__(self, x: Ragged) -> Ragged:
        out_offsets = x.offsets
        if self.windows.stride > 1:
            out_offsets = offsets_of(self.windows.lengths(x.lengths))
        return self.slide(x, out_offsets, self.windows.before)

    def initial_state(self, count: int) -> Ragged:
        """The steps before the first one, `reach` of each sequence."""
        values = np.full((count * self.reach, self.inputs), self.padding, np.float32)
        return Ragged(values, self.reach * np.arange(count + 1))

    @abc.abstractmethod
    def slide_onnx(self, x: Value, pads: tuple[int, int]) -> Value:
        """The windows in an ONNX graph: `[batch, feature, time]`, with steps beyond both ends."""

    def write_onnx(self, x: Steps) -> Steps:
        windows = self.windows
        seen = x.filled(self.padding).transpose(0, 2, 1)
        found = self.slide_onnx(seen, (windows.before, windows.after)).transpose(0, 2, 1)
        lengths = x.lengths
        if windows.stride > 1:
            lengths = (lengths + (windows.stride - 1)) // windows.stride
        return Steps(self.activation.onnx(found), lengths)

    def write_onnx_step(self, x_t: Value) -> Value:
        if not self.causal:
            raise self.not_causal()
        seen = earlier_onnx(self, x_t, self.padding)
        found: Value = self.activation.onnx(self.slide_onnx(seen, (0, 0)).squeeze(2))
        return found

    def forward_from(self, x: Ragged, state: Ragged) -> tuple[Ragged, Ragged]:
        if not self.reach:
            return self(x), state
        seen = append(state, x)
        kept = Ragged(last_steps(seen, self.reach), state.offsets)
        return self.slide(seen, x.offsets, 0), kept


def earlier_onnx(layer: Any, x_t: Value, padding: float) -> Value:
    """`[batch, feature, reach + 1]`: the steps up to this one, kept from step to step."""
    if not layer.reach:
        return x_t.unsqueeze(2)
    name, graph = f"{layer.name}/earlier", x_t.graph
    before = graph.state(name, (layer.inputs, layer.reach), padding)
    seen = concat([before, x_t.unsqueeze(2)], 2)
    graph.keep(name, seen.slice(1, layer.reach + 1, 2))
    return seen


def conv_onnx(
    x: Value, kernel: Array, bias: Array | None, windows: Windows, pads: tuple[int, int]
) -> Value:
    """A convolution in an ONNX graph: `[batch, in, time]` to `[batch, out, windows]`."""
    inputs = [x.graph.constant(kernel.transpose(2, 1, 0))]
    inputs += [] if bias is None else [x.graph.constant(bias)]
    return x.op(
        "Conv", *inputs, pads=list(pads), strides=[windows.stride], dilations=[windows.dilation]
    )


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

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        windows, size = (
            self.windows,
            f"{context.shape.features}, {self.filters}, {self.kernel_size}",
        )
        options = f", stride={self.stride}, dilation={self.dilation}, bias={self.bias}"
        name = source.module(context.name, f"nn.Conv1d({size}{options})", "copy_conv")
        around = f"{windows.before}, {windows.after}"
        source.steps.append(f"x = slide(self.{name}, x, lengths, {around})")
        windows.write_torch(source)
        ACTIVATIONS[self.activation].write_torch(source, context)


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

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        one = self.windows
        sizes = f"{one.width}, {one.stride}, {one.before}, {one.after}"
        source.steps.append(f"x = largest_nearby(x, lengths, {sizes})")
        one.write_torch(source)


# Where a response passes from not positive to positive. A sharp edge would turn the rounding of one
# sum into another feature; across a soft one nothing jumps.
EDGE = 0.1
_LONGEST = 256  # reach of the kernels where neither data nor user give one


RandomConvState = tuple[Ragged, Array, Array, Array]


class RandomConvInference(PieceInference):
    """Weights, not trained: `kernel` [kernel_size, in, kernels], `bias` [kernels].

    The state is earlier steps, sums of positive shares in float64, largest responses, and the
    number of steps.
    """

    fixed = ("kernel", "bias")
    initializers: ClassVar[Initializers] = {"kernel": random_kernels, "bias": uniform}

    @classmethod
    def weight_shapes(cls, spec: Any, context: BuildContext) -> WeightShapes:
        kernel = (spec.kernel_size, context.shape.features, spec.kernels)
        return {"kernel": kernel, "bias": (spec.kernels,)}

    def __init__(self, spec: Any, context: BuildContext, weights: Mapping[str, Array]) -> None:
        super().__init__(spec, context, weights)
        counts = self._counts = spec.kernels_by_dilation(context.shape)
        self.reach = (spec.kernel_size - 1) << (len(counts) - 1)
        self._packed = self.kernels.pack_random_conv(weights["kernel"], counts)
        self._bias = weights["bias"]

    @quiet
    def __call__(self, x: Ragged) -> Array:
        positive, largest = self._run(x, 0)
        return np.concatenate([positive / x.lengths[:, None], largest], 1, dtype=np.float32)

    def initial_state(self, count: int) -> RandomConvState:
        before = np.zeros((count * self.reach, self.inputs), np.float32)
        positive = np.zeros((count, self.spec.kernels))
        earlier = Ragged(before, self.reach * np.arange(count + 1))
        return earlier, positive, positive.astype(np.float32) - np.inf, np.zeros((count, 1))

    @quiet
    def forward_from(self, x: Ragged, state: RandomConvState) -> tuple[Array, RandomConvState]:
        before, positive, largest, count = state
        seen = append(before, x)
        shares, highest = self._run(seen, self.reach)
        positive, largest = positive + shares, np.maximum(largest, highest)
        count = count + x.lengths[:, None]
        features = np.concatenate([positive / count, largest], 1, dtype=np.float32)
        before = Ragged(last_steps(seen, self.reach), before.offsets)
        return features, (before, positive, largest, count)

    def write_onnx(self, x: Steps) -> Value:
        seen = x.filled(0.0).transpose(0, 2, 1)
        real = x.mask().unsqueeze(1)
        features: tuple[list[Value], list[Value]] = ([], [])
        for first, last, windows in self._groups():
            kernel, bias = self._given["kernel"][:, :, first:last], self._bias[first:last]
            response = conv_onnx(seen, kernel, bias, windows, (windows.before, 0))
            shares = (response / EDGE + 0.5).clip(0, 1)
            features[0].append(real.where(shares, 0.0).cast(np.float64).sum(2))
            features[1].append(real.where(response, -math.inf).max(2))
        shares, highest = (concat(values, 1) for values in features)
        shares = shares / x.lengths.cast(np.float64).unsqueeze(1)
        return concat([shares.cast(np.float32), highest], 1)

    def write_onnx_step(self, x_t: Value) -> Value:
        graph, seen = x_t.graph, earlier_onnx(self, x_t, 0.0)
        found = []
        for first, last, windows in self._groups():
            kernel, bias = self._given["kernel"][:, :, first:last], self._bias[first:last]
            within = seen.slice(self.reach + 1 - windows.span, self.reach + 1, 2)
            found.append(conv_onnx(within, kernel, bias, windows, (0, 0)).squeeze(2))
        response = concat(found, 1)
        kinds = {"positive": (0.0, np.float64), "largest": (-math.inf, np.float32)}
        positive, highest = (
            graph.state(f"{self.name}/{name}", (self.spec.kernels,), first, dtype)
            for name, (first, dtype) in kinds.items()
        )
        count = graph.state(f"{self.name}/steps", (1,), 0.0, np.float64) + 1
        positive = positive + (response / EDGE + 0.5).clip(0, 1).cast(np.float64)
        highest = largest(highest, response)
        for name, value in (("positive", positive), ("largest", highest), ("steps", count)):
            graph.keep(f"{self.name}/{name}", value)
        return concat([(positive / count).cast(np.float32), highest], 1)

    def _groups(self) -> Iterator[tuple[int, int, Windows]]:
        """The first and the last kernel of each dilation, and its windows."""
        counts, size = self._counts, self.spec.kernel_size
        ends = np.cumsum([0, *counts]).tolist()
        for power, (first, last) in enumerate(pairwise(ends)):
            yield first, last, Windows(size, dilation=2**power, only_before=True)

    def _run(self, x: Ragged, skip: int) -> tuple[Array, Array]:
        """Sums of positive shares and largest responses, `[n, kernels]` each."""
        found: tuple[Array, Array] = self.kernels.random_conv(
            x.values, x.offsets, self._packed, self._bias, skip=skip, edge=EDGE
        )
        return found


@renamed_arguments(width="kernel_size")
@dataclass(frozen=True)
class RandomConv(
    LayerSpec, kind="random_conv", input_kind="sequence", inference=RandomConvInference
):
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

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        counts = self.kernels_by_dilation(context.shape)
        sizes = f"{self.kernel_size}, {context.shape.features}, {counts}, {EDGE}"
        name = source.module(context.name, f"RandomConv({sizes})", "copy_named")
        source.steps.append(f"x = self.{name}(x, lengths)")

    def kernels_by_dilation(self, shape: Shape) -> list[int]:
        """The number of kernels with the dilations 1, 2, 4, ...; none spans more than `longest`.

        >>> RandomConv(10, longest=50).kernels_by_dilation(Shape(1))
        [4, 3, 3]
        """
        longest = self.longest or shape.length or _LONGEST
        reach = max(1, longest - 1) // max(1, self.kernel_size - 1)
        groups = min(self.kernels, max(1, math.floor(math.log2(max(1, reach))) + 1))
        return [len(range(first, self.kernels, groups)) for first in range(groups)]
