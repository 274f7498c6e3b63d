"""Experiments: runs and studies in one table, and studies that are started, stopped, continued."""

from __future__ import annotations

import inspect
import json
import shlex
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue
from segue import TrainingOptions
from segue.cli import main
from segue.errors import DataNotFoundError, FileError, OptionError
from segue.readers import write
from segue.runs import fit_run
from segue.studio import Project
from segue.studio.experiments import WatchedStudy
from segue.studio.study_plan import values_of

LIMIT = 120
QUIET: dict[str, Any] = {"options": TrainingOptions(progress="none"), "validation": None}


@pytest.fixture(autouse=True)
def ended(project: Project) -> Iterator[None]:
    """End what a test has left."""
    yield
    for each in (project.trainings.processes, project.experiments.processes):
        for process in each.started.values():
            process.kill()
            process.wait()


@pytest.fixture
def two(project: Project, waves: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Two runs of a source, quickly trained."""
    monkeypatch.chdir(project.folder)
    for units in (1, 6):
        out = project.folder / "runs" / f"gru-{units}"
        fit_run(waves, network=f"gru({units})", epochs=3, out=out, **QUIET)
    return "gru-1", "gru-6"


def until(project: Project, name: str, holds: Callable[[WatchedStudy], bool]) -> WatchedStudy:
    end = time.monotonic() + LIMIT
    while not holds(watched := project.experiments.watch(name)):
        assert time.monotonic() < end, watched
        time.sleep(0.05)
    return watched


def fake_run(folder: Path, number: int) -> None:
    folder.mkdir(parents=True)
    record = {"format": 1, "source": "x", "date": f"2026-01-01T00:00:{number % 60:02}Z"}
    (folder / "run.json").write_text(json.dumps(record))


def test_runs_are_sorted_found_noted_and_starred(project: Project, two: tuple[str, str]) -> None:
    all_ = project.experiments
    names = [all_.name_of(row) for row in all_.rows(sort="name")]
    assert names == ["gru-1", "gru-6"]
    best = all_.rows(sort="score")
    assert [row.score for row in best] == sorted((row.score for row in best), reverse=True)  # type: ignore[type-var]
    path = all_.path_of(all_.rows(sort="name")[1])
    assert path == "runs/gru-6"
    before = project.revision
    all_.note(path, "the <b>better</b> one")
    all_.star(path, on=True)
    assert project.revision == before + 2
    assert [row.note for row in all_.rows(words="STARRED better")] == ["the <b>better</b> one"]
    assert all_.rows(words="lstm") == []
    with pytest.raises(OptionError, match="`sort` is 'nmae'.*name"):
        all_.rows(sort="nmae")


def test_what_is_deleted_comes_back_the_last_first(project: Project, two: tuple[str, str]) -> None:
    all_ = project.experiments
    for name in two:
        all_.delete(f"runs/{name}")
    assert all_.rows() == []
    assert [all_.undo(), all_.undo()] == ["runs/gru-6", "runs/gru-1"]
    assert len(all_.rows()) == 2
    with pytest.raises(FileError, match="nothing was deleted"):
        all_.undo()


@pytest.mark.parametrize(
    "path", ["", ".", "..", "runs/../..", "../mine", "waves", "/etc", "runs/\0", "secret.csv"]
)
def test_nothing_but_runs_is_touched(project: Project, waves: str, path: str) -> None:
    all_ = project.experiments
    for act in (all_.delete, lambda p: all_.note(p, "x"), lambda p: all_.star(p, on=True)):
        with pytest.raises(FileError):
            act(path)
    assert (project.folder / waves).is_dir()


def test_two_runs_are_compared_as_the_command_line_does(
    project: Project, two: tuple[str, str], capsys: Any
) -> None:
    found = project.compare(*two)
    assert main(["runs", "compare", *(f"runs/{name}" for name in two), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (found.test.p_value, found.sequences) == (shown["p_value"], shown["sequences"])
    assert found.settings["network"] == ("gru(1)", "gru(6)")
    for name in ("nothing", "../runs/gru-1", ""):
        with pytest.raises(DataNotFoundError):
            project.compare("gru-1", name)


@pytest.mark.slow
def test_a_thousand_runs_are_listed_at_once(project: Project) -> None:
    for number in range(1000):
        fake_run(project.folder / "runs" / f"r-{number}", number)
    best = min(_seconds(Project(project.folder).experiments.rows) for _ in range(5))
    project.experiments.rows()
    again = _seconds(project.experiments.rows)
    assert again < 0.1 * best  # pages look at them twice a second
    print(f"{1000 * best:.0f} ms")
    assert best < 0.3
    assert len(project.experiments.rows(words="r-99")) == 11


def _seconds(act: Callable[[], Any]) -> float:
    """Of the processor: others may be at work on the machine."""
    began = time.process_time()
    act()
    return time.process_time() - began


# -- plans ----------------------------------------------------------------------------------------


def test_values_are_read_a_line_each() -> None:
    assert values_of("units=8, 16\n\nprepare=none,frame(8, hop=4)\nclass_weight=balanced") == {
        "units": (8, 16), "prepare": (None, "frame(8, hop=4)"), "class_weight": ("balanced",),
    }  # fmt: skip
    for text, message in (
        ("units", "expected name=a,b"),
        ("units=", "expected name=a,b"),
        ("a b=1", "expected name=a,b"),
        ("a=1\na=2", "a is given twice"),
    ):
        with pytest.raises(OptionError, match=message):
            values_of(text)


def test_a_plan_is_a_command_and_a_script(project: Project, waves: str) -> None:
    project.open(waves)
    project.set_network("gru(2)")
    for name, value in (("epochs", 2), ("patience", 5), ("seed", 7), ("class_weight", "balanced")):
        project.set_option(name, value)
    grid = project.study("grid", seeds=2, networks=("gru(2)", "lstm({units})"),
                         vary={"units": (2, 3), "patience": (4, None)})  # fmt: skip
    assert grid.command() == (
        "segue study grid waves --network 'gru(2)' --network 'lstm({units})' "
        "--set class_weight=balanced --set units=2,3 --set patience=4,none --seeds 2 --epochs 2"
    )
    assert grid.trials == 16
    assert "'options__patience': [4, None]" in grid.script()
    with pytest.raises(OptionError, match="A learning curve cannot set class_weight"):
        project.study("learning-curve")
    project.set_option("class_weight", None)
    curve = project.study("learning-curve", sizes=(10, 20), seeds=1)
    assert curve.command() == (
        "segue study learning-curve waves --network 'gru(2)' --sizes 10,20 --seeds 1 --epochs 2 "
        "--option patience=5"
    )
    seeds = project.study("seeds", seeds=4)
    assert seeds.command() == f"{project.training().command()} --seeds 4"
    assert "seeds=4" in seeds.script()
    for kind, more, message in (
        ("grid", {}, "A grid needs networks"),
        ("seeds", {"seeds": 0}, "`seeds` is 0"),
        ("gird", {}, "`kind` is 'gird'"),
    ):
        with pytest.raises(OptionError, match=message):
            project.study(kind, **more)  # type: ignore[arg-type]


class Recorder:
    """Stands for a study: it notes what it was called with."""

    folder = Path("study")

    __signature__: inspect.Signature

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def __call__(self, estimator: Any, data: Any, *given: Any, **named: Any) -> Recorder:
        kept = {name: named.get(name) for name in ("sizes", "seeds", "space") if name in named}
        kept |= {"space": given[0]} if given else {}
        settings = estimator.get_params(deep=False)
        settings["options"] = settings["options"] or TrainingOptions()
        self.calls.append((type(estimator), settings, len(data), kept))
        return self

    def report(self) -> str:
        return ""

    def as_json(self) -> dict[str, Any]:
        return {}


@pytest.mark.parametrize("kind", ["grid", "learning-curve"])
def test_script_and_command_of_a_study_are_the_same_call(
    project: Project, waves: str, kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.folder)
    project.open(waves)
    project.set_network("gru(2)")
    for name, value in (("epochs", 4), ("patience", 5), ("learning_rate", 0.01)):
        project.set_option(name, value)
    project.set_prepare("standardize")
    more: dict[str, Any] = {"sizes": (10, 20)}
    if kind == "grid":
        more = {"networks": ("gru(1)", "gru(2)"), "vary": values_of("batch_size=8,16")}
    plan, seen = project.study(kind, seeds=2, **more), Recorder()
    study = kind.replace("-", "_")
    seen.__signature__ = inspect.signature(getattr(segue.studies, study))
    monkeypatch.setattr(segue.studies, study, seen)
    exec(plan.script(), {})
    assert main(shlex.split(plan.command())[1:]) == 0
    script, command = seen.calls
    if kind == "grid":  # the space has the networks, and the estimator's own is not used
        for call in seen.calls:
            call[1].pop("network")
    assert script == command


@pytest.mark.slow
def test_a_grid_is_started_watched_stopped_and_goes_on(project: Project, waves: str) -> None:
    """Another studio sees and stops it; the trials that have ended are kept."""
    project.open(waves)
    project.set_option("epochs", 100)
    plan = project.study("grid", seeds=30, networks=("gru(2)", "gru(3)"))
    place = project.start_study(plan)
    assert place == "studies/waves-grid-1"
    name = place.partition("/")[2]
    assert project.experiments.studies() == [name]
    until(project, name, lambda w: len(w.trials) >= 1)
    other = Project(project.folder)
    assert other.experiments.watch(name).is_active
    with pytest.raises(FileError, match="cannot go on: it is running"):
        other.experiments.resume(name)
    other.experiments.stop(name)
    stopped = until(project, name, lambda w: not w.is_active)
    assert stopped.state == "stopped", stopped
    done = len(stopped.trials)
    assert 1 <= done < 60
    again = Project(project.folder)
    again.experiments.resume(name)
    assert again.experiments.watch(name).is_active
    again.experiments.stop(name)
    again.experiments.processes.wait(name, LIMIT)
    rows = [row for row in again.experiments.rows() if row.kind == "study"]
    assert (rows[0].state, rows[0].trials) == ("stopped", (done, 60))


class Ended:
    """A process that has ended in some way."""

    def __init__(self, code: int) -> None:
        self.code = code

    def poll(self) -> int:
        return self.code

    def kill(self) -> None:
        """It has ended."""

    wait = kill


def test_what_is_stopped_at_once_says_why(project: Project) -> None:
    """Before its process could do anything about Ctrl-C; and one that is killed is another."""
    for each in (project.experiments.processes, project.trainings.processes):
        each.started |= {"stopped": Ended(-2), "killed": Ended(-9)}  # type: ignore[dict-item]
        assert [each.ended_well(name) for name in ("stopped", "killed")] == [True, False]
    for watch in (project.experiments.watch, project.watch):
        assert (watch("stopped").state, watch("killed").state) == ("stopped", "failed")
        assert not watch("stopped").can_resume
        assert watch("stopped").error == "It was stopped before anything was learnt."
        assert "was it killed?" in watch("killed").error


@pytest.mark.slow
def test_a_study_that_cannot_be_says_why(project: Project, waves: str) -> None:
    project.open(waves)
    name = project.start_study(project.study("grid", seeds=1, networks=("conv(4, 3)",)))[8:]
    assert project.experiments.processes.wait(name, LIMIT) != 0
    watched = project.experiments.watch(name)
    assert watched.state == "failed"
    assert "still holds a sequence before its head" in watched.error
    for wrong in ("", "..", "nothing"):
        with pytest.raises((DataNotFoundError, FileError)):
            project.experiments.watch(wrong)


def test_what_a_training_takes_is_known_before(project: Project, waves: str) -> None:
    project.open(waves)
    project.set_network("gru(4)")
    facts = dict(project.outlook().facts)
    assert facts["trained on"] == "40 sequences, none to validate"
    assert "memory" in facts
    project.set_network("conv(4, 3)")
    assert "still holds a sequence" in project.outlook().problem


@pytest.mark.slow
def test_scarce_memory_is_said_before(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    data = segue.Dataset(rng.normal(size=(64, 3000, 4)).astype(np.float32), ["a", "b"] * 32)
    write(data, project.folder / "large", format="arrow")
    project.open("large")
    project.set_network("bilstm(256)")
    monkeypatch.setenv("SEGUE_MEMORY_GB", "0.05")
    found = project.outlook()
    assert "Training needs about" in found.problem
    assert "batch_size" in found.problem or "Not even one" in found.problem
