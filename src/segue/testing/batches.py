"""Batches of odd lengths, and the ways to arrange the same sequences in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from segue.layers import Shape
from segue.padded import Padded
from segue.randomness import numpy_generator
from segue.sequences import Array

# A length of one, equal ones, and no order.
LENGTHS = (5, 1, 9, 2, 9, 3)


def make_sequences(shape: Shape, lengths: Sequence[int] = LENGTHS, seed: int = 0) -> list[Array]:
    """Draw `[time, channel]` float64 sequences, or int32 tokens, that fit the shape."""
    draws = numpy_generator(seed, "sequences")
    counts = [shape.length or length for length in lengths]
    if shape.tokens is not None:
        return [draws.integers(0, shape.tokens, (n, 1)).astype(np.int32) for n in counts]
    return [draws.normal(size=(n, shape.features)) for n in counts]


@dataclass(frozen=True)
class Arrangement:
    """One way to put the same sequences into batches.

    Attributes:
        name: what is different here, for messages.
        batches: which sequences are together, and in which order.
        padding: steps behind the longest of each batch.
        garbage: what the padding is filled with: values of about this size, or 0.
    """

    name: str
    batches: tuple[tuple[int, ...], ...]
    padding: int = 0
    garbage: float = 0.0

    def padded(self, sequences: list[Array], dtype: torch.dtype) -> Iterator[Padded]:
        """The batches, right-padded."""
        for members in self.batches:
            yield pad([sequences[i] for i in members], dtype, self.padding, self.garbage)


def arrangements(count: int, *, tokens: bool) -> list[Arrangement]:
    """The arrangements in which the answers must be those of every sequence alone."""
    everything = tuple(range(count))
    turned = everything[::-1]
    alone = tuple((i,) for i in everything)
    pairs = tuple(turned[i : i + 2] for i in range(0, count, 2))
    large = 1e9 if tokens else 1e6
    return [
        Arrangement("all in one batch", (everything,)),
        Arrangement("in batches of two in the reverse order", pairs),
        Arrangement("4 steps of zeros behind the longest", (everything,), 4),
        Arrangement(f"7 steps of values of size {large:g} behind", (turned,), 7, large),
        Arrangement(f"alone, 3 steps of values of size {large:g} behind", alone, 3, large),
        Arrangement("each twice in the batch", (everything + everything,)),
    ]


def pad(
    sequences: list[Array], dtype: torch.dtype, padding: int = 0, garbage: float = 0.0
) -> Padded:
    """Right-pad sequences to the longest of them and `padding` steps more."""
    lengths = torch.tensor([len(s) for s in sequences])
    size = (len(sequences), int(lengths.max()) + padding, sequences[0].shape[1])
    noise = numpy_generator(0, "garbage").normal(size=size) * garbage
    whole = sequences[0].dtype == np.int32
    values = torch.tensor(noise, dtype=torch.int32 if whole else dtype)
    for row, sequence in enumerate(sequences):
        values[row, : len(sequence)] = torch.tensor(sequence).to(values.dtype)
    return Padded(values, lengths)


def rows(signal: Padded | Tensor) -> list[Tensor]:
    """The answer for each sequence: `[time, feature]` of its real steps, or `[feature]`."""
    if isinstance(signal, Padded):
        lengths = signal.lengths.tolist()
        return [v[:n] for v, n in zip(signal.values, lengths, strict=True)]
    return list(signal)
