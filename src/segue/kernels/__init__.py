"""The recurrent arithmetic: pure functions of one signature, whatever does the work behind them.

    lstm(x, lengths, weights, state) -> (outputs, state)        likewise gru, rnn

`x` is `[batch, time, channel]`, right-padded; `outputs` is `[batch, time, units]`, right at every
step before `lengths` and without meaning beyond; the final `state` is that after each sequence's
own last step. Weights have the layout of Keras: the arrays that a user gets are those
that are multiplied.

Whole sequences without recurrent dropout take PyTorch's fused path, which on the CPU is oneDNN's
for the LSTM; the rest goes step by step through `scan`. Both pass the same tests.
"""

from segue.kernels.gates import Masks
from segue.kernels.gru import GRUWeights, gru, gru_step
from segue.kernels.lstm import LSTMState, LSTMWeights, lstm, lstm_step
from segue.kernels.ragged import last_step, reverse
from segue.kernels.rnn import RNNWeights, rnn, rnn_step
from segue.kernels.scan import scan

__all__ = [
    "GRUWeights",
    "LSTMState",
    "LSTMWeights",
    "Masks",
    "RNNWeights",
    "gru",
    "gru_step",
    "last_step",
    "lstm",
    "lstm_step",
    "reverse",
    "rnn",
    "rnn_step",
    "scan",
]
