"""The power law finds the numbers that made a curve, and its forecasts can be tested."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit

from segue import studies
from segue.errors import DataError
from segue.studies import PowerLaw, backtest, fit_power_law, forecast

SIZES = np.array([20, 50, 100, 200, 400, 800])


@pytest.mark.parametrize(
    ("a", "b", "c"), [(2.0, 0.7, 0.03), (1.0, 0.3, 0.0), (5.0, 1.2, 0.1), (0.8, 0.15, 0.0)]
)
def test_known_numbers_are_found(a: float, b: float, c: float) -> None:
    law = fit_power_law(SIZES, a * SIZES**-b + c)
    assert (law.a, law.b, law.c) == pytest.approx((a, b, c), rel=1e-4, abs=1e-5)


def test_a_flat_curve_has_nothing_left_to_learn() -> None:
    law = fit_power_law(SIZES, np.full(6, 0.2))
    assert law(10_000) == pytest.approx(0.2, abs=1e-12)
    assert law.a == 0


def test_a_rising_error_is_not_followed_below_the_bounds() -> None:
    law = fit_power_law(SIZES, np.linspace(0.1, 0.3, 6))
    assert law.a == 0
    assert law.c >= 0


def test_the_fit_is_as_good_as_that_of_scipy() -> None:
    y = (2 * SIZES**-0.6 + 0.02) * (1 + 0.1 * np.random.default_rng(3).standard_normal(6))
    law = fit_power_law(SIZES, y)
    found, _ = curve_fit(
        lambda n, a, b, c: a * n**-b + c,
        SIZES,
        y,
        p0=(1.0, 0.5, 0.01),
        sigma=np.sqrt(np.maximum(y, 0.05 * y.max())),
        bounds=(0, [np.inf, 4, 1]),
    )

    def loss(one: PowerLaw) -> float:
        return float((((np.array([one(n) for n in SIZES]) - y) ** 2) / y).sum())

    assert loss(law) <= loss(PowerLaw(*found)) * (1 + 1e-6)


@pytest.mark.slow
def test_forecasts_of_synthetic_curves_hold_the_truth() -> None:
    """Eight noisy seeds a curve: the interval of 95 % has the truth in at least 24 of 30."""
    draws = np.random.default_rng(0)
    mean = 2 * SIZES**-0.6 + 0.02
    truth = 2 * 1600**-0.6 + 0.02
    hits = 0
    for _ in range(30):
        errors = mean[:, None] * (1 + 0.25 * draws.standard_normal((6, 8)))
        said = forecast(SIZES, errors, 1600, draws=200)
        assert said.low <= said.error <= said.high
        hits += said.low <= truth <= said.high
    assert hits >= 24


def test_held_back_sizes_are_forecast_from_the_smaller_ones_alone() -> None:
    errors = np.tile((2 * SIZES**-0.6 + 0.02)[:, None], (1, 3))
    said = backtest(SIZES, errors, draws=20)
    pairs = [(one.fitted_to, one.size) for one in said]
    assert pairs == [(100, 200), (100, 400), (100, 800), (200, 400), (200, 800), (400, 800)]
    for one in said:
        assert one.truth == pytest.approx(one.error, abs=1e-4)
    errors[-1] = 0.9  # what is held back does not reach the forecast
    assert [one.error for one in backtest(SIZES, errors, draws=20)] == [one.error for one in said]


@pytest.mark.parametrize(
    ("sizes", "errors", "text"),
    [
        ([10, 20], [0.2, 0.1], "needs the errors at 3 sizes or more; got 2 sizes"),
        ([10, 20, 20], [0.2, 0.1, 0.1], "needs the errors at 3 sizes"),
        ([10, 20, 40], [0.2, 0.1, np.nan], "finite errors from 0 on"),
        ([10, 20, 40], [0.2, 0.1, -0.1], "finite errors from 0 on"),
    ],
)
def test_what_cannot_be_fitted_is_refused(sizes: list[int], errors: list[float], text: str) -> None:
    with pytest.raises(DataError, match=text):
        fit_power_law(sizes, errors)


def test_an_interval_needs_two_seeds() -> None:
    with pytest.raises(DataError, match="two seeds or more"):
        forecast([10, 20, 40], [[0.3], [0.2], [0.1]], 80)
    with pytest.raises(DataError, match="expected rising sizes"):
        backtest([20, 10, 40], np.ones((3, 2)))


def test_the_former_name_warns_and_works() -> None:
    with pytest.warns(DeprecationWarning, match="held_back is now called segue.studies.backtest"):
        assert studies.held_back is backtest
    with pytest.raises(AttributeError, match="no attribute 'kept_back'"):
        studies.kept_back  # noqa: B018
