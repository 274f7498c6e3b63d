"""How far a study is: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

from segue.errors import OptionError
from segue.studies.trials import Row, Trial

_LINES = 20  # about so many in a whole study
_SECONDS = 30.0  # but at least one in so many seconds


class Progress:
    """Told of each trial as it ends.

    Args:
        how: "auto", "bar", "lines" or "none"; "auto" is a bar on a terminal and lines elsewhere.
        trials: all that there are.
        workers: how many are done at once.
        stream: where to write; standard error if left out.
    """

    def __init__(
        self, how: str, trials: list[Trial], *, workers: int, stream: TextIO | None = None
    ) -> None:
        if how not in ("auto", "bar", "lines", "none"):
            raise OptionError(f"`progress` is {how!r}; expected auto, bar, lines or none.")
        self.stream = sys.stderr if stream is None else stream
        self.how = ("bar" if self.stream.isatty() else "lines") if how == "auto" else how
        self.total, self.workers = len(trials), workers
        self.cost_left = sum(trial.cost for trial in trials)
        self.cost_done = self.seconds = self.told = 0.0
        self.done = 0
        self._bar: Any = None

    def begin(self, kept: list[Trial]) -> None:
        """Begin; these trials were done before."""
        self.done = len(kept)
        self.cost_left -= sum(trial.cost for trial in kept)
        if kept:
            self.say(f"{len(kept)} of {self.total} trials were done before and are kept")
        if self.how == "bar":
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn
            from rich.progress import Progress as Bar

            shown = TextColumn("trial {task.completed}/{task.total}"), BarColumn(bar_width=24)
            text = TextColumn("{task.description}", markup=False)
            self._bar = Bar(*shown, text, console=Console(file=self.stream))
            self._task = self._bar.add_task("", total=self.total, completed=self.done)
            self._bar.start()

    def step(self, trial: Trial, row: Row) -> None:
        """A trial has ended."""
        self.done += 1
        self.seconds += row["seconds"]
        self.cost_done += trial.cost
        self.cost_left -= trial.cost
        text = f"{describe(trial.key)}: {_outcome(row)}"
        left = f"{_duration(self._seconds_left())} left" if self.done < self.total else ""
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done, description=f"{text}  {left}")
        elif self._is_due():
            self.told = time.monotonic()
            self.say(f"trial {self.done}/{self.total}: {text}{', ' + left if left else ''}")

    def end(self) -> None:
        """No more trials will end."""
        if self._bar is not None:
            self._bar.stop()

    def say(self, text: str) -> None:
        """A line for everybody."""
        if self.how != "none":
            print(text, file=self.stream, flush=True)

    def _is_due(self) -> bool:
        every = max(1, self.total // _LINES)
        is_milestone = self.done % every == 0 or self.done in (1, self.total)
        return is_milestone or time.monotonic() - self.told > _SECONDS

    def _seconds_left(self) -> float:
        return self.seconds / self.cost_done * self.cost_left / self.workers


def describe(key: Row) -> str:
    """A trial in a few words.

    >>> describe({"size": 20, "seed": 1})
    'size 20, seed 1'
    """
    return ", ".join(f"{name} {value}" for name, value in key.items())


def _outcome(row: Row) -> str:
    if "error" in row:
        return str(row["error"]).splitlines()[0]
    metric = "accuracy" if "accuracy" in row else "rmse"
    return f"{metric} {row[metric]:.4f}, loss {row['loss']:.4f}"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
