"""A sequence drawn in one line of text."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(values: npt.ArrayLike, width: int = 60) -> str:
    """Draw `[time]` values as blocks between the lowest and the highest; gaps where all is missing.

    Longer sequences are drawn as the means of `width` runs of steps.

    >>> sparkline([0, 1, 2, 3, 2, 1, float("nan"), 0])
    '▁▃▆█▆▃ ▁'
    """
    steps = np.asarray(values, np.float64)
    if len(steps) > width:
        steps = np.array([_mean(run) for run in np.array_split(steps, width)])
    finite = steps[np.isfinite(steps)]
    if len(finite) == 0:
        return " " * len(steps)
    low, span = finite.min(), np.ptp(finite)
    heights = (steps - low) / span * (len(BLOCKS) - 1) if span else np.where(steps == low, 3, steps)
    return "".join(BLOCKS[round(h)] if np.isfinite(h) else " " for h in heights.tolist())


def liveliest_channel(sequences: list[npt.NDArray[Any]]) -> int:
    """Return which channel of `[time, channel]` arrays varies most."""
    steps = np.concatenate(sequences).astype(np.float64)
    known = np.isfinite(steps)
    filled = np.where(known, steps, 0)
    counts = known.sum(axis=0).clip(1)
    means = filled.sum(axis=0) / counts
    return int((np.where(known, (steps - means) ** 2, 0).sum(axis=0) / counts).argmax())


def _mean(run: npt.NDArray[Any]) -> float:
    finite = run[np.isfinite(run)]
    return float(finite.mean()) if len(finite) else float("nan")
