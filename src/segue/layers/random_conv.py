"""Random convolutions that are not trained: `random_conv`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from segue.data.arrays import Array
from segue.errors import renamed_arguments
from segue.kernels.ragged import Ragged, append, last_steps, quiet
from segue.layers.base import BuildContext, LayerSpec, Shape, TorchSource
from segue.layers.inference import PieceInference, WeightShapes
from segue.layers.initial import Initializers, random_kernels, uniform
from segue.layers.windows import Windows, conv_onnx, earlier_onnx
from segue.onnx_graph import Steps, Value, concat, largest
from segue.spec import Alias, Aliases, Count, Name

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
    is_untrained = True
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
