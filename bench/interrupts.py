"""SIGINT at moments of all commands; `python bench/faults.py interrupts` calls it.

A command that is interrupted ends with one line that says so and exit code 130, leaves no half of
a file, and keeps what it can: a run is resumed to the weights of one that was never stopped, a
study goes on. Each second time a further SIGINT follows, as of an impatient user.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

INTERRUPTED = 130
# Command lines: {run} is a run, {begun} one that was stopped, {data} a source, {new} is not there.
# What stands behind < is given on standard input.
WORDS = {
    "fit": "fit {data} --network gru(4) --epochs 30 --out {new}",
    "seeds": "fit {data} --network gru(4) --epochs 10 --seeds 2 --out {new}",
    "compare": "fit {data} --epochs 3 --time-limit 8 --out {new}",
    "resume": "fit --resume {new}",
    "evaluate": "evaluate {run} {data} --report {new}.html",
    "predict": "predict {run} {data} --out {new}.csv",
    "stream": "predict {run} - --per-step",
    "input": "predict {run} - --out {new}.jsonl < {lines}",
    "generate": "generate waves {new} --count 2000",
    "view": "view {data} --out {new}.png",
    "listen": "listen {data} --out {new}.wav --picture .png",
    "network": "network gru(4) --on {data} --out {new}.svg",
    "list": "data list --all",
    "show": "data show {data}",
    "convert": "data convert {data} {new}.arrow",
    "study": (
        "study learning-curve {data} --sizes 10,20 --seeds 4 --network rnn(3) --workers 2"
        " --epochs 5 --out {new}"
    ),
    "grid": (
        "study grid {data} --network rnn(2) --network gru(2) --seeds 2 --workers 1 --epochs 5"
        " --out {new}"
    ),
    "info": "info",
    "help": "fit --help",
}
# Nothing is drawn: it is the weights that are compared.
RESUME = """
import sys
from segue import Evaluation, runs
Evaluation.to_html = lambda self, path, **more: open(path, "w").close()
runs.resume_run(sys.argv[1])
"""


def run(report: Any, names: list[str], folder: Path, data: Path, *, count: int, seed: int) -> None:
    """Interrupt each of the commands so often, at random moments that are spread over it."""
    draws = random.Random(seed)
    folder.mkdir()
    places = {"run": folder / "fitted", "data": data, "lines": folder / "lines.jsonl"}
    places["lines"].write_text("".join(f"{[i % 7 / 7] * 24}\n" for i in range(200)))
    said = command(f"fit {data} --network gru(4) --epochs 2 --out {places['run']}")
    assert said.returncode == 0, said.stderr
    for name in names:
        report.tell()
        whole, begun = folder / f"{name}-whole", folder / f"{name}-begun"
        if name == "resume":
            _begin(f"fit {data} --network gru(4) --epochs 200 --out {begun}", begun)
            shutil.copytree(begun, whole)
        began = time.perf_counter()
        said = command(WORDS[name].format(new=whole, **places))
        assert said.returncode == (name == "stream"), said.stderr  # its input is empty
        took = time.perf_counter() - began
        for number in range(count):
            new = folder / f"{name}-{number}"
            if name == "resume":
                shutil.copytree(begun, new)
            words = WORDS[name].format(new=new, **places)
            after = took * (number + draws.random()) / count
            again = draws.uniform(0, 0.3) if number % 2 else None
            what = f"{name}, interrupted after {after:.3f} s"
            what += "" if again is None else f" and {again:.3f} s later"
            said = command(words, after, again)
            once = again is None
            _check_words(report, what, said, once=once)
            _check_files(report, what, said, once=once, words=words, whole=whole, new=new)
            report.points[name] += 1


# A process says that it is there when segue's own first lines run; what is slow is imported later.
BEGIN = "import os, sys; from segue.__main__ import main; os.write({}, b'.'); sys.exit(main())"


def command(
    words: str, after: float | None = None, again: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command; interrupt it after so many seconds, and once more, unless it has ended.

    As a terminal does it, the processes that it has started are interrupted too.
    """
    reader, writer = os.pipe()
    words, _, given = words.partition(" < ")
    arguments = [sys.executable, "-c", BEGIN.format(writer), *words.split(" ")]
    with (
        Path(given).open(encoding="utf-8")
        if given
        else contextlib.nullcontext(subprocess.PIPE) as file
    ):
        child = subprocess.Popen(
            arguments, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, pass_fds=[writer], start_new_session=True,
        )  # fmt: skip
    os.close(writer)
    os.read(reader, 1)
    os.close(reader)
    for seconds in (after, again):
        if seconds is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(seconds)
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGINT)
    out, error = child.communicate(timeout=120)
    return subprocess.CompletedProcess(arguments, child.returncode, out, error)


