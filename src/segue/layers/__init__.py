"""Layer specs: the arguments, shapes and causality of each kind of layer, without torch.

Beside each spec stands its layer that predicts without torch (`inference`). The torch modules stand
in `segue.modules`, in files of the same names, and are imported when a network is built for torch.
The classes to derive from (`Layer`, `Cell`) and some types of signals (`Padded`, `Signal`) need
torch and are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from segue.extras import lazy_names
from segue.kernels.ragged import Directions
from segue.layers.activations import (  # one by one, for type checkers and the reference
    CELU,
    ELU,
    GELU,
    GLU,
    SELU,
    TABLE,
    Exponential,
    HardShrink,
    HardSigmoid,
    HardSiLU,
    HardSwish,
    HardTanh,
    LeakyReLU,
    Linear,
    LogSigmoid,
    LogSoftmax,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    SoftShrink,
    Softsign,
    Sparsemax,
    SparsePlus,
    SparseSigmoid,
    Squareplus,
    Swish,
    Tanh,
    TanhShrink,
)
from segue.layers.architectures import (
    FCN,
    GRUFCN,
    LITE,
    LSTMFCN,
    TCN,
    TST,
    InceptionTime,
    ResNet,
    Rocket,
)
from segue.layers.attention import Attention
from segue.layers.base import BuildContext, Composite, LayerSpec, Shape
from segue.layers.composition import Parallel, Repeat, Residual
from segue.layers.conv import Conv
from segue.layers.core import BatchNorm, Dense, Dropout, Embedding, LayerNorm, Position
from segue.layers.custom import CustomCell, CustomModule
from segue.layers.depthwise import DepthwiseConv, HandcraftedConv
from segue.layers.hydra import Hydra
from segue.layers.multirocket import MultiRocket
from segue.layers.pool import Flatten, Pool
from segue.layers.quant import Quant
from segue.layers.random_conv import RandomConv
from segue.layers.rdst import RDST
from segue.layers.recurrent import GRU, LSTM, RNN, BiGRU, BiLSTM, BiRNN
from segue.layers.trees import Trees
from segue.layers.window_pool import AvgPool, MaxPool

_KINDS: tuple[type[LayerSpec], ...] = (
    Dense, Flatten, Dropout, Embedding, RNN, LSTM, GRU, BiRNN, BiLSTM, BiGRU, Conv, DepthwiseConv,
    HandcraftedConv, RandomConv, MultiRocket, Hydra, Quant, RDST, Trees, MaxPool, AvgPool, Pool,
    BatchNorm, LayerNorm, Attention, Position, Residual, Parallel, Repeat, FCN, ResNet,
    InceptionTime, LITE, LSTMFCN, GRUFCN, TST, TCN, Rocket, GLU, PReLU, *TABLE,
)  # fmt: skip
LAYERS = {spec.kind: spec for spec in _KINDS}

__all__ = [
    "CELU", "ELU", "FCN", "GELU", "GLU", "GRU", "GRUFCN", "LAYERS", "LITE", "LSTM", "LSTMFCN",
    "RDST", "RNN", "SELU", "TCN", "TST", "Attention", "AvgPool", "BatchNorm", "BiGRU", "BiLSTM",
    "BiRNN", "BuildContext", "Cell", "Chain", "Composite", "Conv", "CustomCell", "CustomModule",
    "Dense", "DepthwiseConv", "Directions", "Dropout", "Embedding", "Exponential", "Flatten",
    "HandcraftedConv", "HardShrink", "HardSiLU", "HardSigmoid", "HardSwish", "HardTanh", "Hydra",
    "InceptionTime", "Layer", "LayerNorm", "LayerSpec", "LeakyReLU", "Linear", "LogSigmoid",
    "LogSoftmax", "MaxPool", "Mish", "MultiRocket", "PReLU", "Padded", "Parallel", "Pool",
    "Position", "Quant", "RandomConv", "ReLU", "ReLU6", "Repeat", "ResNet", "Residual", "Rocket",
    "Shape", "SiLU", "Sigmoid", "Signal", "SoftShrink", "Softmax", "Softplus", "Softsign",
    "SparsePlus", "SparseSigmoid", "Sparsemax", "Squareplus", "Swish", "Tanh", "TanhShrink",
    "Trees",
]  # fmt: skip


if TYPE_CHECKING:
    from segue.prepare.padded import Padded

_NEED_TORCH = {
    "Cell": "segue.modules.custom.Cell",
    "Chain": "segue.modules.base.Chain",
    "Layer": "segue.modules.base.Layer",
    "Padded": "segue.prepare.padded.Padded",
    "Signal": "segue.modules.base.Signal",
}
_FORMER = {
    "Own": "segue.layers.CustomModule",
    "OwnCell": "segue.layers.CustomCell",
    "Place": "segue.layers.BuildContext",
    "Shorthand": "segue.layers.Composite",
}
__getattr__ = lazy_names(__name__, _NEED_TORCH, _FORMER)


def __dir__() -> list[str]:
    return sorted(__all__)
