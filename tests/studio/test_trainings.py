"""Trainings: processes of their own, whose runs are those of the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from segue.cli import main
from segue.errors import DataNotFoundError, FileError
from segue.studio import Project
from segue.studio.trainings import Watched

pytestmark = pytest.mark.slow

LIMIT = 120  # seconds that a process may take on a busy machine


@pytest.fixture(autouse=True)
def ended(project: Project) -> Iterator[None]:
    """End what a test has left."""
    yield
    for process in project.trainings.processes.started.values():
        process.kill()
        process.wait()


def until(project: Project, name: str, holds: Callable[[Watched], bool]) -> Watched:
    """Wait for a run to be in some state."""
    end = time.monotonic() + LIMIT
    while not holds(watched := project.watch(name)):
        assert time.monotonic() < end, watched
        time.sleep(0.02)
    return watched


def weights(path: Path) -> dict[str, Any]:
    return safetensors.numpy.load_file(path)


def assert_same(one: Path, other: Path) -> None:
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name])


def quick(project: Project, source: str, epochs: int = 3) -> None:
    project.open(source)
    project.set_network("gru(4)")
    project.set_option("epochs", epochs)


@pytest.mark.parametrize("source", ["waves", "whole"])
def test_run_command_and_script_give_the_same_bits(
    project: Project, waves: str, whole: str, source: str
) -> None:
    quick(project, source)
    name = project.start()
    assert name == f"{source}-gru-4-1"
    assert project.watch(name).is_active
    training = project.training()
    assert project.trainings.wait(name, LIMIT) == 0
    run = project.folder / "runs" / name
    files = {path.name for path in run.iterdir()}
    there = project.folder / "there"
    words = [sys.executable, "-m", *_split(training.command(str(there)))]
    done = subprocess.run(words, cwd=project.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in there.iterdir()} == files
    assert_same(run / "model.safetensors", there / "model.safetensors")
    records = [json.loads((folder / "run.json").read_text()) for folder in (run, there)]
    first, second = ({**record, "date": ""} for record in records)
    assert first == second

    script = project.folder / "script.py"
    script.write_text(training.script())
    done = subprocess.run(
        [sys.executable, script], cwd=project.folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert_same(run / "model.safetensors", project.folder / "model.safetensors")


def _split(command: str) -> list[str]:
    import shlex

    return shlex.split(command)


def test_a_training_is_watched_stopped_and_goes_on_to_the_same_end(
    project: Project, waves: str
) -> None:
    """Stopped as by Ctrl-C: the best is kept and scored. What follows is as if nothing had been."""
    quick(project, waves, epochs=120)
    project.set_option("checkpoint_every", 0)
    name = project.start()
    watched = until(project, name, lambda w: len(w.rows) >= 3)
    assert (watched.state, watched.epochs) == ("training", 120)
    assert [row["epoch"] for row in watched.rows[:3]] == [1, 2, 3]
    with pytest.raises(FileError, match="cannot go on: its training is going on"):
        project.resume(name)
    project.stop(name)
    watched = until(project, name, lambda w: not w.is_active)
    assert project.trainings.wait(name) == 130
    assert watched.state == "stopped"
    assert watched.metrics is not None
    assert watched.metrics["stopped"] == "interrupted"
    with pytest.raises(FileError, match="no training is going on"):
        project.stop(name)

    again = Project(project.folder)  # the studio was ended meanwhile
    again.resume(name)
    assert again.trainings.wait(name, LIMIT) == 0
    assert again.watch(name).state == "done"
    assert len(again.watch(name).rows) == 120
    whole = project.start()
    assert project.trainings.wait(whole, LIMIT) == 0
    runs = project.folder / "runs"
    assert_same(runs / name / "model.safetensors", runs / whole / "model.safetensors")
    assert set(again.runs()) == {name, whole}


def test_a_stop_in_the_first_moments_is_not_lost(project: Project, waves: str) -> None:
    """Before Python runs, where the studio itself hears none; and about the first epoch."""
    quick(project, waves, epochs=100_000)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        first, second = project.start(), project.start()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    project.stop(first)
    ends = (130, -signal.SIGINT)  # the second where Python itself ends by it
    assert project.trainings.wait(first, LIMIT) in (*ends, 1)  # 1: while it starts
    stopped = project.watch(first)
    assert (stopped.state, stopped.can_resume) == ("stopped", False)
    assert stopped.error == "It was stopped before anything was learnt."
    until(project, second, lambda w: w.record is not None)
    project.stop(second)
    assert project.trainings.wait(second, LIMIT) in ends
    stopped = project.watch(second)
    assert stopped.state == "stopped"
    assert stopped.can_resume == (project.folder / "runs" / second / "run.json").exists()


def test_what_goes_on_is_watched_and_stopped_by_another_studio(
    project: Project, waves: str
) -> None:
    """Also what a terminal has started."""
    quick(project, waves, epochs=100_000)
    name = project.start()
    until(project, name, lambda w: bool(w.rows))
    other = Project(project.folder)
    assert other.watch(name).state == "training"
    assert other.runs() == [name]
    other.stop(name)
    assert until(other, name, lambda w: not w.is_active).state == "stopped"
    assert project.trainings.wait(name, LIMIT) == 130


def test_a_process_that_is_killed_leaves_a_run_that_goes_on(project: Project, waves: str) -> None:
    quick(project, waves, epochs=100)
    project.set_option("checkpoint_every", 0)
    name = project.start()
    until(project, name, lambda w: len(w.rows) >= 2)
    os.kill(project.trainings.processes.started[name].pid, signal.SIGKILL)
    watched = until(project, name, lambda w: not w.is_active)
    assert watched.state == "stopped"
    assert "was it killed?" in watched.error
    project.resume(name)
    assert project.trainings.wait(name, LIMIT) == 0
    assert project.watch(name).state == "done"


def test_a_training_that_cannot_be_says_why_and_leaves_nothing(
    project: Project, waves: str
) -> None:
    quick(project, waves)
    project.set_network("conv(4, 3)")
    name = project.start()
    assert project.trainings.wait(name, LIMIT) == 2
    watched = project.watch(name)
    assert watched.state == "failed"
    assert watched.error.startswith("the network still holds a sequence before its head")
    assert not (project.folder / "runs" / name).exists()
    assert project.start() != name


@pytest.mark.parametrize("name", ["", ".", "..", "../mine", "/etc", "a/b", ".x", "nothing", "a\0"])
def test_runs_that_there_are_not(project: Project, name: str) -> None:
    for act in (project.watch, project.stop, project.resume, project.results):
        with pytest.raises((DataNotFoundError, FileError)):
            act(name)


def test_results_are_those_of_the_run(project: Project, waves: str) -> None:
    quick(project, waves, epochs=30)
    name = project.start()
    assert project.trainings.wait(name, LIMIT) == 0
    found, metrics = project.results(name), project.watch(name).metrics
    assert metrics is not None
    assert found.evaluation.accuracy == metrics["accuracy"]
    assert found.evaluation.confusion.sum() == 20
    for mistake in found.evaluation.mistakes():
        assert found.data.row(mistake.index).label == str(mistake.target)
    assert project.results(name) is found


def test_the_lines_of_the_results_say_what_the_page_does(
    project: Project, whole: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Also where the run has drawn the test part itself."""
    quick(project, whole, epochs=10)
    name = project.start()
    assert project.trainings.wait(name, LIMIT) == 0
    text, (python, command) = project.results(name).text, project.results_lines(name)
    monkeypatch.chdir(project.folder)
    exec(python, {})
    assert capsys.readouterr().out.strip() == text.strip()
    assert main(_split(command)[1:]) == 0
    assert capsys.readouterr().out.strip() == text.strip()
