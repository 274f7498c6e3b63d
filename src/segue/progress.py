"""Progress of a long piece of work: a bar with the time left on a terminal, lines elsewhere."""

from __future__ import annotations

import multiprocessing
import sys
import time
from typing import Any, Literal, Self, TextIO, get_args

from segue.errors import OptionError
from segue.text_table import folded, visible

Style = Literal["auto", "bar", "lines", "none"]

_BAR = 16  # columns of the bar


class Progress:
    """A bar, or a plain line now and then, around a block of work.

    Args:
        style: "bar", "lines" or "none"; "auto" is a bar on a terminal and lines elsewhere, and
            nothing within a search of scikit-learn or a pool of processes.
        pause: seconds after which a line is written in any case.
        stream: where to write; standard error if left out.
        is_transient: whether the bar disappears at the end of the work.

    Raises:
        OptionError: another `style`.

    >>> with Progress("lines", stream=sys.stdout) as progress:
    ...     progress.show("step 1/2", "loss 0.5", share=0.5, left=time_left(90), is_due=True)
    step 1/2: loss 0.5, 90 s left
    """

    def __init__(
        self,
        style: str = "auto",
        pause: float = 10.0,
        stream: TextIO | None = None,
        *,
        is_transient: bool = False,
    ) -> None:
        if style not in get_args(Style):
            raise OptionError(f"`progress` is {style!r}; expected auto, bar, lines or none.")
        self.stream = sys.stderr if stream is None else stream
        if style == "auto":
            style = "none" if _is_one_of_many() else "bar" if self.stream.isatty() else "lines"
        self.style = style
        self.pause, self.is_transient = pause, is_transient
        self._began = self.last_line = time.monotonic()
        self._bar: Any = None

    def __enter__(self) -> Self:
        if self.style == "bar":
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn
            from rich.progress import Progress as Bar
            from rich.table import Column

            head, text, left = (
                TextColumn(f"{{task.fields[{name}]}}", markup=False, table_column=column)
                for name, column in (
                    ("head", Column(no_wrap=True)),
                    ("text", Column(no_wrap=True, overflow="ellipsis")),
                    ("left", Column(no_wrap=True)),
                )
            )
            self._console = Console(file=self.stream)
            bar = BarColumn(bar_width=_BAR)
            self._bar = Bar(
                head, bar, text, left, console=self._console, transient=self.is_transient
            )
            self._task = self._bar.add_task("", total=None, head="", text="", left="")
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(
        self,
        head: str,
        text: str = "",
        short: str = "",
        *,
        share: float | None,
        left: str | None = None,
        is_due: bool = False,
    ) -> None:
        """Show the state of the work.

        Args:
            head: what is done, such as "trial 3/10".
            text: the newest result.
            short: the same for a narrow terminal.
            share: of the work that is done; `None`: unknown.
            left: the time left; from the share, and the time since the block began, if left out.
            is_due: whether a line is written although the pause is not over.
        """
        if left is None and share:
            left = time_left((time.monotonic() - self._began) * (1 - share) / share)
        if self._bar is not None:
            total = None if share is None else 1.0
            rest = len(head) + _BAR + len(left or "") + 3
            text = short if short and rest + len(text) > self._console.width else text
            fields = {"head": visible(head), "text": visible(text), "left": left or ""}
            self._bar.update(self._task, completed=share or 0, total=total, **fields)
            self._bar.start()
        elif is_due or time.monotonic() - self.last_line > self.pause:
            self.last_line = time.monotonic()
            end = ", ".join(part for part in (text, left) if part)
            self.write(f"{head}: {end}" if end else head)

    def write(self, text: str) -> None:
        """Write a line."""
        if self.style != "none":
            print(folded(visible(text), self.stream, 2), file=self.stream, flush=True)


def _is_one_of_many() -> bool:
    """Whether a search of scikit-learn, joblib or a pool of processes is at work."""
    frame = sys._getframe()
    while frame.f_back is not None:
        if frame.f_globals.get("__name__", "").startswith(("sklearn.", "joblib.", "loky.")):
            return True
        frame = frame.f_back
    return multiprocessing.parent_process() is not None


def duration(seconds: float) -> str:
    """A time in at most two units.

    >>> duration(8.24), duration(75), duration(7384)
    ('8.2 s', '1 min 15 s', '2 h 3 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def time_left(seconds: float) -> str:
    """A rough time, in one unit.

    >>> time_left(8.24), time_left(384), time_left(7384)
    ('8 s left', '6 min left', '2.1 h left')
    """
    if seconds < 100:
        return f"{seconds:.0f} s left"
    return f"{seconds / 60:.0f} min left" if seconds < 6000 else f"{seconds / 3600:.1f} h left"
