"""Where in its sequence a step stands, added to its features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from segue.errors import DataError, SpecError
from segue.layers.base import Layer, LayerSpec, Place
from segue.padded import Padded
from segue.randomness import Draws
from segue.spec import Count, Name


@dataclass(frozen=True)
class Position(LayerSpec):
    """`position`: adds a vector that tells a step's place, counted from the first real step.

    Args:
        how: "sinusoidal", which has no longest sequence (Vaswani et al., "Attention is all you
            need", NIPS 2017, section 3.5), or "learnt", a vector for each place.
        longest: for learnt ones, how many places there are; needed unless all sequences have one
            length.
        name: the layer's own name.
    """

    kind: ClassVar[str] = "position"
    takes: ClassVar[Literal["sequence"]] = "sequence"

    how: Literal["sinusoidal", "learnt"] = "sinusoidal"
    longest: Count | None = None
    name: Name | None = None

    def build(self, place: Place) -> Layer:
        if self.how == "sinusoidal":
            return SinusoidalPosition(place.name, place.shape)
        longest = self.longest or place.shape.length
        if longest is None:
            raise SpecError(
                f"{place.name} learns a vector for each place: say how many places there are at "
                "most, as in position(learnt, longest=500), or use position, which has no limit."
            )
        return LearntPosition(place, longest)


class SinusoidalPosition(Layer):
    """No weights."""

    def forward(self, x: Padded, draws: Draws | None = None) -> Padded:
        return x._replace(values=x.values + sinusoids(0, x.values[0]))

    def initial_state(self, batch: int) -> int:
        return 0

    def step(self, x_t: Tensor, state: int) -> tuple[Tensor, int]:
        return x_t + sinusoids(state, x_t[:1]), state + 1


class LearntPosition(Layer):
    """Weights: `positions` [longest, feature], normal with deviation 0.02 at first."""

    def __init__(self, place: Place, longest: int) -> None:
        super().__init__(place.name, place.shape)
        values = torch.empty(longest, place.shape.features)
        self.positions = nn.Parameter(
            values.normal_(0, 0.02, generator=place.generator("positions"))
        )

    def forward(self, x: Padded, draws: Draws | None = None) -> Padded:
        longest = int(x.lengths.max())
        self._check(longest)
        added = nn.functional.pad(self.positions[:longest], (0, 0, 0, x.values.shape[1] - longest))
        return x._replace(values=x.values + added)

    def initial_state(self, batch: int) -> int:
        return 0

    def step(self, x_t: Tensor, state: int) -> tuple[Tensor, int]:
        self._check(state + 1)
        return x_t + self.positions[state], state + 1

    def _check(self, steps: int) -> None:
        if steps > len(self.positions):
            raise DataError(
                f"{self.name} has learnt {len(self.positions)} places, and here comes a sequence "
                f"of {steps} steps. Cut it, train with position(learnt, longest={steps}), or with "
                "position, which has no limit."
            )


def sinusoids(first: int, like: Tensor) -> Tensor:
    """Sines and cosines of wavelengths from 2 pi to 10,000 * 2 pi, in turns.

    Args:
        first: the place of the first row, counted from 0.
        like: a tensor `[time, feature]` that gives size, type and device.

    >>> sinusoids(0, torch.zeros(2, 3))
    tensor([[0.0000, 1.0000, 0.0000],
            [0.8415, 0.5403, 0.0022]])
    """
    time, features = like.shape
    place = torch.arange(first, first + time, dtype=torch.float64, device=like.device)
    even = torch.arange(0, features, 2, dtype=torch.float64, device=like.device)
    angles = place[:, None] * 10_000 ** (-even / features)
    waves = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
    return waves[:, :features].to(like.dtype)
