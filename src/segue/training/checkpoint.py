"""A stopped training goes on to the same bits: everything that changes, in one file.

Written after an epoch, whole or not at all; read only to be continued. Tensors and JSON, nothing
else: a checkpoint cannot run code.
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from segue.atomic import replacing
from segue.errors import ModelFileError
from segue.training.callbacks import Callback
from segue.training.job import Job
from segue.training.loop import TrainingState

FORMAT = 1


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
        job: Job,
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
        self.written = -math.inf  # the first epoch is kept: a Ctrl-C soon after it can be resumed

    def on_epoch(self, row: dict[str, float], state: TrainingState) -> None:
        if time.monotonic() - self.written >= self.every_seconds:
            write(self.path, self.job, state, self.fingerprint)
            self.written = time.monotonic()

    def on_end(self, ended: str) -> None:
        if self.is_last and ended in ("finished", "early", "time") and self.folder.exists():
            for path in self.folder.glob("*.safetensors"):
                path.unlink()
            self.folder.rmdir()


def write(path: Path, job: Job, state: TrainingState, fingerprint: dict[str, Any]) -> None:
    """Write the network's weights and the state."""
    tensors = {f"network/{k}": v for k, v in job.network.state_dict().items()}
    tensors |= {f"best/{k}": v for k, v in state.best_weights.items()}
    tensors |= {f"proven/{k}": v for k, v in state.proven_weights.items()}
    for number, entry in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{number}/{k}": torch.as_tensor(v) for k, v in entry.items()}
    facts = {
        "rows": state.rows,
        "best_epoch": state.best_epoch,
        "proven_epoch": state.proven_epoch,
        "stale_epochs": state.stale_epochs,
        "plateau": state.plateau,
        "seconds": state.seconds,
    }
    text = json.dumps({"format": FORMAT, "fingerprint": fingerprint, "state": facts})
    contiguous = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
    with replacing(path) as temporary:
        temporary.write_bytes(safetensors.torch.save(contiguous, {"segue": text}))


def read(path: Path, job: Job, fingerprint: dict[str, Any]) -> TrainingState:
    """Put the weights into the job's network and return the state to go on from.

    Raises:
        ModelFileError: damaged, or of a training with other data, network or options.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            facts = json.loads(file.metadata()["segue"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except Exception as error:
        raise ModelFileError(f"is not a whole checkpoint ({error}).", path=path) from error
    if facts.get("format") != FORMAT:
        raise ModelFileError(f"is a checkpoint of format {facts.get('format')}.", path=path)
    before = facts["fingerprint"]
    # What an older segue did not write cannot be compared.
    changed = sorted(k for k, v in fingerprint.items() if before.get(k, v) != v)
    if changed:
        raise ModelFileError(
            f"belongs to a training with another {', '.join(changed)}. Resume with what it began "
            "with, or begin anew in another folder.",
            path=path,
        )
    state = TrainingState.start(job)
    job.network.load_state_dict(_under("network/", tensors))
    state.best_weights = _under("best/", tensors)
    state.last_weights = _under("network/", tensors)
    state.proven_weights = _under("proven/", tensors)
    _fill_optimizer(state.optimizer, _under("optimizer/", tensors))
    for name, value in facts["state"].items():
        setattr(state, name, value)
    return state


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _fill_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    entries: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        number, _, part = name.partition("/")
        entries.setdefault(int(number), {})[part] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": entries})
