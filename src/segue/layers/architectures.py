"""Well-known architectures, each a composition of other layers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import pydantic

from segue.layers.activations import ACTIVATIONS
from segue.layers.base import Composite, LayerSpec, Shape
from segue.layers.composition import Parallel, Residual
from segue.layers.conv import Conv, MaxPool, RandomConv
from segue.layers.dense import Dropout
from segue.layers.normalization import BatchNorm
from segue.layers.pool import Pool
from segue.layers.recurrent import LSTM
from segue.spec import Alias, Aliases, Count, Rate, renamed_arguments

Depth = Annotated[int, pydantic.Field(ge=1, le=60)]
KernelSize = Annotated[int, pydantic.Field(ge=4, lt=2**31)]


@renamed_arguments(width="kernel_size")
@dataclass(frozen=True)
class InceptionTime(Composite, kind="inception_time", input_kind="sequence", is_causal=False):
    """`inception_time`: one network of the ensemble of that name.

    Ismail Fawaz et al., "InceptionTime: finding AlexNet for time series classification", Data
    Mining and Knowledge Discovery 34, 2020; the sizes are those of the authors' program. (Their
    InceptionTime is the mean of five such networks.)

    Args:
        filters: of each of the four branches of a module.
        depth: modules; around every three of them there is a shortcut.
        kernel_size: of the widest convolution; the others have a half and a quarter of it.
    """

    aliases: ClassVar[Aliases] = {"width": Alias("kernel_size")}

    filters: Count = 32
    depth: Depth = 6
    kernel_size: KernelSize = 40

    def expand(self, shape: Shape) -> tuple[LayerSpec, ...]:
        modules = [self._module(bottleneck=shape.features > 1)]
        modules += [self._module(bottleneck=True)] * (self.depth - 1)
        around = (Conv(4 * self.filters, 1, bias=False), BatchNorm())
        layers: list[LayerSpec] = []
        for first in range(0, self.depth, 3):
            three = tuple(spec for module in modules[first : first + 3] for spec in module)
            whole = first + 3 <= self.depth
            layers += [Residual(three, around, "relu")] if whole else three
        return (*layers, Pool("mean"))

    def _module(self, *, bottleneck: bool) -> tuple[LayerSpec, ...]:
        """Three convolutions behind a bottleneck, beside the largest values nearby."""
        sizes = (self.kernel_size, self.kernel_size // 2, self.kernel_size // 4)
        wide: tuple[LayerSpec, ...] = (
            Parallel(tuple((Conv(self.filters, size, bias=False),) for size in sizes)),
        )
        if bottleneck:
            wide = (Conv(self.filters, 1, bias=False), *wide)
        largest = (MaxPool(3, stride=1), Conv(self.filters, 1, bias=False))
        return (Parallel((wide, largest)), BatchNorm(), ACTIVATIONS["relu"])


@dataclass(frozen=True)
class LSTMFCN(Composite, kind="lstm_fcn", input_kind="sequence", is_causal=False):
    """`lstm_fcn`: an LSTM beside three convolutions, joined before the head.

    Karim, Majumdar, Darabi & Chen, "LSTM fully convolutional networks for time series
    classification", IEEE Access 6, 2018. There the LSTM gets the series turned on its side: one
    step that has all time steps as channels, so that series must have one length. Here it reads the
    sequence step by step, whatever its length; `units` and `dropout` are the paper's.

    Args:
        units: of the LSTM.
        dropout: behind the LSTM.
    """

    units: Count = 8
    dropout: Rate = 0.8

    def expand(self, shape: Shape) -> tuple[LayerSpec, ...]:
        convolutions = [
            layer
            for filters, size in ((128, 8), (256, 5), (128, 3))
            for layer in (Conv(filters, size), BatchNorm(), ACTIVATIONS["relu"])
        ]
        recurrent = (LSTM(self.units, output="last"), Dropout(self.dropout))
        return (Parallel((recurrent, (*convolutions, Pool("mean")))),)


@dataclass(frozen=True)
class Rocket(Composite, kind="rocket", input_kind="sequence"):
    """`rocket`: many random convolutions, and a trained head on their features.

    Dempster, Petitjean & Webb, "ROCKET: exceptionally fast and accurate time series classification
    using random convolutional kernels", Data Mining and Knowledge Discovery 34, 2020. The paper's
    classifier is a ridge regression; here it is the head, trained as that of any network.

    Args:
        kernels: of `random_conv`.
        dropout: before the head.
    """

    kernels: Count = 2000
    dropout: Rate = 0.5

    def expand(self, shape: Shape) -> tuple[LayerSpec, ...]:
        gamma = 10 / math.sqrt(2 * self.kernels)
        return (
            RandomConv(self.kernels),
            BatchNorm(epsilon=1e-6, gamma=gamma),
            Dropout(self.dropout),
        )
