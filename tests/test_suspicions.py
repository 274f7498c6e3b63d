"""What is suspicious is said with its number; of data that are as they should be, nothing is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier

from segue.cli import main
from segue.dataset import Dataset
from segue.suspicions import lengths_predict

DRAWS = np.random.default_rng(0)
LABELS = np.array(["a", "b"] * 30)


def make(
    lengths: Any = None, change: Callable[[np.ndarray, str, int], None] | None = None, **more: Any
) -> Dataset:
    """Sixty sequences of two channels, with nothing suspicious about them."""
    draws = np.random.default_rng(1)
    lengths = draws.integers(10, 20, 60) if lengths is None else lengths
    x = [draws.standard_normal((n, 2)).astype(np.float32) for n in lengths]
    for number, (steps, label) in enumerate(zip(x, LABELS, strict=True)):
        if change is not None:
            change(steps, label, number)
    return Dataset(x, LABELS, channels=("u", "v"), **more)


def parts() -> np.ndarray:
    return np.array(["train"] * 40 + ["test"] * 20)


def test_nothing_is_said_of_good_data() -> None:
    groups = np.repeat(np.arange(12), 5)
    assert make().suspicions() == []
    assert make(parts=parts(), groups=groups).suspicions() == []


def stuck(steps: np.ndarray, label: str, number: int) -> None:
    steps[:, 1] = 2.5


def stuck_in_a(steps: np.ndarray, label: str, number: int) -> None:
    if label == "a":
        steps[:, 1] = 2.5


def large(steps: np.ndarray, label: str, number: int) -> None:
    steps[:, 1] *= 1e5


def gaps(steps: np.ndarray, label: str, number: int) -> None:
    if label == "a" or number == 1:
        steps[2:5, 0] = np.nan


CASES: dict[str, tuple[Callable[[], Dataset], str]] = {
    "lengths": (
        lambda: make(np.where(LABELS == "a", 10, 12)),
        "lengths alone predict the class with 100% (always the most frequent class: 50%)",
    ),
    "constant": (lambda: make(change=stuck), "channel v (2.5) never varies"),
    "constant in a class": (
        lambda: make(change=stuck_in_a),
        "channel v is always 2.5 in the 30 sequences of class 'a', and",
    ),
    "scales": (
        lambda: make(change=large),
        "channel v varies 98,837 times as much as channel u (standard deviations 1.01e+05 and",
    ),
    "missing": (
        lambda: make(change=gaps),
        "97% of the missing values are in class 'a', which has",
    ),
    "groups": (
        lambda: make(parts=parts(), groups=np.arange(60) % 45),
        "15 of 45 groups are in more than one part: 0, 1, 2, 3, 4, and 10 more; scores",
    ),
    "classes": (
        lambda: make(
            parts=np.where(LABELS == "a", "train", np.where(np.arange(60) < 20, "train", "test"))
        ),
        "1 of 2 classes does not occur in part test: 'a'",
    ),
    "long": (
        lambda: make([*[10] * 31, *[11] * 28, 400], ids=np.array([f"s{i}" for i in range(60)])),
        "sequence s59 has 400 steps, 40 times the median; the next one has 11",
    ),
    "labels": (
        lambda: Dataset(
            list(make().x[:4]) * 3, ["a", "b", "a", "b", "b", "b", "a", "b"] + ["a", "b"] * 2
        ),
        "1 sequence occurs again with another label",
    ),
}


def test_a_channel_that_is_stuck_in_many_classes_is_one_line() -> None:
    """As the margins of images are: of ten classes eight have the first channel at 0."""
    labels = np.repeat(np.arange(10), 2)
    x = [np.array([[0.0, label], [float(label > 7), -label]]) for label in labels]
    first, second = Dataset(x, labels).suspicions()
    assert str(first) == (
        "channel 1 is always 0 in the 16 sequences of 8 classes (0, 1, 2, 3, 4, and 3 more), "
        "and 0 to 1 in all"
    )
    assert first.numbers == {"channel": "1", "classes": list(range(8)), "sequences": 16}
    assert str(second).startswith("channel 2 is always 0 in the 2 sequences of class 0, and")


def test_many_such_channels_are_counted() -> None:
    """The first five have a line each."""
    x = [np.outer([1.0, 2.0], np.full(9, label)) for label in (0, 0, 1, 1)]
    found = [str(one) for one in Dataset(x, ["a", "a", "b", "b"]).suspicions()]
    assert len(found) == 6
    assert found[-1] == "4 more channels never vary in some class"


@pytest.mark.parametrize("kind", CASES)
def test_each_suspicion(kind: str) -> None:
    """One thing is made suspicious, and that thing alone is said, with its number."""
    build, text = CASES[kind]
    (found,) = build().suspicions()
    assert found.kind == kind
    assert str(found).startswith(text) or text in str(found)
    assert found.numbers


def test_lengths_are_judged_as_scikit_learn_does() -> None:
    """The accuracy is that of scikit-learn's own cross-validation."""
    lengths = np.where(LABELS == "a", DRAWS.integers(10, 20, 60), DRAWS.integers(14, 24, 60))
    data = make(lengths)
    found = lengths_predict(data)
    assert found is not None
    from sklearn.model_selection import StratifiedKFold

    tree = DecisionTreeClassifier(max_depth=3, min_samples_leaf=3, random_state=0)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    expected = cross_val_score(tree, lengths[:, None], LABELS, cv=folds).mean()
    assert found[0] == pytest.approx(expected)


def test_lengths_that_tell_nothing_are_not_said() -> None:
    """Of a hundred data sets with lengths by chance, hardly any is called suspicious."""
    said = 0
    for seed in range(100):
        draws = np.random.default_rng(seed)
        x = [np.zeros((n, 1), np.float32) for n in draws.integers(5, 50, 60)]
        said += any(s.kind == "lengths" for s in Dataset(x, draws.permutation(LABELS)).suspicions())
    assert said <= 3


def test_groups_are_kept_together() -> None:
    """Each person has one length and one class: what a person's length says is no rule."""
    draws = np.random.default_rng(4)
    people = draws.integers(10, 1000, 12)
    lengths = np.repeat(people, 5)
    x = [np.zeros((n, 1), np.float32) for n in lengths]
    labels = np.repeat(draws.permutation(["a", "b"] * 6), 5)
    groups = np.repeat(np.arange(12), 5)
    grouped = lengths_predict(Dataset(x, labels, groups=groups))
    alone = lengths_predict(Dataset(x, labels))
    assert grouped is not None
    assert alone is not None
    assert alone[0] > 0.75
    assert grouped[0] < 0.65


def test_mapped_and_other_data(tmp_path: Path) -> None:
    """A mapped file says the same; texts, numbers and labels of steps have no such lines."""
    data = make(change=stuck_in_a)
    data.write(tmp_path / "a.arrow")
    assert Dataset.open(tmp_path / "a.arrow").suspicions() == data.suspicions()
    assert Dataset([[1.0, 2.0], [3.0]], [0.5, 1.5]).suspicions() == []
    assert Dataset([[1.0, 2.0], [3.0]]).suspicions() == []
    assert Dataset([]).suspicions() == []


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line each; with --json an object each."""
    make(change=stuck).write(tmp_path / "a.arrow")
    assert main(["data", "show", str(tmp_path / "a.arrow")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "look at  channel v (2.5) never varies" in lines
    assert main(["data", "show", str(tmp_path / "a.arrow"), "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["suspicions"]
    assert one["kind"] == "constant"
    assert one["numbers"] == {"channels": ["v"]}
