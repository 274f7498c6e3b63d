"""A run that was stopped goes on to the same bits, from the same data only."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import segue
from segue import runs, tensorfile
from segue.errors import FileError
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
