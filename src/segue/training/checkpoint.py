"""Checkpoints: the whole state of a training in one file; resuming gives the same bits.

Written after an epoch, whole or not at all; read only to be continued. Tensors and JSON, nothing
else: a checkpoint cannot run code.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pydantic
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from segue.atomic import replacing
from segue.errors import ModelFileError
from segue.training.history import Callback, HistoryWriter
from segue.training.loop import TrainingState
from segue.training.setup import TrainingSetup

FORMAT = 2


class Checkpointer(Callback):
    """Writes the state after an epoch, when the last write is some time ago.

    Args:
        job: whose network is trained.
        folder: where `<name>.safetensors` is kept; removed when the training has ended by itself,
            kept when it was interrupted or failed.
        fingerprint: what a training must have in common with this one to go on from it.
        every_seconds: the least time between two writes.
        name: of this training among those that follow one another.
        is_last: whether no other training follows; before that, nothing is removed.
    """

    def __init__(
        self,
        job: TrainingSetup,
        folder: Path,
        fingerprint: dict[str, Any],
        every_seconds: float = 5.0,
        *,
        name: str = "state",
        is_last: bool = True,
    ) -> None:
        self.job = job
        self.folder = folder
        self.path = folder / f"{name}.safetensors"
        self.is_last = is_last
        self.fingerprint = fingerprint
        self.every_seconds = every_seconds
        self.written = -math.inf
        self.unwritten: bytes | None = None  # of the last epoch

    def on_epoch(self, row: dict[str, float], state: TrainingState) -> None:
        self.unwritten = as_bytes(self.job, state, self.fingerprint)
        if time.monotonic() - self.written >= self.every_seconds:
            self._write()

    def _write(self) -> None:
        if self.unwritten is not None:
            with replacing(self.path) as temporary:
                temporary.write_bytes(self.unwritten)
            self.written, self.unwritten = time.monotonic(), None

    def on_end(self, ended: str) -> None:
        if ended in ("interrupted", "failed"):  # no epoch that is done is done again
            self._write()
        if self.is_last and ended in ("finished", "early", "time") and self.folder.exists():
            for path in self.folder.glob("*.safetensors"):
                path.unlink()
            self.folder.rmdir()


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


class _Description(_Closed):
    """The JSON of a checkpoint."""

    format: Literal[2]
    fingerprint: dict[str, Any]
    state: _Progress


def as_bytes(job: TrainingSetup, state: TrainingState, fingerprint: dict[str, Any]) -> bytes:
    """The network's weights and the state, as they are written."""
    tensors = {f"network/{k}": v for k, v in job.network.state_dict().items()}
    tensors |= {f"best/{k}": v for k, v in state.best_weights.items()}
    tensors |= {f"last_finite/{k}": v for k, v in state.last_finite_weights.items()}
    for number, entry in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{number}/{k}": torch.as_tensor(v) for k, v in entry.items()}
    progress = {name: getattr(state, name) for name in _Progress.model_fields}
    text = json.dumps({"format": FORMAT, "fingerprint": fingerprint, "state": progress})
    contiguous = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
    return safetensors.torch.save(contiguous, {"segue": text})


def read(path: Path, job: TrainingSetup, fingerprint: dict[str, Any]) -> TrainingState:
    """Put the weights into the job's network and return the state to go on from.

    Raises:
        ModelFileError: damaged, or of a training with other data, network or options.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            text = file.metadata()["segue"]
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        found = json.loads(text).get("format")
    except Exception as error:
        raise ModelFileError(f"is not a whole checkpoint ({error}).", path=path) from error
    if found != FORMAT:
        raise ModelFileError(f"is a checkpoint of format {found}.", path=path)
    try:
        description = _Description.model_validate_json(text)
    except pydantic.ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        field = ".".join(map(str, wrong["loc"]))
        raise ModelFileError(
            f"is a damaged checkpoint: {field}: {wrong['msg'].lower()}.", path=path
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
        return _restored(job, description.state, tensors)
    except (RuntimeError, ValueError, LookupError) as error:
        raise ModelFileError(f"is a damaged checkpoint: {error}.", path=path) from error


def _restored(job: TrainingSetup, progress: _Progress, tensors: dict[str, Tensor]) -> TrainingState:
    if not 0 <= (progress.best_epoch or 0) <= len(progress.rows):
        raise ValueError(f"the best epoch is {progress.best_epoch} of {len(progress.rows)}")
    state = TrainingState.start(job)
    weights = {name: _under(f"{name}/", tensors) for name in ("best", "last_finite", "network")}
    for name in (name for name in weights if weights[name] or name != "best"):
        job.network.load_state_dict(weights[name])  # the network's own are the last
    _fill_optimizer(state.optimizer, _under("optimizer/", tensors))
    return replace(
        state,
        best_weights=weights["best"],
        last_weights=weights["network"],
        last_finite_weights=weights["last_finite"],
        **progress.model_dump(),
    )


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _fill_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    entries: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        number, _, part = name.partition("/")
        entries.setdefault(int(number), {})[part] = tensor
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
        self, job: TrainingSetup, fingerprint: dict[str, Any], *, is_last: bool
    ) -> tuple[list[Callback], TrainingState]:
        """Make what writes the files, and the state to begin with or to go on from.

        Args:
            job: what is trained.
            fingerprint: what a training must have in common with this one to go on from it.
            is_last: whether no other training follows.

        Raises:
            ModelFileError: a checkpoint that is damaged, or of a training with other data, network
                or options.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        history = "history-refit.jsonl" if self.is_refit else "history.jsonl"
        saver = Checkpointer(
            job,
            self.path / "checkpoint",
            fingerprint,
            name="refit" if self.is_refit else "state",
            is_last=is_last,
        )
        state = TrainingState.start(job)
        if self.resume and saver.path.exists():
            state = read(saver.path, job, fingerprint)
        return [HistoryWriter(self.path / history), saver], state
