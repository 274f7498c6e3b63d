"""Occlusion of the data themselves, held against that of the network's inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from segue import Dataset, SequenceClassifier, SequenceEnsemble, SequenceRegressor, TrainingOptions
from segue.errors import DataError, OptionError
from segue.evaluation import explain, occlusion_sensitivity

QUIET = TrainingOptions(progress="none")


def centred(lengths: Any) -> list[Any]:
    """Ragged sequences of two channels whose mean is 0: what is hidden becomes 0."""
    rng = np.random.default_rng(0)
    made = [rng.normal(size=(n, 2)).astype(np.float32) for n in lengths]
    return [one - one.mean(axis=0) for one in made]


@pytest.fixture(scope="module")
def model() -> SequenceClassifier:
    x, y = centred([5, 8, 6, 7] * 10), ["a", "b"] * 20
    made = SequenceClassifier("gru(4)", prepare="none", epochs=2, seed=0, options=QUIET)
    return made.fit(x, y)


@pytest.mark.parametrize("channels", ["each", "together"])
def test_it_is_the_fall_of_the_logit_where_nothing_is_the_mean(
    model: SequenceClassifier, channels: Any
) -> None:
    """With one step a piece and two classes, whose log odds are the logit."""
    x = centred([5, 8, 3])
    found = occlusion_sensitivity(model, x, pieces=8, channels=channels)
    alone = explain.occlusion(model, x, channels=channels)
    assert found.targets.tolist() == alone.targets.tolist()
    assert found.values.lengths.tolist() == [5, 8, 3]
    np.testing.assert_allclose(found.values.values, alone.values.values, atol=2e-5)


def test_pieces_are_of_equal_length_and_the_last_may_be_shorter(model: SequenceClassifier) -> None:
    steps = occlusion_sensitivity(model, centred([8]), pieces=3).values[0][:, 0]
    assert np.flatnonzero(np.diff(steps)).tolist() == [2, 5]


def test_a_target_turns_the_sign_and_an_ensemble_is_hidden_as_a_whole(
    model: SequenceClassifier,
) -> None:
    x = centred([6, 4])
    both = [occlusion_sensitivity(model, x, target=name).values.values for name in "ab"]
    np.testing.assert_allclose(both[0], -both[1], atol=1e-5)
    found = occlusion_sensitivity(SequenceEnsemble([model, model]), x, target=["a", "b"])
    np.testing.assert_allclose(
        found.values[0], occlusion_sensitivity(model, x, target="a").values[0]
    )
    assert occlusion_sensitivity(model, []).values.total_steps == 0


def test_names_missing_values_and_static_features_are_kept() -> None:
    x = centred([5, 8, 6, 7] * 10)
    x[0][2, 1] = np.nan
    data = Dataset(x, ["a", "b"] * 20, channels=("left", "right"), static=np.arange(40.0))
    made = SequenceClassifier("gru(3)", epochs=1, seed=0, options=QUIET).fit(data)
    found = occlusion_sensitivity(made, data[:3], channels="each", pieces=2)
    assert found.channels == ("left", "right")
    assert np.isfinite(found.values.values).all()
    assert occlusion_sensitivity(made, data[:3]).channels == ("all",)
    assert len(found.plot(1)) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pieces": 0}, "`pieces` is 0; expected a whole number from 1 on"),
        ({"channels": "both"}, "`channels` is 'both'; expected 'each' or 'together'"),
        ({"target": "c"}, "there is no class 'c'"),
        ({"target": ["a", "b", "a"]}, "expected one class, or 2, one for each"),
    ],
)
def test_what_means_nothing_is_refused(
    model: SequenceClassifier, options: Any, message: str
) -> None:
    with pytest.raises((OptionError, DataError), match=message):
        occlusion_sensitivity(model, centred([5, 4]), **options)


def test_numbers_are_no_classes() -> None:
    made = SequenceRegressor("gru(2)", epochs=1, options=QUIET)
    made.fit(centred([5] * 20), np.arange(20.0))
    with pytest.raises(DataError, match="Occlusion needs a classifier"):
        occlusion_sensitivity(made, centred([5]))
