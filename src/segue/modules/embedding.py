"""Modules of `embedding` and `position`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from segue.errors import DataError
from segue.layers.base import BuildContext
from segue.layers.embedding import Embedding, Position
from segue.modules.base import SpecLayer
from segue.padded import Padded
from segue.randomness import Draws


class EmbeddingLayer(SpecLayer):
    """Weights: `embeddings` [tokens, features], uniform within 0.05 at first, as in Keras."""

    token_weights = ("embeddings",)

    def __init__(self, spec: Embedding, context: BuildContext) -> None:
        super().__init__(spec, context)
        values = torch.empty(spec.rows(context), spec.features)
        values.uniform_(-0.05, 0.05, generator=context.generator("embeddings"))
        self.embeddings = nn.Parameter(values)

    def forward(self, x: Padded, draws: Draws | None = None) -> Padded:
        tokens = torch.where(x.mask(), x.values[:, :, 0], 0)
        return x._replace(values=self._look_up(tokens))

    def step(self, x_t: Tensor, state: None) -> tuple[Tensor, None]:
        return self._look_up(x_t[:, 0]), None

    def _look_up(self, tokens: Tensor) -> Tensor:
        low, high = int(tokens.min()), int(tokens.max())
        if low < 0 or high >= len(self.embeddings):
            raise DataError(
                f"{self.name} knows the tokens 0 to {len(self.embeddings) - 1}; "
                f"got {low if low < 0 else high}."
            )
        return nn.functional.embedding(tokens.long(), self.embeddings)


def position_layer(spec: Position, context: BuildContext) -> SpecLayer:
    """The module of a `position`."""
    return (LearntPosition if spec.how == "learnt" else SinusoidalPosition)(spec, context)


class SinusoidalPosition(SpecLayer):
    """No weights; the state is the number of steps so far."""

    def forward(self, x: Padded, draws: Draws | None = None) -> Padded:
        return x._replace(values=x.values + sinusoids(0, x.values[0]))

    def initial_state(self, batch: int) -> int:
        return 0

    def step(self, x_t: Tensor, state: int) -> tuple[Tensor, int]:
        return x_t + sinusoids(state, x_t[:1]), state + 1


class LearntPosition(SpecLayer):
    """Weights: `positions` [longest, feature], normal with deviation 0.02 at first."""

    def __init__(self, spec: Position, context: BuildContext) -> None:
        super().__init__(spec, context)
        values = torch.empty(spec.rows(context), context.shape.features)
        self.positions = nn.Parameter(
            values.normal_(0, 0.02, generator=context.generator("positions"))
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
                f"{self.name} has learnt {len(self.positions)} positions, and here comes a "
                f"sequence of {steps} steps. Cut it, train with position(learnt, "
                f"longest={steps}), or with position, which has no limit."
            )


def sinusoids(first: int, like: Tensor) -> Tensor:
    """Sines and cosines of wavelengths from 2 pi to 10,000 * 2 pi, alternating.

    Args:
        first: the position of the first row, counted from 0.
        like: a tensor `[time, feature]` that gives size, type and device.

    >>> sinusoids(0, torch.zeros(2, 3))
    tensor([[0.0000, 1.0000, 0.0000],
            [0.8415, 0.5403, 0.0022]])
    """
    time, features = like.shape
    position = torch.arange(first, first + time, dtype=torch.float64, device=like.device)
    even = torch.arange(0, features, 2, dtype=torch.float64, device=like.device)
    angles = position[:, None] * 10_000 ** (-even / features)
    waves = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
    return waves[:, :features].to(like.dtype)
