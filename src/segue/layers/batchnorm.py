"""Batch normalisation over the real steps of a batch.

Ioffe & Szegedy, "Batch normalization: accelerating deep network training by reducing internal
covariate shift", ICML 2015.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import pydantic
import torch
from torch import Tensor, nn
from torch.nn import functional

from segue.kernels.ragged import is_ragged
from segue.layers.base import Layer, LayerSpec, Place, each_step
from segue.padded import Padded
from segue.randomness import Draws
from segue.spec import Name, Rate

Positive = Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class BatchNorm(LayerSpec):
    """`batchnorm`: each feature less its mean, divided by its standard deviation, times gamma.

    In training, mean and variance are those of all real steps of the batch: padding counts for
    nothing. At prediction they are moving averages of what the batches of the training had.

    Args:
        momentum: how much of a moving average stays at each update. 0.9, PyTorch's choice, follows
            the last ten batches or so; Keras's 0.99 has hardly left its first values where a small
            data set makes a hundred updates.
        epsilon: added to the variance, as in Keras.
        gamma: what every gamma is at first. With small ones in front of very many features, an
            optimizer's first steps do not throw what sums them up far off.
        name: the layer's own name.
    """

    kind: ClassVar[str] = "batchnorm"

    momentum: Rate = 0.9
    epsilon: Positive = 1e-3
    gamma: Positive = 1.0
    name: Name | None = None

    def build(self, place: Place) -> Layer:
        return BatchNormLayer(self, place)


class BatchNormLayer(Layer):
    """Weights: `gamma`, `beta` and, not learnt, `moving_mean`, `moving_variance`; [feature] each.

    The variance is that of the batch itself (divided by the count, as in Keras), so one real step
    has the variance 0 and becomes beta.
    """

    moving_mean: Tensor
    moving_variance: Tensor

    def __init__(self, spec: BatchNorm, place: Place) -> None:
        super().__init__(place.name, place.shape)
        features = place.shape.features
        self.momentum, self.epsilon = spec.momentum, spec.epsilon
        self.gamma = nn.Parameter(torch.full((features,), spec.gamma))
        self.beta = nn.Parameter(torch.zeros(features))
        self.register_buffer("moving_mean", torch.zeros(features))
        self.register_buffer("moving_variance", torch.ones(features))

    def forward(self, x: Padded | Tensor, draws: Draws | None = None) -> Padded | Tensor:
        if draws is None or not self.gamma.requires_grad:  # frozen, its averages too
            return each_step(self._by_moving_averages, x)
        if not isinstance(x, Padded) or not is_ragged(x.values, x.lengths):
            return each_step(self._by_batch, x)
        real = x.mask()
        values = torch.zeros_like(x.values)
        values[real] = self._by_batch(x.values[real])
        return x._replace(values=values)

    def step(self, x_t: Tensor, state: None) -> tuple[Tensor, None]:
        return self._by_moving_averages(x_t), None

    def _by_moving_averages(self, x: Tensor) -> Tensor:
        scale = self.gamma * torch.rsqrt(self.moving_variance + self.epsilon)
        return torch.addcmul(self.beta - self.moving_mean * scale, x, scale)

    def _by_batch(self, x: Tensor) -> Tensor:
        """Normalise `[..., feature]` by its own mean and variance, and keep them in mind."""
        steps = x.reshape(-1, x.shape[-1])
        if len(steps) == 1:
            self._keep(steps[0], torch.zeros_like(self.moving_variance))
            return self.beta.expand_as(x)
        mean, variance = torch.zeros_like(self.moving_mean), torch.zeros_like(self.moving_mean)
        # With momentum 1, PyTorch writes the mean and the variance (by count - 1) into these two.
        values = functional.batch_norm(
            steps, mean, variance, self.gamma, self.beta, True, 1.0, self.epsilon
        )
        self._keep(mean, variance * (1 - 1 / len(steps)))
        return values.view_as(x)

    @torch.no_grad()
    def _keep(self, mean: Tensor, variance: Tensor) -> None:
        self.moving_mean.lerp_(mean, 1 - self.momentum)
        self.moving_variance.lerp_(variance, 1 - self.momentum)
