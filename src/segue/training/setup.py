"""The fixed setup of a training: network, data, targets, objective, options, hardware."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import platform
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from segue.data.encoding import NO_LABEL
from segue.data.sequences import Array
from segue.errors import NotCausalError, OptionError, did_you_mean
from segue.extras import require
from segue.networks import Network
from segue.prepare.batches import length_buckets
from segue.randomness import numpy_generator
from segue.training.objectives import Objective
from segue.training.options import TrainingOptions

if TYPE_CHECKING:
    from torch import Tensor

    from segue.prepare.padded import Augmenter

Index = npt.NDArray[np.int64]

AUTO_UPDATES, LEAST_EPOCHS, MOST_EPOCHS = 1000, 10, 300


class Targets(Protocol):
    """Targets by the index of their sequence."""

    def __len__(self) -> int:
        """The number of sequences."""

    def gather(self, index: Index) -> Array:
        """The targets of the chosen sequences, `[batch, ...]`."""

    def ragged(self, index: Index | None = None) -> Array:
        """The same without padding, `[n, ...]` or `[total_steps]`; without `index` all of them."""


@dataclass(frozen=True)
class SequenceTargets:
    """One target for a sequence.

    Attributes:
        values: `[n]` class numbers, or `[n, value]`.
    """

    values: Array

    def __len__(self) -> int:
        return len(self.values)

    def gather(self, index: Index) -> Array:
        """The targets of the sequences of these numbers."""
        return self.values[index]

    def ragged(self, index: Index | None = None) -> Array:
        """The targets as they are, without a copy where it is all of them."""
        return self.values if index is None else self.values[index]


class StepTargets:
    """One target for each step, a class number; or one weight.

    Args:
        values: `[total_steps]`, one sequence after the other.
        lengths: `[n]`.
        padding: the value behind each end.
    """

    def __init__(self, values: npt.NDArray[Any], lengths: Index, padding: float = NO_LABEL) -> None:
        self.values = values
        self.padding = padding
        self.lengths = np.asarray(lengths)
        self.starts = np.cumsum(self.lengths) - self.lengths

    def __len__(self) -> int:
        return len(self.lengths)

    def gather(self, index: Index) -> Array:
        """The targets at the steps of these sequences, `[batch, time]`, padded on the right."""
        starts, lengths = self.starts[index, None], self.lengths[index, None]
        time = np.arange(int(lengths.max()))
        real = time < lengths
        values = self.values[np.where(real, starts + time, 0)]
        values[~real] = self.padding
        return values

    def ragged(self, index: Index | None = None) -> Array:
        """The targets at the steps of these sequences, `[total_steps]`, one after the other."""
        if index is None:
            return self.values
        first, lengths = self.starts[index], self.lengths[index]
        before = np.cumsum(lengths) - lengths
        steps = np.arange(int(lengths.sum())) + np.repeat(first - before, lengths)
        values: Array = self.values[steps]
        return values


Update = Sequence[tuple[int, Index]]


class Batch(NamedTuple):
    """Sequences of one pass, their targets, and how much each of these counts, as tensors."""

    x: Any  # Padded; PartialInput, where the outputs of the first layers are cached
    targets: Tensor  # [batch, ...], or [batch, time, ...] for one at every step
    weights: Tensor | None  # likewise; None: all the same


class Gathered(Protocol):
    """The source of batches: `Batches`, or cached activations of the first layers."""

    @property
    def device(self) -> str:
        """Where PyTorch has them."""

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
        targets: their targets, by the same index.
        weights: how much each target counts, 1 on average; `None`: all the same.
        augmenter: changes sequences in training; `None`: they are seen as they are.
    """

    batches: Gathered
    targets: Targets
    weights: Targets | None = None
    augmenter: Augmenter | None = None

    def gather(self, index: Index, epoch: int | None = None) -> Batch:
        """The chosen sequences, their targets and their weights; augmented as in an epoch.

        All of them are tensors of PyTorch.
        """
        weights = None if self.weights is None else self._tensor(self.weights, index)
        batch = Batch(self.batches.gather(index), self.gather_targets(index), weights)
        if self.augmenter is None or epoch is None:
            return batch
        x, origin = self.augmenter.apply(batch.x, index, epoch)
        x = x._replace(static=batch.x.static)
        if origin is None or not isinstance(self.targets, StepTargets):
            return batch._replace(x=x)
        weights = None if weights is None else _moved(weights, origin, 0)
        return Batch(x, _moved(batch.targets, origin, NO_LABEL), weights)

    def count(self, index: Index) -> int:
        """How many targets the chosen sequences have."""
        if not isinstance(self.targets, StepTargets):
            return len(index)
        return int((self.targets.ragged(index) != NO_LABEL).sum())

    def gather_targets(self, index: Index) -> Tensor:
        """The targets of the chosen sequences, as a tensor of PyTorch."""
        return self._tensor(self.targets, index)

    def _tensor(self, targets: Targets, index: Index) -> Tensor:
        import torch

        return torch.from_numpy(targets.gather(index)).to(self.batches.device)


