"""Scores against scikit-learn and against values worked out by hand, and at the edges."""

from __future__ import annotations

import re
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from segue import Dataset, Sequences, evaluate, metrics
from segue.errors import DataError
from segue.evaluation.report import render
from segue.tasks import TASKS


def draw(seed: int, n: int = 60, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    draws = np.random.default_rng(seed)
    probabilities = draws.dirichlet(np.ones(classes), n)
    return draws.integers(0, classes, n), probabilities


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("classes", [2, 3, 7])
def test_scores_equal_scikit_learn(seed: int, classes: int) -> None:
    """Every score that scikit-learn has too is the same number."""
    targets, probabilities = draw(seed, classes=classes)
    predictions = probabilities.argmax(axis=1)
    names = tuple(range(classes))
    confusion = metrics.confusion_matrix(targets, predictions, classes)
    rows = metrics.f1_per_class(targets, predictions, names)
    ranked = probabilities[:, 1] if classes == 2 else probabilities
    expected = {
        "accuracy": sklearn_metrics.accuracy_score(targets, predictions),
        "balanced": sklearn_metrics.balanced_accuracy_score(targets, predictions),
        "f1": sklearn_metrics.f1_score(targets, predictions, average="macro"),
        "log loss": sklearn_metrics.log_loss(targets, probabilities, labels=names),
        "roc auc": sklearn_metrics.roc_auc_score(targets, ranked, multi_class="ovr"),
    }
    found = {
        "accuracy": metrics.accuracy(targets, predictions),
        "balanced": metrics.balanced_accuracy(confusion),
        "f1": metrics.macro_f1(rows),
        "log loss": metrics.log_loss(targets, probabilities),
        "roc auc": metrics.roc_auc(targets, probabilities),
    }
    assert found == pytest.approx(expected, abs=1e-12)
    assert np.array_equal(confusion, sklearn_metrics.confusion_matrix(targets, predictions))


@given(
    st.integers(1, 9),
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=40),
)
def test_scores_of_classes_equal_scikit_learn_to_the_bit(
    classes: int, pairs: list[tuple[int, int]]
) -> None:
    """Also of classes that do not occur, or that were never predicted."""
    targets, predictions = np.array(pairs, np.int64).reshape(-1, 2).T % classes
    rows = metrics.f1_per_class(targets, predictions, tuple(range(classes)))
    expected = sklearn_metrics.precision_recall_fscore_support(
        targets, predictions, labels=np.arange(classes), zero_division=np.nan
    )
    found = np.array([[np.nan if value is None else value for value in row[1:]] for row in rows])
    np.testing.assert_array_equal(found.T, np.array(expected))


@pytest.mark.parametrize(("correct", "count"), [(0, 5), (5, 5), (37, 50), (1, 1), (940, 1000)])
def test_wilson_interval_solves_its_equation(correct: int, count: int) -> None:
    """Each bound p lies 1.96 of its own standard errors from the observed share."""
    share = correct / count
    for bound in metrics.wilson_interval(correct, count):
        variance = bound * (1 - bound) / count
        assert (share - bound) ** 2 == pytest.approx(1.9599640**2 * variance, rel=1e-6, abs=1e-12)
    low, high = metrics.wilson_interval(correct, count)
    assert 0 <= low <= share <= high <= 1
    assert high - low > 0, "an interval never shrinks to a point"


def test_wilson_interval_keeps_its_level() -> None:
    """Of 2,000 draws with accuracy 0.9 on 40 sequences about 95 % of the intervals hold 0.9."""
    correct = np.random.default_rng(0).binomial(40, 0.9, 2_000)
    held = [low <= 0.9 <= high for low, high in (metrics.wilson_interval(c, 40) for c in correct)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)


def test_a_class_that_does_not_occur() -> None:
    """RunningMetrics are over the classes that occur; recall of the absent one is undefined."""
    targets, predictions = np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1])
    rows = metrics.f1_per_class(targets, predictions, ("a", "b", "c", "d"))
    assert rows[2] == metrics.ClassScore("c", 0.0, None, 0.0, 0)
    assert rows[3] == metrics.ClassScore("d", None, None, None, 0)
    assert metrics.macro_f1(rows) == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert metrics.balanced_accuracy(metrics.confusion_matrix(targets, predictions, 4)) == 0.75


def test_roc_auc_where_a_class_is_absent() -> None:
    """Without class 2 in the targets the mean is over classes 0 and 1."""
    targets = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.6, 0.3, 0.1], [0.2, 0.3, 0.5], [0.3, 0.6, 0.1], [0.1, 0.2, 0.7]])
    # Class 0: pairs 0.6 and 0.2 against 0.3 and 0.1: 3 of 4. Class 1: 0.6, 0.2 against 0.3, 0.3.
    assert metrics.roc_auc(targets, probabilities) == pytest.approx((0.75 + 0.5) / 2)


