"""Trials that an engine runs, with the study's folder between them; and how far a study is."""

from __future__ import annotations

import json
import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import segue
from segue import studies
from segue.atomic import locked
from segue.cli import main
from segue.errors import FileError, OptionError, WriteError
from segue.executors import LostCallError, ThisProcess, completed
from segue.studies.elsewhere import StoredSetup, TrialFiles, run_stored_trial
from segue.studies.trials import Trial, TrialSetup, run_trial

QUICK: dict[str, Any] = {"seeds": 2, "progress": "none"}


@pytest.fixture(scope="module")
def waves() -> segue.Dataset:
    return segue.synth.waves(20, test=10, length=6, phase="random")


def _grid(waves: segue.Dataset, **more: Any) -> studies.Grid:
    classifier = segue.SequenceClassifier("rnn(2)", epochs=2)
    return studies.grid(classifier, waves, {"network": ["rnn(2)", "rnn(3)"]}, **{**QUICK, **more})


def _table(folder: Path) -> str:
    return (folder / "trials.csv").read_text() + (folder / "summary.csv").read_text()


class _Forgetful(ThisProcess):
    """Loses some calls before they run, and the values of others; runs some twice."""

    def __init__(self) -> None:
        self.calls = 0

    def submit(self, function: Any, /, *arguments: Any, **keywords: Any) -> Future[Any]:
        self.calls += 1
        if self.calls % 3 == 1:
            lost: Future[Any] = Future()
            lost.set_exception(LostCallError("cancelled"))
            return lost
        future = super().submit(function, *arguments, **keywords)
        if self.calls % 3 == 2:
            super().submit(function, *arguments, **keywords)
        return future


@pytest.mark.slow
def test_an_engine_may_lose_and_repeat_work(waves: segue.Dataset, tmp_path: Path) -> None:
    _grid(waves, workers=1, folder=tmp_path / "here")
    engine = _Forgetful()
    _grid(waves, executor=engine, folder=tmp_path / "there")
    assert engine.calls > 4
    assert _table(tmp_path / "there") == _table(tmp_path / "here")
    left = {path.name for path in (tmp_path / "there").iterdir()}
    assert left.isdisjoint({"trials", "data"})
    alone = _grid(waves, executor=_Forgetful())  # no folder: rows come back as values
    assert [row["accuracy"] for row in alone.rows] == [
        row["accuracy"] for row in _grid(waves, workers=1).rows
    ]


