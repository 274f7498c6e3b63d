"""The layers: one file each, one line in this table."""

from segue.layers.base import Directions, Layer, LayerSpec, Place, Shape, Signal
from segue.layers.dense import Dense
from segue.layers.dropout import Dropout
from segue.layers.embedding import Embedding
from segue.layers.flatten import Flatten
from segue.layers.gru import GRU, BiGRU
from segue.layers.lstm import LSTM, BiLSTM
from segue.layers.pool import Pool
from segue.layers.rnn import RNN, BiRNN
from segue.padded import Padded

LAYERS: dict[str, type[LayerSpec]] = {
    spec.kind: spec
    for spec in (
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
        Pool,
    )
}

__all__ = [
    "GRU",
    "LAYERS",
    "LSTM",
    "RNN",
    "BiGRU",
    "BiLSTM",
    "BiRNN",
    "Dense",
    "Directions",
    "Dropout",
    "Embedding",
    "Flatten",
    "Layer",
    "LayerSpec",
    "Padded",
    "Place",
    "Pool",
    "Shape",
    "Signal",
]
