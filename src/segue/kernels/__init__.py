"""The arithmetic of the layers, as pure functions.

For prediction, without torch: `forward` chooses between the native library and `reference`, which
computes in NumPy. Both have the same functions of ragged batches (`ragged`), `[steps, feature]`.

For training, in `cells`, the recurrences as functions of one signature:

    lstm(x, lengths, weights, state) -> (outputs, state)        likewise gru, rnn

`x` is `[batch, time, channel]`, right-padded; `outputs` is `[batch, time, units]`, right at every
step before `lengths` and without meaning beyond; the final `state` is that after each sequence's
own last step. Weights have the layout of Keras: the arrays that a user gets are those
that are multiplied.

Where a gradient is wanted in float32 on the CPU, the native library computes (`autograd`). Else
whole sequences without recurrent dropout take PyTorch's fused path, which on the CPU is oneDNN's
for the LSTM; the rest goes step by step through `scan`. All pass the same tests.
"""

from segue.extras import lazy_names

_NEED_TORCH = (
    "LSTMState", "Masks", "RecurrentWeights", "State", "gru", "gru_step", "is_ragged", "last_step",
    "lstm", "lstm_step", "reverse", "rnn", "rnn_step", "scan",
)  # fmt: skip
_FORMER = ("GRUWeights", "LSTMWeights", "RNNWeights")  # one for each cell
__getattr__ = lazy_names(
    __name__,
    {name: f"segue.kernels.cells.{name}" for name in _NEED_TORCH},
    dict.fromkeys(_FORMER, "segue.kernels.RecurrentWeights"),
)
