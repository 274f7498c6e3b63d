"""A part of each sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from segue.prepare.augment import Share, TimeAugmentation
from segue.prepare.steps import Array


@dataclass(frozen=True)
class Crop(TimeAugmentation):
    """`crop(share)`: in training, a stretch of each sequence in place of the whole.

    It begins anywhere (Le Guennec, Malinowski & Tavenard, "Data augmentation for time series
    classification using convolutional neural networks", AALTD 2016, window slicing).

    Args:
        share: of the sequence's steps; at least one step is kept.
    """

    kind: ClassVar[str] = "crop"

    share: Share

    def places(self, length: int, generator: np.random.Generator) -> Array:
        kept = max(1, round(self.share * length))
        first = int(generator.integers(0, length - kept, endpoint=True))
        return np.arange(first, first + kept, dtype=np.float64)
