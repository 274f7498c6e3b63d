"""A run that was stopped goes on to the same bits, from the same data only."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import segue
import segue.errors
import segue.tensorfile
from segue import runs, tensorfile
from segue.atomic import locked
from segue.errors import DataNotFoundError, FileError, WriteError
from segue.readers import write
from segue.training import TrainingOptions, checkpoint

QUICK: dict[str, Any] = {
    "network": "gru(4)",
    "epochs": 4,
    "options": TrainingOptions(progress="none"),
}


def tensors(run: runs.Run) -> dict[str, Any]:
    return safetensors.numpy.load_file(run.model)


@pytest.fixture
def stop_after(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make training write a checkpoint after each epoch, and stop with an error after some."""

    real = checkpoint.Checkpointer.on_epoch

    def arrange(epochs: int, error: type[BaseException] | None) -> None:
        def on_epoch(self: checkpoint.Checkpointer, row: Any, state: Any) -> None:
            self.every_seconds = 0
            real(self, row, state)
            if error is not None and row["epoch"] == epochs:
                raise error

        monkeypatch.setattr(checkpoint.Checkpointer, "on_epoch", on_epoch)

    return arrange


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.filterwarnings("ignore:Training was interrupted")
def test_a_stopped_run_resumes_to_the_same_bits(
    whole: Path, stop_after: Any, error: type[BaseException]
) -> None:
    straight = runs.fit_run(whole, **QUICK)
    stop_after(2, error)
    if error is KeyboardInterrupt:
        stopped = runs.fit_run(whole, out="stopped", **QUICK)
        assert stopped.metrics["stopped"] == "interrupted"
        assert stopped.report.is_file()
    else:
        with pytest.raises(error):
            runs.fit_run(whole, out="stopped", **QUICK)
    assert Path("stopped/checkpoint").is_dir()
    stop_after(0, None)
    resumed = runs.resume_run("stopped")
    assert resumed.metrics["stopped"] == "finished"
    assert not resumed.checkpoint.exists()
    for name, values in tensors(straight).items():
        np.testing.assert_array_equal(values, tensors(resumed)[name])
    for name in ("accuracy", "log_loss", "confusion"):
        assert resumed.metrics[name] == straight.metrics[name]


