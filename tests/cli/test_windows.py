"""A long labelled recording on the command line: the way is shown, and works when pasted."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from segue.cli import main


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a telephone wrote: an hour, where walking looks different from sitting."""
    monkeypatch.chdir(tmp_path)
    draws = np.random.default_rng(3)
    lines = ["time,acc_x,acc_y,activity"]
    for step in range(2000):
        label = ("walk", "sit")[step // 100 % 2]
        x, y = draws.standard_normal(2) + (3 if label == "walk" else 0)
        lines.append(f"{step / 50:.2f},{x:.3f},{y:.3f},{label}")
    path = tmp_path / "log.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_options_in_the_message_work(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fit says how; then predict and evaluate cut another recording in the same way."""
    small = ["--network", "gru(4)", "--epochs", "3", "--out", "run"]
    assert main(["fit", str(log), *small]) == 1
    said = capsys.readouterr().err
    pasted = re.search(r"--window \d+ --stride \d+ --window-label \w+", said)
    assert pasted is not None
    assert "--task label" in said
    assert main(["fit", str(log), *small, *shlex.split(pasted[0])]) == 0
    said = capsys.readouterr().err
    assert "cut into 30 windows of 128 steps, one every 64" in said
    assert "1 window across the cut in time left out" in said
    other = tmp_path / "other.csv"
    rows = [line.rsplit(",", 1) for line in log.read_text().splitlines()[:501]]
    other.write_text("\n".join(row[0] for row in rows) + "\n")  # without the labels
    assert main(["predict", "run", str(other)]) == 0
    out, said = capsys.readouterr()
    assert "cut into 6 windows of 128 steps, one every 64" in said
    ids = [row["id"] for row in csv.DictReader(out.splitlines())]
    assert ids[:2] == ["0-128", "64-192"]
    assert main(["evaluate", "run", str(log), "--all", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sequences"] == 30


def test_predictions_do_not_depend_on_labels(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Windows with several labels are not learnt, and predicted all the same."""
    words = ["--window", "40", "--window-label", "all", "--network", "gru(4)", "--epochs", "1"]
    assert main(["fit", str(log), *words, "--out", "run"]) == 0
    assert "10 left out: 10 with several labels" in capsys.readouterr().err
    assert main(["predict", "run", str(log)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 2000 // 40


def test_the_steps_of_one_recording_are_labelled_where_that_is_said(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The end of the recording is the test then, as for a forecast."""
    words = ["--task", "label", "--network", "gru(4)", "--epochs", "1", "--out", "run", "--json"]
    assert main(["fit", str(log), *words]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"]["steps"] == 400


def test_a_stopped_run_is_cut_in_the_same_way(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The options are in run.json."""
    words = ["--window", "50", "--window-label", "last", "--network", "gru(4)", "--epochs", "1"]
    assert main(["fit", str(log), *words, "--out", "run"]) == 0
    record = json.loads(Path("run/run.json").read_text())
    assert record["reading"]["columns"] == {"window": 50, "window_label": "last"}
    assert record["data"]["sequences"] == 40
