"""Learning curves and grids: what is scored, the same bits everywhere, and clear refusals."""

from __future__ import annotations

import csv
import html
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue
from segue import studies
from segue.errors import DataError, FileError, OptionError, SegueError, SpecError, TrainingError

QUIET: dict[str, Any] = {"progress": "none", "workers": 1}


def test_the_score_is_that_of_the_estimator_on_the_test_part(
    waves: segue.Dataset, classifier: segue.SequenceClassifier
) -> None:
    curve = studies.learning_curve(classifier, waves, sizes=[40], seeds=[3], **QUIET)
    options = segue.TrainingOptions(progress="none", threads=1)
    alone = segue.SequenceClassifier("rnn(3)", epochs=2, seed=3, options=options)
    alone.fit(waves.part("train"))
    evaluation = segue.evaluate(alone, waves)
    assert curve.table()[0, 0] == evaluation.accuracy
    assert curve.table("loss")[0, 0] == pytest.approx(evaluation.log_loss, rel=1e-5)
    assert curve.baseline == evaluation.baseline
    assert not hasattr(classifier, "history_")


@pytest.mark.slow
def test_a_study_has_its_files_and_says_what_it_found(
    waves: segue.Dataset, classifier: segue.SequenceClassifier, tmp_path: Path
) -> None:
    curve = studies.learning_curve(
        classifier, waves, sizes=[10, 20, 30, 40], seeds=2, until=0.4, folder=tmp_path, **QUIET
    )
    names = {path.name for path in tmp_path.iterdir()}
    expected = "study.jsonl study.json trials.csv summary.csv learning-curve.png epochs.png"
    expected += " report.html"
    assert names == set(expected.split())
    rows = list(csv.DictReader((tmp_path / "trials.csv").read_text().splitlines()))
    assert [(int(r["size"]), int(r["seed"])) for r in rows[:5]] == [
        (10, 0), (20, 0), (30, 0), (40, 0), (10, 1),
    ]  # fmt: skip
    assert [float(r["accuracy"]) for r in rows] == curve.table().T.ravel().tolist()
    summary = json.loads((tmp_path / "study.json").read_text())
    assert summary["forecast"]["size"] == 80
    assert [one["size"] for one in summary["held_back"]] == [40]
    text = curve.report()
    assert text.splitlines()[0].split()[:2] == ["sequences", "accuracy"]
    page = html.unescape((tmp_path / "report.html").read_text("utf-8"))
    for words in ("power law: error(n) =", "with 80 sequences: accuracy", "of 1 right"):
        assert words in text
        assert words in page


@pytest.mark.slow
def test_the_page_of_a_grid(
    waves: segue.Dataset, classifier: segue.SequenceClassifier, tmp_path: Path
) -> None:
    """The numbers of the table, both pictures, settings, times; rows that are left out are said."""
    space = {"network": ["rnn(2)", "gru(2)", "gru(3)"], "learning_rate": [0.001, 0.01]}
    grid = studies.grid(
        classifier, waves, space, seeds=2, folder=tmp_path, source="my <waves>", **QUIET
    )
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "<h1>Grid: my &lt;waves&gt;</h1>" in page
    assert page.count("<svg") == 2
    assert not re.search(r'(?:src|href)="(?!#|data:)', page)
    cells = re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", page)
    for line in grid.table_of(grid.summary):
        assert set(line) <= set(cells)
    assert "rnn(2), gru(2), gru(3)" in cells
    assert "time of each" in cells
    assert re.search(r"\d s for 12 trainings", page)
    assert "are not shown" not in page
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("segue.studies.study.ROWS_ON_PAGE", 4)
        grid.save(tmp_path)
    assert "2 of 6 are not shown here" in (tmp_path / "report.html").read_text("utf-8")


