"""Checkpoints: the whole state of a training in one file; resuming gives the same bits.

Written after an epoch, and within one where that is wanted; whole or not at all; read only to be
continued. Tensors and JSON, nothing else: a checkpoint cannot run code. The last one stays until
the results of the training are safe, and is then removed (`remove`).
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pydantic
import torch
from torch import Tensor, nn

from segue import tensorfile
from segue.atomic import make_folder, remove_file
from segue.errors import ModelFileError, fields_refused, warn_user
from segue.training.history import Callback, HistoryWriter
from segue.training.loop import TrainingState
from segue.training.optimizers import make_optimizer
from segue.training.setup import TrainingSetup, environment

FORMAT = 3  # format 2 had none of the fields with a default
EVERY_SECONDS = 5.0  # between two checkpoints, unless the options say otherwise


class Checkpointer(Callback):
    """Writes the state after an epoch, when the last write is some time ago, and at the end.

    With `options.checkpoint_every` it is written within an epoch too.

    Args:
        job: whose network is trained.
        state: of the training.
        path: the file.
        fingerprint: what a training must have in common with this one to go on from it.
        every_seconds: the least time between two writes.
    """

    def __init__(
        self,
        job: TrainingSetup,
        state: TrainingState,
        path: Path,
        fingerprint: dict[str, Any],
        every_seconds: float | None = None,
    ) -> None:
        self.job = job
        self.state = state
        self.path = path
        self.fingerprint = fingerprint
        self.within_epochs = job.options.checkpoint_every is not None
        given = (every_seconds, job.options.checkpoint_every, EVERY_SECONDS)
        self.every_seconds = next(seconds for seconds in given if seconds is not None)
        self.written, self.started = -math.inf, time.monotonic()
        self.unwritten: bytes | None = None  # of the last epoch

    def on_update(self, epoch: int, share: float, means: Any) -> None:
        due = max(self.written, self.started) + self.every_seconds
        if self.within_epochs and share < 1 and time.monotonic() >= due:
            self._write(as_bytes(self.job, self.state, self.fingerprint))

    def on_epoch(self, row: dict[str, float], state: TrainingState) -> None:
        content = as_bytes(self.job, state, self.fingerprint)
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
    """The fields of a `TrainingState` besides tensors, under the same names."""

    rows: list[dict[str, int | float]]
    best_epoch: int | None
    last_finite_epoch: int
    epochs_without_improvement: int
    plateau: float
    seconds: float
    updates: int = pydantic.Field(0, ge=0)
    sums: dict[str, float] = {}


class _Description(_Closed):
    """The JSON of a checkpoint."""

    format: Literal[2, 3]
    fingerprint: dict[str, Any]
    environment: dict[str, str] = {}
    state: _Progress


_WEIGHTS = {
    "best": "best_weights",
    "last": "last_weights",
    "last_finite": "last_finite_weights",
}


def as_bytes(job: TrainingSetup, state: TrainingState, fingerprint: dict[str, Any]) -> bytes:
    """The network's weights and the state, as they are written."""
    tensors = {f"network/{k}": v for k, v in job.network.state_dict().items()}
    for name, attribute in _WEIGHTS.items():
        if name != "last" or state.updates:  # after an epoch they are the network's
            tensors |= {f"{name}/{k}": v for k, v in getattr(state, attribute).items()}
    for number, entry in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{number}/{k}": torch.as_tensor(v) for k, v in entry.items()}
    progress = {name: getattr(state, name) for name in _Progress.model_fields}
    facts = {
        "format": FORMAT,
        "fingerprint": fingerprint,
        "environment": environment(job),
        "state": progress,
    }
    contiguous = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
    return tensorfile.to_bytes(json.dumps(facts), contiguous)


def read(path: Path, job: TrainingSetup, fingerprint: dict[str, Any]) -> TrainingState:
    """Put the weights into the job's network and return the state to go on from.

    Raises:
        ModelFileError: damaged, or of a training with other data, network or options.
    """
    try:
        text, tensors, _ = tensorfile.read(path)
        facts = json.loads(text)
        found = facts.get("format") if isinstance(facts, dict) else None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelFileError(f"is no checkpoint: it {error}.", path=path) from error
    if found not in (2, FORMAT):
        raise ModelFileError(f"is a checkpoint of format {found}.", path=path)
    try:
        description = _Description.model_validate_json(text)
    except pydantic.ValidationError as error:
        raise ModelFileError(
            f"is a damaged checkpoint: {fields_refused(error)}.", path=path
        ) from error
    # What an older segue did not write cannot be compared.
    before = description.fingerprint
    changed = sorted(k for k, v in fingerprint.items() if before.get(k, v) != v)
    if changed:
        raise ModelFileError(
            f"belongs to a training with another {', '.join(changed)}. Resume with what it began "
            "with, or begin anew in another folder.",
            path=path,
        )
    try:
        state = _restored(job, description.state, tensors)
    except (RuntimeError, ValueError, LookupError) as error:
        raise ModelFileError(f"is a damaged checkpoint: {error}.", path=path) from error
    _tell_environment(description.environment, environment(job))
    return state


