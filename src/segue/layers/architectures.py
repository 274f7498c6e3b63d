"""Well-known networks for time series by name; each stands for layers of the language."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import pydantic

from segue.errors import renamed_arguments
from segue.layers.activations import ACTIVATIONS
from segue.layers.attention import Attention
from segue.layers.base import Composite, LayerSpec, Shape
from segue.layers.composition import Parallel, Residual
from segue.layers.conv import Conv
from segue.layers.core import BatchNorm, Dense, Dropout, LayerNorm, Position
from segue.layers.depthwise import DepthwiseConv, HandcraftedConv
from segue.layers.pool import Pool
from segue.layers.random_conv import RandomConv
from segue.layers.recurrent import GRU, LSTM
from segue.layers.window_pool import MaxPool
from segue.spec import Alias, Aliases, Count, Rate

Depth = Annotated[int, pydantic.Field(ge=1, le=60)]
KernelSize = Annotated[int, pydantic.Field(ge=4, lt=2**31)]
Doublings = Annotated[int, pydantic.Field(ge=1, le=30)]

Chain = tuple[LayerSpec, ...]
_RELU = ACTIVATIONS["relu"]


def _normalised(*layers: LayerSpec) -> Chain:
    """The layers, normalised over the batch, and what is positive of it."""
    return (*layers, BatchNorm(), _RELU)


def _fcn(filters: int) -> Chain:
    sizes = ((filters, 8), (2 * filters, 5), (filters, 3))
    return tuple(spec for n, size in sizes for spec in _normalised(Conv(n, size)))


@dataclass(frozen=True)
class FCN(Composite, kind="fcn", input_kind="sequence", is_causal=False):
    """`fcn`: three normalised convolutions and their mean over time.

    Wang, Yan & Oates, "Time series classification from scratch with deep neural networks: a strong
    baseline", IJCNN 2017.

    Args:
        filters: of the first and the last convolution; the second has twice as many.
    """

    filters: Count = 128

    def expand(self, shape: Shape) -> Chain:
        return (*_fcn(self.filters), Pool("mean"))


@dataclass(frozen=True)
class ResNet(Composite, kind="resnet", input_kind="sequence", is_causal=False):
    """`resnet`: three residual blocks of three convolutions each, and their mean over time.

    The one for time series: Wang, Yan & Oates, "Time series classification from scratch with deep
    neural networks: a strong baseline", IJCNN 2017.

    Args:
        filters: of the first block; the others have twice as many.
    """

    filters: Count = 64

    def expand(self, shape: Shape) -> Chain:
        blocks: list[LayerSpec] = []
        before = shape.features
        for filters in (self.filters, 2 * self.filters, 2 * self.filters):
            first, second = (_normalised(Conv(filters, size)) for size in (8, 5))
            layers = (*first, *second, Conv(filters, 3), BatchNorm())
            around = () if filters == before else (Conv(filters, 1),)
            blocks.append(Residual(layers, (*around, BatchNorm()), "relu"))
            before = filters
        return (*blocks, Pool("mean"))


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

    def expand(self, shape: Shape) -> Chain:
        modules = [self._module(bottleneck=shape.features > 1)]
        modules += [self._module(bottleneck=True)] * (self.depth - 1)
        around = (Conv(4 * self.filters, 1, bias=False), BatchNorm())
        layers: list[LayerSpec] = []
        for first in range(0, self.depth, 3):
            three = tuple(spec for module in modules[first : first + 3] for spec in module)
            whole = first + 3 <= self.depth
            layers += [Residual(three, around, "relu")] if whole else three
        return (*layers, Pool("mean"))

    def _module(self, *, bottleneck: bool) -> Chain:
        """Three convolutions behind a bottleneck, beside the largest values nearby."""
        sizes = (self.kernel_size, self.kernel_size // 2, self.kernel_size // 4)
        wide: Chain = (Parallel(tuple((Conv(self.filters, size, bias=False),) for size in sizes)),)
        if bottleneck:
            wide = (Conv(self.filters, 1, bias=False), *wide)
        largest = (MaxPool(3, stride=1), Conv(self.filters, 1, bias=False))
        return _normalised(Parallel((wide, largest)))


@dataclass(frozen=True)
class LITE(Composite, kind="lite", input_kind="sequence", is_causal=False):
    """`lite`: one inception module with filters made by hand, and two separable convolutions.

    It has about 10,000 weights, a fortieth of `inception_time`. Ismail-Fawaz, Devanne, Berretti,
    Weber & Forestier, "LITE: light inception with boosting techniques for time series
    classification", DSAA 2023; of several channels it is their LITEMV, whose first convolutions
    are separable, too. (Their LITETime is the mean of five such networks.)

    Args:
        filters: of each convolution.
        kernel_size: of the widest one.
    """

    filters: Count = 32
    kernel_size: KernelSize = 40

    def expand(self, shape: Shape) -> Chain:
        sizes = (self.kernel_size, self.kernel_size // 2, self.kernel_size // 4)
        convolve = self._conv if shape.features == 1 else self._separable
        wide = [convolve(size) for size in sizes]
        return (
            *_normalised(Parallel((*wide, (HandcraftedConv(), _RELU)))),
            *_normalised(*self._separable(sizes[1], 2)),
            *_normalised(*self._separable(sizes[2], 4)),
            Pool("mean"),
        )

    def _conv(self, size: int) -> Chain:
        return (Conv(self.filters, size, bias=False),)

    def _separable(self, size: int, dilation: int = 1) -> Chain:
        return (
            DepthwiseConv(size, dilation=dilation, bias=False),
            Conv(self.filters, 1, bias=False),
        )


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

    def expand(self, shape: Shape) -> Chain:
        recurrent = (LSTM(self.units, output="last"), Dropout(self.dropout))
        return (Parallel((recurrent, (*_fcn(128), Pool("mean")))),)


@dataclass(frozen=True)
class GRUFCN(Composite, kind="gru_fcn", input_kind="sequence", is_causal=False):
    """`gru_fcn`: a GRU beside three convolutions, as in `lstm_fcn`.

    Elsayed, Maida & Bayoumi, "Deep gated recurrent and convolutional network hybrid model for
    univariate time series classification", IJACSA 10(5), 2019.

    Args:
        units: of the GRU.
        dropout: behind the GRU.
    """

    units: Count = 8
    dropout: Rate = 0.8

    def expand(self, shape: Shape) -> Chain:
        recurrent = (GRU(self.units, output="last"), Dropout(self.dropout))
        return (Parallel((recurrent, (*_fcn(128), Pool("mean")))),)


@dataclass(frozen=True)
class TST(Composite, kind="tst", input_kind="sequence", is_causal=False):
    """`tst`: a transformer for time series.

    Each step becomes `units` features, to which its position is added; blocks of self-attention
    follow, and the mean over time. Zerveas, Jayaraman, Patel, Bhamidipaty & Eickhoff, "A
    transformer-based framework for multivariate time series representation learning", KDD 2021.
    There all steps stand side by side before the head, positions are learnt, and normalisation is
    over the batch, so that series must have one length; here any length will do.

    Args:
        units: features of each step; a multiple of the heads.
        heads: of each block.
        depth: blocks.
        dropout: within the blocks.
    """

    units: Count = 64
    heads: Count = 8
    depth: Depth = 3
    dropout: Rate = 0.1

    def expand(self, shape: Shape) -> Chain:
        block = Attention(self.heads, 4 * self.units, dropout=self.dropout)
        return (Dense(self.units), Position(), *[block] * self.depth, LayerNorm(), Pool("mean"))


@dataclass(frozen=True)
class TCN(Composite, kind="tcn", input_kind="sequence", is_causal=True):
    """`tcn`: residual blocks of causal convolutions whose dilation doubles.

    It goes step by step. Bai, Kolter & Koltun, "An empirical evaluation of generic convolutional
    and recurrent networks for sequence modeling", arXiv:1803.01271, 2018, without its
    normalisation of the weights; the sizes are those of its experiments on images by rows.

    Args:
        filters: of each convolution.
        kernel_size: of each convolution.
        depth: blocks; the last step sees `1 + 2 * (kernel_size - 1) * (2**depth - 1)` steps.
        dropout: behind each convolution.
        output: "last", or "every" step.
    """

    filters: Count = 25
    kernel_size: Count = 7
    depth: Doublings = 8
    dropout: Rate = 0.05
    output: Literal["last", "every"] = "last"

    def expand(self, shape: Shape) -> Chain:
        blocks: Chain = tuple(self._block(2**power) for power in range(self.depth))
        return blocks if self.output == "every" else (*blocks, Pool("last"))

    def _block(self, dilation: int) -> Residual:
        one = Conv(self.filters, self.kernel_size, "relu", dilation=dilation, causal=True)
        layers = (one, Dropout(self.dropout)) if self.dropout else (one,)
        return Residual(layers * 2, activation="relu")


@dataclass(frozen=True)
class Rocket(Composite, kind="rocket", input_kind="sequence"):
    """`rocket`: many random convolutions, and a trained head on their features.

    Dempster, Petitjean & Webb, "ROCKET: exceptionally fast and accurate time series classification
    using random convolutional kernels", Data Mining and Knowledge Discovery 34, 2020. As there, the
    head is a ridge regression; where it has to be trained by gradients, such as with augmentation,
    the features are normalised first, and dropped at random.

    Args:
        kernels: of `random_conv`.
        dropout: before a head that is trained by gradients.
    """

    kernels: Count = 2000
    dropout: Rate = 0.5

    def expand(self, shape: Shape) -> Chain:
        gamma = 10 / math.sqrt(2 * self.kernels)
        return (
            RandomConv(self.kernels),
            BatchNorm(epsilon=1e-6, gamma=gamma),
            Dropout(self.dropout),
        )
