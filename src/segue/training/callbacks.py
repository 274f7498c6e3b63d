"""Callbacks of a training: the file of its history, and its progress as a bar or plain lines."""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from segue.errors import WriteError
from segue.training.history import Row
from segue.training.options import TrainingOptions

_LINES = 10  # about so many plain lines in a whole training
_SECONDS = 30.0  # but at least one in so many seconds
_BLINK = 0.2  # seconds between two looks of the bar


class Callback:
    """Empty methods to override; the training does not depend on what a callback does."""

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


class HistoryWriter(Callback):
    """Appends each row to a file of JSON lines.

    Args:
        path: such as `history.jsonl`; begun anew with the rows that are there at the start.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def on_start(self, rows: list[Row]) -> None:
        self._write("w", rows)

    def on_epoch(self, row: Row, state: Any) -> None:
        self._write("a", [row])

    def _write(self, mode: str, rows: list[Row]) -> None:
        try:
            with self.path.open(mode, encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)
        except OSError as error:
            raise WriteError(
                f"{self.path} could not be written ({error.strerror}). Free some space, or choose "
                "another folder."
            ) from error


# -- progress -----------------------------------------------------------------------------------


def make_reporter(
    options: TrainingOptions,
    epochs: int = 0,
    stream: TextIO | None = None,
    *,
    is_validated: bool = False,
) -> Reporter:
    """Make the reporter that `options.progress` names: "auto", "bar", "lines" or "none".

    Args:
        options: also say when a training may end before its epochs are done.
        epochs: how many there will be at most.
        stream: where to write; `None`: standard error.
        is_validated: whether there is a validation loss that can stop it early.
    """
    stream = sys.stderr if stream is None else stream
    progress: str = options.progress
    if progress == "auto":
        progress = "bar" if stream.isatty() else "lines"
    kinds: dict[str, type[Reporter]] = {"bar": BarReporter, "lines": LineReporter}
    early = is_validated and options.patience is not None and not options.has_fixed_length
    kind = kinds.get(progress, Reporter)
    return kind(epochs, stream, options.time_limit_seconds, may_stop_early=early)


class Reporter(Callback):
    """Says nothing.

    Args:
        epochs: how many there will be at most.
        stream: where to write.
        time_limit: seconds after which it ends; `None`: never.
        may_stop_early: whether it may end before its epochs are done.
    """

    def __init__(
        self, epochs: int, stream: TextIO, time_limit: float | None, *, may_stop_early: bool
    ) -> None:
        self.epochs = epochs
        self.stream = stream
        self.time_limit = time_limit
        self.may_stop_early = may_stop_early

    def message(self, text: str) -> None:
        """A line that everybody should see before the start."""


class LineReporter(Reporter):
    """A plain line now and then, for files and pipes."""

    pause = _SECONDS

    def message(self, text: str) -> None:
        if text:
            print(text, file=self.stream, flush=True)

    def on_start(self, rows: list[Row]) -> None:
        self.first = len(rows)
        self.before = rows[-1]["seconds"] if rows else 0.0  # of a training that is resumed
        self.began = self.shown = time.monotonic()

    def on_update(self, epoch: int, share: float, means: Any) -> None:
        if time.monotonic() - self.shown > self.pause and share < 1:
            self.show(epoch - 1 + share, means.row())

    def on_epoch(self, row: Row, state: Any) -> None:
        epoch = int(row["epoch"])
        due = epoch % max(1, self.epochs // _LINES) == 0 or epoch in (1, self.epochs)
        if due or time.monotonic() - self.shown > self.pause:
            self.show(epoch, row)

    def show(self, done: float, row: Row) -> None:
        """Show the numbers so far; `done`: epochs, the running one in part."""
        self.shown = time.monotonic()
        part = f", {done % 1:.0%} of it".replace("%", " %") if done % 1 else ""
        rest = f", {self.left(done)}" if done < self.epochs else ""
        self.message(f"epoch {math.ceil(done)}/{self.epochs}{part}: {describe(row)}{rest}")

    def left(self, done: float) -> str:
        """The time left: "25 s left", or "at most 12 min left" where training may end early."""
        spent = time.monotonic() - self.began
        seconds = spent / (done - self.first) * (self.epochs - done)
        if self.time_limit is not None:
            seconds = min(seconds, max(0, self.time_limit - self.before - spent))
        return f"{'at most ' if self.may_stop_early else ''}{_duration(seconds)} left"

    def on_end(self, ended: str) -> None:
        self.message(_ENDINGS.get(ended, ""))


class BarReporter(LineReporter):
    """A bar with the newest numbers and the time left."""

    pause = _BLINK

    def on_start(self, rows: list[Row]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        super().on_start(rows)
        self.bar = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.total}"),
            BarColumn(bar_width=24),
            TextColumn("{task.description}"),
            # in a narrow terminal the bar gets shorter, never the time left
            TextColumn("{task.fields[left]}", table_column=Column(no_wrap=True)),
            console=Console(file=self.stream),
        )
        self.task = self.bar.add_task(
            "", total=self.epochs, completed=len(rows), epoch=len(rows), left=""
        )
        self.bar.start()

    def on_epoch(self, row: Row, state: Any) -> None:
        self.show(row["epoch"], row)

    def show(self, done: float, row: Row) -> None:
        self.shown = time.monotonic()
        text, epoch, left = describe(row), int(done), self.left(done)
        self.bar.update(self.task, completed=done, description=text, epoch=epoch, left=left)

    def on_end(self, ended: str) -> None:
        self.bar.stop()
        super().on_end(ended)


_ENDINGS = {
    "early": "stopped early: the validation loss stands still",
    "time": "stopped: the time limit is reached",
    "failed": "failed",
}


def describe(row: Row) -> str:
    """The numbers of an epoch in one line."""
    metric = next(name for name in ("accuracy", "rmse", "perplexity") if name in row)
    text = f"loss {row['loss']:.4f}, {metric} {row[metric]:.4f}"
    if "validation_loss" in row:
        text += f"; validation {row['validation_loss']:.4f}, {row[f'validation_{metric}']:.4f}"
    return text


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
