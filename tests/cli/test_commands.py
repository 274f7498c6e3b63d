"""Each command does its work, says it in words or in JSON, and explains itself."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue
from segue.cli import main
from segue.kernels import forward
from segue.progress import duration

# Every command, with a line that its help must have.
COMMANDS = {
    "fit": "Train a classifier and evaluate it",
    "evaluate": "Score a model on labelled data",
    "predict": "Predict the class of each sequence",
    "stream": "Predict step by step",
    "export": "Write a model as a file of another program",
    "view": "Look at data before training on them",
    "listen": "Hear some sequences of a data set",
    "network": "Look at a network before training it",
    "generate": "Write made-up data to learn with",
    "data list": "List the data sets",
    "data convert": "Write a source to a mapped file",
    "data show": "Show where a data set comes from",
    "study learning-curve": "Train with more and more sequences",
    "study grid": "Train with every combination of networks and options",
    "study status": "Show how far a study is",
    "runs list": "List the runs below a folder",
    "runs compare": "Compare two runs",
    "runs note": "Note something about a run",
    "runs star": "Give a run a star",
    "runs delete": "Delete a run, or a study",
    "runs undo": "Bring back the run that was deleted last",
    "import": "Make a model of one that another framework has trained",
    "studio": "Look at data, train networks, see what they do",
    "info": "Print versions, threads, folders",
}

Run = Callable[..., str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command that must succeed, and give its standard output."""

    def call(*words: object, code: int = 0) -> str:
        capsys.readouterr()
        came = main([str(word) for word in words])
        out, err = capsys.readouterr()
        assert came == code, err
        return out

    return call


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_what_it_does_with_an_example(run: Run, command: str) -> None:
    text = run(*command.split(), "--help")
    assert COMMANDS[command] in text
    assert f"Example: segue {command} " in text or f"Example: segue {command}\n" in text
    for option in ("--json", "--debug", "--help"):
        assert option in text


def test_the_table_above_has_every_command() -> None:
    import typer

    from segue.cli import app

    group = typer.main.get_command(app)
    names = {
        f"{name} {inner}".strip()
        for name, command in group.commands.items()
        for inner in getattr(command, "commands", [""])
    }
    assert names == set(COMMANDS)


def test_the_installed_command_prints_its_version() -> None:
    command = Path(sys.executable).with_name("segue")
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("segue 0.")


# -- fit, evaluate, predict -----------------------------------------------------------------------


def test_fit_ends_in_a_table(waves: Path, tmp_path: Path, run: Run) -> None:
    text = run("fit", waves, "--network", "gru(4)", "--epochs", 2, "--out", tmp_path / "run")
    lines = text.splitlines()
    assert lines[0].startswith("test accuracy      ")
    assert "95 % interval" in lines[0]
    assert lines[1].startswith("majority baseline  ")
    assert "2 epochs, finished" in lines[2]
    headings = ["date", "run", "data hash", "model id"]
    assert [line[:18].strip() for line in lines[3:7]] == headings
    assert lines[7].split() == ["model", str(tmp_path / "run" / "model.safetensors")]
    assert lines[8].split() == ["report", str(tmp_path / "run" / "report.html")]


def test_fit_says_that_the_time_limit_ended_it(waves: Path, tmp_path: Path, run: Run) -> None:
    """Here within the first epoch."""
    asked = ("--network", "gru(4)", "--epochs", 9, "--time-limit", 0.000001)
    text = run("fit", waves, *asked, "--out", tmp_path / "run")
    assert ", 1 epoch, time limit\n" in text


