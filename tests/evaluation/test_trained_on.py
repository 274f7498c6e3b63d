"""A model is never scored on what it was trained on without that being said in the same line."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue
from segue import (
    Dataset,
    Forecaster,
    SequenceClassifier,
    SequenceLabeler,
    SequenceRegressor,
    Sequences,
    TrainingOptions,
    evaluate,
)
from segue.errors import DataError
from segue.estimators import LanguageModel, SequenceEnsemble
from segue.evaluation import compare
from segue.evaluation.trained_on import LeftOut, TrainedOn
from segue.testing import tiny_dataset

QUICK: dict[str, Any] = {"epochs": 1, "options": TrainingOptions(progress="none")}


def classifier(**more: Any) -> SequenceClassifier:
    return SequenceClassifier("pool", **{**QUICK, "validation": None, **more})


@pytest.fixture(scope="module")
def whole() -> Dataset:
    """40 sequences, of which `half` is trained on."""
    return tiny_dataset(40)


@pytest.fixture(scope="module")
def half(whole: Dataset) -> SequenceClassifier:
    return classifier().fit(whole[:30])


def scores_of(text: str) -> list[str]:
    """The lines of a report that have a score: a number with decimals."""
    return [line for line in text.splitlines() if re.search(r"\d\.\d", line)]


# -- what is scored ------------------------------------------------------------------------------


def test_what_was_trained_on_is_left_out_of_its_own_source(
    half: SequenceClassifier, whole: Dataset
) -> None:
    """The rest is scored, in any order of the source, and it is said."""
    order = np.random.default_rng(0).permutation(40)
    for data in (whole, whole[order]):
        found = evaluate(half, data)
        assert found.accuracy == half.score(whole[30:])
        assert found.part == "unseen"
        assert found.trained_on.note == ""
        assert found.report().startswith("unseen sequences: 10 sequences, 2 classes")
        said = "Scored on the 10 of 40 sequences that the model has not seen; 30 were trained on."
        assert said in found.report()


def test_a_source_with_more_sequences_than_then_is_still_its_own(
    half: SequenceClassifier, whole: Dataset
) -> None:
    """And one of which a few are gone."""
    more = Dataset.concatenate({"a": whole, "b": tiny_dataset(60, seed=3)})
    assert len(evaluate(half, replace(more, parts=None)).dataset) == 70
    assert len(evaluate(half, whole[5:]).dataset) == 10


def test_validation_is_left_out_too(whole: Dataset) -> None:
    """It chose the epoch."""
    fitted = classifier(validation=0.2).fit(whole[:30])
    left = evaluate(fitted, whole).trained_on.left_out
    assert left == LeftOut(10, 24, 6)
    assert "; 24 were trained on; 6 were validated on." in evaluate(fitted, whole).report()


@pytest.mark.usefixtures("empty_pictures")
def test_where_nothing_is_left_every_line_says_trained_on(
    half: SequenceClassifier, whole: Dataset, tmp_path: Path
) -> None:
    """In the report, in JSON, in the page with its command, and in the representation."""
    found = evaluate(half, whole[:30])
    assert len(found.dataset) == 30
    lines = scores_of(found.report())
    assert len(lines) > 8
    assert [line for line in lines if "trained on" not in line] == []
    assert "better than the baseline" not in found.report()
    assert found.metrics()["trained_on"]["note"] == "trained on"
    assert "trained on" in repr(found)
    found.to_html(tmp_path / "r.html", source="x.csv")
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "x.csv --report report.html  # scores what was trained on" in page
    assert "segue.evaluate(model, data)  # the scores of what was trained on" in page
    for section in ("Confusion matrix", "Scores by class", "Calibration"):
        assert f"{section}: trained on" in page


def test_equal_sequences_of_a_test_part_are_scored_and_counted(
    half: SequenceClassifier, whole: Dataset
) -> None:
    """Three of twelve, in each line."""
    parts = np.array(["train"] * 30 + ["test"] * 10 + ["test"] * 3)
    data = replace(whole[[*range(40), 0, 1, 2]], parts=parts)
    found = evaluate(half, data)
    assert len(found.dataset) == 13
    assert found.metrics()["trained_on"]["train"] == 3
    assert "3 of 13 sequences equal ones that the model was trained on." in found.report()
    assert all("3 of 13 trained on (23 %)" in line for line in scores_of(found.report()))


def test_equal_sequences_of_another_source_are_scored_and_counted(
    half: SequenceClassifier, whole: Dataset
) -> None:
    """Two of twelve."""
    found = evaluate(half, whole[[*range(30, 40), 0, 1]])
    assert len(found.dataset) == 12
    assert found.trained_on.note == "2 of 12 trained on (17 %)"


def test_an_untouched_test_part_has_nothing_to_be_said(
    half: SequenceClassifier, whole: Dataset
) -> None:
    """No line is added where there is nothing to say."""
    data = replace(whole, parts=np.array(["train"] * 30 + ["test"] * 10))
    found = evaluate(half, data)
    assert "trained on" not in found.report()
    assert found.metrics()["trained_on"] == {
        "known": True, "train": 0, "validation": 0, "left_out": 0, "note": ""
    }  # fmt: skip


def test_everything_can_be_scored(half: SequenceClassifier, whole: Dataset) -> None:
    """All parts, and what share was trained on stands in each line."""
    data = replace(whole, parts=np.array(["train"] * 30 + ["test"] * 10))
    for given in (whole, data):
        found = evaluate(half, given, everything=True)
        assert len(found.dataset) == 40
        assert found.part == ""
        assert all("30 of 40 trained on (75 %)" in line for line in scores_of(found.report()))


def test_a_part_is_scored_as_it_is_named(half: SequenceClassifier, whole: Dataset) -> None:
    """Also the one that was trained on."""
    data = replace(whole, parts=np.array(["train"] * 30 + ["test"] * 10))
    found = evaluate(half, data, part="train")
    assert len(found.dataset) == 30
    assert found.trained_on.note == "trained on"


def test_parts_without_a_test_are_scored_where_something_is_new(
    half: SequenceClassifier, whole: Dataset
) -> None:
    """Else the part must be named, as ever."""
    parts = np.array(["train"] * 30 + ["validation"] * 10)
    assert len(evaluate(half, replace(whole, parts=parts)).dataset) == 10
    watched = classifier(validation="auto").fit(replace(whole, parts=parts))
    with pytest.raises(DataError, match='no "test". Name the one to be scored'):
        evaluate(watched, replace(whole, parts=parts))


def test_whether_it_is_the_own_source_can_be_told(half: SequenceClassifier, whole: Dataset) -> None:
    """Of a small part of it nothing is left out unasked."""
    few = whole[25:40]
    assert evaluate(half, few).trained_on.note == "5 of 15 trained on (33 %)"
    assert len(evaluate(half, few, own=True).dataset) == 10
    assert len(evaluate(half, whole, own=False).dataset) == 40


@pytest.mark.parametrize("record", [False, None])
def test_a_model_without_a_record_is_scored_on_everything(
    half: SequenceClassifier, whole: Dataset, tmp_path: Path, record: bool | None
) -> None:
    """One that was saved so, and one that is not segue's; that nothing is known is said."""
    model: Any = half
    if record is False:
        half.save(tmp_path / "m.safetensors", record=False)
        model = segue.load(tmp_path / "m.safetensors")
    else:
        model = Foreign(half)
    found = evaluate(model, whole)
    assert len(found.dataset) == 40
    assert found.metrics()["trained_on"] == {"known": False, "note": ""}
    assert "Nothing is known about what this model was trained on" in found.report()


