"""`evaluate`: which sequences are scored, what is refused, and what an Evaluation says."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue
from segue import evaluation
from segue.data.dataset import Dataset
from segue.data.sequences import Sequences
from segue.errors import DataError, NotFittedError
from segue.estimators import SequenceClassifier
from segue.evaluation import Evaluation, evaluate
from segue.evaluation.report import render

Make = Callable[..., Any]
LEVELS = ["low", "middle", "high"]


def test_the_numbers_fit_together(fitted: Make, data: Make) -> None:
    """Accuracy, confusion, predictions and mistakes tell the same story."""
    found = evaluate(fitted(LEVELS), data(LEVELS))
    wrong = int((found.predictions != found.targets).sum())
    assert 0 < wrong < 24
    assert found.accuracy == pytest.approx(1 - wrong / 24)
    assert found.confusion.sum() == 24
    assert np.trace(found.confusion) == 24 - wrong
    assert found.confusion.sum(axis=1).tolist() == [8, 8, 8]
    assert len(found.mistakes()) == wrong
    assert found.interval[0] < found.accuracy < found.interval[1]
    assert found.classes == tuple(LEVELS)
    assert found.probabilities.shape == (24, 3)
    assert found.part == ""


def test_sequences_and_labels_are_scored_as_a_data_set(fitted: Make, data: Make) -> None:
    """A list of arrays, and names of classes."""
    model, whole = fitted(LEVELS), data(LEVELS)
    wanted = evaluate(model, whole)
    found = evaluate(model, [np.array(steps) for steps in whole.x], whole.y.tolist())
    assert found.metrics()["accuracy"] == wanted.accuracy
    np.testing.assert_array_equal(found.confusion, wanted.confusion)


def test_baseline_is_of_the_training(fitted: Make, data: Make) -> None:
    """The majority class is the one of the training, also where another is frequent here."""
    test = data(LEVELS)[np.r_[0:2, 8:16, 16:24]]
    found = evaluate(fitted(LEVELS), test)
    assert found.baseline_class == "low"
    assert found.baseline == pytest.approx(2 / 18)


def test_the_test_part_is_scored(fitted: Make, data: Make) -> None:
    """Of several parts "test" is taken, unless another is named."""
    parts = np.tile(["train", "test", "test", "validation"], 6)
    whole = replace(data(LEVELS), parts=parts)
    model = fitted(LEVELS)
    assert (evaluate(model, whole).part, len(evaluate(model, whole).dataset)) == ("test", 12)
    assert len(evaluate(model, whole, part="validation").dataset) == 6
    assert evaluate(model, whole.part("train")).part == "train"


def test_parts_without_test_are_refused(fitted: Make, data: Make) -> None:
    """Which of several parts was meant is not guessed."""
    whole = replace(data(LEVELS), parts=np.tile(["train", "validation"], 12))
    with pytest.raises(DataError, match=r'no "test".*part=\'validation\''):
        evaluate(fitted(LEVELS), whole)


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (None, "have no labels"),
        (np.eye(3, dtype=int), "several labels each"),
        ([0.5, 1.5, 2.5], "have numbers as targets"),
    ],
)
def test_what_has_no_label_each_is_refused(fitted: Make, y: Any, said: str) -> None:
    """The message says what came and what was expected."""
    classes = ("a", "b", "c") if np.ndim(y) == 2 else None
    task: Any = "multilabel" if np.ndim(y) == 2 else None
    x = Dataset([[1.0], [2.0], [3.0]], y, classes=classes, task=task)
    with pytest.raises(DataError, match=f"{said}; expected one label for each sequence"):
        evaluate(fitted(LEVELS), x)


def test_labels_per_step_are_refused(fitted: Make) -> None:
    """A sequence of labels is not one label."""
    steps = Sequences.from_list([np.zeros((2, 1), np.int32)])
    with pytest.raises(DataError, match="a label at each step"):
        evaluate(fitted(LEVELS), Dataset([[1.0, 2.0]], steps, classes=("a", "b")))


def test_no_sequences_are_refused(fitted: Make, data: Make) -> None:
    """Nothing cannot be scored."""
    with pytest.raises(DataError, match="no sequences to be scored"):
        evaluate(fitted(LEVELS), data(LEVELS)[:0])


def test_what_cannot_be_scored_is_named(fitted: Make, data: Make) -> None:
    """Arrays have no answers, and an estimator before `fit` gives none."""
    with pytest.raises(
        DataError, match=r"The data are ndarray, without targets: pass evaluate\(estimator, X, y\)"
    ):
        evaluate(fitted(LEVELS), np.zeros((2, 3)))  # type: ignore[call-overload]
    with pytest.raises(
        NotFittedError, match="This SequenceClassifier is not fitted yet: call `fit"
    ):
        evaluate(SequenceClassifier("gru(2)"), data(LEVELS))


def test_a_class_never_seen_counts_as_mistakes(fitted: Make, data: Make) -> None:
    """Its sequences are mistakes, a warning names it, and it stands in the confusion matrix."""
    whole = replace(data([*LEVELS, "new"], each=5), parts=np.array(["test"] * 20))
    with pytest.warns(UserWarning, match=r"only in the test part: 'new' \(sequences: 5\)"):
        found = evaluate(fitted(LEVELS), whole)
    assert found.classes == (*LEVELS, "new")
    assert found.confusion[3].sum() == 5
    assert found.confusion[:, 3].sum() == 0
    assert found.probabilities[:, 3].tolist() == [0.0] * 20
    assert np.isfinite(found.log_loss)
    assert found.accuracy <= 15 / 20


def test_labels_of_another_kind_are_refused(fitted: Make, data: Make) -> None:
    """Numbers in the data and text in the model: said, not scored as 0."""
    with pytest.raises(DataError, match=r"0, 1, 2 \(numbers\).*'high', 'low', 'middle' \(text\)"):
        evaluate(fitted(LEVELS), data([0, 1, 2]))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (np.ones((2, 3)) / 3, r"gave shape \(2, 3\); expected \(24, 3\)"),
        (np.full((24, 3), np.nan), "no finite numbers for 24 of 24 sequences"),
    ],
)
def test_strange_probabilities_are_refused(
    fitted: Make, data: Make, monkeypatch: pytest.MonkeyPatch, answer: Any, said: str
) -> None:
    """A model that gives nonsense is not scored."""
    model = fitted(LEVELS)
    monkeypatch.setattr(model, "predict_proba", lambda x: answer, raising=False)
    with pytest.raises(DataError, match=said):
        evaluate(model, data(LEVELS))


@pytest.mark.parametrize("rows", [slice(0, 1), slice(0, 8)], ids=["one sequence", "one class"])
def test_small_test_sets_work_without_warnings(fitted: Make, data: Make, rows: slice) -> None:
    """One sequence or one class: every score is a number or None, the report is written."""
    found = evaluate(fitted(LEVELS), data(LEVELS)[rows])
    assert found.roc_auc is None
    assert 0 <= found.accuracy <= 1
    assert "ROC AUC                   \N{EN DASH}" in found.report()
    assert "Not among the scored sequences: middle, high." in found.report()
    assert "<figure" in render(found)


def test_mistakes_come_surest_first(fitted: Make, data: Make) -> None:
    """Ordered by confidence, with the source's names, at most as many as asked for."""
    named = replace(data(LEVELS), ids=np.array([f"file {i}" for i in range(24)]))
    found = evaluate(fitted(LEVELS), named)
    mistakes = found.mistakes()
    assert [m.confidence for m in mistakes] == sorted(
        (m.confidence for m in mistakes), reverse=True
    )
    assert found.mistakes(2) == mistakes[:2]
    first = mistakes[0]
    assert first.id == f"file {first.index}"
    assert (first.target, first.prediction) == (
        found.targets[first.index],
        found.predictions[first.index],
    )
    assert first.target != first.prediction


