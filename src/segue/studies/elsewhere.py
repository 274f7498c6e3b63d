"""Trials in processes of this machine, or wherever an engine runs them: what goes there and back.

In processes of this machine a trial gets the sequences and returns its row. An engine gets and
returns hardly anything; the study's folder, which must be on a disk that all machines share, has

    data/                the sequences, written once, under their checksum
    trials/<id>.job      the engine's number of the job that a trial was submitted as
    trials/<id>.started  where a trial runs, and since when
    trials/<id>/         the checkpoint of its training, so that a job whose time ran out goes on
    trials/<id>.json     its row, whole or not there, until the study's journal has it

The id is a hash of the trial's settings. An engine may lose a trial or run it twice: a row that is
there is not computed again, and equal trials give equal rows.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from segue.atomic import locked, make_folder, remove_file, write_text
from segue.data.dataset import Dataset
from segue.errors import FileError, OptionError
from segue.estimators.base import BaseSequenceEstimator
from segue.executors import Executor, Future, LostCallError, SlurmExecutor, SlurmJob
from segue.studies.journal import Row, key
from segue.studies.trials import Trial, TrialSetup, digest, run_trial, versions

_WAIT_SECONDS = 1.0


@dataclass(frozen=True)
class StoredSetup:
    """The setup of a study whose sequences lie in its folder.

    Attributes:
        folder: of the study, on a disk that all machines share.
        files: where the training sequences lie in it, and those that are scored.
        estimator: as in `TrialSetup`.
        validate: likewise.
        versions: of the packages that must be the same where a trial runs.
    """

    folder: Path
    files: tuple[Path, Path]
    estimator: BaseSequenceEstimator
    validate: bool
    versions: dict[str, str] = field(default_factory=versions)

    @classmethod
    def write(cls, setup: TrialSetup, folder: Path) -> StoredSetup:
        """Write the sequences, unless the same are there."""
        folder = folder.resolve()
        make_folder(folder / "data")
        files = (_stored(setup.train, folder), _stored(setup.held_out, folder))
        return cls(folder, files, setup.estimator, setup.validate)

    def read(self) -> TrialSetup:
        """The setup with its sequences, mapped from the disk."""
        train, held_out = map(_opened, self.files)
        return TrialSetup(self.estimator, train, held_out, self.validate)


def _stored(data: Dataset, folder: Path) -> Path:
    """The file of some sequences, under their checksum."""
    path = folder / "data" / f"{digest(data).rpartition(' ')[2]}.arrow"
    if not path.exists():
        data.write(path)
    return path


@cache
def _opened(path: Path) -> Dataset:
    return replace(Dataset.open(path), notes=())


@dataclass(frozen=True)
class TrialFiles:
    """The files of one trial.

    >>> TrialFiles.of(Path("study"), {"seed": 0}).row.as_posix()
    'study/trials/d8044728dde11288.json'
    """

    base: Path

    @classmethod
    def of(cls, folder: Path, trial: Row) -> TrialFiles:
        """Those of a trial with these settings."""
        identity = hashlib.blake2b(key(trial).encode(), digest_size=8).hexdigest()
        return cls(folder / "trials" / identity)

    @property
    def row(self) -> Path:
        """Where the result lies until the journal has it."""
        return self.base.with_suffix(".json")

    @property
    def job(self) -> Path:
        """Where the engine's number of the job lies."""
        return self.base.with_suffix(".job")

    @property
    def started(self) -> Path:
        """Where a process says that it works on the trial."""
        return self.base.with_suffix(".started")

    def read(self) -> Row | None:
        """The result, if it is there."""
        try:
            row = json.loads(self.row.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise FileError(
                "is damaged. Remove it, and its trial is run again.", path=self.row
            ) from error
        return dict(row)

    def start(self, trial: Row) -> None:
        """Say that this process works on the trial, for `segue study status`."""
        host = os.environ.get("SLURMD_NODENAME") or socket.gethostname()
        facts = {"trial": trial, "host": host, "process": os.getpid(), "job": _job_number()}
        facts |= {"began": time.time()}
        make_folder(self.base.parent)
        with suppress(OSError):  # what is only shown need not hold up a trial
            self.started.write_text(json.dumps(facts), encoding="utf-8")

    def remove(self) -> None:
        """Remove all of them: the journal has the row."""
        for path in (self.row, self.job, self.started):
            remove_file(path)
        shutil.rmtree(self.base, ignore_errors=True)


def _job_number() -> str | None:
    """Slurm's number of the job that this process is."""
    array, task = (os.environ.get(f"SLURM_ARRAY_{name}_ID") for name in ("JOB", "TASK"))
    return f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID")


def run_stored_trial(setup: StoredSetup, trial: Trial) -> None:
    """Run a trial and leave its row in the study's folder, unless it is there.

    Raises:
        OptionError: other versions than where the study was begun.
    """
    if versions() != setup.versions:
        raise OptionError(
            f"The study was begun with {setup.versions}, and this machine has {versions()}: their "
            "results cannot be mixed. Install the same versions."
        )
    files = TrialFiles.of(setup.folder, trial.key)
    with ExitStack() as stack:
        while not files.row.exists():
            try:
                stack.enter_context(locked(files.base, "trial"))
            except FileError:  # an engine that believed it lost has sent it a second time
                time.sleep(_WAIT_SECONDS)
                continue
            files.start(trial.key)
            row = run_trial(setup.read(), trial, folder=files.base)
            write_text(files.row, json.dumps(row, allow_nan=True) + "\n")


class Here:
    """Trials in processes of this machine.

    Args:
        setup: what all trials share.
        folder: of the study, if it has one.
    """

    function: Callable[..., Any] = staticmethod(run_trial)

    def __init__(self, setup: TrialSetup, folder: Path | None) -> None:
        self.setup, self.folder = setup, folder

    def arguments(self, trial: Trial) -> tuple[Any, ...]:
        """What `function` is called with."""
        return self.setup, trial

    def begun(self, executor: Executor, trials: Sequence[Trial]) -> dict[int, Future]:
        """The trials, by their numbers, that are in the engine's hands already."""
        return {}

    def submitted(self, trial: Trial, future: Future) -> None:
        """Note that a trial is on its way."""
        if self.folder is not None:
            TrialFiles.of(self.folder, trial.key).start(trial.key)

    def row(self, trial: Trial, value: Any) -> Row:
        """The row of a trial whose call has returned a value."""
        return dict(value)

    def advice(self) -> str:
        """What goes on after Ctrl-C, and what to do about it."""
        return ""


class Elsewhere(Here):
    """Trials of a study that an engine runs, with its folder between them."""

    function = staticmethod(run_stored_trial)

    def __init__(self, setup: TrialSetup, folder: Path) -> None:
        super().__init__(setup, folder)
        self.stored = StoredSetup.write(setup, folder)
        self.jobs: set[str] = set()

    def arguments(self, trial: Trial) -> tuple[Any, ...]:
        return self.stored, trial

    def begun(self, executor: Executor, trials: Sequence[Trial]) -> dict[int, Future]:
        found: dict[int, Future] = {}
        if isinstance(executor, SlurmExecutor):
            for number, trial in enumerate(trials):
                path = TrialFiles.of(self.stored.folder, trial.key).job
                job = executor.find(path.read_text("utf-8")) if path.exists() else None
                if job is not None:
                    found[number] = job
                    self.jobs.add(job.number)
        return found

    def submitted(self, trial: Trial, future: Future) -> None:
        if isinstance(future, SlurmJob):
            write_text(TrialFiles.of(self.stored.folder, trial.key).job, future.number)
            self.jobs.add(future.number)

    def row(self, trial: Trial, value: Any) -> Row:
        row = TrialFiles.of(self.stored.folder, trial.key).read()
        if row is None:
            raise LostCallError(
                f"A trial is done and has left no result in {self.stored.folder}. Is that folder "
                "on a disk that all machines share?"
            )
        return row

    def advice(self) -> str:
        arrays = " ".join(sorted({number.partition("_")[0] for number in self.jobs}))
        how = f" (`scancel {arrays}` ends them)" if arrays else ""
        return (
            f". What was submitted goes on{how}: `segue study status {self.folder}` shows it, and "
            "the same call takes it over"
        )


def left_behind(folder: Path, trials: Iterable[Trial]) -> Iterator[Row]:
    """The rows of these trials that lie in the folder since a process of the study has ended."""
    for trial in trials:
        row = TrialFiles.of(folder, trial.key).read()
        if row is not None:
            yield row


def clear(folder: Path) -> None:
    """Remove what only trials need: the study is done."""
    for name in ("trials", "data"):
        shutil.rmtree(folder / name, ignore_errors=True)
