"""Every random draw is a pure function of a seed and a path: no hidden state, no global seeding.

The path says what the draw is for, such as `("dropout", epoch, step, "lstm_1")`. The same seed and
path give the same bits whatever was drawn before; that is what makes a stopped training resume to
the same bits. The generators are counter-based (Philox: Salmon et al., "Parallel random numbers:
as easy as 1, 2, 3", SC 2011).
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

PathPart = str | int


def key(seed: int, *path: PathPart, bits: int = 64) -> int:
    """Return an integer of `bits` bits that depends on the seed and every part of the path.

    >>> key(0, "dropout", 3) == key(0, "dropout", 3)
    True
    >>> key(0, "dropout", 3) == key(0, "dropout", 4)
    False
    """
    text = "\x1f".join([str(int(seed)), *(f"{type(part).__name__[0]}{part}" for part in path)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=bits // 8).digest(), "little")


def numpy_generator(seed: int, *path: PathPart) -> np.random.Generator:
    """Return a NumPy generator whose draws depend only on the seed and the path."""
    return np.random.Generator(np.random.Philox(key=key(seed, *path, bits=128)))


@dataclass(frozen=True)
class Draws:
    """The random draws of one training step: a layer asks by its name and purpose.

    Attributes:
        seed: the training's seed.
        epoch: counted from 1.
        step: the batch within the epoch, counted from 0.
        first: the time step that the batch begins with, where it is a piece of longer sequences.
    """

    seed: int
    epoch: int = 1
    step: int = 0
    first: int = 0

    def at(self, first: int) -> Draws:
        """The draws of the piece that begins with this time step."""
        return replace(self, first=first)

    def keep_mask(
        self,
        shape: tuple[int, ...],
        rate: float,
        like: torch.Tensor,
        *path: PathPart,
        first: int = 0,
    ) -> torch.Tensor:
        """A dropout mask: 0 with probability `rate`, else 1 / (1 - rate).

        Args:
            shape: of the mask.
            rate: the share that becomes 0.
            like: its type and its device are those of the mask.
            path: of the mask among the draws.
            first: `self.first` where each piece of a sequence has a mask of its own; 0: all
                pieces have the same one.
        """
        import torch

        mask_key = key(self.seed, self.epoch, *path, bits=128)
        kept = torch.from_numpy(kept_places(shape, rate, mask_key, self.step, first))
        return kept.to(like.device).to(like.dtype).mul_(1 / (1 - rate))


def kept_places(
    shape: tuple[int, ...], rate: float, mask_key: int, step: int, first: int
) -> NDArray[np.bool_]:
    """Where dropout keeps an element: the same on every device, in every language.

    The numbers are those of Philox4x64-10 with the two halves of the key, low first; block `b` of
    four numbers of 64 bits has the counter `(1 + b, step, first, 0)`. Each is two of 32 bits, low
    half first: one for each element, in C order. Kept is where it is at least `rate` of 2**32.
    """
    size = math.prod(shape)
    counter = np.array([0, step, first, 0], np.uint64)  # NumPy counts up before each block
    numbers = np.random.Philox(key=mask_key, counter=counter).random_raw(-(-size // 2))
    least = min(round(rate * 2**32), 2**32 - 1)
    halves = numbers.astype("<u8", copy=False).view("<u4")[:size]
    return (halves >= np.uint32(least)).reshape(shape)
