"""Trials in other processes: the same bits, no orphans, and a study that is killed goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import loky
import pytest

import segue
from segue import studies
from segue.errors import OptionError, TrainingError

pytestmark = pytest.mark.slow

SCRIPT = """
import sys, segue
from segue import studies

if __name__ == "__main__":
    waves = segue.synth.waves(40, test=20, length=8, phase="random")
    classifier = segue.SequenceClassifier("rnn(3)", epochs=30)
    studies.learning_curve(
        classifier, waves, sizes=[10, 20, 40], seeds=4, workers=int(sys.argv[2]), folder=sys.argv[1]
    )
"""


def _start(script: Path, folder: Path, workers: int) -> subprocess.Popen[str]:
    words = [sys.executable, str(script), str(folder), str(workers)]
    return subprocess.Popen(
        words,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # It hears Ctrl-C, also where this process was told to ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  (no threads have been started here)
    )


def _lines(folder: Path) -> int:
    path = folder / "study.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _wait_for(lines: int, folder: Path, process: subprocess.Popen[str]) -> None:
    ends = time.monotonic() + 120
    while _lines(folder) < lines and process.poll() is None and time.monotonic() < ends:
        time.sleep(0.02)
    assert _lines(folder) >= lines


def _children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_one_two_and_no_other_process_come_to_the_same_bits(
    waves: segue.Dataset, bits: Any
) -> None:
    asked: dict[str, Any] = {"sizes": [10, 40], "seeds": 2, "progress": "none"}
    classifier = segue.SequenceClassifier("gru(3) dense(4, relu)", epochs=3)
    here = studies.learning_curve(classifier, waves, workers=1, **asked)
    with studies.LocalProcesses(1) as one:
        alone = studies.learning_curve(classifier, waves, executor=one, **asked)
    two = studies.learning_curve(classifier, waves, workers=2, **asked)
    assert bits(here.rows) == bits(alone.rows) == bits(two.rows)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes in /proc")
def test_killed_twice_and_continued_is_the_uninterrupted_table(tmp_path: Path) -> None:
    script, folder = tmp_path / "script.py", tmp_path / "killed"
    script.write_text(SCRIPT)
    for lines in (3, 6):
        process = _start(script, folder, 2)
        _wait_for(lines, folder, process)
        workers = _children(process.pid)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        ends = time.monotonic() + 30
        while any(map(_is_alive, workers)) and time.monotonic() < ends:
            time.sleep(0.05)
        assert workers
        assert not any(map(_is_alive, workers))  # nobody trains on for nobody
    before = (folder / "study.jsonl").read_bytes().splitlines()
    process = _start(script, folder, 2)
    _, said = process.communicate(timeout=200)
    assert process.returncode == 0, said
    assert "trials were done before and are kept" in said
    after = (folder / "study.jsonl").read_bytes().splitlines()
    assert after[: len(before) - 1] == before[:-1]
    assert (
        len({json.dumps(json.loads(line)["trial"]) for line in after[1:]}) == 12 == len(after) - 1
    )
    process = _start(script, tmp_path / "whole", 1)
    process.communicate(timeout=200)
    assert process.returncode == 0
    killed, whole = (tmp_path / name / "trials.csv" for name in ("killed", "whole"))
    assert killed.read_bytes() == whole.read_bytes()


def test_ctrl_c_ends_it_with_a_word_on_how_to_go_on(tmp_path: Path) -> None:
    script, folder = tmp_path / "script.py", tmp_path / "study"
    script.write_text(SCRIPT)
    process = _start(script, folder, 2)
    _wait_for(3, folder, process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process
    _, said = process.communicate(timeout=60)
    assert "trials. What is done is kept in" in said
    assert "the same call goes on from there" in said
    assert said.count("Traceback") == 1  # of this process alone, as Python ends on Ctrl-C


def test_a_process_that_dies_is_told() -> None:
    with studies.LocalProcesses(1) as processes:
        future = processes.submit(os._exit, 3)
        with pytest.raises(TrainingError, match="A worker process ended by itself"):
            future.result()


def test_functions_of_a_script_are_sent_by_value_and_their_errors_come_back() -> None:
    def half(number: int) -> float:
        return number / 2

    with studies.LocalProcesses(2) as processes:
        assert [processes.submit(half, n).result() for n in (1, 2)] == [0.5, 1.0]
        with pytest.raises(TypeError, match="unsupported operand"):
            processes.submit(half, "one").result()


def test_an_error_in_the_block_ends_the_processes_at_once() -> None:
    began = time.monotonic()
    with pytest.raises(KeyError), studies.LocalProcesses(2) as processes:
        for _ in range(4):
            processes.submit(time.sleep, 100)
        raise KeyError
    assert time.monotonic() - began < 60


def test_ctrl_c_while_the_processes_start_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(loky.ProcessPoolExecutor):  # type: ignore[misc]
        def submit(self, *words: Any) -> Any:
            os.kill(os.getpid(), signal.SIGINT)
            return super().submit(*words)

    with studies.LocalProcesses(1):
        pass  # loky's own helpers stay from now on
    monkeypatch.setattr(loky, "ProcessPoolExecutor", Interrupted)
    before = set(_children(os.getpid()))
    with pytest.raises(KeyboardInterrupt), studies.LocalProcesses(1):
        pytest.fail("It started, though it was interrupted.")
    assert not set(_children(os.getpid())) - before


_MASK = """
import signal, sys
from segue.executors import LocalProcesses

def mask():
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])

if __name__ == "__main__":
    with LocalProcesses(2) as processes:
        print([processes.submit(mask).result() for _ in range(2)], mask())
"""


@pytest.mark.slow
def test_ctrl_c_is_held_from_a_process_from_its_first_moment(tmp_path: Path) -> None:
    """Also before it could ignore one: while its interpreter starts."""
    (tmp_path / "mask.py").write_text(_MASK)
    done = subprocess.run(
        [sys.executable, tmp_path / "mask.py"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[True, True] False"


def test_ctrl_c_while_a_result_is_waited_for_ends_the_processes_at_once() -> None:
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), studies.LocalProcesses(1) as processes:
        waiting = processes.submit(time.sleep, 100)
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        waiting.result()
    assert time.monotonic() - began < 60


def test_what_cannot_be_sent_is_told() -> None:
    text = r"cannot pickle '_thread.lock' object\). .* take workers=1"
    with studies.LocalProcesses(1) as processes:
        future = processes.submit(threading.Lock().acquire)
        with pytest.raises(OptionError, match=text):
            future.result()
    with pytest.raises(OptionError, match="The processes are not started"):
        studies.LocalProcesses(1).submit(max, 1, 2)
    with pytest.raises(OptionError, match="`workers` is 0"):
        studies.LocalProcesses(0)
