"""Findings of the checks, and the statistics of values that they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segue.data.summary import DatasetLike

Array = npt.NDArray[Any]

FEW = 5  # names in one line


@dataclass(frozen=True)
class Suspicion:
    """One finding of a check.

    Attributes:
        kind: the check, for programs: "lengths", "long", "constant", "constant in a class",
            "scales", "missing", "groups", "classes", "labels", "spelling", "order", "time", "id",
            "first value", "marks", "standing still", "repeated".
        text: a line to print.
        numbers: the numbers that the line rests on.
    """

    kind: str
    text: str
    numbers: dict[str, Any]

    def __str__(self) -> str:
        return self.text


def members_of(data: DatasetLike) -> Iterator[tuple[Any, Array]]:
    """The names of the classes, and the indices of their sequences among those that have steps."""
    labels = data.labels
    for name in () if labels is None else data.classes or ():
        members = np.flatnonzero(np.asarray(labels)[data.x.lengths > 0] == name)
        if len(members):
            yield name, members


def finding(kind: str, text: str, **numbers: Any) -> Suspicion:
    """A finding, with the numbers by name."""
    return Suspicion(kind, text, numbers)


def first_few(things: Iterable[Any], show: Callable[[Any], str] = str) -> str:
    """Names in one line, the rest of them counted."""
    names = [show(thing) for thing in things]
    return ", ".join(names[:FEW]) + (f", and {len(names) - FEW} more" if len(names) > FEW else "")


SAMPLED = 2_000_000  # values


@dataclass(frozen=True)
class Statistics:
    """Of each sequence that has steps and each channel: `[n, channel]`.

    Attributes:
        names: of the channels; their numbers from 1 on where they have none.
        low: the smallest value; NaN without any.
        high: the largest value.
        total: the sum of the values.
        squares: the sum of their squares.
        present: the number of values that are not missing.
        sample: `[steps, channel]`, evenly spaced.
    """

    names: tuple[str, ...]
    low: Array
    high: Array
    total: Array
    squares: Array
    present: Array
    sample: Array

    @classmethod
    def of(cls, data: DatasetLike) -> Statistics:
        """Compute them in one pass over the blocks of a data set."""
        rows: list[tuple[Array, ...]] = []
        every = max(1, data.x.total_steps * data.x.channels // SAMPLED)
        for block in data.x.blocks():
            kept = block[block.lengths > 0]
            if len(kept) == 0:
                continue
            values, starts = kept.values, kept.offsets[:-1]
            there = ~np.isnan(values)
            known = np.where(there, values, 0).astype(np.float64)
            extremes = [np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)]
            summands = (known, known**2, there.astype(np.int64))
            sums = [np.add.reduceat(column, starts) for column in summands]
            rows.append((*extremes, *sums, values[::every]))
        joined = [np.concatenate(column) for column in zip(*rows, strict=True)]
        names = data.channels or tuple(str(i + 1) for i in range(data.x.channels))
        return cls(names, *(joined or [np.zeros((0, data.x.channels))] * 6))
