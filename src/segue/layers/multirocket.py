"""The untrained `multirocket`: MiniROCKET's kernels with four poolings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.random import Generator

from segue.data.arrays import Array
from segue.deadline import check_time
from segue.kernels.ragged import Ragged, differences, quiet
from segue.kernels.reference_features import HEAVY, MIDDLE, TAPS, mixed, tap_differences
from segue.layers.base import BuildContext, LayerSpec, Shape, TorchSource
from segue.layers.inference import WeightShapes
from segue.layers.initial import Initializers
from segue.layers.untrained import (
    LONGEST,
    FeaturesInference,
    differences_onnx,
    features_first,
    mixed_onnx,
    taps_onnx,
)
from segue.onnx_graph import Steps, Value, concat, largest, total
from segue.spec import Count, Name

KERNELS, POOLINGS = len(HEAVY), 4
_MOST_DILATIONS = 32  # of a kernel
_VARIANCE = 3 * 2**2 + 6 * 1**2  # of a kernel's response to white noise


class Dilation(NamedTuple):
    """The kernels of one dilation, and where their weights stand.

    Attributes:
        steps: from one tap to the next.
        each: biases of each kernel.
        phase: which kernels see zeros beyond the ends.
        biases: those of its kernels among all.
        channels: those of its kernels among all weights of channels.
    """

    steps: int
    each: int
    phase: int
    biases: slice
    channels: slice


def dilations_of(length: int, each: int) -> list[tuple[int, int]]:
    """The dilations of each kernel, and the number of its biases with each: `each` together.

    They grow evenly on a logarithmic scale, up to kernels that span the whole sequence.

    >>> dilations_of(50, 6)
    [(1, 2), (2, 2), (4, 1), (6, 1)]
    """
    most = min(each, _MOST_DILATIONS)
    largest = math.log2(max(1, (length - 1) / (TAPS - 1)))
    found = np.logspace(0, largest, most, base=2).astype(np.int64)
    dilations, counts = np.unique(found, return_counts=True)
    counts = (counts * (each / most)).astype(np.int64)
    for number in range(each - int(counts.sum())):
        counts[number % len(counts)] += 1
    return list(zip(dilations.tolist(), counts.tolist(), strict=True))


def evenly_spread(count: int) -> Array:
    """Multiples of the golden ratio, less what is whole: any first ones are spread evenly."""
    return np.arange(1, count + 1) * ((math.sqrt(5) + 1) / 2) % 1


def biases_of_noise(shape: tuple[int, ...], generator: Generator) -> Array:  # noqa: ARG001
    """Quantiles of the responses to white noise of variance 1; those of training data follow."""
    response = NormalDist(0, math.sqrt(_VARIANCE))
    return np.array([response.inv_cdf(q) for q in evenly_spread(shape[0])], np.float32)


def channels_of_kernels(shape: tuple[int, ...], generator: Generator) -> Array:
    """1 for one channel to nine, most often for few, 0 for the others; `[channel, ...]`."""
    most = min(shape[0], TAPS)
    seen = np.floor(2 ** (generator.random(shape[1:]) * math.log2(most + 1)))
    order = generator.random(shape).argsort(0).argsort(0)
    return (order < np.clip(seen, 1, most)).astype(np.float32)


class MultiRocketInference(FeaturesInference):
    """Weights, not trained: `bias` [bias], `channels` [channel, kernel of a dilation] of several.

    The biases are fitted: they are quantiles of the responses to some of the training sequences.
    """

    fixed = ("bias", "channels")
    fitted = ("bias",)
    initializers: ClassVar[Initializers] = {
        "bias": biases_of_noise,
        "channels": channels_of_kernels,
    }

    @classmethod
    def weight_shapes(cls, spec: Any, context: BuildContext) -> WeightShapes:
        *_, last = [one for part in spec.plan(context.shape) for one in part]
        shapes: WeightShapes = {"bias": (last.biases.stop,)}
        if context.shape.features > 1:
            shapes["channels"] = (context.shape.features, last.channels.stop)
        return shapes

    def __init__(self, spec: Any, context: BuildContext, weights: Mapping[str, Array]) -> None:
        super().__init__(spec, context, weights)
        self._plan: tuple[list[Dilation], list[Dilation]] = spec.plan(context.shape)

    @quiet
    def __call__(self, x: Ragged) -> Array:
        biases = len(self._given["bias"])
        found = np.empty((len(x.lengths), POOLINGS, biases), np.float32)
        for signal, one in self._parts(x):
            bias = self._given["bias"][one.biases].reshape(KERNELS, one.each)
            channels = self._channels(one)
            features = self.features.multirocket(
                signal.values, signal.offsets, channels, bias, dilation=one.steps, phase=one.phase
            )
            found[:, :, one.biases] = features.reshape(len(found), POOLINGS, -1)
        return found.reshape(len(found), -1)

    def fitted_weights(
        self, x: Ragged, classes: Array | None, generator: Generator
    ) -> dict[str, Array]:
        spread = evenly_spread(len(self._given["bias"]))
        bias = np.empty(len(spread), np.float32)
        for signal, one in self._parts(x):
            places = np.arange(len(spread))[one.biases].reshape(KERNELS, one.each)
            for kernel, own in enumerate(places):
                check_time()
                number = int(generator.integers(len(x.lengths)))
                steps = signal.values[signal.offsets[number] : signal.offsets[number + 1]]
                channels = self._channels(one)
                channels = None if channels is None else channels[:, kernel : kernel + 1]
                taps = tap_differences(mixed(steps, channels), one.steps)[:, :, 0]
                response = 3 * taps[HEAVY[kernel]].sum(0) - taps.sum(0)
                bias[own] = np.quantile(response, spread[own])
        return {"bias": bias}

    def write_onnx(self, x: Steps) -> Value:
        found = [
            self._pooled_onnx(signal, one)
            for signal, dilations in zip((x, differences_onnx(x)), self._plan, strict=True)
            for one in dilations
        ]
        return concat(found, 2).reshape(0, self.shape.features)

    def _pooled_onnx(self, x: Steps, one: Dilation) -> Value:
        """`[batch, 4, biases]`, as `segue.kernels.reference_features.multirocket`."""
        graph, lengths, reach = x.values.graph, x.lengths.unsqueeze(1), MIDDLE * one.steps
        responses = responses_onnx(mixed_onnx(features_first(x), self._channels(one)), one.steps)
        bias = self._given["bias"][one.biases].reshape(KERNELS, one.each, 1)
        inner = graph.constant((np.arange(KERNELS) + one.phase) % 2 == 1)
        within = inner & (lengths > 2 * reach)
        first = within.where(graph.constant(reach, np.int64), 0)  # [batch, 84]
        steps = lengths - first * 2
        place = graph.range(x.values.size(1)) + 1 - first.unsqueeze(2)
        real = (place > 0) & (place <= steps.unsqueeze(2))
        found = pooled_onnx(responses.unsqueeze(2) - bias, real, first, steps)
        return found.reshape(0, POOLINGS, KERNELS * one.each)

    def _parts(self, x: Ragged) -> Iterator[tuple[Ragged, Dilation]]:
        """The series, then its differences, with the kernels of each dilation."""
        for signal, dilations in zip((x, differences(x)), self._plan, strict=True):
            for one in dilations:
                check_time()
                yield signal, one

    def _channels(self, one: Dilation) -> Array | None:
        channels = self._given.get("channels")
        return None if channels is None else channels[:, one.channels]


def responses_onnx(signals: Value, dilation: int) -> Value:
    """`[batch, 84, time]` of signals `[batch, 84, time]`, or of one that all kernels see.

    The order of the sums is that of the native library.
    """
    taps = [tap - signals for tap in taps_onnx(signals, TAPS, dilation, MIDDLE * dilation)]
    by_kernel = concat([tap.expand(1, KERNELS, 1) for tap in taps], 1)
    three = (by_kernel.gather(tap * KERNELS + np.arange(KERNELS), 1) for tap in HEAVY.T)
    return total(three) * 3 - total(taps)


def pooled_onnx(more: Value, real: Value, first: Value, steps: Value) -> Value:
    """`[batch, 4, 84, bias]` of what responses are above their biases.

    Args:
        more: `[batch, 84, bias, time]`.
        real: `[batch, 84, time]`, whether a response counts.
        first: `[batch, 84]`, the step with the first one that does.
        steps: `[batch, 84]`, how many do.
    """
    above = (more > 0) & real.unsqueeze(2)
    ones, time = above.cast(np.float64), more.graph.range(more.size(3)).cast(np.float64)
    count, places = ones.sum(3), (ones * (time + 1)).sum(3)
    first, steps = (one.cast(np.float64).unsqueeze(2) for one in (first, steps))
    passed = largest(count, 1)
    mean = above.where(more, 0.0).cast(np.float64).sum(3) / passed
    place = (places - first * count) / passed / steps
    shares = [count / steps, _longest_run(above) / steps, mean, place]
    return concat([one.cast(np.float32).unsqueeze(1) for one in shares], 1)


def _longest_run(above: Value) -> Value:
    """`[...]`, of `[..., time]`: steps of a run have as many others before them; they are counted.

    At most as many as there are steps are before one, so that there is room for all counts.
    """
    below, ones = (~above).cast(np.int32), above.cast(np.float32)
    before = below.op("CumSum", above.graph.constant(3, np.int64)) - below
    runs = (ones * 0).op("ScatterElements", before, ones, axis=3, reduction="add")
    return runs.max(3).cast(np.float64)


@dataclass(frozen=True)
class MultiRocket(
    LayerSpec,
    kind="multirocket",
    input_kind="sequence",
    is_causal=False,
    inference=MultiRocketInference,
):
    """`multirocket`: ends the sequence in eight features for each of thousands of fixed kernels.

    The 84 kernels have nine taps, of which three weigh 2 and the others -1, many dilations and many
    biases; they look at the sequence and at its differences. The features of a kernel are the share
    of responses above its bias, their longest run, the mean of what they are above it, and the mean
    of their places; runs and places are shares of the steps. Biases are quantiles of the responses
    to training sequences: they are set before a training begins, and not trained. Of several
    channels each kernel sees the sum of some.

    Tan, Dempster, Bergmeir & Webb, "MultiRocket: multiple pooling operators and transformations for
    fast and effective time series classification", Data Mining and Knowledge Discovery 36, 2022,
    with the kernels of Dempster, Schmidt & Webb, "MiniRocket: a very fast (almost) deterministic
    transform for time series classification", KDD 2021. In the paper runs and places are steps,
    which is the same where all sequences have one length.

    Args:
        kernels: with their dilations and biases counted; a multiple of 84 at most this, 84 at
            least.
        longest: steps that the widest kernels may span; the length of the sequences if they have
            one, else 256.
        name: the layer's own name.
    """

    kernels: Count = 6250
    longest: Count | None = None
    name: Name | None = None

    def output_shape(self, context: BuildContext) -> Shape:
        return context.shape.ended(2 * POOLINGS * KERNELS * self._each)

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        plans = [
            [(one.steps, one.each, one.phase) for one in part] for part in self.plan(context.shape)
        ]
        build = f"MultiRocket({context.shape.features}, {plans})"
        name = source.module(context.name, build, "copy_named")
        source.steps.append(f"x = self.{name}(x, lengths)")

    @property
    def _each(self) -> int:
        """Biases of each of the 84 kernels, of all its dilations."""
        return max(1, self.kernels // KERNELS)

    def plan(self, shape: Shape) -> tuple[list[Dilation], list[Dilation]]:
        """The kernels of each dilation, of the series and of its differences."""
        length = self.longest or shape.length or LONGEST
        biases = channels = 0
        parts: tuple[list[Dilation], list[Dilation]] = ([], [])
        for part, steps in zip(parts, (length, length - 1), strict=True):
            for number, (dilation, count) in enumerate(dilations_of(steps, self._each)):
                ends = biases + KERNELS * count, channels + KERNELS
                own = slice(biases, ends[0]), slice(channels, ends[1])
                part.append(Dilation(dilation, count, number % 2, *own))
                biases, channels = ends
        return parts
