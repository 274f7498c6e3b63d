"""Caching of the activations of first layers with fixed weights: computed once for all epochs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segue.data.sequences import Array
from segue.kernels.threads import usable_threads
from segue.networks import Network, PartialInput
from segue.prepare.batches import Batches
from segue.training.inference import predict_batches
from segue.training.setup import TrainingData, TrainingSetup

_MOST_BYTES = 2**30  # of what is kept; more is computed anew each time


def cache_fixed_layers(job: TrainingSetup) -> TrainingSetup:
    """Let the job begin behind the layers that training leaves as they are.

    Only where they end the sequence, where every epoch sees the same sequences, and where what they
    put out is not too much to be kept. The same weights come of it, up to rounding.
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
    """Return how many layers at the beginning have the same outputs in every epoch."""
    return sum(1 for _ in takewhile(lambda layer: layer.is_fixed, network.chain.layers))


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

        def keep(index: Array, x: Any) -> None:
            chosen, signal = torch.from_numpy(index), x
            for layer in network.chain[:passed]:
                signal = layer(signal)
            self._signal[chosen] = signal
            if x.static is not None:
                if self._static is None:
                    self._static = x.static.new_empty(len(self), x.static.shape[1])
                self._static[chosen] = x.static

        predict_batches(network, batches, keep, usable_threads())

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
