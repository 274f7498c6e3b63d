"""Experiments: all runs and studies of a project in one table, and studies that are started here.

A study is the command `segue study` in a process of its own, as a training is `segue fit`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from segue.errors import DataNotFoundError, FileError, SegueError
from segue.runs import delete, note, slug, star, undo
from segue.runs.listing import list_runs
from segue.runs.ordering import in_order, with_words
from segue.runs.places import TRASH
from segue.runs.summary import RunSummary
from segue.studio.files import inside
from segue.studio.processes import Processes, lines_of
from segue.studio.study_plan import StudyPlan
from segue.studio.trainings import RUNS

STUDIES = "studies"
_PLACES = (RUNS, STUDIES)
_PAUSE = 10


class WatchedStudy(NamedTuple):
    """A study as it is now.

    Attributes:
        name: of its folder, in `studies`.
        state: "starting", "running", "complete", "stopped" (it can go on, unless that was before
            anything was written) or "failed".
        facts: how far it is, as pairs of a heading and a text.
        trials: those that have ended, the best first.
        messages: what it has printed, line by line.
        error: of one that failed, what is wrong and how to mend it.
    """

    name: str
    state: str
    facts: tuple[tuple[str, str], ...] = ()
    trials: tuple[RunSummary, ...] = ()
    messages: tuple[str, ...] = ()
    error: str = ""

    @property
    def is_active(self) -> bool:
        """Whether a process is working on it."""
        return self.state in ("starting", "running")

    @property
    def can_resume(self) -> bool:
        """Whether it can go on."""
        return self.state == "stopped" and bool(self.facts)


class Experiments:
    """The runs and studies of a project's folder.

    Args:
        root: the folder, resolved.
        changed: called after each change.
    """

    def __init__(self, root: Path, changed: Callable[[], None]) -> None:
        self.root, self._tell = root, changed
        self._listed: tuple[float, list[RunSummary]] | None = None
        self.processes = Processes(root, STUDIES, "study")

    # -- the table --------------------------------------------------------------------------------

    def rows(self, *, sort: str = "date", words: str = "") -> list[RunSummary]:
        """The runs and studies, and the trials of these; the arguments are those of `segue runs`.

        Raises:
            OptionError: another order.
        """
        return in_order(with_words(self._all(), words), sort)

    def _all(self) -> list[RunSummary]:
        """All rows, the newest first; pages look twice a second, and thousands take a while.

        So they are read again when ten times as long has passed as that took, or after a change.
        """
        begun = time.perf_counter()
        if self._listed is not None:
            until, rows = self._listed
            if begun < until:
                return rows
        found = [row for place in _PLACES for row in self._below(place)]
        found.sort(key=lambda one: one.date, reverse=True)
        took = time.perf_counter() - begun
        self._listed = (begun + _PAUSE * took, found)
        return found

    def _changed(self) -> None:
        self._listed = None
        self._tell()

    def _below(self, place: str) -> list[RunSummary]:
        folder = self.root / place
        with suppress(DataNotFoundError, FileError):
            return list_runs(folder) if folder.is_dir() and folder.resolve() == folder else []
        return []

    def path_of(self, row: RunSummary) -> str:
        """Where a run or a study lies, below the project's folder."""
        return row.folder.relative_to(self.root).as_posix()

    def name_of(self, row: RunSummary) -> str:
        """What a row is called: its folder's name, of a trial its settings."""
        return row.name.removeprefix(str(row.folder)).removeprefix(": ") or row.folder.name

    def note(self, path: str, text: str) -> None:
        """Note something about a run or a study; the errors are those of `segue.runs.note`."""
        note(self._folder(path), text)
        self._changed()

    def star(self, path: str, *, on: bool) -> None:
        """Give a run or a study a star, or take it away; the errors are those of `star`."""
        star(self._folder(path), on=on)
        self._changed()

    def delete(self, path: str) -> None:
        """Move a run or a study into the trash.

        Raises:
            FileError: neither, or one that goes on just now.
            WriteError: it cannot be moved.
        """
        delete(self._folder(path))
        self._changed()

    def undo(self) -> str:
        """Bring back what was deleted last; where it is again, below the project's folder.

        Raises:
            FileError: nothing was deleted, or something else has its place now.
        """
        stamps = [
            (path.parent.name, place)
            for place in _PLACES
            for path in (self.root / place / TRASH).glob("*Z/*")
        ]
        if not stamps:
            raise FileError("nothing was deleted here that could be brought back.", path=RUNS)
        there = undo(self.root / max(stamps)[1])
        self._changed()
        return there.relative_to(self.root).as_posix()

    def _folder(self, path: str) -> Path:
        """The folder of a run or a study, by its path below the project's.

        Raises:
            FileError: a path that is none of one.
        """
        found = inside(self.root, path)
        if found == self.root or found.relative_to(self.root).parts[0] not in _PLACES:
            raise FileError(f"is in none of the folders {', '.join(_PLACES)}.", path=path)
        return found

    # -- studies ----------------------------------------------------------------------------------

    def start(self, plan: StudyPlan) -> str:
        """Start a study, as a process of its own; the name of its folder.

        Raises:
            WriteError: the folder cannot be written.
        """
        stem = slug(Path(plan.training.source).stem)
        name = self.processes.free_name(f"{stem}-{plan.kind}")
        self.processes.start(name, plan.arguments(f"{STUDIES}/{name}"))
        self._changed()
        return name

    def stop(self, name: str) -> None:
        """Stop a study as Ctrl-C does: the trials that have ended are kept.

        The errors are those of `Processes.stop`.
        """
        self.processes.stop(name)
        self._changed()

    def resume(self, name: str) -> None:
        """Go on with a study that was stopped.

        Raises:
            DataNotFoundError: there is no such study.
            FileError: it goes on already, or is complete.
        """
        watched = self.watch(name)
        if not watched.can_resume:
            raise FileError(f"cannot go on: it is {watched.state}.", path=f"{STUDIES}/{name}")
        from segue.studies import status

        kind = status(self.processes.folder(name)).kind
        words = ["study", kind, "--resume", f"{STUDIES}/{name}"]
        self.processes.start(name, words, again=True)
        self._changed()

    def studies(self) -> list[str]:
        """The names of the studies, the newest first; those that were just started come first."""
        found = [row.folder.name for row in self._below(STUDIES) if row.kind == "study"]
        begun = (name for name in reversed(self.processes.started) if name not in found)
        return [*begun, *found]

    def watch(self, name: str) -> WatchedStudy:
        """A study as it is now, also one that was started in a terminal.

        Raises:
            DataNotFoundError: there is no such study.
        """
        folder, text = self.processes.folder(name), self.processes.printed(name)
        messages, is_active = lines_of(text), self.processes.is_active(name)
        is_fine = is_active or self.processes.ended_well(name)
        error = "" if is_fine else self.processes.error(name)
        found = list_runs(folder) if folder.is_dir() else []
        if not any(row.kind == "study" for row in found):
            if name not in self.processes.started:
                raise DataNotFoundError("there is no such study.", path=f"{STUDIES}/{name}")
            if is_active:
                return WatchedStudy(name, "starting", messages=messages)
            if self.processes.was_stopped(name):
                return WatchedStudy(name, "stopped", error=self.processes.error(name))
            return WatchedStudy(name, "failed", messages=messages, error=self.processes.error(name))
        study = next(row for row in found if row.kind == "study")
        trials = in_order([row for row in found if row.kind == "trial"], "score")
        state = "running" if is_active else study.state if is_fine else "failed"
        return WatchedStudy(
            name, state, _facts(folder), tuple(trials), messages, error or study.problem
        )

    # -- side by side -----------------------------------------------------------------------------

    def compare(self, names: Sequence[str]) -> Any:
        """Two runs on the same test sequences, a `segue.runs.RunComparison`.

        Args:
            names: of their folders in `runs`.

        Raises:
            FileError: not two.
            SegueError: as of `segue.runs.compare`.
        """
        from segue.runs import compare

        if len(names) != 2:
            raise FileError(f"{len(names)} runs; two are compared.", path=RUNS)
        return compare(*(self._folder(f"{RUNS}/{name}") for name in names))


def _facts(folder: Path) -> tuple[tuple[str, str], ...]:
    """How far a study is; nothing while its file is half written."""
    from segue.studies import status

    try:
        found = status(folder).lines()
    except (SegueError, OSError, KeyError, ValueError):
        return ()
    return tuple((name, text) for name, text in found if name not in ("", "study"))
