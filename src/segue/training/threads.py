"""How many threads PyTorch may use: more than one pays only where each step has much to multiply.

A recurrent network takes its steps one after the other, so each step's product is shared out by
itself. For small networks the threads then spend their time waiting for each other, and on a busy
machine one that must wait for a processor stops all of them.
"""

from __future__ import annotations

from segue.kernels.threads import usable_threads
from segue.networks import Network

# Multiplications in one time step of a batch from which on more threads pay.
_WORTH_SHARING = 16_000_000


def choose_threads(network: Network, batch_size: int) -> int:
    """One thread for small steps, else as many as PyTorch has; the same for the same sizes.

    Embeddings are looked up, not multiplied, so their size does not count.
    """
    layers = network.layers.values()
    looked_up = {id(layer.weights()[name]) for layer in layers for name in layer.token_weights}
    multiplied = sum(p.numel() for p in network.parameters() if id(p) not in looked_up)
    return usable_threads() if multiplied * batch_size >= _WORTH_SHARING else 1