def test_fit_writes_into_runs_and_never_over_one(
    waves: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folders = [
        json.loads(run("fit", waves, "--network", "gru(2)", "--epochs", 1, "--json"))["folder"]
        for _ in range(2)
    ]
    assert folders == ["runs/waves-gru-2-1", "runs/waves-gru-2-2"]


def test_fit_passes_its_options_on(waves: Path, tmp_path: Path, run: Run) -> None:
    options = {
        "--network": "lstm(3) dense(4, relu)",
        "--prepare": "none",
        "--epochs": 2,
        "--batch-size": 7,
        "--learning-rate": 0.01,
        "--optimizer": "rmsprop",
        "--schedule": "constant",
        "--validation": "none",
        "--patience": 3,
        "--monitor": "accuracy",
        "--accumulate": 2,
        "--frozen": "lstm_1",
        "--threads": 1,
        "--class-weight": "balanced",
        "--seed": 5,
        "--device": "cpu",
        "--limit": 20,
        "--time-limit": 1000,
        "--option": "clip_norm=none",
        "--out": tmp_path / "run",
    }
    run("fit", waves, *(word for pair in options.items() for word in pair))
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    for option, value in options.items():
        name = option[2:].replace("-", "_")
        if name in record["settings"]:
            assert record["settings"][name] == (
                None if value == "none" and name != "prepare" else value
            )
    assert record["options"]["optimizer"] == "rmsprop"
    assert record["options"]["schedule"] == "constant"
    assert record["options"]["patience"] == 3
    assert record["options"]["monitor"] == "accuracy"
    assert record["options"]["accumulate"] == 2
    assert record["options"]["frozen"] == ["lstm_1"]
    assert record["options"]["threads"] == 1
    assert record["options"]["time_limit_seconds"] == 1000
    assert record["options"]["clip_norm"] is None
    assert record["reading"] == {"task": None, "test": 0.2, "limit": 20}
    assert record["data"]["parts"] == {"train": 20, "test": 20}


def test_fit_begins_with_the_weights_of_a_run(
    model: Path, waves: Path, tmp_path: Path, run: Run
) -> None:
    """The frozen layer is the one of that run, and the trained ones are not; so is the resumed."""
    network = str(segue.load(model).network)
    first = segue.load(model).network_.get_weights()
    layer = next(iter(first)).partition("/")[0]
    words = ["--network", network, "--epochs", 1, "--out", tmp_path / "run"]
    run("fit", waves, *words, "--initial", model, "--frozen", layer)
    weights = segue.load(tmp_path / "run").network_.get_weights()
    for name, value in weights.items():
        assert np.array_equal(value, first[name]) == name.startswith(layer), name


@pytest.mark.usefixtures("whole_reports")
def test_evaluate_prints_the_scores_beside_their_baseline(
    model: Path, waves: Path, tmp_path: Path, run: Run
) -> None:
    text = run("evaluate", model, waves, "--report", tmp_path / "report.html")
    assert text.startswith("test part: 20 sequences, 2 classes")
    assert "majority baseline" in text
    assert "<html" in (tmp_path / "report.html").read_text()
    assert run("evaluate", model, waves, "--part", "train").startswith("train part: 40 sequences")


def test_evaluate_gives_the_scores_that_fit_gave(model: Path, waves: Path, run: Run) -> None:
    scores = json.loads(run("evaluate", model, waves, "--json"))
    metrics = json.loads((model / "metrics.json").read_text())
    assert {name: metrics[name] for name in scores} == scores


def test_a_model_is_a_run_or_its_file(model: Path, waves: Path, run: Run) -> None:
    by_folder = run("predict", model, waves)
    assert run("predict", model / "model.safetensors", waves) == by_folder


def test_predict_prints_a_table(model: Path, waves: Path, run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(run("predict", model, waves, "--part", "test"))))
    assert len(rows) == 20
    assert list(rows[0]) == ["id", "prediction", "probability_0", "probability_1"]
    for row in rows:
        shares = {name: float(row[f"probability_{name}"]) for name in "01"}
        assert row["prediction"] == max(shares, key=lambda name: shares[name])
        assert sum(shares.values()) == pytest.approx(1, abs=1e-5)


def test_predict_writes_a_file_or_json(model: Path, waves: Path, tmp_path: Path, run: Run) -> None:
    table = run("predict", model, waves, "--limit", 3)
    said = run("predict", model, waves, "--limit", 3, "--out", tmp_path / "p.csv")
    assert said.startswith("6 predictions")
    assert (tmp_path / "p.csv").read_text() == table
    rows = json.loads(run("predict", model, waves, "--limit", 3, "--json"))
    assert [str(row["id"]) for row in rows] == [line.split(",")[0] for line in table.split()[1:]]
    assert set(rows[0]) == {"id", "part", "prediction", "probabilities"}


