"""`compare`: the same test as elsewhere, intervals that hold, and a verdict that follows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from segue.data.dataset import Dataset
from segue.data.sequences import Sequences
from segue.errors import DataError
from segue.evaluation import compare
from segue.metrics import mcnemar, paired_interval


@dataclass
class Scripted:
    """Is right where its script says so: the first value of each sequence is its number."""

    right: Any
    labels: Any
    class_counts_: dict[str, int] = field(default_factory=lambda: {"a": 2, "b": 1})

    @property
    def classes_(self) -> Any:
        return np.array(["a", "b"])

    def predict_proba(self, x: Sequences) -> Any:
        numbers = [int(steps[0, 0]) for steps in x]
        second = [(self.labels[i] == "b") == self.right[i] for i in numbers]
        return np.array([[1 - s, s] for s in np.where(second, 0.9, 0.1)])


def pair(
    both: int, only_a: int, only_b: int, neither: int, **more: Any
) -> tuple[Scripted, Scripted, Dataset]:
    """Two classifiers that are right on so many sequences, and those."""
    n = both + only_a + only_b + neither
    labels = np.array(["a", "b"] * n)[:n]
    a = np.repeat([True, True, False, False], [both, only_a, only_b, neither])
    b = np.repeat([True, False, True, False], [both, only_a, only_b, neither])
    data = Dataset(Sequences.from_list([[float(i)] for i in range(n)]), labels, **more)
    return Scripted(a, labels), Scripted(b, labels), data


def test_counts_accuracies_and_difference() -> None:
    """Who was right where, as made."""
    found = compare(*pair(50, 12, 5, 3))
    assert found.counts.tolist() == [[3, 5], [12, 50]]
    assert found.a.accuracy == pytest.approx(62 / 70)
    assert found.difference == pytest.approx(7 / 70)
    assert found.interval[0] < found.difference < found.interval[1]


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (1, 0), (5, 5), (12, 5), (3, 30), (0, 9)])
def test_mcnemar_is_the_two_sided_binomial_test(only_a: int, only_b: int) -> None:
    """Twice the smaller tail, at most 1."""
    n = only_a + only_b
    wanted = min(1.0, 2 * binom.cdf(min(only_a, only_b), n, 0.5)) if n else 1.0
    assert mcnemar(only_a, only_b) == pytest.approx(wanted)


def test_interval_against_the_normal_approximation() -> None:
    """For many sequences the two agree."""
    differences = np.repeat([1, 0, -1], [300, 600, 200])
    low, high = paired_interval(differences)
    error = differences.std() / np.sqrt(len(differences))
    assert low == pytest.approx(differences.mean() - 1.96 * error, abs=0.003)
    assert high == pytest.approx(differences.mean() + 1.96 * error, abs=0.003)


def test_interval_holds_as_often_as_it_says() -> None:
    """Over 300 drawn data sets, about 95 % of the intervals hold the true difference."""
    draws = np.random.default_rng(0)
    inside = 0
    for number in range(300):
        sample = draws.choice([1, 0, -1], 200, p=[0.2, 0.7, 0.1])
        low, high = paired_interval(sample, seed=number, draws=1000)
        inside += low <= 0.1 <= high
    assert 0.91 < inside / 300 < 0.99


def test_groups_are_drawn_whole() -> None:
    """Ten people with the same answer each tell less than a thousand sequences."""
    per_person = np.array([1, 1, -1, 1, 0, 0, 1, -1, 0, 1])
    differences = np.repeat(per_person, 100)
    alone = paired_interval(differences)
    grouped = paired_interval(differences, np.repeat(np.arange(10), 100))
    assert grouped[1] - grouped[0] > 5 * (alone[1] - alone[0])
    assert grouped[0] < 0.2 < grouped[1]


def test_no_disagreement_is_not_certainty() -> None:
    """Alike on twenty sequences does not mean alike on all."""
    found = compare(*pair(18, 0, 0, 2))
    low, high = found.interval
    assert low == -high
    assert 0.1 < high < 0.2
    assert found.better is None
    assert found.verdict == "They are right and wrong on the same 20 sequences."


def test_verdicts() -> None:
    """Better only where the test and the interval say so."""
    clear = compare(*pair(50, 30, 5, 3), names=("lstm", "rnn"))
    assert clear.better == "lstm"
    assert clear.verdict.startswith("lstm is better by 28.4 points (1")
    other = compare(*pair(50, 5, 30, 3))
    assert other.better == "b"
    low, high = other.interval
    assert other.verdict == f"b is better by 28.4 points ({-100 * high:.1f} to {-100 * low:.1f})."
    close = compare(*pair(50, 9, 5, 3))
    assert close.better is None
    assert "No clear difference: 14 of 67 sequences tell them apart, 9 for a and 5 for b" in (
        close.verdict
    )


def test_groups_decide_alone() -> None:
    """A difference that comes from one person of four is no difference of the models."""
    a, b, data = pair(30, 10, 0, 0)
    assert compare(a, b, data).better == "a"
    grouped = replace(data, groups=np.arange(40) // 10)
    found = compare(a, b, grouped)
    assert found.p_value < 0.01
    assert found.better is None
    assert "4 whole groups drawn" in found.report()


def test_report_has_the_numbers() -> None:
    """One line each, then the verdict."""
    lines = compare(*pair(50, 12, 5, 3), names=("lstm", "rnn")).report().splitlines()
    said = [line.split("  ")[0] for line in lines]
    assert said[:5] == [
        "sequences", "accuracy of lstm", "accuracy of rnn", "majority baseline", "difference",
    ]  # fmt: skip
    assert "only lstm right    12" in lines
    assert lines[-1].startswith("No clear difference")


def test_the_test_part_is_compared() -> None:
    """As in `evaluate`; and what cannot be scored is refused."""
    a, b, data = pair(10, 4, 2, 0)
    parts = np.array(["train", "test"] * 8)
    assert len(compare(a, b, replace(data, parts=parts)).a.dataset) == 8
    with pytest.raises(DataError, match="have no labels"):
        compare(a, b, replace(data, y=None, classes=None))
