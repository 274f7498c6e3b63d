"""What every study does: submit the trials that are missing, and keep each row as it comes."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from segue.dataset import Dataset
from segue.errors import OptionError, TrainingError
from segue.sequences import Sequences
from segue.studies.executors import Executor, Future, LocalProcesses, ThisProcess, count_cores
from segue.studies.journal import Journal, key, locked
from segue.studies.progress import Progress
from segue.studies.trials import Row, Trial, Work, run_trial

_PAUSE = 0.02  # seconds between two looks at what is running


@dataclass(frozen=True)
class Place:
    """Where and how a study is run.

    Attributes:
        folder: where it is kept; `None`: nowhere.
        workers: how many trials are done at once; `None`: one a processor.
        executor: does the trials, in place of processes of this machine.
        progress: "auto", "bar", "lines" or "none".
        source: what the data are called and how they were read; JSON, compared when a study goes
            on.
        recipe: how to make the same call again; JSON, kept but not compared.
    """

    folder: Path | None
    workers: int | None
    executor: Executor | None
    progress: str
    source: Any = None
    recipe: Any = None

    def count(self, trials: int) -> int:
        """How many trials are done at once.

        Raises:
            OptionError: not a whole number from 1 on.
        """
        wanted = count_cores() if self.workers is None else self.workers
        if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 1:
            raise OptionError(f"`workers` is {wanted!r}; expected a whole number from 1 on.")
        return max(1, min(wanted, trials))


def run_study(kind: str, work: Work, trials: list[Trial], space: Row, place: Place) -> list[Row]:
    """Run the trials that are missing; return the rows of all, in the order of the trials.

    Args:
        kind: what the study is called.
        work: what all trials share.
        trials: what is to be done.
        space: what the trials were made from; JSON.
        place: where and how.

    Raises:
        FileError: the folder holds another study, or another process is working on it.
        TrainingError: no trial could be trained, or a process died.
        KeyboardInterrupt: Ctrl-C; what is finished is kept.
    """
    header = {"fingerprint": _fingerprint(kind, work, space, place), "recipe": place.recipe}
    with nullcontext() if place.folder is None else locked(place.folder):
        journal = Journal(header, place.folder)
        try:
            _run_missing(work, trials, journal, place)
        finally:
            journal.close()
    rows = [journal.rows[key(trial.key)] for trial in trials]
    if all("error" in row for row in rows):
        raise TrainingError(f"No trial could be trained. The first one: {rows[0]['error']}")
    return rows


def _run_missing(work: Work, trials: list[Trial], journal: Journal, place: Place) -> None:
    missing = [trial for trial in trials if key(trial.key) not in journal.rows]
    kept = [trial for trial in trials if key(trial.key) in journal.rows]
    workers = place.count(max(1, len(missing)))
    progress = Progress(place.progress, trials, workers=workers)
    if not missing:
        return
    progress.begin(kept)
    try:
        with _executor(place, workers) as executor:
            for trial, row in _rows(executor, work, missing, at_once=workers):
                journal.add(row)
                progress.step(trial, row)
    except KeyboardInterrupt:
        progress.end()
        how = "is lost: the study has no folder"
        if place.folder is not None:
            how = f"is kept in {place.folder}; the same call goes on from there"
        progress.say(
            f"interrupted after {progress.done} of {len(trials)} trials. What is done {how}"
        )
        raise
    finally:
        progress.end()


@contextmanager
def _executor(place: Place, workers: int) -> Iterator[Executor]:
    if place.executor is not None:
        if not isinstance(place.executor, Executor):
            raise OptionError(
                f"`executor` is {place.executor!r}; expected something with `submit(function, "
                "*arguments)`, such as those of concurrent.futures."
            )
        yield place.executor
    elif workers == 1:
        yield ThisProcess()
    else:
        with LocalProcesses(workers) as processes:
            yield processes


def _rows(
    executor: Executor, work: Work, trials: list[Trial], *, at_once: int
) -> Iterator[tuple[Trial, Row]]:
    """Keep so many trials submitted, and give each row as it comes."""
    waiting = list(reversed(trials))
    running: list[tuple[Trial, Future]] = []
    while waiting or running:
        while waiting and len(running) < at_once:
            trial = waiting.pop()
            running.append((trial, executor.submit(run_trial, work, trial)))
        are_done = [future.done() for _, future in running]
        for (trial, future), is_done in zip(running, are_done, strict=True):
            if is_done:
                yield trial, future.result()
        running = [one for one, is_done in zip(running, are_done, strict=True) if not is_done]
        if not any(are_done):
            time.sleep(_PAUSE)


# -- what a study is ------------------------------------------------------------------------------


def _fingerprint(kind: str, work: Work, space: Row, place: Place) -> Row:
    """What two calls must share for one to go on from the other."""
    settings = {
        name: plain(value)
        for name, value in work.estimator.get_params().items()
        if name not in ("options", "options__progress", "options__threads")
    }
    return {
        "study": kind,
        "source": place.source,
        "data": {"learnt": digest(work.train), "scored": digest(work.held)},
        "estimator": {"kind": type(work.estimator).__name__, **settings},
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
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))  # where an object lies says nothing


def digest(data: Dataset) -> str:
    """How many sequences there are, with a check sum of values, lengths, targets and groups."""
    found = hashlib.blake2b(digest_size=8)
    for block in data.x.blocks():
        found.update(block.lengths.tobytes())
        found.update(np.ascontiguousarray(block.values).tobytes())
    for column in (data.y, data.groups, data.static, data.spans, data.classes):
        values = column.values if isinstance(column, Sequences) else np.asarray(column)
        found.update(str(values.dtype.kind).encode() + str(values.tolist()).encode())
    return f"{len(data)} sequences, {found.hexdigest()}"
