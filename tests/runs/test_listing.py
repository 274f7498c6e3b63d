"""Runs as rows: what was trained, how good it is, how far it is; also of damaged files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import segue
from segue import runs
from segue.errors import DataNotFoundError, FileError
from segue.runs import list_runs, places, untidy
from segue.training import TrainingOptions
from segue.training.history import best_row

QUICK: dict[str, Any] = {"network": "gru(4)", "options": TrainingOptions(progress="none")}

MadeRun = Callable[..., Path]
WorkingOn = Callable[[Path], AbstractContextManager[None]]


# -- runs that are whole --------------------------------------------------------------------------


def test_a_run_is_listed_as_it_was_trained(noise: Path) -> None:
    run = runs.fit_run(noise, epochs=5, validation=0.3, **QUICK)
    (row,) = list_runs(".")
    metrics, history = run.metrics, segue.load(run.model).history_
    assert row.folder == run.folder
    assert row.name == "runs/noise-gru-4-1"
    assert (row.kind, row.state, row.problem) == ("run", "complete", "")
    assert row.date == run.record["date"]
    assert (row.source, row.network, row.task) == (run.record["source"], "gru(4)", "classify")
    assert (row.part, row.metric, row.score) == ("test", "accuracy", metrics["accuracy"])
    assert row.interval == tuple(metrics["accuracy_interval"])
    assert row.baseline == metrics["baseline"]["accuracy"]
    assert row.validation == history.kept["validation_accuracy"]
    assert (row.epochs, row.seconds) == (5, metrics["seconds"])
    assert json.loads(json.dumps(row.to_json()))["score"] == row.score


def test_a_run_of_an_older_segue_has_its_validation_in_the_history(noise: Path) -> None:
    run = runs.fit_run(noise, epochs=6, validation=0.3, **QUICK)
    (row,) = list_runs(run.folder)
    metrics = run.metrics
    del metrics["kept"]
    run.scores.write_text(json.dumps(metrics))
    assert list_runs(run.folder) == [row]


def test_of_several_seeds_the_mean_validation_is_listed(noise: Path) -> None:
    run = runs.fit_run(noise, epochs=2, validation=0.3, seeds=2, **QUICK)
    (row,) = list_runs(".")
    assert row.validation == np.mean([one["validation_accuracy"] for one in run.metrics["seeds"]])
    assert row.epochs == 4


def test_the_newest_is_the_first(made_run: MadeRun) -> None:
    for number in range(3):
        made_run(f"runs/{number}", date=f"2026-11-2{number}T00:00:00Z")
    assert [row.name for row in list_runs()] == ["runs/2", "runs/1", "runs/0"]


def test_of_an_error_the_metric_is_named(made_run: MadeRun) -> None:
    regress = {"task": "regress", "part": "test", "rmse": 2.5, "baseline": {"rmse": 3.0}}
    made_run("one", {**regress, "stopped": "finished", "kept": {"validation_rmse": 2.0}})
    (row,) = list_runs()
    assert (row.metric, row.score, row.baseline, row.validation) == ("rmse", 2.5, 3.0, 2.0)
    assert row.interval is None


# -- runs that are not done -----------------------------------------------------------------------


def test_a_run_in_another_process_is_listed_with_what_it_has(
    noise: Path, working_on: WorkingOn
) -> None:
    """Epochs, time and the best validation so far; once the process ends, it was stopped."""
    run = runs.fit_run(noise, epochs=6, validation=0.3, **QUICK)
    (done,) = list_runs()
    run.scores.unlink()
    run.model.unlink()
    with (run.folder / "history.jsonl").open("a") as file:
        file.write('{"epoch": 7, "los')  # a row that is being written
    with working_on(run.folder):
        (row,) = list_runs()
    assert row.state == "running"
    assert (row.epochs, row.metric, row.validation) == (6, "accuracy", done.validation)
    assert row.seconds == pytest.approx(done.seconds, abs=0.001)
    assert list_runs()[0].state == "stopped"


@pytest.mark.slow
def test_a_training_that_is_killed_is_listed_and_goes_on(noise: Path) -> None:
    """A real one, in a process of its own."""
    words = [sys.executable, "-m", "segue", "fit", noise, "--network", "gru(4)", "--out", "run"]
    words += ["--epochs", "1000", "--checkpoint-every", "0.5"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        epochs, states = 0, set()
        until = time.monotonic() + 60
        while epochs < 20 and time.monotonic() < until:
            for row in list_runs():
                epochs = row.epochs or 0
                states.add((row.state, row.problem))
        process.kill()
    assert states == {("running", "")}
    (row,) = list_runs()
    assert (row.state, row.problem) == ("stopped", "")
    assert row.epochs is not None
    assert row.epochs >= 20
    runs.resume_run("run")
    (row,) = list_runs()
    assert (row.state, row.epochs) == ("complete", 1000)


def test_a_run_that_has_only_begun_is_running(working_on: WorkingOn) -> None:
    """Networks are compared before run.json is written; what died then cannot be continued."""
    folder = Path("runs/waves-auto-1")
    with working_on(folder):
        (row,) = list_runs()
    assert (row.name, row.state, row.problem) == ("runs/waves-auto-1", "running", "")
    (folder / ".lock").touch()
    (row,) = list_runs()
    assert (row.state, row.problem[:14]) == ("failed", "it was stopped")
    assert row.date


def test_an_interrupted_run_can_be_continued(made_run: MadeRun) -> None:
    """It has scores all the same."""
    made_run("one", {"stopped": "interrupted"})
    (row,) = list_runs()
    assert (row.state, row.score) == ("stopped", 0.75)


def test_a_long_history_is_read_at_its_end(made_run: MadeRun) -> None:
    """A million epochs take no longer than a thousand; the best of them is not looked for."""
    folder = made_run("one")
    (folder / "metrics.json").unlink()
    line = '{"epoch": %d, "loss": 0.5, "validation_loss": 0.5, "seconds": 9.25}\n'
    with (folder / "history.jsonl").open("w") as file:
        file.write(line % 1 * 1_000_000 + line % 1_000_000)
    assert seconds_of(Path()) < 0.2
    (row,) = list_runs()
    assert (row.epochs, row.seconds, row.validation) == (1_000_000, 9.25, None)


# -- studies --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("empty_pictures")
@pytest.mark.parametrize("kind", ["grid", "curve"])
def test_a_study_is_listed_with_its_trials(kind: str) -> None:
    """With the scores and the validation that its rows have."""
    data = segue.synth.waves(60, test=20, length=12)
    classifier = segue.SequenceClassifier("rnn(2)", epochs=2, validation=0.2)
    more: dict[str, Any] = {"seeds": 2, "folder": "study", "workers": 1, "progress": "none"}
    if kind == "grid":
        done: Any = segue.studies.grid(classifier, data, {"network": ["rnn(2)", "gru(2)"]}, **more)
    else:
        done = segue.studies.learning_curve(classifier, data, sizes=[30, 60], **more)
    study, *trials = list_runs()
    assert (study.kind, study.state, study.trials) == ("study", "complete", (4, 4))
    assert len(trials) == 4
    for trial, row in zip(trials, done.rows, strict=True):
        settings = ", ".join(f"{name} {value}" for name, value in row["trial"].items())
        assert trial.name == f"study: {settings}"
        assert (trial.kind, trial.state) == ("trial", "complete")
        assert trial.part == ("validation" if kind == "grid" else "test")
        assert (trial.metric, trial.score) == ("accuracy", row["accuracy"])
        kept = row["history"][row["kept"] - 1]
        assert trial.validation == kept["validation_accuracy"]
        assert (trial.epochs, trial.seconds) == (row["epochs"], row["seconds"])
        assert trial.network == row["trial"].get("network", "rnn(2)")


HEADER = {"format": 1, "fingerprint": {"study": "grid", "source": "waves"}, "trials": 3}


def study_of(*rows: Any) -> Path:
    folder = Path("study")
    folder.mkdir()
    lines = [one if isinstance(one, str) else json.dumps(one) for one in rows]
    (folder / "study.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def test_a_study_that_goes_on_or_was_stopped_says_how_far_it_is(working_on: WorkingOn) -> None:
    folder = study_of(HEADER, {"trial": {"seed": 0}, "accuracy": 0.5, "seconds": 2.0})
    with working_on(folder):
        study, trial = list_runs()
    assert (study.state, study.trials, study.source) == ("running", (1, 3), "waves")
    assert (trial.state, trial.score) == ("complete", 0.5)
    assert list_runs()[0].state == "stopped"


def test_a_trial_that_failed_says_why() -> None:
    study_of(HEADER, {"trial": {"seed": 0}, "error": "TrainingError: not finite\nmore"})
    _, trial = list_runs()
    assert (trial.state, trial.problem) == ("failed", "TrainingError: not finite")


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (["{"], "its first line is not that of a study"),
        ([HEADER, '{"trial": {"seed": 0}, "accur'], "1 of its lines are no trials"),
        ([HEADER, "[]", '{"trial": 3}'], "2 of its lines are no trials"),
        ([], "its first line is not that of a study"),
    ],
)
def test_a_damaged_study_is_a_row(rows: list[Any], problem: str) -> None:
    study_of(*rows)
    (study,) = list_runs()
    assert study.state == "failed"
    assert problem in study.problem


# -- what is damaged ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("run.json", "{", "run.json is damaged: it is no JSON"),
        ("run.json", "[]", "run.json is damaged: it holds no JSON object"),
        ("run.json", "", "run.json is damaged: it is no JSON"),
        ("run.json", "[" * 100_000, "run.json is damaged: it is no JSON"),
        ("run.json", '{"format": 99}', "run.json has format 99; this segue reads 1"),
        ("metrics.json", '{"accuracy": 0.5', "metrics.json is damaged: it is no JSON"),
        ("metrics.json", "\xff\xfe", "metrics.json is damaged: it is no JSON"),
        (
            "metrics.json",
            '{\n  "task": "' + "a" * 100_000,
            "metrics.json is damaged: it is no JSON",
        ),
    ],
)
def test_a_damaged_run_is_a_row_that_says_so(
    file: str, text: str, problem: str, made_run: MadeRun
) -> None:
    folder = made_run("one")
    (folder / file).write_bytes(text.encode("latin-1"))
    (row,) = list_runs()
    assert (row.state, row.problem) == ("failed", problem)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_what_is_no_file_is_not_waited_for(made_run: MadeRun) -> None:
    """A pipe that nobody writes to, a folder."""
    folder = made_run("one")
    for name in ("run.json", "metrics.json"):
        (folder / name).unlink()
    os.mkfifo(folder / "run.json")
    (folder / "metrics.json").mkdir()
    (row,) = list_runs()
    assert (row.state, row.problem) == ("failed", "run.json is no plain file")


def test_what_cannot_be_read_is_a_row(monkeypatch: pytest.MonkeyPatch, made_run: MadeRun) -> None:
    """A file, and a folder; that this user may read everything changes nothing here."""
    made_run("closed/inside")
    made_run("file")
    scan, opened = os.scandir, Path.open

    def scandir(path: Any) -> Any:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    def open_(path: Path, *given: Any, **more: Any) -> Any:
        if path.name == "run.json":
            raise PermissionError(13, "Permission denied")
        return opened(path, *given, **more)

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(Path, "open", open_)
    problems = {row.name: row.problem for row in list_runs()}
    assert problems == {
        "closed": "the folder cannot be read (Permission denied)",
        "file": "run.json cannot be read (Permission denied)",
    }
    with pytest.raises(FileError, match="closed: cannot be read"):
        list_runs("closed")


KEYS = ["format", "source", "date", "settings", "options", "network", "monitor", "min_delta"]
KEYS += ["kept", "seeds", "epochs", "seconds", "baseline", "accuracy", "accuracy_interval", "note"]
KEYS += ["fingerprint", "trial", "estimator", "error", "star", "epoch", "validation_loss"]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = st.recursive(
    LEAVES | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner),
)


@given(VALUES, VALUES, VALUES, VALUES)
def test_nothing_that_files_hold_is_an_error(
    tmp_path_factory: pytest.TempPathFactory, record: Any, metrics: Any, notes: Any, row: Any
) -> None:
    """Values of any type in any place: rows that are JSON."""
    folder = tmp_path_factory.mktemp("any")
    (folder / "run").mkdir()
    (folder / "study").mkdir()
    for name, value in {"run": record, "metrics": metrics, "notes": notes}.items():
        (folder / "run" / f"{name}.json").write_text(json.dumps(value))
    (folder / "run" / "history.jsonl").write_text(f"{json.dumps(row)}\n" * 2)
    lines = [HEADER, row, {"trial": record, "kept": metrics, "history": [row], "warnings": []}]
    (folder / "study" / "study.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    found = list_runs(folder)
    assert {one.kind for one in found} >= {"run", "study"}
    json.dumps([one.to_json() for one in found], allow_nan=False)


def test_a_run_that_is_moved_while_it_is_read_is_left_out(
    made_run: MadeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_run("one")
    read = untidy.object_of

    def moved(path: Path) -> Any:
        if Path("one").exists():
            Path("one").rename(".one")
        return read(path)

    monkeypatch.setattr(untidy, "object_of", moved)
    assert list_runs() == []


@pytest.mark.parametrize("monitor", ["loss", "accuracy", "last"])
def test_the_best_epoch_so_far_is_that_which_training_would_keep(
    made_run: MadeRun, monitor: str
) -> None:
    """By the option of the run; as `best_row` finds it in the rows."""
    folder, draws = made_run("one", options={"monitor": monitor}), np.random.default_rng(0)
    (folder / "metrics.json").unlink()
    names = ("loss", "validation_loss", "validation_accuracy", "validation_mine")
    rows = [
        {"epoch": n, **dict(zip(names, draws.random(4).round(1).tolist(), strict=True))}
        for n in range(1, 50)
    ]
    (folder / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    best = best_row(rows, monitor)
    assert best is not None
    assert list_runs()[0].validation == best["validation_accuracy"]


def test_a_damaged_row_of_a_history_takes_only_the_best_with_it(made_run: MadeRun) -> None:
    (made_run("one") / "metrics.json").unlink()
    row = '{"epoch": %d, "validation_loss": 0.5, "validation_accuracy": 0.5, "seconds": 2.5}\n'
    Path("one/history.jsonl").write_text(row % 1 + row[:40] % 2 + "\n" + row % 3)
    (found,) = list_runs()
    assert (found.epochs, found.seconds, found.validation) == (3, 2.5, None)


# -- where runs are looked for --------------------------------------------------------------------


def test_runs_are_found_however_deep_and_not_inside_of_one(made_run: MadeRun) -> None:
    deep = "/".join("abcdefghij")
    made_run(f"{deep}/run")
    made_run(f"{deep}/run/seed-0/inner")
    made_run(".hidden/run")
    made_run("/".join("abcdefghijklm") + "/run")
    assert [row.name for row in list_runs()] == [f"{deep}/run"]
    (row,) = list_runs(f"{deep}/run")
    assert row.folder == Path(f"{deep}/run")


def test_links_are_not_followed(made_run: MadeRun) -> None:
    """So a circle ends, and no run is listed twice."""
    made_run("runs/one")
    Path("runs/again").symlink_to(Path.cwd() / "runs")
    Path("runs/latest").symlink_to("one")
    assert [row.name for row in list_runs()] == ["runs/one"]


def test_too_many_folders_are_said(monkeypatch: pytest.MonkeyPatch, made_run: MadeRun) -> None:
    for number in range(8):
        made_run(f"runs/{number}")
    monkeypatch.setattr(places, "MOST_FOLDERS", 5)
    with pytest.warns(UserWarning, match="holds more than 5 folders: those from runs/3 on"):
        assert len(list_runs()) == 3


def test_no_such_folder_is_an_error() -> None:
    with pytest.raises(DataNotFoundError, match="nowhere: there is no such folder"):
        list_runs("nowhere")
    Path("file").touch()
    with pytest.raises(FileError, match="file: is a file; expected the folder"):
        list_runs("file")


@pytest.mark.slow
def test_a_hundred_thousand_files_beside_a_run(made_run: MadeRun) -> None:
    """They are not opened; the run is found within a second."""
    made_run("data/run")
    for number in range(100_000):
        os.close(os.open(f"data/{number}.wav", os.O_CREAT | os.O_WRONLY))
    assert min(seconds_of(Path()) for _ in range(3)) < 1.0
    assert [row.name for row in list_runs()] == ["data/run"]


def seconds_of(folder: Path) -> float:
    """Of the processor: what else runs here does not count."""
    began = time.process_time()
    list_runs(folder)
    return time.process_time() - began


@pytest.mark.slow
def test_a_thousand_runs_take_less_than_300_ms(made_run: MadeRun) -> None:
    for number in range(1000):
        made_run(f"runs/{number}")
    assert len(list_runs()) == 1000
    assert min(seconds_of(Path()) for _ in range(5)) < 0.3


def test_of_large_scores_only_what_is_shown_is_parsed(made_run: MadeRun) -> None:
    """Three hundred classes: the same row as if all of it was parsed, in a fraction of the time."""
    many = {"classes": [str(n) for n in range(300)], "confusion": [[0] * 300] * 300}
    path = made_run("many", many) / "metrics.json"
    found, problem = untidy.object_of(path)
    assert not isinstance(found, dict)
    assert problem == ""
    assert dict(found) == json.loads(path.read_text())
    assert min(seconds_of(path.parent) for _ in range(5)) < 0.02
    (large,) = list_runs()
    assert replace(large, folder=Path("few"), name="few") == list_runs(made_run("few"))[0]


def test_nothing_is_remembered(made_run: MadeRun) -> None:
    scores = made_run("one") / "metrics.json"
    assert list_runs()[0].score == 0.75
    scores.write_text(scores.read_text().replace("0.75", "0.25"))
    assert list_runs()[0].score == 0.25
