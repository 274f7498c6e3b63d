"""Studies on a real Slurm: whatever is killed, the same table as in one process."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from slurm import Slurm, missing

import segue
from segue import studies
from segue.errors import OptionError, TrainingError
from segue.executors import SlurmExecutor, minutes_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.slurm,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(missing()), reason=f"not installed: {', '.join(missing())}"),
]

NETWORKS = ("rnn(2)", "rnn(3)", "gru(2)", "lstm(2)")


@pytest.fixture(scope="module")
def slurm() -> Iterator[Slurm]:
    with (
        tempfile.TemporaryDirectory(prefix="slurm") as name,
        Slurm(Path(name)) as cluster,
        pytest.MonkeyPatch.context() as patch,
    ):
        for variable, value in cluster.environment.items():
            patch.setenv(variable, value)
        yield cluster


def _study(folder: Path, *words: str, trials: int, epochs: int = 5) -> list[str]:
    networks = [word for name in NETWORKS for word in ("--network", name)]
    return [
        *(sys.executable, "-m", "segue", "study", "grid", str(folder.parent / "waves.arrow")),
        *(*networks, "--seeds", str(trials // len(NETWORKS))),
        *("--epochs", str(epochs)),
        *("--out", str(folder), *words),
    ]


def _write_waves(folder: Path) -> None:
    segue.synth.waves(40, test=20, length=8, phase="random").write(folder / "waves.arrow")


def _start(folder: Path, *words: str, trials: int, epochs: int = 5) -> subprocess.Popen[bytes]:
    words = tuple(_study(folder, *words, trials=trials, epochs=epochs))
    with folder.with_suffix(".log").open("ab") as log:
        return subprocess.Popen(words, stdout=log, stderr=log)


def _finish(process: subprocess.Popen[bytes], folder: Path) -> None:
    assert process.wait(800) == 0, folder.with_suffix(".log").read_text()[-3000:]


def _done(folder: Path) -> int:
    try:
        return studies.status(folder).done
    except segue.errors.SegueError:
        return 0


def _wait_for(count: int, folder: Path) -> None:
    until = time.monotonic() + 400
    while _done(folder) < count:
        assert time.monotonic() < until, folder.with_suffix(".log").read_text()[-3000:]
        time.sleep(0.5)


def _table(folder: Path) -> tuple[bytes, bytes]:
    return (folder / "trials.csv").read_bytes(), (folder / "summary.csv").read_bytes()


SLURM = (
    "--executor",
    "slurm",
    "--slurm-partition",
    "short",
    "--slurm-time",
    "10",
    "--workers",
    "3",
)


def test_what_is_cancelled_and_killed_comes_to_the_same_table(slurm: Slurm, tmp_path: Path) -> None:
    _write_waves(tmp_path)
    serial, local, far = (tmp_path / name for name in ("serial", "local", "far"))
    _finish(_start(serial, "--workers", "1", trials=40), serial)
    _finish(_start(local, "--workers", "2", trials=40), local)
    draws = random.Random(0)
    submitter = _start(far, *SLURM, trials=40)
    cancelled: list[str] = []
    for count in (2, 4, 6):
        _wait_for(count, far)
        lines = slurm.call("squeue", "-h", "-r", "-o", "%i").split()
        cancelled += draws.sample(lines, min(2, len(lines)))
        slurm.call("scancel", *cancelled[-2:])
    _wait_for(8, far)
    slurm.kill_node("n1")
    submitter.kill()  # without a chance to tidy up
    submitter.wait()
    found = studies.status(far)
    assert found.trials == 40
    assert not found.is_attended
    assert 8 <= found.done < 40
    time.sleep(12)  # the controller notices that the node is gone
    slurm.start_node("n1")
    jobs = set(slurm.call("squeue", "-h", "-r", "-o", "%i").split())
    _finish(_start(far, *SLURM, trials=40), far)
    assert len(cancelled) == 6
    assert jobs, "what was submitted before the kill went on"
    assert _table(far) == _table(local) == _table(serial)
    assert not (far / "trials").exists()


cloudpickle.register_pickle_by_value(sys.modules[__name__])  # jobs cannot import a file of tests


def _sleep_until_the_second_time(folder: str) -> int:
    """Write down each start; sleep in the first."""
    path = Path(folder, "starts")
    with path.open("a") as file:
        file.write(f"{os.environ['SLURM_JOB_ID']}\n")
    if len(path.read_text().split()) == 1:
        time.sleep(600)
    return 7


@pytest.fixture(scope="module")
def requeued(slurm: Slurm, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A job whose time ran out: for two minutes Slurm starts it no second time."""
    folder = tmp_path_factory.mktemp("requeued")
    executor = SlurmExecutor(folder / "slurm", minutes=1)
    job = executor.submit(_sleep_until_the_second_time, str(folder))
    until = time.monotonic() + 200
    while not (folder / "starts").exists():
        assert time.monotonic() < until
        time.sleep(0.2)
    # As Slurm sends it when the limit is near.
    slurm.call("scancel", "--signal=USR2", job.number)
    return job, folder


