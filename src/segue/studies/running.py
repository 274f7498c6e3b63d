"""Running a study: submit the missing trials, write each row to the journal, show the progress."""

from __future__ import annotations

import hashlib
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from segue.dataset import Dataset
from segue.errors import OptionError, TrainingError
from segue.executors import Executor, Future, LocalProcesses, ThisProcess, count_cores
from segue.sequences import Sequences
from segue.studies.journal import Journal, key, locked
from segue.studies.trials import Row, Trial, TrialSetup, run_trial

_POLL_SECONDS = 0.02
_PROGRESS_LINES = 20  # about so many in a whole study,
_LINE_SECONDS = 30.0  # but at least one in so many seconds


@dataclass(frozen=True)
class StudyConfig:
    """Where and how a study runs.

    Attributes:
        folder: the study's folder; `None`: nothing is written.
        workers: trials at once; `None`: one a processor.
        executor: runs the trials, in place of processes of this machine.
        progress: "auto", "bar", "lines" or "none".
        source: name of the data and how they were read; JSON, compared when a study continues.
        recipe: how to make the same call again; JSON, kept but not compared.
    """

    folder: Path | None
    workers: int | None
    executor: Executor | None
    progress: str
    source: Any = None
    recipe: Any = None

    def workers_for(self, trials: int) -> int:
        """Number of trials at once.

        Raises:
            OptionError: `workers` is no whole number from 1 on.
        """
        wanted = count_cores() if self.workers is None else self.workers
        if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 1:
            raise OptionError(f"`workers` is {wanted!r}; expected a whole number from 1 on.")
        return max(1, min(wanted, trials))


def run_study(
    kind: str, setup: TrialSetup, trials: list[Trial], space: Row, config: StudyConfig
) -> list[Row]:
    """Run the missing trials; return the rows of all, in the order of the trials.

    Args:
        kind: name of the kind of study.
        setup: what all trials share.
        trials: all trials of the study.
        space: what the trials were made from; JSON.
        config: where and how.

    Raises:
        FileError: the folder holds another study, or another process works in it.
        TrainingError: no trial could be trained, or a worker process died.
        KeyboardInterrupt: Ctrl-C; finished trials are kept.
    """
    header = {"fingerprint": _fingerprint(kind, setup, space, config), "recipe": config.recipe}
    with nullcontext() if config.folder is None else locked(config.folder):
        journal = Journal(header, config.folder)
        try:
            _run_missing(setup, trials, journal, config)
        finally:
            journal.close()
    rows = [journal.rows[key(trial.key)] for trial in trials]
    if all("error" in row for row in rows):
        raise TrainingError(f"No trial could be trained. The first one: {rows[0]['error']}")
    return rows


def _run_missing(
    setup: TrialSetup, trials: list[Trial], journal: Journal, config: StudyConfig
) -> None:
    missing = [trial for trial in trials if key(trial.key) not in journal.rows]
    kept = [trial for trial in trials if key(trial.key) in journal.rows]
    workers = config.workers_for(max(1, len(missing)))
    progress = Progress(config.progress, trials, workers=workers)
    if not missing:
        return
    progress.begin(kept)
    try:
        with _executor(config, workers) as executor:
            for trial, row in _results(executor, setup, missing, at_once=workers):
                journal.add(row)
                progress.step(trial, row)
    except KeyboardInterrupt:
        progress.end()
        how = "is lost: the study has no folder"
        if config.folder is not None:
            how = f"is kept in {config.folder}; the same call goes on from there"
        progress.write(
            f"interrupted after {progress.done} of {len(trials)} trials. What is done {how}"
        )
        raise
    finally:
        progress.end()


@contextmanager
def _executor(config: StudyConfig, workers: int) -> Iterator[Executor]:
    if config.executor is not None:
        if not isinstance(config.executor, Executor):
            raise OptionError(
                f"`executor` is {config.executor!r}; expected something with `submit(function, "
                "*arguments)`, such as those of concurrent.futures."
            )
        yield config.executor
    elif workers == 1:
        yield ThisProcess()
    else:
        with LocalProcesses(workers) as processes:
            yield processes


def _results(
    executor: Executor, setup: TrialSetup, trials: list[Trial], *, at_once: int
) -> Iterator[tuple[Trial, Row]]:
    """Keep `at_once` trials submitted, and yield each row when it is done."""
    waiting = list(reversed(trials))
    running: list[tuple[Trial, Future]] = []
    while waiting or running:
        while waiting and len(running) < at_once:
            trial = waiting.pop()
            running.append((trial, executor.submit(run_trial, setup, trial)))
        are_done = [future.done() for _, future in running]
        for (trial, future), is_done in zip(running, are_done, strict=True):
            if is_done:
                yield trial, future.result()
        running = [one for one, is_done in zip(running, are_done, strict=True) if not is_done]
        if not any(are_done):
            time.sleep(_POLL_SECONDS)


