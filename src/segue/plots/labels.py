"""Labels of each step, as coloured spans under a sequence."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from segue.dataset import Dataset
from segue.plots.style import PALETTE, plain_names, styled

_NAMED = 24  # classes in the legend


def colour_of(code: int) -> tuple[str, float]:
    """The colour of a class and how thick it is laid on: fourteen that can be told apart."""
    return PALETTE[code % len(PALETTE)], (0.42, 0.16)[code // len(PALETTE) % 2]


@styled
def draw_step_labels(dataset: Dataset, number: int, per_step: float, axes: Axes) -> None:
    """Colour the runs of each label behind a sequence; where there is none it stays white.

    Args:
        dataset: with a label for each step.
        number: which sequence.
        per_step: what one step is on the time axis.
        axes: with the sequence.
    """
    codes: Any = dataset.y[number][:, 0]
    edges = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    for first, last in pairwise(edges):
        if last > first and codes[first] >= 0:
            colour, alpha = colour_of(int(codes[first]))
            axes.axvspan(first * per_step, last * per_step, color=colour, alpha=alpha, lw=0)


def label_legend(dataset: Dataset, figure: Figure | Any) -> None:
    """Name the colours, in the order of the classes, where there are few enough."""
    names = dataset.classes or ()
    if not names or len(names) > _NAMED:
        return
    patches = []
    for code, name in enumerate(plain_names(names)):
        colour, alpha = colour_of(code)
        patches.append(Patch(color=colour, alpha=alpha, label=name, lw=0))
    widest = 0.5 + 0.075 * max(len(str(patch.get_label())) for patch in patches)  # inches, about
    columns = max(1, int(figure.bbox.width / figure.get_figure(root=True).dpi / widest))
    figure.legend(handles=patches, loc="outside lower center", ncols=min(len(patches), columns))
