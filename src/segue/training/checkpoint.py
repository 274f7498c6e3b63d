"""Checkpoints: the whole state of a training in one file; resuming gives the same bits.

Written after an epoch, and within one where that is wanted; whole or not at all; read only to be
continued. Arrays and JSON, nothing else: a checkpoint cannot run code. The last one stays until
the results of the training are safe, and is then removed (`remove`).
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pydantic

from segue import tensorfile
from segue.atomic import make_folder, remove_file
from segue.data.arrays import Array
from segue.errors import ModelFileError, OptionError, fields_refused, refuse_pointer, warn_user
from segue.networks import is_custom
from segue.training.history import Callback, HistoryWriter, Row
from segue.training.loop import Standing, TrainingState, judged
from segue.training.objectives import RunningMetrics
from segue.training.setup import TrainingSetup
from segue.training.trainer import Trainer

FORMAT = 4  # format 3 had the weights by PyTorch's names
EVERY_SECONDS = 5.0  # between two checkpoints, unless the options say otherwise


class Checkpointer(Callback):
    """Writes the state after an epoch, when the last write is some time ago, and at the end.

    With `options.checkpoint_every` it is written within an epoch too.

    Args:
        trainer: has the weights, and the state of the optimizer.
        state: of the training.
        path: the file.
        fingerprint: what a training must have in common with this one to go on from it.
        every_seconds: the least time between two writes.
    """

    every_update = False

    def __init__(
        self,
        trainer: Trainer,
        state: TrainingState,
        path: Path,
        fingerprint: dict[str, Any],
        every_seconds: float | None = None,
    ) -> None:
        self.trainer = trainer
        self.state = state
        self.path = path
        self.fingerprint = fingerprint
        within_epochs = trainer.job.options.checkpoint_every
        self.within_epochs = within_epochs is not None
        given = (every_seconds, within_epochs, EVERY_SECONDS)
        self.every_seconds = next(seconds for seconds in given if seconds is not None)
        self.written, self.started = -math.inf, time.monotonic()
        self.unwritten: bytes | None = None  # of the last epoch

    def on_update(self, epoch: int, share: float, means: Any) -> None:
        due = max(self.written, self.started) + self.every_seconds
        if self.within_epochs and share < 1 and time.monotonic() >= due:
            self._write(as_bytes(self.trainer, self.state, self.fingerprint))

    def on_epoch(self, row: dict[str, float], state: TrainingState) -> None:
        content = as_bytes(self.trainer, state, self.fingerprint)
        if time.monotonic() - self.written >= self.every_seconds:
            self._write(content)
        else:
            self.unwritten = content

    def on_end(self, ended: str) -> None:
        if self.unwritten is not None:  # no epoch that is done is done again
            self._write(self.unwritten)

    def _write(self, content: bytes) -> None:
        self.unwritten = None
        tensorfile.write(self.path, content)
        self.written = time.monotonic()


NAMES = ("state.safetensors", "refit.safetensors")  # in the folder `checkpoint` of a training


def remove(folder: Path) -> None:
    """Remove the checkpoints of the training in a folder; its results are safe.

    Nothing else is touched: what other trainings, or other programs, keep there stays.
    """
    path = folder / "checkpoint"
    for name in NAMES:
        remove_file(path / name)
    with contextlib.suppress(OSError):  # it is not there, or holds something else
        path.rmdir()


class _Closed(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Progress(_Closed):
    """The fields of a `TrainingState` besides arrays, under the same names."""

    rows: Annotated[list[dict[str, int | float]], pydantic.FailFast()]
    best_epoch: int | None
    last_finite_epoch: int
    epochs_without_improvement: int
    plateau: float
    seconds: float
    updates: int = pydantic.Field(ge=0)
    sums: dict[str, float]


class _Description(_Closed):
    """The JSON of a checkpoint."""

    format: Literal[4]
    fingerprint: dict[str, Any]
    environment: dict[str, str] = {}
    state: _Progress


_WEIGHTS = {
    "best": "best_weights",
    "last": "last_weights",
    "last_finite": "last_finite_weights",
}


def as_bytes(trainer: Trainer, state: TrainingState, fingerprint: dict[str, Any]) -> bytes:
    """The network's weights and the state, as they are written."""
    arrays = {f"network/{k}": v for k, v in trainer.weights().items()}
    for name, attribute in _WEIGHTS.items():
        if name != "last" or state.updates:  # after an epoch they are the network's
            arrays |= {f"{name}/{k}": v for k, v in getattr(state, attribute).items()}
    arrays |= {f"optimizer/{k}": v for k, v in trainer.optimizer_state().items()}
    progress = {name: getattr(state, name) for name in _Progress.model_fields}
    facts = {
        "format": FORMAT,
        "fingerprint": fingerprint,
        "environment": trainer.environment(),
        "state": progress,
    }
    return tensorfile.to_bytes(json.dumps(facts), arrays)


