"""The untrained `quant`: quantiles of dyadic intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from segue.data.arrays import Array
from segue.kernels.ragged import Ragged, differences, offsets_of, quiet, steps_within
from segue.layers.base import BuildContext, LayerSpec, Shape
from segue.layers.untrained import LONGEST, FeaturesInference
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
        found = [self.features.quantiles(own.values, own.offsets, at) for own, at in pairs]
        return np.concatenate(found, axis=2).reshape(len(x.lengths), -1)


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

    def intervals(self, shape: Shape) -> list[Array]:
        """The intervals of each of the four representations, as `dyadic_intervals` gives them."""
        length = self.length or shape.length or LONGEST
        lengths = (length, max(1, length - 1), max(1, length - 2), length // 2 + 1)
        return [dyadic_intervals(steps, self.depth, self.divisor) for steps in lengths]
