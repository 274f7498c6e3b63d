"""The untrained `hydra`: kernels that compete."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator

from segue.data.arrays import Array
from segue.kernels.ragged import Ragged, differences, quiet
from segue.kernels.reference_features import TAPS
from segue.layers.base import BuildContext, LayerSpec, Shape
from segue.layers.inference import WeightShapes
from segue.layers.initial import Initializers, normal
from segue.layers.untrained import LONGEST, FeaturesInference
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
        for signal, groups in self._signals(x):
            for number, dilation in enumerate(self._dilations):
                kernel = self._given["kernel"][:, number, groups]
                channels = self._given.get("channels")
                channels = None if channels is None else channels[:, number, groups]
                counts = self.features.hydra(
                    signal.values, signal.offsets, channels, kernel, dilation=dilation
                )
                steps = signal.lengths[:, None, None]
                found += [np.sqrt(np.maximum(count, 0.0) / steps) for count in counts]
        flat = [part.reshape(len(x.lengths), -1) for part in found]
        return np.concatenate(flat, axis=1, dtype=np.float32)

    def _signals(self, x: Ragged) -> Iterator[tuple[Ragged, slice]]:
        """The series and its differences, with the groups that look at each."""
        half = self.spec.groups - self.spec.groups // 2
        yield x, slice(0, half)
        if half < self.spec.groups:
            yield differences(x), slice(half, self.spec.groups)


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

    def dilations(self, shape: Shape) -> list[int]:
        """The dilations 1, 2, 4, ...; no kernel spans more than `longest` steps.

        >>> Hydra(longest=50).dilations(Shape(1))
        [1, 2, 4]
        """
        reach = max(TAPS, self.longest or shape.length or LONGEST) - 1
        return [2**power for power in range(int(math.log2(reach / (TAPS - 1))) + 1)]
