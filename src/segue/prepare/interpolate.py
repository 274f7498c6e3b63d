"""Missing values filled on the straight line between their neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from segue.prepare.steps import Array, Blocks, Ragged, StepSpec, interpolate_gaps


@dataclass(frozen=True)
class Interpolate(StepSpec):
    """`interpolate`: NaN becomes the value on the line between the known ones around it.

    It looks ahead, so it is not causal. A channel without any known value in a sequence stays NaN.
    """

    kind: ClassVar[str] = "interpolate"

    @property
    def causal(self) -> bool:
        return False

    def fit(self, blocks: Blocks) -> dict[str, Array]:
        return {}

    def apply(self, x: Ragged, fitted: dict[str, Array]) -> Ragged:
        values, lengths = x
        return interpolate_gaps(values, lengths, range(values.shape[1])), lengths
