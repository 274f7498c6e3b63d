"""Normalisations: `batchnorm` over the steps of a batch, `layernorm` over a step's features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pydantic

from segue.layers.base import BuildContext, LayerSpec, Shape
from segue.spec import Name, Rate

Positive = Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class BatchNorm(LayerSpec, kind="batchnorm"):
    """`batchnorm`: each feature less its mean, divided by its standard deviation, times gamma.

    In training, mean and variance are those of all real steps of the batch; padding does not count.
    At prediction they are moving averages of the training batches. Ioffe & Szegedy, "Batch
    normalization: accelerating deep network training by reducing internal covariate shift", ICML
    2015.

    Args:
        momentum: how much of a moving average stays at each update. 0.9, PyTorch's choice, follows
            the last ten batches or so; Keras's 0.99 has hardly left its first values where a small
            data set makes a hundred updates.
        epsilon: added to the variance, as in Keras.
        gamma: initial value of every gamma. With small ones in front of very many features, an
            optimizer's first steps do not throw their sum far off.
        name: the layer's own name.
    """

    momentum: Rate = 0.9
    epsilon: Positive = 1e-3
    gamma: Positive = 1.0
    name: Name | None = None

    def output_shape(self, context: BuildContext) -> Shape:
        return context.shape


@dataclass(frozen=True)
class LayerNorm(LayerSpec, kind="layernorm"):
    """`layernorm`: the features of each step less their mean, divided by their deviation.

    Ba, Kiros & Hinton, "Layer normalization", 2016.

    Args:
        epsilon: added to the variance, as in Keras.
        name: the layer's own name.
    """

    epsilon: Positive = 1e-3
    name: Name | None = None

    def output_shape(self, context: BuildContext) -> Shape:
        return context.shape
