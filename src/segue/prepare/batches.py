"""Right-padded batches from length buckets.

Data in memory is prepared once and stays as one tensor; a mapped data set is gathered and prepared
batch by batch. Both answer `gather(index)`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from segue.padded import Padded
from segue.prepare.pipeline import Preparation
from segue.sequences import Array, Sequences

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
    if generator is None:
        order = np.argsort(lengths, kind="stable")
        return [order[i : i + batch_size] for i in range(0, count, batch_size)]
    order = generator.permutation(count)
    if lengths.min() == lengths.max():
        return [order[i : i + batch_size] for i in range(0, count, batch_size)]
    batches = []
    pool = batch_size * _BATCHES_IN_A_POOL
    for first in range(0, count, pool):
        members = order[first : first + pool]
        members = members[np.argsort(lengths[members], kind="stable")]
        batches += [members[i : i + batch_size] for i in range(0, len(members), batch_size)]
    return [batches[i] for i in generator.permutation(len(batches))]


class Batches:
    """Prepared sequences, by index.

    Args:
        x: the sequences as they came.
        preparation: fitted.
        device: where the batches are wanted.
        static: `[n, feature]` float32, scaled; `None` for none.

    Attributes:
        lengths: `[n]`, as the network sees them.
    """

    def __init__(
        self,
        x: Sequences,
        preparation: Preparation,
        device: torch.device | str = "cpu",
        static: Array | None = None,
    ) -> None:
        preparation.check(x)
        self.device = torch.device(device)
        self._static = None if static is None else torch.from_numpy(static).to(self.device)
        self._source = x
        self._preparation = preparation
        self.lengths: Array = preparation.lengths(x.lengths)
        self._values: Tensor | None = None
        if not x.is_mapped:
            values, self.lengths = _prepared(x, preparation, self.lengths)
            self._values = torch.from_numpy(values).to(self.device)
            self._starts = torch.from_numpy(np.cumsum(self.lengths) - self.lengths).to(self.device)
            self._lengths = torch.from_numpy(self.lengths.copy()).to(self.device)

    def __len__(self) -> int:
        return len(self.lengths)

    def gather(self, index: Array) -> Padded:
        """The chosen sequences as `[batch, longest of them, channel]`, zeros behind each end."""
        chosen = torch.from_numpy(np.asarray(index)).to(self.device)
        if self._values is None:
            x = self._read(index)
        else:
            x = _pad(self._values, self._starts[chosen], self._lengths[chosen])
        return x if self._static is None else x._replace(static=self._static[chosen])

    def _read(self, index: Array) -> Padded:
        index = np.asarray(index)
        values, lengths = self._preparation.apply_ragged(self._source.gather(index))
        starts = torch.from_numpy(np.cumsum(lengths) - lengths)
        padded = _pad(torch.from_numpy(values), starts, torch.from_numpy(lengths))
        return Padded(padded.values.to(self.device), padded.lengths.to(self.device))

    def in_order(self, steps: int) -> Iterator[tuple[Array, Padded]]:
        """All batches once, from short to long, each of at most about `steps` steps of padding."""
        order = np.argsort(self.lengths, kind="stable")
        first = 0
        while first < len(order):
            last = first + 1
            while last < len(order) and (last + 1 - first) * self.lengths[order[last]] <= steps:
                last += 1
            yield order[first:last], self.gather(order[first:last])
            first = last


def _prepared(x: Sequences, preparation: Preparation, lengths: Array) -> tuple[Array, Array]:
    """All values, in an array of their own, and their lengths.

    Block by block into their place: steps make arrays several times as large as what they are
    given, which must not be all of the data.
    """
    if preparation.vocabulary is not None:  # a text does not tell its number of tokens
        values, lengths = preparation.apply_ragged((x.values, x.lengths))
        return values if values.flags.writeable else values.copy(), lengths
    done = np.empty((0, preparation.channels_out), np.float32)
    at = 0
    for block in x.blocks():
        values, _ = preparation.apply_ragged((block.values, block.lengths))
        if at == 0:
            done = np.empty((int(lengths.sum()), values.shape[1]), values.dtype)
        done[at : at + len(values)] = values
        at += len(values)
    return done, lengths


def _pad(values: Tensor, starts: Tensor, lengths: Tensor) -> Padded:
    longest = int(lengths.max())
    time = torch.arange(longest, device=values.device)
    index = starts[:, None] + time
    if bool((lengths == longest).all()):
        return Padded(values[index], lengths)
    real = time < lengths[:, None]
    padded = values[torch.where(real, index, 0)]
    return Padded(torch.where(real[:, :, None], padded, 0), lengths)