@dataclass(frozen=True)
class TrainingSetup:
    """All that a training depends on; it does not change while the training runs.

    Attributes:
        network: its weights are trained, without those of the layers in `options.frozen`.
        train: the training part.
        validation: the validation part; `None`: there is none.
        objective: loss and score.
        epochs: at most.
        batch_size: sequences in one pass; `options.accumulate` passes make an update.
        learning_rate: the highest of the schedule.
        seed: of the order of the batches, and of all other draws.
        options: the rest.
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
    rates: tuple[float, ...] = ()

    def updates(self, epoch: int) -> list[Update]:
        """The updates of an epoch, each with the numbers of its batches and their sequences."""
        shuffle = numpy_generator(self.seed, "shuffle", epoch)
        lengths, size = self.train.batches.lengths, self.options.accumulate
        batches = list(enumerate(length_buckets(lengths, self.batch_size, shuffle)))
        return [batches[first : first + size] for first in range(0, len(batches), size)]


def _moved(values: Tensor, origin: Tensor, padding: float) -> Tensor:
    """`[batch, time]` targets after the steps have moved: each comes from the step of its origin.

    Args:
        values: `[batch, time before]`.
        origin: `[batch, time]`, -1 behind each end.
        padding: what stands there.
    """
    import torch

    return torch.where(origin >= 0, values.gather(1, origin.clamp(min=0)), padding)


def check_carries_state(network: Network, steps: int) -> None:
    """Raise `NotCausalError` that names the layer for which pieces of a sequence are not enough."""
    try:
        network.chain.initial_state(1)
    except NotCausalError as error:
        raise NotCausalError(
            f"truncate={steps} sends sequences through the network in pieces, and {error} "
            "Use truncate=None for this network."
        ) from error


def check_frozen(network: Network, frozen: Collection[str]) -> None:
    """Raise `OptionError` where a layer to be frozen is not there, or nothing is left to learn."""
    layers = network.layers
    strange = [name for name in frozen if name not in layers]
    if strange:
        near = did_you_mean(strange[0], layers)
        raise OptionError(f"`frozen` names {', '.join(strange)}, and there is no such layer.{near}")
    if frozen and not trained_weights(network, frozen):
        raise OptionError("`frozen` names every layer that has weights: nothing is left to learn.")


def trained_weights(network: Network, frozen: Collection[str] = ()) -> list[str]:
    """The names of the weights that are trained, in their order.

    Args:
        network: the network.
        frozen: names of layers that are not trained, nor what is inside them.
    """
    fixed = {f"{layer.name}/{part}" for layer in network.layers.values() for part in layer.fixed}
    below = tuple(f"{name}/" for name in frozen)
    names = (name for name in network.get_weights() if name not in fixed)
    return [name for name in names if not name.startswith(below)]


def choose_epochs(count: int, batch_size: int) -> int:
    """As many as make about a thousand updates: small data sets are seen often, large ones less.

    >>> choose_epochs(200, 32), choose_epochs(20, 32), choose_epochs(55_000, 32)
    (143, 300, 10)
    """
    updates = -(-count // batch_size)
    return min(MOST_EPOCHS, max(LEAST_EPOCHS, round(AUTO_UPDATES / updates)))


def choose_device(device: str) -> str:
    """The device of a name; "auto" is the graphics processor if PyTorch sees one.

    PyTorch is not asked, nor imported, for "cpu", and for "auto" where no driver is installed.

    Raises:
        OptionError: another name, or a device that is not there.

    >>> choose_device("cpu")
    'cpu'
    """
    if device == "cpu" or (device == "auto" and not _has_driver()):
        return "cpu"
    torch = require("torch")
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise OptionError(f"`device` is {device!r}; expected auto, cpu, cuda or mps.") from error
    try:
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = re.split(r"\.\s|\n", str(error))[0]
        raise OptionError(
            f"`device` is {device!r}, and PyTorch has none here ({reason}): "
            "take device='cpu' or 'auto'."
        ) from error
    return device


@functools.cache
def _has_driver() -> bool:
    """Whether there is a driver of a graphics processor, of Nvidia or AMD, without which none is.

    A missing driver is known in microseconds; PyTorch takes a second to say so.
    """
    if Path("/dev/kfd").exists():
        return True
    for library in ("nvcuda.dll",) if sys.platform == "win32" else ("libcuda.so.1", "libcuda.so"):
        with contextlib.suppress(OSError):
            ctypes.CDLL(library)
            return True
    return False


@functools.cache
def processor() -> str:
    """The name of the processor, as the system has it."""
    with contextlib.suppress(OSError), Path("/proc/cpuinfo").open(encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
