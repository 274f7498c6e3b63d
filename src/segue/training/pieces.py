"""Sequences go through a network in pieces, with the state carried on.

That is truncated backpropagation through time: Williams & Peng, "An efficient gradient-based
algorithm for on-line training of recurrent network trajectories", Neural Computation 2(4), 1990.
The forward pass is the same as for whole sequences; a gradient reaches back to the beginning of its
piece only, so memory does not grow with time. The gradients of all pieces add up to one update.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from segue.modules.network import TorchNetwork
from segue.prepare.padded import Padded
from segue.randomness import Draws
from segue.training.setup import Batch


class Outputs(NamedTuple):
    """The outputs of the network for some sequences, or for some steps of them."""

    outputs: Any
    targets: Tensor
    weights: Tensor | None


def in_pieces(
    network: TorchNetwork, batch: Batch, draws: Draws, steps: int, *, every: bool
) -> Iterator[Outputs]:
    """Send a batch through a causal network piece by piece.

    Args:
        network: the network.
        batch: whole sequences.
        draws: of dropout.
        steps: the length of a piece.
        every: whether there is a target at every step. Otherwise each sequence has one at its own
            end, and pieces in which none ends need no gradient at all.
    """
    # Longest first: those that go on are always the first ones, and keep their dropout masks.
    order = batch.x.lengths.argsort(descending=True, stable=True)
    lengths, targets = batch.x.lengths[order], batch.targets[order]
    weights = None if batch.weights is None else batch.weights[order]
    static = None if batch.x.static is None else batch.x.static[order]
    values = batch.x.values[order]
    state = network.initial_state(len(targets), static)
    for first in range(0, values.shape[1], steps):
        running = slice(int((lengths > first).sum()))
        piece = (running, slice(first, first + steps))
        left = (lengths[running] - first).clamp(max=steps)
        state = map_state(operator.itemgetter(running), state)
        ends = lengths[running] <= first + steps
        wanted = every or bool(ends.any())
        with torch.set_grad_enabled(wanted):
            x = Padded(values[piece], left)
            outputs, state = network.forward_from(x, state, draws.at(first))
        if every:
            yield Outputs(outputs, targets[piece], None if weights is None else weights[piece])
        elif wanted:
            own = None if weights is None else weights[running][ends]
            yield Outputs(outputs[ends], targets[running][ends], own)
        state = map_state(Tensor.detach, state)


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
