"""Prepared sequences and the batches of an epoch, from length buckets.

Data in memory is prepared once and stays as one array; a mapped data set is gathered and prepared
batch by batch.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from segue.data.sequences import Array, Sequences
from segue.prepare.pipeline import Preparation

if TYPE_CHECKING:
    from segue.prepare.padded import Padded

# Sequences of similar length are brought together within so many batches of the shuffled order:
# enough to pad little, few enough to keep the order random.
_BATCHES_IN_A_POOL = 50


def length_buckets(
    lengths: Array, batch_size: int, generator: np.random.Generator | None = None
) -> list[Array]:
    """Cut `[n]` lengths into batches of indices, near lengths together.

    Args:
        lengths: `[n]`.
        batch_size: sequences in a batch; the last of a pool may be smaller.
        generator: shuffles; without one the batches go from short to long.
    """
    count = len(lengths)
    order = np.arange(count) if generator is None else generator.permutation(count)
    if count and lengths.min() == lengths.max():
        return [order[i : i + batch_size] for i in range(0, count, batch_size)]
    pool = max(1, count) if generator is None else batch_size * _BATCHES_IN_A_POOL
    batches = []
    for first in range(0, count, pool):
        members = order[first : first + pool]
        members = members[np.argsort(lengths[members], kind="stable")]
        batches += [members[i : i + batch_size] for i in range(0, len(members), batch_size)]
    if generator is None:
        return batches
    return [batches[i] for i in generator.permutation(len(batches))]


class Batches:
    """Prepared sequences, by index.

    Args:
        x: the sequences as they came.
        preparation: fitted.
        device: where PyTorch has the batches, such as "cpu".
        static: `[n, feature]` float32, scaled; `None` for none.

    Attributes:
        lengths: `[n]`, as the network sees them.
        values: `[total_steps, channel]`, all of them; `None` of a mapped data set.
    """

    def __init__(
        self,
        x: Sequences,
        preparation: Preparation,
        device: str = "cpu",
        static: Array | None = None,
    ) -> None:
        self.device, self.static = str(device), static
        self._source, self._preparation = x, preparation
        self.values: Array | None = None
        preparation.check(x)
        if x.is_mapped:
            self.lengths: Array = preparation.lengths(x.lengths)
        else:
            self.values, self.lengths = preparation.apply_by_blocks(x)

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def is_resident(self) -> bool:
        """Whether the prepared values stay in memory, all of them."""
        return self.values is not None

    def ragged(self, index: Array | None = None) -> tuple[Array, Array]:
        """The chosen sequences, prepared: values `[total_steps, channel]` and lengths `[n]`.

        Without `index` all of those that stay in memory, without a copy.
        """
        if self.values is None:
            return self._preparation.apply_ragged(self._source.gather(np.asarray(index)))
        if index is None:
            return self.values, self.lengths
        lengths = self.lengths[index]
        ends = np.cumsum(lengths)
        starts = np.repeat(self.offsets[:-1][index] - (ends - lengths), lengths)
        return self.values[starts + np.arange(len(starts))], lengths

    @functools.cached_property
    def offsets(self) -> Array:
        """`[n + 1]`, where each sequence begins in `values`, and where the last one ends."""
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(self.lengths, dtype=np.int64)])

    def gather(self, index: Array) -> Padded:
        """The chosen sequences as `[batch, longest of them, channel]`, zeros behind each end.

        They are tensors of PyTorch.
        """
        import torch

        from segue.prepare.padded import Steps

        index = np.asarray(index)
        chosen = torch.from_numpy(index).to(self.device)
        steps, static = self._tensors
        static = None if static is None else static[chosen]
        if steps is None:
            every = torch.arange(len(index), device=self.device)
            return Steps.of(*self.ragged(index), self.device).pad(every, static)
        padded: Padded = steps.pad(chosen, static)
        return padded

    @functools.cached_property
    def _tensors(self) -> tuple[Any, Any]:
        """The steps, of data in memory, and the static features, where PyTorch has them."""
        import torch

        from segue.prepare.padded import Steps

        static = None if self.static is None else torch.from_numpy(self.static).to(self.device)
        if self.values is None:
            return None, static
        return Steps.of(self.values, self.lengths, self.device), static

    def in_order(self, steps: int) -> Iterator[tuple[Array, Padded]]:
        """All batches once, from short to long, each of at most about `steps` steps of padding."""
        for index in in_order(self.lengths, steps):
            yield index, self.gather(index)


def in_order(lengths: Array, steps: int) -> Iterator[Array]:
    """All indices of `[n]` lengths once, from short to long.

    Args:
        lengths: `[n]`.
        steps: about the most of a padded batch.

    >>> [index.tolist() for index in in_order(np.array([4, 1, 2, 1]), 4)]
    [[1, 3], [2], [0]]
    """
    order = np.argsort(lengths, kind="stable")
    first = 0
    while first < len(order):
        last = first + 1
        while last < len(order) and (last + 1 - first) * lengths[order[last]] <= steps:
            last += 1
        yield order[first:last]
        first = last
