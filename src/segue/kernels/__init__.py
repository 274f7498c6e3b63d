"""Recurrent kernels: the recurrences as pure functions of one signature, for every backend.

    lstm(x, lengths, weights, state) -> (outputs, state)        likewise gru, rnn

`x` is `[batch, time, channel]`, right-padded; `outputs` is `[batch, time, units]`, right at every
step before `lengths` and without meaning beyond; the final `state` is that after each sequence's
own last step. Weights have the layout of Keras: the arrays that a user gets are those
that are multiplied.

Whole sequences without recurrent dropout take PyTorch's fused path, which on the CPU is oneDNN's
for the LSTM; the rest goes step by step through `scan`. Both pass the same tests.
"""

from segue.extras import lazy_names
from segue.kernels.cells import (
    LSTMState,
    Masks,
    RecurrentWeights,
    State,
    gru,
    gru_step,
    is_ragged,
    last_step,
    lstm,
    lstm_step,
    reverse,
    rnn,
    rnn_step,
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

_FORMER = ("GRUWeights", "LSTMWeights", "RNNWeights")  # one for each cell
__getattr__ = lazy_names(__name__, {}, dict.fromkeys(_FORMER, "segue.kernels.RecurrentWeights"))
