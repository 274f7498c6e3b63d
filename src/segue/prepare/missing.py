"""Missing values: interpolation, and a channel that marks them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from segue.data.sequences import Array
from segue.errors import SpecError, warn_user
from segue.prepare.steps import Blocks, Ragged, StepSpec, check_names


def missing_channels(values: Array) -> Array:
    """The channels of `[total_steps, channel]` with missing values (NaN)."""
    return np.flatnonzero(np.isnan(values).any(axis=0))


def interpolated(values: Array, lengths: Array, channels: Iterable[int]) -> Array:
    """Fill NaN in the chosen channels, each sequence by itself.

    Between two known values on the straight line, outside them with the nearest. A channel of a
    sequence without any known value stays NaN.
    """
    values = values.copy()
    ends = np.cumsum(lengths)
    for channel in channels:
        missing = np.isnan(values[:, channel])
        for number in np.unique(np.searchsorted(ends, np.flatnonzero(missing), side="right")):
            part = values[int(ends[number] - lengths[number]) : int(ends[number]), channel]
            known = ~np.isnan(part)
            if known.any():
                part[~known] = np.interp(np.flatnonzero(~known), np.flatnonzero(known), part[known])
    return values


@dataclass(frozen=True)
class Interpolate(StepSpec):
    """`interpolate`: NaN becomes the value on the line between the known ones around it.

    It looks ahead, so it is not causal. A channel without any known value in a sequence stays NaN.
    """

    kind: ClassVar[str] = "interpolate"

    @property
    def causal(self) -> bool:
        return False

    def apply(self, x: Ragged, fitted: dict[str, Array]) -> Ragged:
        values, lengths = x
        return interpolated(values, lengths, range(values.shape[1])), lengths


@dataclass(frozen=True)
class MissingIndicator(StepSpec):
    """`mask`: NaN becomes 0, and each channel that had gaps in training gets a channel of its own.

    That channel is 1 where the value is missing (Che et al., "Recurrent neural networks for
    multivariate time series with missing values", Scientific Reports 8, 2018, without the decay).
    A gap in any other channel was not to be expected: it is interpolated, with a warning.

    It stands at the end of every preparation, whether it is written there or not; where nothing is
    missing it does nothing.
    """

    kind: ClassVar[str] = "mask"

    def fit(self, blocks: Blocks) -> dict[str, Array]:
        channels = [missing_channels(values) for values, _ in blocks()]
        return {"expected": np.unique(np.concatenate(channels)) if channels else np.zeros(0, int)}

    def apply(self, x: Ragged, fitted: dict[str, Array]) -> Ragged:
        (values, lengths), expected = x, fitted["expected"]
        missing = np.isnan(values)
        if not missing.any() and len(expected) == 0:
            return x
        unexpected = np.setdiff1d(np.flatnonzero(missing.any(axis=0)), expected)
        if len(unexpected):
            warn_user(
                f"Values are missing in channel {', '.join(map(str, unexpected))}, which had none "
                "in training: they are interpolated."
            )
            values = interpolated(values, lengths, unexpected)
        filled = np.where(np.isnan(values), np.float32(0), values)
        return np.concatenate([filled, missing[:, expected].astype(np.float32)], axis=1), lengths

    def channels(self, channels: int, fitted: dict[str, Array]) -> int:
        return channels + len(fitted["expected"])

    def restore(self, numbers: Mapping[str, Any], channels: int) -> dict[str, Array]:
        check_names(self.kind, numbers, ("expected",))
        given = numbers["expected"]
        numbers_of_channels = isinstance(given, list) and all(type(c) is int for c in given)
        if (
            not numbers_of_channels
            or not set(given) <= set(range(channels))
            or given != sorted(set(given))
        ):
            raise SpecError(f"mask needs rising numbers of {channels} channels; got {given!r}.")
        return {"expected": np.array(given, np.int64)}
