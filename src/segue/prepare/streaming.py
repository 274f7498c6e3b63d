"""Preparation of one sequence as it comes, for streams.

A step of the preparation may need steps that came before (a frame of 256 samples) and give fewer
steps than it gets. So what streams is an object of its own: `push` takes what came and gives the
prepared steps that are final with it; `tail` gives those that a sequence would have besides if it
ended here, such as a first frame that is not full. `push` so far and `tail` together are always
what the whole gives.
"""

from __future__ import annotations

import abc
import copy
from typing import TYPE_CHECKING

import numpy as np

from segue.sequences import Array

if TYPE_CHECKING:
    from segue.prepare.pipeline import Preparation
    from segue.prepare.steps import StepSpec


class StepStream(abc.ABC):
    """One preparation step at work on one sequence."""

    @abc.abstractmethod
    def push(self, values: Array) -> Array:
        """Take `[time, channel]` that came, and give the prepared steps that are final now."""

    def tail(self) -> Array | None:
        """The steps that would follow if the sequence ended here; `None` for none."""
        return None


class StepByStep(StepStream):
    """A step that looks at one time step only: it needs no memory."""

    def __init__(self, step: StepSpec, fitted: dict[str, Array]) -> None:
        self._step, self._fitted = step, fitted

    def push(self, values: Array) -> Array:
        lengths = np.array([len(values)], np.int64)
        return self._step.apply((values, lengths), self._fitted)[0]


class PreparationStream:
    """A whole preparation at work on one sequence; made by `Preparation.stream`."""

    def __init__(self, preparation: Preparation) -> None:
        pairs = zip(preparation.steps, preparation.fitted, strict=True)
        self._streams = [step.stream(fitted) for step, fitted in pairs]

    def push(self, values: Array) -> Array:
        """Take `[time, channel]` that came, and give the prepared steps that are final now."""
        for stream in self._streams:
            values = stream.push(values)
        return as_float32(values)

    def tail(self) -> Array | None:
        """The prepared steps that would follow if the sequence ended here; `None` for none."""
        tail: Array | None = None
        for stream in self._streams:
            if tail is None:
                tail = stream.tail()
                continue
            ended = copy.deepcopy(stream)  # it goes on as if the sequence had not ended
            tail = np.concatenate([ended.push(tail), *_rows(ended.tail())])
        return None if tail is None else as_float32(tail)


def as_float32(values: Array) -> Array:
    """What a network takes: prepared numbers as float32; tokens as they are."""
    return values.astype(np.float32, copy=False) if values.dtype == np.float64 else values


def _rows(values: Array | None) -> list[Array]:
    return [] if values is None else [values]
