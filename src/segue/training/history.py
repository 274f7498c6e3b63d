"""The history of a training, a row per epoch; callbacks that write and print it."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from segue.atomic import write_text
from segue.errors import WriteError, counted, warn_user
from segue.progress import Progress, time_left
from segue.text_table import Picture, html_card
from segue.training.options import TrainingOptions

if TYPE_CHECKING:
    from matplotlib.axes import Axes


Row = dict[str, float]


@dataclass(eq=False, repr=False)
class History:
    """Rows of numbers, one per epoch.

    Args:
        rows: with the keys epoch (from 1), loss, accuracy, learning_rate, seconds (since the start)
            and, where there is a validation set, validation_loss and validation_accuracy.
        best_epoch: the epoch whose weights were kept; `None`: the last one's.
        refit: the history of the training on everything that followed, whose weights were then
            kept; `None`: there was none.

    >>> history = History([{"epoch": 1, "loss": 0.7}, {"epoch": 2, "loss": 0.5}])
    >>> history["loss"], history.kept
    ([0.7, 0.5], {'epoch': 2, 'loss': 0.5})

    Iterating gives the rows; `history["loss"]` is a column.
    """

    rows: list[Row] = field(default_factory=list)
    best_epoch: int | None = None
    refit: History | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __getitem__(self, column: str) -> list[float]:
        if self.rows and not any(column in row for row in self.rows):
            raise KeyError(f"{column}: the history has {', '.join(self.columns)}")
        return [row[column] for row in self.rows]

    def __repr__(self) -> str:
        return f"History({len(self)} epochs, best_epoch={self.best_epoch})"

    def _repr_html_(self) -> str:
        """For notebooks: the row that was kept, and curves of loss and score."""
        rows = [(name, f"{value:.4g}") for name, value in self.kept.items()]
        return html_card(f"History of {counted(len(self), 'epoch')}", rows, *_curves(self.rows))

    @property
    def kept(self) -> Row:
        """The row of the epoch whose weights were kept; empty where no epoch was done."""
        return self.rows[(self.best_epoch or len(self.rows)) - 1] if self.rows else {}

    @property
    def columns(self) -> list[str]:
        """The names that occur in any row."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw loss and accuracy over the epochs; return the axes of the loss."""
        from segue.plots import plot_history

        return plot_history(self, axes=axes)


def _curves(rows: list[Row]) -> tuple[list[Picture], list[str]]:
    """Small pictures of loss and score over the epochs, and the names of their curves."""
    if len(rows) < 2:
        return [], []
    parts = {"": "training", "validation_": "validation"}
    parts = {part: name for part, name in parts.items() if f"{part}loss" in rows[0]}
    ends = [end for end in ("loss", *_METRICS) if end in rows[0]]
    columns = {
        end: [[row.get(part + end, math.nan) for row in rows] for part in parts] for end in ends
    }
    return list(columns.items()), list(parts.values())


_METRICS = ("accuracy", "rmse", "perplexity")
_LINES = 10  # about so many plain lines in a whole training
_SECONDS = 30.0  # but at least one in so many seconds
_BLINK = 0.2  # seconds between two looks of the bar


# -- which epoch is the best --------------------------------------------------------------------

Monitor = Callable[[Row, Row, float], bool]


def lower_loss(row: Row, best: Row, min_delta: float) -> bool:
    """The validation loss is lower, by more than `min_delta`."""
    return row["validation_loss"] < best["validation_loss"] - min_delta


def higher_accuracy(row: Row, best: Row, min_delta: float) -> bool:
    """More of the validation targets are predicted, or as many with a lower loss.

    >>> best = {"validation_accuracy": 0.9, "validation_loss": 0.5}
    >>> higher_accuracy({"validation_accuracy": 0.9, "validation_loss": 0.4}, best, 0.0)
    True
    """
    if row["validation_accuracy"] != best["validation_accuracy"]:
        return row["validation_accuracy"] > best["validation_accuracy"]
    return lower_loss(row, best, min_delta)


def later(row: Row, best: Row, min_delta: float) -> bool:
    """The epoch is a later one, whatever its scores; of two trainings, the loss is lower."""
    return row["epoch"] > best["epoch"] or lower_loss(row, best, min_delta)


