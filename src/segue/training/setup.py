"""What a training is told, and that does not change while it runs."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from segue.encoding import NO_LABEL
from segue.networks import Network
from segue.prepare.batches import Augmenter, length_buckets
from segue.randomness import numpy_generator
from segue.sequences import Array
from segue.training.objectives import Objective
from segue.training.options import TrainingOptions
from segue.training.targets import Index, Targets

Update = Sequence[tuple[int, Index]]


class Batch(NamedTuple):
    """Sequences of one pass, their targets, and how much each of these counts."""

    x: Any  # Padded; PartialInput, where the outputs of the first layers are cached
    targets: Tensor  # [batch, ...], or [batch, time, ...] for one at every step
    weights: Tensor | None  # likewise; None: all the same


class Gathered(Protocol):
    """What batches come from: `Batches`, or what the first layers have said of them."""

    @property
    def lengths(self) -> Array:
        """`[n]`, of the sequences as the network sees them."""

    def gather(self, index: Array) -> Any:
        """The chosen ones, as the network takes them."""

    def in_order(self, steps: int) -> Iterator[tuple[Array, Any]]:
        """All batches once, each of at most about so many steps."""

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class TrainingData:
    """Prepared sequences with their targets.

    Attributes:
        batches: the sequences.
        targets: their answers, by the same index.
        weights: how much each answer counts, 1 on average; `None`: all the same.
    """

    batches: Gathered
    targets: Targets
    weights: Targets | None = None

    def gather(self, index: Index) -> Batch:
        """The chosen sequences, their answers and their weights."""
        weights = None if self.weights is None else self.weights.gather(index)
        return Batch(self.batches.gather(index), self.targets.gather(index), weights)


@dataclass(frozen=True)
class TrainingSetup:
    """All that a training is told.

    Attributes:
        network: its weights are trained, unless their `requires_grad` is off.
        train: what is learnt from.
        validation: what is watched; `None`: nothing.
        objective: what the outputs mean.
        epochs: at most.
        batch_size: sequences in one pass; `options.accumulate` passes make an update.
        learning_rate: the highest of the schedule.
        seed: of the order of the batches, and of all other draws.
        options: the rest.
        augmenter: changes sequences in training; `None`: they are seen as they are.
        rates: the learning rate of each epoch, in place of the schedule's.
    """

    network: Network
    train: TrainingData
    validation: TrainingData | None
    objective: Objective
    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    options: TrainingOptions
    augmenter: Augmenter | None = None
    rates: tuple[float, ...] = ()

    @functools.cached_property
    def trained(self) -> list[nn.Parameter]:
        """The weights that are trained, without those of frozen layers."""
        return [weight for weight in self.network.parameters() if weight.requires_grad]

    def updates(self, epoch: int) -> list[Update]:
        """The updates of an epoch, each with the numbers of its batches and their sequences."""
        shuffle = numpy_generator(self.seed, "shuffle", epoch)
        lengths, size = self.train.batches.lengths, self.options.accumulate
        batches = list(enumerate(length_buckets(lengths, self.batch_size, shuffle)))
        return [batches[first : first + size] for first in range(0, len(batches), size)]

    def batch(self, index: Index, epoch: int) -> Batch:
        """Training sequences as they are seen in an epoch."""
        batch = self.train.gather(index)
        if self.augmenter is None:
            return batch
        x, origin = self.augmenter.apply(batch.x, index, epoch)
        x = x._replace(static=batch.x.static)
        if origin is None or not self.objective.every:
            return batch._replace(x=x)
        weights = None if batch.weights is None else _moved(batch.weights, origin, 0)
        return Batch(x, _moved(batch.targets, origin, NO_LABEL), weights)


def _moved(values: Tensor, origin: Tensor, padding: float) -> Tensor:
    """`[batch, time]` answers after the steps have moved: each comes from the step of its origin.

    Args:
        values: `[batch, time before]`.
        origin: `[batch, time]`, -1 behind each end.
        padding: what stands there.
    """
    return torch.where(origin >= 0, values.gather(1, origin.clamp(min=0)), padding)
