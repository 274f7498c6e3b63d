"""The history of a training: a row per epoch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = dict[str, float]


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

    def __init__(
        self,
        rows: Iterable[Row] = (),
        best_epoch: int | None = None,
        refit: History | None = None,
    ) -> None:
        self.rows = [dict(row) for row in rows]
        self.best_epoch = best_epoch
        self.refit = refit

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __getitem__(self, column: str) -> list[float]:
        return [row[column] for row in self.rows]

    def __repr__(self) -> str:
        return f"History({len(self)} epochs, best_epoch={self.best_epoch})"

    @property
    def kept(self) -> Row:
        """The row of the epoch whose weights were kept."""
        return self.rows[(self.best_epoch or len(self.rows)) - 1]

    @property
    def columns(self) -> list[str]:
        """The names that occur in any row."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw loss and accuracy over the epochs; return the axes of the loss."""
        from segue.plots import plot_history

        return plot_history(self, axes=axes)