class Foreign:
    """What a classifier of another library offers."""

    def __init__(self, fitted: SequenceClassifier) -> None:
        self.classes_, self.class_counts_ = fitted.classes_, fitted.class_counts_
        self.predict_proba = fitted.predict_proba


def test_score_keeps_its_meaning(half: SequenceClassifier, whole: Dataset) -> None:
    """scikit-learn's: of all that is given."""
    assert half.score(whole) == float(np.mean(half.predict(whole) == whole.y))


# -- kinds of models -----------------------------------------------------------------------------


def test_an_ensemble_has_seen_what_its_members_have(whole: Dataset) -> None:
    """Members of different sequences: what is left was seen by none."""
    members = [classifier(seed=i).fit(whole[i * 10 : i * 10 + 20]) for i in (0, 1)]
    assert evaluate(SequenceEnsemble(members), whole).trained_on.left_out == LeftOut(10, 30, 0)


def test_a_refit_has_seen_its_validation(whole: Dataset) -> None:
    """So it counts as trained on."""
    options = TrainingOptions(progress="none", refit=True)
    fitted = classifier(validation=0.2, options=options).fit(whole[:30])
    assert evaluate(fitted, whole).trained_on.left_out == LeftOut(10, 30, 0)


@pytest.fixture(scope="module")
def others() -> dict[str, tuple[Any, Dataset]]:
    """A model of each further task, trained on the first 30 of 40 sequences."""
    draws = np.random.default_rng(0)
    x = Sequences.from_list([draws.normal(size=(n, 2)) for n in draws.integers(5, 15, 40)])
    codes = Sequences((x.values[:, :1] > 0).astype(np.int32), x.offsets)
    means = np.array([v.mean(axis=0) for v in x])
    words = ["the", "cat", "dog", "ran", "sat"]
    texts = [" ".join(draws.choice(words, 12)) for _ in range(40)]
    quick = {**QUICK, "validation": None}
    pairs = {
        "label": (SequenceLabeler("gru(2)", **quick), Dataset(x, codes, ("down", "up"))),
        "regress": (SequenceRegressor("gru(2)", **quick), Dataset(x, means)),
        "tag": (
            SequenceClassifier("gru(2)", head="sigmoid", **quick),
            Dataset(x, (means > 0).astype(int), classes=("a", "b")),
        ),
        "language": (LanguageModel("gru(4)", **quick), Dataset(Sequences.from_texts(texts))),
    }
    return {task: (model.fit(data[:30]), data) for task, (model, data) in pairs.items()}