def test_the_status_is_read_from_anywhere_and_ctrl_c_leaves_jobs_alone(
    slurm: Slurm, requeued: tuple[Any, Path], tmp_path: Path
) -> None:
    _write_waves(tmp_path)
    folder, epochs = tmp_path / "far", 1500  # a second or two, so that there is something to stop
    submitter = _start(folder, *SLURM, trials=8, epochs=epochs)
    _wait_for(1, folder)
    words = [sys.executable, "-m", "segue", "study", "status", str(folder), "--json"]
    found = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
    assert found["trials"] == 8
    assert found["done"] >= 1
    assert found["is_attended"]
    assert all(one["job"] and one["host"] in ("n1", "n2") for one in found["running"])
    submitter.send_signal(signal.SIGINT)
    assert submitter.wait(60) == 130
    text = folder.with_suffix(".log").read_text()
    assert "scancel" in text
    assert f"segue study status {folder}" in text
    jobs = set(slurm.call("squeue", "-h", "-r", "-o", "%i").split())
    assert jobs - {requeued[0].number}, "the jobs go on"
    _wait_for(8, folder)  # nobody attends it
    assert not studies.status(folder).is_attended
    began = time.monotonic()
    _finish(_start(folder, *SLURM, trials=8, epochs=epochs), folder)
    assert time.monotonic() - began < 60
    assert len((folder / "trials.csv").read_text().splitlines()) == 9
    submitted = list((folder / "slurm").glob("*_submitted.pkl"))
    assert len(submitted) == 8, "nothing was submitted twice"


def _fail(text: str) -> None:
    raise ValueError(text)


def test_errors_come_back_and_refusals_are_told(slurm: Slurm, tmp_path: Path) -> None:
    executor = SlurmExecutor(tmp_path / "slurm", minutes=5, setup=["export WORD=spoken"])
    jobs = executor.submit_all(_fail, [("one",), ("two",)])
    with pytest.raises(TrainingError, match="ValueError: two"):
        jobs[1].result()
    assert executor.submit(os.getenv, "WORD").result() == "spoken"
    until = time.monotonic() + 60  # its value is there before Slurm calls it ended
    while executor.find(jobs[0].number) is not None:
        assert time.monotonic() < until, executor.state(jobs[0].number)
        time.sleep(executor.poll_seconds)
    with pytest.raises(TrainingError, match="refused the jobs.*artition"):
        SlurmExecutor(tmp_path / "slurm", partition="nowhere").submit(os.getpid)


@pytest.mark.parametrize("text", ["", "soon", "1:2:3:4", "-5"])
def test_a_time_limit_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="time limit"):
        minutes_of(text)


def test_a_job_whose_time_runs_out_is_put_into_the_queue_again(
    requeued: tuple[Any, Path],
) -> None:
    """The last of all: the others run while it waits."""
    job, folder = requeued
    assert job.result() == 7
    first, second = (folder / "starts").read_text().split()
    assert first == second