MONITORS: dict[str, Monitor] = {"loss": lower_loss, "accuracy": higher_accuracy, "last": later}


def best_row(rows: Iterable[Row], monitor: str, min_delta: float = 0.0) -> Row | None:
    """The row of the epoch whose weights are kept; `None`: there is no row with a validation.

    Args:
        rows: of a history, in their order.
        monitor: of `MONITORS`.
        min_delta: how much lower a validation loss must be to count as better.

    >>> best_row([{"validation_loss": 0.5}, {"validation_loss": 0.4}, {"loss": 0.1}], "loss")
    {'validation_loss': 0.4}
    """
    best: Row | None = None
    for row in rows:
        if "validation_loss" in row:
            best = row if best is None or MONITORS[monitor](row, best, min_delta) else best
    return best


# -- callbacks ----------------------------------------------------------------------------------


class Callback:
    """Empty methods to override, for `fit(callbacks=[...])`.

    Attributes:
        every_update: whether `on_update` is to be called after each update, where it is
            overridden; else it may be after several, now and then.

    What a callback does changes nothing in the training, but that it can end it: by returning True
    from `on_epoch`, or by an error, which `fit` raises. With `refit` both trainings call it.

    >>> class Target(Callback):
    ...     "Ends the training when it is good enough."
    ...
    ...     def on_epoch(self, row: dict[str, float], state: Any) -> bool:
    ...         return row["accuracy"] > 0.95
    """

    every_update: bool = True

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        hooks = [name for name in vars(Callback) if name.startswith("on_")]
        for name in vars(cls):
            if name.startswith("on_") and name not in hooks:
                warn_user(
                    f"{cls.__name__}.{name} is never called; segue.Callback has {', '.join(hooks)}."
                )

    def on_start(self, rows: list[dict[str, float]]) -> None:
        """Before the first epoch. `rows`: the epochs that a resumed training has already."""

    def on_update(self, epoch: int, share: float, means: Any) -> None:
        """After each update of an epoch: often, so be quick.

        Args:
            epoch: counted from 1.
            share: of the updates of the epoch that are done, up to 1.
            means: `means.row()` gives loss and score of the epoch so far.
        """

    def on_epoch(self, row: dict[str, float], state: Any) -> bool | None:
        """After each epoch.

        Args:
            row: the new line of the history: `epoch`, `loss`, `accuracy` (`rmse`, `perplexity`),
                `learning_rate`, `seconds`, and where there is validation `validation_loss` and
                `validation_accuracy`.
            state: a `segue.training.loop.TrainingState`: all rows, the best weights.

        Returns:
            True ends the training, as an early stop does.
        """

    def on_end(self, ended: str) -> None:
        """After the last epoch.

        Args:
            ended: "finished", "early", "time", "callback", "interrupted" or "failed".
        """


class LogWriter(Callback):
    """Passes what happens on to Python's `logging`, as the logger "segue.training", level INFO."""

    log = logging.getLogger("segue.training")

    def on_start(self, rows: list[Row]) -> None:
        self.log.info("training starts after epoch %d", len(rows))

    def on_epoch(self, row: Row, state: Any) -> None:
        if self.log.isEnabledFor(logging.INFO):
            self.log.info("epoch %d: %s", row["epoch"], describe(row))

    def on_end(self, ended: str) -> None:
        self.log.info("training ended: %s", ended)


