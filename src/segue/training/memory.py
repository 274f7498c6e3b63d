"""How much memory a training takes.

That of a training is measured: the gradients of a few short sequences are computed, and every
tensor that PyTorch allocates, and every node of the graph, is counted while it lives. From two
batches of each of three lengths follows what batches of any size and length take, for all layers
alike, those of the user too.

`SEGUE_MEMORY_GB` in the environment replaces what is free as the limit.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from segue.errors import SegueError
from segue.prepare.padded import Padded
from segue.randomness import Draws
from segue.training.objectives import RunningMetrics
from segue.training.setup import Batch, TrainingSetup

LENGTHS = (128, 256, 512)  # of the sequences that are measured, where they are longer
SEQUENCES = (2, 4)

# What PyTorch allocates besides tensors. Its LSTM writes a part of its workspace only, and takes as
# much as another part of it while it computes gradients. Each function that the forward pass calls
# leaves a node of the graph, with what describes its tensors: 770 to 850 bytes.
_WORKSPACE, _SCRATCH, _NODE = 0.27, 0.65, 820
# Of what is freed, the C library cannot use all again: aligned pieces need larger holes.
_HOLES = 1.15


class Measured(Protocol):
    """Protocol of what computes gradients, a `TorchTrainer`."""

    job: TrainingSetup

    @property
    def network(self) -> nn.Module:
        """Whose gradients they are."""

    @property
    def trained(self) -> Mapping[str, nn.Parameter]:
        """The weights that are trained."""

    def gradients_of(self, batches: Sequence[tuple[Draws, Batch]], means: RunningMetrics) -> Any:
        """Set the gradient of each weight that is trained."""


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of all tensors and nodes of the graph that are allocated within it.

    Attributes:
        peak: the most at once.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = self.peak = 0.0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name
        found = func(*args, **(kwargs or {}))
        if torch.is_grad_enabled():  # the forward pass; nodes are there until the loss is forgotten
            self.live += _NODE
        for tensor in filter(_is_tensor, tree_leaves(found)):
            self._count(tensor)
        # Scratch memory, which is gone when the function returns.
        if "mkldnn_rnn_layer_backward" in name:
            workspace = max(t.nbytes for t in tree_leaves(args) if _is_tensor(t) and _is_bytes(t))
            self.peak = max(self.peak, self.live + _SCRATCH * workspace)
        if "convolution" in name:  # its output in another order
            copies = sum(tensor.nbytes for tensor in tree_leaves(found) if _is_tensor(tensor))
            self.peak = max(self.peak, self.live + copies)
        return found

    def _count(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage._cdata in self._known:
            return
        size = storage.nbytes() * (_WORKSPACE if _is_bytes(tensor) else 1.0)
        self._known.add(storage._cdata)
        self.live += size
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._forget, storage._cdata, size)

    def _forget(self, key: int, size: float) -> None:
        self._known.discard(key)
        self.live -= size


def _is_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor)


def _is_bytes(tensor: torch.Tensor) -> bool:
    """Whether this is a workspace, whose content is PyTorch's own affair."""
    return tensor.dtype == torch.uint8


def measured_bytes(trainer: Measured, longest: int) -> tuple[float, float]:
    """The memory of an update whatever the batch, and what each sequence of it adds.

    Args:
        trainer: of the training; its weights are not changed.
        longest: steps of the longest.
    """
    lengths = [longest] if longest <= LENGTHS[-1] else list(LENGTHS)
    try:
        peaks = _peaks(trainer, lengths)
    except SegueError:  # the network takes one length only
        lengths = [longest]
        peaks = _peaks(trainer, lengths)
    each = (peaks[:, 1] - peaks[:, 0]) / (SEQUENCES[1] - SEQUENCES[0])
    constants = peaks[:, 0] - SEQUENCES[0] * each
    rise = np.polyfit(lengths, constants, min(1, len(lengths) - 1))  # the graph has nodes each step
    growth = np.polyfit(lengths, each, len(lengths) - 1)
    if len(lengths) > 1 and growth[0] <= 0:  # not with the square of the steps
        growth = np.polyfit(lengths, each, 1)
    return max(0.0, float(np.polyval(rise, longest))), float(np.polyval(growth, longest))


def _peaks(trainer: Measured, lengths: list[int]) -> npt.NDArray[np.float64]:
    """`[length, count]`, the peaks of updates with so many sequences of each length."""
    first = trainer.job.train.gather(np.zeros(1, np.int64))
    peaks = [[_peak(trainer, first, count, length) for count in SEQUENCES] for length in lengths]
    return np.array(peaks)


def _peak(trainer: Measured, first: Batch, count: int, length: int) -> float:
    """The peak of one update; the first step of one sequence is repeated."""

    def repeated(tensor: Any, *, per_step: bool) -> Any:
        if tensor is None:
            return None
        size = (count, length) if per_step else (count,)
        start = tensor[:, :1] if per_step else tensor
        return start.expand(*size, *start.shape[len(size) :]).contiguous()

    job, x = trainer.job, first.x
    static = repeated(x.static, per_step=False)
    if isinstance(x, Padded):
        lengths = torch.full((count,), length, device=x.lengths.device)
        if len(np.unique(job.train.batches.lengths)) > 1:  # then there are masks
            lengths[1:] = max(1, length - 1)
        x = Padded(repeated(x.values, per_step=True), lengths, static)
    else:  # the outputs of the first layers, which are computed once
        x = x._replace(signal=repeated(x.signal, per_step=False), static=static)
    targets = repeated(first.targets, per_step=job.objective.every)
    batch = Batch(x, targets, repeated(first.weights, per_step=job.objective.every))
    before = {name: buffer.clone() for name, buffer in trainer.network.named_buffers()}
    with LiveBytes() as counter:
        trainer.gradients_of([(Draws(job.seed), batch)], RunningMetrics(job.objective))
    for weight in trainer.trained.values():
        weight.grad = None
    for name, buffer in trainer.network.named_buffers():  # such as moving averages
        buffer.copy_(before[name])
    return _HOLES * float(counter.peak)