# -- identity of a study --------------------------------------------------------------------------


def _fingerprint(kind: str, setup: TrialSetup, space: Row, config: StudyConfig) -> Row:
    """What two calls must share for one to continue the other."""
    settings = {
        name: plain(value)
        for name, value in setup.estimator.get_params().items()
        if name not in ("options", "options__progress", "options__threads")
    }
    return {
        "study": kind,
        "source": config.source,
        "data": {"learnt": digest(setup.train), "scored": digest(setup.held_out)},
        "estimator": {"kind": type(setup.estimator).__name__, **settings},
        "space": space,
        "versions": {name: version(name) for name in ("segue", "numpy", "torch")},
    }


def plain(value: Any) -> Any:
    """A value as JSON, the same for equal values in every process.

    >>> plain(("adam", 0.1, None))
    ['adam', 0.1, None]
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, Dataset):
        return digest(value)
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))  # an address in memory identifies nothing


def digest(data: Dataset) -> str:
    """Number of sequences, with a checksum of values, lengths, targets and groups."""
    checksum = hashlib.blake2b(digest_size=8)
    for block in data.x.blocks():
        checksum.update(block.lengths.tobytes())
        checksum.update(np.ascontiguousarray(block.values).tobytes())
    for column in (data.y, data.groups, data.static, data.spans, data.classes):
        values = column.values if isinstance(column, Sequences) else np.asarray(column)
        checksum.update(str(values.dtype.kind).encode() + str(values.tolist()).encode())
    return f"{len(data)} sequences, {checksum.hexdigest()}"


# -- progress -------------------------------------------------------------------------------------


class Progress:
    """Progress of a study: a bar with the time left on a terminal, plain lines elsewhere.

    Args:
        how: "auto", "bar", "lines" or "none"; "auto" is a bar on a terminal and lines elsewhere.
        trials: all trials of the study.
        workers: trials at once.
        stream: where to write; standard error if left out.

    Raises:
        OptionError: another `how`.
    """

    def __init__(
        self, how: str, trials: list[Trial], *, workers: int, stream: TextIO | None = None
    ) -> None:
        if how not in ("auto", "bar", "lines", "none"):
            raise OptionError(f"`progress` is {how!r}; expected auto, bar, lines or none.")
        self.stream = sys.stderr if stream is None else stream
        self.how = ("bar" if self.stream.isatty() else "lines") if how == "auto" else how
        self.total, self.workers = len(trials), workers
        self.cost_left = sum(trial.cost for trial in trials)
        self.cost_done = self.seconds = self.last_line = 0.0
        self.done = 0
        self._bar: Any = None

    def begin(self, kept: list[Trial]) -> None:
        """Begin, with the trials that were finished before."""
        self.done = len(kept)
        self.cost_left -= sum(trial.cost for trial in kept)
        if kept:
            self.write(f"{len(kept)} of {self.total} trials were done before and are kept")
        if self.how == "bar":
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn
            from rich.progress import Progress as Bar

            shown = TextColumn("trial {task.completed}/{task.total}"), BarColumn(bar_width=24)
            text = TextColumn("{task.description}", markup=False)
            self._bar = Bar(*shown, text, console=Console(file=self.stream))
            self._task = self._bar.add_task("", total=self.total, completed=self.done)
            self._bar.start()

    def step(self, trial: Trial, row: Row) -> None:
        """Show a trial that has ended."""
        self.done += 1
        self.seconds += row["seconds"]
        self.cost_done += trial.cost
        self.cost_left -= trial.cost
        text = f"{', '.join(f'{name} {value}' for name, value in trial.key.items())}: "
        text += _outcome(row)
        seconds_left = self.seconds / self.cost_done * self.cost_left / self.workers
        left = f"{_duration(seconds_left)} left" if self.done < self.total else ""
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done, description=f"{text}  {left}")
        elif self._is_due():
            self.last_line = time.monotonic()
            self.write(f"trial {self.done}/{self.total}: {text}{', ' + left if left else ''}")

    def end(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.stop()

    def write(self, text: str) -> None:
        """Write a line."""
        if self.how != "none":
            print(text, file=self.stream, flush=True)

    def _is_due(self) -> bool:
        every = max(1, self.total // _PROGRESS_LINES)
        is_milestone = self.done % every == 0 or self.done in (1, self.total)
        return is_milestone or time.monotonic() - self.last_line > _LINE_SECONDS


def _outcome(row: Row) -> str:
    if "error" in row:
        return str(row["error"]).splitlines()[0]
    metric = "accuracy" if "accuracy" in row else "rmse"
    return f"{metric} {row[metric]:.4f}, loss {row['loss']:.4f}"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
