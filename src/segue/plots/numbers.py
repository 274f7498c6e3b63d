"""Pictures of predicted numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from segue.plots.style import MUTED, PALETTE, new_axes, styled
from segue.randomness import numpy_generator

POINTS_AT_MOST = 2_000


@styled
def plot_predictions(
    targets: npt.NDArray[Any], predictions: npt.NDArray[Any], *, axes: Axes | None = None
) -> Axes:
    """Draw predicted over true numbers, a colour for each value; on the line they are the same.

    Of more than 2,000 sequences as many are drawn at random.

    Args:
        targets: `[n]` or `[n, value]`.
        predictions: in the same shape.
        axes: where to draw.
    """
    wanted = np.reshape(targets, (len(targets), -1))
    found = np.reshape(predictions, wanted.shape)
    chosen = numpy_generator(0, "points").permutation(len(wanted))[:POINTS_AT_MOST]
    axes = new_axes(4.2, 3.6) if axes is None else axes
    low, high = min(wanted.min(), found.min()), max(wanted.max(), found.max())
    axes.plot([low, high], [low, high], color=MUTED, lw=0.9, ls=(0, (3, 2)))
    for value, (a, b) in enumerate(zip(wanted[chosen].T, found[chosen].T, strict=True)):
        label = f"value {value}" if wanted.shape[1] > 1 else None
        axes.scatter(a, b, 9, color=PALETTE[value % len(PALETTE)], alpha=0.6, lw=0, label=label)
    axes.set_xlabel("true")
    axes.set_ylabel("predicted")
    if 1 < wanted.shape[1] <= len(PALETTE):
        axes.legend(loc="best")
    return axes
