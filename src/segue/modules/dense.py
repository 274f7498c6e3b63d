"""Modules of `dense` and `dropout`, and the implied head of a network."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from segue.layers.activations import ACTIVATIONS
from segue.layers.base import BuildContext, Shape
from segue.layers.dense import Dense
from segue.modules.activations import function_of
from segue.modules.base import PointwiseLayer, SpecLayer, each_step, glorot_uniform
from segue.prepare.batches import Padded
from segue.randomness import Draws


class DenseLayer(PointwiseLayer):
    """Weights: `kernel` [in, out], `bias` [out]."""

    def __init__(self, spec: Dense, context: BuildContext) -> None:
        super().__init__(spec, context)
        size = (context.shape.features, spec.units)
        self.kernel = glorot_uniform(size, context.generator("kernel"))
        self.bias = nn.Parameter(torch.zeros(spec.units)) if spec.bias else None
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


def head(units: int, shape: Shape, seed: int, static: int = 0) -> DenseLayer:
    """The implied last layer of an estimator's network.

    Args:
        units: number of outputs.
        shape: of the last layer's output.
        seed: of the initial weights.
        static: number of static features that are joined to its input.
    """
    kind = HeadWithStatic if static else DenseLayer
    context = BuildContext("head", shape.with_features(shape.features + static), seed=seed)
    layer = kind(Dense(units), context)
    layer.kind = Dense.kind
    return layer


class DropoutLayer(SpecLayer):
    """No weights; the identity outside training."""

    def forward(self, x: Padded | Tensor, draws: Draws | None = None) -> Padded | Tensor:
        rate = self.spec.rate
        if draws is None or rate == 0:
            return x
        path = (self.name, draws.first) if draws.first else (self.name,)
        return each_step(lambda v: v * draws.keep_mask(tuple(v.shape), rate, v, *path), x)

    def step(self, x_t: Tensor, state: None) -> tuple[Tensor, None]:
        return x_t, None