def test_one_sequence() -> None:
    """A single sequence has every score but the area under the ROC curve."""
    targets, probabilities = np.array([1]), np.array([[0.25, 0.75]])
    assert metrics.roc_auc(targets, probabilities) is None
    assert metrics.log_loss(targets, probabilities) == pytest.approx(-np.log(0.75))
    assert metrics.balanced_accuracy(metrics.confusion_matrix(targets, np.array([1]), 2)) == 1.0
    assert metrics.calibration(np.array([True]), np.array([0.75])).error == pytest.approx(0.25)


def test_log_loss_of_the_impossible_is_finite() -> None:
    """A true class of probability 0 costs -log(eps), as in scikit-learn."""
    targets, probabilities = np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]])
    expected = sklearn_metrics.log_loss(targets, probabilities, labels=[0, 1])
    assert metrics.log_loss(targets, probabilities) == pytest.approx(expected)
    assert str(metrics.log_loss(np.array([1]), np.array([[0.0, 1.0]]))) == "0.0"


def test_calibration_by_hand() -> None:
    """Two bins: 0.55 said and 1/2 right, 0.95 said and 2/3 right."""
    confidence = np.array([0.52, 0.58, 0.93, 0.95, 0.97])
    correct = np.array([True, False, True, True, False])
    found = metrics.calibration(correct, confidence)
    assert found.counts.tolist() == [0, 0, 0, 0, 0, 2, 0, 0, 0, 3]
    assert found.confidence[[5, 9]] == pytest.approx([0.55, 0.95])
    assert found.accuracy[[5, 9]] == pytest.approx([1 / 2, 2 / 3])
    assert np.isnan(found.confidence[0])
    assert found.error == pytest.approx(2 / 5 * 0.05 + 3 / 5 * (0.95 - 2 / 3))


def test_the_interval_of_the_calibration_error_holds_it() -> None:
    """Of simulated models, one that is as right as it is sure, and one that is surer."""
    draws, held = np.random.default_rng(0), np.zeros(2)
    for _ in range(100):
        sure = draws.uniform(0.5, 1.0, 300)
        for number, gap in enumerate((0.0, 0.1)):
            right = draws.random(300) < sure - gap
            low, high = metrics.calibration_interval(right, sure, draws=1000) or (1, 0)
            held[number] += low <= gap <= high
    assert (held >= 90).all()


def test_the_interval_of_the_calibration_error_draws_groups() -> None:
    """It is wider where sequences of a group are right or wrong together; one tells nothing."""
    right, sure = np.repeat([True, False, True, True, True, False, True, False], 25), np.ones(200)
    low, high = metrics.calibration_interval(right, sure) or (0, 1)
    wide_low, wide_high = metrics.calibration_interval(right, sure, np.arange(200) // 25) or (0, 0)
    assert wide_high - wide_low > 2 * (high - low)
    assert metrics.calibration_interval(right, sure, np.zeros(200)) is None
    assert metrics.calibration_interval(right[:1], sure[:1]) is None


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=50))
def test_calibration_error_equals_its_definition(pairs: list[tuple[bool, float]]) -> None:
    """The error is the sum over bins (e, e + 0.1] of the gap, by the share of sequences."""
    correct = np.array([right for right, _ in pairs])
    confidence = np.array([sure for _, sure in pairs])
    found = metrics.calibration(correct, confidence)
    expected = 0.0
    for low, high in zip(found.edges[:-1], found.edges[1:], strict=True):
        inside = (confidence > low) & (confidence <= high)
        if low == 0:
            inside |= confidence == 0
        if inside.any():
            expected += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    assert found.error == pytest.approx(expected)
    assert found.counts.sum() == len(pairs)


def test_bootstrap_agrees_with_the_closed_form_where_both_hold() -> None:
    """On many independent sequences the bootstrap's interval is nearly Wilson's."""
    right = np.repeat([True, False], [850, 150])
    assert metrics.bootstrap_interval(right) == pytest.approx(
        metrics.wilson_interval(850, 1000), abs=0.003
    )


@pytest.mark.slow
def test_bootstrap_of_many_groups_takes_little_memory() -> None:
    """Ten thousand draws of 50,000 groups are 4 GB at once."""
    right = np.arange(50_000) % 3 > 0
    tracemalloc.start()
    low, high = metrics.bootstrap_interval(right, np.arange(50_000), draws=200)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert low < 2 / 3 < high
    assert peak < 100e6


def test_bootstrap_of_groups_is_wider() -> None:
    """Ten people who are right or wrong as a whole tell less than a hundred sequences."""
    right = np.repeat([True, False, True, True, False, True, True, True, False, True], 10)
    groups = np.repeat(np.arange(10), 10)
    low, high = metrics.bootstrap_interval(right, groups)
    alone_low, alone_high = metrics.bootstrap_interval(right)
    assert high - low > 2 * (alone_high - alone_low)


