"""Modules of `embedding` and `position`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from segue.errors import DataError
from segue.layers.base import BuildContext
from segue.layers.embedding import Embedding, Position
from segue.modules.base import SpecLayer
from segue.prepare.batches import Padded
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


class PositionLayer(SpecLayer):
    """Weights of learnt ones: `positions` [longest, feature], normal with deviation 0.02 at first.

    The state is the number of steps so far.
    """

    def __init__(self, spec: Position, context: BuildContext) -> None:
        super().__init__(spec, context)
        if spec.how == "learnt":
            values = torch.empty(spec.rows(context), context.shape.features)
            values.normal_(0, 0.02, generator=context.generator("positions"))
            self.positions = nn.Parameter(values)

    def forward(self, x: Padded, draws: Draws | None = None) -> Padded:
        return x._replace(values=x.values + self._vectors(0, int(x.lengths.max()), x.values[0]))

    def initial_state(self, batch: int) -> int:
        return 0

    def step(self, x_t: Tensor, state: int) -> tuple[Tensor, int]:
        return x_t + self._vectors(state, 1, x_t[:1]), state + 1

    def _vectors(self, first: int, longest: int, like: Tensor) -> Tensor:
        """`[time, feature]` as `like`, from position `first` on; `longest` steps of them are real.

        Raises:
            DataError: more positions than were learnt.
        """
        if self.spec.how == "sinusoidal":
            return sinusoids(first, like)
        if first + longest > len(self.positions):
            raise DataError(
                f"{self.name} has learnt {len(self.positions)} positions, and here comes a "
                f"sequence of {first + longest} steps. Cut it, train with position(learnt, "
                f"longest={first + longest}), or with position, which has no limit."
            )
        real = self.positions[first : first + longest]
        return nn.functional.pad(real, (0, 0, 0, len(like) - longest))


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
