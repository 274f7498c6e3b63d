"""Time that runs now faster, now slower."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from segue.prepare.augment import Amount, TimeAugmentation
from segue.prepare.steps import Array

_KNOTS = 6  # speeds that are drawn for a sequence; between them it changes evenly


@dataclass(frozen=True)
class TimeWarp(TimeAugmentation):
    """`timewarp(deviation)`: in training, time runs faster here and slower there.

    Every sequence keeps its length, its first and its last step (Um et al., "Data augmentation of
    wearable sensor data for Parkinson's disease monitoring using convolutional neural networks",
    ICMI 2017; here with speeds whose logarithm is normal, so that time never runs backwards).

    Args:
        deviation: of the logarithm of the speed; with 0.2, time mostly runs at 0.8 to 1.2 times
            its pace.
    """

    kind: ClassVar[str] = "timewarp"

    deviation: Amount

    def places(self, length: int, generator: np.random.Generator) -> Array:
        knots = np.exp(self.deviation * generator.standard_normal(_KNOTS))
        if length == 1:
            return np.zeros(1)
        speeds = np.interp(np.linspace(0, 1, length - 1), np.linspace(0, 1, _KNOTS), knots)
        places = np.concatenate([[0.0], np.cumsum(speeds)])
        return np.asarray(places * ((length - 1) / places[-1]))
