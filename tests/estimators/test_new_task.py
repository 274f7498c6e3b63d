"""A new task is one file: here a toy one, rates that are learnt as logarithms."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from segue import Dataset, SequenceEnsemble, TrainingOptions, evaluate, fit_seeds
from segue.errors import DataError, NotFittedError, OptionError
from segue.estimators.inputs import as_dataset
from segue.estimators.loading import BY_NAME, load
from segue.estimators.regressor import SequenceRegressor
from segue.prepare.steps import MeanScale
from segue.tasks import Regress, Task
from segue.tasks.base import Encoded
from segue.tasks.regress import Numbers
from segue.testing import tiny_dataset


@dataclass(frozen=True, eq=False)
class Rate(Regress):
    """Numbers above 0, of which factors count: 1 is as far from 2 as 10 from 20."""

    name: ClassVar[str] = "rate"
    needs: ClassVar[str] = "a number above 0 for each sequence"

    @classmethod
    def of(cls, part: Dataset, **options: Any) -> Rate:
        """The task of a training part."""
        if not (part.y > 0).all():
            raise DataError("A rate is above 0.")
        return super().of(part, **options)

    def fitted(self, train: Dataset, preparation: Any) -> Rate:
        """The same with mean and deviation of the logarithms."""
        return replace(self, scale=MeanScale.fit(np.log(train.y)))

    def encode(self, data: Dataset) -> Encoded:
        """`[n, 1]` scaled logarithms, float32."""
        return Encoded(self.scale.apply(np.log(data.y)))

    def restore(self, outputs: Any) -> Numbers:
        """`[n]` rates, of the outputs of the network."""
        return np.exp(super().restore(outputs))


@dataclass(eq=False, repr=False)
class RateRegressor(SequenceRegressor):
    """Learns rates."""

    _task_type: ClassVar[type[Task]] = Rate
    task_: Rate = field(init=False)

    def _as_dataset(self, X: Any, y: Any, groups: Any = None) -> Dataset:  # noqa: N803
        return as_dataset(X, y, groups=groups, layout=self.layout, task="regress", rows="regress")


def rates() -> Dataset:
    """The larger the first value of a sequence, the higher its rate, over three decades."""
    data = tiny_dataset(40, task="regress")
    return replace(data, y=np.exp(3 * np.array([steps[0, 0] for steps in data.x], float)))


def regressor(**more: Any) -> RateRegressor:
    options = TrainingOptions(progress="none")
    return RateRegressor("gru(8)", epochs=60, learning_rate=0.03, options=options, **more)


def test_it_is_fitted_queried_and_scored() -> None:
    data = rates()
    fitted = regressor().fit(data)
    found = fitted.predict(data.x)
    assert found.shape == (40,)
    assert (found > 0).all()
    assert np.corrcoef(np.log(found), np.log(data.y))[0, 1] > 0.9
    assert fitted.score(data) == fitted.task_.score(found, data)
    assert (RateRegressor.task, RateRegressor.tasks) == ("rate", ("regress",))
    assert fitted.__sklearn_tags__().estimator_type == "regressor"


@pytest.mark.slow
def test_it_is_evaluated_with_the_metrics_of_the_task_it_derives_from(tmp_path: Path) -> None:
    data = rates()
    fitted = regressor().fit(data)
    found = evaluate(fitted, data, everything=True)
    assert found.metrics()["task"] == "rate"
    assert found.rmse == pytest.approx(np.sqrt(np.mean((fitted.predict(data) - data.y) ** 2)))
    assert found.report().splitlines()[2].startswith("RMSE")
    found.to_html(tmp_path / "report.html")


def test_what_does_not_suit_it_is_refused() -> None:
    data = rates()
    with pytest.raises(DataError, match="above 0"):
        regressor().fit(data.x, -data.y)
    with pytest.raises(DataError, match="RateRegressor needs a number above 0"):
        regressor().fit(tiny_dataset(20))
    with pytest.raises(OptionError, match="`epochs` is 0"):
        regressor().set_params(epochs=0).fit(data)
    with pytest.raises(NotFittedError, match="RateRegressor"):
        regressor().predict(data)


@pytest.mark.slow
def test_an_ensemble_and_a_file_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mean of the rates; a file needs the name of the estimator, one row in a table."""
    data = rates()
    monkeypatch.setitem(BY_NAME, "RateRegressor", RateRegressor)
    results = fit_seeds(regressor(), data, seeds=2)
    ensemble = results.ensemble()
    one, other = (member.predict(data) for member in results.members)
    np.testing.assert_array_equal(ensemble.predict(data), (one + other) / 2)
    ensemble.save(tmp_path / "rates.safetensors")
    again = load(tmp_path / "rates.safetensors")
    assert isinstance(again, SequenceEnsemble)
    np.testing.assert_array_equal(again.predict(data), ensemble.predict(data))
