"""The untrained `hydra`: kernels that compete."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator

from segue.data.arrays import Array
from segue.deadline import check_time
from segue.kernels.ragged import Ragged, differences, quiet
from segue.kernels.reference_features import MIDDLE, TAPS
from segue.layers.base import BuildContext, LayerSpec, Shape, TorchSource
from segue.layers.inference import WeightShapes
from segue.layers.initial import Initializers, normal
from segue.layers.untrained import (
    LONGEST,
    FeaturesInference,
    differences_onnx,
    features_first,
    mixed_onnx,
    multiply_add,
    rounds_once,
    taps_onnx,
)
from segue.onnx_graph import Steps, Value, concat, largest
from segue.spec import Count, Name


def competing_kernels(shape: tuple[int, ...], generator: Generator) -> Array:
    """Normal, with the sum 0 and absolute values of the sum 1, over the taps; `[9, ...]`."""
    weights = normal(shape, generator)
    weights -= weights.mean(0)
    return np.asarray(weights / np.abs(weights).sum(0))


def some_channels(shape: tuple[int, ...], generator: Generator) -> Array:
    """1 for half of the channels, 2 to 8 of them, 0 for the others; `[channel, ...]`."""
    seen = min(shape[0], max(2, min(8, shape[0] // 2)))
    return (generator.random(shape).argsort(0).argsort(0) < seen).astype(np.float32)


class HydraInference(FeaturesInference):
    """Weights, not trained: `kernel` [9, dilation, group, kernel].

    Of several channels also `channels` [channel, dilation, group].
    """

    fixed = ("kernel", "channels")
    initializers: ClassVar[Initializers] = {
        "kernel": competing_kernels,
        "channels": some_channels,
    }

    @classmethod
    def weight_shapes(cls, spec: Any, context: BuildContext) -> WeightShapes:
        dilations = len(spec.dilations(context.shape))
        shapes: WeightShapes = {"kernel": (TAPS, dilations, spec.groups, spec.kernels)}
        if context.shape.features > 1:
            shapes["channels"] = (context.shape.features, dilations, spec.groups)
        return shapes

    def __init__(self, spec: Any, context: BuildContext, weights: Mapping[str, Array]) -> None:
        super().__init__(spec, context, weights)
        self._dilations: list[int] = spec.dilations(context.shape)

    @quiet
    def __call__(self, x: Ragged) -> Array:
        found = []
        for signal, groups in zip((x, differences(x)), self.spec.halves(), strict=False):
            for number, dilation in enumerate(self._dilations):
                check_time()
                kernel, channels = self._weights_of(number, groups)
                counts = self.features.hydra(
                    signal.values, signal.offsets, channels, kernel, dilation=dilation
                )
                steps = signal.lengths[:, None, None]
                found += [np.sqrt(np.maximum(count, 0.0) / steps) for count in counts]
        flat = [part.reshape(len(x.lengths), -1) for part in found]
        return np.concatenate(flat, axis=1, dtype=np.float32)

    def _weights_of(self, number: int, groups: slice) -> tuple[Array, Array | None]:
        """Of one dilation: `[9, group, kernel]`, and of several channels `[channel, group]`."""
        channels = self._given.get("channels")
        channels = None if channels is None else channels[:, number, groups]
        return self._given["kernel"][:, number, groups], channels

    def write_onnx(self, x: Steps) -> Value:
        found = []
        for signal, groups in zip((x, differences_onnx(x)), self.spec.halves(), strict=False):
            features, real = features_first(signal), signal.mask().unsqueeze(1, 2)
            steps = signal.lengths.cast(np.float64).unsqueeze(1)
            for number, dilation in enumerate(self._dilations):
                kernel, channels = self._weights_of(number, groups)
                response = responses_onnx(mixed_onnx(features, channels), kernel, dilation)
                wins = _first_onnx("ArgMax", response) & real
                loses = _first_onnx("ArgMin", response) & real
                for values in (wins.where(response, 0.0), loses):
                    total = values.cast(np.float64).sum(3).reshape(0, kernel[0].size)
                    found.append((largest(total, 0) / steps).op("Sqrt").cast(np.float32))
        return concat(found, 1)


def _first_onnx(kind: str, response: Value) -> Value:
    """Which kernel is the first that has the largest response, or the least: `ArgMax`, `ArgMin`."""
    numbers = response.graph.range(response.size(2)).unsqueeze(1)
    first = response.op(kind, axis=2, keepdims=1, dtype=np.int64)
    return first.op("Equal", numbers, dtype=bool)


def responses_onnx(signals: Value, kernel: Array, dilation: int) -> Value:
    """`[batch, group, kernel, time]` of signals `[batch, group, time]`, or of one for all."""
    taps = taps_onnx(signals, TAPS, dilation, MIDDLE * dilation)
    seen = [(tap - signals).unsqueeze(2) for tap in taps]
    response = seen[0] * kernel[0, :, :, None]
    for tap in range(1, TAPS):
        if tap != MIDDLE:
            response = multiply_add(seen[tap], kernel[tap, :, :, None], response)
    return response


@dataclass(frozen=True)
class Hydra(
    LayerSpec, kind="hydra", input_kind="sequence", is_causal=False, inference=HydraInference
):
    """`hydra(groups)`: ends the sequence in two features for each of many random kernels.

    The kernels of a group compete: at each step one has the largest response and one the least. Of
    each kernel the features are the root of the mean over all steps of its response where it is the
    largest, and the root of the share of steps where it is the least. Half of the groups look at
    the sequence, half at its differences; each group has kernels of nine taps of every dilation 1,
    2, 4, ..., drawn once from the seed, and of several channels it sees the sum of some.

    Dempster, Schmidt & Webb, "Hydra: competing convolutional kernels for fast and accurate time
    series classification", Data Mining and Knowledge Discovery 37, 2023. The paper's counts are not
    divided by the steps, which is the same where all sequences have one length.

    Args:
        groups: how many of each dilation.
        kernels: in a group.
        longest: steps that the widest kernels may span; the length of the sequences if they have
            one, else 256.
        name: the layer's own name.
    """

    groups: Count = 64
    kernels: Count = 8
    longest: Count | None = None
    name: Name | None = None

    def output_shape(self, context: BuildContext) -> Shape:
        kernels = len(self.dilations(context.shape)) * self.groups * self.kernels
        return context.shape.ended(2 * kernels)

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        sizes = f"{context.shape.features}, {self.groups}, {self.kernels}"
        build = f"Hydra({sizes}, {self.dilations(context.shape)}, {rounds_once()})"
        name = source.module(context.name, build, "copy_named")
        source.steps.append(f"x = self.{name}(x, lengths)")

    def halves(self) -> list[slice]:
        """The groups that look at the series, and those, if any, that look at its differences.

        >>> Hydra(3).halves()
        [slice(0, 2, None), slice(2, 3, None)]
        """
        half = self.groups - self.groups // 2
        return [slice(0, half), slice(half, self.groups)][: min(2, self.groups)]

    def dilations(self, shape: Shape) -> list[int]:
        """The dilations 1, 2, 4, ...; no kernel spans more than `longest` steps.

        >>> Hydra(longest=50).dilations(Shape(1))
        [1, 2, 4]
        """
        reach = max(TAPS, self.longest or shape.length or LONGEST) - 1
        return [2**power for power in range(int(math.log2(reach / (TAPS - 1))) + 1)]
