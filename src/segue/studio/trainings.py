"""Trainings as processes of their own, which write runs exactly as the command line does."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

from segue.errors import DataNotFoundError, FileError, SegueError
from segue.runs import Run, slug
from segue.studio.processes import Processes, lines_of

RUNS = "runs"

State = Literal["starting", "training", "scoring", "done", "stopped", "failed"]


class Watched(NamedTuple):
    """A run as it is now.

    Attributes:
        name: of its folder, in `runs`.
        state: "starting" (nothing is written yet), "training", "scoring", "done", "stopped" (it
            can go on, unless that was before anything was written) or "failed".
        rows: of its history, one an epoch.
        epochs: how many there will be at most; `None`: not known yet.
        messages: what it has printed, line by line.
        error: of one that failed, what is wrong and how to mend it.
        metrics: of one that is done, its scores.
        record: `run.json`, as far as there is one.
        seeds: of a run of several, the name and the rows of each that has begun; `rows` are then
            those of the last.
    """

    name: str
    state: State
    rows: tuple[dict[str, float], ...] = ()
    epochs: int | None = None
    messages: tuple[str, ...] = ()
    error: str = ""
    metrics: dict[str, Any] | None = None
    record: dict[str, Any] | None = None
    seeds: tuple[tuple[str, tuple[dict[str, float], ...]], ...] = ()

    @property
    def is_active(self) -> bool:
        """Whether a process is working on it."""
        return self.state in ("starting", "training", "scoring")

    @property
    def can_resume(self) -> bool:
        """Whether its training can go on."""
        return self.state == "stopped" and self.record is not None


class Trainings:
    """The trainings of a project's folder.

    Args:
        root: the folder, resolved.
        place: of the runs in it.
    """

    def __init__(self, root: Path, place: str = RUNS) -> None:
        self.root, self.place = root, place
        self.processes = Processes(root, place, "training")

    # -- what is done -----------------------------------------------------------------------------

    def free_name(self, source: str, network: str) -> str:
        """A name for a run that there is not yet, as the command line would choose it."""
        return self.processes.free_name(f"{slug(Path(source).stem)}-{slug(network)}")

    def start(self, name: str, arguments: Sequence[str]) -> None:
        """Start a training.

        Args:
            name: of its run.
            arguments: of the command, which names the run's folder.

        Raises:
            WriteError: the folder cannot be written.
        """
        self.processes.start(name, arguments)

    def resume(self, name: str) -> None:
        """Go on with a training that was stopped.

        Raises:
            DataNotFoundError: there is no such run.
            FileError: its training is going on, or is done.
        """
        watched = self.watch(name)
        if not watched.can_resume:
            state = "is going on" if watched.is_active else f"is {watched.state}"
            raise FileError(f"cannot go on: its training {state}.", path=f"{self.place}/{name}")
        self.processes.start(name, ["fit", "--resume", f"{self.place}/{name}"], again=True)

    def stop(self, name: str) -> None:
        """Stop a training as Ctrl-C does: what is trained is kept, and scored.

        Raises:
            DataNotFoundError: there is no such run.
            FileError: no process works on it.
        """
        self.processes.stop(name)

    def wait(self, name: str, seconds: float | None = None) -> int:
        """Wait for the end of a training that this studio has started; its exit code.

        Raises:
            subprocess.TimeoutExpired: it has not ended in so many seconds.
        """
        return self.processes.wait(name, seconds)

    # -- what there is ----------------------------------------------------------------------------

    def names(self) -> list[str]:
        """The runs of the folder, the newest first."""
        folder = self.root / self.place
        there = list(folder.glob("*/run.json")) if folder.is_dir() else []
        dated = sorted(((path.stat().st_mtime, path.parent.name) for path in there), reverse=True)
        names = [name for _, name in dated]
        return [*(n for n in reversed(self.processes.started) if n not in names), *names]

    def scored(self) -> list[str]:
        """The runs that have a model and its scores, the newest first."""
        runs = ((name, Run(self.root / self.place / name)) for name in self.names())
        return [name for name, run in runs if run.model.is_file() and run.scores.is_file()]

    def run(self, name: str) -> Run:
        """A run by its name.

        Raises:
            DataNotFoundError: there is none.
        """
        run = Run(self.processes.folder(name))
        if not run.description.is_file():
            raise DataNotFoundError("there is no such run.", path=f"{self.place}/{name}")
        return run

    def watch(self, name: str) -> Watched:
        """A run as it is now.

        Raises:
            DataNotFoundError: there is none, and none was started.
        """
        run, text = Run(self.processes.folder(name)), self.processes.printed(name)
        is_own, messages = self.processes.is_own(name), lines_of(text)
        if not run.description.is_file():
            if name not in self.processes.started:
                raise DataNotFoundError("there is no such run.", path=f"{self.place}/{name}")
            if is_own:
                return Watched(name, "starting", messages=messages)
            if self.processes.was_stopped(name):  # what it has printed may be Python's traceback
                return Watched(name, "stopped", error=self.processes.error(name))
            return Watched(name, "failed", messages=messages, error=self.processes.error(name))
        try:
            record = run.record
        except SegueError as error:
            return Watched(name, "failed", messages=messages, error=str(error))
        is_active = self.processes.is_active(name)
        state = self._state(run, is_active=is_active)
        seeds, metrics = _seeds(run.folder), None
        rows = seeds[-1][1] if seeds else _rows(run.folder)
        if state in ("done", "stopped") and run.scores.is_file():
            with suppress(SegueError):
                metrics = run.metrics
        is_fine = is_active or self.processes.ended_well(name)
        return Watched(
            name, state, rows, _epochs(record, text), messages,
            "" if is_fine else self.processes.error(name), metrics, record, seeds,
        )  # fmt: skip

    def _state(self, run: Run, *, is_active: bool) -> State:
        if is_active:
            return "scoring" if run.model.is_file() and not run.is_complete else "training"
        was_cut = run.is_complete and run.metrics.get("stopped") == "interrupted"
        if run.is_complete and not run.has_checkpoint and not was_cut:
            return "done"
        can_go_on = run.has_progress or run.model.is_file()
        return "stopped" if can_go_on or self.processes.was_stopped(run.folder.name) else "failed"


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


def _seeds(folder: Path) -> tuple[tuple[str, tuple[dict[str, float], ...]], ...]:
    """The histories of the seeds of a run, by their numbers; none of a run of one training."""
    found = {
        path.parent.name.partition("-")[2]: path.parent for path in folder.glob("seed-*/hist*")
    }
    known = sorted((int(number), path) for number, path in found.items() if number.isdecimal())
    return tuple((f"seed {number}", _rows(path)) for number, path in known)


def _epochs(record: dict[str, Any], text: str) -> int | None:
    """How many epochs there will be at most: as it was given, or as the training has printed it."""
    given = record["settings"].get("epochs")
    if isinstance(given, int):
        return given
    found = re.findall(r"\bepoch \d+/(\d+)", text)
    return int(found[-1]) if found else None
