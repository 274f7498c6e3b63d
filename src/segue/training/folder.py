"""Where a training writes what it has come to, and goes on from when it was stopped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from segue.training import checkpoint
from segue.training.callbacks import Callback
from segue.training.history import HistoryWriter
from segue.training.loop import TrainingState
from segue.training.setup import TrainingSetup


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
        """The same folder, for the second training."""
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
        saver = checkpoint.Checkpointer(
            job,
            self.path / "checkpoint",
            fingerprint,
            name="refit" if self.is_refit else "state",
            is_last=is_last,
        )
        state = TrainingState.start(job)
        if self.resume and saver.path.exists():
            state = checkpoint.read(saver.path, job, fingerprint)
        return [HistoryWriter(self.path / history), saver], state
