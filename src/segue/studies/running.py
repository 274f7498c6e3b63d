"""Running a study: its parts, sizes, seeds and subsets; submitting the missing trials."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from segue.atomic import locked
from segue.data.dataset import Dataset
from segue.data.sequences import Array
from segue.errors import DataError, OptionError, TrainingError, check_whole, first_few, is_whole
from segue.executors import (
    Executor,
    LocalProcesses,
    ThisProcess,
    completed,
    count_cores,
    started,
)
from segue.progress import Progress, time_left
from segue.randomness import numpy_generator
from segue.studies.elsewhere import Elsewhere, Here, TrialFiles, clear, left_behind
from segue.studies.journal import Journal, key
from segue.studies.study import Row, Study, without_failed
from segue.studies.trials import Trial, TrialSetup, baseline, digest, versions


def split_parts(data: Any, part: str, share: float) -> tuple[Dataset, Dataset]:
    """The training part of a data set, and another one; both without parts.

    Args:
        data: a data set.
        part: "test" or "validation", which is taken where the data set has it.
        share: of the training part that is split off where it has not.

    Raises:
        DataError: something else than a data set, or one with parts of which none is "train".
    """
    if not isinstance(data, Dataset):
        raise DataError(
            f"`data` is a {type(data).__name__}; expected a Dataset, such as segue.Dataset(x, y)."
        )
    if data.parts is not None and "train" not in data.part_names:
        raise DataError(f"The data set has the parts {', '.join(data.part_names)}; no 'train'.")
    train = data if data.parts is None else data.part("train")
    if part in data.part_names:
        other = data.part(part)
    else:
        train, other = train.split(share, seed=0)
    return replace(train, parts=None), replace(other, parts=None)


def as_seeds(seeds: Any) -> tuple[int, ...]:
    """Seeds from their number, or the seeds themselves.

    Raises:
        OptionError: no seed, one twice, or something else than whole numbers.

    >>> as_seeds(3), as_seeds([7, 8])
    ((0, 1, 2), (7, 8))
    """
    listed = _whole_numbers(list(range(seeds)) if is_whole(seeds) else seeds)
    if not listed:
        raise OptionError(
            f"`seeds` is {seeds!r}; expected how many from 1 on, or different whole numbers."
        )
    return listed


def _whole_numbers(values: Any, least: float = -np.inf) -> tuple[int, ...]:
    """The values, if they are different whole numbers from `least` on; else none."""
    listed = list(values) if isinstance(values, list | tuple | np.ndarray) else []
    if not all(is_whole(one, least) for one in listed) or len(set(listed)) < len(listed):
        return ()
    return tuple(map(int, listed))


def stratified_order(data: Dataset, seed: int) -> Array:
    """`[n]`, an order of which every beginning is a stratified subset, as nearly as possible.

    Every class occurs once before any occurs twice. Groups follow one another, each time the one
    that brings the class shares nearest to those of all data: few sequences are then those of few
    groups, as in a smaller collection.

    Args:
        data: the sequences.
        seed: another seed gives another order.

    >>> data = Dataset([[0.0]] * 6, ["a", "a", "a", "a", "b", "b"])
    >>> order = stratified_order(data, seed=0)
    >>> sorted(data.y[order[:2]].tolist()), sorted(data.y[order[:3]].tolist())
    (['a', 'b'], ['a', 'a', 'b'])
    """
    draws = numpy_generator(seed, "study", "subset")
    has_classes = data.classes is not None and np.ndim(data.y) == 1
    _, codes = np.unique(data.y if has_classes else np.zeros(len(data)), return_inverse=True)
    if data.splits_by != "group" or data.groups is None:
        position = np.empty(len(codes))
        for code in range(codes.max() + 1):  # the k-th of m of a class stands at k / m
            members = draws.permutation(np.flatnonzero(codes == code))
            position[members] = np.arange(len(members)) / len(members)
        return np.lexsort((draws.random(len(codes)), position))
    _, members = np.unique(data.groups, return_inverse=True)
    table = np.zeros((members.max() + 1, codes.max() + 1))  # of each class in each group
    np.add.at(table, (members, codes), 1)
    shares = table.sum(axis=0) / table.sum()
    left = draws.permutation(len(table))
    rank, taken = np.empty(len(table), np.int64), np.zeros(table.shape[1])
    for number in range(len(table)):
        sums = taken + table[left]
        distance = np.abs(sums / sums.sum(axis=1, keepdims=True) - shares).sum(axis=1)
        best = int(np.argmin(distance))
        rank[left[best]], taken = number, sums[best]
        left = np.delete(left, best)
    return np.lexsort((draws.random(len(data)), rank[members]))


def choose_sizes(sizes: object, count: int) -> tuple[int, ...]:
    """Validate the sizes of a learning curve; by default up to six, each twice the one before.

    Raises:
        DataError: more than there are, fewer than 2, not whole numbers, or none.

    >>> choose_sizes(None, 400)
    (12, 25, 50, 100, 200, 400)
    """
    if sizes is None:
        halved = sorted({count >> power for power in range(6)} - {0, 1, 2, 3})
        return tuple(halved) or (count,)
    listed = _whole_numbers(sizes, least=2)
    if not listed:
        raise DataError(
            f"`sizes` is {sizes!r}; expected different whole numbers of sequences from 2 on, such "
            "as [20, 50, 100]."
        )
    if max(listed) > count:
        raise DataError(f"`sizes` has {max(listed)}, and there are {count} training sequences.")
    return tuple(sorted(listed))


_ALWAYS = ("network", "prepare", "epochs", "batch_size", "learning_rate")  # also the defaults
_PROGRESS_LINES = 20  # about so many in a whole study,
_LINE_SECONDS = 30.0  # but at least one in so many seconds

StudyType = TypeVar("StudyType", bound=Study)


def run_study(
    study: type[StudyType],
    fields: Row,
    setup: TrialSetup,
    trials: list[Trial],
    space: Row,
    *,
    folder: str | Path | None,
    workers: int | None,
    executor: Executor | None,
    progress: str,
    source: Any,
    recipe: Any,
) -> StudyType:
    """Run the missing trials, and write the study's files where it has a folder.

    Args:
        study: the class of the study.
        fields: its own, beside the results of the trials.
        setup: what all trials share.
        trials: all trials of the study.
        space: what the trials were made from; JSON.
        folder: the study's folder; `None`: nothing is written.
        workers: trials at once; `None`: one a processor.
        executor: runs the trials, in place of processes of this machine.
        progress: "auto", "bar", "lines" or "none".
        source: name of the data and how they were read; JSON, compared when a study continues.
        recipe: how to make the same call again; JSON, kept but not compared.

    Raises:
        FileError: the folder holds another study, or another process works in it.
        TrainingError: no trial could be trained, or a worker process died.
        KeyboardInterrupt: Ctrl-C; finished trials are kept.
    """
    path = None if folder is None else Path(folder)
    fingerprint = _fingerprint(study.kind, setup, space, source)
    header = {"fingerprint": fingerprint, "recipe": recipe, "trials": len(trials)}
    lock = nullcontext() if path is None else locked(path, "study")
    with lock, closing(Journal(header, path)) as journal:
        _run_missing(setup, trials, journal, workers, executor=executor, style=progress)
        if path is not None:
            clear(path)
    rows = tuple(journal.rows[key(trial.key)] for trial in trials)
    done = without_failed(rows)
    if not done:
        raise TrainingError(f"No trial could be trained. The first one: {rows[0]['error']}")
    metric = "rmse" if "rmse" in done[0] else "accuracy"
    constant = baseline(setup, metric)
    result = study(metric=metric, rows=rows, baseline=constant, folder=path, **fields)
    if path is not None:
        result.save(path, _facts(setup, fingerprint))
    return result


def _run_missing(
    setup: TrialSetup,
    trials: list[Trial],
    journal: Journal,
    workers: int | None,
    *,
    executor: Executor | None,
    style: str,
) -> None:
    missing = _missing(trials, journal)
    total, done = len(trials), len(trials) - len(missing)
    if workers is None:
        workers = count_cores() if executor is None else total
    check_whole("workers", workers)
    workers = max(1, min(workers, len(missing)))
    progress = Progress(style, pause=_LINE_SECONDS)
    if not missing:
        return
    if done:
        progress.write(f"{done} of {total} trials were done before and are kept")
    cost_left, cost_done, seconds = sum(trial.cost for trial in missing), 0.0, 0.0
    every, began = max(1, total // _PROGRESS_LINES), time.monotonic()
    work, is_engine = Here(setup, journal.folder), executor is not None
    if executor is None:
        executor = ThisProcess() if workers == 1 else LocalProcesses(workers)
    elif journal.folder is not None:
        work = Elsewhere(setup, journal.folder)
    try:
        with progress, started(executor) as running:
            progress.show(f"trial {done}/{total}", share=done / total, left="")
            for trial, row in _results(running, work, missing, at_once=workers):
                _keep(row, journal)
                done, seconds = done + 1, seconds + row["seconds"]
                cost_done, cost_left = cost_done + trial.cost, cost_left - trial.cost
                spent = time.monotonic() - began if is_engine else seconds / workers
                left = spent / cost_done * cost_left
                progress.show(
                    f"trial {done}/{total}",
                    _outcome(row),
                    share=done / total,
                    left=time_left(left) if done < total else "",
                    is_due=done % every == 0 or done in (1, total),
                )
    except KeyboardInterrupt:
        how = "is lost: the study has no folder"
        if journal.folder is not None:
            how = f"is kept in {journal.folder}; the same call goes on from there"
        advice = work.advice()
        text = f"after {done} of {total} trials. What is done {how}{advice}"
        raise KeyboardInterrupt(text) from None


def _outcome(row: Row) -> str:
    name = ", ".join(f"{name} {value}" for name, value in row["trial"].items())
    if "error" in row:
        return f"{name}: {row['error'].splitlines()[0]}"
    metric = "accuracy" if "accuracy" in row else "rmse"
    return f"{name}: {metric} {row[metric]:.4f}, loss {row['loss']:.4f}"


def _results(
    executor: Executor, work: Here, trials: list[Trial], *, at_once: int
) -> Iterator[tuple[Trial, Row]]:
    """Run trials, and yield each with its row when it is done."""
    results = completed(
        executor,
        work.function,
        [work.arguments(trial) for trial in trials],
        at_once=at_once,
        begun=work.begun(executor, trials),
        submitted=lambda number, future: work.submitted(trials[number], future),
    )
    for number, value in results:
        yield trials[number], work.row(trials[number], value)


def _missing(trials: list[Trial], journal: Journal) -> list[Trial]:
    """The trials without a row, when what was left behind in the folder is in the journal."""
    missing = [trial for trial in trials if key(trial.key) not in journal.rows]
    if journal.folder is not None:
        for row in left_behind(journal.folder, missing):
            _keep(row, journal)
    return [trial for trial in missing if key(trial.key) not in journal.rows]


def _keep(row: Row, journal: Journal) -> None:
    journal.add(row)
    if journal.folder is not None:
        TrialFiles.of(journal.folder, row["trial"]).remove()


def _facts(setup: TrialSetup, fingerprint: Row) -> list[tuple[str, str]]:
    """The data, and the settings that are not the defaults, as pairs of a heading and a text."""
    estimator, source = dict(fingerprint["estimator"]), fingerprint["source"]
    name = source.get("source") if isinstance(source, dict) else source
    space = fingerprint["space"].get("values", fingerprint["space"])
    found = [
        ("source", "" if name is None else str(name)),
        ("trained on", fingerprint["data"]["learnt"]),
        ("scored on", fingerprint["data"]["scored"]),
        ("estimator", estimator.pop("kind")),
    ]
    defaults = type(setup.estimator)().get_params()
    for setting, value in {**estimator, **space}.items():
        if setting in (*space, *_ALWAYS) or value != plain(defaults.get(setting)):
            text = first_few(value, 12) if isinstance(value, list) else str(value)
            found.append((setting, text))
    return [(heading, text) for heading, text in found if text]


# -- identity of a study --------------------------------------------------------------------------


def _fingerprint(kind: str, setup: TrialSetup, space: Row, source: Any) -> Row:
    """The values that two calls must share for one to continue the other."""
    settings = {
        name: plain(value)
        for name, value in setup.estimator.get_params().items()
        if name not in ("options", "options__progress", "options__threads")
    }
    return {
        "study": kind,
        "source": source,
        "data": {"learnt": digest(setup.train), "scored": digest(setup.held_out)},
        "estimator": {"kind": type(setup.estimator).__name__, **settings},
        "space": space,
        "versions": versions(),
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