@pytest.mark.parametrize("task", ["label", "regress", "tag", "language"])
def test_each_task_leaves_out_what_was_trained_on(
    task: str, others: dict[str, tuple[Any, Dataset]]
) -> None:
    """The same scores as of the rest alone."""
    model, data = others[task]
    found, alone = evaluate(model, data), evaluate(model, data[30:])
    assert found.trained_on.left_out == LeftOut(10, 30, 0)
    assert found.report().startswith("unseen sequences: 10 sequences")
    for name in ("trained_on", "part"):
        assert found.metrics().keys() == alone.metrics().keys()
        assert name in found.metrics()
    drop = {"trained_on": None, "part": None}
    assert {**found.metrics(), **drop} == {**alone.metrics(), **drop}


@pytest.mark.usefixtures("empty_pictures")
@pytest.mark.parametrize("task", ["label", "regress", "tag", "language"])
def test_each_task_says_trained_on_in_every_line(
    task: str, others: dict[str, tuple[Any, Dataset]], tmp_path: Path
) -> None:
    """The rows of the further table too, and the page."""
    model, data = others[task]
    found = evaluate(model, data[:30])
    lines = scores_of(found.report())
    assert len(lines) > 4
    assert [line for line in lines if "trained on" not in line] == []
    assert "trained on" in found.verdict()
    assert "trained on" in repr(found)
    found.to_html(tmp_path / "r.html")
    assert "# scores what was trained on" in (tmp_path / "r.html").read_text("utf-8")
    json.dumps(found.metrics(), allow_nan=False)


def forecaster(series: Any, **more: Any) -> Forecaster:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is not better than yesterday, and need not be
        return Forecaster("gru(2)", size=8, horizon=2, **{**QUICK, **more}).fit(series)


def test_a_forecaster_leaves_out_windows_that_share_a_step() -> None:
    """Of a series of 300 steps whose first 240 were trained on."""
    series = np.random.default_rng(0).normal(size=300)
    fitted = forecaster(series[:240], validation=None)
    found = evaluate(fitted, Dataset([series]))
    assert found.part == "unseen"
    assert found.metrics()["windows"] == 50  # 60 - 8 - 2 + 1, less the one that begins at 240
    assert "windows that the model has not seen" in found.report()
    assert evaluate(fitted, Dataset([series[:240]])).trained_on.note == "trained on"
    rest = evaluate(fitted, Dataset([series[240:]]))
    assert rest.metrics()["windows"] == 51
    assert rest.trained_on.note == ""


def test_a_forecaster_of_a_series_that_repeats_itself() -> None:
    """Nothing in it is new: the end is what the beginning was."""
    series = np.tile([0.0, 1.0, 3.0, 2.0], 40)
    found = evaluate(forecaster(series[:80]), Dataset([series[80:]]))
    assert found.trained_on.nothing_unseen
    assert all("trained on" in line for line in scores_of(found.report()))


def test_windows_of_recordings_are_left_out_with_their_neighbours() -> None:
    """A window that shares a step with one that was trained on is not new."""
    x = np.random.default_rng(0).normal(size=(2, 100, 1))
    cut = segue.windows(Dataset(x, ["a", "b"], groups=["p", "q"]), 10, stride=5)
    early = cut.spans[:, 2] <= 60
    found = evaluate(classifier().fit(cut[early]), cut)
    assert found.dataset.spans[:, 1].min() == 60
    assert found.trained_on.left_out == LeftOut(len(found.dataset), 24, 0)


# -- comparing -----------------------------------------------------------------------------------


def test_a_comparison_scores_the_same_sequences_and_says_who_knew_them(
    half: SequenceClassifier, whole: Dataset
) -> None:
    """Nothing is left out, because each would leave out others."""
    found = compare(half, classifier().fit(whole[:10]), whole, names=("half", "few"))
    lines = found.report().splitlines()
    assert "30 of 40 trained on (75 %)" in next(one for one in lines if "accuracy of half" in one)
    assert "10 of 40 trained on (25 %)" in next(one for one in lines if "accuracy of few" in one)
    assert "Of these, half: 30 of 40 trained on (75 %); few: 10" in found.verdict
    assert "trained on" in repr(found)


# -- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "note"),
    [
        ({}, ""),
        ({"train": 10}, "trained on"),
        ({"validation": 10}, "validated on"),
        ({"train": 6, "validation": 4}, "6 of 10 trained on (60 %), 4 of 10 validated on (40 %)"),
        ({"train": 1}, "1 of 10 trained on (10 %)"),
    ],
)
def test_the_note(given: dict[str, int], note: str) -> None:
    """It stands in every line with a score."""
    assert TrainedOn(scored=10, known=True, **given).note == note


def test_a_verdict_keeps_its_point_at_the_end() -> None:
    """Its note stands within the sentence."""
    some = TrainedOn(scored=10, train=1, known=True)
    assert some.verdict("It is better.") == "It is better; 1 of 10 trained on (10 %)."
