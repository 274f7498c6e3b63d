"""How far a long piece of work is: a bar with the time left, or a plain line now and then."""

from __future__ import annotations

import sys
import time
from typing import Any, Self

from segue.cli.shared import duration
from segue.errors import counted

_SECONDS = 10.0  # between two plain lines


class Progress:
    """Called with what is done, and its share of all (`None`: nobody knows).

    Args:
        what: the work, such as "writing".
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._bar: Any = None
        self._began = self._told = time.monotonic()

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = TextColumn("{task.description}"), BarColumn(bar_width=24)
            self._bar = Bar(*columns, TimeRemainingColumn(), console=Console(file=sys.stderr))
            self._task = self._bar.add_task(self._what, total=None)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, done: int, share: float | None) -> None:
        """Say how far it is."""
        now = time.monotonic()
        if self._bar is not None:
            text = f"{self._what} {done:,}"
            total = None if share is None else 1.0
            self._bar.update(self._task, completed=share or 0, total=total, description=text)
        elif now - self._told > _SECONDS:
            self._told = now
            left = ""
            if share:
                seconds = (now - self._began) * (1 - share) / share
                left = f", {share:.0%}, {duration(seconds)} left"
            print(f"{self._what} {counted(done, 'sequence')}{left}", file=sys.stderr, flush=True)
