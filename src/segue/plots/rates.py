"""The picture of a search for a learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.axes import Axes

from segue.plots.style import BLUE, MUTED, VERMILION, new_axes, styled

if TYPE_CHECKING:
    from segue.training.finder import LearningRates


@styled
def plot_learning_rates(rates: LearningRates, *, axes: Axes | None = None) -> Axes:
    """Draw the loss of each update over its learning rate, smoothed too, with the suggestion.

    Args:
        rates: what `segue.training.find_learning_rate` returns.
        axes: where to draw.
    """
    axes = new_axes(4.6, 3.0) if axes is None else axes
    x, losses, smoothed = (
        [row[name] for row in rates.rows] for name in ("learning_rate", "loss", "smoothed")
    )
    axes.plot(x, losses, color=MUTED, lw=0.8, label="each batch")
    axes.plot(x, smoothed, color=BLUE, label="smoothed")
    label = f"suggestion: {rates.suggestion:.2g}"
    axes.axvline(rates.suggestion, color=VERMILION, lw=0.9, ls=(0, (3, 2)), label=label)
    axes.set_xscale("log")
    # One batch that gets out of hand would flatten all the rest.
    margin = 0.1 * (max(smoothed) - min(smoothed))
    axes.set_ylim(max(0.0, min(losses) - margin), max(smoothed) + margin)
    axes.set_xlabel("learning rate")
    axes.set_title("loss")
    axes.legend(loc="best")
    return axes
