"""`one_sample`: a threshold on one sample of each sequence, as a decision stump finds it."""

from __future__ import annotations

import numpy as np
import pytest

from segue import Dataset, synth
from segue.errors import DataError, OptionError
from segue.evaluation import one_sample


def test_the_first_sample_separates_waves_that_begin_together_and_only_those() -> None:
    """sin(f) is at most sin(0.4) = 0.39, a square begins at 1."""
    fixed = one_sample(synth.waves(200, test=500, seed=1))
    assert fixed.accuracy == fixed.train_accuracy == 1.0
    assert 0.5 < fixed.thresholds[0] < 0.7
    random = one_sample(synth.waves(200, test=500, phase="random", seed=1))
    assert random.accuracy < 0.85


def test_it_learns_on_train_and_is_scored_on_test() -> None:
    data = Dataset(
        [[0.0], [1.0], [0.2], [0.3], [0.9]],
        ["low", "high", "low", "high", "high"],
        parts=["train", "train", "test", "test", "test"],
    )
    found = one_sample(data)
    assert found.thresholds == (0.5,)
    assert (found.train_accuracy, found.accuracy) == (1.0, pytest.approx(2 / 3))
    assert found.values.tolist() == pytest.approx([0.2, 0.3, 0.9])


def test_the_best_step_is_chosen_in_training() -> None:
    draws = np.random.default_rng(0)
    x, y = draws.normal(size=(60, 9, 2)), np.arange(60) % 2
    x[:, 6, 1] = y
    found = one_sample(Dataset(x, y), step=None, channel=1)
    assert (found.step, found.channel, found.accuracy) == (6, 1, 1.0)


def test_three_classes_have_two_thresholds() -> None:
    x = np.repeat([0.0, 1.0, 2.0], 5)[:, None]
    assert one_sample(Dataset(x, np.repeat(["a", "b", "c"], 5))).thresholds == (0.5, 1.5)


@pytest.mark.parametrize(
    ("asked", "error", "text"),
    [
        ({"step": 3}, DataError, "the shortest sequence has 2 steps"),
        ({"step": -1}, OptionError, "expected a step from 0 on"),
        ({"channel": 1}, OptionError, "channels 0 to 0"),
        ({"step": 1}, DataError, "the sample at step 1 is missing"),
    ],
)
def test_what_cannot_be_asked_is_refused(asked, error, text) -> None:
    data = Dataset([[0.0, np.nan, 1.0], [1.0, 2.0]], ["a", "b"])
    with pytest.raises(error, match=text):
        one_sample(data, **asked)


def test_numbers_have_no_classes_to_be_told() -> None:
    with pytest.raises(DataError, match="'regress'"):
        one_sample(Dataset([[0.0], [1.0]], [0.5, 1.5]))


def test_the_picture_has_a_row_for_each_class_and_the_threshold() -> None:
    axes = one_sample(synth.waves(30, test=40)).plot()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["class 0", "class 1"]
    assert len(axes.collections) == 2
    assert "threshold 0.6" in axes.get_xlabel()
    assert axes.get_title(loc="left") == "sample 1 alone: 100.0 % right"
