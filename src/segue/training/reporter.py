"""What a person sees while a network is trained: a bar with time left, or a few plain lines."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

from segue.training.callbacks import Callback

_LINES = 10  # about so many plain lines in a whole training
_SECONDS = 30.0  # but at least one in so many seconds


def make_reporter(progress: str, epochs: int, stream: TextIO | None = None) -> Reporter:
    """Make the reporter that `progress` names: "auto", "bar", "lines" or "none"."""
    stream = sys.stderr if stream is None else stream
    if progress == "auto":
        progress = "bar" if stream.isatty() else "lines"
    kinds: dict[str, type[Reporter]] = {"bar": BarReporter, "lines": LineReporter}
    return kinds.get(progress, Reporter)(epochs, stream)


class Reporter(Callback):
    """Says nothing.

    Args:
        epochs: how many there will be at most.
        stream: where to write.
    """

    def __init__(self, epochs: int, stream: TextIO) -> None:
        self.epochs = epochs
        self.stream = stream

    def message(self, text: str) -> None:
        """A line that everybody should see before the start."""


class LineReporter(Reporter):
    """A plain line now and then, for files and pipes."""

    def message(self, text: str) -> None:
        if text:
            print(text, file=self.stream, flush=True)

    def on_start(self, rows: list[dict[str, float]]) -> None:
        self.first_epoch, self.began = len(rows), time.monotonic()
        self.last_line = self.began

    def on_epoch(self, row: dict[str, float], state: Any) -> None:
        epoch = int(row["epoch"])
        due = epoch % max(1, self.epochs // _LINES) == 0 or epoch in (1, self.epochs)
        if due or time.monotonic() - self.last_line > _SECONDS:
            self.last_line = time.monotonic()
            done = epoch - self.first_epoch
            left = (self.last_line - self.began) / done * (self.epochs - epoch)
            rest = f", {_duration(left)} left" if epoch < self.epochs else ""
            self.message(f"epoch {epoch}/{self.epochs}: {describe(row)}{rest}")

    def on_end(self, ended: str) -> None:
        self.message(_ENDINGS.get(ended, ""))


class BarReporter(Reporter):
    """A bar with the newest numbers and the time left."""

    def message(self, text: str) -> None:
        if text:
            print(text, file=self.stream, flush=True)

    def on_start(self, rows: list[dict[str, float]]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.table import Column

        self.bar = Progress(
            TextColumn("epoch {task.completed}/{task.total}"),
            BarColumn(bar_width=24),
            TextColumn("{task.description}"),
            # in a narrow terminal the bar gets shorter, never the time left
            TimeRemainingColumn(table_column=Column(min_width=7, no_wrap=True)),
            console=Console(file=self.stream),
        )
        self.task = self.bar.add_task("", total=self.epochs, completed=len(rows))
        self.bar.start()

    def on_epoch(self, row: dict[str, float], state: Any) -> None:
        self.bar.update(self.task, advance=1, description=describe(row))

    def on_end(self, ended: str) -> None:
        self.bar.stop()
        self.message(_ENDINGS.get(ended, ""))


_ENDINGS = {
    "early": "stopped early: the validation loss stands still",
    "time": "stopped: the time limit is reached",
    "failed": "failed",
}


def describe(row: dict[str, float]) -> str:
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