def read(path: Path, trainer: Trainer, fingerprint: dict[str, Any]) -> TrainingState:
    """Give the trainer its weights and its optimizer's state; return the state to go on from.

    Raises:
        ModelFileError: damaged, of a training with other data, network or options, or of another
            format.
    """
    refuse_pointer(path, ModelFileError)
    try:
        text, arrays, is_checked = tensorfile.read(path)
        facts = tensorfile.from_json(text)
        found = facts.get("format") if isinstance(facts, dict) else None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelFileError(f"is no checkpoint: it {error}.", path=path) from error
    if found != FORMAT:
        raise ModelFileError(
            f"is a checkpoint of format {found!r}; this version of segue goes on from format "
            f"{FORMAT}. Resume with the version that wrote it, or begin anew in another folder.",
            path=path,
        )
    try:
        description = _Description.model_validate_json(text)
        if not is_checked:
            raise ValueError("it has no checksum")
    except ValueError as error:
        raise ModelFileError(
            f"is a damaged checkpoint: {fields_refused(error)}.", path=path
        ) from error
    before = description.fingerprint
    changed = sorted(k for k in before if k not in fingerprint or fingerprint[k] != before[k])
    if changed:
        raise ModelFileError(
            f"belongs to a training with another {', '.join(changed)}. Resume with what it began "
            "with, or begin anew in another folder.",
            path=path,
        )
    begun = {"precision": "float32", **description.environment}
    try:
        if trainer.precision != begun["precision"]:
            trainer.use_precision(begun["precision"])
    except OptionError as error:
        raise ModelFileError(
            f"belongs to a training that was begun in {begun['precision']}: {error} Resume where "
            "that can be had, or begin anew in another folder.",
            path=path,
        ) from error
    try:
        state = _restored(trainer, description.state, arrays)
    except (RuntimeError, ValueError, LookupError, ArithmeticError) as error:
        raise ModelFileError(f"is a damaged checkpoint: {error}.", path=path) from error
    # A checkpoint of before there was a precision is of float32.
    _tell_unknown(path, fingerprint.keys() - before.keys() - {"options__precision"})
    _tell_environment(begun, trainer.environment())
    return state


def _tell_unknown(path: Path, missing: Collection[str]) -> None:
    """Warn of what cannot be known about a checkpoint: an older segue did not write it."""
    unknown = [f"whether it is of the same {name}" for name in sorted(missing)]
    if unknown:
        warn_user(f"{path} does not say {', '.join(unknown)}. The training goes on from it.")


def _tell_environment(before: Mapping[str, str], now: Mapping[str, str]) -> None:
    changed = [name for name in {**now, **before} if now.get(name) != before.get(name)]
    if changed:
        pairs = [
            f"{name} {before.get(name, 'unknown')} (now {now.get(name, 'none')})"
            for name in changed
        ]
        warn_user(
            f"The training was begun with {', '.join(pairs)}. It goes on; the last digits of its "
            "weights may be others than without the stop."
        )


def _restored(trainer: Trainer, progress: _Progress, arrays: Mapping[str, Array]) -> TrainingState:
    """The state, where every field agrees with the others.

    Raises:
        ValueError: one does not; the message names it.
    """
    _check_progress(trainer, progress)
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{name} is not finite")
    weights = {name: _under(f"{name}/", arrays) for name in (*_WEIGHTS, "network")}
    _check_weights(trainer, progress, weights)
    strange = [n for n in arrays if n.partition("/")[0] not in (*_WEIGHTS, "network", "optimizer")]
    if strange:
        raise ValueError(f"{strange[0]} is not of a checkpoint")
    optimizer = _under("optimizer/", arrays)
    _check_optimizer(trainer, optimizer, weights["network"], _updates(trainer.job, progress))
    trainer.set_weights(weights["network"])
    trainer.set_optimizer_state(optimizer)
    return TrainingState(
        best_weights=weights["best"],
        last_weights=weights["last"] if progress.updates else weights["network"],
        last_finite_weights=weights["last_finite"],
        **progress.model_dump(),
    )