@pytest.mark.usefixtures("empty_pictures")
def test_a_finished_study_is_read_and_not_run(
    waves: segue.Dataset,
    classifier: segue.SequenceClassifier,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = {"sizes": [10, 20], "seeds": 2, "folder": tmp_path, **QUIET}
    first = studies.learning_curve(classifier, waves, **asked)
    path = tmp_path / "study.jsonl"
    whole = path.read_bytes()
    monkeypatch.setattr(segue.SequenceClassifier, "fit", None)
    assert studies.learning_curve(classifier, waves, **asked).rows == first.rows
    assert path.read_bytes() == whole
    with pytest.raises(FileError, match='estimator.network: "rnn\\(3\\)" there, "rnn\\(4\\)" now'):
        other = segue.SequenceClassifier("rnn(4)", epochs=2)
        studies.learning_curve(other, waves, **asked)


@pytest.mark.usefixtures("empty_pictures")
def test_half_a_study_goes_on_to_the_same_bits(
    waves: segue.Dataset, classifier: segue.SequenceClassifier, tmp_path: Path, bits: Any
) -> None:
    asked: dict[str, Any] = {"sizes": [10, 20], "seeds": 2, **QUIET}
    whole = studies.learning_curve(classifier, waves, folder=tmp_path / "a", **asked)
    lines = (tmp_path / "a" / "study.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "study.jsonl").write_bytes(b"".join(lines[:3]) + lines[3][:50])
    half = studies.learning_curve(classifier, waves, folder=tmp_path / "b", **asked)
    assert half.rows[:2] == whole.rows[:2]  # their seconds too: they were not run again
    assert bits(half.rows) == bits(whole.rows)
    assert (tmp_path / "a/trials.csv").read_bytes() == (tmp_path / "b/trials.csv").read_bytes()


def test_the_watched_test_part_chooses_nothing(
    waves: segue.Dataset, classifier: segue.SequenceClassifier
) -> None:
    asked: dict[str, Any] = {"sizes": [10, 20, 40], "seeds": 2, **QUIET}
    curve = studies.learning_curve(classifier, waves, until=0.3, watch_test=True, **asked)
    assert curve.where == "on the test part"
    for row in curve.rows:
        assert row["kept"] == row["epochs"] == 2
        assert row["history"][-1]["validation_accuracy"] == row["accuracy"]
    unwatched = segue.SequenceClassifier("rnn(3)", epochs=2, validation=None)
    other = studies.learning_curve(unwatched, waves, **asked)
    assert other.table().tolist() == curve.table().tolist()
    assert other.where == "in training"
    assert [row["reached"] for row in curve.summary] == [2, 2, 2]
    assert len(curve.plot().figure.axes) == 3
    large = curve.since(20)
    assert (large.sizes, large.table().tolist()) == ((20, 40), curve.table()[1:].tolist())
    with pytest.raises(DataError, match="the largest that was tried is 40"):
        curve.since(41)


def test_a_curve_answers_in_words(
    waves: segue.Dataset, classifier: segue.SequenceClassifier
) -> None:
    curve = studies.learning_curve(
        classifier, waves, sizes=[10, 20, 30, 40], seeds=2, until=0.99, watch_test=True, **QUIET
    )
    sizes, level, epochs, twice = curve.answers()
    assert sizes.startswith("Between 10 and 40 training sequences the accuracy goes from 0.")
    assert level == "No size reaches 0.99 in every training."
    assert epochs.startswith("Epochs after which the mean on the test part is within 0.01")
    assert twice.startswith("Twice as many, 80: 0.")


def test_any_executor_with_submit_will_do(
    waves: segue.Dataset, classifier: segue.SequenceClassifier, bits: Any
) -> None:
    class Recorder:
        asked = 0

        def submit(self, function: Any, *arguments: Any) -> Any:
            self.asked += 1
            return pool.submit(function, *arguments)

    executor = Recorder()
    with ThreadPoolExecutor(1) as pool:
        curve = studies.learning_curve(
            classifier, waves, sizes=[10, 20], seeds=1, executor=executor, **QUIET
        )
    assert executor.asked == 2
    here = studies.learning_curve(classifier, waves, sizes=[10, 20], seeds=1, **QUIET)
    assert bits(curve.rows) == bits(here.rows)


@pytest.mark.slow
def test_a_grid_leaves_the_test_part_alone(
    waves: segue.Dataset, classifier: segue.SequenceClassifier, tmp_path: Path, bits: Any
) -> None:
    space = {"network": ["rnn(2)", "gru(2)"], "options__patience": [1, 5]}
    found = studies.grid(classifier, waves, space, seeds=2, folder=tmp_path, until=0.1, **QUIET)
    train = waves.part("train")
    other = studies.grid(classifier, train, space, seeds=2, until=0.1, **QUIET)
    assert bits(found.rows) == bits(other.rows)
    assert [len(found.trials(one)) for one in found.combinations] == [2] * 4
    for row in found.rows:
        best = row["history"][row["kept"] - 1]
        assert row["accuracy"] == best["validation_accuracy"]
    assert all(row["epochs_until"] == 1 for row in found.summary)
    assert found.best[found.metric] == max(row["accuracy"] for row in found.summary)
    assert (tmp_path / "grid.png").stat().st_size > 1000
    assert "The test part was not used." in found.report()


@pytest.mark.slow
def test_names_in_braces_are_filled_in(
    waves: segue.Dataset, classifier: segue.SequenceClassifier, bits: Any
) -> None:
    template = classifier.set_params(network="repeat({layers}, rnn({units}))")
    space = {"layers": [1, 2], "units": [2, 3], "learning_rate": [0.01, 0.1]}
    found = studies.grid(template, waves, space, seeds=2, until=0.1, **QUIET)
    plain = segue.SequenceClassifier("repeat(2, rnn(3))", epochs=2, learning_rate=0.1)
    alone = studies.grid(plain, waves, {"batch_size": [32]}, seeds=2, until=0.1, **QUIET)
    there = found.trials({"layers": 2, "units": 3, "learning_rate": 0.1})
    assert [row["accuracy"] for row in there] == [row["accuracy"] for row in alone.rows]
    assert found.combinations[0] == {"layers": 1, "units": 2, "learning_rate": 0.01}
    two = [row["accuracy"] for row in found.rows if row["trial"]["layers"] == 2]
    assert found.effects["layers"][1]["accuracy"] == pytest.approx(np.mean(two))
    assert list(found.effects) == ["layers", "units", "learning_rate"]
    assert "layers  1: 0." in found.report()
    assert len(found.plot().figure.axes) == 4  # score and epochs, for each of two values
    listed = {"network": ["rnn({units})", "gru({units})"], "units": [2]}
    assert len(studies.grid(classifier, waves, listed, seeds=1, **QUIET).rows) == 2


def test_labels_of_steps_and_numbers_are_studied_too() -> None:
    draws = np.random.default_rng(0)
    x = [draws.standard_normal((6, 1)) for _ in range(30)]
    steps = [(values[:, 0] > 0).astype(int) for values in x]
    labeler = segue.SequenceLabeler("rnn(2)", epochs=1)
    labelled = labeler._as_dataset(x, steps)
    curve = studies.learning_curve(labeler, labelled, sizes=[8, 24], seeds=1, **QUIET)
    assert curve.metric == "accuracy"
    assert 0.4 < curve.baseline < 0.7
    numbers = segue.Dataset(x, np.array([values.mean() for values in x]))
    regressor = segue.SequenceRegressor("rnn(2)", epochs=1)
    curve = studies.learning_curve(regressor, numbers, sizes=[8, 16, 24], seeds=2, **QUIET)
    assert curve.metric == "rmse"
    train, test = numbers.split(0.2, seed=0)
    rmse = float(np.sqrt(np.mean((test.y - train.y.mean()) ** 2)))
    assert curve.baseline == pytest.approx(rmse, rel=1e-5)
    assert curve.law is not None
    found = studies.grid(regressor, numbers, {"learning_rate": [1e-3, 1e-2]}, seeds=1, **QUIET)
    assert found.best["rmse"] == min(row["rmse"] for row in found.summary)
    found.plot()


def test_a_trial_that_fails_is_told_and_the_others_count(waves: segue.Dataset) -> None:
    classifier = segue.SequenceClassifier(epochs=1)
    space = {"network": ["rnn(2)", "conv(2, 3)"], "learning_rate": [0.01, 0.1]}
    found = studies.grid(classifier, waves, space, seeds=1, **QUIET)
    assert ["error" in row for row in found.rows] == [False, False, True, True]
    assert "trials failed. The first one:" in found.report()
    found.plot()
    found.plot_epochs()
    with pytest.raises(TrainingError, match="No trial could be trained. The first one:"):
        studies.grid(classifier, waves, {"network": ["conv(2, 3)"]}, seeds=1, **QUIET)


CURVE_MISTAKES: list[tuple[dict[str, Any], type[SegueError], str]] = [
    ({"sizes": [400]}, DataError, "`sizes` has 400, and there are 40"),
    ({"seeds": 0}, OptionError, "`seeds` is 0"),
    ({"seeds": [1, 1]}, OptionError, "`seeds` is \\[1, 1\\]"),
    ({"seeds": "many"}, OptionError, "`seeds` is 'many'"),
    ({"workers": 0}, OptionError, "`workers` is 0"),
    ({"executor": 3}, OptionError, "expected something with `submit"),
    ({"progress": "loud"}, OptionError, "`progress` is 'loud'"),
    ({"until": "good"}, OptionError, "`until` is 'good'"),
]


@pytest.mark.parametrize(("given", "error", "text"), CURVE_MISTAKES)
def test_mistakes_are_told_before_the_first_trial(
    waves: segue.Dataset, given: dict[str, Any], error: type[SegueError], text: str
) -> None:
    with pytest.raises(error, match=text):
        studies.learning_curve(segue.SequenceClassifier(), waves, **{**QUIET, **given})


GRID_MISTAKES: list[tuple[Any, type[SegueError], str]] = [
    ({}, OptionError, "expected a list of values for each argument"),
    ({"network": "lstm(8)"}, OptionError, "`network` is 'lstm\\(8\\)'; expected a list"),
    ({"network": []}, OptionError, "expected a list of values"),
    ({"network": ["lstm(8)", "lstm(8)"]}, OptionError, "a value twice"),
    ({"network": ["lstmm(8)"]}, SpecError, 'Did you mean "lstm"'),
    ({"netwrk": ["lstm(8)"]}, OptionError, "no parameter 'netwrk'"),
    ({"network": ["lstm({units})"], "unit": [1, 2]}, OptionError, 'Did you mean "unit"'),
    ({"network": ["lstm({units})"]}, OptionError, "{units}, and the space has no values for it"),
    ({"learning_rate": [-1.0]}, OptionError, "`learning_rate` is -1.0"),
    ({"options__optimizer": ["adm"]}, OptionError, 'Did you mean "adam"'),
    ({"prepare": ["standardise"]}, SpecError, 'Did you mean "standardize"'),
    ({"seed": [1, 2]}, OptionError, "use `seeds="),
    ({"epochs": range(1, 200_000)}, OptionError, "at most 100,000"),
]


@pytest.mark.parametrize(("space", "error", "text"), GRID_MISTAKES)
def test_a_space_that_means_nothing_is_refused(
    waves: segue.Dataset, space: Any, error: type[SegueError], text: str
) -> None:
    with pytest.raises(error, match=text):
        studies.grid(segue.SequenceClassifier(), waves, space, **QUIET)


def test_what_cannot_be_studied_is_refused(waves: segue.Dataset) -> None:
    with pytest.raises(OptionError, match="expected an estimator that is not fitted"):
        studies.learning_curve("lstm(8)", waves)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="does not train a Forecaster"):
        studies.learning_curve(segue.Forecaster(), waves)
    with pytest.raises(DataError, match="SequenceRegressor needs one or more numbers"):
        studies.learning_curve(segue.SequenceRegressor(), waves)
    with pytest.raises(DataError, match="expected a Dataset"):
        studies.learning_curve(segue.SequenceClassifier(), [1, 2])  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="it must come from inside each subset"):
        studies.learning_curve(segue.SequenceClassifier(validation=waves), waves)


def test_a_curve_that_the_law_does_not_fit_is_told() -> None:
    def curve(scores: list[float]) -> studies.LearningCurve:
        epoch = {"accuracy": 0.5, "loss": 1.0}
        rows = tuple(
            {"trial": {"size": size, "seed": seed}, "accuracy": score, "loss": 0.1}
            | {"epochs": 1, "kept": 1, "parameters": 1, "history": [epoch]}
            for seed in (0, 1)
            for size, score in zip((10, 20, 40, 80), scores, strict=True)
        )
        given = {"sizes": (10, 20, 40, 80), "seeds": (0, 1), "rows": rows, "baseline": 0.5}
        return studies.LearningCurve(metric="accuracy", **given)

    said = "The law does not hold here"
    assert said in curve([0.5, 0.5, 0.5, 1.0]).report()
    assert said not in curve([0.6, 0.7, 0.775, 0.83]).report()
    assert said not in curve([0.475] * 4).report()
