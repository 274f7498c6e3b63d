"""What layers say that training does not change: asked once, not in every epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segue.networks import Network, PartialInput
from segue.prepare.batches import Batches
from segue.sequences import Array
from segue.training.setup import TrainingData, TrainingSetup

_MOST_BYTES = 2**30  # of what is kept; more is computed anew each time
_STEPS = 20_000  # with padding, in one batch


def cache_fixed_layers(job: TrainingSetup) -> TrainingSetup:
    """Let the job begin behind the layers that training leaves as they are.

    Only where they end the sequence, where every epoch sees the same sequences, and where what they
    say is not too much to be kept. The same weights come of it, up to rounding.
    """
    passed = fixed_layers(job.network)
    if not passed or job.augmenter is not None or job.options.truncate is not None:
        return job
    shape = job.network.chain[passed - 1].shape
    parts = [part for part in (job.train, job.validation) if part is not None]
    if shape.sequence or 4 * shape.features * sum(len(p.batches) for p in parts) > _MOST_BYTES:
        return job
    validation = None if job.validation is None else _passed(job.validation, job.network, passed)
    return replace(job, train=_passed(job.train, job.network, passed), validation=validation)


def fixed_layers(network: Network) -> int:
    """Return how many layers at the beginning say the same in every epoch."""
    return sum(1 for _ in takewhile(lambda layer: layer.is_fixed, network.chain))


def _passed(examples: TrainingData, network: Network, passed: int) -> TrainingData:
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

    def __init__(self, batches: Batches, network: Network, passed: int) -> None:
        self.lengths = batches.lengths
        self.passed = passed
        features = network.chain[passed - 1].shape.features
        self._signal = torch.empty(len(batches), features, device=batches.device)
        self._static: Tensor | None = None
        with torch.no_grad():
            for index, x in batches.in_order(_STEPS):
                signal: Any = x
                for layer in network.chain[:passed]:
                    signal = layer(signal)
                self._signal[torch.from_numpy(index)] = signal
                self._keep_static(index, x.static)

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

    def _keep_static(self, index: Array, static: Tensor | None) -> None:
        if static is None:
            return
        if self._static is None:
            self._static = static.new_empty(len(self), static.shape[1])
        self._static[torch.from_numpy(index)] = static
