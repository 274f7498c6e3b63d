"""The search for a learning rate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from segue import SequenceClassifier, TrainingOptions
from segue.data.sequences import Sequences
from segue.errors import OptionError, TrainingError
from segue.testing import tiny_dataset
from segue.training import find_learning_rate, finder

DATA = tiny_dataset(60, seed=1)
SILENT = TrainingOptions(progress="none")


def classifier(**more: Any) -> SequenceClassifier:
    return SequenceClassifier(
        **{"network": "gru(8)", "epochs": 3, "options": SILENT, "seed": 0, **more}
    )


def test_rates_rise_by_the_same_factor() -> None:
    """From the lowest to the highest, unless the loss gets out of hand before."""
    rates = find_learning_rate(classifier(), DATA, lowest=1e-5, highest=1e-2, updates=40)
    found = np.array([row["learning_rate"] for row in rates.rows])
    np.testing.assert_allclose(found, np.geomspace(1e-5, 1e-2, 40))
    assert set(rates.rows[0]) == {"learning_rate", "loss", "smoothed"}


def test_the_suggested_rate_learns_and_a_small_one_does_not() -> None:
    """Ten epochs with either."""
    rate = find_learning_rate(classifier(), DATA).suggestion

    def loss(learning_rate: float) -> float:
        fitted = classifier(epochs=10, learning_rate=learning_rate, validation=None).fit(DATA)
        return fitted.history_["loss"][-1]

    assert loss(rate) < 0.6 * loss(1e-5)


@pytest.mark.parametrize("seed", range(20))
def test_chance_in_the_first_batches_is_no_fall(seed: int) -> None:
    """It stands still for 60 updates, falls by three deviations of its noise, stands again."""
    level = np.interp(np.arange(100), [60, 85], [1.0, 0.4])
    losses = level + np.random.default_rng(seed).normal(0, 0.2, 100)
    rows = [{"learning_rate": float(i), "loss": loss} for i, loss in enumerate(losses)]
    assert 50 < finder.steepest_fall(tuple(finder._smoothed(iter(rows)))) < 90


def test_it_ends_when_the_loss_gets_out_of_hand() -> None:
    """At four times the lowest, of a moving average; one batch alone is not enough."""
    losses = [1.0] * 30 + [10.0] + [1.0] * 10 + [50.0] * 20
    rows = list(finder._smoothed({"learning_rate": 1.0, "loss": loss} for loss in losses))
    assert len(rows) == 42
    assert rows[0]["smoothed"] == pytest.approx(1.0)
    assert rows[-2]["smoothed"] < 4 < rows[-1]["smoothed"]


@pytest.mark.slow
def test_the_estimator_stays_as_it_is() -> None:
    """Weights and history of a fitted one; one that is not fitted is not fitted then."""
    fitted = classifier().fit(DATA)
    before, network = fitted.network_.get_weights(), fitted.network_
    find_learning_rate(fitted, DATA)
    assert fitted.network_ is network
    assert len(fitted.history_) == 3
    for name, array in before.items():
        np.testing.assert_array_equal(array, fitted.network_.get_weights()[name])
    fresh = classifier()
    find_learning_rate(fresh, DATA)
    assert set(vars(fresh)) == set(fresh.get_params(deep=False))


def test_the_same_seed_gives_the_same_rates() -> None:
    assert find_learning_rate(classifier(), DATA) == find_learning_rate(classifier(), DATA)


def test_the_picture_has_both_losses_and_the_suggestion() -> None:
    rates = find_learning_rate(classifier(), DATA)
    axes = rates.plot()
    assert isinstance(axes.figure, Figure)
    assert axes.get_xscale() == "log"
    labels = axes.get_legend_handles_labels()[1]
    assert labels == ["each batch", "smoothed", f"suggestion: {rates.suggestion:.2g}"]


def test_mistakes_are_told() -> None:
    with pytest.raises(OptionError, match="expected 0 < lowest < highest"):
        find_learning_rate(classifier(), DATA, lowest=1.0, highest=0.1)
    with pytest.raises(OptionError, match="`updates` is 3; expected 10 or more"):
        find_learning_rate(classifier(), DATA, updates=3)
    far = np.full_like(DATA.x.values, 1e38)
    with pytest.raises(TrainingError, match="not finite at a learning rate of 1e-06 already"):
        find_learning_rate(
            classifier(network="dense(4) pool(mean)", prepare="none"),
            Sequences(far, DATA.x.offsets),
            DATA.y,
        )
