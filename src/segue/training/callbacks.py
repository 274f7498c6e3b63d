"""What may listen to a training: a handful of empty methods."""

from __future__ import annotations

from typing import Any


class Callback:
    """Override what you want to hear; the training does not depend on what a callback does."""

    def on_start(self, rows: list[dict[str, float]]) -> None:
        """Before the first epoch. `rows`: the epochs that a resumed training has already."""

    def on_update(self, epoch: int, share: float, means: Any) -> None:
        """After each update of an epoch: often, so be quick.

        Args:
            epoch: counted from 1.
            share: of the updates of the epoch that are done, up to 1.
            means: `means.row()` gives loss and score of the epoch so far.
        """

    def on_epoch(self, row: dict[str, float], state: Any) -> None:
        """After each epoch. `row`: the new line of the history; `state`: a `TrainingState`."""

    def on_end(self, ended: str) -> None:
        """After the last epoch. `ended`: "finished", "early", "time", "interrupted" or "failed"."""
