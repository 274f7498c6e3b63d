"""What an augmentation is: a preparation step that acts in training only.

Sequences are prepared once; an augmentation then changes them a little, anew in every epoch, so
that the network learns what does not matter. What becomes of a sequence depends on the seed, the
epoch and the sequence alone, not on its batch mates. Validation and prediction see no augmentation.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Annotated

import numpy as np
import pydantic
import torch
from torch import Tensor

from segue.padded import Padded
from segue.prepare.steps import Array, Blocks, Ragged, StepSpec

Generators = Sequence[np.random.Generator]  # one for each sequence of a batch

Amount = Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, pydantic.Field(gt=0, le=1)]


class Augmentation(StepSpec, abc.ABC):
    """A step that leaves prepared sequences as they are, and changes batches in training."""

    def fit(self, blocks: Blocks) -> dict[str, Array]:
        return {}

    def apply(self, x: Ragged, fitted: dict[str, Array]) -> Ragged:
        return x


class ValueAugmentation(Augmentation, abc.ABC):
    """Changes values and leaves every step in its place."""

    @abc.abstractmethod
    def change(self, x: Padded, generators: Generators) -> Tensor:
        """The new values `[batch, time, channel]`; of no meaning beyond `lengths`.

        Args:
            x: measured channels only, without those that say what is missing.
            generators: of each sequence's own draws.
        """


class TimeAugmentation(Augmentation, abc.ABC):
    """Moves steps: says where each new step lies on the old time axis."""

    @abc.abstractmethod
    def places(self, length: int, generator: np.random.Generator) -> Array:
        """Where the new steps of a sequence of `length` steps lie: `[new length]`, 0 to length - 1.

        Between two steps the values are interpolated; a label is that of the nearer step.
        """


def stacked(rows: Sequence[Array], like: Tensor) -> Tensor:
    """Arrays of unequal length, one a sequence, as `[batch, longest, ...]` with zeros behind.

    >>> stacked([np.array([1.0]), np.array([2.0, 3.0])], torch.zeros(1))
    tensor([[1., 0.],
            [2., 3.]])
    """
    padded = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(row) for row in rows], True)
    return padded.to(like)