# -- view, generate, data, info -------------------------------------------------------------------


def test_view_prints_counts_and_draws_each_class(waves: Path, run: Run) -> None:
    text = run("view", waves, "--samples", 2)
    assert "sequences                60" in text
    drawn = [line for line in text.splitlines() if "█" in line]
    assert [line[0] for line in drawn] == ["0", "0", "1", "1"]
    assert json.loads(run("view", waves, "--json"))["sequences"] == 60


def test_view_writes_a_picture(waves: Path, tmp_path: Path, run: Run) -> None:
    assert "picture" in run("view", waves, "--out", tmp_path / "v.png")
    assert (tmp_path / "v.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["v.png"]


@pytest.mark.parametrize("family", ["waves", "random-series", "toy"])
@pytest.mark.parametrize("kind", ["dat", "ts", "npz", "arrow"])
def test_what_was_generated_is_read(tmp_path: Path, run: Run, family: str, kind: str) -> None:
    size = [] if family == "toy" else ["--count", 8, "--test", 4, "--seed", 1, "--length", 9]
    run("generate", family, tmp_path / "made", "--format", kind, *size)
    summary = json.loads(run("view", tmp_path / "made", "--json"))
    assert summary["sequences"] == (6 if family == "toy" else 12)
    assert summary["parts"] == ({} if family == "toy" else {"train": 8, "test": 4})


def test_generate_passes_its_options_on(tmp_path: Path, run: Run) -> None:
    more = ["--kinds", "sine,square,triangle", "--phase", "random", "--noise", 0.1]
    made = json.loads(run("generate", "waves", tmp_path / "w", *more, "--json"))
    assert set(made["classes"]) == {"0", "1", "2"}
    series = ["generate", "random-series", tmp_path / "w", "--classes", 5, "--overwrite"]
    assert len(json.loads(run(*series, "--json"))["classes"]) == 5


def test_data_list_names_what_can_be_read(run: Run) -> None:
    text = run("data", "list")
    assert "japanese-vowels" in text
    assert "ucr/GunPoint" not in text
    assert "ucr/GunPoint" in run("data", "list", "--all")
    assert "uea/BasicMotions" in json.loads(run("data", "list", "--json"))


def test_data_show_says_where_data_come_from(waves: Path, run: Run) -> None:
    text = run("data", "show", "japanese-vowels")
    assert "CC BY 4.0" in text
    assert "7 to 29 steps" in text
    assert json.loads(run("data", "show", waves, "--json"))["name"] == "waves"


def test_info_prints_versions_and_defaults(run: Run) -> None:
    assert "torch" in run("info")
    defaults = json.loads(run("info", "--defaults", "--json"))
    assert defaults["network"] == "bilstm(100)"
    assert {"epochs", "optimizer", "patience"} <= set(defaults)
    text = " ".join(run("info", "--defaults").split())
    assert "network bilstm(100); `segue fit SOURCE` takes auto, or the best of some" in text
    assert "time_limit_seconds none; of the network auto 120 " in text
    facts = json.loads(run("info", "--json"))
    assert facts["segue"]
    assert facts["kernels"] == ": ".join(forward.path())
    assert "audio" in facts["extras"]


def test_info_of_a_model_says_what_it_holds(
    model: Path, waves: Path, run: Run, tmp_path: Path
) -> None:
    """Of a run, its file, a file that lies alone, an ensemble; for programs too."""
    text = run("info", model)
    assert re.search(r"classes +0 \d+, 1 \d+\n", text)
    assert re.search(r"network +gru\(4\)", text)
    assert re.search(r"scores kept +loss \d", text)
    assert re.search(r"test accuracy +\d\.\d{4}", text)
    assert re.search(rf"written by +segue {segue.__version__}, format \d", text)
    facts = json.loads(run("info", model, "--json"))
    assert sum(facts["classes"].values()) == 40
    assert facts["metrics"]["accuracy"] >= 0
    alone = tmp_path / "alone.safetensors"
    loaded = segue.load(model)
    segue.SequenceEnsemble([loaded, loaded]).save(alone)
    facts = json.loads(run("info", alone, "--json"))
    assert (facts["run"], facts["metrics"]) == (None, None)
    assert "mean of 2 members" in run("info", alone)
    run("info", tmp_path / "none", code=1)


def test_the_help_of_fit_names_the_defaults_of_the_estimator(run: Run) -> None:
    defaults = json.loads(run("info", "--defaults", "--json"))
    text = " ".join(run("fit", "--help").split())
    for option in ("network", "prepare", "validation", "seed", "device"):
        assert f"default: {defaults[option]}" in text
    for said in (
        "with --seeds each seed has this time",
        "with --seeds it counts for each seed's model, and all of them answer",
        "likewise, with --seeds for each seed's model",
    ):
        assert said in text


@pytest.mark.parametrize("words", [(), ("study",), ("data",)])
def test_a_list_of_commands_cuts_no_description(run: Run, words: tuple[str, ...]) -> None:
    """At 80 columns."""
    assert "..." not in run(*words, "--help").partition("Commands:")[2]


def test_the_help_of_fit_has_headings(run: Run) -> None:
    text = run("fit", "--help")
    headings = [line for line in text.splitlines() if line.endswith(":") and line[:1].isupper()]
    assert headings[:3] == ["Arguments:", "Task and network:", "Training:"]
    training = text.partition("\nTraining:\n")[2].partition("\n\n")[0]
    assert "--epochs" in training
    assert "--column-label" not in training


def test_network_prints_layers_and_writes_pictures_and_source(
    waves: Path, tmp_path: Path, run: Run
) -> None:
    source, picture = tmp_path / "network.py", tmp_path / "network.png"
    text = run("network", "gru(3) dense(4, relu)", "--on", waves, "--out", source)
    assert "gru_1" in text
    names: dict[str, object] = {}
    exec(source.read_text(encoding="utf-8"), names)
    network: Any = names["network"]
    assert sum(w.size for w in network.get_weights().values()) == int(
        text.partition("total")[2].split()[0]
    )
    found = json.loads(run("network", "gru(3)", "--on", waves, "--out", picture, "--json"))
    assert [layer["name"] for layer in found["layers"]] == ["gru_1", "head"]
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.usefixtures("whole_reports")
def test_terminal_page_and_files_agree(waves: Path, tmp_path: Path, run: Run) -> None:
    """Scores, time, date, hash of the data and model id stand in the same digits everywhere."""
    out = tmp_path / "run"
    printed = run("fit", waves, "--network", "gru(4)", "--epochs", 2, "--out", out)
    page = html.unescape((out / "report.html").read_text("utf-8"))
    metrics = json.loads((out / "metrics.json").read_text())
    record = json.loads((out / "run.json").read_text())
    day, clock = record["date"].removesuffix("Z").split("T")
    shown = (
        f"{metrics['accuracy']:.4f}",
        "95 % interval {:.4f} to {:.4f}".format(*metrics["accuracy_interval"]),
        metrics["baselines"]["majority baseline"]["meaning"],
        duration(metrics["seconds"]),
        f"{day} {clock} UTC",
        record["data"]["hash"],
        metrics["model_id"],
    )
    for text in shown:
        assert text in printed
        assert text in page
    again = run("evaluate", out, "--report", tmp_path / "again.html")
    row = re.compile(r'<th scope="row">(\w[\w ]*)</th><td[^>]*>([^<]*)</td>')
    told = dict(row.findall(page))
    drawn = html.unescape((tmp_path / "again.html").read_text("utf-8"))
    assert dict(row.findall(drawn)) == told
    for name in ("time", "date", "data hash", "model id"):
        assert re.search(rf"^{name} +{re.escape(told[name])}$", again, re.MULTILINE)
