"""`segue fit`, `evaluate` and `predict` for labels of steps, numbers, several labels, forecasts."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segue import Dataset, Sequences, load, runs
from segue.cli import main

Run = Callable[..., str]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file for each task."""
    draws, folder = np.random.default_rng(0), tmp_path_factory.mktemp("sources")
    x = Sequences.from_list([draws.normal(size=(n, 2)) for n in draws.integers(5, 15, 40)])
    codes = Sequences((x.values[:, :1] > 0).astype(np.int32), x.offsets)
    means = np.array([v.mean(axis=0) for v in x])
    made = {
        "label": Dataset(x, codes, ("down", "up")),
        "regress": Dataset(x, means),
        "multilabel": Dataset(x, (means > 0).astype(int), classes=("a", "b")),
        "forecast": Dataset([np.sin(0.3 * np.arange(300))], ids=["wave"], channels=("height",)),
        "language": Dataset(Sequences.from_texts(["the cat sat on a mat.", "the dog ran."] * 20)),
    }
    for name, data in made.items():
        data.write(folder / f"{name}.arrow")
    return {name: folder / f"{name}.arrow" for name in made}


@pytest.fixture(scope="module")
def fitted(sources: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run of the command line for each task."""
    folder, made = tmp_path_factory.mktemp("runs"), {}
    for name, source in sources.items():
        words = ["fit", source, "--network", "gru(4)", "--epochs", 3, "--out", folder / name]
        if name == "forecast":
            words += ["--task", "forecast", "--window", 8, "--horizon", 2]
            words += ["--learning-rate", 0.03]
        if name == "language":
            words += ["--task", "language", "--prepare", "words(5)"]
        assert main([str(word) for word in words]) == 0
        made[name] = folder / name
    return made


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: object, code: int = 0) -> str:
        capsys.readouterr()
        came = main([str(word) for word in words])
        out, err = capsys.readouterr()
        assert came == code, err
        return out if code == 0 else err

    return call


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_language_model_says_how_well_texts_are_foreseen(
    fitted: dict[str, Path], sources: dict[str, Path], run: Run
) -> None:
    """A row for each text, with what is most likely to follow it; and the scores in a line."""
    found = rows(run("predict", fitted["language"], sources["language"]))
    assert [row["tokens"] for row in found] == ["7", "4"] * 20
    assert {row["prediction"] for row in found} <= {
        "<end>",
        "<unknown>",
        *"the a . cat dog".split(),
    }
    assert all(1 < float(row["perplexity"]) < 20 for row in found)
    said = run("evaluate", fitted["language"], sources["language"])
    assert "unigram baseline" in said
    assert "unknown" in said
    assert "--per-step" in run(
        "predict", fitted["language"], sources["language"], "--per-step", code=2
    )


@pytest.mark.parametrize("task", ["label", "regress", "multilabel", "forecast", "language"])
def test_a_run_has_everything_and_can_be_evaluated(
    task: str, fitted: dict[str, Path], sources: dict[str, Path], run: Run
) -> None:
    done = runs.open_run(fitted[task])
    assert done.metrics["task"] == task
    assert done.metrics["part"] == "test"
    assert done.report.is_file()
    found = json.loads(run("evaluate", done.folder, sources[task], "--json"))
    assert found == {name: done.metrics[name] for name in found}  # of what the run has set aside
    assert run("evaluate", done.folder, sources[task]).startswith("test part: ")


@pytest.mark.parametrize("task", ["label", "regress", "multilabel", "forecast", "language"])
def test_two_runs_of_any_task_are_compared(task: str, fitted: dict[str, Path], run: Run) -> None:
    """A run with itself: no difference, by whatever test."""
    found = json.loads(run("runs", "compare", fitted[task], fitted[task], "--json"))
    metrics = runs.open_run(fitted[task]).metrics
    assert found["scores"] == [metrics[found["metric"]]] * 2
    assert (found["difference"], found["p_value"], found["better"]) == (0.0, 1.0, None)
    grouped = task in ("label", "forecast", "language")
    assert found["test"] == "paired permutation" + ", whole groups" * grouped


@pytest.mark.parametrize(
    ("task", "first", "second"),
    [
        ("label", "test accuracy", "majority baseline"),
        ("regress", "test RMSE", "mean of training"),
        ("multilabel", "test accuracy", "usual labels"),
        ("forecast", "test RMSE", "persistence forecast"),
    ],
)
def test_fit_ends_with_the_score_beside_its_baseline(
    task: str, first: str, second: str, fitted: dict[str, Path]
) -> None:
    from segue.cli.fit import headline

    names = [name for name, _ in headline(runs.open_run(fitted[task]).metrics)]
    assert names[:2] == [first, second]


def test_the_test_part_of_a_forecast_is_the_end(fitted: dict[str, Path]) -> None:
    """A fifth of 300 steps, less the window and the horizon."""
    assert runs.open_run(fitted["forecast"]).metrics["windows"] == 60 - 8 - 2 + 1


def test_labels_are_predicted_step_by_step(
    fitted: dict[str, Path], sources: dict[str, Path], run: Run
) -> None:
    found = rows(run("predict", fitted["label"], sources["label"], "--per-step"))
    data = Dataset.open(sources["label"])
    assert len(found) == data.x.total_steps
    assert list(found[0]) == ["id", "step", "prediction", "probability_down", "probability_up"]


def test_numbers_several_labels_and_forecasts_are_tables(
    fitted: dict[str, Path], sources: dict[str, Path], run: Run
) -> None:
    numbers = rows(run("predict", fitted["regress"], sources["regress"]))
    assert list(numbers[0]) == ["id", "prediction_0", "prediction_1"]
    tags = json.loads(run("predict", fitted["multilabel"], sources["multilabel"], "--json"))
    assert set(tags[0]) == {"id", "prediction_a", "prediction_b", "probabilities"}
    forecast = rows(run("predict", fitted["forecast"], sources["forecast"], "--steps", 5))
    assert [row["step"] for row in forecast] == ["1", "2", "3", "4", "5"]
    assert {row["id"] for row in forecast} == {"wave"}
    assert all(float(row["height"]) for row in forecast)


def test_a_classifier_says_what_it_believes_after_each_step(
    waves: Path, model: Path, run: Run
) -> None:
    found = rows(run("predict", model, waves, "--part", "test", "--per-step"))
    whole: Any = rows(run("predict", model, waves, "--part", "test"))
    assert len(found) == 20 * 16
    last = [row for row in found if row["step"] == "15"]
    assert [row["prediction"] for row in last] == [row["prediction"] for row in whole]


def test_a_run_remembers_its_task(sources: dict[str, Path], tmp_path: Path) -> None:
    record = runs.fit_run(
        sources["forecast"], task="forecast", size=8, epochs=2, out=tmp_path / "run"
    ).record
    assert record["reading"]["task"] == "forecast"
    assert record["settings"]["size"] == 8


def test_questions_that_mean_nothing(
    fitted: dict[str, Path], sources: dict[str, Path], run: Run
) -> None:
    said = run("predict", fitted["regress"], sources["regress"], "--per-step", code=2)
    assert "--per-step is for a classifier or a labeler, and this is a SequenceRegressor" in said
    said = run("predict", fitted["label"], sources["label"], "--steps", 3, code=2)
    assert "--steps is for a forecast, and this is a SequenceLabeler" in said
    said = run("fit", sources["regress"], "--horizon", 3, code=2)
    assert "--horizon and --strategy are for --task forecast" in said
    said = run("fit", sources["label"], "--task", "label", "--window", 3, code=2)
    assert "--window: recordings are cut into windows with one label each" in said
    said = run("fit", sources["label"], "--stride", 3, code=2)
    assert "are for windows: give their size too, --window N" in said
    said = run("fit", sources["label"], "--window", 3, code=2)
    assert "Each step has a label, and a window needs one" in said
    said = run("fit", sources["label"], "--window", 3, "--window-label", "mayority", code=2)
    assert 'Did you mean "majority"?' in said
    said = run("fit", sources["regress"], "--task", "regres", code=2)
    assert 'Did you mean "regress"?' in said
    said = run("fit", sources["forecast"], code=1)
    assert "have no targets" in said
    said = run("fit", sources["label"], "--task", "regress", code=1)
    assert "SequenceRegressor needs one or more numbers for each sequence" in said


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("task", "score"),
    [
        ("label", "accuracy"),
        ("regress", "r2"),
        ("multilabel", "accuracy"),
        ("forecast", "r2"),
        ("language", "log_probability"),
    ],
)
def test_several_seeds_of_any_task_are_one_model(
    task: str, score: str, sources: dict[str, Path], tmp_path: Path, run: Run
) -> None:
    """The model of the run is their ensemble; each seed's own score is told, in its own terms."""
    words: list[object] = ["fit", sources[task], "--network", "gru(4)", "--epochs", 3]
    words += ["--out", tmp_path / "run", "--seeds", 2, "--learning-rate", 0.03]
    more = {
        "forecast": ["--task", "forecast", "--window", 8, "--horizon", 2],
        "language": ["--task", "language", "--prepare", "words(5)"],
    }
    said = run(*words, *more.get(task, ()))
    assert "the mean of these 2 models" in said
    metrics = runs.open_run(tmp_path / "run").metrics
    assert metrics["score"] == score
    alone = [row[score] for row in metrics["seeds"]]
    assert metrics["mean"] == pytest.approx(np.mean(alone))
    assert f"mean {metrics['mean']:.4f}, spread {metrics['spread']:.4f} of 2 seeds" in said
    assert len(load(tmp_path / "run" / "model.safetensors")) == 2
    assert len(rows(run("predict", tmp_path / "run", sources[task]))) > 0
