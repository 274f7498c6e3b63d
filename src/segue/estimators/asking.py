"""How a fitted estimator is asked: its sequences in batches, and what a layer says of them.

`embed` is a question of its own; `run`, `per_step` and `observe` are what the explanations use too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from segue.errors import OptionError
from segue.kernels.threads import threads
from segue.modules import Directions, Layer, Padded
from segue.networks import Network
from segue.prepare import Batches
from segue.sequences import Array, Sequences
from segue.training.hardware import choose_threads

How = Literal["auto", "last", "mean", "every"]

# Steps (with padding) that go through the network at once.
STEPS_AT_ONCE = 20_000


# -- batches ------------------------------------------------------------------------------------


def run(
    learner: Any,
    x: Sequences,
    work: Callable[[Array, Padded], None],
    static: Array | None = None,
) -> None:
    """Prepare sequences and work on them batch by batch, from short to long.

    PyTorch has the number of threads that suits them while this runs, and no longer: it is no
    generator, which would leave that to whoever holds it.

    Args:
        learner: fitted.
        x: checked sequences.
        work: is given the indices `[batch]` of the members of each batch, and the batch.
        static: `[n, feature]` of them, scaled, where the network joins some.
    """
    if len(x) == 0:
        return
    network = learner.network_
    device = next(network.parameters()).device
    batches = Batches(x, learner.preparation_, device, static)
    size = min(len(x), STEPS_AT_ONCE // x.length_range[1] + 1)
    with threads(learner.training_options.threads or choose_threads(network, size)):
        for index, batch in batches.in_order(STEPS_AT_ONCE):
            work(index, batch)


def per_step(
    learner: Any,
    x: Sequences,
    function: Callable[[Padded], Padded],
    static: Array | None = None,
) -> Sequences:
    """Apply a function to every batch and return the real steps of what it gives, in x's order."""
    rows: list[Any] = [None] * len(x)

    def work(index: Array, batch: Padded) -> None:
        signal = function(batch)
        lengths = signal.lengths.tolist()
        for i, values, length in zip(index, signal.values.cpu().numpy(), lengths, strict=True):
            rows[i] = values[:length]

    run(learner, x, work, static)
    return Sequences.from_list(rows)


def no_steps(width: int) -> Sequences:
    """What is said at each step of no sequences at all: `[time, width]` of none."""
    return Sequences(np.zeros((0, width), np.float32), [0])


# -- layers -------------------------------------------------------------------------------------


def layers_by_name(network: Network) -> dict[str, Layer]:
    """Every layer, those inside other layers too, in their order."""
    return network.layers


def observe(network: Network, layer: Layer, x: Padded) -> tuple[Any, Any]:
    """Run a batch through the network and return what went into a layer and what came out."""
    seen: list[tuple[Any, Any]] = []
    hook = layer.register_forward_hook(lambda _, given, came: seen.append((given[0], came)))
    signal: Any = x
    *before_head, head = network.chain
    try:
        for link in before_head:
            signal = signal if seen else link(signal)
        if layer is head:
            network(x)
    finally:
        hook.remove()
    return seen[-1]


# -- embed --------------------------------------------------------------------------------------


@torch.no_grad()
def embed(
    learner: Any,
    x: Sequences,
    layer: str,
    how: How = "auto",
    static: Array | None = None,
) -> Array | Sequences:
    """Return what a layer says: `[n, feature]`, or `Sequences` `[time, feature]` for "every".

    See `SequenceClassifier.embed`; `static` is scaled.
    """
    network = learner.network_
    found = network.layer(layer)
    _check_how(network, found, how)
    width = found.shape.features * found.shape.directions
    if how == "every":
        if len(x) == 0:
            return no_steps(width)
        return per_step(learner, x, lambda b: _joined(observe(network, found, b)[1]))
    rows: list[Any] = [None] * len(x)

    def work(index: Array, batch: Padded) -> None:
        values = _whole(network, found, observe(network, found, batch)[1], how).cpu().numpy()
        for i, row in zip(index, values, strict=True):
            rows[i] = row

    run(learner, x, work, static)
    return np.stack(rows) if rows else np.zeros((0, width), np.float32)


def _check_how(network: Network, layer: Layer, how: str) -> None:
    if how not in ("auto", "last", "mean", "every"):
        raise OptionError(f"`how` is {how!r}; expected auto, last, mean or every.")
    if how == "every" and not layer.shape.sequence:
        names = [name for name, one in layers_by_name(network).items() if one.shape.sequence]
        raise OptionError(
            f"{layer.name} says one thing of each sequence, {layer.shape}, so how='every' has no "
            f"steps to give. Layers that have: {', '.join(names) or 'none'}."
        )
    if how == "last" and layer.shape.sequence and not _sees_all_at_the_end(network, layer):
        raise OptionError(
            f"how='last' of {layer.name}: a layer up to there is not causal, so the last step has "
            "not seen more than the others (a backward direction has seen that step only). "
            "Take how='mean'."
        )


def _sees_all_at_the_end(network: Network, layer: Layer) -> bool:
    """Whether the output at the last step is of the whole sequence."""
    if layer.sees_whole is not None:
        return layer.sees_whole
    for link in network.chain:
        if not link.causal:
            return False
        if layer in link.modules():
            return True
    return False


def _whole(network: Network, layer: Layer, signal: Any, how: How) -> Tensor:
    """`[batch, feature]` of a layer's output."""
    if not layer.shape.sequence:
        return torch.cat(signal, dim=-1) if isinstance(signal, Directions) else signal
    if how == "mean" or not _sees_all_at_the_end(network, layer):
        return _mean(_joined(signal))
    return layer.last_output(_joined(signal))


def _mean(signal: Padded) -> Tensor:
    values = torch.where(signal.mask()[:, :, None], signal.values, 0)
    return values.sum(1) / signal.lengths[:, None]


def _joined(signal: Any) -> Padded:
    """One signal, also of a layer that keeps its two directions apart."""
    if not isinstance(signal, Directions):
        assert isinstance(signal, Padded)
        return signal
    values = torch.cat([signal.forward.values, signal.backward.values], dim=-1)
    return Padded(values, signal.forward.lengths)