def _begin(words: str, folder: Path) -> None:
    """A training that is stopped after some epochs."""
    arguments = [sys.executable, "-m", "segue", *words.split(" ")]
    child = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    history = folder / "history.jsonl"
    while not history.exists() or history.read_text().count("\n") < 3:
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    assert child.wait(120) == INTERRUPTED


def _check_words(
    report: Any, what: str, said: subprocess.CompletedProcess[str], *, once: bool
) -> None:
    """One line on standard error, the last, and the exit code; or it had ended."""
    lines = said.stderr.rstrip("\n").split("\n")
    ends = [line for line in lines if line.startswith("interrupted")]
    if any(word in said.stderr for word in ("Traceback", "Exception ignored", "bug in")):
        report.fail(what, said.stderr)
    elif said.returncode not in (INTERRUPTED, 0):
        report.fail(what, f"exit code {said.returncode}: {said.stderr}")
    elif said.returncode == INTERRUPTED and not (ends and ends[-1] == lines[-1]):
        report.fail(what, f"nothing is said at the end: {said.stderr}")
    elif said.returncode == INTERRUPTED and once and len(ends) > 1:
        report.fail(what, f"it is said {len(ends)} times: {said.stderr}")


def _check_files(
    report: Any,
    what: str,
    said: subprocess.CompletedProcess[str],
    *,
    once: bool,
    words: str,
    whole: Path,
    new: Path,
) -> None:
    """What is there is whole, what is done is kept, and what was not done can be gone on with."""
    left = [*map(str, new.rglob(".*.part*")), *map(str, new.parent.glob(f".{new.name}.*"))]
    if left and once:  # the second stops what cleans up; the next that writes there goes on with it
        report.fail(what, f"half-written: {left}")
    if (new / "study.jsonl").exists():
        before = (new / "study.jsonl").read_bytes()
        again = command(words)
        same = [(one / "trials.csv").read_bytes() for one in (new, whole)]
        if again.returncode or same[0] != same[1]:
            report.fail(what, f"the study does not go on: {again.stderr}")
        elif not (new / "study.jsonl").read_bytes().startswith(before):
            report.fail(what, "trials that were done are lost")
    elif (new / "run.json").exists():
        how = (f"--resume {new}", "the same command goes on")
        unsaid = not any(words in said.stderr.replace("\n  ", " ") for words in how)
        if said.returncode == INTERRUPTED and unsaid:
            report.fail(what, f"how to go on is not said: {said.stderr}")
        arguments = [sys.executable, "-c", RESUME, str(new)]
        again = subprocess.run(arguments, capture_output=True, text=True)
        if again.returncode and "the run has finished" not in again.stderr:
            report.fail(what, f"it does not resume: {again.stderr}")
        elif " --time-limit " not in words and _weights(new) != _weights(whole):
            report.fail(what, "other weights than without the interrupt")
    else:
        there, wanted = _contents(new), _contents(whole)
        if any(content != wanted[name] for name, content in there.items()):
            report.fail(what, "a file is damaged")
        if said.returncode == 0 and there.keys() != wanted.keys():
            report.fail(what, f"files are missing: {', '.join(wanted.keys() - there.keys())}")


def _weights(folder: Path) -> dict[str, bytes]:
    from segue import tensorfile

    found = tensorfile.read(folder / "model.safetensors").tensors
    return {name: one.tobytes() for name, one in found.items()}


def _contents(place: Path) -> dict[str, Any]:
    """The files of a folder, or of that name with an ending; of some, with times, their end."""
    files = [*place.parent.glob(f"{place.name}.*"), *(p for p in place.rglob("*") if p.is_file())]
    ends = {".html": b"</html>", ".svg": b"</svg>"}
    found: dict[str, Any] = {}
    for path in files:
        content, end = path.read_bytes(), ends.get(path.suffix)
        name = str(path.relative_to(place.parent)).removeprefix(place.name)
        found[name] = content if end is None else content.rstrip().endswith(end)
    return found