def test_metrics_are_json(fitted: Make, data: Make) -> None:
    """What `metrics` gives survives a round trip through JSON, also with number labels."""
    found = evaluate(fitted([0, 1, 2]), data([0, 1, 2]))
    assert json.loads(json.dumps(found.metrics())) == found.metrics()
    assert found.metrics()["baseline"]["class"] == 0


def test_report_has_score_baseline_and_interval(fitted: Make, data: Make) -> None:
    """The text table shows the accuracy, its interval and the baseline next to each other."""
    found = evaluate(fitted(LEVELS), data(LEVELS))
    lines = found.report().splitlines()
    assert lines[0] == "all sequences: 24 sequences, 3 classes"
    low, high = found.interval
    assert lines[2].split() == (
        f"accuracy {found.accuracy:.4f} 95 % interval {low:.4f} to {high:.4f}".split()
    )
    assert lines[3].startswith("majority baseline    0.3333   always 'low'")
    assert [line.split()[0] for line in lines[-3:]] == LEVELS


def test_report_says_when_nothing_was_learnt(fitted: Make, data: Make) -> None:
    """A model that always answers the same is not called better than the baseline."""
    model = fitted(LEVELS)
    model.levels = {"low": 0.0, "middle": 90.0, "high": 99.0}
    found = evaluate(model, data(LEVELS))
    assert found.accuracy == found.baseline
    assert "not clearly better than the baseline" in found.report()