class HistoryWriter(Callback):
    """Appends each row to a file of JSON lines.

    Args:
        path: such as `history.jsonl`; begun anew with the rows that are there at the start.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def on_start(self, rows: list[Row]) -> None:
        write_text(self.path, "".join(json.dumps(row) + "\n" for row in rows))

    def on_epoch(self, row: Row, state: Any) -> None:
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
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
    """Make the reporter of a training, of the form that `options.progress` names.

    Args:
        options: also say when a training may end before its epochs are done.
        epochs: how many there will be at most.
        stream: where to write; `None`: standard error.
        is_validated: whether there is a validation loss that can stop it early.
    """
    early = is_validated and options.patience is not None and not options.has_fixed_length
    progress = Progress(options.progress, stream=stream)
    return Reporter(progress, epochs, options.time_limit_seconds, may_stop_early=early)


class Reporter(Callback):
    """The newest numbers and the time left, as a bar or a plain line now and then.

    Args:
        progress: where they are shown.
        epochs: how many there will be at most.
        time_limit: seconds after which it ends; `None`: never.
        may_stop_early: whether it may end before its epochs are done.
    """

    every_update = False

    def __init__(
        self, progress: Progress, epochs: int, time_limit: float | None, *, may_stop_early: bool
    ) -> None:
        self.progress = progress
        self.epochs = epochs
        self.time_limit = time_limit
        self.may_stop_early = may_stop_early
        self.rows: list[Row] = []
        self.is_live = progress.style in ("bar", "notebook")
        self.pause = _BLINK if self.is_live else _SECONDS if progress.style == "lines" else math.inf

    def message(self, text: str) -> None:
        """Write a line, where there is a text."""
        if text:
            self.progress.write(text)

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Show on a terminal that the training is about to start."""
        style = "bar" if self.progress.style == "bar" else "none"
        with Progress(style, stream=self.progress.stream, is_transient=True) as progress:
            progress.show("starting", share=None)
            yield

    def on_start(self, rows: list[Row]) -> None:
        self.rows, self.first = list(rows), len(rows)
        self.before = rows[-1]["seconds"] if rows else 0.0  # of a training that is resumed
        self.began = self.shown = time.monotonic()
        if rows:
            self.message(f"resumed after epoch {len(rows)}")
        self.progress.__enter__()

    def on_update(self, epoch: int, share: float, means: Any) -> None:
        if time.monotonic() - self.shown > self.pause and share < 1:
            self.show(epoch - 1 + share, means.row())

    def on_epoch(self, row: Row, state: Any) -> None:
        self.rows.append(row)
        epoch = int(row["epoch"])
        due = epoch % max(1, self.epochs // _LINES) == 0 or epoch in (1, self.epochs)
        if due or self.is_live or time.monotonic() - self.shown > self.pause:
            self.show(epoch, row)

    def show(self, done: float, row: Row) -> None:
        """Show the numbers so far; `done`: epochs, the running one in part."""
        self.shown = time.monotonic()
        head = f"epoch {int(done)}/{self.epochs}"
        if done % 1 and not self.is_live:
            part = f"{done % 1:.0%} of it".replace("%", " %")
            head = f"epoch {math.ceil(done)}/{self.epochs}, {part}"
        left = self.left(done) if done < self.epochs else ""
        share = done / self.epochs
        texts = describe(row), describe(row, short=True)
        curves = partial(_curves, self.rows)
        self.progress.show(head, *texts, share=share, left=left, is_due=True, curves=curves)

    def left(self, done: float) -> str:
        """The time left: "25 s left", or "at most 12 min left" where training may end early."""
        spent = time.monotonic() - self.began
        seconds = spent / (done - self.first) * (self.epochs - done)
        if self.time_limit is not None:
            seconds = min(seconds, max(0, self.time_limit - self.before - spent))
        return f"{'at most ' if self.may_stop_early else ''}{time_left(seconds)}"

    def on_end(self, ended: str) -> None:
        self.progress.__exit__()
        self.message(_ENDINGS.get(ended, ""))


_ENDINGS = {
    "early": "stopped early: the validation loss stands still",
    "time": "stopped: the time limit is reached",
    "callback": "stopped by a callback",
    "failed": "failed",
}


def describe(row: Row, *, short: bool = False) -> str:
    """The numbers of an epoch in one line; of a short one those of the validation, if there is one.

    >>> row = {"loss": 0.5, "accuracy": 0.75, "validation_loss": 0.6, "validation_accuracy": 0.7}
    >>> describe(row), describe(row, short=True)
    ('loss 0.5000, accuracy 0.7500; validation 0.6000, 0.7000', 'validation 0.6000, 0.7000')
    """
    metric = next(name for name in _METRICS if name in row)
    trained = f"loss {row['loss']:.4f}, {metric} {row[metric]:.4f}"
    if "validation_loss" not in row:
        return trained
    validated = f"validation {row['validation_loss']:.4f}, {row[f'validation_{metric}']:.4f}"
    return validated if short else f"{trained}; {validated}"
