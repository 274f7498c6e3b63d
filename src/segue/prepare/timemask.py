"""A stretch of time hidden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from segue.padded import Padded
from segue.prepare.augment import Generators, Share, ValueAugmentation, stacked
from segue.prepare.steps import Array


@dataclass(frozen=True)
class TimeMask(ValueAugmentation):
    """`timemask(share)`: in training, all channels are 0 for a stretch of each sequence.

    After `standardize` 0 is the mean. Where the stretch lies and how long it is, up to `share` of
    the sequence, is drawn (Park et al., "SpecAugment", Interspeech 2019).

    Args:
        share: of the sequence's steps, at most.
    """

    kind: ClassVar[str] = "timemask"

    share: Share

    def change(self, x: Padded, generators: Generators) -> Tensor:
        stretches = [
            self._stretch(length, generator)
            for generator, length in zip(generators, x.lengths.tolist(), strict=True)
        ]
        first, last = stacked(stretches, x.lengths).unbind(1)
        time = torch.arange(x.values.shape[1], device=x.values.device)
        hidden = (time >= first[:, None]) & (time < last[:, None])
        return torch.where(hidden[:, :, None], 0, x.values)

    def _stretch(self, length: int, generator: np.random.Generator) -> Array:
        """The first step that is hidden, and the first that no longer is."""
        width = int(generator.integers(0, int(self.share * length), endpoint=True))
        first = int(generator.integers(0, length - width, endpoint=True))
        return np.array([first, first + width])
