"""Many steps into one: the last, the mean, or the largest, over real steps only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from segue.errors import SpecError
from segue.kernels import last_step
from segue.layers.base import Layer, LayerSpec, Place, Shape
from segue.padded import Padded
from segue.randomness import Draws
from segue.spec import Name


@dataclass(frozen=True)
class Pool(LayerSpec):
    """`pool(how)`: ends the sequence. `how` is last, mean or max."""

    kind: ClassVar[str] = "pool"
    takes: ClassVar[Literal["sequence"]] = "sequence"

    how: Literal["last", "mean", "max"] = "mean"
    name: Name | None = None

    def build(self, place: Place) -> Layer:
        if self.how == "last":
            _refuse_backward(place.shape)
        kinds: dict[str, type[Layer]] = {"last": PoolLast, "mean": PoolMean, "max": PoolMax}
        return kinds[self.how](place.name, place.shape.ended(place.shape.features))


def _refuse_backward(shape: Shape) -> None:
    if shape.backward is not None:
        raise SpecError(
            f"pool(last) after {shape.backward} would take the backward output where it has seen "
            "one step only. Leave pool(last) out: the layer's own last output joins the forward "
            "output at the end with the backward one at the beginning. Or use pool(mean) or "
            "pool(max)."
        )


class PoolLast(Layer):
    """Each sequence's own last step."""

    def forward(self, x: Padded, draws: Draws | None = None) -> Tensor:
        return last_step(x.values, x.lengths)

    def step(self, x_t: Tensor, state: None) -> tuple[Tensor, None]:
        return x_t, None


class PoolMean(Layer):
    """The mean over real steps; step by step, the mean so far."""

    def forward(self, x: Padded, draws: Draws | None = None) -> Tensor:
        return x.filled(0.0).sum(1) / x.lengths[:, None]

    def initial_state(self, batch: int) -> tuple[Any, int]:
        return 0.0, 0

    def step(self, x_t: Tensor, state: tuple[Any, int]) -> tuple[Tensor, tuple[Any, int]]:
        total, count = state[0] + x_t, state[1] + 1
        return total / count, (total, count)


class PoolMax(Layer):
    """The largest value of each feature; step by step, the largest so far."""

    def forward(self, x: Padded, draws: Draws | None = None) -> Tensor:
        return x.filled(-torch.inf).amax(1)

    def step(self, x_t: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        largest = x_t if state is None else torch.maximum(state, x_t)
        return largest, largest
