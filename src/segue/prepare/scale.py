"""Each channel larger or smaller as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from segue.padded import Padded
from segue.prepare.augment import Amount, Generators, ValueAugmentation, stacked


@dataclass(frozen=True)
class Scale(ValueAugmentation):
    """`scale(deviation)`: in training, each channel of a sequence times a factor around 1.

    Um et al., "Data augmentation of wearable sensor data for Parkinson's disease monitoring using
    convolutional neural networks", ICMI 2017.

    Args:
        deviation: standard deviation of the normal factors.
    """

    kind: ClassVar[str] = "scale"

    deviation: Amount

    def change(self, x: Padded, generators: Generators) -> Tensor:
        size = (1, x.values.shape[2])
        draws = [generator.standard_normal(size, np.float32) for generator in generators]
        return x.values * (1 + self.deviation * stacked(draws, x.values))
