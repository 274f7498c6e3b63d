"""scikit-learn's own `check_estimator`, but for what contradicts sequences by nature."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn import exceptions
from sklearn.utils.estimator_checks import check_estimator

import segue
from segue.errors import DataError, NotFittedError
from segue.testing import EXPECTED_FAILED_CHECKS

QUIET = segue.TrainingOptions(progress="none")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", [segue.SequenceClassifier, segue.SequenceRegressor])
@pytest.mark.parametrize(
    "settings",
    [
        {"network": "gru(4)", "epochs": 3},
        # On rows that all have one length a network may insist on it, as scikit-learn expects.
        {"network": "flatten dense(32, relu)", "epochs": 60, "learning_rate": 0.01},
    ],
    ids=["gru", "flatten"],
)
def test_the_checks_of_scikit_learn_pass(kind: Any, settings: dict[str, Any]) -> None:
    expected = dict(EXPECTED_FAILED_CHECKS)
    if "flatten" in settings["network"]:
        for name in ("classifiers_train", "regressors_train", "class_weight_classifiers"):
            del expected[f"check_{name}"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check_estimator(
            kind(**settings, options=QUIET),
            expected_failed_checks=expected,
            on_fail=None,
            on_skip=None,
        )
    failed = {
        row["check_name"]: str(row["exception"])[:200] for row in found if row["status"] == "failed"
    }
    assert failed == {}
    assert sum(row["status"] == "passed" for row in found) >= 45


def test_before_fit_the_error_is_that_of_scikit_learn_too() -> None:
    with pytest.raises(exceptions.NotFittedError) as caught:
        segue.SequenceClassifier().predict([[1.0]])
    assert isinstance(caught.value, NotFittedError)
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), NotFittedError)


def test_a_column_of_labels_is_warned_of() -> None:
    x, y = np.random.default_rng(0).normal(size=(8, 5)), np.arange(8)[:, None] % 2
    with pytest.warns(exceptions.DataConversionWarning, match="column-vector y"):
        segue.SequenceClassifier("gru(2)", epochs=1, options=QUIET).fit(x, y)


REFUSED = {
    "sparse": (sparse.csr_array, "sparse data are not"),
    "complex": (lambda x: x + 1j, "Complex data not supported"),
    "objects": (lambda x: np.array([[{"a": 1}] * 5] * 8), "holds something else than numbers"),
    "one": (lambda x: x[0], "Reshape your data"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_array_of_numbers_is_refused_in_words(name: str) -> None:
    change, message = REFUSED[name]
    x, y = np.random.default_rng(0).normal(size=(8, 5)), np.arange(8) % 2
    with pytest.raises(DataError, match=message):
        segue.SequenceClassifier("gru(2)", epochs=1, options=QUIET).fit(change(x), y)


def test_continuous_targets_are_no_classes() -> None:
    x, y = np.random.default_rng(0).normal(size=(8, 5)), np.linspace(0, 1, 8)
    with pytest.raises(
        DataError, match="8 different numbers for 8 sequences: these are continuous"
    ):
        segue.SequenceClassifier("gru(2)", epochs=1, options=QUIET).fit(x, y)
    few = segue.SequenceClassifier("gru(2)", epochs=1, options=QUIET).fit(x, [0.5, 1.5] * 4)
    assert few.classes_.tolist() == [0.5, 1.5]
