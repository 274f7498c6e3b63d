"""Progress of a long piece of work: a bar with the time left on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any, Literal, Self, TextIO, get_args

from segue.errors import OptionError

How = Literal["auto", "bar", "lines", "none"]


class Progress:
    """A bar, or a plain line now and then, around a block of work.

    Args:
        how: "bar", "lines" or "none"; "auto" is a bar on a terminal and lines elsewhere.
        pause: seconds after which a line is written in any case.
        stream: where to write; standard error if left out.

    Raises:
        OptionError: another `how`.

    >>> with Progress("lines", stream=sys.stdout) as progress:
    ...     progress.show("step 1/2", "loss 0.5", share=0.5, seconds_left=90, is_due=True)
    step 1/2: loss 0.5, 1 min 30 s left
    """

    def __init__(
        self, how: str = "auto", pause: float = 10.0, stream: TextIO | None = None
    ) -> None:
        if how not in get_args(How):
            raise OptionError(f"`progress` is {how!r}; expected auto, bar, lines or none.")
        self.stream = sys.stderr if stream is None else stream
        self.how = ("bar" if self.stream.isatty() else "lines") if how == "auto" else how
        self.pause = pause
        self._began = self.last_line = time.monotonic()
        self._bar: Any = None

    def __enter__(self) -> Self:
        if self.how == "bar":
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn
            from rich.progress import Progress as Bar

            head, text = (
                TextColumn(f"{{task.fields[{name}]}}", markup=False) for name in ("head", "text")
            )
            self._bar = Bar(head, BarColumn(bar_width=24), text, console=Console(file=self.stream))
            self._task = self._bar.add_task("", total=None, head="", text="")
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(
        self,
        head: str,
        text: str = "",
        *,
        share: float | None,
        seconds_left: float | Literal["auto"] | None = None,
        is_due: bool = False,
    ) -> None:
        """Show the state of the work.

        Args:
            head: what is done, such as "trial 3/10".
            text: the newest result.
            share: of the work that is done; `None`: unknown.
            seconds_left: the time left; "auto": from the share, and the time since the block began.
            is_due: whether a line is written although the pause is not over.
        """
        if seconds_left == "auto":
            spent = time.monotonic() - self._began
            seconds_left = spent * (1 - share) / share if share else None
        left = "" if seconds_left is None else f"{duration(seconds_left)} left"
        if self._bar is not None:
            total = None if share is None else 1.0
            shown = "  ".join(part for part in (text, left) if part)
            self._bar.update(self._task, completed=share or 0, total=total, head=head, text=shown)
        elif is_due or time.monotonic() - self.last_line > self.pause:
            self.last_line = time.monotonic()
            end = ", ".join(part for part in (text, left) if part)
            self.write(f"{head}: {end}" if end else head)

    def write(self, text: str) -> None:
        """Write a line."""
        if self.how != "none":
            print(text, file=self.stream, flush=True)


def duration(seconds: float) -> str:
    """A time in at most two units.

    >>> duration(8.24), duration(75), duration(7384)
    ('8.2 s', '1 min 15 s', '2 h 3 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
