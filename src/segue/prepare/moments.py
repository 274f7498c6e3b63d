"""Zero mean and unit variance of a table: found, and checked where it comes from a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from segue.prepare.steps import Array


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