@pytest.mark.filterwarnings("ignore:Training was interrupted")
def test_a_run_that_was_stopped_before_its_first_checkpoint_begins_anew(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its model and its scores are there, and it is not done for that."""
    straight = runs.fit_run(whole, **QUICK)

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.Checkpointer, "on_epoch", interrupted)
        stopped = runs.fit_run(whole, **QUICK)
    assert (stopped.metrics["stopped"], stopped.is_complete) == ("interrupted", True)
    shutil.rmtree(stopped.checkpoint, ignore_errors=True)
    resumed = runs.resume_run(stopped.folder)
    assert resumed.metrics["stopped"] != "interrupted"
    first, second = tensors(straight), tensors(resumed)
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_finished_run_has_nothing_to_resume(parted: Path) -> None:
    run = runs.fit_run(parted, **QUICK)
    with pytest.raises(FileError, match="has no checkpoint: the run has finished"):
        runs.resume_run(run.folder)


def test_a_source_that_changed_is_refused(whole: Path, stop_after: Any) -> None:
    stop_after(1, SystemExit)
    with pytest.raises(SystemExit):
        runs.fit_run(whole, out="stopped", **QUICK)
    data = segue.read(whole)
    write(data[:40], whole, format="arrow", overwrite=True)
    with pytest.raises(FileError, match=r"cannot be resumed: .* Start a new run"):
        runs.resume_run("stopped")


@pytest.mark.parametrize("change", ["values", "labels", "static", "order"])
def test_a_source_with_other_values_is_refused(whole: Path, stop_after: Any, change: str) -> None:
    """The counts, lengths and classes are the same; how many sequences differ is said."""
    data = replace(segue.read(whole), static=np.arange(50.0), ids=[f"s{n}" for n in range(50)])
    write(data, whole, format="arrow", overwrite=True)
    stop_after(1, SystemExit)
    with pytest.raises(SystemExit):
        runs.fit_run(whole, out="stopped", **QUICK)
    kept = Path("stopped/run.json").read_text()
    if change == "values":
        values = data.x.values.copy()
        values[data.x.offsets[[7, 20, 33]]] += 1e-3
        data = replace(data, x=segue.Sequences(values, data.x.offsets))
    elif change == "labels":
        y = data.y.copy()
        y[[7, 20, 33]] = 1 - y[[7, 20, 33]]
        data = replace(data, y=y)
    elif change == "static":
        data = replace(
            data, static=np.where(np.isin(np.arange(50), [7, 20, 33]), -1.0, np.arange(50))
        )
    else:
        order = np.arange(50)
        order[[7, 20, 33]] = 20, 33, 7
        data = replace(data[order], groups=data.groups, ids=data.ids, y=data.y)
    write(data, whole, format="arrow", overwrite=True)
    with pytest.raises(FileError, match=r"differs in 3 sequences of 50 \(the first is 's7'\) from"):
        runs.resume_run("stopped")
    assert Path("stopped/run.json").read_text() == kept


def test_a_run_of_an_older_segue_is_resumed_by_its_counts(whole: Path, stop_after: Any) -> None:
    """It has no hashes that could be compared."""
    stop_after(1, SystemExit)
    with pytest.raises(SystemExit):
        runs.fit_run(whole, out="stopped", **QUICK)
    older = json.loads(Path("stopped/run.json").read_text())
    del older["data"]["hash"], older["date"], older["split"]
    Path("stopped/run.json").write_text(json.dumps(older))
    Path("stopped/split.json").unlink()
    stop_after(0, None)
    assert runs.resume_run("stopped").metrics["stopped"] == "finished"


def test_the_seconds_before_the_stop_count(whole: Path, stop_after: Any) -> None:
    stop_after(3, SystemExit)
    with pytest.raises(SystemExit):
        runs.fit_run(whole, out="stopped", **QUICK)
    path = Path("stopped/checkpoint/state.safetensors")
    text, arrays, _ = tensorfile.read(path)
    facts = json.loads(text)
    facts["state"]["seconds"] += 1000.0
    tensorfile.write(path, tensorfile.to_bytes(json.dumps(facts), arrays))
    stop_after(0, None)
    assert 1000 < runs.resume_run("stopped").metrics["seconds"] < 1100


# -- a run that was killed anywhere ---------------------------------------------------------------


@pytest.fixture
def finished(whole: Path) -> runs.Run:
    return runs.fit_run(whole, out="run", **QUICK)


@pytest.mark.parametrize("left", ["metrics.json", "report.html", "both", "checkpoint"])
def test_what_is_missing_is_completed_without_training(
    finished: runs.Run, left: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was killed behind its last epoch has lost nothing."""
    before, model = finished.metrics, finished.model.read_bytes()
    missing = {"both": ["metrics.json", "report.html"], "checkpoint": []}.get(left, [left])
    for name in missing:
        (finished.folder / name).unlink()
    if left == "checkpoint":
        finished.checkpoint.mkdir()
        (finished.checkpoint / "state.safetensors").write_bytes(b"of the last epoch")
    monkeypatch.setattr("segue.training.loop._train_epoch", lambda *_: pytest.fail("it trained"))
    run = runs.resume_run(finished.folder)
    assert run.is_complete
    assert not run.checkpoint.exists()
    assert {**run.metrics, "seconds": 0} == {**before, "seconds": 0}
    assert run.model.read_bytes() == model


def test_several_seeds_are_completed_without_training(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs.fit_run(whole, out="run", seeds=2, **QUICK)
    before = run.metrics
    run.scores.unlink()
    monkeypatch.setattr("segue.training.loop._train_epoch", lambda *_: pytest.fail("it trained"))
    assert runs.resume_run(run.folder).metrics == before


@pytest.mark.parametrize("left", [["run.json"], ["run.json", "split.json", "history.jsonl"]])
def test_a_run_that_had_just_begun_is_resumed_from_the_start(
    finished: runs.Run, left: list[str]
) -> None:
    """Before the first checkpoint: it has its record, and perhaps no split."""
    wanted, split = tensors(finished), finished.split
    for path in finished.folder.iterdir():
        if path.name not in left:
            path.unlink()
    (finished.folder / ".split.json.0123abcd.part.json").write_text("half")
    with pytest.raises(segue.errors.DataNotFoundError, match="go on with `segue fit --resume run"):
        runs.find_model(finished.folder)
    run = runs.resume_run(finished.folder)
    assert {name: one.tobytes() for name, one in tensors(run).items()} == {
        name: one.tobytes() for name, one in wanted.items()
    }
    assert run.split == split
    assert not list(run.folder.glob(".*"))


def test_a_full_disk_at_the_model_keeps_the_training(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = runs.fit_run(whole, out="straight", **QUICK)
    write, full = segue.tensorfile.write, [True]

    def failing(path: Path, content: bytes) -> None:
        if full and Path(path).name == "model.safetensors":
            raise WriteError(f"{path} could not be written (No space left on device).")
        write(path, content)

    monkeypatch.setattr(segue.tensorfile, "write", failing)
    with pytest.raises(
        WriteError, match="No space left.*is kept: go on with `segue fit --resume r"
    ):
        runs.fit_run(whole, out="run", **QUICK)
    full.clear()
    assert tensors(runs.resume_run("run")).keys() == tensors(straight).keys()
    for name, values in tensors(straight).items():
        np.testing.assert_array_equal(values, tensors(runs.Run(Path("run")))[name])


def test_a_checkpoint_that_cannot_be_written_stops_the_run(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loudly, with the last good one intact."""
    write, count = segue.tensorfile.write, [0]

    def failing(path: Path, content: bytes) -> None:
        count[0] += 1
        if count[0] > 2:
            raise WriteError(f"{path} could not be written (No space left on device).")
        write(path, content)

    monkeypatch.setattr(segue.tensorfile, "write", failing)
    options = TrainingOptions(progress="none", checkpoint_every=0)
    with pytest.raises(WriteError, match=r"checkpoint.*No space left.*go on with"):
        runs.fit_run(whole, out="run", **{**QUICK, "options": options})
    monkeypatch.setattr(segue.tensorfile, "write", write)
    assert runs.resume_run("run").metrics["stopped"] == "finished"


def test_ctrl_c_while_scores_are_computed_says_how_to_go_on(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("segue.Evaluation.to_html", interrupted)
        text = "go on with `segue fit --resume run`"
        with pytest.warns(UserWarning, match=text), pytest.raises(KeyboardInterrupt):
            runs.fit_run(whole, out="run", **QUICK)
    assert runs.resume_run("run").is_complete


def test_nothing_that_has_an_epoch_is_removed(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where no checkpoint could be written, and whatever the error is."""
    monkeypatch.setattr(checkpoint.Checkpointer, "on_epoch", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        runs.fit_run(whole, out="run", **QUICK)
    assert len(Path("run/history.jsonl").read_text().splitlines()) == 1


# -- one run, one writer ---------------------------------------------------------------------------


def test_a_run_that_is_going_on_is_not_resumed(finished: runs.Run) -> None:
    finished.scores.unlink()
    with (
        locked(finished.folder, "run"),
        pytest.raises(FileError, match=r"another process \(number \d+\) is working on this run"),
    ):
        runs.resume_run(finished.folder)
    assert runs.resume_run(finished.folder).is_complete


def test_the_model_that_is_not_there_yet(finished: runs.Run) -> None:
    """Its training goes on, or was stopped: what is said is true."""
    finished.model.unlink()
    going_on = "is not done yet: another process is working on it"
    with (
        locked(finished.folder, "run"),
        pytest.raises(DataNotFoundError, match=going_on),
    ):
        runs.find_model(finished.folder)
    with pytest.raises(DataNotFoundError, match="was stopped: go on with `segue fit --resume"):
        runs.find_model(finished.folder)


@pytest.mark.slow
def test_two_processes_that_resume_one_run(whole: Path) -> None:
    """One goes on, the other is refused by name; the run is whole."""
    code = (
        "import sys, segue\nfrom segue import runs\nfrom segue.errors import FileError\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "try:\n    runs.resume_run('run')\n"
        "except FileError as error:\n    print(error)\nelse:\n    print('done')\n"
    )
    run = runs.fit_run(whole, out="run", **QUICK)
    run.scores.unlink()
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    both = [subprocess.Popen([sys.executable, "-c", code], **pipes) for _ in range(2)]
    for one in both:
        assert one.stdout.readline() == "ready\n"
    for one in both:
        one.stdin.write("\n")
        one.stdin.flush()
    said = sorted(one.communicate()[0].strip() for one in both)
    assert "done" in said
    assert all(
        "done" in text or "working on this run" in text or "finished" in text for text in said
    )
    assert run.is_complete


# -- damaged files --------------------------------------------------------------------------------


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("run.json", {"settings": {}}, r"run\.json: is damaged: settings\.seed: field required"),
        ("run.json", {"reading": 3}, r"run\.json: is damaged: reading: "),
        ("run.json", {"seeds": 0}, r"run\.json: is damaged: seeds: "),
        ("run.json", {"strange": 1}, r"run\.json: is damaged: strange: extra"),
        ("run.json", {"data": {"hash": "x"}}, r"run\.json: is damaged: data\.sequences"),
        ("run.json", {"options": {"patience": "x"}}, r"run\.json: is damaged: .*patience"),
        ("run.json", {"options": {"strange": 1}}, r"run\.json: is damaged: .*strange"),
        ("split.json", {"hashes": "AAAA"}, r"split\.json: is not the split.*hashes"),
        ("split.json", {"sequences": 7}, r"split\.json: is not the split of a run"),
        ("split.json", {"parts": 7}, r"split\.json: is not the split of a run: parts"),
        ("metrics.json", {"stopped": 3}, r"metrics\.json: is damaged: stopped"),
        ("metrics.json", {"task": None}, r"metrics\.json: is damaged: task"),
    ],
)
def test_damaged_json_is_named(
    finished: runs.Run, name: str, change: dict[str, Any], message: str
) -> None:
    path = finished.folder / name
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    finished.model.unlink()
    with pytest.raises(FileError, match=message):
        _ = finished.metrics if name == "metrics.json" else runs.resume_run(finished.folder)


def test_a_damaged_history_is_named(finished: runs.Run) -> None:
    """Its seconds stand in the scores."""
    path = finished.folder / "history.jsonl"
    for text in ("", '{"epoch": 1}\n', "\n", "[" * 10_000 + "\n"):
        path.write_text(text)
        finished.scores.unlink(missing_ok=True)
        if text:
            with pytest.raises(
                FileError, match=r"history\.jsonl: is damaged: its last line has no"
            ):
                runs.resume_run(finished.folder)
        else:
            assert runs.resume_run(finished.folder).metrics["seconds"] == 0
    path.unlink()
    assert runs.resume_run(finished.folder).is_complete


def test_a_record_without_a_limit_reads_everything(finished: runs.Run) -> None:
    record = json.loads(finished.description.read_text())
    del record["reading"]["limit"]
    finished.description.write_text(json.dumps(record))
    finished.scores.unlink()
    assert runs.resume_run(finished.folder).is_complete
