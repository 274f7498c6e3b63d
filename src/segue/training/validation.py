"""The loop over batches without gradients, on the module of PyTorch that is trained.

Validation, explanations, the scores of trials and cached activations go through `run_batches`;
predictions of a fitted network through `segue.training.inference`, which needs no PyTorch.

Activations of first layers with fixed weights are cached: computed once for all epochs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import takewhile
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segue.data.sequences import Array, Sequences
from segue.kernels.threads import choose_threads, threads, usable_threads
from segue.modules import Layer, Padded
from segue.modules.network import PartialInput, TorchNetwork
from segue.prepare.batches import Batches
from segue.training.inference import BYTES_AT_ONCE, OUTPUTS_AT_ONCE, STEPS_AT_ONCE
from segue.training.objectives import Objective, RunningMetrics
from segue.training.setup import Gathered, TrainingData, TrainingSetup


@torch.no_grad()
def run_batches(
    network: TorchNetwork,
    batches: Gathered | None,
    function: Callable[[Array, Any], None],
    thread_count: int | None = None,
) -> None:
    """Call a function with every batch, from short sequences to long ones, without gradients.

    PyTorch has the number of threads that suits the batches while this runs, and no longer: it is
    no generator, which would leave that to whoever holds it.

    Args:
        network: that of the function; the number of its outputs limits the size of a batch.
        batches: the prepared sequences; `None`: there are none.
        function: gets the indices `[batch]` of the members of each batch, and the batch.
        thread_count: of PyTorch; `None`: what suits the network and the batches.
    """
    if batches is None:
        return
    longest = int(batches.lengths.max())
    needed = 4 * sum(network.numbers_at_once(longest).values())
    steps = min(STEPS_AT_ONCE, max(1, OUTPUTS_AT_ONCE // network.chain.shape.features))
    if needed * min(len(batches), steps) > BYTES_AT_ONCE:  # windows longer than the sequences
        shortest = int(batches.lengths.min())
        least = 4 * sum(network.numbers_at_once(shortest).values())
        steps = min(steps, shortest * (BYTES_AT_ONCE // least))
    size = min(len(batches), steps // longest + 1)
    with threads(thread_count or choose_threads(network, size)):
        for index, x in batches.in_order(steps):
            function(index, x)


def map_steps(
    network: TorchNetwork,
    batches: Gathered | None,
    function: Callable[[Any], Padded],
    width: int,
    thread_count: int | None = None,
) -> Sequences:
    """Apply a function to every batch; the real steps of what it returns, `[time, width]` each."""
    if batches is None:
        return Sequences(np.zeros((0, width), np.float32), [0])
    rows: list[Any] = [None] * len(batches)

    def keep(index: Array, x: Any) -> None:
        signal = function(x)
        lengths = signal.lengths.tolist()
        for i, values, length in zip(index, signal.values.cpu().numpy(), lengths, strict=True):
            rows[i] = values[:length]

    run_batches(network, batches, keep, thread_count)
    return Sequences.from_list(rows)


def measure(
    network: TorchNetwork, data: TrainingData, objective: Objective, thread_count: int | None = None
) -> RunningMetrics:
    """Loss and score of a network on sequences with their targets."""
    means = RunningMetrics(objective)

    def add(index: Array, x: Any) -> None:
        outputs, targets = network(x), data.gather_targets(index)
        losses = objective.losses(outputs, targets)
        means.add(objective.sums(outputs, targets, losses, None))

    run_batches(network, data.batches, add, thread_count)
    return means


def capture_activations(network: TorchNetwork, layer: Layer, x: Padded) -> tuple[Any, Any]:
    """The input and the output of a layer for a batch; layers behind it are not computed."""
    captured: list[tuple[Any, Any]] = []
    hook = layer.register_forward_hook(lambda _, given, came: captured.append((given[0], came)))
    signal: Any = x
    *before_head, head = network.chain
    try:
        for link in before_head:
            signal = signal if captured else link(signal)
        if layer is head:
            network(x)
    finally:
        hook.remove()
    return captured[-1]


_MOST_BYTES = 2**30  # of what is kept; more is computed anew each time


def cache_fixed_layers(job: TrainingSetup, network: TorchNetwork) -> TrainingSetup:
    """Let the job of a network begin behind the layers that training leaves as they are.

    Only where they end the sequence, where every epoch sees the same sequences, and where what they
    put out is not too much to be kept. The same weights come of it, up to rounding.
    """
    passed = fixed_layers(network)
    if not passed or job.train.augmenter is not None or job.options.truncate is not None:
        return job
    shape = network.chain[passed - 1].shape
    parts = [part for part in (job.train, job.validation) if part is not None]
    if shape.sequence or 4 * shape.features * sum(len(p.batches) for p in parts) > _MOST_BYTES:
        return job
    if isinstance(job.train.batches, CachedActivations):  # they are passed already
        return job
    validation = None if job.validation is None else _passed(job.validation, network, passed)
    return replace(job, train=_passed(job.train, network, passed), validation=validation)


def fixed_layers(network: TorchNetwork) -> int:
    """Return how many layers at the beginning have the same outputs in every epoch."""
    return sum(1 for _ in takewhile(lambda layer: layer.is_fixed, network.chain.layers))


def _passed(examples: TrainingData, network: TorchNetwork, passed: int) -> TrainingData:
    assert isinstance(examples.batches, Batches)
    return replace(examples, batches=CachedActivations(examples.batches, network, passed))


class CachedActivations:
    """Like `Batches`, of signals that have gone through the first layers of a network.

    Args:
        batches: the sequences.
        network: it begins with the layers.
        passed: how many of them.

    Attributes:
        lengths: `[n]`, of the sequences.
    """

    def __init__(self, batches: Batches, network: TorchNetwork, passed: int) -> None:
        self.lengths, self.device = batches.lengths, batches.device
        self.passed = passed
        features = network.chain[passed - 1].shape.features
        self._signal = torch.empty(len(batches), features, device=batches.device)
        self._static: Tensor | None = None

        def keep(index: Array, x: Any) -> None:
            chosen, signal = torch.from_numpy(index), x
            for layer in network.chain[:passed]:
                signal = layer(signal)
            self._signal[chosen] = signal
            if x.static is not None:
                if self._static is None:
                    self._static = x.static.new_empty(len(self), x.static.shape[1])
                self._static[chosen] = x.static

        run_batches(network, batches, keep, usable_threads())

    def __len__(self) -> int:
        return len(self.lengths)

    def gather(self, index: Array) -> PartialInput:
        """The chosen signals `[batch, feature]`."""
        chosen = torch.from_numpy(index)
        static = None if self._static is None else self._static[chosen]
        return PartialInput(self._signal[chosen], self.passed, static)

    def in_order(self, steps: int) -> Iterator[tuple[Array, PartialInput]]:
        """All signals once, in their order."""
        size = max(1, steps // 16)
        for first in range(0, len(self), size):
            index = np.arange(first, min(first + size, len(self)))
            yield index, self.gather(index)