def test_a_call_that_is_always_lost_ends_the_study(waves: segue.Dataset, tmp_path: Path) -> None:
    class Broken(ThisProcess):
        def submit(self, *_: Any, **__: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.set_exception(LostCallError("Job 7 ended without a result"))
            return future

    with pytest.raises(LostCallError, match="Job 7"):
        _grid(waves, executor=Broken(), folder=tmp_path)
    with pytest.raises(LostCallError):
        list(completed(Broken(), max, [(1, 2)], at_once=1))


@pytest.mark.slow
def test_rows_that_were_left_behind_are_taken_over(waves: segue.Dataset, tmp_path: Path) -> None:
    class Stops(ThisProcess):
        """The submitter ends; what it has submitted goes on."""

        def submit(self, function: Any, /, *arguments: Any, **keywords: Any) -> Future[Any]:
            function(*arguments)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _grid(waves, executor=Stops(), folder=tmp_path / "there")
    found = studies.status(tmp_path / "there")
    assert (found.trials, found.done, found.waiting, found.is_attended) == (4, 1, 3, False)
    engine = ThreadPoolExecutor(2)
    with engine:
        _grid(waves, executor=engine, folder=tmp_path / "there")
    _grid(waves, workers=1, folder=tmp_path / "here")
    assert _table(tmp_path / "there") == _table(tmp_path / "here")


def _setup(waves: segue.Dataset) -> tuple[TrialSetup, Trial]:
    train, held_out = waves.part("train"), waves.part("test")
    classifier = segue.SequenceClassifier("rnn(2)", epochs=3)
    return TrialSetup(classifier, train, held_out), Trial({"seed": 0}, {"seed": 0})


def test_a_stored_setup_gives_the_same_bits(tmp_path: Path) -> None:
    draws = segue.synth.waves(12, test=6, length=5, phase="random")
    data = segue.Dataset(
        draws.x, draws.y, groups=[f"g{n % 5}" for n in range(len(draws))], parts=draws.parts,
        static=[[float(n), -1.0] for n in range(len(draws))], classes=draws.classes,
    )  # fmt: skip
    setup, trial = _setup(data)
    stored = StoredSetup.write(setup, tmp_path)
    here, there = (run_trial(one, trial) for one in (setup, stored.read()))
    for row in (here, there):
        assert "error" not in row
        row.pop("seconds")
        for epoch in row["history"]:
            epoch.pop("seconds", None)
    assert here == there


def test_a_trial_is_marked_and_checked_before_it_begins(
    waves: segue.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup, trial = _setup(waves)
    stored = StoredSetup.write(setup, tmp_path)
    files = TrialFiles.of(tmp_path, trial.key)
    files.row.parent.mkdir()
    files.row.write_text("{}")
    run_stored_trial(stored, trial)
    assert files.row.read_text() == "{}", "what is there is not computed again"
    files.row.write_text("{")
    with pytest.raises(FileError, match="is run again"):
        files.read()
    files.row.unlink()
    run_stored_trial(stored, trial)
    started = json.loads(files.started.read_text())
    assert started["trial"] == {"seed": 0}
    assert started["process"] == os.getpid()
    assert json.loads(files.row.read_text())["trial"] == {"seed": 0}
    files.row.unlink()
    monkeypatch.setattr("segue.studies.elsewhere.versions", lambda: {"segue": "0.0"})
    with pytest.raises(OptionError, match="cannot be mixed"):
        run_stored_trial(stored, trial)


def test_a_full_disk_is_no_result_of_a_trial(
    waves: segue.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup, trial = _setup(waves)

    def full(*_: Any, **__: Any) -> None:
        raise WriteError("No space left on device")

    monkeypatch.setattr("segue.training.checkpoint.make_folder", full)
    with pytest.raises(WriteError):
        run_trial(setup, trial, folder=tmp_path / "work")
    assert "error" not in run_trial(setup, trial)


@pytest.mark.slow
def test_the_status_says_what_failed_runs_and_waits(
    waves: segue.Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "study"

    class Looks(ThisProcess):
        def submit(self, *words: Any, **more: Any) -> Future[Any]:
            TrialFiles.of(folder, {"network": "rnn(2)", "seed": 1}).start(
                {"network": "rnn(2)", "seed": 1}
            )
            seen.append(studies.status(folder))
            return super().submit(*words, **more)

    seen: list[studies.StudyStatus] = []
    classifier = segue.SequenceClassifier("rnn(2)", epochs=1)
    space = {"network": ["rnn(2)", "rnn(3)"], "learning_rate": [0.01, 1e30]}
    studies.grid(classifier, waves, space, executor=Looks(), folder=folder, progress="none")
    first, last = seen[0], studies.status(folder)
    assert (first.trials, first.done, first.waiting, len(first.running)) == (12, 0, 11, 1)
    assert first.is_attended
    assert first.seconds_left is None
    assert last.waiting == 0
    assert last.done + len(last.failed) == 12
    assert main(["study", "status", str(folder)]) == 0
    text = capsys.readouterr().out
    assert f"{folder} (grid)" in text
    assert "12:" in text
    assert main(["study", "status", str(tmp_path)]) == 1
    assert "no study.jsonl" in capsys.readouterr().err


def test_a_process_that_is_gone_runs_nothing(waves: segue.Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    with pytest.raises(KeyboardInterrupt):
        _grid(waves, executor=_Interrupts(), folder=folder)
    files = TrialFiles.of(folder, {"network": "rnn(3)", "seed": 0})
    files.start({"network": "rnn(3)", "seed": 0})
    assert len(studies.status(folder).running) == 1
    mark = json.loads(files.started.read_text())
    files.started.write_text(json.dumps({**mark, "process": 2**22 + 1}))
    assert studies.status(folder).running == []
    files.started.write_text(json.dumps({**mark, "process": 2**22 + 1, "host": "elsewhere"}))
    assert len(studies.status(folder).running) == 1, "nobody here can know"
    files.started.write_text("{half")
    assert studies.status(folder).running == []
    assert not studies.status(folder).is_attended
    with locked(folder, "study"):
        assert studies.status(folder).is_attended


class _Interrupts(ThisProcess):
    def submit(self, *_: Any, **__: Any) -> Future[Any]:
        raise KeyboardInterrupt


def _untimed(results: segue.SeedResults) -> list[dict[str, float]]:
    return [{n: value for n, value in row.items() if n != "seconds"} for row in results.rows]


@pytest.mark.slow
def test_seeds_beside_one_another_are_the_same_files(waves: segue.Dataset, tmp_path: Path) -> None:
    options = segue.TrainingOptions(progress="none", threads=1)
    classifier = segue.SequenceClassifier("rnn(2)", epochs=3, validation=0.25, options=options)
    here = segue.fit_seeds(classifier, waves, seeds=3, folder=tmp_path / "here")
    there = segue.fit_seeds(
        classifier, waves, seeds=3, folder=tmp_path / "there", executor=studies.LocalProcesses(2)
    )
    assert _untimed(here) == _untimed(there)
    for seed in range(3):
        name = f"seed-{seed}/model.safetensors"
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()
    again = segue.fit_seeds(
        classifier, waves, seeds=3, folder=tmp_path / "there", resume=True, executor=_Forgetful()
    )
    assert _untimed(again) == _untimed(here)
    with pytest.raises(OptionError, match="expected something with `submit"):
        segue.fit_seeds(classifier, waves, seeds=2, executor=3)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_dask_comes_to_the_same_table(waves: segue.Dataset, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    _grid(waves, workers=1, folder=tmp_path / "here")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        _grid(waves, executor=client.get_executor(), folder=tmp_path / "there")
    assert _table(tmp_path / "there") == _table(tmp_path / "here")
