"""Numbers: zero mean and unit variance, and a fixed factor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from segue.errors import SpecError
from segue.padded import Padded
from segue.precision import NOISE
from segue.prepare.augmentation import Amount, Generators, ValueAugmentation, stacked
from segue.prepare.steps import Array, Blocks, Ragged, StepSpec, check_names, like


def mean_and_scale(table: Array, *, least: float) -> tuple[Array, Array]:
    """The mean `[column]` and the standard deviation `[column]`, 1 for a column that never varies.

    Args:
        table: `[n, column]`.
        least: a deviation up to this share of the largest absolute value is rounding.

    >>> mean_and_scale(np.array([[1.0, 5.0], [3.0, 5.0]]), least=1e-12)
    (array([2., 5.]), array([1., 1.]))
    """
    values = table.astype(np.float64)
    deviation = values.std(axis=0)
    flat = deviation <= least * np.abs(values).max(axis=0)
    return values.mean(axis=0), np.where(flat, 1.0, deviation)


def read_mean_and_scale(data: Mapping[str, Any]) -> tuple[Array, Array] | None:
    """Both from plain lists; `None` for numbers that no training can have given."""
    mean, scale = np.array(data["mean"], float), np.array(data["scale"], float)
    if mean.shape != scale.shape or not np.isfinite([mean, scale]).all() or (scale <= 0).any():
        return None
    return mean, scale


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


@dataclass(frozen=True)
class Scale(ValueAugmentation):
    """`scale(deviation)`: in training, each channel of a sequence times a factor around 1.

    Um et al., "Data augmentation of wearable sensor data for Parkinson's disease monitoring using
    convolutional neural networks", ICMI 2017.

    Args:
        deviation: standard deviation of the normal factors.
    """

    kind: ClassVar[str] = "scale"

    deviation: Amount

    def change(self, x: Padded, generators: Generators) -> Tensor:
        size = (1, x.values.shape[2])
        draws = [generator.standard_normal(size, np.float32) for generator in generators]
        return x.values * (1 + self.deviation * stacked(draws, x.values))
