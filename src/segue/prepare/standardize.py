"""Zero mean and unit variance for each channel, over the real steps of the training data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from segue.errors import SpecError
from segue.precision import NOISE
from segue.prepare.steps import Array, Blocks, Ragged, StepSpec, check_names, like


@dataclass(frozen=True)
class Standardize(StepSpec):
    """`standardize`: subtract each channel's mean and divide by its standard deviation.

    Missing values are left out of both and stay missing. A channel that never varies becomes 0.
    """

    kind: ClassVar[str] = "standardize"

    def fit(self, blocks: Blocks) -> dict[str, Array]:
        """Merge the blocks' moments (Chan, Golub & LeVeque, "Updating formulae", 1979)."""
        least: Array = np.zeros(1)
        rounding = 1e-7  # of float32: what varies less never varies
        count: Array = np.zeros(1)
        mean: Array = np.zeros(1)
        squares: Array = np.zeros(1)
        for block, _ in blocks():
            values = block.astype(np.float64)
            n = (~np.isnan(values)).sum(axis=0)
            if block.dtype == np.float64 and len(block):  # so far from 0 that a sum is rounded
                least, rounding = np.nan_to_num(np.fmin.reduce(values)), NOISE
            block_mean = least + np.nansum(values - least, axis=0) / np.maximum(n, 1)
            block_squares = np.nansum((values - block_mean) ** 2, axis=0)
            total = np.maximum(count + n, 1)
            shift = block_mean - mean
            squares = squares + block_squares + shift**2 * count * n / total
            mean = mean + shift * n / total
            count = count + n
        deviation = np.sqrt(squares / np.maximum(count, 1))
        flat = deviation <= rounding * np.abs(mean)
        return {"mean": mean, "scale": np.where(flat, 1.0, deviation)}

    def apply(self, x: Ragged, fitted: dict[str, Array]) -> Ragged:
        values, lengths = x
        return like(values, (values - fitted["mean"]) / fitted["scale"]), lengths

    def restore(self, numbers: Mapping[str, Any], channels: int) -> dict[str, Array]:
        check_names(self.kind, numbers, ("mean", "scale"))
        fitted = {name: np.array(values, np.float64) for name, values in numbers.items()}
        fits = all(v.shape == (channels,) and np.isfinite(v).all() for v in fitted.values())
        if not fits or (fitted["scale"] <= 0).any():
            raise SpecError(
                f"standardize needs a mean and a scale for each of {channels} channels."
            )
        return fitted
