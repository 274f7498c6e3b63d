"""Recurrent kernels: the recurrences as pure functions of one signature, for every backend.

    lstm(x, lengths, weights, state) -> (outputs, state)        likewise gru, rnn

`x` is `[batch, time, channel]`, right-padded; `outputs` is `[batch, time, units]`, right at every
step before `lengths` and without meaning beyond; the final `state` is that after each sequence's
own last step. Weights have the layout of Keras: the arrays that a user gets are those
that are multiplied.

Whole sequences without recurrent dropout take PyTorch's fused path, which on the CPU is oneDNN's
for the LSTM; the rest goes step by step through `scan`. Both pass the same tests.
"""

import warnings
from typing import Any

from segue.kernels.cells import LSTMState, gru, gru_step, lstm, lstm_step, rnn, rnn_step
from segue.kernels.recurrence import (
    Masks,
    RecurrentWeights,
    State,
    is_ragged,
    last_step,
    reverse,
    scan,
)

__all__ = [
    "LSTMState",
    "Masks",
    "RecurrentWeights",
    "State",
    "gru",
    "gru_step",
    "is_ragged",
    "last_step",
    "lstm",
    "lstm_step",
    "reverse",
    "rnn",
    "rnn_step",
    "scan",
]


def __getattr__(name: str) -> Any:
    """The former name of `RecurrentWeights` for each cell, for one release."""
    if name in ("GRUWeights", "LSTMWeights", "RNNWeights"):
        message = f"segue.kernels.{name} is now called segue.kernels.RecurrentWeights."
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return RecurrentWeights
    raise AttributeError(f"module 'segue.kernels' has no attribute {name!r}")