def _tell_environment(before: Mapping[str, str], now: Mapping[str, str]) -> None:
    changed = [name for name in before if now.get(name) != before[name]]
    if changed:
        pairs = [f"{name} {before[name]} (now {now.get(name, 'none')})" for name in changed]
        warn_user(
            f"The training was begun with {', '.join(pairs)}. It goes on; the last digits of its "
            "weights may be others than without the stop."
        )


def _restored(job: TrainingSetup, progress: _Progress, tensors: dict[str, Tensor]) -> TrainingState:
    rows, updates = progress.rows, progress.updates
    if not 0 <= (progress.best_epoch or 0) <= len(rows):
        raise ValueError(f"the best epoch is {progress.best_epoch} of {len(rows)}")
    if [row.get("epoch") for row in rows] != list(range(1, len(rows) + 1)):
        raise ValueError("state.rows: the epochs are not 1, 2, 3 and so on")
    if updates and updates >= len(job.updates(len(rows) + 1)):
        raise ValueError(f"state.updates: {updates} are more than an epoch has")
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ValueError(f"{name} is not finite")
    state = TrainingState.start(job)
    weights = {name: _under(f"{name}/", tensors) for name in (*_WEIGHTS, "network")}
    shapes = {
        name: (tensor.shape, tensor.dtype) for name, tensor in job.network.state_dict().items()
    }
    wanted = {"network", "last_finite"}
    wanted |= {"best"} if progress.best_epoch else set()
    wanted |= {"last"} if updates and rows else set()
    for name, given in weights.items():
        there = {key: (tensor.shape, tensor.dtype) for key, tensor in given.items()}
        if there != (shapes if name in wanted else {}):
            raise ValueError(f"the weights {name}/ are not those of the network")
    job.network.load_state_dict(weights["network"])
    _fill_optimizer(job, state.optimizer, _under("optimizer/", tensors), begun=rows or updates)
    return replace(
        state,
        best_weights=weights["best"],
        last_weights=weights["last"] if updates else weights["network"],
        last_finite_weights=weights["last_finite"],
        **progress.model_dump(),
    )


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _fill_optimizer(
    job: TrainingSetup, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor], *, begun: Any
) -> None:
    """Set the optimizer's state for each weight.

    Raises:
        ValueError: one is missing, of another shape, or too many.
    """
    probe = nn.Parameter(torch.zeros(1))
    probe.grad = torch.zeros(1)
    trial = make_optimizer([probe], 0.0, job.options)
    trial.step()
    kinds = {name: torch.as_tensor(v).ndim for name, v in trial.state[probe].items()}
    entries: dict[int, dict[str, Tensor]] = {}
    expected: dict[str, tuple[int, ...]] = {}
    for number, weight in enumerate(job.trained if begun else ()):
        names = {name: f"{number}/{name}" for name in kinds}
        expected |= {names[name]: tuple(weight.shape) if kinds[name] else () for name in kinds}
        entries[number] = {name: tensors[key] for name, key in names.items() if key in tensors}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if found != expected:
        wrong = min(name for name, _ in found.items() ^ expected.items())
        raise ValueError(f"the state optimizer/{wrong} is missing, or not that of the network")
    if kinds:
        optimizer.load_state_dict({**optimizer.state_dict(), "state": entries})


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
        self, job: TrainingSetup, fingerprint: dict[str, Any]
    ) -> tuple[list[Callback], TrainingState]:
        """Make what writes the files, and the state to begin with or to go on from.

        Args:
            job: what is trained.
            fingerprint: what a training must have in common with this one to go on from it.

        Raises:
            ModelFileError: a checkpoint that is damaged, or of a training with other data, network
                or options.
        """
        make_folder(self.path)
        history = "history-refit.jsonl" if self.is_refit else "history.jsonl"
        path = self.path / "checkpoint" / NAMES[self.is_refit]
        if self.resume and path.exists():
            state = read(path, job, fingerprint)
        else:
            state = TrainingState.start(job)
        saver = Checkpointer(job, state, path, fingerprint)
        return [HistoryWriter(self.path / history), saver], state