def test_few_groups_that_are_alike_are_no_certainty() -> None:
    """Two of two have seven of eight right: each draw of them has, too."""
    right = np.tile([True] * 7 + [False], 2)
    groups = np.repeat(["ann", "bob"], 8)
    assert metrics.bootstrap_interval(right, groups) == metrics.wilson_interval(14, 16)
    other = right[::-1]
    differences = right.astype(int) - other
    alone = metrics.paired_interval(differences)
    assert metrics.paired_interval(differences, groups) == alone
    assert alone[0] < 0 < alone[1]


@pytest.mark.parametrize("groups", [None, np.zeros(20, int)])
def test_bootstrap_without_spread_gives_the_closed_form(groups: object) -> None:
    """All right, or one group only: a bootstrap would say nothing, so Wilson's is returned."""
    right = np.ones(20, bool)
    assert metrics.bootstrap_interval(right, groups) == metrics.wilson_interval(20, 20)


# -- the table of metrics -------------------------------------------------------------------------


@pytest.mark.parametrize("task", sorted(TASKS))
def test_every_task_has_metrics(task: str) -> None:
    """The first is the one that baselines are compared by: it stands in tables and has a side."""
    first, *_ = found = list(metrics.metrics_of(task).values())
    assert first.label
    assert first.direction
    assert all(set(metric.tasks) <= set(TASKS) for metric in found)
    saved = [metric.name for metric in found if metric.is_saved]
    assert len(saved) == len(set(saved)), "one row a name"


def test_a_metric_knows_what_is_better() -> None:
    by_name = metrics.metrics_of("regress")
    assert by_name["rmse"].is_better(1.0, 2.0)
    assert by_name["r2"].is_better(2.0, 1.0)
    assert not by_name["r2"].is_better(1.0, 1.0)
    assert by_name["rmse"].text(1234.5678) == "1235"


def test_numbers_equal_scikit_learn() -> None:
    """Weighted too; of several values the mean, and in the unit of the targets."""
    draws = np.random.default_rng(0)
    targets, predictions = draws.normal(size=(2, 30, 3))
    weights = draws.random(30)
    assert metrics.r_squared(targets, predictions, weights) == pytest.approx(
        sklearn_metrics.r2_score(targets, predictions, sample_weight=weights)
    )
    assert metrics.rmse(targets, predictions) ** 2 == pytest.approx(
        sklearn_metrics.mean_squared_error(targets, predictions)
    )
    assert metrics.mean_absolute_error(targets, predictions) == pytest.approx(
        sklearn_metrics.mean_absolute_error(targets, predictions)
    )


def test_a_new_metric_is_a_function_and_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an attribute of the evaluation, and stands in its table, its report and its JSON."""

    def wrong(targets: np.ndarray, predictions: np.ndarray) -> int:
        return int((targets != predictions).sum())

    row = metrics.Metric(
        "mistake_count", wrong, ("targets", "predictions"), ("classify",), "lower", "mistakes",
        "wrong predictions", "d",
    )  # fmt: skip
    monkeypatch.setattr(metrics, "METRICS", (*metrics.METRICS, row))
    found = evaluate(Heads(), Dataset([[1.0], [2.0], [3.0]], ["heads", "tails", "heads"]))
    assert found.mistake_count == found.metrics()["mistake_count"] == 1
    assert re.search(r"^mistakes +1 +wrong predictions$", found.report(), re.MULTILINE)
    assert "<td>wrong predictions</td>" in render(found)


class Heads:
    """Predicts one and the same class."""

    classes_, class_counts_ = np.array(["heads", "tails"]), {"heads": 6, "tails": 4}

    def predict_proba(self, x: Sequences) -> np.ndarray:
        return np.tile([0.6, 0.4], (len(x), 1))


def test_roc_auc_is_that_of_scikit_learn() -> None:
    """With ties too, and over several classes."""
    draws = np.random.default_rng(0)
    for classes in (2, 3, 40):
        shares = draws.integers(0, 6, (500, classes)).astype(np.float32) / 5
        targets = draws.integers(0, classes, 500)
        wanted = [
            sklearn_metrics.roc_auc_score(targets == code, shares[:, code])
            for code in (range(classes) if classes > 2 else [1])
        ]
        found = metrics.roc_auc(targets, shares)
        np.testing.assert_allclose(found, np.mean(wanted), rtol=1e-12)


@pytest.mark.parametrize("name", ["rmse", "rmse_by_value", "mean_absolute_error", "r2"])
def test_numbers_of_another_count_have_no_score(name: str) -> None:
    """NumPy would pair each target with each of nine predictions."""
    function = metrics.metrics_of("regress")[name].function
    with pytest.raises(DataError, match=r"have shape \[4, 9\] and the targets \[4, 1\]"):
        function(np.zeros((4, 1)), np.zeros((4, 9)))
