"""How far a study is, read from its folder on any machine that sees it."""

from __future__ import annotations

import json
import os
import socket
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from segue.atomic import is_locked
from segue.executors import queue
from segue.progress import duration
from segue.studies.journal import Row, key, read_lines


@dataclass(frozen=True)
class StudyStatus:
    """The trials of a study, by how far they are.

    Attributes:
        folder: of the study.
        kind: "learning-curve" or "grid".
        trials: how many there are; `None`: begun by a segue that did not write it down.
        done: how many have a score.
        failed: the others that ended: "trial" and "error" of each.
        running: "trial", "host", "seconds" so far and the "job" of Slurm of each.
        queued: how many wait in Slurm's queue.
        seconds_left: from the mean of what is done; `None`: not known, or nothing runs.
        is_attended: whether a process is at work on the study: it submits trials, keeps their
            results, and writes the table at the end.
    """

    folder: Path
    kind: str
    trials: int | None
    done: int
    failed: list[Row]
    running: list[Row]
    queued: int
    seconds_left: float | None
    is_attended: bool

    @property
    def waiting(self) -> int:
        """How many have neither ended nor begun."""
        ended = self.done + len(self.failed)
        return 0 if self.trials is None else self.trials - ended - len(self.running)

    def as_json(self) -> Row:
        """All of it, as JSON."""
        return {**asdict(self), "waiting": self.waiting}

    def lines(self) -> list[tuple[str, str]]:
        """All of it as pairs of a heading and a text."""
        counts = [f"{self.done} done", f"{len(self.failed)} failed", f"{len(self.running)} running"]
        counts += [] if self.trials is None else [f"{self.waiting} waiting"]
        counts[-1] += f" ({self.queued} in Slurm's queue)" if self.queued else ""
        total = "" if self.trials is None else f"{self.trials}: "
        rows = [("study", f"{self.folder} ({self.kind})"), ("trials", total + ", ".join(counts))]
        rows += [("failed", f"{_named(one['trial'])}: {one['error']}") for one in self.failed]
        for one in self.running:
            job = f", job {one['job']}" if one["job"] else ""
            since = duration(one["seconds"])
            rows.append(("running", f"{_named(one['trial'])} on {one['host']}{job}, {since}"))
        if self.seconds_left is not None:
            rows.append(("time left", f"about {duration(self.seconds_left)}"))
        if not self.is_attended and (self.trials is None or self.waiting or self.running):
            rows.append(("", self._advice()))
        return rows

    def _advice(self) -> str:
        text = "No process keeps the results: go on with the call that it was begun with, or "
        return f"{text}`segue study {self.kind} --resume {self.folder}`."


def status(folder: str | Path) -> StudyStatus:
    """How far a study is.

    Args:
        folder: of the study.

    Raises:
        FileError: not the folder of a study.
    """
    folder = Path(folder)
    header, *rows = read_lines(folder)
    ended = {key(row["trial"]): row for row in (*rows, *_objects(folder, "json"))}
    states = queue() if any(folder.glob("trials/*.job")) else None
    running = [
        one
        for one in _objects(folder, "started")
        if key(one["trial"]) not in ended and _is_alive(one, states)
    ]
    jobs = {path.read_text(encoding="utf-8") for path in folder.glob("trials/*.job")}
    seconds = [row["seconds"] for row in ended.values()]
    trials = header.get("trials")
    left = None
    if running and seconds and trials is not None:
        left = sum(seconds) / len(seconds) * (trials - len(ended)) / len(running)
    return StudyStatus(
        folder=folder,
        kind=header["fingerprint"].get("study", "study"),
        trials=trials,
        done=sum("error" not in row for row in ended.values()),
        failed=[
            {name: row[name] for name in ("trial", "error")}
            for row in ended.values()
            if "error" in row
        ],
        running=[
            {**{name: one[name] for name in ("trial", "host", "job")}, "seconds": _since(one)}
            for one in running
        ],
        queued=sum((states or {}).get(job) == "PENDING" for job in jobs),
        seconds_left=left,
        is_attended=is_locked(folder),
    )


def _objects(folder: Path, ending: str) -> list[Row]:
    """What the files of trials with an ending hold, as far as it can be read just now."""
    found = []
    for path in sorted(folder.glob(f"trials/*.{ending}")):
        with suppress(OSError, ValueError):
            found.append(json.loads(path.read_bytes()))
    return [one for one in found if isinstance(one, dict) and "trial" in one]


def _is_alive(one: Row, states: dict[str, str] | None) -> bool:
    """Whether what has begun a trial is still there; where that cannot be known, it is."""
    if one.get("job") and states is not None:
        return states.get(one["job"], "") in ("RUNNING", "COMPLETING")
    if one.get("host") != socket.gethostname():
        return True
    try:
        os.kill(one["process"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _since(one: Row) -> float:
    return round(max(0.0, time.time() - float(one["began"])), 1)


def _named(trial: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in trial.items())
