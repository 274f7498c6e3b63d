"""Modules of `pool`, with pyramid pooling over parts of a sequence, and of `flatten`."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from segue.kernels.cells import last_step
from segue.layers.base import BuildContext
from segue.layers.pool import Flatten, Pool, PoolAttentionInference, another_length
from segue.modules.base import PieceLayer, SpecLayer
from segue.prepare.padded import Padded
from segue.randomness import Draws


def pool_layer(spec: Pool, context: BuildContext) -> SpecLayer:
    """The module of a `pool`."""
    return (PyramidPool if spec.parts > 1 else _KINDS[spec.how])(spec, context)


class PoolLast(SpecLayer):
    """Each sequence's own last step."""

    def forward(self, x: Padded, draws: Draws | None = None) -> Tensor:
        return last_step(x.values, x.lengths)

    def step(self, x_t: Tensor, state: None) -> tuple[Tensor, None]:
        return x_t, None


class PoolMean(PieceLayer):
    """The mean over real steps; piece by piece, the mean so far."""

    def initial_state(self, batch: int) -> tuple[Any, Any]:
        return 0.0, 0

    def forward_from(
        self, x: Padded, state: tuple[Any, Any], draws: Draws | None = None
    ) -> tuple[Tensor, tuple[Any, Any]]:
        total, count = state[0] + x.filled(0.0).sum(1), state[1] + x.lengths[:, None]
        return total / count, (total, count)


class PoolMax(PieceLayer):
    """The largest value of each feature; piece by piece, the largest so far."""

    def forward_from(
        self, x: Padded, state: Tensor | None, draws: Draws | None = None
    ) -> tuple[Tensor, Tensor]:
        largest = x.filled(-torch.inf).amax(1)
        largest = largest if state is None else torch.maximum(state, largest)
        return largest, largest


class PoolAttention(SpecLayer):
    """The mean weighted by `softmax over time of (x @ query / sqrt(feature))`.

    Weights: `query` [feature], zeros at first: training begins with the plain mean. After Yang et
    al., "Hierarchical attention networks for document classification", NAACL 2016.
    """

    query: Tensor

    def __init__(self, spec: Pool, context: BuildContext) -> None:
        super().__init__(spec, context)
        self.add_weights(PoolAttentionInference, context)

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


_KINDS: dict[str, type[SpecLayer]] = {
    "last": PoolLast,
    "mean": PoolMean,
    "max": PoolMax,
    "attention": PoolAttention,
}


def segments(lengths: Tensor, time: int, parts: int) -> Tensor:
    """Return which steps belong to which part, `[batch, parts, time]`.

    Part k of a sequence of `n` steps goes from step `floor(k n / parts)` up to, not including,
    `ceil((k + 1) n / parts)`, as in PyTorch's adaptive pooling: where the cut falls inside a step,
    the step belongs to both parts, and no part is ever empty.

    >>> segments(torch.tensor([3]), 4, 2).int()
    tensor([[[1, 1, 0, 0],
             [0, 1, 1, 0]]], dtype=torch.int32)
    """
    number = torch.arange(parts, device=lengths.device)
    first = number * lengths[:, None] // parts
    end = -(-(number + 1) * lengths[:, None] // parts)
    step = torch.arange(time, device=lengths.device)
    return (step >= first[:, :, None]) & (step < end[:, :, None])


class PyramidPool(SpecLayer):
    """The mean or the largest value of each part; those of the first part come first.

    He et al., "Spatial pyramid pooling in deep convolutional networks for visual recognition", ECCV
    2014, over time and with each sequence cut by its own length.

    Not causal: where a part ends is known at the end of the sequence only.
    """

    def forward(self, x: Padded, draws: Draws | None = None) -> Tensor:
        inside = segments(x.lengths, x.values.shape[1], self.spec.parts)
        if self.spec.how == "mean":
            values = x.filled(0.0)
            return (inside.to(values.dtype) @ values / inside.sum(2, keepdim=True)).flatten(1)
        parts = [torch.where(part[:, :, None], x.values, -torch.inf) for part in inside.unbind(1)]
        return torch.cat([part.amax(1) for part in parts], dim=1)


class FlattenLayer(SpecLayer):
    """No weights. Not causal: its output needs the last step."""

    def __init__(self, spec: Flatten, context: BuildContext) -> None:
        super().__init__(spec, context)
        assert context.shape.length is not None
        self.fixed_length: int = context.shape.length

    def forward(self, x: Padded, draws: Draws | None = None) -> Tensor:
        shortest, longest = int(x.lengths.min()), int(x.lengths.max())
        if (shortest, longest) != (self.fixed_length, self.fixed_length):
            raise another_length(self.name, self.fixed_length, shortest, longest)
        return x.values[:, : self.fixed_length].flatten(1)
