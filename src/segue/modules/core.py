"""Modules of `dense`, `dropout`, `embedding`, `position`, `batchnorm` and `layernorm`.

Here too: the implied head of a network.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from segue.kernels.cells import is_ragged
from segue.layers.activations import ACTIVATIONS
from segue.layers.base import BuildContext
from segue.layers.core import (
    BatchNorm,
    BatchNormInference,
    Dense,
    DenseInference,
    Embedding,
    EmbeddingInference,
    LayerNorm,
    LayerNormInference,
    Position,
    PositionInference,
    too_many_positions,
    unknown_token,
)
from segue.modules.activations import function_of
from segue.modules.base import PointwiseLayer, SpecLayer, drop, each_step
from segue.prepare.padded import Padded
from segue.randomness import Draws


class DenseLayer(PointwiseLayer):
    """Weights: `kernel` [in, out], `bias` [out]."""

    kernel: Tensor
    bias: Tensor | None

    def __init__(self, spec: Dense, context: BuildContext) -> None:
        super().__init__(spec, context)
        self.add_weights(DenseInference, context)
        if not spec.bias:
            self.register_parameter("bias", None)
        self.activation = ACTIVATIONS[spec.activation]
        self.overflows = self.activation.overflows

    def transform(self, x: Tensor) -> Tensor:
        x = nn.functional.linear(x, self.kernel.t(), self.bias)
        return x if self.activation.kind == "linear" else function_of(self.activation)(x)


class HeadWithStatic(DenseLayer):
    """A head whose input is the last layer's output joined with static features.

    The static features are its state: step by step, and piece by piece, it keeps those that it got
    first.
    """

    def step(self, x_t: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return super().step(torch.cat([x_t, state], dim=-1), None)[0], state

    def forward_from(
        self, x: Tensor, state: Tensor, draws: Draws | None = None
    ) -> tuple[Any, Tensor]:
        return self(torch.cat([x, state], dim=-1), draws), state


class DropoutLayer(SpecLayer):
    """No weights; the identity outside training."""

    def forward(self, x: Padded | Tensor, draws: Draws | None = None) -> Padded | Tensor:
        return each_step(lambda values: drop(values, self.spec.rate, draws, self.name), x)

    def step(self, x_t: Tensor, state: None) -> tuple[Tensor, None]:
        return x_t, None


class EmbeddingLayer(SpecLayer):
    """Weights: `embeddings` [tokens, features]."""

    embeddings: Tensor
    token_weights = ("embeddings",)

    def __init__(self, spec: Embedding, context: BuildContext) -> None:
        super().__init__(spec, context)
        self.add_weights(EmbeddingInference, context)

    def forward(self, x: Padded, draws: Draws | None = None) -> Padded:
        tokens = torch.where(x.mask(), x.values[:, :, 0], 0)
        return x._replace(values=self._look_up(tokens))

    def step(self, x_t: Tensor, state: None) -> tuple[Tensor, None]:
        return self._look_up(x_t[:, 0]), None

    def _look_up(self, tokens: Tensor) -> Tensor:
        low, high = int(tokens.min()), int(tokens.max())
        if low < 0 or high >= len(self.embeddings):
            raise unknown_token(self.name, len(self.embeddings), low, high)
        return nn.functional.embedding(tokens.long(), self.embeddings)


class PositionLayer(SpecLayer):
    """Weights of learnt ones: `positions` [longest, feature].

    The state is the number of steps so far.
    """

    positions: Tensor

    def __init__(self, spec: Position, context: BuildContext) -> None:
        super().__init__(spec, context)
        self.add_weights(PositionInference, context)

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
            raise too_many_positions(self.name, len(self.positions), first + longest)
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


class BatchNormLayer(PointwiseLayer):
    """Weights: `gamma`, `beta` and, not learnt, `moving_mean`, `moving_variance`; [feature] each.

    The variance is that of the batch itself (divided by the count, as in Keras), so one real step
    has the variance 0 and becomes beta.
    """

    gamma: Tensor
    beta: Tensor
    moving_mean: Tensor
    moving_variance: Tensor

    def __init__(self, spec: BatchNorm, context: BuildContext) -> None:
        super().__init__(spec, context)
        self.add_weights(BatchNormInference, context)

    def forward(self, x: Padded | Tensor, draws: Draws | None = None) -> Padded | Tensor:
        if draws is None or not self.gamma.requires_grad:  # frozen, and so are its averages
            return each_step(self.transform, x)
        if not isinstance(x, Padded) or not is_ragged(x.values, x.lengths):
            return each_step(self._by_batch, x)
        real = x.mask()
        values = torch.zeros_like(x.values)
        values[real] = self._by_batch(x.values[real])
        return x._replace(values=values)

    def transform(self, x: Tensor) -> Tensor:
        """Normalise by the moving averages."""
        scale = self.gamma * torch.rsqrt(self.moving_variance + self.spec.epsilon)
        return torch.addcmul(self.beta - self.moving_mean * scale, x, scale)

    def _by_batch(self, x: Tensor) -> Tensor:
        """Normalise `[..., feature]` by its own mean and variance; update moving averages."""
        steps = x.reshape(-1, x.shape[-1])
        if len(steps) == 1:
            self._update(steps[0], torch.zeros_like(self.moving_variance))
            return self.beta.expand_as(x)
        mean, variance = torch.zeros_like(self.moving_mean), torch.zeros_like(self.moving_mean)
        # With momentum 1, PyTorch writes the mean and the variance (by count - 1) into these two.
        values = functional.batch_norm(
            steps, mean, variance, self.gamma, self.beta, True, 1.0, self.spec.epsilon
        )
        self._update(mean, variance * (1 - 1 / len(steps)))
        return values.view_as(x)

    @torch.no_grad()
    def _update(self, mean: Tensor, variance: Tensor) -> None:
        self.moving_mean.lerp_(mean, 1 - self.spec.momentum)
        self.moving_variance.lerp_(variance, 1 - self.spec.momentum)


class LayerNormLayer(PointwiseLayer):
    """Weights: `gamma`, `beta` [feature]."""

    gamma: Tensor
    beta: Tensor

    def __init__(self, spec: LayerNorm, context: BuildContext) -> None:
        super().__init__(spec, context)
        self.add_weights(LayerNormInference, context)

    def transform(self, x: Tensor) -> Tensor:
        return functional.layer_norm(x, self.gamma.shape, self.gamma, self.beta, self.spec.epsilon)
