"""`gru` and `bigru`; the arithmetic and its sources are in `kernels/gru.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from segue.kernels import GRUWeights, Masks, gru, gru_step
from segue.kernels.scan import State
from segue.layers.base import Place, glorot_uniform, orthogonal
from segue.layers.recurrent import BidirectionalSpec, Recurrence, RecurrentSpec

Reset = Literal["after", "before"]


class GRURecurrence(Recurrence):
    """Weights: `kernel` [channel, 3 * units], `recurrent_kernel` [units, 3 * units], `bias`.

    Gates in the order update, reset, candidate. `bias` is [2, 3 * units] (input, recurrent) where
    the reset gate acts after the recurrent product, and [3 * units] where it acts before.
    """

    gates = 3

    def make_weights(self, place: Place, part: str, spec: Any) -> None:
        channels, units = place.shape.features, spec.units
        self.kernel = glorot_uniform((channels, 3 * units), place.generator(part + "kernel"))
        recurrent = place.generator(part + "recurrent_kernel")
        self.recurrent_kernel = orthogonal(units, 3 * units, recurrent)
        size = (2, 3 * units) if spec.reset == "after" else (3 * units,)
        self.bias = nn.Parameter(torch.zeros(size))

    def _weights(self) -> GRUWeights:
        return GRUWeights(self.kernel, self.recurrent_kernel, self.bias)

    def carry(
        self, x: Tensor, lengths: Tensor, state: State, masks: Masks | None
    ) -> tuple[Tensor, State]:
        return gru(x, lengths, self._weights(), state, masks=masks)

    def step(self, x_t: Tensor, state: State) -> tuple[Tensor, State]:
        return gru_step(x_t, self._weights(), state)


@dataclass(frozen=True)
class GRU(RecurrentSpec):
    """`gru(units, reset=after)`: gated recurrent unit.

    Weights: `kernel` [channel, 3 * units], `recurrent_kernel` [units, 3 * units], `bias`
    [2, 3 * units] (input, recurrent); gates in the order update, reset, candidate.

    Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014.

    Args:
        reset: "after": the reset gate acts on the recurrent product, as in cuDNN and Keras;
            "before": on the state, as in the paper, with a `bias` of [3 * units].

    >>> str(GRU(32, reset="before"))
    'gru(32, reset=before)'
    """

    kind: ClassVar[str] = "gru"
    recurrence = GRURecurrence

    reset: Reset = "after"


@dataclass(frozen=True)
class BiGRU(BidirectionalSpec):
    """`bigru(units)`: a GRU in both directions, 2 * units features.

    Weights as of `GRU`, below `forward/` and `backward/`.

    Args:
        reset: as of `GRU`.
    """

    kind: ClassVar[str] = "bigru"
    recurrence = GRURecurrence

    reset: Reset = "after"
