"""Many steps into one: the last, the mean, the largest or a weighted mean of the real steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from segue.errors import SpecError
from segue.kernels import last_step
from segue.layers.base import Layer, LayerSpec, Place, Shape
from segue.layers.segments import PoolParts
from segue.padded import Padded
from segue.randomness import Draws
from segue.spec import Count, Name


@dataclass(frozen=True)
class Pool(LayerSpec):
    """`pool(how)`: ends the sequence.

    Args:
        how: "last", "mean", "max", or "attention": a mean whose weights are learnt.
        parts: how many parts of equal length a sequence is cut into; each gives its own mean or
            largest value, so that what comes next can tell early from late.
        name: the layer's own name.
    """

    kind: ClassVar[str] = "pool"
    takes: ClassVar[Literal["sequence"]] = "sequence"

    how: Literal["last", "mean", "max", "attention"] = "mean"
    parts: Count = 1
    name: Name | None = None

    def build(self, place: Place) -> Layer:
        if self.how == "last":
            _refuse_backward(place.shape)
        if self.parts > 1:
            shape = place.shape.ended(self.parts * place.shape.features)
            return PoolParts(place.name, shape, self._cut(), self.parts)
        return KINDS[self.how](place.name, place.shape.ended(place.shape.features))

    def _cut(self) -> str:
        """What is done with each part."""
        if self.how not in ("mean", "max"):
            raise SpecError(
                f"{self} cuts sequences into parts, of which segue takes the mean or the largest "
                f"value: pool(mean, parts={self.parts}) or pool(max, parts={self.parts})."
            )
        return self.how


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

    def initial_state(self, batch: int) -> tuple[Any, Any]:
        return 0.0, 0

    def forward_from(
        self, x: Padded, state: tuple[Any, Any], draws: Draws | None = None
    ) -> tuple[Tensor, tuple[Any, Any]]:
        total, count = state[0] + x.filled(0.0).sum(1), state[1] + x.lengths[:, None]
        return total / count, (total, count)

    def step(self, x_t: Tensor, state: tuple[Any, Any]) -> tuple[Tensor, tuple[Any, Any]]:
        total, count = state[0] + x_t, state[1] + 1
        return total / count, (total, count)


class PoolMax(Layer):
    """The largest value of each feature; step by step, the largest so far."""

    def forward(self, x: Padded, draws: Draws | None = None) -> Tensor:
        return x.filled(-torch.inf).amax(1)

    def forward_from(
        self, x: Padded, state: Tensor | None, draws: Draws | None = None
    ) -> tuple[Tensor, Tensor]:
        return self.step(self(x), state)

    def step(self, x_t: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        largest = x_t if state is None else torch.maximum(state, x_t)
        return largest, largest


class PoolAttention(Layer):
    """The mean weighted by `softmax over time of (x @ query / sqrt(feature))`.

    Weights: `query` [feature], zeros at first: training begins with the plain mean. After Yang et
    al., "Hierarchical attention networks for document classification", NAACL 2016.
    """

    def __init__(self, name: str, shape: Shape) -> None:
        super().__init__(name, shape)
        self.query = nn.Parameter(torch.zeros(shape.features))

    def forward(self, x: Padded, draws: Draws | None = None) -> Tensor:
        values = x.filled(0.0)
        scores = Padded(self._scores(values)[:, :, None], x.lengths).filled(-torch.inf)
        return (torch.softmax(scores, dim=1) * values).sum(1)

    def initial_state(self, batch: int) -> tuple[Tensor, Tensor, Tensor]:
        """The largest score so far, and the sums of the weights and of the weighted steps."""
        zeros = self.query.new_zeros(batch, 1)
        return zeros - torch.inf, zeros, zeros

    def step(
        self, x_t: Tensor, state: tuple[Tensor, Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        """Everything is kept divided by exp(largest score), so that nothing overflows."""
        before, weights, total = state
        score = self._scores(x_t)[:, None]
        largest = torch.maximum(before, score)
        kept, new = torch.exp(before - largest), torch.exp(score - largest)
        weights, total = kept * weights + new, kept * total + new * x_t
        return total / weights, (largest, weights, total)

    def _scores(self, x: Tensor) -> Tensor:
        return x @ self.query / math.sqrt(self.shape.features)


KINDS: dict[str, type[Layer]] = {
    "last": PoolLast,
    "mean": PoolMean,
    "max": PoolMax,
    "attention": PoolAttention,
}