def _check_progress(trainer: Trainer, progress: _Progress) -> None:
    """Raise `ValueError` that names the first field which does not follow from the others."""
    job = trainer.job
    rows, updates, each = progress.rows, progress.updates, len(job.updates(1))
    if not 0 <= (progress.best_epoch or 0) <= len(rows):
        raise ValueError(f"the best epoch is {progress.best_epoch} of {len(rows)}")
    if [row.get("epoch") for row in rows] != list(range(1, len(rows) + 1)):
        raise ValueError("state.rows: the epochs are not 1, 2, 3 and so on")
    if len(rows) > job.epochs or not (rows or updates):
        raise ValueError(f"state.rows: {len(rows)} epochs are done of {job.epochs}")
    if updates and (len(rows) == job.epochs or updates >= each):
        raise ValueError(f"state.updates: {updates} are more than an epoch has")
    _check_sums(trainer, progress)
    finite = len(rows) if updates else len(rows) - 1
    if progress.last_finite_epoch != finite:
        raise ValueError(f"state.last_finite_epoch is {progress.last_finite_epoch}, not {finite}")
    shares = [number / each for number in range(1, each)]  # of an epoch that the clock has cut
    times = [0.0, *(_checked_row(job, row, shares if row is rows[-1] else []) for row in rows)]
    if sorted(times) != times or progress.seconds < times[-1]:
        raise ValueError("state.seconds, or those of state.rows, go backwards")
    _check_standing(job, progress)


def _check_sums(trainer: Trainer, progress: _Progress) -> None:
    """The sums of an epoch that runs must be over as many targets as its updates have."""
    job, epoch, sums = trainer.job, len(progress.rows) + 1, progress.sums
    names = job.objective.sum_names if progress.updates else ()
    if sums.keys() != set(names):
        raise ValueError(f"state.sums: expected {', '.join(names) or 'none'}")
    if not names:
        return
    *before, last = job.updates(epoch)[: progress.updates]
    done = sum(trainer.target_count(update, epoch) for update in before)
    most = trainer.target_count(last, epoch)
    least = 1 if len(last) > 1 else most  # the clock may cut an update of several batches
    if not done + least <= sums["count"] <= done + most:
        expected = f"that of its updates {done + most:g}"
        raise ValueError(f"state.sums.count is {sums['count']:g}, and {expected}")
    if sums["score"] < 0:
        raise ValueError("state.sums.score is below 0")


def _check_standing(job: TrainingSetup, progress: _Progress) -> None:
    """Best epoch, patience and plateau must be what the rows make them."""
    standing = Standing()
    for number, row in enumerate(progress.rows):
        rate = job.rates[number] if job.rates else job.learning_rate * standing.plateau
        if job.options.schedule in ("constant", "plateau") and row["learning_rate"] != rate:
            raise ValueError(f"state.rows.{number}.learning_rate is not {rate:g}")
        best = None if standing.best_epoch is None else progress.rows[standing.best_epoch - 1]
        standing = judged(job, standing, row, best)
    for name, value in standing._asdict().items():
        if getattr(progress, name) != value:
            raise ValueError(f"state.{name} is {getattr(progress, name)}, and the rows say {value}")


def _checked_row(job: TrainingSetup, row: Row, shares: list[float]) -> float:
    """The seconds of a row, whose fields are those of the training; its share is one of these."""
    where, means = f"state.rows.{row['epoch'] - 1}", RunningMetrics(job.objective)
    means.sums = dict.fromkeys(job.objective.sum_names, 0.0)
    wanted = {"epoch", "learning_rate", "seconds", *means.row()}
    wanted |= set() if job.validation is None else means.row("validation_").keys()
    if row.keys() - {"share"} != wanted or row.get("share") not in (None, *shares):
        names = sorted(row.keys() ^ wanted)
        raise ValueError(f"{where}: the fields are not those of the training ({', '.join(names)})")
    wrong = [name for name, value in row.items() if name != "epoch" and type(value) is not float]
    if not 0 <= row["learning_rate"] <= job.learning_rate * (1 + 1e-9):
        wrong.append("learning_rate")
    if wrong:
        raise ValueError(f"{where}.{wrong[0]} is {row[wrong[0]]!r}, which cannot be")
    return row["seconds"]


def _check_history(path: Path, rows: list[Row], history: Path) -> None:
    """Raise `ModelFileError` where the history, as far as it can be read, has other epochs."""
    kept: list[Any] = []
    with contextlib.suppress(OSError, ValueError, RecursionError):
        kept += map(json.loads, history.read_text(encoding="utf-8").splitlines())
    for number, (row, line) in enumerate(zip(rows, kept, strict=False)):
        if isinstance(line, dict) and {**line, "seconds": 0} != {**row, "seconds": 0}:
            raise ModelFileError(
                f"is a damaged checkpoint: state.rows.{number} is not line {number + 1} of "
                f"{history}. If it is the history that was changed, remove it.",
                path=path,
            )


