"""The reject option: the threshold reaches what was asked for, on validation data only."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from segue.data.dataset import Dataset
from segue.data.sequences import Sequences
from segue.errors import DataError, OptionError
from segue.evaluation import evaluate, reject_threshold
from segue.metrics import coverage_curve


@dataclass
class Sure:
    """Says "yes" with the confidence that is the sequence's first value."""

    class_counts_: dict[str, int] = field(default_factory=lambda: {"no": 1, "yes": 2})

    @property
    def classes_(self) -> Any:
        return np.array(["no", "yes"])

    def predict_proba(self, x: Sequences) -> Any:
        return np.array([[1 - steps[0, 0], steps[0, 0]] for steps in x], np.float64)


def data(confidence: list[float], right: list[bool], **more: Any) -> Dataset:
    x = Sequences.from_list([[value] for value in confidence])
    return Dataset(x, np.where(right, "yes", "no"), classes=("no", "yes"), **more)


CONFIDENCE = [0.95, 0.9, 0.85, 0.8, 0.75, 0.7]
RIGHT = [True, True, False, True, True, False]


@pytest.mark.parametrize(
    ("accuracy", "answered"), [(1.0, 2), (0.8, 5), (0.76, 5), (0.66, 6), (0.5, 6), (0.81, 2)]
)
def test_most_answers_at_the_wanted_accuracy(accuracy: float, answered: int) -> None:
    """Found by hand: 1/1, 2/2, 2/3, 3/4, 4/5, 4/6 right with ever less confidence."""
    found = reject_threshold(Sure(), data(CONFIDENCE, RIGHT), accuracy=accuracy)
    assert found.validation.answered == answered
    assert found.validation.accuracy is not None
    assert found.validation.accuracy >= accuracy
    assert found.threshold == pytest.approx(CONFIDENCE[answered - 1], abs=1e-6)


def test_no_better_threshold_exists() -> None:
    """Against trying every threshold, on random data."""
    draws = np.random.default_rng(1)
    confidence = np.round(draws.uniform(0.5, 1, 200), 2)
    right = draws.random(200) < confidence
    found = reject_threshold(Sure(), data(confidence.tolist(), right.tolist()), accuracy=0.85)
    kept = {threshold: right[confidence >= threshold].mean() for threshold in np.unique(confidence)}
    lowest = min(threshold for threshold, share in kept.items() if share >= 0.85)
    assert found.threshold == pytest.approx(lowest, abs=1e-6)


def test_equal_confidences_stand_together() -> None:
    """Of sequences of the same confidence, none can be answered without the others."""
    curve = coverage_curve(np.array([True, False, True]), np.array([0.9, 0.9, 0.8]))
    assert curve.tolist() == [[0.9, 2 / 3, 0.5], [0.8, 1.0, 2 / 3]]


def test_the_test_part_is_told_not_chosen_on() -> None:
    """What the threshold gives there is counted; a test part as validation is refused."""
    found = reject_threshold(Sure(), data(CONFIDENCE, RIGHT), accuracy=1.0)
    test = data([0.99, 0.92, 0.5, 0.6], [True, False, True, True], parts=np.array(["test"] * 4))
    told = found.apply(evaluate(Sure(), test))
    assert (told.answered, told.right, told.count) == (2, 1, 4)
    assert (told.coverage, told.accuracy) == (0.5, 0.5)
    with pytest.raises(DataError, match="not chosen on test data"):
        reject_threshold(Sure(), test)


def test_the_validation_part_is_taken() -> None:
    """Of a data set with all parts."""
    whole = data(CONFIDENCE, RIGHT, parts=np.array(["validation"] * 4 + ["test", "train"]))
    assert reject_threshold(Sure(), whole, accuracy=0.7).validation.count == 4


def test_an_accuracy_out_of_reach_is_said_with_the_best() -> None:
    """So that the user knows what to ask for."""
    worse = data(CONFIDENCE, [False, True, True, True, False, False])
    with pytest.raises(DataError, match=r"No threshold gives .* 0.9 .*the best is 0.7500"):
        reject_threshold(Sure(), worse, accuracy=0.9)
    with pytest.raises(OptionError, match="expected a share"):
        reject_threshold(Sure(), worse, accuracy=99)


def test_accepts_is_the_threshold() -> None:
    """A mask for probabilities, as they come from a classifier."""
    found = reject_threshold(Sure(), data(CONFIDENCE, RIGHT), accuracy=1.0)
    assert found.accepts([[0.95, 0.05], [0.5, 0.5]]).tolist() == [True, False]


def test_answers_in_words() -> None:
    """Share, accuracy and its interval; none at all is no division by zero."""
    scored = evaluate(Sure(), data(CONFIDENCE, RIGHT))
    assert str(scored.answered(0.74)) == (
        "confidence 0.7400 or more: 5 of 6 answered (83.3%), accuracy 0.8000 [0.3755, 0.9638]"
    )
    none = scored.answered(0.99)
    assert (none.coverage, none.accuracy, none.interval) == (0.0, None, None)
    assert str(none) == "confidence 0.9900 or more: none of 6 answered"
    chosen = reject_threshold(Sure(), data(CONFIDENCE, RIGHT), accuracy=1.0)
    assert scored.answered(chosen) == chosen.validation
    with pytest.raises(OptionError, match="`threshold` is 99; expected a confidence from 0 to 1"):
        scored.answered(99)


def test_picture_has_both_curves_and_the_choice() -> None:
    """Validation, test, the wanted accuracy, and a dot where the threshold lies."""
    found = reject_threshold(Sure(), data(CONFIDENCE, RIGHT), accuracy=0.8)
    scored = evaluate(Sure(), replace(data(CONFIDENCE, RIGHT), parts=np.array(["test"] * 6)))
    axes = found.plot(test=scored)
    assert isinstance(axes.figure, Figure)
    axes.figure.canvas.draw()
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        "validation", "test", "wanted: 80 %", "83.3 % answered",
    ]  # fmt: skip
