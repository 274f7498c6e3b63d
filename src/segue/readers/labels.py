"""Labels as files have them: whole numbers become ints, all else stays text; labelled files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segue.sequences import Array

# 3, -1, 3.0 and 3e0; not 007, whose zeros may mean something, and not 1_000, which only Python
# takes for a number.
_WHOLE = re.compile(r"[+-]?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?")
LARGEST = 2**53  # the largest number up to which float64, and JSON, know all whole numbers apart


def as_labels(texts: Sequence[str]) -> Array:
    """Return `[n]` int64 if every label is a whole number (`3`, `3.0`, `3e0`), else text.

    Text stays text where a number would not give it back: where two labels would become the same
    number (`1` and `1.0`), with leading zeros (`007`), and beyond 2**53.

    >>> as_labels(["2", "-1", "2"])
    array([ 2, -1,  2])
    >>> as_labels(["2", "two"]), as_labels(["7", "007"])
    (array(['2', 'two'], dtype='<U3'), array(['7', '007'], dtype='<U3'))
    """
    numbers = {text: _whole(text) for text in dict.fromkeys(texts)}
    found = set(numbers.values())
    if None in found or len(found) < len(numbers):
        return np.array(texts, dtype=str)
    return np.array([numbers[text] for text in texts], dtype=np.int64)


def as_classes(numbers: Array) -> Array:
    """Return `[n]` int64 if every number is whole, else the numbers as they are (a regression).

    >>> as_classes(np.array([0.0, 1.0])), as_classes(np.array([0.5, 1.0]))
    (array([0, 1]), array([0.5, 1. ]))
    """
    whole = (np.abs(numbers) <= LARGEST).all() and (numbers == np.round(numbers)).all()
    return numbers.astype(np.int64) if whole else numbers


def _whole(text: str) -> int | None:
    text = text.strip()
    number = float(text) if _WHOLE.fullmatch(text) else 0.5
    return int(number) if number.is_integer() and abs(number) <= LARGEST else None


@dataclass(frozen=True)
class LabelledFiles:
    """What is to be read, in order.

    Attributes:
        files: one a sequence.
        ids: the names of the files, below the folder.
        labels: `[n]`, from the folders' names or the table; `None` where there are none.
        groups: `[n]`, from the table, where it has them.
        parts: `[n]`, from the table, where it has them.
        notes: which columns of the table say what.
    """

    files: tuple[Path, ...]
    ids: tuple[str, ...]
    labels: Array | None = None
    groups: Array | None = None
    parts: Array | None = None
    notes: tuple[str, ...] = ()

    def __getitem__(self, index: slice | list[int]) -> LabelledFiles:
        """Some of them."""
        places = np.arange(len(self.files))[index]

        def some(column: Array | None) -> Array | None:
            return None if column is None else column[places]

        return LabelledFiles(
            tuple(self.files[place] for place in places),
            tuple(self.ids[place] for place in places),
            some(self.labels),
            some(self.groups),
            some(self.parts),
            self.notes,
        )
