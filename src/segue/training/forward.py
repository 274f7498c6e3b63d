"""A batch through the network in training: whole sequences at once, or in pieces.

In pieces is truncated backpropagation through time: Williams & Peng, "An efficient gradient-based
algorithm for on-line training of recurrent network trajectories", Neural Computation 2(4), 1990.
The forward pass is the same as for whole sequences; a gradient reaches back to the beginning of its
piece only, so memory does not grow with time. The gradients of all pieces add up to one update.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from segue.errors import NotCausalError
from segue.networks import Network
from segue.padded import Padded
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


@dataclass(frozen=True)
class Truncated:
    """Sends a batch through a causal network piece by piece.

    Args:
        steps: the length of a piece.
        every: whether there is an answer at every step. Otherwise each sequence is answered at its
            own end, and pieces in which none ends need no gradient at all.
    """

    steps: int
    every: bool

    def __call__(self, network: Network, batch: Batch, draws: Draws) -> Iterator[Answers]:
        batch = _longest_first(batch)
        state = network.initial_state(len(batch.targets), batch.x.static)
        for first in range(0, batch.x.values.shape[1], self.steps):
            piece = self._piece(batch, first)
            running = len(piece.targets)
            state = map_state(operator.itemgetter(slice(running)), state)
            ends = batch.x.lengths[:running] <= first + self.steps
            answers = self.every or bool(ends.any())
            with torch.set_grad_enabled(answers):
                outputs, state = network.forward_from(piece.x, state, draws.at(first))
            if self.every:
                yield Answers(outputs, piece.targets, piece.weights)
            elif answers:
                weights = None if piece.weights is None else piece.weights[ends]
                yield Answers(outputs[ends], piece.targets[ends], weights)
            state = map_state(Tensor.detach, state)

    def _piece(self, batch: Batch, first: int) -> Batch:
        """The steps from `first` on, of those sequences that have not ended before."""
        running = int((batch.x.lengths > first).sum())
        steps = (slice(running), slice(first, first + self.steps))
        asked = steps if self.every else steps[0]
        left = (batch.x.lengths[:running] - first).clamp(max=self.steps)
        weights = None if batch.weights is None else batch.weights[asked]
        return Batch(Padded(batch.x.values[steps], left), batch.targets[asked], weights)


def check_carries_state(network: Network, steps: int) -> None:
    """Raise `NotCausalError` that names the layer for which pieces of a sequence are not enough."""
    try:
        network.chain.initial_state(1)
    except NotCausalError as error:
        raise NotCausalError(
            f"truncate={steps} sends sequences through the network in pieces, and {error} "
            "Use truncate=None for this network."
        ) from error


def _longest_first(batch: Batch) -> Batch:
    """So ordered, those that go on are always the first ones, and keep their dropout masks."""
    order = batch.x.lengths.argsort(descending=True, stable=True)
    weights = None if batch.weights is None else batch.weights[order]
    static = None if batch.x.static is None else batch.x.static[order]
    x = Padded(batch.x.values[order], batch.x.lengths[order], static)
    return Batch(x, batch.targets[order], weights)


def map_state(function: Callable[[Tensor], Tensor], state: Any) -> Any:
    """Apply a function to every tensor of a state, however it is put together.

    >>> map_state(lambda t: t[:1], [(torch.ones(2), None), (0.0, 0)])
    [(tensor([1.]), None), (0.0, 0)]
    """
    if isinstance(state, Tensor):
        return function(state)
    if isinstance(state, dict):
        return {name: map_state(function, entry) for name, entry in state.items()}
    if not isinstance(state, list | tuple):
        return state
    entries = [map_state(function, entry) for entry in state]
    return type(state)(*entries) if hasattr(state, "_fields") else type(state)(entries)
