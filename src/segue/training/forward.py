"""How a batch goes through the network in training: whole sequences at once.

The other way, in pieces, is in `truncated.py`. Either gives the answers bit by bit, and the loop
takes the gradient of each before it asks for the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from torch import Tensor

from segue.networks import Network
from segue.randomness import Draws


class Batch(NamedTuple):
    """Sequences of one pass, what is to be answered, and how much each answer counts."""

    x: Any  # Padded; PartialInput, where the outputs of the first layers are cached
    targets: Tensor  # [batch, ...], or [batch, time, ...] for an answer at every step
    weights: Tensor | None  # likewise; None: all the same


class Answers(NamedTuple):
    """What the network said of some sequences, or of some steps of them."""

    outputs: Any
    targets: Tensor
    weights: Tensor | None


Forward = Callable[[Network, Batch, Draws], Iterator[Answers]]


def whole(network: Network, batch: Batch, draws: Draws) -> Iterator[Answers]:
    """All steps at once: the gradient reaches back to the first one."""
    yield Answers(network(batch.x, draws), batch.targets, batch.weights)
