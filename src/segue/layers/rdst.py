"""The untrained `rdst`: random dilated shapelets."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.random import Generator

from segue.data.arrays import Array
from segue.deadline import check_time
from segue.kernels.ragged import Ragged, quiet
from segue.kernels.reference_features import LEAST_VARIANCE, shapelet_windows
from segue.layers.base import BuildContext, LayerSpec, Shape, TorchSource
from segue.layers.inference import WeightShapes
from segue.layers.initial import Initializers, normal
from segue.layers.untrained import (
    LONGEST,
    FeaturesInference,
    features_first,
    multiply_add,
    rounded,
    rounds_once,
    taps_onnx,
)
from segue.onnx_graph import Steps, Value, concat, largest
from segue.spec import Count, Name

PARTS = 3  # the least distance, its place, the share of near windows
_SIZE = 11  # of a shapelet, unless sequences are short
_NORMALIZED = 0.8  # the share of shapelets that are compared with normalised windows
_WINDOWS = 200  # sequences whose windows are kept while shapelets are drawn
_NEAR = (0.05, 0.1)  # between these quantiles of distances thresholds are drawn


class Shapelets(NamedTuple):
    """Shapelets of one dilation that are compared alike, and which of all they are."""

    dilation: int
    normalized: bool
    own: slice


def thresholds_of_noise(shape: tuple[int, ...], generator: Generator) -> Array:  # noqa: ARG001
    """One for all: those of training data follow."""
    return np.full(shape, _SIZE, np.float32)


class RDSTInference(FeaturesInference):
    """Weights, not trained: `shapelet` [size, channel, shapelet], `threshold` [shapelet].

    They are fitted: shapelets are parts of training sequences, thresholds follow from distances.
    """

    fixed = ("shapelet", "threshold")
    fitted = ("shapelet", "threshold")
    initializers: ClassVar[Initializers] = {
        "shapelet": normal,
        "threshold": thresholds_of_noise,
    }

    @classmethod
    def weight_shapes(cls, spec: Any, context: BuildContext) -> WeightShapes:
        size = spec.size_for(context.shape)
        return {
            "shapelet": (size, context.shape.features, spec.shapelets),
            "threshold": (spec.shapelets,),
        }

    def __init__(self, spec: Any, context: BuildContext, weights: Mapping[str, Array]) -> None:
        super().__init__(spec, context, weights)
        self._groups: list[Shapelets] = spec.groups(context.shape)

    @quiet
    def __call__(self, x: Ragged) -> Array:
        found = np.empty((len(x.lengths), PARTS, self.spec.shapelets), np.float32)
        for dilation, normalized, own in self._groups:
            check_time()
            found[:, :, own] = self.features.rdst(
                x.values,
                x.offsets,
                self._given["shapelet"][:, :, own],
                self._given["threshold"][own],
                dilation=dilation,
                normalized=normalized,
            )
        return found.reshape(len(found), -1)

    def fitted_weights(
        self, x: Ragged, classes: Array | None, generator: Generator
    ) -> dict[str, Array]:
        shapelets = np.empty_like(self._given["shapelet"])
        thresholds = np.empty_like(self._given["threshold"])
        size = len(shapelets)
        kinds = np.zeros(len(x.lengths), np.int64) if classes is None else classes
        members = {kind: np.flatnonzero(kinds == kind) for kind in set(kinds.tolist())}
        alike = [members[kind] for kind in kinds.tolist()]
        for dilation, normalized, own in self._groups:

            @functools.lru_cache(_WINDOWS)
            def windows(i: int, dilation: int = dilation, normalized: bool = normalized) -> Array:
                steps = x.values[x.offsets[i] : x.offsets[i + 1]]
                return shapelet_windows(steps, size, dilation=dilation, normalized=normalized)

            for number in range(own.start, own.stop):
                check_time()
                first, other = _two_alike(alike, generator)
                seen, compared = windows(first), windows(other)
                chosen = seen[generator.integers(len(seen))]
                far = np.abs(compared - chosen).sum((1, 2))
                shapelets[:, :, number] = chosen
                thresholds[number] = _quantile(far, generator.uniform(*_NEAR))
        return {"shapelet": shapelets, "threshold": thresholds}

    def write_onnx(self, x: Steps) -> Value:
        found = [self._compared_onnx(x, group) for group in self._groups]
        return concat(found, 2).reshape(0, self.shape.features)

    def _compared_onnx(self, x: Steps, group: Shapelets) -> Value:
        """`[batch, 3, shapelet]`, as `segue.kernels.reference_features.rdst`."""
        shapelets = self._given["shapelet"][:, :, group.own]
        taps = taps_onnx(features_first(x), len(shapelets), group.dilation)
        windows = concat([tap.unsqueeze(0) for tap in taps], 0)
        if group.normalized:
            windows = normalized_onnx(windows, len(shapelets))
        far = distances_onnx(windows, shapelets)
        reach = (len(shapelets) - 1) * group.dilation
        count = largest(x.lengths - reach, 1).unsqueeze(1)  # [batch, 1]
        there = x.values.graph.range(x.values.size(1)) < count
        far = there.unsqueeze(2).where(far, math.inf)
        place = far.op("ArgMin", axis=1, keepdims=0, dtype=np.int64) + 1
        near = far < self._given["threshold"][group.own]
        shares = [place.cast(np.float64), near.cast(np.float64).sum(1)]
        shares = [(one / count.cast(np.float64)).cast(np.float32) for one in shares]
        least = far.op("ReduceMin", axes=[1], keepdims=0)
        return concat([one.unsqueeze(1) for one in (least, *shares)], 1)


def _two_alike(alike: list[Array], generator: Generator) -> tuple[int, int]:
    """A sequence, and another one of its class, or of all; the same where there is no other.

    Args:
        alike: for each sequence those that are like it, in order, and it itself.
        generator: draws them.
    """
    first = int(generator.integers(len(alike)))
    own = alike[first]
    if len(own) == 1:
        return first, first
    number = int(generator.integers(len(own) - 1))
    return first, int(own[number + (number >= np.searchsorted(own, first))])


def _quantile(values: Array, share: float) -> float:
    """As `numpy.quantile`, in a tenth of the time where there are few."""
    place = share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    parted = np.partition(values, (low, high))
    return float(parted[low] + (parted[high] - parted[low]) * (place - low))


def normalized_onnx(windows: Value, size: int) -> Value:
    """As `segue.kernels.reference_features.normalized_windows`: `[tap, batch, feature, window]`."""
    graph, share = windows.graph, np.float32(1) / np.float32(size)
    values = windows - windows.slice(0, 1, 0)  # of a constant window all are zero
    nothing = values.slice(0, 1, 0).squeeze(0) * 0
    values = values - graph.scan(operator.add, nothing, values, axes=3) * share
    squares = graph.scan(
        lambda so_far, one: multiply_add(one, one, so_far), nothing, values, axes=3
    )
    variance = multiply_add(squares, share, np.float32(LEAST_VARIANCE))
    deviation = rounded(variance.cast(np.float64).op("Sqrt"))
    return values * (1 / deviation.cast(np.float64)).cast(np.float32)


def distances_onnx(windows: Value, shapelets: Array) -> Value:
    """`[batch, window, shapelet]`: sums of absolute differences, one after the other.

    Args:
        windows: `[tap, batch, feature, window]`.
        shapelets: `[tap, feature, shapelet]`.
    """
    graph, count = windows.graph, shapelets.shape[2]
    sizes = windows.size(1), windows.size(3)
    seen = windows.transpose(0, 2, 1, 3).reshape(-1, *sizes, 1)
    own = graph.constant(shapelets.reshape(-1, count))
    nothing = graph.constant([[[0.0]]], np.float32).expand(*sizes, count)
    return graph.scan(lambda so_far, a, b: so_far + (a - b).op("Abs"), nothing, seen, own, axes=3)


@dataclass(frozen=True)
class RDST(LayerSpec, kind="rdst", input_kind="sequence", is_causal=False, inference=RDSTInference):
    """`rdst(shapelets)`: ends the sequence in three features for each of many shapelets.

    A shapelet is a part of a training sequence, with a dilation: steps from one of its values to
    the next. The features are the least distance of it to a window of the sequence, the place of
    that window, and the share of windows that are nearer than a threshold; distances are sums of
    absolute differences. Of most shapelets the windows are normalised, each by itself. Parts and
    thresholds (a low quantile of the distances to another sequence of the same class) are drawn
    from training sequences before a training begins, and are not trained.

    Guillaume, Vrain & Elloumi, "Random dilated shapelet transform: a new approach for time series
    shapelets", ICPRAI 2022. There shapelets that are too alike are left out; here dilations are
    spread evenly over a logarithmic scale. Places and windows that are near are shares, which is
    the same where all sequences have one length.

    Args:
        shapelets: how many.
        size: values of each; 11 unless it is given, or half the length of short sequences.
        longest: steps that the widest shapelets may span; the length of the sequences if they have
            one, else 256.
        name: the layer's own name.
    """

    shapelets: Count = 10_000
    size: Count | None = None
    longest: Count | None = None
    name: Name | None = None

    def output_shape(self, context: BuildContext) -> Shape:
        return context.shape.ended(PARTS * self.shapelets)

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        sizes = f"{self.size_for(context.shape)}, {context.shape.features}"
        groups = [
            (dilation, normalized, own.start, own.stop)
            for dilation, normalized, own in self.groups(context.shape)
        ]
        build = f"DilatedShapelets({sizes}, {groups}, {rounds_once()})"
        name = source.module(context.name, build, "copy_named")
        source.steps.append(f"x = self.{name}(x, lengths)")

    def size_for(self, shape: Shape) -> int:
        """Values of each shapelet.

        >>> RDST(8).size_for(Shape(1, length=150)), RDST(8).size_for(Shape(1, length=9))
        (11, 4)
        """
        return self.size or min(max(2, self._length(shape) // 2), _SIZE)

    def groups(self, shape: Shape) -> list[Shapelets]:
        """The shapelets by their dilations and whether they are normalised."""
        reach = (self._length(shape) - 1) / max(1, self.size_for(shape) - 1)
        number = np.arange(1, self.shapelets + 1)
        even, other = (number * root % 1 for root in (math.sqrt(5) / 2 + 0.5, math.sqrt(2)))
        dilations = np.floor(2 ** (even * math.log2(max(1.0, reach)))).astype(np.int64)
        kinds = np.stack([dilations, other < _NORMALIZED], 1)
        found, counts = np.unique(kinds, axis=0, return_counts=True)
        ends = np.cumsum([0, *counts]).tolist()
        return [
            Shapelets(int(dilation), bool(normalized), slice(first, end))
            for (dilation, normalized), first, end in zip(found, ends, ends[1:], strict=False)
        ]

    def _length(self, shape: Shape) -> int:
        return self.longest or shape.length or LONGEST
