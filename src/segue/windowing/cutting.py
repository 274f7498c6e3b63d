"""Where windows lie in their series. Pure functions of lengths and places."""

from __future__ import annotations

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError, warn_user
from segue.sequences import Array


def window_counts(lengths: Array, steps: int, stride: int) -> Array:
    """`[series]`, how many windows of so many steps each gives.

    >>> window_counts(np.array([10, 5, 2]), 4, 3).tolist()
    [3, 1, 0]
    """
    return np.asarray(np.maximum(0, (lengths - steps) // stride + 1))


def places(lengths: Array, steps: int, stride: int, *, what: str) -> tuple[Array, Array]:
    """The series and the first step of every window that has `steps` steps.

    Args:
        lengths: `[series]`.
        steps: those of a window, with its target.
        stride: steps from the beginning of one window to that of the next.
        what: is cut, in messages: "A window", or "A window with its target".

    Raises:
        DataError: no series is long enough.

    >>> number, start = places(np.array([6, 4]), 4, 2, what="A window")
    >>> number.tolist(), start.tolist()
    ([0, 0, 1], [0, 2, 0])
    """
    counts = window_counts(lengths, steps, stride)
    if not counts.any():
        raise DataError(
            f"{what} takes {steps} steps, and the longest of {len(lengths)} "
            f"series has {lengths.max(initial=0)}: choose a smaller size."
        )
    if not counts.all():
        warn_user(
            f"{int((counts == 0).sum())} of {len(lengths)} series are shorter than "
            f"{what[0].lower()}{what[1:]} ({steps} steps), and give none."
        )
    number = np.repeat(np.arange(len(lengths)), counts)
    turn = np.arange(len(number)) - np.repeat(np.cumsum(counts) - counts, counts)
    return number, turn * stride


def spans_of(data: Dataset, number: Array, start: Array, steps: int) -> Array:
    """In the series; windows of windows keep the series that those were cut from."""
    if data.spans is not None:
        start = start + data.spans[number, 1]
        number = data.spans[number, 0]
    return np.column_stack([number, start, start + steps])


def names_of(ids: Array | None, start: Array, size: int) -> Array:
    """`[windows]`, such as `walk-1:128-256`; of a single series without a name `128-256`.

    >>> names_of(np.array(["a"]), np.array([4]), 2), names_of(None, np.array([4]), 2)
    (array(['a:4-6'], dtype='<U5'), array(['4-6'], dtype='<U3'))
    """
    spans = [f"{step}-{step + size}" for step in start.tolist()]
    if ids is None:
        return np.array(spans)
    return np.array([f"{name}:{span}" for name, span in zip(ids.tolist(), spans, strict=True)])
