"""Forecasts: against the noise, against what is known in closed form, and against cheating."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

import segue
from segue import Dataset, Forecaster, Sequences, TrainingOptions
from segue.errors import DataError, NotFittedError, OptionError
from segue.tasks.forecast import as_array
from segue.tasks.regress import Autoregression, last_known

SILENT = TrainingOptions(progress="none")
SIGMA = 0.5


def ar2(steps: int, *, seed: int, channels: int = 1) -> Any:
    """`y[t] = 1.6 y[t - 1] - 0.8 y[t - 2] + noise` around 20, with noise of deviation SIGMA."""
    noise = np.random.default_rng(seed).normal(0, SIGMA, (steps + 200, channels))
    y = np.zeros_like(noise)
    for t in range(2, len(y)):
        y[t] = 1.6 * y[t - 1] - 0.8 * y[t - 2] + noise[t]
    found = 20 + y[200:]
    return found[:, 0] if channels == 1 else found


def quick(network: Any = "gru(8)", **more: Any) -> Forecaster:
    given = {"size": 6, "epochs": 4, "learning_rate": 0.01, "options": SILENT}
    return Forecaster(network, **{**given, **more})


@pytest.fixture(scope="module")
def fitted() -> Forecaster:
    return quick().fit(ar2(800, seed=0))


def rmse(targets: Any, found: Any) -> Any:
    return np.sqrt(np.mean((found.reshape(targets.shape) - targets) ** 2, axis=0))


def test_series_that_watch_may_be_arrays() -> None:
    """As those that are learnt from."""
    series = ar2(400, seed=0)
    found = quick(epochs=1).fit(series[:300], validation_data=series[300:])
    watched = Dataset(Sequences.from_list([series[300:]]))
    for same in (watched, (series[300:], None)):
        given = quick(epochs=1).fit(series[:300], validation_data=same)
        assert found.history_["validation_rmse"] == given.history_["validation_rmse"]
    assert dict(found.training_summary_)["validation"] == "94 sequences given"


# -- what it learns -------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["recursive", "direct"])
def test_the_error_approaches_the_noise(strategy: Any) -> None:
    """One step ahead no more than 3 % above sigma, five ahead than what the process leaves."""
    forecaster = quick("gru(16)", strategy=strategy, horizon=5, epochs=8).fit(ar2(4_000, seed=0))
    cut = forecaster.cut(Dataset([ar2(4_000, seed=1)]))
    found = rmse(cut.y, forecaster.continued(as_array(cut.x), 5))
    response = [1.0, 1.6]  # of the process to one shock
    for _ in range(3):
        response.append(1.6 * response[-1] - 0.8 * response[-2])
    least = SIGMA * np.sqrt(np.cumsum(np.square(response)))
    assert (found < 1.05 * least).all()
    assert found[0] < 1.03 * SIGMA


def test_the_linear_model_is_least_squares() -> None:
    """Against NumPy's own solution of the same problem, one step ahead, in two channels."""
    series = ar2(300, seed=0, channels=2)
    cut = segue.windows(series, size=4)
    x, last = as_array(cut.x).astype(float), series[3:-1]
    inputs = np.column_stack([np.ones(len(x)), x.reshape(len(x), -1)])
    wanted = inputs @ np.linalg.lstsq(inputs, cut.y, rcond=None)[0]
    fitted = Autoregression.fit(x, cut.y - last)
    assert np.allclose(fitted.changes(x) + last, wanted, atol=1e-6)


def test_a_random_walk_is_said_to_be_one() -> None:
    walk = np.cumsum(np.random.default_rng(0).normal(size=600))
    with pytest.warns(UserWarning, match="not clearly better than a persistence forecast"):
        quick(epochs=2).fit(walk)


def test_the_history_is_in_the_unit_of_the_series() -> None:
    """The validation error, computed again from the forecasts of the last windows."""
    series = ar2(600, seed=0)
    forecaster = quick(epochs=1, validation=0.2).fit(series)
    cut = forecaster.cut(Dataset([series]))
    watched = cut[len(cut) - round(0.2 * len(cut)) :]
    found = rmse(watched.y, forecaster.continued(as_array(watched.x), 1))
    assert forecaster.history_["validation_rmse"][0] == pytest.approx(found[0], rel=1e-3)
    assert "(20%, the last of each series)" in dict(forecaster.training_summary_)["validation"]
    loss = forecaster.history_.plot()
    assert [axes.get_title("left") for axes in loss.figure.axes] == ["loss", "rmse"]


def test_what_comes_after_the_training_part_has_no_influence() -> None:
    """Neither on weights nor on the preparation, nor on the linear model."""
    series = ar2(400, seed=0)
    both = [
        Dataset([series[:300], tail], parts=["train", "test"])
        for tail in (series[300:], 9 * series[300:])
    ]
    a, b = (quick(epochs=1).fit(data) for data in both)
    assert a.preparation_.to_json() == b.preparation_.to_json()
    assert np.array_equal(a.predict(5), b.predict(5))
    assert np.array_equal(a.autoregression_.coefficients, b.autoregression_.coefficients)


