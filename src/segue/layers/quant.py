"""The untrained `quant`: quantiles of dyadic intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from segue.data.arrays import Array
from segue.deadline import check_time
from segue.kernels.ragged import Ragged, differences, offsets_of, quiet, steps_within
from segue.layers.base import BuildContext, LayerSpec, Shape, TorchSource
from segue.layers.untrained import (
    LONGEST,
    FeaturesInference,
    chosen_steps,
    differences_onnx,
    features_first,
)
from segue.onnx_graph import Steps, Value, concat, largest, smallest, total
from segue.spec import Count, Name

SMOOTHED = 5  # steps of the mean of the first differences


def spectrum(x: Ragged) -> Ragged:
    """The amplitudes of the discrete Fourier transform of each sequence, of `steps // 2 + 1` waves.

    >>> spectrum(Ragged(np.array([[1.0], [-1.0], [1.0], [-1.0]]), np.array([0, 4]))).values[:, 0]
    array([0., 0., 4.], dtype=float32)
    """
    offsets = offsets_of(x.lengths // 2 + 1)
    found = np.empty((offsets[-1], x.values.shape[1]), np.float32)
    for length in np.unique(x.lengths):
        of_it = np.flatnonzero(x.lengths == length)
        steps = x.values[x.offsets[of_it][:, None] + np.arange(length)]
        rows = offsets[of_it][:, None] + np.arange(length // 2 + 1)
        found[rows] = np.abs(np.fft.rfft(steps.astype(np.float64), axis=1))
    return Ragged(found, offsets)


def smoothed(x: Ragged) -> Ragged:
    """The mean of five steps around each; beyond the ends the first and the last go on."""
    first, last = (np.repeat(end, x.lengths) for end in (x.offsets[:-1], x.offsets[1:] - 1))
    here, half = first + steps_within(x.offsets), SMOOTHED // 2
    around = (np.clip(here + step, first, last) for step in range(-half, half + 1))
    total = sum(x.values[rows].astype(np.float64) for rows in around)
    return Ragged(np.asarray(total / SMOOTHED, np.float32), x.offsets)


def representations(x: Ragged) -> Iterator[Ragged]:
    """The series, its first differences, smoothed, its second ones, and its spectrum."""
    change = differences(x)
    yield x
    yield smoothed(change)
    yield differences(change)
    yield spectrum(x)


def dyadic_intervals(length: int, depth: int, divisor: int) -> Array:
    """`[interval, 4]`: parts, number, whether shifted by half a part, quantiles.

    Args:
        length: of the sequences for which they are.
        depth: levels; at level k there are `2 ** k` parts.
        divisor: steps of an interval for each of its quantiles.

    >>> dyadic_intervals(8, 2, 4).tolist()
    [[1, 0, 0, 2], [2, 0, 0, 1], [2, 1, 0, 1], [2, 0, 1, 1]]
    """
    rows: list[tuple[int, int, int, int]] = []
    for level in range(min(depth, length.bit_length())):
        parts = 2**level
        sizes = np.diff(np.arange(parts + 1) * length // parts)
        counts = 1 + (np.maximum(sizes, 1) - 1) // divisor
        rows += [(parts, number, 0, count) for number, count in enumerate(counts.tolist())]
        if parts > 1 and np.sort(sizes)[(parts - 1) // 2] > 1:
            rows += [(parts, number, 1, count) for number, count in enumerate(counts[:-1].tolist())]
    return np.array(rows, np.int64)


class QuantInference(FeaturesInference):
    """No weights."""

    def __init__(self, spec: Any, context: BuildContext, weights: Mapping[str, Array]) -> None:
        super().__init__(spec, context, weights)
        self._intervals: list[Array] = spec.intervals(context.shape)

    @quiet
    def __call__(self, x: Ragged) -> Array:
        pairs = zip(representations(x), self._intervals, strict=True)
        found = []
        for own, at in pairs:
            check_time()
            found.append(self.features.quantiles(own.values, own.offsets, at))
        return np.concatenate(found, axis=2).reshape(len(x.lengths), -1)

    def write_onnx(self, x: Steps) -> Value:
        found = [
            quantiles_onnx(signal, intervals[intervals[:, 0] == parts])
            for signal, intervals in zip(representations_onnx(x), self._intervals, strict=True)
            for parts in np.unique(intervals[:, 0])
        ]
        return concat(found, 2).reshape(0, self.shape.features)


# -- in ONNX --------------------------------------------------------------------------------------


def representations_onnx(x: Steps) -> Iterator[Steps]:
    """As `representations`."""
    change = differences_onnx(x)
    yield x
    yield smoothed_onnx(change)
    yield differences_onnx(change)
    yield spectrum_onnx(x)


def smoothed_onnx(x: Steps) -> Steps:
    """As `smoothed`."""
    step, last = x.values.graph.range(x.values.size(1)), x.lengths.unsqueeze(1) - 1
    half = SMOOTHED // 2
    around = [
        chosen_steps(x, smallest(largest(step + shift, 0), last)).cast(np.float64)
        for shift in range(-half, half + 1)
    ]
    return x._replace(values=(total(around) / SMOOTHED).cast(np.float32))


def spectrum_onnx(x: Steps) -> Steps:
    """As `spectrum`: each sequence's own transform, by one of a power of two.

    Bluestein, "A linear filtering approach to the computation of discrete Fourier transform", IEEE
    Transactions on Audio and Electroacoustics 18, 1970: since `2 k t = k^2 + t^2 - (k - t)^2`, the
    transform of n steps is a convolution with `exp(i pi t^2 / n)`, for which there is room in twice
    the steps; a factor of amplitude 1 is left out.
    """
    graph, time = x.values.graph, x.values.size(1)
    powers = graph.constant(2 ** np.arange(40))
    room = powers.gather((powers < time * 2).cast(np.int64).sum(0, keepdims=True))
    place, lengths = graph.range(room), x.lengths.unsqueeze(1)
    place = smallest(place, room - place)  # from the last one on those before the first
    turn = (place * place).op("Mod", lengths * 2).cast(np.float64)  # [batch, room]
    angle = turn * np.pi / lengths.cast(np.float64)
    # Older runtimes have no cosine in float64.
    wave = concat([(angle + shift).op("Sin").unsqueeze(2) for shift in (np.pi / 2, 0.0)], 2)
    pads = graph.shape([0, 0, 0, 0, 0, room - time])
    values = features_first(x).op("Pad", pads).cast(np.float64).unsqueeze(3)
    against = wave.unsqueeze(1) * np.array([1.0, -1.0])
    first, second = (_transformed(one) for one in (values * against, wave.unsqueeze(1)))
    (a, b), (c, d) = ([one.slice(part, part + 1, 3) for part in (0, 1)] for one in (first, second))
    found = _transformed(concat([a * c - b * d, a * d + b * c], 3), inverse=1)
    squares = (found * found).sum(3).slice(0, time // 2 + 1, 2)
    return Steps(squares.op("Sqrt").cast(np.float32).transpose(0, 2, 1), x.lengths // 2 + 1)


def _transformed(x: Value, inverse: int = 0) -> Value:
    """The Fourier transform along the third axis of `[batch, feature, room, 2]`."""
    sizes = [x.size(axis) for axis in range(4)]
    found: Value = x.reshape(-1, *sizes[2:]).op("DFT", axis=1, inverse=inverse)
    return found.reshape(*sizes)


def quantiles_onnx(x: Steps, intervals: Array) -> Value:
    """`[batch, feature, quantiles]` of intervals that are parts of one number.

    As `segue.kernels.reference_features.quantiles`.
    """
    graph, lengths = x.values.graph, x.lengths.unsqueeze(1)
    first, last = _bounds_onnx(lengths, intervals)
    width = last.max(0, 1).reshape(1) + 1
    step = graph.range(width)
    inside = (step <= last.unsqueeze(2)).unsqueeze(1)  # [batch, 1, interval, width]
    index = (first.unsqueeze(2) + smallest(step, last.unsqueeze(2))).reshape(0, -1)
    own = chosen_steps(x, index).transpose(0, 2, 1).reshape(0, 0, len(intervals), -1)
    sums = inside.where(own.cast(np.float64), 0.0).sum(3)
    mean = sums / (last + 1).cast(np.float64).unsqueeze(1)
    padded = inside.where(own, np.inf)
    ordered, _ = graph.node("TopK", padded, width, dtypes=[np.float32, np.int64], largest=0)
    return _spread_onnx(ordered, mean, last, intervals[:, 3]).cast(np.float32)


def _bounds_onnx(lengths: Value, intervals: Array) -> tuple[Value, Value]:
    """As `interval_bounds`: the first step, and what is added for the last, `[batch, interval]`."""
    parts, number, shifted = int(intervals[0, 0]), intervals[:, 1], intervals[:, 2]
    shift = (lengths + (2 * parts - 1)) // (2 * parts) * shifted
    first = smallest(lengths * number // parts + shift, lengths - 1)
    end = smallest(lengths * (number + 1) // parts + shift, lengths)
    return first, largest(end, first + 1) - first - 1


def _spread_onnx(ordered: Value, mean: Value, last: Value, counts: Array) -> Value:
    """Evenly spaced ones of `[batch, feature, interval, width]`, each second one less the mean."""
    number = np.concatenate([np.arange(count) for count in counts])  # [quantile]
    interval, own = np.repeat(np.arange(len(counts)), counts), np.repeat(counts, counts)
    between, times = np.where(own == 1, 2, own - 1), np.where(own == 1, 1, number)
    size, last = ordered.size(3), last.gather(interval, 1)  # [batch, quantile]
    place = last * times
    low = place // between
    share = (place - low * between).cast(np.float64) / between.astype(np.float64)
    begin, flat = size * interval, ordered.reshape(0, 0, -1)
    below, above = (
        flat.take_along((begin + at).unsqueeze(1).expand(1, flat.size(1), 1), 2).cast(np.float64)
        for at in (low, smallest(low + 1, last))
    )
    spread: Value = below + (above - below) * share.unsqueeze(1)
    return spread - mean.gather(interval, 2) * (number % 2).astype(np.float64)


@dataclass(frozen=True)
class Quant(
    LayerSpec, kind="quant", input_kind="sequence", is_causal=False, inference=QuantInference
):
    """`quant`: ends the sequence in quantiles of its parts; nothing is drawn or trained.

    A sequence, its first differences (smoothed), its second differences and its spectrum are each
    cut into 1, 2, 4, ... parts of equal length, by its own length; parts that lie half a part later
    are added. Of each part there are evenly spaced quantiles, each second one less the mean.

    Dempster, Schmidt & Webb, "QUANT: a minimalist interval method for time series classification",
    Data Mining and Knowledge Discovery 38, 2024; on sequences of one length the features are those
    of the paper. Its classifier is extremely randomised trees.

    Args:
        depth: levels of parts, 1, 2, 4, ... of them.
        divisor: steps of a part for each of its quantiles.
        length: of the sequences for which the numbers of levels and quantiles are right; the
            length of the sequences if they have one, else 256.
        name: the layer's own name.
    """

    depth: Count = 6
    divisor: Count = 4
    length: Count | None = None
    name: Name | None = None

    def output_shape(self, context: BuildContext) -> Shape:
        each = sum(int(at[:, 3].sum()) for at in self.intervals(context.shape))
        return context.shape.ended(context.shape.features * each)

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        build = f"Quantiles({self._length(context.shape)}, {self.depth}, {self.divisor})"
        name = source.module(context.name, build)
        source.steps.append(f"x = self.{name}(x, lengths)")

    def _length(self, shape: Shape) -> int:
        return self.length or shape.length or LONGEST

    def intervals(self, shape: Shape) -> list[Array]:
        """The intervals of each of the four representations, as `dyadic_intervals` gives them."""
        length = self._length(shape)
        lengths = (length, max(1, length - 1), max(1, length - 2), length // 2 + 1)
        return [dyadic_intervals(steps, self.depth, self.divisor) for steps in lengths]
