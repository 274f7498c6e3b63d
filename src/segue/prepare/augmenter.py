"""Applies the augmentations of a preparation to the batches of a training."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor

from segue.padded import Padded
from segue.prepare.augmentation import (
    Augmentation,
    Generators,
    TimeAugmentation,
    ValueAugmentation,
    stacked,
)
from segue.prepare.missing import Mask
from segue.prepare.pipeline import Preparation
from segue.prepare.steps import Array
from segue.randomness import numpy_generator


class Augmenter:
    """The augmentations of a preparation, in their order.

    Args:
        preparation: fitted.
        seed: of the draws, each a function of it, the epoch and the sequence.

    >>> import numpy as np
    >>> from segue.sequences import Sequences
    >>> preparation = Preparation.fit("crop(0.5)", Sequences.from_list([[1.0, 2.0, 3.0, 4.0]]))
    >>> x = Padded(torch.tensor([[[1.0], [2.0], [3.0], [4.0]]]), torch.tensor([4]))
    >>> cropped, origin = Augmenter(preparation, seed=0).apply(x, np.array([0]), epoch=1)
    >>> cropped.values.flatten(), origin
    (tensor([2., 3.]), tensor([[1, 2]]))
    """

    def __init__(self, preparation: Preparation, seed: int) -> None:
        self.steps = [step for step in preparation.steps if isinstance(step, Augmentation)]
        self.measured = preparation.channels_out - _mask_channels(preparation)
        self.seed = seed

    @classmethod
    def of(cls, preparation: Preparation, seed: int) -> Self | None:
        """The augmenter of a preparation; `None` where it has no augmentations."""
        return cls(preparation, seed) if preparation.augments else None

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
            place = ("augment", number, epoch)
            generators = [numpy_generator(self.seed, *place, int(i)) for i in index]
            if isinstance(step, ValueAugmentation):
                x = self._change(step, x, generators)
            elif isinstance(step, TimeAugmentation):
                x, nearest = self._move(step, x, generators)
                origin = nearest if origin is None else _follow(origin, nearest)
        return x, origin

    def _change(self, step: ValueAugmentation, x: Padded, generators: Generators) -> Padded:
        values = step.change(x._replace(values=x.values[:, :, : self.measured]), generators)
        values = torch.cat([values, x.values[:, :, self.measured :]], dim=2)
        return x._replace(values=x._replace(values=values).filled(0.0))

    def _move(
        self, step: TimeAugmentation, x: Padded, generators: Generators
    ) -> tuple[Padded, Tensor]:
        device, lengths = x.values.device, x.lengths.tolist()
        rows = [step.places(n, g) for n, g in zip(lengths, generators, strict=True)]
        places = stacked(rows, torch.empty(0, dtype=torch.float64, device=device))
        new_lengths = torch.tensor([len(row) for row in rows], device=device)
        nearest = places.round().long()
        below = places.floor().long()
        above = (below + 1).clamp(max=x.values.shape[1] - 1)
        share = (places - below)[:, :, None].to(x.values)
        values = torch.lerp(_take(x.values, below), _take(x.values, above), share)
        # What is missing is missing or not, and nothing between.
        masks = _take(x.values, nearest)[:, :, self.measured :]
        values = torch.cat([values[:, :, : self.measured], masks], dim=2)
        padded = Padded(values, new_lengths)
        return padded._replace(values=padded.filled(0.0)), nearest.where(padded.mask(), -1)


def _take(values: Tensor, steps: Tensor) -> Tensor:
    """`[batch, time, channel]` at the steps `[batch, new time]`."""
    return values.gather(1, steps[:, :, None].expand(-1, -1, values.shape[2]))


def _follow(origin: Tensor, nearest: Tensor) -> Tensor:
    """Where steps come from that have moved twice."""
    return torch.where(nearest >= 0, origin.gather(1, nearest.clamp(min=0)), -1)


def _mask_channels(preparation: Preparation) -> int:
    """The last channels, which say what is missing."""
    pairs = zip(preparation.steps, preparation.fitted, strict=True)
    return sum(len(fitted["expected"]) for step, fitted in pairs if isinstance(step, Mask))
