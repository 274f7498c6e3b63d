"""Trainings as processes of their own, which write runs exactly as the command line does.

A process is the command itself, in a session of its own: it goes on when the studio ends, however
that ends, and a run that was started in a terminal is watched in the same way. What it prints is
kept beside the run's folder, in `.NAME.log`.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Literal, NamedTuple

from segue.atomic import LOCK, is_locked, make_folder
from segue.errors import DataNotFoundError, FileError, SegueError
from segue.runs import Run, slug
from segue.studio.files import inside

RUNS = "runs"
_TAIL = 20_000  # bytes of what a training has printed, that are looked at

State = Literal["starting", "training", "scoring", "done", "stopped", "failed"]


class Watched(NamedTuple):
    """A run as it is now.

    Attributes:
        name: of its folder, in `runs`.
        state: "starting" (nothing is written yet), "training", "scoring", "done", "stopped" (it
            can go on) or "failed".
        rows: of its history, one an epoch.
        epochs: how many there will be at most; `None`: not known yet.
        messages: what it has printed, line by line.
        error: of one that failed, what is wrong and how to mend it.
        metrics: of one that is done, its scores.
        record: `run.json`, as far as there is one.
    """

    name: str
    state: State
    rows: tuple[dict[str, float], ...] = ()
    epochs: int | None = None
    messages: tuple[str, ...] = ()
    error: str = ""
    metrics: dict[str, Any] | None = None
    record: dict[str, Any] | None = None

    @property
    def is_active(self) -> bool:
        """Whether a process is working on it."""
        return self.state in ("starting", "training", "scoring")

    @property
    def can_resume(self) -> bool:
        """Whether its training can go on."""
        return self.state == "stopped"


class Trainings:
    """The trainings of a project's folder.

    Args:
        root: the folder, resolved.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    # -- what is done -----------------------------------------------------------------------------

    def free_name(self, source: str, network: str) -> str:
        """A name for a run that there is not yet, as the command line would choose it."""
        stem = f"{slug(Path(source).stem)}-{slug(network)}"
        names = (f"{stem}-{number}" for number in count(1))
        return next(
            name
            for name in names
            if name not in self._processes and not (self.root / RUNS / name).exists()
        )

    def start(self, name: str, arguments: Sequence[str]) -> None:
        """Start a training.

        Args:
            name: of its run.
            arguments: of the command, which names the run's folder.

        Raises:
            WriteError: the folder cannot be written.
        """
        make_folder(self.root / RUNS)
        with self._log(name).open("wb") as log:
            self._processes[name] = self._process(arguments, log)

    def resume(self, name: str) -> None:
        """Go on with a training that was stopped.

        Raises:
            DataNotFoundError: there is no such run.
            FileError: its training is going on, or is done.
        """
        watched = self.watch(name)
        if not watched.can_resume:
            state = "is going on" if watched.is_active else f"is {watched.state}"
            raise FileError(f"cannot go on: its training {state}.", path=f"{RUNS}/{name}")
        with self._log(name).open("ab") as log:
            self._processes[name] = self._process(["fit", "--resume", f"{RUNS}/{name}"], log)

    def stop(self, name: str) -> None:
        """Stop a training as Ctrl-C does: what is trained is kept, and scored.

        Raises:
            DataNotFoundError: there is no such run.
            FileError: no process works on it.
        """
        number = self._number(name)
        if number is None:
            raise FileError("no training is going on.", path=f"{RUNS}/{name}")
        with suppress(ProcessLookupError):
            is_leader = os.getpgid(number) == number  # with the processes that it has started
            (os.killpg if is_leader else os.kill)(number, signal.SIGINT)

    def wait(self, name: str, seconds: float | None = None) -> int:
        """Wait for the end of a training that this studio has started; its exit code.

        Raises:
            subprocess.TimeoutExpired: it has not ended in so many seconds.
        """
        return self._processes[name].wait(seconds)

    def _process(self, arguments: Sequence[str], log: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 (segue itself, and no shell)
            [sys.executable, "-m", "segue", *arguments],
            cwd=self.root, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip

    def _number(self, name: str) -> int | None:
        """The number of the process that works on a run; `None`: there is none."""
        process, folder = self._processes.get(name), self._folder(name)
        if process is not None and process.poll() is None:
            return process.pid
        if is_locked(folder):
            with suppress(OSError, ValueError):
                return int((folder / LOCK).read_text(encoding="utf-8"))
        return None

    # -- what there is ----------------------------------------------------------------------------

    def names(self) -> list[str]:
        """The runs of the folder, the newest first."""
        folder = self.root / RUNS
        there = list(folder.glob("*/run.json")) if folder.is_dir() else []
        dated = sorted(((path.stat().st_mtime, path.parent.name) for path in there), reverse=True)
        names = [name for _, name in dated]
        return [*(n for n in reversed(self._processes) if n not in names), *names]

    def scored(self) -> list[str]:
        """The runs that have a model and its scores, the newest first."""
        runs = ((name, Run(self.root / RUNS / name)) for name in self.names())
        return [name for name, run in runs if run.model.is_file() and run.scores.is_file()]

    def run(self, name: str) -> Run:
        """A run by its name.

        Raises:
            DataNotFoundError: there is none.
        """
        run = Run(self._folder(name))
        if not run.description.is_file():
            raise DataNotFoundError("there is no such run.", path=f"{RUNS}/{name}")
        return run

    def watch(self, name: str) -> Watched:
        """A run as it is now.

        Raises:
            DataNotFoundError: there is none, and none was started.
        """
        process, run = self._processes.get(name), Run(self._folder(name))
        is_own = process is not None and process.poll() is None
        text = self._printed(name)
        messages = _lines(text)
        if not run.description.is_file():
            if process is None:
                raise DataNotFoundError("there is no such run.", path=f"{RUNS}/{name}")
            if is_own:
                return Watched(name, "starting", messages=messages)
            return Watched(name, "failed", messages=messages, error=_error(text))
        try:
            record = run.record
        except SegueError as error:
            return Watched(name, "failed", messages=messages, error=str(error))
        is_active = is_own or is_locked(run.folder)
        state = self._state(run, is_active=is_active)
        rows, metrics = _rows(run.folder), None
        if state in ("done", "stopped") and run.scores.is_file():
            with suppress(SegueError):
                metrics = run.metrics
        is_fine = is_active or process is None or process.returncode in (0, 130)
        return Watched(
            name, state, rows, _epochs(record, text), messages,
            "" if is_fine else _error(text), metrics, record,
        )  # fmt: skip

    @staticmethod
    def _state(run: Run, *, is_active: bool) -> State:
        if is_active:
            return "scoring" if run.model.is_file() and not run.is_complete else "training"
        if run.is_complete and not run.has_checkpoint:
            return "done"
        return "stopped" if run.has_progress or run.model.is_file() else "failed"

    def _folder(self, name: str) -> Path:
        """The folder of a run.

        Raises:
            DataNotFoundError: a name that is none, such as a path.
        """
        if not name or name.startswith(".") or name != Path(name).name:
            raise DataNotFoundError("there is no such run.", path=repr(name))
        return inside(self.root, f"{RUNS}/{name}")

    def _log(self, name: str) -> Path:
        return self._folder(name).with_name(f".{name}.log")

    def _printed(self, name: str) -> str:
        """The end of what a training has printed."""
        try:
            with self._log(name).open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL))
                return log.read().decode("utf-8", "replace")
        except OSError:
            return ""


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.rstrip() for line in text.splitlines() if line.strip())


def _error(text: str) -> str:
    """The message of an error at the end of what was printed."""
    _, mark, message = text.rpartition("error: ")
    if not mark and "interrupted" in text:
        return "It was stopped before anything was learnt."
    return message.strip() if mark else "Its process ended, and said nothing: was it killed?"


def _rows(folder: Path) -> tuple[dict[str, float], ...]:
    """The rows of a history; the last line may be half written."""
    rows = []
    with suppress(OSError):
        text = (folder / "history.jsonl").read_text(encoding="utf-8", errors="replace")
        for line in text.splitlines():
            with suppress(ValueError):
                if isinstance(row := json.loads(line), dict):
                    rows.append(row)
    return tuple(rows)


def _epochs(record: dict[str, Any], text: str) -> int | None:
    """How many epochs there will be at most: as it was given, or as the training has printed it."""
    given = record["settings"].get("epochs")
    if isinstance(given, int):
        return given
    found = re.findall(r"\bepoch \d+/(\d+)", text)
    return int(found[-1]) if found else None
