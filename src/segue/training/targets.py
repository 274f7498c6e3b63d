"""What is to be learnt, by the index of the sequence: one answer, or one for each step."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Index = npt.NDArray[np.int64]

# Stands for a step without a label, and for padding.
NO_LABEL = -1


class Targets(Protocol):
    """Answers by index."""

    def __len__(self) -> int:
        """The number of sequences."""

    def gather(self, index: Index) -> Tensor:
        """The answers of the chosen sequences, `[batch, ...]`."""


class WholeTargets:
    """One answer for a sequence.

    Args:
        values: `[n]` class numbers, or `[n, value]`.
    """

    def __init__(self, values: Tensor) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def gather(self, index: Index) -> Tensor:
        return self.values[torch.from_numpy(index).to(self.values.device)]


class StepTargets:
    """A class number for each step; `NO_LABEL` behind each end.

    Args:
        codes: `[total_steps]` class numbers, one sequence after the other.
        lengths: `[n]`.
        device: where the answers are wanted.
    """

    def __init__(
        self, codes: npt.NDArray[np.int64], lengths: Index, device: torch.device | str = "cpu"
    ) -> None:
        self.codes = codes
        self.lengths = np.asarray(lengths)
        self.starts = np.cumsum(self.lengths) - self.lengths
        self.device = device

    def __len__(self) -> int:
        return len(self.lengths)

    def gather(self, index: Index) -> Tensor:
        starts, lengths = self.starts[index, None], self.lengths[index, None]
        time = np.arange(int(lengths.max()))
        real = time < lengths
        codes = np.where(real, self.codes[np.where(real, starts + time, 0)], NO_LABEL)
        return torch.from_numpy(codes).to(self.device)
