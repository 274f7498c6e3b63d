"""Lines by name over common places, and labels along a sequence."""

from __future__ import annotations

import numpy as np
import pytest

from segue import Dataset, Sequences, plots
from segue.errors import DataError


def test_lines_of_other_lengths_or_too_many_are_refused() -> None:
    with pytest.raises(DataError, match="expected as many as `x` has"):
        plots.plot_lines([0, 1, 2], {"short": [0, 1]})
    with pytest.raises(DataError, match="at most 7 lines"):
        plots.plot_lines([0, 1], {str(i): [0, i] for i in range(8)})


def test_places_that_are_whole_numbers_have_no_others_between_them() -> None:
    """Epochs 1 and 2; places that are not whole have what there is room for."""
    ticks = plots.plot_lines([1, 2], {"a": [0, 1]}).get_xticks()
    assert all(tick == round(tick) for tick in ticks)
    ticks = plots.plot_lines([1.0, 2.0], {"a": [0, 1]}).get_xticks()
    assert any(tick != round(tick) for tick in ticks)


def labelled() -> Dataset:
    y = Sequences.from_list([np.array([0, 0, 1, 1, -1], np.int32)])
    return Dataset([[1.0, 2.0, 3.0, 4.0, 5.0]], y, classes=("sit", "walk"), rate_hz=1.0)


def test_labels_along_a_sequence() -> None:
    """Runs of true and predicted labels, and a mark where they differ; no label, no mistake."""
    axes = plots.plot_step_labels(labelled(), 0, ["sit", "walk", "walk", "walk", "sit"])
    axes[0].figure.canvas.draw()
    assert [one.get_yticklabels()[0].get_text() for one in axes[1:]] == [
        *("true", "predicted", "wrong")
    ]
    edges = [[(p.get_x(), p.get_x() + p.get_width()) for p in one.patches] for one in axes[1:]]
    assert edges == [[(0, 2), (2, 4)], [(0, 1), (1, 4), (4, 5)], [(1, 2)]]


def test_the_channels_of_a_recording_have_names() -> None:
    y = Sequences.from_list([np.array([0, 1], np.int32)])
    data = Dataset([np.eye(2)], y, classes=("sit", "walk"), channels=("up", "down"))
    axes = plots.plot_step_labels(data, 0, ["sit", "walk"])
    above, below = axes[0].figure.legends
    assert [text.get_text() for text in above.get_texts()] == ["up", "down"]
    assert [text.get_text() for text in below.get_texts()] == ["sit", "walk"]


def test_labels_of_another_sequence_are_refused() -> None:
    with pytest.raises(DataError, match=r"shape \(2,\); expected \(5,\)"):
        plots.plot_step_labels(labelled(), 0, ["sit", "walk"])
    with pytest.raises(DataError, match="no label for each step"):
        plots.plot_step_labels(Dataset([[1.0]], ["sit"]), 0, ["sit"])
