"""Labels along a sequence: those that are true, and those that were said."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from segue.dataset import Dataset
from segue.errors import DataError
from segue.plots.display import Display, draw_sequence
from segue.plots.labels import colour_of, label_legend
from segue.plots.sequences import name_channels
from segue.plots.style import AxesArray, new_figure, styled


@styled
def plot_step_labels(dataset: Dataset, number: int, predicted: npt.ArrayLike) -> AxesArray:
    """Draw a sequence, and below it the labels of its steps: true, said, and where they differ.

    Args:
        dataset: with a label for each step.
        number: which sequence.
        predicted: `[time]`, a label for each of its steps, as `SequenceLabeler.predict` gives them.

    Returns:
        Axes `[4]`: the sequence, the true labels, the predicted ones, the mistakes.

    Raises:
        DataError: a data set without a label for each step, or another number of labels.
    """
    if dataset.task != "label":
        raise DataError("The data set has no label for each step.")
    true = np.asarray(dataset.y[number])[:, 0]
    labels = np.asarray(predicted)
    if labels.shape != true.shape:
        raise DataError(
            f"`predicted` has shape {labels.shape}; expected {true.shape}, as the steps."
        )
    names = list(dataset.classes) if dataset.classes else np.unique(true[true >= 0]).tolist()
    codes = {name: code for code, name in enumerate(names)}
    said = np.array([codes.get(label, -1) for label in labels.tolist()])
    wrong = np.where((true >= 0) & (said != true), 1, -1)
    figure = new_figure(9.6, 4.4)
    axes: AxesArray = figure.subplots(4, 1, sharex=True, height_ratios=[5, 1, 1, 0.6])
    display = Display.of(dataset[[number]])
    draw_sequence(dataset.x[number], display, axes[0])
    for one, row, name in zip(axes[1:], (true, said, wrong), ("true", "predicted", "wrong"),
                              strict=True):  # fmt: skip
        _bars(row, display.unit.per_step, one, colour="#1f2328" if name == "wrong" else None)
        one.set_yticks([0.5], [name])
        one.set_ylim(0, 1)
        one.grid(visible=False)
    axes[0].set_xlim(0, len(true) * display.unit.per_step)
    axes[0].set_ylabel(display.value_label)
    axes[-1].set_xlabel(display.time_label)
    name_channels(axes[:1], display)
    label_legend(dataset, figure)
    return axes


def _bars(codes: npt.NDArray[Any], per_step: float, axes: Axes, *, colour: str | None) -> None:
    """Colour the runs of each label; where there is none it stays white."""
    edges = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    for first, last in pairwise(edges):
        if last > first and codes[first] >= 0:
            chosen, alpha = (colour, 1.0) if colour else colour_of(int(codes[first]))
            axes.axvspan(first * per_step, last * per_step, color=chosen, alpha=alpha, lw=0)
