"""`rnn` and `birnn`; the arithmetic and its source are in `kernels/rnn.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from segue.kernels import Masks, RNNWeights, rnn, rnn_step
from segue.kernels.rnn import Activation
from segue.kernels.scan import State
from segue.layers.base import Place, glorot_uniform, orthogonal
from segue.layers.recurrent import BidirectionalSpec, Recurrence, RecurrentSpec


class RNNRecurrence(Recurrence):
    """Weights: `kernel` [channel, units], `recurrent_kernel` [units, units], `bias` [units]."""

    def make_weights(self, place: Place, part: str, spec: Any) -> None:
        channels, units = place.shape.features, spec.units
        self.activation = spec.activation
        self.kernel = glorot_uniform((channels, units), place.generator(part + "kernel"))
        recurrent = place.generator(part + "recurrent_kernel")
        self.recurrent_kernel = orthogonal(units, units, recurrent)
        self.bias = nn.Parameter(torch.zeros(units))

    def _weights(self) -> RNNWeights:
        return RNNWeights(self.kernel, self.recurrent_kernel, self.bias)

    def carry(
        self, x: Tensor, lengths: Tensor, state: State, masks: Masks | None
    ) -> tuple[Tensor, State]:
        return rnn(
            x,
            lengths,
            self._weights(),
            state,
            activation=self.activation,
            masks=masks,
        )

    def step(self, x_t: Tensor, state: State) -> tuple[Tensor, State]:
        return rnn_step(x_t, self._weights(), state, activation=self.activation)


@dataclass(frozen=True)
class RNN(RecurrentSpec):
    """`rnn(units, activation=tanh)`: the simple recurrent network.

    Weights: `kernel` [channel, units], `recurrent_kernel` [units, units], `bias` [units].

    Elman, "Finding structure in time", Cognitive Science 14(2), 1990.

    Args:
        activation: of the state, "tanh" or "relu".

    >>> str(RNN(16, activation="relu"))
    'rnn(16, activation=relu)'
    """

    kind: ClassVar[str] = "rnn"
    recurrence = RNNRecurrence

    activation: Activation = "tanh"


@dataclass(frozen=True)
class BiRNN(BidirectionalSpec):
    """`birnn(units)`: a simple recurrent network in both directions, 2 * units features.

    Weights as of `RNN`, below `forward/` and `backward/`.

    Args:
        activation: as of `RNN`.
    """

    kind: ClassVar[str] = "birnn"
    recurrence = RNNRecurrence

    activation: Activation = "tanh"
