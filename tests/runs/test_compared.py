"""Two runs beside each other: what differs, a paired test of the same sequences, or why not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest, permutation_test

import segue
from segue import Dataset, Sequences, runs
from segue.errors import DataError, DataNotFoundError, FileError
from segue.readers import write
from segue.runs import RunComparison, compare
from segue.training import TrainingOptions

QUIET = TrainingOptions(progress="none")


def fitted(source: Path, out: str, **more: Any) -> runs.Run:
    settings: dict[str, Any] = {"network": "gru(4)", "epochs": 2, "options": QUIET}
    return runs.fit_run(source, out=out, **{**settings, **more})


def test_classes_are_compared_with_mcnemar(parted: Path) -> None:
    """With the same counts as by hand, from the predictions of both models."""
    fitted(parted, "a", epochs=1)
    fitted(parted, "b", network="gru(8)", epochs=30, learning_rate=0.02, validation=None)
    found = compare("a", "b")
    test = segue.read(parted).part("test")
    right = [segue.load(f"{name}/model.safetensors").predict(test.x) == test.y for name in "ab"]
    only_a, only_b = (int(np.sum(one & ~other)) for one, other in (right, right[::-1]))
    assert found.test.counts is not None
    assert (found.test.counts["only_a"], found.test.counts["only_b"]) == (only_a, only_b)
    assert found.test.test == "McNemar, exact"
    wanted = binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    assert found.test.p_value == pytest.approx(wanted)
    assert found.test.scores == tuple(runs.Run(Path(n)).metrics["accuracy"] for n in "ab")
    assert found.intervals[0] == tuple(runs.Run(Path("a")).metrics["accuracy_interval"])
    assert found.sequences == 20
    assert found.settings == {
        "network": ("gru(4)", "gru(8)"),
        "epochs": (1, 30),
        "learning_rate": (0.004, 0.02),
        "validation": ("auto", None),
    }
    assert found.better in (None, "b")
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["verdict"] == found.verdict


def numbers(count: int = 60) -> Path:
    """Sequences whose target is their mean, with a test part."""
    draws = np.random.default_rng(0)
    x = Sequences.from_list([draws.normal(size=(int(n), 1)) for n in draws.integers(5, 9, count)])
    parts = np.where(np.arange(count) % 3, "train", "test")
    means = np.array([steps.mean() for steps in x])
    return write(Dataset(x, means, parts=parts), "numbers", format="npz")


def test_numbers_are_compared_by_permutation() -> None:
    """As SciPy does it with the errors of both models; the better one is named."""
    source = numbers()
    fitted(source, "a", epochs=1)
    fitted(source, "b", epochs=80, learning_rate=0.02)
    found, test = compare("a", "b"), segue.read(source).part("test")
    squares = [
        (segue.load(f"{name}/model.safetensors").predict(test.x) - test.y) ** 2 for name in "ab"
    ]
    wanted = permutation_test(
        (squares[0] - squares[1],),
        lambda x, axis: x.sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        batch=1000,
        random_state=np.random.default_rng(0),
    )
    assert found.test.test == "paired permutation"
    assert found.test.p_value == pytest.approx(wanted.pvalue, abs=0.01)
    assert found.test.scores == pytest.approx([np.sqrt(one.mean()) for one in squares])
    low, high = found.test.interval
    assert 0 < low < found.test.difference < high
    assert found.better == "b"
    assert found.verdict.startswith(f"b is better by {found.test.difference:.4g} (95 % interval")


def test_groups_are_tested_as_wholes(whole: Path) -> None:
    fitted(whole, "a")
    fitted(whole, "b", network="gru(2)")
    found = compare("a", "b")
    assert found.test.test == "paired permutation, whole groups"
    assert found.test.counts is not None


def test_a_run_is_as_good_as_itself(parted: Path) -> None:
    fitted(parted, "a")
    found = compare("a", "a")
    assert (found.settings, found.test.difference, found.test.p_value) == ({}, 0.0, 1.0)
    assert found.better is None
    assert found.verdict == "They are right and wrong on the same 20."


def test_a_copy_of_the_source_is_the_same_source(noise: Path) -> None:
    """Another file of another format, with the same sequences in another order."""
    data = segue.read(noise).with_parts(0.2, seed=0)
    write(data, "first", format="arrow")
    write(data[np.random.default_rng(0).permutation(len(data))], "second", format="npz")
    fitted(Path("first"), "a", epochs=3)
    fitted(Path("second"), "b", epochs=3)
    found = compare("a", "b")
    assert found.sequences == 10
    assert found.settings.keys() >= {"source"}
    assert found.test.scores == tuple(runs.Run(Path(n)).metrics["accuracy"] for n in "ab")


# -- what cannot be compared ----------------------------------------------------------------------


def test_other_test_sequences_are_refused(noise: Path) -> None:
    """The seed draws them, where the source has no test part."""
    fitted(noise, "a")
    fitted(noise, "b", seed=1)
    parts = [set(runs.Run(Path(name)).split.parts["test"].positions) for name in "ab"]  # type: ignore[union-attr]
    same = len(parts[0] & parts[1])
    said = rf"a and b were tested on different sequences: 10 and 10, of which {same} are the same"
    with pytest.raises(DataError, match=said):
        compare("a", "b")


def test_a_source_that_has_changed_is_refused(noise: Path) -> None:
    fitted(noise, "a")
    fitted(noise, "b", network="gru(2)")
    data = segue.read(noise)
    write(replace(data, y=1 - np.asarray(data.y)), noise, format="arrow", overwrite=True)
    with pytest.raises(FileError, match="a: cannot be compared: its source .* holds other values"):
        compare("a", "b")


def test_runs_without_a_test_part_are_refused(noise: Path) -> None:
    fitted(noise, "a", test=None)
    with pytest.raises(DataError, match="a has no test part: everything was trained on"):
        compare("a", "a")


def test_other_tasks_are_refused() -> None:
    """Of the same numbers, as numbers and as classes."""
    x = np.random.default_rng(0).normal(size=(40, 5, 1))
    parts = np.where(np.arange(40) % 2, "train", "test")
    write(Dataset(x, np.arange(40) // 4 % 2, parts=parts), "classes", format="npz")
    fitted(Path("classes"), "a")
    fitted(numbers(), "b")
    with pytest.raises(DataError, match="different sequences: 20 and 20, of which 0 are the same"):
        compare("a", "b")


def test_what_has_no_model_is_refused(parted: Path) -> None:
    fitted(parted, "a")
    fitted(parted, "b").model.unlink()
    with pytest.raises(DataNotFoundError, match="b: holds no model.safetensors"):
        compare("a", "b")
    with pytest.raises(DataNotFoundError, match="nowhere: there is no such folder"):
        compare("a", "nowhere")


def test_the_verdict_names_what_is_not_known() -> None:
    from segue.evaluation import PairedTest

    row = runs.RunSummary(Path("a"), "a", task="regress")
    test = PairedTest("rmse", (1.0, 2.0), (-np.inf, np.inf), 1.0, "paired permutation", 9)
    found = RunComparison(row, row, {}, 9, test, (None, None))
    assert found.verdict == "No clear difference: what was tested is all of one group."
    assert found.to_json()["difference_interval"] == [None, None]
