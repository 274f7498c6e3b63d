"""The functions of `segue.kernels.reference_features` in the native library."""

from __future__ import annotations

import numpy as np

from segue.data.arrays import Array
from segue.kernels.native import Kernels, address, floats, integers, ragged


class NativeFeatures:
    """Features of whole sequences; what the functions take and return is explained there.

    Args:
        kernels: of a path of the library.
    """

    def __init__(self, kernels: Kernels) -> None:
        self._kernels, self._call = kernels, kernels.function

    def quantiles(self, values: Array, offsets: Array, intervals: Array) -> Array:
        """Evenly spaced quantiles of intervals of each sequence, each second one less the mean."""
        values, offsets, intervals = floats(values), integers(offsets), integers(intervals)
        out = np.empty((len(offsets) - 1, values.shape[1], intervals[:, 3].sum()), np.float32)
        self._call("quantiles")(
            *ragged(values, offsets),
            *(address(intervals), len(intervals), address(out), self._kernels.threads),
        )
        return out

    def hydra(
        self, values: Array, offsets: Array, channels: Array | None, kernel: Array, *, dilation: int
    ) -> tuple[Array, Array]:
        """Groups of kernels of one dilation compete at each step."""
        values, offsets, kernel = floats(values), integers(offsets), floats(kernel)
        channels = None if channels is None else floats(channels)
        groups, kernels = kernel.shape[1:]
        most, least = (np.empty((len(offsets) - 1, groups, kernels), np.float32) for _ in "xx")
        self._call("hydra")(
            *(*ragged(values, offsets), address(channels), address(kernel), groups, kernels),
            *(dilation, address(most), address(least), groups * kernels, self._kernels.threads),
        )
        return most, least

    def multirocket(
        self,
        values: Array,
        offsets: Array,
        channels: Array | None,
        bias: Array,
        *,
        dilation: int,
        phase: int,
    ) -> Array:
        """Four numbers of the responses of MiniROCKET's kernels that are above each bias."""
        values, offsets, bias = floats(values), integers(offsets), floats(bias)
        channels = None if channels is None else floats(channels)
        out = np.empty((len(offsets) - 1, 4, *bias.shape), np.float32)
        self._call("multirocket")(
            *(*ragged(values, offsets), address(channels), address(bias), bias.shape[1]),
            *(dilation, phase, address(out), 4 * bias.size, bias.size, self._kernels.threads),
        )
        return out

    def rdst(
        self,
        values: Array,
        offsets: Array,
        shapelets: Array,
        thresholds: Array,
        *,
        dilation: int,
        normalized: bool,
    ) -> Array:
        """Distances of shapelets to the windows of each sequence."""
        values, offsets, shapelets = floats(values), integers(offsets), floats(shapelets)
        thresholds, (size, _, count) = floats(thresholds), shapelets.shape
        out = np.empty((len(offsets) - 1, 3, count), np.float32)
        self._call("rdst")(
            *(*ragged(values, offsets), address(shapelets), address(thresholds), size, count),
            *(dilation, normalized, address(out), 3 * count, count, self._kernels.threads),
        )
        return out
