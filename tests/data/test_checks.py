"""Each check has a line with its number; data that are as they should be have none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier

from segue.cli import main
from segue.data import channel_checks
from segue.data.checks import Finding, lengths_predict
from segue.data.dataset import Dataset
from segue.data.sequences import Sequences
from segue.readers import read

DRAWS = np.random.default_rng(0)
LABELS = np.array(["a", "b"] * 30)


def make(
    lengths: Any = None, change: Callable[[np.ndarray, str, int], None] | None = None, **more: Any
) -> Dataset:
    """Sixty sequences of two channels, of which no check has a finding."""
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
    assert make().check() == []
    assert make(parts=parts(), groups=groups).check() == []


def test_the_former_name_warns() -> None:
    with pytest.warns(DeprecationWarning, match="is now Dataset.check"):
        assert make().suspicions() == []


def test_every_line_belongs_to_a_kind_that_is_documented() -> None:
    """`findings.toml` has a line for each kind in the docstring of `Finding`, and no others."""
    kinds = {name.partition(", ")[0] for name in channel_checks._texts()}
    documented = (Finding.__doc__ or "").partition("kind:")[2].partition("text:")[0]
    assert kinds == set(re.findall(r'"([^"]+)"', documented))


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
    first, second = Dataset(x, labels).check()
    assert str(first) == (
        "channel 1 is always 0 in the 16 sequences of 8 classes (0, 1, 2, 3, 4, and 3 more), "
        "and 0 to 1 in all"
    )
    assert first.numbers == {"channel": "1", "classes": list(range(8)), "sequences": 16}
    assert str(second).startswith("channel 2 is always 0 in the 2 sequences of class 0, and")


def test_many_such_channels_are_counted() -> None:
    """The first five have a line each."""
    x = [np.outer([1.0, 2.0], np.full(9, label)) for label in (0, 0, 1, 1)]
    found = [str(one) for one in Dataset(x, ["a", "a", "b", "b"]).check()]
    assert len(found) == 6
    assert found[-1] == "4 more channels never vary in some class"


@pytest.mark.parametrize("kind", CASES)
def test_each_check(kind: str) -> None:
    """One thing is made remarkable, and that thing alone is said, with its number."""
    build, text = CASES[kind]
    (found,) = build().check()
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


@pytest.mark.slow
def test_lengths_that_tell_nothing_are_not_said() -> None:
    """Of a hundred data sets with lengths by chance, hardly any has a finding."""
    said = 0
    for seed in range(100):
        draws = np.random.default_rng(seed)
        x = [np.zeros((n, 1), np.float32) for n in draws.integers(5, 50, 60)]
        said += any(s.kind == "lengths" for s in Dataset(x, draws.permutation(LABELS)).check())
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
    assert Dataset.open(tmp_path / "a.arrow").check() == data.check()
    assert Dataset([[1.0, 2.0], [3.0]], [0.5, 1.5]).check() == []
    assert Dataset([[1.0, 2.0], [3.0]]).check() == []
    assert Dataset([]).check() == []


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line each; with --json an object each."""
    make(change=stuck).write(tmp_path / "a.arrow")
    assert main(["data", "show", str(tmp_path / "a.arrow")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "look at  channel v (2.5) never varies" in lines
    assert main(["data", "show", str(tmp_path / "a.arrow"), "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["checks"]
    assert one["kind"] == "constant"
    assert one["numbers"] == {"channels": ["v"]}


# -- what was read as a channel, and is none -----------------------------------------------------


def with_column(make_column: Callable[[int, int], Any], count: int = 30) -> Dataset:
    """Sequences of 40 steps with a last channel of one's own: of the number and the length."""
    draws = np.random.default_rng(2)
    x = [
        np.column_stack([draws.standard_normal((40, 2)), np.broadcast_to(make_column(i, 40), 40)])
        for i in range(count)
    ]
    return Dataset(x, np.array(["a", "b"] * (count // 2)))


COLUMNS: dict[str, tuple[Callable[[int, int], Any], str, str]] = {
    "a step number": (lambda i, n: np.arange(n), "time", "channel 3 rises by 1 from step to step"),
    "a clock that goes on": (
        lambda i, n: 5 + 0.02 * (i * n + np.arange(n)),
        "time",
        "by 0.02 from",
    ),
    "a counter that begins anew": (lambda i, n: np.arange(n) % 13, "time", "rises by 1 from step"),
    "seconds since 1970": (lambda i, n: 1.7e9 + 4000 * np.arange(n), "time", "rises by 4000"),
    "a user, sorted": (lambda i, n: i // 3, "id", "same within each of 30 sequences, and has 10"),
    "a user, mixed": (lambda i, n: i * 7 % 5, "id", "and has 5 whole numbers in all: a label, a"),
    "an id": (lambda i, n: 1000 + i, "id", "and has 30 whole numbers in all"),
    "-9999": (lambda i, n: hidden(i, -9999), "marks", "is -9999 at 30 steps of 30 sequences, and"),
    "-999": (lambda i, n: 1013 + hidden(i, -2012), "marks", "is -999 at 30 steps of"),
    "9999": (lambda i, n: hidden(i, 9999), "marks", "is 9999 at"),
    "99999": (lambda i, n: 5000 + 900 * hidden(i, 94999 / 900), "marks", "is 99999 at"),
    "99.9": (lambda i, n: hidden(i, 99.9), "marks", "is 99.9000015 at"),
    "-1e30": (lambda i, n: hidden(i, -1e30), "marks", "is -1.00000002e+30 at"),
    "32767": (lambda i, n: hidden(i, 32767), "marks", "is 32767 at"),
    "-777": (lambda i, n: hidden(i, -777), "marks", "is -777 at 30 steps of 30 sequences"),
    "a sensor that hung": (
        lambda i, n: hung(i, 25),
        "standing still",
        "keeps one value for 20 steps or more 3 times (6.25% of its steps; the longest, 25 steps",
    ),
    "written too often": (
        lambda i, n: np.repeat(series(i, 8), 5),
        "repeated",
        "channel 3 holds each value for 5 steps: written 5 times as often as measured",
    ),
}


def series(number: int, steps: int = 40) -> np.ndarray:
    return np.random.default_rng(number).standard_normal(steps)


def hidden(number: int, value: float) -> np.ndarray:
    """A series of which one value stands for a missing one."""
    found = series(number)
    found[number] = value
    return found


def hung(number: int, steps: int) -> np.ndarray:
    """A series; in three of the sequences a value stays for some steps."""
    found = series(number)
    if number % 10 == 0:
        found[5 : 5 + steps] = np.sort(found)[20]
    return found


@pytest.mark.parametrize("what", COLUMNS)
def test_columns_that_are_no_measurements(what: str) -> None:
    """Each is said once, in its own words."""
    make_column, kind, text = COLUMNS[what]
    found = [
        one for one in with_column(make_column).check() if one.kind not in ("scales", "coarse")
    ]
    assert [one.kind for one in found] == [kind]
    assert text in str(found[0])


ALRIGHT: dict[str, Callable[[int, int], Any]] = {
    "a random walk": lambda i, n: np.cumsum(series(i)),
    "a jittered clock": lambda i, n: np.arange(n) + 0.1 * series(i),
    "ramps of their own": lambda i, n: (i + 1) * np.arange(n),
    "what is known of all": lambda i, n: 1.5 + i % 3,
    "a saw": lambda i, n: np.arange(n) * 0.3 % (0.9 + 0.1 * i % 0.4),
    "up and down": lambda i, n: np.abs(np.arange(n) % 14 - 7),
    "a switch": lambda i, n: np.arange(n) > i,
    "a switch to and fro": lambda i, n: np.arange(n) // 7 % 2,
    "counts": lambda i, n: np.random.default_rng(i).poisson(2, n),
    "a coarse sensor": lambda i, n: np.round(np.cumsum(series(i))),
    "spikes": lambda i, n: hidden(i, 50 + i),
    "clipped": lambda i, n: np.minimum(series(i), 0.5),
    "padded with 0": lambda i, n: np.r_[1 + np.exp(series(i)[:15]), np.zeros(25)],
    "999 among the others": lambda i, n: 1000 + np.round(20 * series(i)),
    "codes": lambda i, n: np.where(np.arange(n) % 9 == i % 9, 999, i % 3),
    "a short pause": lambda i, n: hung(i, 15),
}


@pytest.mark.parametrize("what", ALRIGHT)
def test_columns_that_are_measurements(what: str) -> None:
    """Nothing is said of them; scales apart."""
    found = with_column(ALRIGHT[what]).check()
    assert [one.kind for one in found if one.kind not in ("scales", "lengths")] == []


def test_users_in_one_long_recording() -> None:
    """Each user has one stretch of steps; then nothing but the order tells them apart."""
    draws = np.random.default_rng(0)
    users = np.repeat([3, 1, 7, 4], 250)
    (found,) = Dataset([np.column_stack([draws.standard_normal(1000), users])]).check()
    assert "channel 2 has each of its values in one stretch of steps, and has 4 whole" in str(found)
    again = np.repeat([3, 1, 3, 4], 250)
    assert not Dataset([np.column_stack([draws.standard_normal(1000), again])]).check()


@pytest.mark.parametrize(
    ("place", "column", "text"),
    [
        (0, np.arange(60), "the first value of each of 60 sequences rises by 1 from one to the"),
        (0, np.arange(60) % 7, "the first value of each of 60 sequences is a whole number (7 diff"),
        (-1, np.arange(60) % 3, "the last value of each of 60 sequences is a whole number (3 diff"),
    ],
)
def test_columns_of_a_table_with_one_row_a_sequence(
    place: int, column: np.ndarray, text: str
) -> None:
    """Row numbers, users or labels before or behind the values."""
    x = np.random.default_rng(0).standard_normal((60, 30))
    x[:, place] = column
    found = [str(one) for one in Dataset(list(x), LABELS).check()]
    assert len(found) == 1
    assert found[0].startswith(text)


def test_two_marks_at_once() -> None:
    """Neither hides the other, on one side or on both."""

    def both(first: float, second: float) -> list[str]:
        data = with_column(lambda i, n: hidden(i, (first, second)[i % 2]))
        return [str(one.numbers["value"]) for one in data.check() if one.kind == "marks"]

    assert both(-9999, -999) == ["-9999.0", "-999.0"]
    assert both(-9999, 9999) == ["-9999.0", "9999.0"]


def test_one_value_far_away_may_be_true() -> None:
    """What occurs once is an outlier, not a mark."""
    data = with_column(lambda i, n: hidden(i, 700) if i == 4 else series(i))
    assert not [one for one in data.check() if one.kind == "marks"]


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (["Walk", "walk"], "2 of 2 classes differ by capital letters or blanks only: 'Walk' and"),
        (["walk", "walk "], "'walk' and 'walk '"),
        (["sit down", "sitdown", "run"], "2 of 3 classes differ"),
    ],
)
def test_classes_that_are_written_in_two_ways(labels: list[str], text: str) -> None:
    data = Dataset(make().x, np.resize(labels, 60))
    (found,) = [one for one in data.check() if one.kind == "spelling"]
    assert text in str(found)
    steps = Sequences.from_list([np.zeros(3, np.int32)])
    (found,) = Dataset([[1.0, 2.0, 3.0]], steps, tuple(labels)).check()
    assert found.kind == "spelling"


@pytest.mark.parametrize("labels", [["walk", "walks"], [1, 2], ["a1", "a2"], ["up", "Down"]])
def test_classes_that_differ(labels: list[Any]) -> None:
    assert not Dataset(make().x, np.resize(labels, 60)).check()


def test_times_out_of_order(tmp_path: Path) -> None:
    """What the reader of tables notes is among the findings."""
    rows = [
        f"{i},{t},{draw:.3f},{'ab'[i % 2]}" for i in range(6) for t, draw in enumerate(series(i, 9))
    ]
    rows[3], rows[4] = rows[4], rows[3]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(["id,time,x,label", *rows]) + "\n")
    (found,) = [one for one in read(path).check() if one.kind == "order"]
    assert "1 of 6 sequences was sorted by 'time'" in str(found)


def test_a_mapped_file_says_the_same_of_columns(tmp_path: Path, monkeypatch: Any) -> None:
    """Also where it is read in many blocks."""
    for what in ("a user, sorted", "-9999", "a sensor that hung", "a step number"):
        data = with_column(COLUMNS[what][0])
        data.write(tmp_path / "a.arrow", batch_steps=100)
        with monkeypatch.context() as small:
            small.setattr("segue.data.sequences.BLOCK_VALUES", 700)
            assert Dataset.open(tmp_path / "a.arrow").check() == data.check()


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("uea/JapaneseVowels", ["lengths"]),
        ("uea/BasicMotions", []),
        ("ucr/LargeKitchenAppliances", []),
        ("ucr/MelbournePedestrian", []),
        ("ucr/DodgerLoopGame", ["missing"]),
        ("ucr/DistalPhalanxTW", []),
        ("ucr/ECG5000", []),
        ("activity", []),
        ("instruments", []),
    ],
)
def test_no_false_alarm(name: str, kinds: list[str], data_folder: Any) -> None:
    """Of real data, only what is true of them."""
    assert [one.kind for one in read(data_folder(name)).check()] == kinds
