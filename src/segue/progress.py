"""Progress of a long piece of work: a bar on a terminal or in a notebook, lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import Any, Literal, Self, TextIO, get_args

from segue.errors import OptionError
from segue.text_table import Picture, folded, html_pictures, html_text, visible

Style = Literal["auto", "bar", "lines", "none"]

_BAR = 16  # columns of the bar
_PAUSE = 0.3  # seconds between two pictures of a notebook

Curves = Callable[[], tuple[Iterable[Picture], Sequence[str]]]  # and their names


class Progress:
    """A bar, or a plain line now and then, around a block of work.

    Args:
        style: "bar", "lines" or "none"; "auto" is a bar on a terminal or in a notebook and lines
            elsewhere, and nothing within a search of scikit-learn or a pool of processes.
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
        in_notebook = stream is None and is_notebook()
        self.stream = sys.stderr if stream is None else stream
        if style == "auto" and _is_one_of_many():
            style = "none"
        elif style == "auto":
            # The terminal of a command within a notebook's cell (`!segue fit`) cannot go back.
            is_cell = "inline" in os.environ.get("MPLBACKEND", "")
            is_live = in_notebook or (self.stream.isatty() and not is_cell)
            style = "bar" if is_live else "lines"
        self.style = "notebook" if style == "bar" and in_notebook else style
        self.pause, self.is_transient = pause, is_transient
        self._began = self.last_line = time.monotonic()
        self._bar: Any = None
        self._notebook = _NotebookOutput()

    def __enter__(self) -> Self:
        self._began = self._notebook.began = time.monotonic()
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
        self._notebook.close(is_transient=self.is_transient)

    def show(
        self,
        head: str,
        text: str = "",
        short: str = "",
        *,
        share: float | None,
        left: str | None = None,
        is_due: bool = False,
        curves: Curves | None = None,
    ) -> None:
        """Show the state of the work.

        Args:
            head: what is done, such as "trial 3/10".
            text: the newest result.
            short: the same for a narrow terminal.
            share: of the work that is done; `None`: unknown.
            left: the time left; from the share, and the time since the block began, if left out.
            is_due: whether a line is written although the pause is not over.
            curves: gives small pictures for a notebook.
        """
        if left is None and share:
            left = time_left((time.monotonic() - self._began) * (1 - share) / share)
        if self._bar is not None:
            total = None if share is None else 1.0
            room = max(1, self._console.width - len(head) - _BAR - len(left or "") - 3)
            text = short if short and len(text) > room else text
            text = text if len(text) <= room else f"{text[: room - 1]}…"
            fields = {"head": visible(head), "text": visible(text), "left": left or ""}
            self._bar.update(self._task, completed=share or 0, total=total, **fields)
            self._bar.start()
        elif self.style == "notebook":
            self._notebook.show(head, text, left or "", share, curves)
        elif is_due or time.monotonic() - self.last_line > self.pause:
            self.last_line = time.monotonic()
            end = ", ".join(part for part in (text, left) if part)
            self.write(f"{head}: {end}" if end else head)

    def write(self, text: str) -> None:
        """Write a line."""
        if self.style == "notebook":
            self._notebook.write(text)
        elif self.style != "none":
            print(folded(visible(text), self.stream, 2), file=self.stream, flush=True)


class _NotebookOutput:
    """The output of a notebook's cell, of which a few times a second all is replaced."""

    def __init__(self) -> None:
        self.began = self.drawn = time.monotonic()
        self.head, self.text, self.notes = "", "", list[str]()
        self.curves: Curves | None = None
        self._cell = NotebookCell()

    def show(
        self, head: str, text: str, left: str, share: float | None, curves: Curves | None
    ) -> None:
        """Show the state of the work; the arguments are those of `Progress.show`."""
        self.head, self.text, self.curves = head, text, curves
        if not self._cell.is_shown or time.monotonic() - self.drawn > _PAUSE:
            value = "" if share is None else f' value="{share:.3f}"'
            self.draw(f"<progress{value}></progress>", left)

    def write(self, text: str) -> None:
        """Add a line."""
        self.notes.append(text)
        self.draw()
        self.drawn = 0.0  # what is shown next is drawn at once

    def close(self, *, is_transient: bool) -> None:
        """Leave the newest state, or nothing."""
        if self._cell.is_shown and is_transient:
            self._cell.publish("", "")
        elif self._cell.is_shown:
            self.draw()

    def draw(self, bar: str = "", left: str = "") -> None:
        """Replace the output; `bar` and `left` while the work goes on."""
        self.drawn = time.monotonic()
        spent = duration(self.drawn - self.began) if self.head else ""
        times = ", ".join(filter(None, [spent, left]))
        pictures = html_pictures(*self.curves()) if self.curves else ""
        page = (
            f"<div><strong>{html_text(self.head)}</strong> {bar} {times}</div>"
            f"<div>{html_text(self.text)}</div>{pictures}"
            f'<div style="opacity:0.7">{"<br/>".join(map(html_text, self.notes))}</div>'
        )
        now = ", ".join(filter(None, [self.head, self.text, times]))
        self._cell.publish(page, visible("\n".join(filter(None, [now, *self.notes]))))


class NotebookCell:
    """The output of a notebook's cell, all of which is replaced at once."""

    def __init__(self) -> None:
        self._display: Any = None

    @property
    def is_shown(self) -> bool:
        """Whether anything was shown yet."""
        return self._display is not None

    def publish(self, page: str, plain: str) -> None:
        """Show a page of HTML, and the same as text for what shows none."""
        shown = {"text/html": page, "text/plain": plain}
        if self._display is None:
            display = import_module("IPython.display").display
            self._display = display(shown, raw=True, display_id=True)
        else:
            self._display.update(shown, raw=True)


def is_notebook() -> bool:
    """Whether a kernel runs this, be it of Jupyter, VS Code or Colab."""
    if "IPython" not in sys.modules:
        return False
    shell = type(sys.modules["IPython"].get_ipython())
    return shell.__name__ == "ZMQInteractiveShell" or shell.__module__.startswith("google.colab")


def _is_one_of_many() -> bool:
    """Whether a search of scikit-learn, joblib or a pool of processes is at work."""
    frame = sys._getframe()
    while frame.f_back is not None:
        if frame.f_globals.get("__name__", "").startswith(("sklearn.", "joblib.", "loky.")):
            return True
        frame = frame.f_back
    multiprocessing = sys.modules.get("multiprocessing")  # each process of a pool has imported it
    return multiprocessing is not None and multiprocessing.parent_process() is not None


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
