"""Noise on every value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from segue.padded import Padded
from segue.prepare.augment import Amount, Generators, ValueAugmentation, stacked


@dataclass(frozen=True)
class Jitter(ValueAugmentation):
    """`jitter(deviation)`: in training, noise on every value.

    Um et al., "Data augmentation of wearable sensor data for Parkinson's disease monitoring using
    convolutional neural networks", ICMI 2017.

    Args:
        deviation: standard deviation of the normal noise, in units of the prepared values: after
            `standardize`, of each channel's own standard deviation.
    """

    kind: ClassVar[str] = "jitter"

    deviation: Amount

    def change(self, x: Padded, generators: Generators) -> Tensor:
        channels = x.values.shape[2]
        noise = [
            generator.standard_normal((length, channels), np.float32)
            for generator, length in zip(generators, x.lengths.tolist(), strict=True)
        ]
        return x.values + self.deviation * stacked(noise, x.values)
