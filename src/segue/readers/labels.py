"""Labels as the files have them: whole numbers become ints, everything else stays text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from segue.sequences import Array


def as_labels(texts: Sequence[str]) -> Array:
    """Return `[n]` int64 if every label is a whole number (`3`, `3.0`, `3e0`), else text.

    Text stays text where two labels would become the same number, as `1` and `1.0`.

    >>> as_labels(["2", "-1", "2"])
    array([ 2, -1,  2])
    >>> as_labels(["2", "two"])
    array(['2', 'two'], dtype='<U3')
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
    whole = np.isfinite(numbers).all() and (numbers == np.round(numbers)).all()
    return numbers.astype(np.int64) if whole else numbers


def _whole(text: str) -> int | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if number.is_integer() else None
