"""What a check finds, and the words that all of them use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from segue.dataset import Dataset

Array = npt.NDArray[Any]

FEW = 5  # names in one line


@dataclass(frozen=True)
class Suspicion:
    """One thing to look at.

    Attributes:
        kind: a word for machines: "lengths", "long", "constant", "constant in a class", "scales",
            "missing", "groups", "classes", "labels", "spelling", "order", "time", "id",
            "first value", "marks", "standing still", "repeated".
        text: a line for people.
        numbers: what the line rests on.
    """

    kind: str
    text: str
    numbers: dict[str, Any]

    def __str__(self) -> str:
        return self.text


def members_of(data: Dataset) -> Iterator[tuple[Any, Array]]:
    """The names of the classes, and the places of their sequences that have steps."""
    if data.task != "classify":
        return
    labels = data.y[data.x.lengths > 0]
    for name in data.classes or ():
        members = np.flatnonzero(labels == name)
        if len(members):
            yield name, members


def channel_name(data: Dataset, channel: Any) -> str:
    """What a channel is called, or its number from 1 on."""
    return data.channels[int(channel)] if data.channels else str(int(channel) + 1)


def first_few(names: list[str]) -> str:
    """Names in one line, the rest of them counted."""
    return ", ".join(names[:FEW]) + (f", and {len(names) - FEW} more" if len(names) > FEW else "")