def test_report_of_many_classes_shows_the_worst(fitted: Make, data: Make) -> None:
    """Of 60 classes those with the lowest F1 are listed."""
    names = [f"word {i:02d}" for i in range(60)]
    lines = evaluate(fitted(names), data(names, each=3)).report().splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("class  "))
    table = lines[begin + 1 : -1]
    assert len(table) == 30
    scores = [float(line.split()[-2]) for line in table]
    assert scores == sorted(scores)
    assert lines[-1].startswith("The 30 with the lowest F1; 30 of 60 are not shown: metrics.json")


@pytest.mark.slow
def test_a_page_of_two_thousand_classes_takes_seconds(
    fitted: Make, data: Make, tmp_path: Path
) -> None:
    """It was half a minute for each. What is left out is said."""
    names = [f"word {i:04d}" for i in range(2000)]
    model, scored = fitted(names), data(names, each=3)
    began = time.process_time()
    found = evaluate(model, scored)
    text = found.report()
    said = time.process_time() - began
    found.to_html(tmp_path / "report.html")
    assert said < 6
    assert time.process_time() - began < 12
    assert "1,970 of 2,000 are not shown" in text
    assert "1,900 of 2,000 are not shown" in (tmp_path / "report.html").read_text()


def test_of_equal_counts_the_first_class_is_the_baseline(fitted: Make, data: Make) -> None:
    """The baseline class depends on nothing but the counts and their order."""
    model = fitted(LEVELS)
    model.class_counts_ = {"middle": 3, "low": 3, "high": 2}
    assert evaluate(model, data(LEVELS)).baseline_class == "middle"


def test_what_a_task_does_not_have_is_said(fitted: Make, data: Make) -> None:
    """With what it has; a former name warns."""
    found = evaluate(fitted(LEVELS), data(LEVELS))
    with pytest.raises(AttributeError, match="of the task classify has no rmse; it has accuracy, "):
        found.rmse  # noqa: B018
    with pytest.warns(
        DeprecationWarning, match="`background` of an Evaluation is now `model_info`"
    ):
        assert found.background == found.model_info
    with pytest.warns(
        DeprecationWarning, match=r"Scores is now called segue\.evaluation\.Evaluation"
    ):
        assert evaluation.Scores is Evaluation
    assert copy(found).accuracy == found.accuracy


def test_import_stays_light() -> None:
    """Neither the room nor a report as text loads any of these."""
    program = (
        "import sys, numpy as np, segue; from segue.evaluation import evaluate\n"
        "class Coin:\n"
        "    classes_, class_counts_ = np.array(['a', 'b']), {'a': 6, 'b': 4}\n"
        "    def predict_proba(self, x): return np.tile([0.6, 0.4], (len(x), 1))\n"
        "evaluate(Coin(), segue.Dataset([[1.0], [2.0]], ['a', 'b'])).report()\n"
        "print({'sklearn', 'matplotlib', 'torch', 'jinja2'} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert answer.stdout.strip() == "set()", answer.stderr


def test_sequences_and_their_targets_will_do() -> None:
    draws = np.random.default_rng(0)
    x, y = draws.normal(size=(20, 6, 1)), np.array(["a", "b"] * 10)
    quiet = segue.TrainingOptions(progress="none")
    classifier = segue.SequenceClassifier("gru(2)", epochs=1, options=quiet).fit(x, y)
    other = draws.normal(size=(8, 6, 1)), y[:8]
    found = segue.evaluate(classifier, *other)
    assert found.metrics() == segue.evaluate(classifier, segue.Dataset(*other)).metrics()
    with pytest.warns(DeprecationWarning, match="`dataset` is now called `X`"):
        segue.evaluate(classifier, dataset=segue.Dataset(*other))
