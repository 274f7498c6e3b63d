"""The same layers several times, each time with weights of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

import pydantic

from segue.layers.base import LayerSpec, Shape, Shorthand, Takes
from segue.layers.chain import MOST_LAYERS, needs_of
from segue.layers.nesting import Layers

Times = Annotated[int, pydantic.Field(ge=1, le=MOST_LAYERS)]


@dataclass(frozen=True)
class Repeat(Shorthand):
    """`repeat(3, conv(32, 5) relu)`: the same as writing the layers three times.

    Args:
        times: how often.
        layers: what is repeated. Layers with a name of their own are numbered: `eyes_1`, `eyes_2`.
    """

    kind: ClassVar[str] = "repeat"

    times: Times
    layers: Layers

    def needs(self) -> Takes:
        return needs_of(self.layers)

    def inside(self) -> tuple[LayerSpec, ...]:
        return self.layers

    def count(self) -> int:
        return self.times * sum(spec.count() for spec in self.layers)

    def expand(self, shape: Shape) -> tuple[LayerSpec, ...]:
        return tuple(
            _numbered(spec, time) for time in range(1, self.times + 1) for spec in self.layers
        )


def _numbered(spec: LayerSpec, number: int) -> LayerSpec:
    named: Any = spec
    if isinstance(spec, Repeat):
        return replace(spec, layers=tuple(_numbered(inner, number) for inner in spec.layers))
    return spec if spec.name is None else replace(named, name=f"{spec.name}_{number}")
