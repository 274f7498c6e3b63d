"""Right-padded batches as torch tensors, and their augmentation in training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from segue.data.sequences import Array
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


class Steps(NamedTuple):
    """Sequences one behind the other, as tensors of one device."""

    values: Tensor  # [total_steps, channel]
    lengths: Tensor  # [n]
    starts: Tensor  # [n]

    @classmethod
    def of(cls, values: Array, lengths: Array, device: str) -> Steps:
        """The tensors of arrays; on a processor they share its memory."""
        counts = torch.from_numpy(lengths.astype(np.int64)).to(device)
        return cls(torch.from_numpy(values).to(device), counts, counts.cumsum(0) - counts)

    def pad(self, chosen: Tensor, static: Tensor | None) -> Padded:
        """The chosen sequences as `[batch, longest of them, channel]`, zeros behind each end."""
        lengths = self.lengths[chosen]
        longest = int(lengths.max())
        time = torch.arange(longest, device=lengths.device)
        steps = self.starts[chosen][:, None] + time
        if bool((lengths == longest).all()):
            padded = self.values[steps]
        else:
            real = time < lengths[:, None]
            padded = torch.where(real[:, :, None], self.values[torch.where(real, steps, 0)], 0)
        return Padded(padded, lengths, static)


Draws = Sequence[Generator]  # one for each sequence of a batch


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
