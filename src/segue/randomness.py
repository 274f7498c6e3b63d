"""Every random draw is a pure function of a seed and a path: no hidden state, no global seeding.

The path says what the draw is for, such as `("dropout", epoch, step, "lstm_1")`. The same seed and
path give the same bits whatever was drawn before; that is what makes a stopped training resume to
the same bits. The generators are counter-based (Philox: Salmon et al., "Parallel random numbers:
as easy as 1, 2, 3", SC 2011) on the NumPy side, and freshly keyed ones on the PyTorch side.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

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


def torch_generator(
    seed: int, *path: PathPart, device: str | torch.device = "cpu"
) -> torch.Generator:
    """Return a PyTorch generator whose draws depend only on the seed and the path."""
    import torch

    generator = torch.Generator(device=device)
    generator.manual_seed(key(seed, *path))
    return generator


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
        self, shape: tuple[int, ...], rate: float, like: torch.Tensor, *path: PathPart
    ) -> torch.Tensor:
        """A dropout mask: 0 with probability `rate`, else 1 / (1 - rate)."""
        import torch

        generator = torch_generator(self.seed, self.epoch, self.step, *path, device=like.device)
        kept = torch.rand(shape, generator=generator, device=like.device) >= rate
        return kept.to(like.dtype).div_(1 - rate)
