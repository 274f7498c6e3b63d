"""The layers: one file each, one line in this table."""

from segue.layers.activations import (
    CELU,
    ELU,
    GELU,
    SELU,
    SPECS,
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
from segue.layers.attention import Attention
from segue.layers.base import Directions, Layer, LayerSpec, Place, Shape, Shorthand, Signal
from segue.layers.batchnorm import BatchNorm
from segue.layers.cell import Cell, OwnCell
from segue.layers.chain import Chain
from segue.layers.conv import Conv
from segue.layers.dense import Dense
from segue.layers.dropout import Dropout
from segue.layers.embedding import Embedding
from segue.layers.flatten import Flatten
from segue.layers.glu import GLU
from segue.layers.gru import GRU, BiGRU
from segue.layers.layernorm import LayerNorm
from segue.layers.lstm import LSTM, BiLSTM
from segue.layers.maxpool import MaxPool
from segue.layers.named import LSTMFCN, InceptionTime, Rocket
from segue.layers.own import Own
from segue.layers.parallel import Parallel
from segue.layers.pool import Pool
from segue.layers.position import Position
from segue.layers.prelu import PReLU
from segue.layers.random_conv import RandomConv
from segue.layers.repeat import Repeat
from segue.layers.residual import Residual
from segue.layers.rnn import RNN, BiRNN
from segue.padded import Padded

_TABLE: tuple[type[LayerSpec], ...] = (
    Dense,
    Flatten,
    Dropout,
    Embedding,
    RNN,
    LSTM,
    GRU,
    BiRNN,
    BiLSTM,
    BiGRU,
    Conv,
    RandomConv,
    MaxPool,
    Pool,
    BatchNorm,
    LayerNorm,
    Attention,
    Position,
    Residual,
    Parallel,
    Repeat,
    InceptionTime,
    LSTMFCN,
    Rocket,
    GLU,
    PReLU,
    *SPECS,
)
LAYERS = {spec.kind: spec for spec in _TABLE}

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "GRU",
    "LAYERS",
    "LSTM",
    "LSTMFCN",
    "RNN",
    "SELU",
    "Attention",
    "BatchNorm",
    "BiGRU",
    "BiLSTM",
    "BiRNN",
    "Cell",
    "Chain",
    "Conv",
    "Dense",
    "Directions",
    "Dropout",
    "Embedding",
    "Exponential",
    "Flatten",
    "HardShrink",
    "HardSiLU",
    "HardSigmoid",
    "HardSwish",
    "HardTanh",
    "InceptionTime",
    "Layer",
    "LayerNorm",
    "LayerSpec",
    "LeakyReLU",
    "Linear",
    "LogSigmoid",
    "LogSoftmax",
    "MaxPool",
    "Mish",
    "Own",
    "OwnCell",
    "PReLU",
    "Padded",
    "Parallel",
    "Place",
    "Pool",
    "Position",
    "RandomConv",
    "ReLU",
    "ReLU6",
    "Repeat",
    "Residual",
    "Rocket",
    "Shape",
    "Shorthand",
    "SiLU",
    "Sigmoid",
    "Signal",
    "SoftShrink",
    "Softmax",
    "Softplus",
    "Softsign",
    "SparsePlus",
    "SparseSigmoid",
    "Sparsemax",
    "Squareplus",
    "Swish",
    "Tanh",
    "TanhShrink",
]
