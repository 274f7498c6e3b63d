"""What is drawn over the steps of a sequence, on the time axis of the data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from segue.data.arrays import Array

POINTS = 300  # of a track
ROWS = 40  # of colours: channels, or units
_PREFIXES = 40  # where each is to be seen anew


class Track(NamedTuple):
    """What is drawn below a sequence, over its steps.

    Attributes:
        name: its heading.
        rows: a name for each curve, or for each row of colours.
        values: `[point, row]`.
        steps: `[point]`, after how many steps each point of a curve holds; `None`: colours, each of
            an equal stretch of the sequence.
        low: end of the scale; with 0 in the middle where it is below.
        high: the other end.
    """

    name: str
    rows: tuple[str, ...]
    values: Array
    steps: Array | None
    low: float
    high: float


def probabilities_along(model: Any, one: Any) -> tuple[Array, Array]:
    """Probabilities `[point, class]` after some prefixes of one sequence, and their lengths."""
    from segue.estimators.anytime import anytime

    preparation, length = model.preparation_, int(one.x.lengths[0])
    is_timed = all(step.along == "time" for step in preparation.steps)
    steps = int(preparation.lengths(np.array([length]))[0]) if is_timed else length
    is_causal = model.network_.causal and all(step.causal for step in preparation.steps)
    every = max(1, -(-steps // (POINTS if is_causal else _PREFIXES)))
    every = max(every, model.network_.shortest_length)
    x, static = model._input(one)
    found = anytime(model, x, static, every, quiet=True)
    return np.asarray(found[0], np.float64), preparation.prefix_lengths(length, every)


def colours(
    name: str,
    rows: Iterable[str],
    values: Array,
    ends: Array,
    length: int,
    *,
    is_open: bool = False,
) -> Track:
    """A track of colours: what holds from one end to the next, cut into equal stretches.

    Args:
        name: of the track.
        rows: names.
        values: `[piece, row]`.
        ends: `[piece]`, behind which step each piece ends.
        length: steps of the sequence.
        is_open: whether the values go from 0, shut, to 1, open.
    """
    names, count = [str(row) for row in rows], max(1, min(POINTS, length))
    edges = np.arange(count) * length / count
    if len(values) > 2 * count:  # the mean of each stretch
        first = np.minimum(np.searchsorted(ends, edges, side="right"), len(values) - 1)
        sums = np.add.reduceat(values, first, axis=0)
        shown = sums / np.maximum(1, np.diff([*first.tolist(), len(values)]))[:, None]
    else:
        middles = edges + length / count / 2
        shown = values[np.minimum(np.searchsorted(ends, middles, side="left"), len(values) - 1)]
    if shown.shape[1] > ROWS:
        names, shown = ["all channels"], shown.sum(axis=1, keepdims=True)
    largest = max(float(np.abs(shown).max(initial=0.0)), 1e-12)
    low, high = (0.0, 1.0) if is_open else (-largest, largest)
    return Track(name, tuple(names), np.asarray(shown, np.float64), None, low, high)
