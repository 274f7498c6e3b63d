"""Modules of `batchnorm` and `layernorm`."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from segue.kernels.recurrence import is_ragged
from segue.layers.base import BuildContext
from segue.layers.normalization import BatchNorm, LayerNorm
from segue.modules.base import PointwiseLayer, each_step
from segue.prepare.batches import Padded
from segue.randomness import Draws


class BatchNormLayer(PointwiseLayer):
    """Weights: `gamma`, `beta` and, not learnt, `moving_mean`, `moving_variance`; [feature] each.

    The variance is that of the batch itself (divided by the count, as in Keras), so one real step
    has the variance 0 and becomes beta.
    """

    moving_mean: Tensor
    moving_variance: Tensor

    def __init__(self, spec: BatchNorm, context: BuildContext) -> None:
        super().__init__(spec, context)
        features = context.shape.features
        self.gamma = nn.Parameter(torch.full((features,), spec.gamma))
        self.beta = nn.Parameter(torch.zeros(features))
        self.register_buffer("moving_mean", torch.zeros(features))
        self.register_buffer("moving_variance", torch.ones(features))

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

    def __init__(self, spec: LayerNorm, context: BuildContext) -> None:
        super().__init__(spec, context)
        self.gamma = nn.Parameter(torch.ones(context.shape.features))
        self.beta = nn.Parameter(torch.zeros(context.shape.features))

    def transform(self, x: Tensor) -> Tensor:
        return functional.layer_norm(x, self.gamma.shape, self.gamma, self.beta, self.spec.epsilon)