def test_missing_values_do_not_stop_it() -> None:
    """Windows around gaps are used, the next steps are forecast, also from an end with a gap."""
    series = ar2(500, seed=0)
    series[np.random.default_rng(0).random(500) < 0.1] = np.nan
    forecaster = quick().fit(series)
    assert np.isfinite(forecaster.predict(4)).all()
    assert last_known(np.array([[[1.0], [np.nan]]])).tolist() == [[1.0]]


# -- what it answers ------------------------------------------------------------------------------


def test_answers_have_the_form_of_the_series(fitted: Forecaster) -> None:
    a, b = ar2(50, seed=2), ar2(40, seed=3)
    assert fitted.predict(7).shape == (7,)
    assert fitted.predict(a, 7).shape == (7,)
    assert fitted.predict(a[:, None], 7).shape == (7, 1)
    assert fitted.predict([a, b], 7).shape == (2, 7, 1)
    assert np.allclose(fitted.predict([a, b], 7)[1, :, 0], fitted.predict(b, 7), atol=1e-4)
    several = quick(epochs=1).fit(ar2(200, seed=0, channels=3))
    assert several.predict(2).shape == (2, 3)
    assert fitted.predict().shape == (1,)


@pytest.mark.parametrize("none", [[], np.zeros((0, 5, 1)), Sequences.from_list([])])
def test_of_no_series_there_is_no_forecast(fitted: Forecaster, none: Any) -> None:
    assert fitted.predict(none, 4).shape == (0, 4, 1)


def test_a_recursive_forecast_goes_on_from_itself(fitted: Forecaster) -> None:
    series = ar2(50, seed=2)
    one = fitted.predict(series, 1)
    two = fitted.predict(np.r_[series, one], 1)
    assert np.allclose(fitted.predict(series, 2), np.r_[one, two], atol=1e-4)


def test_predict_goes_on_where_the_training_series_end(fitted: Forecaster) -> None:
    assert np.array_equal(fitted.predict(3), fitted.predict(ar2(800, seed=0), 3))


def test_several_series_are_learnt_together() -> None:
    data = Dataset(Sequences.from_list([ar2(200, seed=0), ar2(150, seed=1)]))
    forecaster = quick(epochs=2).fit(data)
    assert forecaster.predict(3).shape == (2, 3, 1)
    assert np.isfinite(forecaster.score(ar2(100, seed=2)))


def test_saved_and_loaded_it_goes_on(fitted: Forecaster, tmp_path: Path) -> None:
    fitted.save(tmp_path / "model.safetensors")
    loaded = segue.load(tmp_path / "model.safetensors")
    assert isinstance(loaded, Forecaster)
    assert np.array_equal(loaded.predict(5), fitted.predict(5))
    windows = as_array(fitted.cut(Dataset([ar2(60, seed=5)])).x)
    assert np.allclose(
        loaded.continued_linearly(windows, 3), fitted.continued_linearly(windows, 3), atol=1e-9
    )


def test_an_end_with_a_gap_is_saved_too(tmp_path: Path) -> None:
    series = ar2(300, seed=0)
    series[[50, 298]] = np.nan
    forecaster = quick(epochs=1, options=SILENT).fit(series)
    forecaster.save(tmp_path / "model.safetensors")
    loaded = segue.load(tmp_path / "model.safetensors")
    assert np.array_equal(loaded.predict(2), forecaster.predict(2))


def test_it_can_be_cloned(fitted: Forecaster) -> None:
    assert repr(clone(fitted)) == repr(fitted)


# -- what it refuses ------------------------------------------------------------------------------


def test_more_steps_than_learnt_directly() -> None:
    forecaster = quick(strategy="direct", horizon=2).fit(ar2(300, seed=0))
    assert forecaster.predict(1).shape == (1,)
    with pytest.raises(OptionError, match="3 steps are wanted, and the direct strategy has learnt"):
        forecaster.predict(3)


def test_mistakes_are_named(fitted: Forecaster) -> None:
    with pytest.raises(DataError, match="Series 0 has 3 steps; a forecast goes on from the last 6"):
        fitted.predict([1.0, 2.0, 3.0], 2)
    with pytest.raises(DataError, match="leave out `y`"):
        quick().fit([1.0] * 50, [1.0] * 50)
    with pytest.raises(DataError, match="are windows already"):
        quick().fit(segue.windows(np.arange(50.0), 6))
    with pytest.raises(OptionError, match="`strategy` is 'both'"):
        quick(strategy="both").fit(ar2(50, seed=0))
    with pytest.raises(OptionError, match="`steps` is 0"):
        fitted.predict(0)
    with pytest.raises(NotFittedError, match="This Forecaster is not fitted yet"):
        quick().predict(3)