def _updates(job: TrainingSetup, progress: _Progress) -> int:
    """How many were made in all."""
    each = len(job.updates(1))
    whole = sum(round(each * row.get("share", 1)) for row in progress.rows)
    return int(whole) + progress.updates


def _check_weights(
    trainer: Trainer, progress: _Progress, weights: dict[str, dict[str, Array]]
) -> None:
    """Raise `ValueError` unless all weights are those of the network, and equal where they must."""
    shapes = {name: (array.shape, array.dtype) for name, array in trainer.weights().items()}
    within = bool(progress.updates)
    wanted = {"network", "last_finite"}
    wanted |= {"best"} if progress.best_epoch else set()
    wanted |= {"last"} if within and progress.rows else set()
    for name, given in weights.items():
        there = {key: (array.shape, array.dtype) for key, array in given.items()}
        if there != (shapes if name in wanted else {}):
            raise ValueError(f"the weights {name}/ are not those of the network")
    ended = "last" if within else "network"  # with which the last whole epoch ended
    equal = [("last", "last_finite")] if "last" in wanted else []
    equal += [("best", ended)] if progress.best_epoch == len(progress.rows) else []
    for one, other in equal if progress.rows else []:
        for key in shapes:
            if not np.array_equal(weights[one][key], weights[other][key]):
                raise ValueError(f"{one}/{key} is not {other}/{key}, of the same epoch")


def _under(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


def _check_optimizer(
    trainer: Trainer, state: dict[str, Array], weights: dict[str, Array], updates: int
) -> None:
    """Check the optimizer's state for each weight, after so many updates.

    Weights of the user's own layers may have been left out of some updates, or of all.

    Raises:
        ValueError: it is missing, of another shape, too much, or of another number of updates.
    """
    own = any(map(is_custom, trainer.job.network.specs))
    parts = trainer.optimizer_parts()
    expected: dict[str, tuple[Any, Any]] = {}
    for name in trainer.trained:
        likes = {f"{name}/{k}": weights[name] if v else np.float32() for k, v in parts.items()}
        if not own or likes.keys() & state.keys():
            expected |= {part: (like.shape, like.dtype) for part, like in likes.items()}
    found = {name: (array.shape, array.dtype) for name, array in state.items()}
    if found != expected:
        wrong = min(name for name in {**found, **expected} if found.get(name) != expected.get(name))
        raise ValueError(f"the state optimizer/{wrong} is missing, or not that of the network")
    for name, array in state.items():
        part = name.rpartition("/")[2]
        steps = float(array) if part == "step" else updates
        if steps != updates and not (own and 0 < steps < updates):
            raise ValueError(f"optimizer/{name} is {steps:g} after {updates} updates")
        if part in ("exp_avg_sq", "square_avg") and (array < 0).any():
            raise ValueError(f"optimizer/{name}, a mean of squares, is below 0")


@dataclass(frozen=True)
class TrainingFolder:
    """A folder with the history of a training and, while it runs, a checkpoint.

    Attributes:
        path: the folder; made where it is not there.
        resume: whether to go on from the checkpoint, if there is one.
        is_refit: whether this is the second training, on everything; it has files of its own.
    """

    path: Path
    resume: bool = False
    is_refit: bool = False

    def refit(self) -> TrainingFolder:
        """The checkpoint of the second training, in the same folder."""
        return replace(self, is_refit=True)

    def open(
        self, trainer: Trainer, fingerprint: dict[str, Any]
    ) -> tuple[list[Callback], TrainingState]:
        """Make what writes the files, and the state to begin with or to go on from.

        Args:
            trainer: what is trained.
            fingerprint: what a training must have in common with this one to go on from it.

        Raises:
            ModelFileError: a checkpoint that is damaged, or of a training with other data, network
                or options.
        """
        writer, path = self.writer(), self.path / "checkpoint" / NAMES[self.is_refit]
        if self.resume and path.exists():
            state = read(path, trainer, fingerprint)
            _check_history(path, state.rows, writer.path)
        else:
            state = TrainingState.start(trainer)
        return [writer, Checkpointer(trainer, state, path, fingerprint)], state

    def writer(self) -> HistoryWriter:
        """What writes the history; the folder is made."""
        make_folder(self.path)
        return HistoryWriter(
            self.path / ("history-refit.jsonl" if self.is_refit else "history.jsonl")
        )
