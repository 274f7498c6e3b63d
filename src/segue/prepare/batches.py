"""Right-padded batches from length buckets, as torch tensors, and their augmentation in training.

Data in memory is prepared once and stays as one tensor; a mapped data set is gathered and prepared
batch by batch. Both have `gather(index)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from segue.data.sequences import Array, Sequences
from segue.prepare.augmentation import Augmentation, TimeAugmentation, ValueAugmentation
from segue.prepare.pipeline import Preparation
from segue.prepare.steps import MissingIndicator
from segue.randomness import numpy_generator


class Padded(NamedTuple):
    """A right-padded batch of sequences.

    >>> Padded(torch.zeros(2, 3, 1), torch.tensor([3, 1])).mask()
    tensor([[ True,  True,  True],
            [ True, False, False]])
    """

    values: Tensor  # [batch, time, feature], or [batch, time, 1] int32 tokens
    lengths: Tensor  # [batch], int64
    static: Tensor | None = None  # [batch, feature], joined before the head

    def mask(self) -> Tensor:
        """`[batch, time]`, true at real steps."""
        time = torch.arange(self.values.shape[1], device=self.values.device)
        return time < self.lengths[:, None]

    def filled(self, value: float) -> Tensor:
        """The values, with a constant in place of everything beyond `lengths`.

        >>> Padded(torch.ones(2, 2, 1), torch.tensor([2, 1])).filled(0.0)[:, :, 0]
        tensor([[1., 1.],
                [1., 0.]])
        """
        if bool((self.lengths == self.values.shape[1]).all()):
            return self.values
        return torch.where(self.mask()[:, :, None], self.values, value)


Draws = Sequence[Generator]  # one for each sequence of a batch

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
    pool = max(1, count) if generator is None else batch_size * _BATCHES_IN_A_POOL
    batches = []
    for first in range(0, count, pool):
        members = order[first : first + pool]
        members = members[np.argsort(lengths[members], kind="stable")]
        batches += [members[i : i + batch_size] for i in range(0, len(members), batch_size)]
    if generator is None or lengths.min() == lengths.max():
        return batches
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
        self.device = torch.device(device)
        self._static = None if static is None else torch.from_numpy(static).to(self.device)
        self._source, self._preparation = x, preparation
        self._values: Tensor | None = None
        preparation.check(x)
        if x.is_mapped:
            self.lengths: Array = preparation.lengths(x.lengths)
        else:
            values, self.lengths = preparation.apply_by_blocks(x)
            self._values = torch.from_numpy(values).to(self.device)
            self._lengths = torch.from_numpy(self.lengths.copy()).to(self.device)
            self._starts = self._lengths.cumsum(0) - self._lengths

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def is_resident(self) -> bool:
        """Whether the prepared values stay in memory, all of them."""
        return self._values is not None

    def ragged(self, index: Array | None = None) -> tuple[Array, Array]:
        """The chosen sequences, prepared: values `[total_steps, channel]` and lengths `[n]`.

        Without `index` all of those that stay in memory, without a copy.
        """
        if index is None:
            assert self._values is not None
            return self._values.numpy(), self.lengths
        return self._preparation.apply_ragged(self._source.gather(index))

    def gather(self, index: Array) -> Padded:
        """The chosen sequences as `[batch, longest of them, channel]`, zeros behind each end."""
        index = np.asarray(index)
        chosen = torch.from_numpy(index).to(self.device)
        if self._values is None:
            ragged = self._preparation.apply_ragged(self._source.gather(index))
            values, lengths = (torch.from_numpy(array).to(self.device) for array in ragged)
            starts = lengths.cumsum(0) - lengths
        else:
            values, lengths = self._values, self._lengths[chosen]
            starts = self._starts[chosen]
        longest = int(lengths.max())
        time = torch.arange(longest, device=self.device)
        steps = starts[:, None] + time
        if bool((lengths == longest).all()):
            padded = values[steps]
        else:
            real = time < lengths[:, None]
            padded = torch.where(real[:, :, None], values[torch.where(real, steps, 0)], 0)
        static = None if self._static is None else self._static[chosen]
        return Padded(padded, lengths, static)

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


class Augmenter:
    """The augmentations of a preparation, in their order.

    Args:
        preparation: fitted.
        seed: of the draws, each a function of it, the epoch and the sequence.

    >>> import numpy as np
    >>> from segue.data.sequences import Sequences
    >>> preparation = Preparation.fit("crop(0.5)", Sequences.from_list([[1.0, 2.0, 3.0, 4.0]]))
    >>> x = Padded(torch.tensor([[[1.0], [2.0], [3.0], [4.0]]]), torch.tensor([4]))
    >>> cropped, origin = Augmenter(preparation, seed=0).apply(x, np.array([0]), epoch=1)
    >>> cropped.values.flatten(), origin
    (tensor([2., 3.]), tensor([[1, 2]]))
    """

    def __init__(self, preparation: Preparation, seed: int) -> None:
        self.steps = [step for step in preparation.steps if isinstance(step, Augmentation)]
        pairs = zip(preparation.steps, preparation.fitted, strict=True)
        marks = [len(f["expected"]) for step, f in pairs if isinstance(step, MissingIndicator)]
        self.measured = preparation.channels_out - sum(marks)  # the last ones mark missing values
        self.seed = seed

    def apply(self, x: Padded, index: Array, epoch: int) -> tuple[Padded, Tensor | None]:
        """Change a batch.

        Args:
            x: prepared sequences.
            index: `[batch]`, which of the training sequences they are.
            epoch: counted from 1.

        Returns:
            The new batch and, where steps have moved, the old step that each new one is nearest to:
            `[batch, time]`, -1 behind each end.
        """
        origin = None
        for number, step in enumerate(self.steps):
            key = ("augment", number, epoch)
            draws = [numpy_generator(self.seed, *key, int(i)) for i in index]
            if isinstance(step, ValueAugmentation):
                x = self._change(step, x, draws)
            elif isinstance(step, TimeAugmentation):
                x, nearest = self._move(step, x, draws)
                if origin is None:
                    origin = nearest
                else:
                    origin = origin.gather(1, nearest.clamp(min=0)).where(nearest >= 0, -1)
        return x, origin

    def _change(self, step: ValueAugmentation, x: Padded, draws: Draws) -> Padded:
        pairs = zip(x.lengths.tolist(), draws, strict=True)
        changes = [step.change(length, self.measured, own) for length, own in pairs]
        factor, offset = (_stacked(rows, x.values) for rows in zip(*changes, strict=True))
        values = x.values[:, :, : self.measured] * factor + offset
        values = torch.cat([values, x.values[:, :, self.measured :]], dim=2)
        return x._replace(values=x._replace(values=values).filled(0.0))

    def _move(self, step: TimeAugmentation, x: Padded, draws: Draws) -> tuple[Padded, Tensor]:
        device, lengths = x.values.device, x.lengths.tolist()
        rows = [step.positions(length, own) for length, own in zip(lengths, draws, strict=True)]
        positions = _stacked(rows, torch.empty(0, dtype=torch.float64, device=device))
        nearest = positions.round().long()
        below = positions.floor().long()
        above = (below + 1).clamp(max=x.values.shape[1] - 1)
        share = (positions - below)[:, :, None].to(x.values)
        values = torch.lerp(_take(x.values, below), _take(x.values, above), share)
        # Missing-value indicators are 0 or 1, so the nearest step is taken.
        masks = _take(x.values, nearest)[:, :, self.measured :]
        values = torch.cat([values[:, :, : self.measured], masks], dim=2)
        padded = Padded(values, torch.tensor([len(row) for row in rows], device=device))
        return padded._replace(values=padded.filled(0.0)), nearest.where(padded.mask(), -1)


def _stacked(rows: Sequence[Array], like: Tensor) -> Tensor:
    """Arrays of unequal length, one a sequence, as `[batch, longest, ...]` with zeros behind."""
    padded = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(row) for row in rows], True)
    return padded.to(like)


def _take(values: Tensor, steps: Tensor) -> Tensor:
    """`[batch, time, channel]` at the steps `[batch, new time]`."""
    return values.gather(1, steps[:, :, None].expand(-1, -1, values.shape[2]))
