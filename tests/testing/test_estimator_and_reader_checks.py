"""`check_estimator` and `check_reader` can fail, and need neither pytest nor Hypothesis."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import segue.testing
from segue import Dataset, SequenceClassifier, Sequences, TrainingOptions
from segue.prepare import Preparation
from segue.testing import CheckError, check_estimator, check_reader, tiny_dataset

SILENT = TrainingOptions(progress="none")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def classifier() -> SequenceClassifier:
    return SequenceClassifier("gru(3)", epochs=2, options=SILENT)


def test_probabilities_that_depend_on_batch_mates_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Here by one part in a thousand of the mean over the call."""
    ask = SequenceClassifier.predict_proba

    def leaky(self: Any, x: Any, *more: Any) -> Any:
        answers = ask(self, x, *more)
        return answers + 1e-3 * (answers.mean(0) - 0.5)

    monkeypatch.setattr(SequenceClassifier, "predict_proba", leaky)
    with pytest.raises(CheckError, match="contract `padding`.*against each alone.*differs by"):
        check_estimator(classifier())


def test_a_fit_that_is_not_repeated_to_the_bit_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the seed moves on with each fit."""
    fit, seeds = SequenceClassifier.fit, count()

    def restless(self: Any, *given: Any, **more: Any) -> Any:
        self.seed = next(seeds)
        return fit(self, *given, **more)

    monkeypatch.setattr(SequenceClassifier, "fit", restless)
    with pytest.raises(CheckError, match="contract `same seed, same bits`.*predicts otherwise"):
        check_estimator(classifier())


def test_a_look_at_the_test_part_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A preparation fitted on everything breaks it, or that of validation."""
    fit = Preparation.fit.__func__  # type: ignore[attr-defined]
    train = SequenceClassifier.fit
    whole: list[Any] = []

    def remember(self: Any, x: Any, *given: Any, **more: Any) -> Any:
        whole[:] = [x.x if isinstance(x, Dataset) else Sequences.from_list(x)]
        return train(self, x, *given, **more)

    monkeypatch.setattr(SequenceClassifier, "fit", remember)
    careless = classmethod(lambda cls, prepare, x, **more: fit(cls, prepare, whole[0], **more))
    monkeypatch.setattr(Preparation, "fit", careless)
    with pytest.raises(CheckError, match="contract `the test part is not looked at`"):
        check_estimator(classifier())


def test_a_split_that_parts_groups_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here groups are forgotten on the way to the split."""
    split = Dataset.split

    def careless(self: Dataset, share: float = 0.2, *, seed: int = 0) -> Any:
        return split(replace(self, groups=None), share, seed=seed)

    monkeypatch.setattr(Dataset, "split", careless)
    with pytest.raises(CheckError, match="contract `groups stay on one side`"):
        check_estimator(classifier())


def test_a_reader_that_gives_something_else_each_time_is_found() -> None:
    """Or something that is no data set, or has infinite values."""
    seeds = count()
    with pytest.raises(CheckError, match="`same source, same data`"):
        check_reader(lambda: tiny_dataset(seed=next(seeds)))
    with pytest.raises(CheckError, match="`gives a Dataset`"):
        check_reader(lambda: [1, 2])
    with pytest.raises(CheckError, match=r"`finite`.*Sequences \[1\] have infinite"):
        check_reader(lambda: Dataset([[1.0], [np.inf]], ["a", "b"]))
    with pytest.raises(CheckError, match=r"`no empty sequences`.*Sequences \[0\] have length 0"):
        check_reader(lambda: Dataset([np.zeros((0, 1)), np.ones((1, 1))], ["a", "b"]))


@pytest.mark.parametrize(
    "more",
    [{}, {"missing": 0.3}, {"tokens": 5}, {"group_size": 3}, {"parts": True}, {"channels": 1}],
)
def test_tiny_data_sets_are_what_a_reader_may_give(more: dict[str, Any]) -> None:
    """With every extra, and both ends of the lengths among them."""
    data = tiny_dataset(12, **more)
    assert data.x.length_range == (1, 9)
    assert "file round trip" in check_reader(lambda: data).passed


def test_the_checks_import_no_test_framework() -> None:
    """But for the strategies, which are Hypothesis's."""
    for path in Path(segue.testing.__file__).parent.glob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        modules = {
            alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names
        }
        modules |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
        roots = {module.partition(".")[0] for module in modules}
        assert path.stem == "strategies" or not roots & {"pytest", "hypothesis"}, path


@pytest.mark.slow
def test_the_checks_need_no_test_framework() -> None:
    """They are for users' own code too, where neither need be installed."""
    code = (
        "import sys\n"
        "sys.modules['pytest'] = sys.modules['hypothesis'] = None\n"
        "from segue.testing import check_layer\n"
        "print(check_layer('dense(2)').largest() <= 1)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "True\n", done.stderr
