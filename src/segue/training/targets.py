"""What is to be learnt, by the index of the sequence: one answer, or one for each step."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from segue.encoding import NO_LABEL

Index = npt.NDArray[np.int64]


class Targets(Protocol):
    """Answers by index."""

    def __len__(self) -> int:
        """The number of sequences."""

    def gather(self, index: Index) -> Tensor:
        """The answers of the chosen sequences, `[batch, ...]`."""


class SequenceTargets:
    """One answer for a sequence.

    Args:
        values: `[n]` class numbers, or `[n, value]`.
    """

    def __init__(self, values: Tensor) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def gather(self, index: Index) -> Tensor:
        """The answers of the sequences of these numbers."""
        return self.values[torch.from_numpy(index).to(self.values.device)]


class StepTargets:
    """One answer for each step: a class number, or how much the step counts.

    Args:
        values: `[total_steps]`, one sequence after the other.
        lengths: `[n]`.
        device: where the answers are wanted.
        padding: what stands behind each end.
    """

    def __init__(
        self,
        values: npt.NDArray[Any],
        lengths: Index,
        device: torch.device | str = "cpu",
        padding: float = NO_LABEL,
    ) -> None:
        self.values = values
        self.padding = padding
        self.lengths = np.asarray(lengths)
        self.starts = np.cumsum(self.lengths) - self.lengths
        self.device = device

    def __len__(self) -> int:
        return len(self.lengths)

    def gather(self, index: Index) -> Tensor:
        """The answers at the steps of these sequences, `[batch, time]`, padded on the right."""
        starts, lengths = self.starts[index, None], self.lengths[index, None]
        time = np.arange(int(lengths.max()))
        real = time < lengths
        values = self.values[np.where(real, starts + time, 0)]
        values[~real] = self.padding
        return torch.from_numpy(values).to(self.device)
