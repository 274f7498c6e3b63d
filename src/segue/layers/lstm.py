"""`lstm` and `bilstm`; the arithmetic and its sources are in `kernels/lstm.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from segue.kernels import LSTMState, LSTMWeights, Masks, lstm, lstm_step
from segue.kernels.scan import State
from segue.layers.base import Place, glorot_uniform, orthogonal
from segue.layers.recurrent import BidirectionalSpec, Recurrence, RecurrentSpec


class LSTMRecurrence(Recurrence):
    """Weights: `kernel` [channel, 4 * units], `recurrent_kernel` [units, 4 * units], `bias`.

    Gates in the order input, forget, cell, output. The forget gate's bias is 1 at first, so that
    the cell remembers until it learns to forget (Jozefowicz et al., ICML 2015).
    """

    states = ("h", "c")
    gates = 4

    def make_weights(self, place: Place, part: str, spec: Any) -> None:
        channels, units = place.shape.features, spec.units
        self.kernel = glorot_uniform((channels, 4 * units), place.generator(part + "kernel"))
        recurrent = place.generator(part + "recurrent_kernel")
        self.recurrent_kernel = orthogonal(units, 4 * units, recurrent)
        bias = torch.zeros(4, units)
        bias[1] = 1.0
        self.bias = nn.Parameter(bias.flatten())

    def _weights(self) -> LSTMWeights:
        return LSTMWeights(self.kernel, self.recurrent_kernel, self.bias)

    def carry(
        self, x: Tensor, lengths: Tensor, state: State, masks: Masks | None
    ) -> tuple[Tensor, State]:
        return lstm(
            x,
            lengths,
            self._weights(),
            LSTMState(*state),
            masks=masks,
            final_state=False,
        )

    def step(self, x_t: Tensor, state: State) -> tuple[Tensor, State]:
        return lstm_step(x_t, self._weights(), LSTMState(*state))


@dataclass(frozen=True)
class LSTM(RecurrentSpec):
    """`lstm(units)`: long short-term memory.

    Weights: `kernel` [channel, 4 * units], `recurrent_kernel` [units, 4 * units], `bias`
    [4 * units]; gates in the order input, forget, cell, output.

    Hochreiter & Schmidhuber, "Long short-term memory", Neural Computation 9(8), 1997; with the
    forget gate of Gers, Schmidhuber & Cummins, Neural Computation 12(10), 2000.

    >>> str(LSTM(64, dropout=0.2, name="memory"))
    'lstm(64, dropout=0.2, name=memory)'
    """

    kind: ClassVar[str] = "lstm"
    recurrence = LSTMRecurrence


@dataclass(frozen=True)
class BiLSTM(BidirectionalSpec):
    """`bilstm(units)`: an LSTM in both directions, 2 * units features.

    Weights as of `LSTM`, below `forward/` and `backward/`.
    """

    kind: ClassVar[str] = "bilstm"
    recurrence = LSTMRecurrence
