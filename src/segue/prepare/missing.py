"""Missing values: interpolation, and a channel that marks them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from segue.errors import SpecError, warn_user
from segue.prepare.steps import (
    Blocks,
    Ragged,
    StepSpec,
    check_names,
    interpolate_gaps,
)
from segue.sequences import Array


def gaps_of(values: Array) -> Array:
    """The channels of `[total_steps, channel]` that have gaps (NaN)."""
    return np.flatnonzero(np.isnan(values).any(axis=0))


@dataclass(frozen=True)
class Interpolate(StepSpec):
    """`interpolate`: NaN becomes the value on the line between the known ones around it.

    It looks ahead, so it is not causal. A channel without any known value in a sequence stays NaN.
    """

    kind: ClassVar[str] = "interpolate"

    @property
    def causal(self) -> bool:
        return False

    def fit(self, blocks: Blocks) -> dict[str, Array]:
        return {}

    def apply(self, x: Ragged, fitted: dict[str, Array]) -> Ragged:
        values, lengths = x
        return interpolate_gaps(values, lengths, range(values.shape[1])), lengths


@dataclass(frozen=True)
class Mask(StepSpec):
    """`mask`: NaN becomes 0, and each channel that had gaps in training gets a channel of its own.

    That channel is 1 where the value is missing (Che et al., "Recurrent neural networks for
    multivariate time series with missing values", Scientific Reports 8, 2018, without the decay).
    A gap in any other channel was not to be expected: it is interpolated, with a warning.

    It stands at the end of every preparation, whether it is written there or not; where nothing is
    missing it does nothing.
    """

    kind: ClassVar[str] = "mask"

    def fit(self, blocks: Blocks) -> dict[str, Array]:
        gaps: Array = np.zeros(1, bool)
        for values, _ in blocks():
            gaps = gaps | np.isnan(values).any(axis=0)
        return {"expected": np.flatnonzero(gaps)}

    def apply(self, x: Ragged, fitted: dict[str, Array]) -> Ragged:
        values, lengths = x
        missing = np.isnan(values)
        expected = fitted["expected"]
        if not missing.any() and len(expected) == 0:
            return x
        unexpected = np.setdiff1d(np.flatnonzero(missing.any(axis=0)), expected)
        if len(unexpected):
            warn_user(
                f"Values are missing in channel {', '.join(map(str, unexpected))}, which had none "
                "in training: they are interpolated."
            )
            values = interpolate_gaps(values, lengths, unexpected)
        filled = np.where(np.isnan(values), np.float32(0), values)
        return np.concatenate([filled, missing[:, expected].astype(np.float32)], axis=1), lengths

    def channels(self, channels: int, fitted: dict[str, Array]) -> int:
        return channels + len(fitted["expected"])

    def restore(self, numbers: Mapping[str, Any], channels: int) -> dict[str, Array]:
        check_names(self.kind, numbers, ("expected",))
        given = numbers["expected"]
        whole = isinstance(given, list) and all(type(c) is int and 0 <= c < channels for c in given)
        if not whole or given != sorted(set(given)):
            raise SpecError(f"mask needs rising numbers of {channels} channels; got {given!r}.")
        return {"expected": np.array(given, np.int64)}
